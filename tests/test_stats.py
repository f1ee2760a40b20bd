"""Intervals and paired tests agree with statsmodels and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.proportion import proportion_confint

from manyshot import stats

counts = st.integers(0, 60)


@given(counts, counts, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_equals_statsmodels(right: int, wrong: int, confidence: float) -> None:
    total = right + wrong
    low, high = stats.wilson(right, total, confidence)
    if total == 0:
        assert (low, high) == (0, 1)
        return
    assert (low, high) == pytest.approx(proportion_confint(right, total, 1 - confidence, "wilson"), abs=1e-12)
    assert 0 <= low <= right / total <= high <= 1


@given(counts, counts, counts, counts)
def test_mcnemar_equals_statsmodels(both: int, gained: int, lost: int, neither: int) -> None:
    pairs = stats.Pairs(both, gained, lost, neither)
    wanted = reference_mcnemar([[both, lost], [gained, neither]], exact=True).pvalue if gained + lost else 1.0
    assert stats.mcnemar(pairs) == pytest.approx(wanted, abs=1e-12)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.floats(0, 100))
def test_percentile_equals_numpy(values: list[float], q: float) -> None:
    assert stats.percentile(values, q) == pytest.approx(np.percentile(values, q), rel=1e-9, abs=1e-6)


@given(st.lists(st.tuples(st.booleans(), st.booleans())))
def test_pairs_count_every_case_once(cells: list[tuple[bool, bool]]) -> None:
    base, tuned = [b for b, _ in cells], [t for _, t in cells]
    pairs = stats.pair_up(base, tuned)
    assert pairs.total == len(cells)
    assert pairs.both + pairs.lost == sum(base)
    assert pairs.both + pairs.gained == sum(tuned)
    if cells:
        assert pairs.difference == pytest.approx((sum(tuned) - sum(base)) / len(cells))


@pytest.mark.parametrize(
    ("gained", "lost", "wanted"),
    [
        (0, 0, "not_enough_cases"),
        (4, 0, "not_enough_cases"),  # the drone notebook's 6/10 -> 10/10: p = 0.125
        (5, 0, "not_enough_cases"),
        (6, 0, "better"),
        (0, 6, "worse"),
        (20, 18, "cannot_tell"),
        (40, 5, "better"),
    ],
)
def test_verdict(gained: int, lost: int, wanted: str) -> None:
    assert stats.verdict(stats.Pairs(6, gained, lost, 0)) == wanted


def test_the_known_weak_anchor() -> None:
    assert stats.mcnemar(stats.Pairs(6, 4, 0, 0)) == pytest.approx(0.125)
    assert stats.wilson(10, 10).low == pytest.approx(0.7225, abs=1e-4)


def test_impossible_input_is_refused() -> None:
    with pytest.raises(ValueError, match="got 3, 2"):
        stats.wilson(3, 2)
    with pytest.raises(ValueError, match="shorter"):
        stats.pair_up([True], [])
    with pytest.raises(ValueError, match="101"):
        stats.percentile([1.0], 101)
    assert stats.percentile([], 50) is None
