"""JSON Schema: is it one, and does a value fit it. Messages name the place and say what to do.

The one rule: a date-time may lack its offset and its seconds, since that is how people and APIs here write it; all else
is Draft 2020-12 as jsonschema checks it.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from manyshot.spec.documents import Key
from manyshot.spec.faults import kind, near, show
from manyshot.types import Json

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import ValidationError

Path = tuple[Key, ...]
TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_SLIPS = {
    "int": "integer", "long": "integer", "str": "string", "text": "string", "float": "number", "double": "number",
    "decimal": "number", "bool": "boolean", "list": "array", "tuple": "array", "dict": "object", "map": "object",
    "none": "null", "date": "string", "datetime": "string",
}  # fmt: skip
#: Keywords whose value is a schema, a list of schemas, or a mapping of names to schemas.
ONE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_OTHER = (
    "type", "enum", "const", "title", "description", "default", "examples", "example", "format", "pattern", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems",
    "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties", "required", "dependentRequired",
    "nullable", "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "contentSchema", "strict",
    "unevaluatedItems", "unevaluatedProperties", "discriminator", "xml", "externalDocs",
)  # fmt: skip
KEYWORDS = (*_OTHER, *ONE, *MANY, *NAMED)
_BOUNDS = (
    ("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties"),
)  # fmt: skip

_DATE = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:?\d{2})?"


def _dated(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text[:10]))
    except ValueError:
        return False


def _parses(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


_FORMATS: dict[str, tuple[Callable[[str], bool], str]] = {
    "date": (lambda s: bool(re.fullmatch(_DATE, s)) and _dated(s), "a date as 2024-10-11"),
    "time": (lambda s: bool(re.fullmatch(_CLOCK, s)), "a time as 14:30"),
    "date-time": (
        lambda s: bool(re.fullmatch(f"{_DATE}[Tt ]{_CLOCK}", s)) and _dated(s),
        "a date and time as 2024-10-11T14:30:00",
    ),
    "email": (lambda s: bool(re.fullmatch(r"[^@\s]+@[^@\s]+", s)), "an email address"),
    "uuid": (lambda s: _parses(uuid.UUID, s), "a UUID"),
    "ipv4": (lambda s: _parses(ipaddress.IPv4Address, s), "an IPv4 address"),
    "ipv6": (lambda s: _parses(ipaddress.IPv6Address, s), "an IPv6 address"),
}


@cache
def format_checker() -> FormatChecker:
    """Checks the formats of `_FORMATS` and lets all others pass."""
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())
    for name, (fits, _) in _FORMATS.items():
        checker.checks(name)(lambda value, fits=fits: not isinstance(value, str) or fits(value))
    return checker


def validator(schema: Json) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema, format_checker=format_checker())


def fits(schema: Json, value: Any) -> bool:
    return validator(schema).is_valid(value)


def breaks(schema: Json, value: Any) -> list[str]:
    """Why a value does not fit, one message a place, each beginning with the dotted name of the parameter."""
    from jsonschema.exceptions import relevance

    errors = list(validator(schema).iter_errors(value))
    errors.sort(key=lambda e: ([str(p) for p in e.absolute_path], relevance(e)))
    return list(dict.fromkeys(_explain(e) for e in errors))


def dotted(path: Any) -> str:
    """("items", 0, "name") as items[0].name."""
    out = ""
    for key in path:
        out += f"[{key}]" if isinstance(key, int) else f".{key}" if out else str(key)
    return out


def _explain(error: ValidationError) -> str:
    where = dotted(error.absolute_path)
    prefix = f'"{where}": ' if where else ""
    wanted: Any = error.validator_value
    there, rule = error.instance, str(error.validator)
    if rule in ("anyOf", "oneOf") and error.context:
        inner = min(error.context, key=lambda e: (e.validator == "type", -len(e.absolute_path)))
        return f"{prefix}{show(there)} fits none of the {len(wanted)} alternatives; nearest: {_explain(inner)}"
    if rule == "required":
        missing = [n for n in wanted if isinstance(there, dict) and n not in there]
        names = ", ".join(f'"{dotted([*error.absolute_path, n])}"' for n in missing)
        return f"{names} is required and missing; add it"
    if rule == "additionalProperties" and isinstance(there, dict) and isinstance(error.schema, dict):
        known = list(error.schema.get("properties", {}))
        extra = [n for n in there if n not in known]
        return "; ".join(f'unknown parameter "{dotted([*error.absolute_path, n])}", {near(n, known)}' for n in extra)
    return f"{prefix}wanted {_wanted(rule, wanted, error.message)}, was {show(there)}{_was(rule, there, wanted)}"


def _was(rule: str, there: Any, wanted: Any) -> str:
    if rule == "type":
        quotes = wanted == "string" and not isinstance(there, dict | list)
        return f" ({kind(there)})" + ("; put it into quotes" if quotes else "")
    return f"; {near(there, map(str, wanted))}" if rule == "enum" and isinstance(there, str) else ""


def _wanted(rule: str, wanted: Any, message: str) -> str:
    words = {
        "pattern": "text that matches {}", "minimum": "at least {}", "maximum": "at most {}",
        "exclusiveMinimum": "more than {}", "exclusiveMaximum": "less than {}", "multipleOf": "a multiple of {}",
        "minLength": "at least {} characters", "maxLength": "at most {} characters", "minItems": "at least {} items",
        "maxItems": "at most {} items",
    }  # fmt: skip
    if rule == "type":
        return " or ".join(wanted) if isinstance(wanted, list) else str(wanted)
    if rule == "enum":
        return f"one of {show(wanted, 100)}"
    if rule == "const":
        return show(wanted)
    if rule == "format":
        return _FORMATS[wanted][1] if wanted in _FORMATS else f"the format {wanted}"
    return words[rule].format(wanted) if rule in words else f"what {rule} says ({message[:120]})"


# -- is it a schema ----------------------------------------------------------------------------------------------------


def walk(schema: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every subschema with its path, the schema itself first."""
    yield path, schema
    if not isinstance(schema, dict):
        return
    for word in ONE:
        if word in schema:
            yield from walk(schema[word], (*path, word))
    for word in MANY:
        if isinstance(schema.get(word), list):
            for i, part in enumerate(schema[word]):
                yield from walk(part, (*path, word, i))
    for word in NAMED:
        if isinstance(schema.get(word), dict):
            for name, part in schema[word].items():
                yield from walk(part, (*path, word, name))


