"""Laying things beside steps: against all ways tried one by one."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from manyshot.dialogue.lay import LONGEST, lay


@given(st.integers(0, 4), st.integers(0, 4), st.data())
def test_it_finds_the_best_of_all_ways(things: int, steps: int, data: st.DataObject) -> None:
    score = st.none() | st.integers(-3, 3).map(float)
    fits = {(t, s): data.draw(score) for t in range(things) for s in range(steps)}
    costs = [data.draw(score) for _ in range(steps)]

    def fit(first: int, last: int, step: int) -> float | None:
        found = [fits[t, step] for t in range(first, last + 1)]
        return None if None in found else sum(one for one in found if one is not None)

    tried = []
    for way in itertools.product(range(steps), repeat=things):
        skipped = [costs[s] for s in range(steps) if s not in way]
        taken = [fits[t, s] for t, s in enumerate(way)]
        if list(way) == sorted(way) and None not in taken and None not in skipped:
            tried.append(sum(f or 0.0 for f in taken) - sum(c or 0.0 for c in skipped))
    found = lay(things, steps, fit, lambda step: costs[step])
    assert (found is None) == (not tried)
    if found is not None:
        assert found[0] == max(tried)
        assert sorted(found[1]) == list(range(things))
        assert [found[1][t] for t in range(things)] == sorted(found[1].values())


def test_long_dialogues_and_flows_are_no_deep_recursion() -> None:
    assert lay(600, 600, lambda first, last, step: 1.0 if first == last == step else None, lambda _: None) is not None


def test_a_step_takes_only_so_many() -> None:
    def any_run(*_: int) -> float:
        return 1.0

    assert lay(LONGEST, 1, any_run, lambda _: None) is not None
    assert lay(LONGEST + 1, 1, any_run, lambda _: None) is None
