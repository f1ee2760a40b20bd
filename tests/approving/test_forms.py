"""Forms of calls: the right field for each kind of value, and no value lost by showing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.approving.forms import Field, Sent, arguments, blank, fields
from manyshot.config import find_domain
from manyshot.spec.load import load_domain
from manyshot.types import Json

SCHEMA: Json = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "of the guest"},
        "day": {"type": "string", "format": "date"},
        "seats": {"type": "integer"},
        "price": {"type": "number"},
        "vip": {"type": "boolean"},
        "room": {"type": "string", "enum": ["garden", "hall"]},
        "floor": {"enum": [1, "1", None]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "sizes": {"type": "array", "items": {"type": "integer"}},
        "place": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "geo": {"type": "object", "properties": {"x": {"type": "number"}}},
            },
            "required": ["city"],
        },
    },
    "required": ["name", "day"],
}
GOOD: Json = {
    "name": "Bo", "day": "2024-10-12", "seats": 3, "price": 1.5, "vip": True, "room": "hall", "floor": "1",
    "tags": ["a", "b"], "sizes": [1, 2], "place": {"city": "Ulm", "geo": {"x": 2}},
}  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["city", "geo", "x", "else"]), inner),
    max_leaves=6,
)  # fmt: skip


def sent(found: Iterable[Field]) -> Iterator[Sent]:
    """What the page sends for these fields when nobody touches them."""
    for one in found:
        if one.given:
            yield Sent(path=one.path, kind=one.kind, text=one.text)
            yield from sent(one.fields)


def exact(value: Any) -> str:
    return repr(value)  # 1, 1.0 and True are not the same, and the order of keys counts


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "unknown"]), VALUES))
def test_what_is_shown_and_sent_back_is_the_same_call(values: Json) -> None:
    assert exact(arguments(sent(fields(SCHEMA, values)))) == exact(values)


def test_each_kind_of_value_has_its_field() -> None:
    kinds = {one.name: one.kind for one in fields(SCHEMA, GOOD)}
    assert kinds == {
        "name": "text", "day": "date", "seats": "integer", "price": "number", "vip": "boolean", "room": "choice",
        "floor": "choice", "tags": "list", "sizes": "json", "place": "object",
    }  # fmt: skip
    (place,) = (one for one in fields(SCHEMA, GOOD) if one.name == "place")
    assert [(one.path, one.kind) for one in place.fields] == [(("place", "city"), "text"), (("place", "geo"), "object")]


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [("day", "tomorrow", "text"), ("day", "2024-02-30", "text"), ("name", "a\nb", "long"), ("name", "a\rb", "json"),
     ("seats", "three", "json"), ("seats", 2.0, "json"), ("room", "cellar", "text"), ("tags", ["a\nb"], "json")],
)  # fmt: skip
def test_a_value_that_its_usual_field_could_not_hold_is_shown_all_the_same(name: str, value: Any, kind: str) -> None:
    (one,) = (one for one in fields(SCHEMA, {name: value}) if one.given)
    assert one.kind == kind


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "12", 12), ("integer", "1.5", "1.5"), ("integer", "", ""), ("number", "1.50", 1.5),
        ("boolean", "false", False), ("choice", "null", None), ("list", " a \n\nb", ["a", "b"]),
        ("json", '{"a": 1}', {"a": 1}), ("json", "{a", "{a"),
    ],
)  # fmt: skip
def test_what_is_typed_becomes_the_value_it_says_or_stays_text(kind: Any, text: str, value: Any) -> None:
    assert exact(arguments([Sent(path=("x",), kind=kind, text=text)])) == exact({"x": value})


def test_only_what_is_required_is_given_in_a_new_call() -> None:
    made = blank(SCHEMA)
    assert [one.name for one in made if one.given] == ["name", "day"]
    assert [one.kind for one in made if one.given] == ["text", "date"]
    assert [one.can_be_left_out for one in made][:3] == [False, False, True]


def test_every_tool_of_the_shipped_desk_has_plain_fields_only() -> None:
    found = [one for tool in load_domain(find_domain("ticket_desk")).tools for one in blank(tool.parameters)]
    assert len(found) > 10
    assert {one.kind for one in found} == {"text", "date", "integer", "number", "boolean", "choice"}
