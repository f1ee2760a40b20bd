"""The quick walk and jsonschema say the same, first fault for first fault."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from manyshot.schema_fit import FORMATS, misfit
from manyshot.types import Json

CHECKER = FormatChecker(formats=FORMATS)
JUDGED = frozenset({"required", "additionalProperties"})
NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 2.0, math.nan, math.inf])
    | st.sampled_from(["", "a", "abc", "2024-02-30", "2024-02-28", "x@y.z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
TYPE_NAMES = st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null"])
KEYWORDS: dict[str, st.SearchStrategy[Any]] = {
    "type": TYPE_NAMES | st.lists(TYPE_NAMES, min_size=1, max_size=2, unique=True),
    "enum": st.lists(VALUES, min_size=1, max_size=3),
    "const": VALUES,
    "minimum": st.integers(-2, 2),
    "maximum": st.integers(-2, 2),
    "exclusiveMinimum": st.integers(-2, 2),
    "exclusiveMaximum": st.integers(-2, 2),
    "minLength": st.integers(0, 2),
    "maxLength": st.integers(0, 2),
    "minItems": st.integers(0, 2),
    "maxItems": st.integers(0, 2),
    "uniqueItems": st.booleans(),
    "pattern": st.sampled_from(["^a", "b$", "."]),
    "format": st.sampled_from(["date", "email", "uri", "nonsense"]),
    "required": st.lists(NAMES, max_size=2, unique=True),
    "description": st.just("words"),
    "nonsense": VALUES,
}


def schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    nested = {
        "properties": st.dictionaries(NAMES, inner, max_size=3),
        "items": inner | st.booleans(),
        "prefixItems": st.lists(inner, min_size=1, max_size=2),
        "additionalProperties": st.booleans() | inner,
        "anyOf": st.lists(inner, min_size=1, max_size=2),
    }
    return st.lists(st.sampled_from([*KEYWORDS, *nested]), max_size=4, unique=True).flatmap(
        lambda keys: st.fixed_dictionaries({k: {**KEYWORDS, **nested}[k] for k in keys})
    )


SCHEMAS = st.recursive(st.fixed_dictionaries({"type": TYPE_NAMES}), schemas, max_leaves=5)


def slowly(value: Any, schema: Json, judged: frozenset[str]) -> list[tuple[Any, ...]]:
    return [
        (tuple(e.absolute_path), e.validator)
        for e in Draft202012Validator(schema, format_checker=CHECKER).iter_errors(value)
        if e.absolute_path or e.validator not in judged
    ]


@settings(max_examples=600)
@given(VALUES, schemas(SCHEMAS), st.sampled_from([frozenset(), JUDGED]))
def test_the_first_fault_is_jsonschemas(value: Any, schema: Json, judged: frozenset[str]) -> None:
    found, all_of_them = misfit(value, schema, judged_before=judged), slowly(value, schema, judged)
    if found is None or not all_of_them:
        assert (found, all_of_them) == (None, [])
    elif "additionalProperties" not in str(schema):  # their order is that of a set
        assert (found.path, found.keyword) == all_of_them[0]
    else:
        assert (found.path, found.keyword) in all_of_them


def test_what_cannot_be_checked_raises() -> None:
    with pytest.raises(ValueError, match="NaN"):
        misfit({"a": math.nan}, {"properties": {"a": {"multipleOf": 0.1}}})


def test_the_schema_of_further_properties_counts_beside_plain_ones() -> None:
    schema: Json = {
        "type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "integer"},
    }  # fmt: skip
    assert misfit({"a": "x", "b": 1}, schema, judged_before=JUDGED) is None
    found = misfit({"a": "x", "b": "y"}, schema, judged_before=JUDGED)
    assert found is not None
    assert (found.path, found.keyword) == (("b",), "type")
