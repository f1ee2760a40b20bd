"""Ask-back shots without a call: the tool is found when its other required fields stand in the words, else not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from manyshot.data.asks import meant
from manyshot.data.slots import slots_of
from manyshot.types import Call, Context, Json, Shot, Source, Tool

CONTEXT = Context(today=datetime(2024, 10, 10, tzinfo=UTC), language="en")
DAY: Json = {"type": "string", "format": "date"}
REF: Json = {"type": "string", "pattern": r"^B\d{4}$"}


def tool(name: str, required: list[str], **properties: Json) -> Tool:
    return Tool(name=name, parameters={"type": "object", "properties": properties, "required": required})


TOOLS = [
    slots_of(t, CONTEXT)
    for t in (
        tool("Move", ["ref", "day"], ref=REF, day=DAY),
        tool("Extend", ["ref", "day"], ref=REF, day=DAY),
        tool("Report", ["ref", "problem"], ref=REF, problem={"type": "string"}),
        tool("Pay", ["ref", "amount"], ref=REF, amount={"type": "number"}, how={"enum": ["card", "cash"]}),
    )
]


def shot(action: str, name: str | None = None, ask: tuple[str, ...] = ()) -> Shot:
    call = Call(name=name) if name else None
    return Shot(id=action, action=action, call=call, ask=ask, source=Source(file="shots/calls.jsonl", line=1))


SHOTS = [shot("Move booking B1234 to May 5.", "Move"), shot("Stay on in B7777 until Friday, please.", "Extend")]


@pytest.mark.parametrize(
    ("action", "ask", "name", "said"),
    [
        ("Pay B2345 by card.", ("amount",), "Pay", {"ref": "B2345", "how": "card"}),
        ("Move booking B5678 to another day.", ("day",), "Move", {"ref": "B5678"}),
        ("Stay on in B5678, please.", ("day",), "Extend", {"ref": "B5678"}),
        ("Stay on until the 12th, please.", ("ref",), "Extend", {"day": "the 12th"}),
    ],
)
def test_the_tool_is_told_by_what_is_said_and_by_its_shots(
    action: str, ask: tuple[str, ...], name: str, said: dict[str, Any]
) -> None:
    found = meant(shot(action, ask=ask), TOOLS, SHOTS)
    assert found is not None
    assert (found[0].tool.name, found[1]) == (name, said)


@pytest.mark.parametrize(
    ("action", "ask"),
    [
        ("It is leaking again in our room.", ("ref",)),  # words of free text cannot be told from the others
        ("B5678: can it be done?", ("day",)),  # two tools, and no shot is clearly nearer
        ("Pay the bill by card.", ("amount",)),  # the reference is missing too, and is not asked for
    ],
)
def test_what_is_not_clear_is_no_training_pair(action: str, ask: tuple[str, ...]) -> None:
    assert meant(shot(action, ask=ask), TOOLS, SHOTS) is None
