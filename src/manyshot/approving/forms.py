"""A call's arguments <-> the fields of a form, made from the tool's JSON Schema.

The one rule: what is shown and sent back unchanged is the same call. A value that its usual field could not hold, as a
date that is none, is shown in a field that can; whether it is right, the replay says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Literal

from manyshot.dialogue.exact import whole_json
from manyshot.types import Json, Record

Kind = Literal["text", "long", "date", "integer", "number", "boolean", "choice", "list", "object", "json"]
#: Objects within objects that get fields of their own; deeper ones are shown as JSON.
_DEPTH = 4
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_INTEGER = re.compile(r"-?\d{1,15}")
_NOTHING: Any = object()


class Sent(Record):
    """A field as the page sends it back: the keys that lead to it, and the text in it."""

    path: tuple[str, ...]
    kind: Kind
    text: str = ""


class Field(Record):
    """A field as the page shows it. `given`: the call has it; `options`: what can be chosen, as JSON."""

    path: tuple[str, ...]
    kind: Kind
    text: str = ""
    about: str = ""
    required: bool = False
    given: bool = False
    options: tuple[str, ...] = ()
    #: Of an object.
    fields: tuple[Field, ...] = ()

    @property
    def name(self) -> str:
        return self.path[-1]

    @property
    def can_be_left_out(self) -> bool:
        return not (self.required and self.given)


def fields(schema: Json, arguments: Json) -> tuple[Field, ...]:
    """The fields of a tool's parameters; those that the call has come first and in its order, as it is kept."""
    return tuple(_fields(schema, arguments, (), given=True))


def blank(schema: Json) -> tuple[Field, ...]:
    """The fields of a call that is not there yet: only what is required is to be given."""
    required = {name: _first(part) for name, part in _properties(schema).items() if name in _required(schema)}
    return fields(schema, required)


def arguments(sent: Iterable[Sent]) -> Json:
    """The arguments that these fields say. An object that holds others comes before them."""
    found: Json = {}
    for one in sent:
        here = found
        for key in one.path[:-1]:
            inner = here.setdefault(key, {})
            here = inner if isinstance(inner, dict) else {}
        here[one.path[-1]] = {} if one.kind == "object" else _read(one.kind, one.text)
    return found


def _fields(schema: Json, values: Json, path: tuple[str, ...], *, given: bool) -> Iterator[Field]:
    known = _properties(schema)
    for name in (*values, *(name for name in known if name not in values)):
        part = known.get(name, {})
        there = name in values
        value = values[name] if there else _first(part)
        kind = _kind(part, value, len(path))
        yield Field(
            path=(*path, name),
            kind=kind,
            text="" if kind == "object" else _written(kind, value),
            about=str(part.get("description", "")),
            required=name in _required(schema),
            given=given and there,
            options=tuple(_json(option) for option in part["enum"]) if kind == "choice" else (),
            fields=tuple(_fields(part, value, (*path, name), given=there)) if kind == "object" else (),
        )


def _properties(schema: Json) -> Mapping[str, Json]:
    found = schema.get("properties", {})
    return {name: part if isinstance(part, dict) else {} for name, part in found.items()}


def _required(schema: Json) -> list[str]:
    return list(schema.get("required", ()))


def _first(schema: Json) -> Any:
    """What a field begins with when it is added: the least that its kind can hold."""
    if schema.get("enum"):
        return schema["enum"][0]
    return {"boolean": False, "object": {}, "array": []}.get(str(schema.get("type")), "")


def _kind(schema: Json, value: Any, depth: int) -> Kind:
    """The most helpful field that gives the value back as it is."""
    return next(kind for kind in _usual(schema, depth) if _holds(kind, schema, value))


def _usual(schema: Json, depth: int) -> Iterator[Kind]:
    if schema.get("enum"):
        yield "choice"
    match schema.get("type", "string"):
        case "boolean":
            yield "boolean"
        case "integer":
            yield "integer"
        case "number":
            yield "number"
        case "array" if isinstance(schema.get("items"), dict) and schema["items"].get("type") == "string":
            yield "list"
        case "object" if schema.get("properties") and depth < _DEPTH:
            yield "object"
        case "string":
            yield from ("date", "text", "long") if schema.get("format") == "date" else ("text", "long")
    yield "json"


def _holds(kind: Kind, schema: Json, value: Any) -> bool:
    """Whether the value comes back from such a field as it is. "" is an empty field of any kind."""
    match kind:
        case "choice":
            return _json(value) in map(_json, schema["enum"])
        case "object":
            return isinstance(value, dict)
        case "date":
            return value == "" or (isinstance(value, str) and _is_date(value))
        case "text":
            return isinstance(value, str) and not re.search(r"[\x00-\x1f]", value)
        case "long":
            return isinstance(value, str) and not re.search(r"[\x00-\x09\x0b-\x1f]", value)
        case "boolean":
            return isinstance(value, bool)
        case "json":
            return True
    if isinstance(value, str) and value:
        return False
    again = _read(kind, _written(kind, value)) if isinstance(value, str | bool | int | float | list) else _NOTHING
    return type(again) is type(value) and _json(again) == _json(value)


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and date.fromisoformat(text) is not None
    except ValueError:
        return False


def _written(kind: Kind, value: Any) -> str:
    if kind == "list":
        return "\n".join(map(str, value)) if isinstance(value, list) else ""
    return value if isinstance(value, str) and kind not in ("choice", "json") else _json(value)


def _read(kind: Kind, text: str) -> Any:
    """The value that a field's text says; the text itself where it says none, for the replay to name it."""
    match kind:
        case "list":
            return [line.strip() for line in text.split("\n") if line.strip()]
        case "boolean":
            return {"true": True, "false": False}.get(text, text)
        case "integer":
            return int(text) if _INTEGER.fullmatch(text) else text
        case "number" | "choice" | "json":
            try:
                value = whole_json(text)
            except ValueError:
                return text
            return value if kind != "number" or isinstance(value, int | float) else text
    return text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


__all__ = ["Field", "Sent", "arguments", "blank", "fields"]
