"""Values that are made up: within the schema's bounds, in the shape of the experts' own, objects in lists too."""

from __future__ import annotations

import random
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from manyshot.data.pools import Pools
from manyshot.data.readback import reads_back
from manyshot.data.saying import Said, Sayer
from manyshot.data.slots import ToolSlots, slots_of
from manyshot.types import Call, Context, Domain, Json, Shot, Source, Tool

CONTEXT = Context(today=datetime(2024, 10, 10, 9, tzinfo=UTC), language="en")
PRODUCT: Json = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
LINE: Json = {
    "type": "object",
    "properties": {"product": PRODUCT, "quantity": {"type": "integer", "minimum": 1}},
    "required": ["product", "quantity"],
}


def pools_of(schema: Json, seen: Any = None) -> tuple[Pools, ToolSlots]:
    tool = Tool(name="Do", parameters={"type": "object", "properties": {"value": schema}, "required": ["value"]})
    arguments = {} if seen is None else {"value": seen}
    shot = Shot(id="s", action="a", call=Call(name="Do", arguments=arguments), source=Source(file="f"))
    domain = Domain(name="d", folder=Path(), context=CONTEXT, base="b", tools=(tool,), shots=(shot,))
    return Pools(domain, 0), slots_of(tool, CONTEXT)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "exclusiveMinimum": 0, "maximum": 3},
        {"type": "integer", "minimum": 1, "exclusiveMaximum": 3},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "number", "minimum": 0.5, "maximum": 4, "multipleOf": 0.5},
        {"type": "integer", "minimum": 7, "maximum": 40, "multipleOf": 5},
    ],
)
def test_numbers_keep_to_their_bounds(schema: Json) -> None:
    pools, tool = pools_of(schema)
    check = Draft202012Validator(schema)
    assert all(check.is_valid(pools.draw(tool, tool.slots[0])) for _ in range(200))


@pytest.mark.parametrize(
    ("pattern", "seen"), [("^[A-Z]+[0-9]+$", "AB12"), (r"^\S+$", "q-77"), ("^(?=.*[A-Z])[A-Z0-9]{6}$", "A1B2C3")]
)
def test_what_a_pattern_leaves_open_the_experts_values_tell(pattern: str, seen: str) -> None:
    pools, tool = pools_of({"type": "string", "pattern": pattern, "description": "the order id"}, seen)
    drawn = {pools.draw(tool, tool.slots[0]) for _ in range(60)}
    assert len(drawn) > 5
    assert all(re.search(pattern, v) and len(v) == len(seen) for v in drawn)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("pattern", [r"^[A-Z\d]{5}$", r"^R[\d-]{6}$", r"^\d{2}[^\W\d_]$"])
def test_digits_within_a_set_of_characters_keep_the_pattern(pattern: str) -> None:
    pools, tool = pools_of({"type": "string", "pattern": pattern, "description": "the order id"})
    drawn = {pools.draw(tool, tool.slots[0]) for _ in range(60)}
    assert len(drawn) > 5
    assert all(re.search(pattern, v) for v in drawn)


def test_a_uuid_is_one() -> None:
    pools, tool = pools_of({"type": "string", "format": "uuid"})
    value = pools.draw(tool, tool.slots[0])
    assert str(uuid.UUID(value)) == value


def test_fields_of_an_object_that_may_be_null_are_places_too() -> None:
    _, tool = pools_of({**PRODUCT, "type": ["object", "null"]})
    assert [slot.path for slot in tool.slots] == [("value", "name")]


def test_objects_in_the_objects_of_a_list_are_said_and_read_back() -> None:
    schema: Json = {"type": "array", "items": LINE}
    pools, tool = pools_of(schema, [{"product": {"name": "pen"}, "quantity": 2}])
    slot, rng = tool.slots[0], random.Random(0)
    for _ in range(20):
        value = pools.draw(tool, slot)
        assert Draft202012Validator(schema).is_valid(value)
        said = Sayer("en").say(slot, value, rng)
        assert said
        assert isinstance(said[0], Said)
        assert reads_back(slot, said[0].surface, value)
