"""The service killed at random moments before a real desk: nothing lost, nothing done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("langgraph", reason="the service needs manyshot[serve]")

from tests.service.crashing import Outcome, crash


def _sound(found: Outcome) -> None:
    assert found.lost == []
    assert found.twice == []
    assert found.duplicates == []
    assert found.double == []
    assert found.replies == found.accepted > 0
    assert found.tickets > 0


def test_killed_a_few_times_nothing_is_lost_and_nothing_done_twice(tmp_path: Path) -> None:
    _sound(crash(tmp_path, kills=3, seed=1, longest=0.4))


@pytest.mark.slow
def test_killed_a_hundred_times_nothing_is_lost_and_nothing_done_twice(tmp_path: Path) -> None:
    found = crash(tmp_path, kills=100, seed=7)
    assert found.kills == 100
    _sound(found)
