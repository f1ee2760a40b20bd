"""What is wrong with arguments under their JSON Schema (Draft 2020-12): the first fault, as jsonschema would name it.

One rule: jsonschema decides. The keywords that tools mostly use are walked here, in its order and with its meaning, for
values as JSON has them, and faster; any other keyword, and what only it can settle, is left to it. Tests hold both
together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, FormatChecker

from manyshot.types import Json

#: Formats that jsonschema checks without further packages, so that a verdict does not depend on what is installed.
FORMATS = ("date", "email", "ipv4", "ipv6", "uuid")
_CHECKER = FormatChecker(formats=FORMATS)
#: Keywords that can be failed; jsonschema passes over any other.
_CAN_FAIL = frozenset(Draft202012Validator.VALIDATORS)
#: Those beside what `_surely_fits` looks at.
_MORE = _CAN_FAIL - {"type", "enum", "items"}


class Misfit(NamedTuple):
    """One fault: where it is, the keyword that failed, and what the keyword wanted."""

    path: tuple[str | int, ...]
    keyword: str
    wanted: Any
    got: Any


class _Unsure(Exception):
    """Not an error: jsonschema is to be asked."""


def misfit(arguments: Json, schema: Json, *, judged_before: frozenset[str] = frozenset()) -> Misfit | None:
    """The first fault, None when the arguments fit.

    Args:
        arguments: the arguments of a call.
        schema: the tool's parameters.
        judged_before: keywords whose faults of the arguments as a whole are passed over.

    Raises:
        ArithmeticError, ValueError, RecursionError: what cannot be checked, as NaN under multipleOf.
    """
    try:
        if type(arguments) is dict and schema.get("type") == "object" and _beyond(judged_before).isdisjoint(schema):
            properties = schema.get("properties", {})
            if arguments.keys() <= properties.keys():
                return _first_of_properties(arguments, properties)
        return _first(arguments, schema, judged_before)
    except _Unsure:
        pass
    for error in Draft202012Validator(schema, format_checker=_CHECKER).iter_errors(arguments):
        if error.absolute_path or error.validator not in judged_before:
            path = tuple(error.absolute_path)
            return Misfit(path, str(error.validator), error.validator_value, error.instance)
    return None


@cache
def _beyond(judged_before: frozenset[str]) -> frozenset[str]:
    """Keywords of the arguments as a whole that plain sight does not cover."""
    return _CAN_FAIL - {"type", "properties"} - judged_before


def _surely_fits(value: Any, schema: Any) -> bool:
    """Whether plain sight is enough: most parameters have a type, perhaps a choice of texts, or a list of such."""
    if type(schema) is not dict:
        return False
    kind = schema.get("type")
    if type(kind) is not str or _TYPES.get(kind) is not type(value) or not _MORE.isdisjoint(schema):
        return False
    if "enum" in schema and not (kind == "string" and value in schema["enum"]):
        return False
    if type(value) is list and "items" in schema:
        for one in value:
            if not _surely_fits(one, schema["items"]):
                return False
    return True


def _first(value: Any, schema: Any, passed_over: frozenset[str] = frozenset()) -> Misfit | None:
    if type(schema) is not dict or "prefixItems" in schema:
        raise _Unsure
    for keyword, rule in schema.items():
        holds = _HOLDS.get(keyword)
        if holds is not None:
            if not holds(value, rule) and keyword not in passed_over:
                return Misfit((), keyword, rule, value)
        elif keyword not in _CAN_FAIL:
            continue
        elif keyword in _INSIDE:
            found = _INSIDE[keyword](value, rule)
            if found is not None:
                return found
        elif keyword == "additionalProperties":
            if not _closed_fits(value, rule, schema) and keyword not in passed_over:
                return Misfit((), keyword, rule, value)
        else:
            raise _Unsure
    return None


def _first_of_properties(value: Any, rule: Json) -> Misfit | None:
    if isinstance(value, dict):
        for name, schema in rule.items():
            if name in value and not _surely_fits(value[name], schema):
                found = _first(value[name], schema)
                if found is not None:
                    return Misfit((name, *found.path), found.keyword, found.wanted, found.got)
    return None


def _first_of_items(value: Any, rule: Any) -> Misfit | None:
    if isinstance(value, list):
        for place, item in enumerate(value):
            found = _first(item, rule)
            if found is not None:
                return Misfit((place, *found.path), found.keyword, found.wanted, found.got)
    return None


def _closed_fits(value: Any, rule: Any, schema: Json) -> bool:
    if rule is True or not isinstance(value, dict):
        return True
    if rule is not False or "patternProperties" in schema:
        raise _Unsure
    return bool(value.keys() <= schema.get("properties", {}).keys())


def _type(value: Any, rule: Any) -> bool:
    if not isinstance(rule, str):
        return any(_type(value, one) for one in rule)
    if rule not in _TYPES:
        raise _Unsure
    if type(value) is _TYPES[rule]:
        return True
    return (rule == "integer" and isinstance(value, float) and value.is_integer()) or (
        rule == "number" and _number(value)
    )


def _enum(value: Any, rule: Any) -> bool:
    if isinstance(value, str):
        return bool(value in rule)
    if all(isinstance(one, str) for one in rule):
        return False
    if isinstance(value, dict | list) or value != value:  # NaN
        raise _Unsure
    return any(one == value and isinstance(one, bool) == isinstance(value, bool) for one in rule)


def _required(value: Any, rule: Any) -> bool:
    return not isinstance(value, dict) or all(name in value for name in rule)


def _format(value: Any, rule: Any) -> bool:
    if rule in FORMATS and isinstance(value, str):
        return bool(_CHECKER.conforms(value, rule))
    return True


def _number(value: Any) -> bool:
    return type(value) is int or type(value) is float


#: The Python type of nearly all values of a type; 1.0 is an integer too, and 1 a number.
_TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
_INSIDE: dict[str, Callable[[Any, Any], Misfit | None]] = {
    "properties": _first_of_properties,
    "items": _first_of_items,
}
_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "type": _type,
    "enum": _enum,
    "required": _required,
    "format": _format,
    "pattern": lambda v, rule: not isinstance(v, str) or re.search(rule, v) is not None,
    "minLength": lambda v, rule: not isinstance(v, str) or len(v) >= rule,
    "maxLength": lambda v, rule: not isinstance(v, str) or len(v) <= rule,
    "minItems": lambda v, rule: not isinstance(v, list) or len(v) >= rule,
    "maxItems": lambda v, rule: not isinstance(v, list) or len(v) <= rule,
    "minimum": lambda v, rule: not (_number(v) and v < rule),
    "maximum": lambda v, rule: not (_number(v) and v > rule),
    "exclusiveMinimum": lambda v, rule: not (_number(v) and v <= rule),
    "exclusiveMaximum": lambda v, rule: not (_number(v) and v >= rule),
}
