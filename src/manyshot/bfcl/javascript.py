"""JavaScript: every value is the text of an expression, converted by the schema's type before it is judged.

What cannot be read stays a text, which then is of the wrong type. The forms are the reference's, with its limits: items
are parted at every comma, arrays at most two deep, objects without objects inside and on one line. A collection longer
than LONGEST is not read, so that no text makes a search slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from manyshot.bfcl import verdict as names
from manyshot.bfcl.texts import LONGEST, Language, as_it_is, boolean, fault, integer

TYPES: dict[str, type] = {
    "String": str,
    "integer": int,
    "float": float,
    "Bigint": int,
    "Boolean": bool,
    "dict": dict,
    "array": list,
    "any": str,
}
_FLOAT = re.compile(r"-?\d+(\.\d+)?$")
_BIGINT = re.compile(r"-?\d+n$")
_SPACE = re.compile(r"\s*")
_TABLE_HEAD = re.compile(r"\[\s*\[|(new\s+Array\()\s*\[")
_ROW = re.compile(r"\[(.*?)\]")
_ARRAY = re.compile(r"\[(.*?)\]|new\s+Array\((.*?)\)")
_OBJECT = re.compile(r"\{(.*?)\}")
_PAIR = re.compile(r"([^:]++):\s*+(.*?)(?:,\s*(?=[^,]+:)|$)")


def javascript_fault(schema: dict[str, Any], value: Any, allowed: Any) -> str | None:
    """The name of the error of one value, None when right."""
    return fault(_LANGUAGE, schema, value, allowed)


def convert(text: str, kind: str, items: str | None = None) -> Any:
    """A text as a value of the type `kind` (with `items` of that type), the text itself where it is none.

    Raises KeyError for an unknown type, ValueError for whole numbers of more digits than Python reads.
    """
    return _READERS[kind](text, items)


def _string(text: str, _items: str | None) -> str:
    return text[1:-1] if _quoted(text) else text


def _float(text: str, _items: str | None) -> float | str:
    return float(text) if _FLOAT.match(text) else text


def _bigint(text: str, _items: str | None) -> int | str:
    return int(text[:-1]) if _BIGINT.match(text) else text


def _array(text: str, items: str | None) -> list[Any] | str:
    text = text.strip()
    if len(text) > LONGEST:
        return text
    try:
        if (end := _table_end(text)) is not None:
            rows = [row.strip() for row in _ROW.findall(text[:end])]
            rows[0] = rows[0].removeprefix("[")  # the outer one
            return [[_untyped(part) for part in row.split(",")] for row in rows]
        found = _ARRAY.match(text)
        if found is None:
            return text
        inside = (found[1] if found[1] is not None else found[2]).strip()
        return [_item(part.strip(), items) for part in inside.split(",")] if inside else []
    except (ValueError, KeyError):
        return text


def _item(part: str, items: str | None) -> Any:
    if items is None:
        return _untyped(part)
    return convert(part, items, "String" if part.startswith(("'", '"')) else None)


def _object(text: str, _items: str | None) -> dict[str, Any] | str:
    text = text.strip()
    found = _OBJECT.match(text) if len(text) <= LONGEST else None
    if found is None:
        return text
    return {key.strip().strip("'\""): _member(value.strip()) for key, value in _PAIR.findall(found[1])}


def _member(text: str) -> Any:
    if text.startswith("[") and text.endswith("]"):
        return _array(text, None)
    if text.startswith("{") and text.endswith("}"):
        return _object(text, None)
    return _untyped(text.strip("'\""))


def _quoted(text: str) -> bool:
    return any(text.startswith(quote) and text.endswith(quote) for quote in "\"'")


def _untyped(text: str) -> Any:
    """A value whose type only its own form tells."""
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    if _quoted(text):
        return text[1:-1]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _table_end(text: str) -> int | None:
    """Where the array of arrays ends that stands at the beginning of the text; None where there is none.

    A row ends at the first "]" behind which the rest can be read, and as many rows as possible are taken. Going from
    the end of the text to its beginning settles that for every "]" in one pass; backtracking could take for ever.
    """
    head = _TABLE_HEAD.match(text)
    if head is None:
        return None
    closing = ")" if head[1] else "]"
    ends: list[int | None] = [None] * (len(text) + 1)  # of the table, for a row that is read from that place on
    for place in range(len(text) - 1, head.end() - 1, -1):
        end = _after_row(text, place + 1, closing, ends) if text[place] == "]" else None
        if end is None and text[place] != "\n":
            end = ends[place + 1]
        ends[place] = end
    return ends[head.end()] if head.end() < len(text) else None


def _after_row(text: str, place: int, closing: str, ends: list[int | None]) -> int | None:
    place = _skip(text, place)
    if text.startswith(",", place):
        row = _skip(text, place + 1)
        return ends[row + 1] if text.startswith("[", row) else None
    return place + 1 if text.startswith(closing, place) else None


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


_READERS: dict[str, Callable[[str, str | None], Any]] = {
    "String": _string,
    "integer": integer,
    "float": _float,
    "Bigint": _bigint,
    "Boolean": boolean,
    "dict": _object,
    "array": _array,
    "any": as_it_is,
}
_LANGUAGE = Language(TYPES, ("array",), names.TYPE_JAVASCRIPT, convert)