def check_schema(schema: Any) -> Iterator[tuple[Path, str]]:
    """(path, message) for every fault of a schema; nothing when it is sound."""
    from jsonschema import Draft202012Validator

    said: set[Path] = set()
    for path, part in walk(schema):
        for inner, message in _slips(part):
            said.add((*path, *inner))
            yield (*path, *inner), message
    for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema):
        path = tuple(error.absolute_path)
        if path not in said:
            said.add(path)
            yield path, f"no JSON Schema: {_explain(error)}"


def _slips(part: Any) -> Iterator[tuple[Path, str]]:
    """Faults that are commonly made, said in plain words; only those of this one subschema."""
    if not isinstance(part, dict):
        if not isinstance(part, bool):
            yield (), f"wanted a JSON Schema object, found {kind(part)} {show(part)}"
        return
    yield from _type_slips(part)
    yield from _required_slips(part)
    if "enum" in part and (not isinstance(part["enum"], list) or not part["enum"]):
        yield ("enum",), f"wanted a list of at least one value in enum, found {show(part['enum'])}"
    if isinstance(pattern := part.get("pattern"), str):
        try:
            re.compile(pattern)
        except re.error as error:
            yield ("pattern",), f"the pattern {show(pattern)} does not compile: {error}; correct the regular expression"
    for low, high in _BOUNDS:
        if _number(part.get(low)) and _number(part.get(high)) and part[low] > part[high]:
            yield (low,), f"{low} {part[low]} is above {high} {part[high]}: no value fits; swap or correct them"
    for word in ("example", "examples"):
        if word == "examples" and word in part and not isinstance(part[word], list):
            yield (word,), f"wanted a list in examples, found {show(part[word])}; write [{show(part[word])}]"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _type_slips(part: Json) -> Iterator[tuple[Path, str]]:
    if "type" not in part:
        return
    given = part["type"]
    names = given if isinstance(given, list) and given else [given]
    for name in names:
        if not isinstance(name, str) or name not in TYPES:
            slip = _SLIPS.get(str(name).lower())
            advice = f'did you mean "{slip}"?' if slip else near(str(name), TYPES)
            yield ("type",), f"unknown type {show(name)}; {advice}"


def _required_slips(part: Json) -> Iterator[tuple[Path, str]]:
    if "required" not in part:
        return
    required: Any = part["required"]
    properties: Any = part.get("properties")
    if not isinstance(required, list) or not all(isinstance(n, str) for n in required):
        yield (
            ("required",),
            (
                f"wanted a list of names in required, found {show(required)}; "
                "name the parameter in the required list of the object around it"
            ),
        )
        return
    # A branch of anyOf or if may require what the object around it declares: only a part with properties is judged.
    declared: list[str] = list(properties) if isinstance(properties, dict) else required
    for name in required:
        if name not in declared:
            yield ("required",), f'required names "{name}", which is not among the properties; {near(name, declared)}'


def suspect(schema: Any) -> Iterator[tuple[Path, str]]:
    """Hints: keywords that look misspelled, and defaults and examples that their own schema refuses."""
    import difflib

    for path, part in walk(schema):
        if not isinstance(part, dict):
            continue
        for word in part:
            if word in KEYWORDS or word.startswith(("$", "x-")):
                continue
            if close := difflib.get_close_matches(word, KEYWORDS, n=1, cutoff=0.75):
                yield (*path, word), f'"{word}" is no keyword of JSON Schema; did you mean "{close[0]}"?'
        bare = {k: v for k, v in part.items() if k not in ("default", "examples", "$defs")}
        if "$ref" in str(bare):
            continue
        samples = part.get("examples")
        values = [part["default"]] if "default" in part else []
        for value in [*values, *(samples if isinstance(samples, list) else [])]:
            if not fits(bare, value):
                yield path, f"{show(value)}, given as a default or example, does not fit its own schema"
