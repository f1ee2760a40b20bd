"""One operation of an API description -> one Tool.

The one rule: every parameter of the Tool remembers where it goes in the request, so a call can be sent later.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from manyshot.errors import SpecError
from manyshot.spec.faults import show
from manyshot.spec.flatten import flatten
from manyshot.spec.schemas import check_schema
from manyshot.spec.tools import name_problem
from manyshot.types import Json, Tool

if TYPE_CHECKING:
    from referencing._core import Resolver

Place = Literal["path", "query", "body", "form", "whole"]
#: Media types that a body is taken from, in this order.
_MEDIA = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
_DROPPED = ("xml", "discriminator", "externalDocs", "writeOnly", "readOnly", "deprecated")


@dataclass(frozen=True, slots=True)
class Operation:
    """A Tool and how it is sent: `places` maps each parameter to where it goes and its name there.

    Places: path, query, body (a property of the JSON body), form, whole (it is the body).
    """

    tool: Tool
    method: str
    path: str
    places: dict[str, tuple[Place, str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Draft:
    """Parameters as they are gathered."""

    properties: Json = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    places: dict[str, tuple[Place, str]] = field(default_factory=dict)
    hints: list[str] = field(default_factory=list)

    def add(self, name: str, place: Place, schema: Json, needed: bool) -> None:
        """A name that is taken gets its place in front: body_id beside the id of the path."""
        key = name
        if key in self.properties:
            key = f"{place}_{name}"
            if key in self.properties:
                raise SpecError(f'the parameter "{name}" stands several times in {place}; rename one')
            self.hints.append(f'"{name}" stands in {self.places[name][0]} and {place}; the latter is called "{key}"')
        self.properties[key] = _untitled(name, schema)
        self.places[key] = (place, name)
        if needed:
            self.required.append(key)


def build(
    method: str, path: str, item: Json, old: bool, resolver: Resolver[Any], taken: Set[str]
) -> tuple[Operation, list[str]]:
    """The operation `item[method]` of a path, and hints. `old`: Swagger 2.0. SpecError when no function can be made."""
    operation = item[method]
    draft = _Draft()
    rows: dict[tuple[str, str], tuple[Json, Resolver[Any]]] = {}
    for given in [*item.get("parameters", ()), *operation.get("parameters", ())]:
        row, there = follow(given, resolver)
        rows[(str(row.get("name")), str(row.get("in")))] = row, there
    # Path first, then query: a name that clashes is then renamed where it is least telling.
    order = {"path": 0, "query": 1}
    for row, there in sorted(rows.values(), key=lambda r: order.get(r[0].get("in", ""), 2)):
        _add_row(draft, row, old, there)
    if not old and "requestBody" in operation:
        _add_body(draft, *follow(operation["requestBody"], resolver))
    tool = Tool(
        name=_name(operation.get("operationId"), method, path, taken),
        description=_description(item, operation),
        parameters=_object(draft),
    )
    for place, message in check_schema(tool.parameters):
        raise SpecError(f"{'/'.join(map(str, place))}: {message}")
    return Operation(tool, method.upper(), path, draft.places), draft.hints


def _object(draft: _Draft) -> Json:
    out: Json = {"type": "object", "properties": draft.properties}
    if draft.required:
        out["required"] = draft.required
    return {**out, "additionalProperties": False}


def follow(row: Any, resolver: Resolver[Any]) -> tuple[Json, Resolver[Any]]:
    """A part with its references followed (what stands beside them is kept), and the resolver of where it stands."""
    for _ in range(20):
        if not (isinstance(row, dict) and isinstance(row.get("$ref"), str)):
            break
        found = resolver.lookup(row["$ref"])
        beside = {k: v for k, v in row.items() if k != "$ref"}
        row = {**found.contents, **beside} if isinstance(found.contents, dict) else found.contents
        resolver = found.resolver
    return (row if isinstance(row, dict) else {}), resolver


def _name(given: Any, method: str, path: str, taken: Set[str]) -> str:
    """operationId as an identifier, else method and path: GET /tickets/{id} is get_tickets_id."""
    name = _identifier(given) if isinstance(given, str) else ""
    name = name or _identifier(re.sub(r"[^A-Za-z0-9]+", "_", f"{method}_{path}")) or method
    if name_problem(name):
        name = f"call_{name}"[:64]
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name[:60]}_{number}", number + 1
    return unique


def _identifier(text: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("_.-")[:64]
    return f"op_{name}"[:64] if name[:1].isdigit() else name


def _description(item: Json, operation: Json) -> str:
    """Summary, then description, without saying the same twice."""
    parts = [str(operation.get(k) or "").strip() for k in ("summary", "description")]
    if not any(parts):
        parts = [str(item.get(k) or "").strip() for k in ("summary", "description")]
    summary, text = (" ".join(p.split()) for p in parts)
    if not summary or not text or summary.rstrip(".。") in text:
        return text or summary
    stop = "" if summary[-1] in ".。!?！？" else "." if summary.isascii() else "。"
    return f"{summary}{stop}{' ' if summary.isascii() else ''}{text}"


# -- parameters --------------------------------------------------------------------------------------------------------


def _add_row(draft: _Draft, row: Json, old: bool, resolver: Resolver[Any]) -> None:
    name, place, needed = row.get("name"), row.get("in"), row.get("required") is True
    if not isinstance(name, str):
        raise SpecError(f"a parameter has no name: {show(row)}")
    if place in ("header", "cookie"):
        draft.hints.append(f'the {place} "{name}" is left out; bind it where the tool is registered')
    elif place == "body":
        _add_content(draft, row.get("schema", {}), row, name, "body", resolver)
    elif place == "querystring":
        draft.hints.append(f'the query string "{name}" as a whole is left out')
    elif place in ("path", "query", "formData"):
        where: Place = "form" if place == "formData" else "path" if place == "path" else "query"
        draft.add(name, where, _with_words(_row_schema(row, old, resolver), row), needed or place == "path")


def _row_schema(row: Json, old: bool, resolver: Resolver[Any]) -> Json:
    if old:
        words = ("name", "in", "required", "description", "collectionFormat", "allowEmptyValue", "allowReserved")
        return clean({k: v for k, v in row.items() if k not in words}, resolver)
    if "schema" in row:
        return clean(row["schema"], resolver)
    media: Any = next(iter((row.get("content") or {}).values()), {})
    return clean(media.get("schema", {}), resolver) if isinstance(media, dict) else {}


def _with_words(schema: Json, row: Json) -> Json:
    """The description of the parameter itself goes before its type's; its example becomes an example of the schema."""
    out = dict(schema)
    if isinstance(row.get("description"), str):
        out["description"] = row["description"]
    if "example" in row and "examples" not in out:
        out["examples"] = [row["example"]]
    return out


