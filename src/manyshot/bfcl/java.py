"""Java: every value is the text of an expression, converted by the schema's type before it is judged.

What cannot be read stays a text, which then is of the wrong type. The forms are the reference's, with its limits: items
are parted at every comma, collections within collections are not read. A collection longer than LONGEST is not read
either, so that no text makes a search slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from manyshot.bfcl import verdict as names
from manyshot.bfcl.texts import LONGEST, Language, as_it_is, boolean, fault, integer

TYPES: dict[str, type] = {
    "byte": int,
    "short": int,
    "integer": int,
    "float": float,
    "double": float,
    "long": int,
    "boolean": bool,
    "char": str,
    "Array": list,
    "ArrayList": list,
    "Set": set,
    "HashMap": dict,
    "Hashtable": dict,
    "Queue": list,
    "Stack": list,
    "String": str,
    "any": str,
}
_LONG = re.compile(r"-?\d+[lL]$")
_DOUBLE = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?$")
_FLOAT = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?[fF]$")
_ARRAY = re.compile(r"new\s+\w+\[\]\s*\{(.*?)\}")
_AS_LIST = re.compile(r"new\s+ArrayList<\w*>\(Arrays\.asList\((.+?)\)\)")
_LIST = re.compile(r"new\s+ArrayList<\w*>\(\)")
_LIST_BODY = re.compile(r"new\s+ArrayList<\w*>\(\)\s*\{\{\s*")
_ADD = re.compile(r"add\((.+?)\)")
_MAP = re.compile(r"new\s+HashMap<")
_MAP_EMPTY = re.compile(r"new\s+HashMap<.*?>\s*\(\)")
_MAP_BODY = re.compile(r">\s*\(\)\s*\{\s*\{?\s*")
_PUT = re.compile(r'put\("(.*?)",\s*+([^)\n]*+)\)')


def java_fault(schema: dict[str, Any], value: Any, allowed: Any) -> str | None:
    """The name of the error of one value, None when right."""
    return fault(_LANGUAGE, schema, value, allowed)


def convert(text: str, kind: str, items: str | None = None) -> Any:
    """A text as a value of the type `kind` (with `items` of that type), the text itself where it is none.

    Raises NotImplementedError for the collections that the reference does not read, KeyError for an unknown type,
    ValueError for whole numbers of more digits than Python reads.
    """
    if kind not in _READERS:
        TYPES[kind]  # an unknown one is a KeyError
        raise NotImplementedError(f"{kind} is not read")
    return _READERS[kind](text, items)


def _long(text: str, _items: str | None) -> int | str:
    return int(text.rstrip("\n")[:-1]) if _LONG.match(text) else text


def _float(text: str, _items: str | None) -> float | str:
    return float(text.rstrip("\n")[:-1]) if _FLOAT.match(text) else text


def _double(text: str, _items: str | None) -> float | str:
    return float(text) if _DOUBLE.match(text) else text


def _array(text: str, items: str | None) -> list[Any] | str:
    found = _ARRAY.search(text) if len(text) <= LONGEST else None
    if found is None:
        return text
    parts = (part.strip() for part in found[1].split(","))
    return [_item(part, items) for part in parts if part]


def _array_list(text: str, items: str | None) -> list[Any] | str:
    if len(text) > LONGEST:
        return text
    if found := _AS_LIST.search(text):
        return [_listed(part.strip(), items) for part in found[1].split(",")]
    if (body := _LIST_BODY.search(text)) and (end := text.find("}}", body.end() + 1)) >= 0:
        return [_listed(part.strip(), items) for part in _ADD.findall(text[body.end() : end])]
    return [] if _LIST.search(text) else text


def _hash_map(text: str, _items: str | None) -> dict[str, Any] | str:
    head = _MAP.search(text) if len(text) <= LONGEST else None
    if head is None:
        return text
    body = _MAP_BODY.search(text, head.end())
    if body and (end := text.find("}", body.end())) >= 0:
        return {key: _untyped(value.strip()) for key, value in _PUT.findall(text[body.end() : end])}
    return {} if _MAP_EMPTY.search(text) else text


def _item(part: str, items: str | None) -> Any:
    return convert(part, items) if items else _untyped(part)


def _listed(part: str, items: str | None) -> Any:
    return part[1:-1] if items in ("char", "String") else _item(part, items)


def _untyped(text: str) -> Any:
    """A value whose type only its own form tells."""
    if text in ("true", "false"):
        return text == "true"
    if text.startswith('"') and text.endswith('"'):
        return text[1:-1]
    if _LONG.match(text):
        return int(text[:-1])
    if _FLOAT.match(text):
        return float(text[:-1])
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


_READERS: dict[str, Callable[[str, str | None], Any]] = {
    "byte": integer,
    "short": integer,
    "integer": integer,
    "long": _long,
    "float": _float,
    "double": _double,
    "boolean": boolean,
    "char": as_it_is,
    "String": as_it_is,
    "any": as_it_is,
    "Array": _array,
    "ArrayList": _array_list,
    "HashMap": _hash_map,
}
_LANGUAGE = Language(TYPES, ("Array", "ArrayList"), names.TYPE_JAVA, convert)
