"""First drafts: every path of the inn gets one, and each replays true."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyshot.dialogue.draft import draft
from manyshot.dialogue.markdown import parse
from manyshot.dialogue.plan import plan
from manyshot.dialogue.replay import replay
from manyshot.dialogue.writing import write
from manyshot.types import Setup
from tests.dialogue.inn import inn

POOLS = {"guest": ["Bo Hart", "Ida Moss"], "guests": [2, 3]}


def test_every_path_gets_a_draft_that_is_true_and_reads_back(tmp_path: Path) -> None:
    house = inn(tmp_path / "inn")
    assert len(house.all_paths) == 10
    for path in house.all_paths:
        one = draft(path, house, POOLS, path.id)
        assert one is not None, path.id
        (read,), problems = parse(write([one]))
        assert problems == []
        played = replay(read, house)
        assert played.problems == [], path.id
        assert played.path == path.id


def test_the_same_seed_gives_the_same_draft(tmp_path: Path) -> None:
    house = inn(tmp_path / "inn")
    path = house.all_paths[2]
    assert draft(path, house, POOLS, "a", 1) == draft(path, house, POOLS, "a", 1)
    drafts = [draft(path, house, POOLS, "a", seed) for seed in range(5)]
    assert any(one != drafts[0] for one in drafts)


def test_a_call_fails_by_itself_where_it_can(tmp_path: Path) -> None:
    """An unknown number needs no fault in the system; a system that is down does."""
    house = inn(tmp_path / "inn")
    kinds = {}
    for path in house.all_paths:
        found = plan(path, house, POOLS)
        assert found is not None
        kinds[path.walks[0].steps[-1].id] = [fault.kind for fault in found.setup.faults]
    assert kinds["unknown"] == []
    assert kinds["down"] == ["error"]


def test_a_world_that_cannot_lead_the_way_gives_no_plan(tmp_path: Path) -> None:
    house = inn(tmp_path / "inn")
    cancel = next(path for path in house.paths["cancel"].values() if path.walks[0].steps[-1].id == "gone")
    assert plan(cancel, house, POOLS, setup=Setup(rows={"bookings": []})) is None


@pytest.mark.parametrize("seed", range(3))
def test_a_plan_keeps_what_it_was_given(seed: int, tmp_path: Path) -> None:
    house = inn(tmp_path / "inn")
    rows = {"bookings": [{"id": "B777777", "state": "open"}]}
    cancel = next(path for path in house.paths["cancel"].values() if path.walks[0].steps[-1].id == "gone")
    found = plan(cancel, house, POOLS, seed, Setup(rows=rows))
    assert found is not None
    assert found.setup.rows == rows
    assert [done.call.arguments for done in found.done if done.call] == [{"id": "B777777"}]
