"""A schema with $ref, allOf and several spellings of null -> one plain schema that every stage can read.

The one rule: what has none of these comes out as it went in. A schema that holds itself is opened once and then cut to
its type, so the result is finite. `true` and `false`, where a parameter or an item has them, come out as objects too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from manyshot.errors import SpecError
from manyshot.spec.schemas import MANY, NAMED, ONE
from manyshot.types import Json

if TYPE_CHECKING:
    from referencing._core import Resolver

#: Subschemas of one tool after all references are opened; more is no function that a model could call.
MAX_PARTS = 5_000


@dataclass(slots=True)
class _Walk:
    count: int = 0


def local_resolver(document: Any) -> Resolver[Any]:
    """Looks up references inside one document only; all others are not found."""
    from referencing import Registry, Resource

    registry: Any = Registry()
    resolver: Resolver[Any] = registry.with_resource("", Resource.opaque(document)).resolver("")
    return resolver


def flatten(schema: Any, resolver: Resolver[Any]) -> Any:
    """Raises SpecError when a reference leads nowhere or the schema grows without end."""
    return _flat(schema, resolver, (), _Walk())


def _flat(schema: Any, resolver: Resolver[Any], opened: tuple[int, ...], walk: _Walk) -> Any:
    walk.count += 1
    if walk.count > MAX_PARTS:
        raise SpecError(f"the schema has more than {MAX_PARTS} parts once its references are opened; make it smaller")
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return _opened(schema, resolver, opened, walk)
    out: Json = {}
    for word, value in schema.items():
        if word in ("$defs", "definitions"):
            continue
        if word == "items":
            out[word] = _object(_flat(value, resolver, opened, walk))
        elif word in ONE and isinstance(value, dict):
            out[word] = _flat(value, resolver, opened, walk)
        elif word in MANY and isinstance(value, list):
            out[word] = [_flat(part, resolver, opened, walk) for part in value]
        elif word in NAMED and isinstance(value, dict):
            out[word] = {name: _object(_flat(part, resolver, opened, walk)) for name, part in value.items()}
        else:
            out[word] = value
    if "allOf" in out:
        parts = out.pop("allOf")
        for part in parts:
            out = merge(out, part)
    return _plain_null(out)


def _object(schema: Any) -> Any:
    """`true` and `false` as the objects that mean the same."""
    return ({} if schema else {"not": {}}) if isinstance(schema, bool) else schema


def _opened(schema: Json, resolver: Resolver[Any], opened: tuple[int, ...], walk: _Walk) -> Any:
    from referencing.exceptions import Unresolvable

    try:
        found = resolver.lookup(schema["$ref"])
    except Unresolvable as error:
        raise SpecError(f'the reference "{schema["$ref"]}" leads nowhere; correct it') from error
    beside = {k: v for k, v in schema.items() if k != "$ref"}
    if id(found.contents) in opened:
        inner = found.contents if isinstance(found.contents, dict) else {}
        cut = {k: inner[k] for k in ("type", "description") if k in inner}
        words = {k: v for k, v in beside.items() if k in ("description", "nullable")}
        return _plain_null({**(cut or {"type": "object"}), **words})
    whole = _flat(found.contents, found.resolver, (*opened, id(found.contents)), walk)
    return _plain_null(merge(_flat(beside, resolver, opened, walk), whole)) if beside else whole


def merge(a: Json, b: Any) -> Json:
    """One schema that asks for both; the words (title, description, default) of `a` go first.

    `additionalProperties: false` of either holds for the properties of both together: taken to the letter it would
    forbid what the other part declares, and no author means that.
    """
    if not isinstance(b, dict):
        return a if b is True else {**a, "not": {}}
    out = dict(a)
    for word, theirs in b.items():
        if word not in out:
            out[word] = theirs
        elif out[word] != theirs:
            _join(out, word, out[word], theirs)
    return out


def _join(out: Json, word: str, ours: Any, theirs: Any) -> None:
    if word in ("properties", "patternProperties"):
        out[word] = {**ours, **{n: merge(ours[n], s) if n in ours else s for n, s in theirs.items()}}
    elif word == "required":
        out[word] = list(dict.fromkeys([*ours, *theirs]))
    elif word in ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"):
        out[word] = max(ours, theirs)
    elif word in ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"):
        out[word] = min(ours, theirs)
    elif word == "enum":
        out[word] = [v for v in ours if v in theirs]
    elif word == "type":
        out[word] = _common(ours, theirs)
    elif word == "pattern":
        out[word] = f"(?=.*(?:{ours}))(?=.*(?:{theirs}))" if "^" not in ours + theirs else f"(?={ours})(?={theirs})"
    elif word == "additionalProperties":
        out[word] = False if False in (ours, theirs) else ours
    elif word == "items" and isinstance(ours, dict) and isinstance(theirs, dict):
        out[word] = merge(ours, theirs)
    elif word in ("title", "description", "default", "examples", "example", "format", "nullable"):
        pass  # words: those nearest to the use win
    else:
        out["allOf"] = [*out.get("allOf", []), {word: theirs}]


def _common(ours: Any, theirs: Any) -> Any:
    a, b = ([t] if isinstance(t, str) else list(t) for t in (ours, theirs))
    both = [t for t in a if t in b or (t == "integer" and "number" in b)]
    both += [t for t in b if t == "integer" and "number" in a and t not in both]
    if not both:
        raise SpecError(f"allOf asks for {ours} and {theirs} at once; no value is both, correct one of them")
    return both[0] if len(both) == 1 else both


def _plain_null(schema: Json) -> Json:
    """`nullable: true` (OpenAPI 3.0) and one alternative beside null become a type list, as JSON Schema writes it."""
    if "nullable" in schema:
        out = {k: v for k, v in schema.items() if k != "nullable"}
        return _with_null(out) if schema["nullable"] is True else out
    for word in ("anyOf", "oneOf"):
        parts = schema.get(word)
        if not isinstance(parts, list) or len(parts) != 2 or not any(_is_null(p) for p in parts):
            continue
        other = next((p for p in parts if not _is_null(p)), None)
        if isinstance(other, dict) and "type" in other and "const" not in other:
            rest = {k: v for k, v in schema.items() if k != word}
            return _with_null(merge(rest, other)) if "type" not in rest else schema
    return schema


def _is_null(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "null"


def _with_null(schema: Json) -> Json:
    if "type" not in schema:
        return schema
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    out = {**schema, "type": [*kinds, *(() if "null" in kinds else ("null",))]}
    if "enum" in out and None not in out["enum"]:
        out["enum"] = [*out["enum"], None]
    return out
