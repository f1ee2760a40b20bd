"""A shot as its author wrote it, with other values in the places where its values stood.

One rule: nothing but the located values changes, so the sentence stays a person's. Choices (enum, boolean) and lists
keep their words: these may be bent by the sentence around them; so do values that share words.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from manyshot.data.delex import alone, locate
from manyshot.data.saying import Said, Sayer
from manyshot.data.slots import Path, Slot, ToolSlots, get
from manyshot.types import CallPair
from manyshot.values import Kind

Draw = Callable[[ToolSlots, Slot], Any]

#: Kinds whose words belong to the sentence.
_KEPT = {Kind.ENUM, Kind.BOOLEAN, Kind.ARRAY}
#: Free text: a strange one makes a strange sentence, so it mostly comes from the field's own examples.
_FREE = {Kind.TEXT, Kind.PROBLEM, Kind.REASON, Kind.NOTE, Kind.TITLE, Kind.PRODUCT}
#: How often a value is replaced.
SHARE = 0.8
#: How often the new value of free text is an example.
EXAMPLE = 0.75


def refill(
    pair: CallPair, tool: ToolSlots, examples: Mapping[Path, list[Any]], draw: Draw, sayer: Sayer, rng: random.Random
) -> tuple[str, dict[Path, Any], dict[Path, Any]] | None:
    """(text, values, surfaces by path) of the shot `pair` with fresh values; None when nothing in it can change."""
    assert pair.call is not None
    placed, _ = locate(pair.action, pair.call.arguments, tool)
    values = {s.path: v for s in tool.slots if (v := get(pair.call.arguments, s.path)) is not None}
    surfaces = {s.path: v for s in tool.slots if (v := get(pair.surfaces, s.path)) is not None}
    text, changed = pair.action, False
    for place in reversed(alone(placed)):
        slot = tool.slot(place.path)
        if slot.field.kind in _KEPT or rng.random() >= SHARE:
            continue
        seen = examples.get(place.path, [])
        value = rng.choice(seen) if seen and slot.field.kind in _FREE and rng.random() < EXAMPLE else draw(tool, slot)
        said = sayer.say(slot, value, rng)
        if value is None or not said or not isinstance(said[0], Said):
            continue
        text = text[: place.start] + said[0].text + text[place.end :]
        values[place.path], surfaces[place.path] = value, said[0].surface
        changed = True
    return (text, values, surfaces) if changed else None
