"""Intervals and paired tests agree with statsmodels and numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap as reference_bootstrap
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
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


def test_holm_equals_statsmodels() -> None:
    """A few seeded draws: within the suite statsmodels takes a second for each."""
    rng = np.random.default_rng(11)
    drawn = [list(rng.random(int(n)).round(int(places))) for n, places in rng.integers(1, 12, (6, 2))]
    for values in [[0.0], [1.0], [0.0, 1.0, 0.0], [0.04, 0.04, 0.01], [1e-300, 0.5], *drawn]:
        assert stats.holm(values) == pytest.approx(list(multipletests(values, method="holm")[1]), abs=1e-12)


def test_bootstrap_of_single_cases_equals_scipy() -> None:
    rng = np.random.default_rng(5)
    before, after = rng.random(120) < 0.5, rng.random(120) < 0.65
    low, high = stats.bootstrap_difference(before, after, range(120))
    wanted = reference_bootstrap(
        (after.astype(float), before.astype(float)), lambda a, b, axis: a.mean(axis) - b.mean(axis), paired=True,
        method="percentile", n_resamples=10_000, rng=1,
    ).confidence_interval  # fmt: skip
    assert (low, high) == pytest.approx(wanted, abs=0.012)  # both are drawn


def test_cases_that_are_one_case_widen_the_interval() -> None:
    before, after = [0, 1, 0, 1, 1, 0, 0, 1], [1, 1, 0, 1, 1, 1, 0, 0]
    single = stats.bootstrap_difference(before, after, range(8))
    copies = stats.bootstrap_difference(before * 20, after * 20, list(range(8)) * 20)
    assert copies == pytest.approx(single)  # twenty copies of a case are one case
    apart = stats.bootstrap_difference(before * 20, after * 20, range(160))
    assert apart.high - apart.low < (single.high - single.low) / 3
    assert stats.bootstrap_difference(before, after, range(8)) == single  # the seed decides
    with pytest.raises(ValueError, match="two groups"):
        stats.bootstrap_difference(before, after, [1] * 8)


@settings(max_examples=25)
@given(st.integers(1, 24), st.floats(0.05, 0.5), st.floats(0.0, 0.4))
def test_power_is_the_chance_that_mcnemar_rejects(cases: int, gained: float, lost: float) -> None:
    wanted = 0.0
    for plus in range(cases + 1):
        for minus in range(min(plus, cases - plus + 1)):
            if stats.mcnemar(stats.Pairs(0, plus, minus, 0)) <= 0.05:
                neither = cases - plus - minus
                if neither >= 0:
                    ways = math.comb(cases, plus) * math.comb(cases - plus, minus)
                    wanted += ways * gained**plus * lost**minus * (1 - gained - lost) ** neither
    assert stats.power(cases, gained, lost) == pytest.approx(wanted, abs=1e-9)


def test_cases_needed_reach_the_power_that_was_wanted() -> None:
    for gained, lost in ((0.15, 0.05), (0.3, 0.1), (0.06, 0.04), (0.2, 0.0)):
        needed = stats.cases_needed(gained, lost)
        assert needed is not None
        assert stats.power(needed, gained, lost) >= 0.8 > stats.power(needed // 2, gained, lost)
        spread = gained + lost
        normal = (1.96 * spread**0.5 + 0.8416 * (spread - (gained - lost) ** 2) ** 0.5) ** 2 / (gained - lost) ** 2
        assert normal * 0.95 <= needed <= normal * 1.35 + 10  # Connor 1987; the exact test asks for more
    assert stats.cases_needed(0.1001, 0.1) is None
    with pytest.raises(ValueError, match="gained > lost"):
        stats.cases_needed(0.1, 0.1)


def test_the_score_interval_of_a_paired_difference_is_the_published_one() -> None:
    low, high = stats.difference(stats.Pairs(1, 1, 7, 12))  # Fagerland, Lydersen and Laake 2014, their example
    assert (round(low, 3), round(high, 3)) == (-0.517, -0.026)
    assert stats.difference(stats.Pairs(0, 0, 0, 0)) == (-1, 1)
    same = stats.difference(stats.Pairs(100, 0, 0, 0))
    assert same == pytest.approx((-(1.96**2) / (100 + 1.96**2), 1.96**2 / (100 + 1.96**2)), abs=1e-4)
    with pytest.raises(ValueError, match="confidence"):
        stats.difference(stats.Pairs(1, 0, 0, 0), 1.0)


@given(*[st.integers(0, 80)] * 4)
def test_the_score_interval_holds_the_estimate_and_turns_with_the_sides(a: int, b: int, c: int, d: int) -> None:
    pairs = stats.Pairs(a, b, c, d)
    low, high = stats.difference(pairs)
    assert -1 <= low <= pairs.difference <= high <= 1
    turned = stats.difference(stats.Pairs(a, c, b, d))
    assert turned == pytest.approx((-high, -low), abs=1e-6)


def test_the_score_interval_covers_as_it_says() -> None:
    """Over all tables of 40 cases, weighed by their chance, for three true differences."""
    n = 40
    for gained, lost in ((0.1, 0.1), (0.15, 0.05), (0.02, 0.12)):
        covered = 0.0
        for plus in range(n + 1):
            for minus in range(n + 1 - plus):
                chance = (
                    math.comb(n, plus) * math.comb(n - plus, minus)
                    * gained**plus * lost**minus * (1 - gained - lost) ** (n - plus - minus)
                )  # fmt: skip
                if chance > 1e-6:
                    low, high = stats.difference(stats.Pairs(n - plus - minus, plus, minus, 0))
                    covered += chance * (low <= gained - lost <= high)
        assert 0.93 <= covered <= 0.98


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_one_comparison_is_corrected_for_nothing(gained: int, lost: int, rest: int) -> None:
    pairs = stats.Pairs(rest, gained, lost, 1)
    assert stats.compared([pairs]) == [(pytest.approx(stats.mcnemar(pairs)), stats.verdict(pairs))]


def test_cases_needed_where_none_differ_are_those_of_a_difference_worth_finding() -> None:
    assert stats.needed(stats.Pairs(90, 0, 0, 10)) == (stats.cases_needed(0.05, 0.0), 0.05)
    cases, apart = stats.needed(stats.Pairs(80, 4, 8, 8))
    assert apart == pytest.approx(0.04)
    assert cases == stats.cases_needed(0.08, 0.04)
