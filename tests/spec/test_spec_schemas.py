"""Flattening keeps the meaning of a schema; formats are as people write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.errors import SpecError
from manyshot.spec.flatten import flatten, local_resolver, merge
from manyshot.spec.schemas import breaks, check_schema, fits

_bounds = st.dictionaries(st.sampled_from(["minimum", "maximum"]), st.integers(-5, 5))
_part = st.builds(
    lambda kind, bounds, enum: {"type": kind, **bounds, **({"enum": enum} if enum else {})},
    st.sampled_from(["integer", "number"]),
    _bounds,
    st.lists(st.integers(-5, 5), max_size=4, unique=True),
)


@given(_part, _part, st.integers(-6, 6) | st.sampled_from([0.5, "a", None]))
def test_a_merged_schema_takes_what_both_take(a: dict[str, Any], b: dict[str, Any], value: Any) -> None:
    assert fits(merge(a, b), value) == (fits(a, value) and fits(b, value))


@given(_part, st.integers(-6, 6) | st.none())
def test_flattening_keeps_the_meaning(part: dict[str, Any], value: Any) -> None:
    flat = flatten(part, local_resolver(part))
    assert flat == part
    for union in ("anyOf", "oneOf"):
        schema = {union: [part, {"type": "null"}]}
        assert fits(flatten(schema, local_resolver(schema)), value) == fits(schema, value)


def test_references_to_themselves_end() -> None:
    tree: dict[str, Any] = {
        "$defs": {"T": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/T"}}}}},
        "$ref": "#/$defs/T",
    }
    assert flatten(tree, local_resolver(tree)) == {
        "type": "object",
        "properties": {"kids": {"type": "array", "items": {"type": "object"}}},
    }
    wide: dict[str, Any] = {"$defs": {"d0": {"type": "string"}}, "type": "object"}
    for n in range(1, 30):
        wide["$defs"][f"d{n}"] = {
            "properties": {"a": {"$ref": f"#/$defs/d{n - 1}"}, "b": {"$ref": f"#/$defs/d{n - 1}"}}
        }
    wide["properties"] = {"x": {"$ref": "#/$defs/d29"}}
    with pytest.raises(SpecError, match="more than 5000 parts"):
        flatten(wide, local_resolver(wide))


def test_closed_parts_are_closed_together() -> None:
    a = {"type": "object", "properties": {"x": {"type": "string"}}, "additionalProperties": False, "required": ["x"]}
    b = {"type": "object", "properties": {"y": {"type": "string"}}, "additionalProperties": False}
    schema = {"allOf": [a, b]}
    assert flatten(schema, local_resolver(schema)) == {
        "type": "object",
        "properties": {"x": {"type": "string"}, "y": {"type": "string"}},
        "additionalProperties": False,
        "required": ["x"],
    }


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date-time", ["2024-10-11T09:00:00+08:00", "2024-10-11T09:00", "2024-10-11 09:00:00", "2024-10-11T09:00:00Z"],
         ["2024-10-11", "2024-13-11T09:00", "2024-10-11T25:00", "now"]),
        ("date", ["2024-02-29"], ["2023-02-29", "20240229", "2024-2-9"]),
        ("time", ["09:00", "23:59:59"], ["9:00", "24:00"]),
        ("email", ["a@b.c"], ["a"]),
        ("uuid", ["12345678-1234-5678-1234-567812345678"], ["1"]),
        ("ipv4", ["10.0.0.1"], ["10.0.0"]),
        ("int64", ["anything"], []),
    ],
)  # fmt: skip
def test_formats(name: str, good: list[str], bad: list[str]) -> None:
    schema = {"type": "string", "format": name}
    assert [v for v in good if not fits(schema, v)] == []
    assert [v for v in bad if fits(schema, v)] == []


def test_messages_name_the_place() -> None:
    item = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
    schema = {"type": "object", "properties": {"items": {"type": "array", "items": item, "maxItems": 2}}}
    assert breaks(schema, {"items": [{"n": 1}, {"n": "x"}, {"m": 1}]}) == [
        '"items": wanted at most 2 items, was [{"n": 1}, {"n": "x"}, {"m": 1}]',
        '"items[1].n": wanted integer, was "x" (string)',
        'unknown parameter "items[2].m", known: n',
    ]
    union = {
        "type": "object",
        "properties": {"v": {"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]}},
    }
    assert breaks(union, {"v": "abc"})[0].startswith('"v": "abc" fits none of the 2 alternatives; nearest: ')


_any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "required", "enum", "items", "anyOf", "pattern", "minimum", "allOf", "$ref"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(_any)
def test_any_value_is_a_schema_or_explained(value: Any) -> None:
    assert all(isinstance(message, str) for _, message in check_schema(value))