def _add_body(draft: _Draft, body: Json, resolver: Resolver[Any]) -> None:
    content = body.get("content") or {}
    media = next((m for m in _MEDIA if m in content), None) or next((m for m in content if "json" in m), None)
    if media is None:
        if content:
            draft.hints.append(f"the body of {', '.join(content)} is left out; only JSON and forms become parameters")
        return
    schema = content[media].get("schema", {}) if isinstance(content[media], dict) else {}
    _add_content(draft, schema, body, "body", "body" if "json" in media else "form", resolver)


def _add_content(draft: _Draft, raw: Any, body: Json, name: str, place: Place, resolver: Resolver[Any]) -> None:
    """An object's properties one by one; anything else as one parameter.

    A body without `required` counts as required when it has required properties: the standard's default is false, and
    hardly any author means it.
    """
    schema = clean(raw, resolver)
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not properties or "oneOf" in schema or "anyOf" in schema:
        if schema and schema != {"type": "object"}:
            draft.add(name, "whole", _with_words(schema, body), body.get("required") is True)
        return
    for key, inner in properties.items():
        draft.add(key, place, inner, key in schema.get("required", ()) and body.get("required") is not False)


# -- schemas -----------------------------------------------------------------------------------------------------------


def clean(raw: Any, resolver: Resolver[Any]) -> Json:
    """A schema of a description as plain Draft 2020-12, without what only documents or only answers need."""
    out = _clean(flatten(raw, resolver))
    return out if isinstance(out, dict) else {}


def _clean(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    out: Json = {}
    for word, value in schema.items():
        if word in _DROPPED or word.startswith("x-"):
            continue
        if word == "properties" and isinstance(value, dict):
            out[word] = {n: _untitled(n, _clean(s)) for n, s in value.items() if not _only_read(s)}
        elif word in ("items", "additionalProperties", "not"):
            out[word] = _clean(value)
        elif word in ("anyOf", "oneOf", "allOf") and isinstance(value, list):
            out[word] = [_clean(s) for s in value]
        elif word == "example":
            out.setdefault("examples", [value])
        else:
            out[word] = value
    if "required" in out and "properties" in out:
        dropped = set(schema.get("properties", {})) - set(out["properties"])
        out["required"] = [n for n in out["required"] if n not in dropped]
    return _new_bounds(_file_as_text(out))


def _untitled(name: str, schema: Any) -> Any:
    """Without a title that only repeats the name, as FastAPI writes one for every field."""
    if not isinstance(schema, dict) or _letters(str(schema.get("title"))) != _letters(name):
        return schema
    return {word: value for word, value in schema.items() if word != "title"}


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text).lower()


def _only_read(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("readOnly") is True


def _file_as_text(schema: Json) -> Json:
    return {**schema, "type": "string"} if schema.get("type") == "file" else schema


def _new_bounds(schema: Json) -> Json:
    """exclusiveMinimum: true beside minimum (OpenAPI 3.0 and before) -> exclusiveMinimum: number."""
    out = dict(schema)
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(out.get(exclusive), bool) and out.pop(exclusive) and bound in out:
            out[exclusive] = out.pop(bound)
    return out
