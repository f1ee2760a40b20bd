"""Refilled shots: other values in the same sentence, each still standing where it was said."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from manyshot.data.build import Builder
from manyshot.data.delex import locate
from manyshot.data.refill import refill
from manyshot.data.slots import get, resolve
from manyshot.spec.load import load_domain
from manyshot.values import Kind
from tests.data.desks import FOLDERS

KEPT = (Kind.ENUM, Kind.BOOLEAN, Kind.ARRAY)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_only_the_places_of_values_change_and_each_reads_back(folder: Path) -> None:
    builder = Builder(load_domain(folder), 1)
    rng, changed = random.Random(2), 0
    for pair in (p for p in builder.shot_pairs if p.call and p.call.arguments):
        assert pair.call is not None
        tool = builder.slots[pair.call.name]
        made = refill(pair, tool, {}, builder.pools.draw, builder.composer.sayer, rng)
        if made is None:
            continue
        text, values, surfaces = made
        placed, _ = locate(pair.action, pair.call.arguments, tool)
        at = 0
        for place in placed:  # the words around the values are the expert's, in their order
            words = pair.action[at : place.start]
            assert words in text, (pair.action, text)
            at = place.end
        assert text.endswith(pair.action[at:])
        for path, surface in surfaces.items():
            slot = tool.slot(path)
            if slot.field.kind in KEPT:
                assert values[path] == get(pair.call.arguments, path)
            else:
                assert surface in text
                changed += values[path] != get(pair.call.arguments, path)
    assert changed > 20


def test_refilled_pairs_are_of_the_shots_wording_and_sound() -> None:
    builder = Builder(load_domain(FOLDERS[0]).model_copy(update={"shares": {"refill": 1.0}}), 1)
    builder.domain.shares.update(dict.fromkeys(("plain", "shot", "ask", "none", "alike", "refused"), 0.0))
    pairs = list(builder.pairs(200))
    assert {p.kind for p in pairs} <= {"refill", "ask"}
    for pair in pairs:
        assert pair.call is not None
        assert pair.shots
        assert f"shot:{pair.shots[0]}" in pair.group
        tool = builder.slots[pair.call.name]
        for slot in tool.slots:
            surface = get(pair.surfaces, slot.path)
            if surface is not None and slot.field.kind not in KEPT:
                assert resolve(slot, surface) == get(pair.call.arguments, slot.path)
