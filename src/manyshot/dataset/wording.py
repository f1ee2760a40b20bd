"""What is wording in a record, and what is value. One rule: records that differ in values alone have one wording."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from manyshot.records import digest
from manyshot.types import NO_TOOL, CallPair, Trajectory

#: Stands for a value, and for digits in a row.
MASK, DIGITS = "\N{WHITE SQUARE}", "0"
_NUMBER = re.compile(r"\d+")
#: Shorter texts are words that stand in other words too.
_SHORTEST = 2


def text_of(one: Trajectory | CallPair) -> str:
    """What people and the model say in it; what tools answer is the same in many and not counted."""
    if isinstance(one, CallPair):
        return one.action
    return "\n".join(turn.text for turn in one.turns if turn.role != "observation")


def wordings(one: Trajectory) -> list[str]:
    """The texts of its turns with the values of calls and answers masked; "" for an observation."""
    values = sorted(set(_values(one)), key=lambda value: (-len(value), value))
    pattern = re.compile("|".join(map(re.escape, values))) if values else None
    return ["" if turn.role == "observation" else _masked(turn.text, pattern) for turn in one.turns]


def _masked(text: str, values: re.Pattern[str] | None) -> str:
    return _NUMBER.sub(DIGITS, values.sub(MASK, text) if values else text)


def _values(one: Trajectory) -> Iterator[str]:
    for turn in one.turns:
        if turn.call is not None:
            yield from _leaves(turn.call.arguments)
        if turn.answered is not None:
            yield from _leaves(turn.answered.body)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str) and len(value) >= _SHORTEST:
        yield value


def group_of(one: Trajectory | CallPair) -> str:
    """What a record shares with those that must be on its side of a split: the path (or tool) and the wording."""
    if isinstance(one, CallPair):
        return one.group
    return f"{unit_of(one)}/{digest(wordings(one))}"


def unit_of(one: Trajectory | CallPair) -> str:
    """What is held out as a whole: a path of a flow, or a tool (`none`: no tool fits); the record itself where no path
    is known."""
    if isinstance(one, CallPair):
        return one.call.name if one.call else NO_TOOL
    return one.path or one.id
