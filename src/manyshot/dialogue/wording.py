"""An Action that names every value its call needs.

The one rule: values are named in the words that the customer or a tool used, where those read as the value; the plain
value stands in for them otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from manyshot.data.slots import Slot
from manyshot.dialogue.company import Company, found_in, says
from manyshot.types import Call, Trajectory

_STOPS = "。.!！;；,，:： "


def complete(action: str, call: Call, company: Company, before: Sequence[str]) -> str:
    """The Action with what it does not yet say of its call added at its end; unchanged when nothing is missing.

    before: what the customer and the tools said before it, the oldest first.
    """
    missing = list(company.unsaid(call, action))
    if not missing:
        return action
    said = _added(action, [(slot, words(slot, value, before)) for slot, value in missing], company)
    if any(company.unsaid(call, said)):
        said = _added(action, [(slot, str(value)) for slot, value in missing], company)
    return said


def _added(action: str, named: Sequence[tuple[Slot, str]], company: Company) -> str:
    """The Action, then each value behind the name of its slot."""
    zh = company.context.language == "zh"
    colon, comma, stop = ("：", "，", "。") if zh else (": ", ", ", ".")
    # A list of values that is there already is gone on with.
    joint = comma if colon.strip() in action else colon
    values = comma.join(f"{label(slot)}{'' if zh else ' '}{said}" for slot, said in named)
    return f"{action.rstrip(_STOPS)}{joint}{values}{stop}"


def label(slot: Slot) -> str:
    """What people call a slot."""
    return slot.field.labels[0] if slot.field.labels else slot.name


def words(slot: Slot, value: Any, before: Sequence[str]) -> str:
    """How a value was said last, or the plain value."""
    if isinstance(value, list):
        return "、".join(words(slot.items[0], one, before) if slot.items else str(one) for one in value)
    for text in reversed(before):
        if found := found_in(text, slot.field, value):
            said = found[0].surface
            if says(slot, said, value):
                return said
    return str(value)


def said_before(one: Trajectory, turn: int) -> list[str]:
    """What the customer and the tools said before a turn."""
    return [t.text for t in one.turns[:turn] if t.role in ("user", "observation")]
