"""Combinations: the product is exact, a covering array holds every pair, and the figures say so."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manyshot.data.combine import ABSENT, Constraint, Coverage, Row, coverage, covering, expand, product, size

FACTORS: dict[str, list[Any]] = {"a": [1, 2, 3], "b": ["x", "y"], "c": [True, False], "d": [[1], [2], [3], [4]]}
sizes = st.lists(st.integers(1, 5), min_size=1, max_size=6)


def factors_of(numbers: list[int]) -> dict[int, list[int]]:
    return {i: list(range(n)) for i, n in enumerate(numbers)}


def tuples_of(rows: list[Row], strength: int) -> set[tuple[Any, ...]]:
    """Every t-tuple of (key, value) that some row holds."""
    return {t for row in rows for t in itertools.combinations(sorted(row.items()), strength)}


@given(sizes)
def test_the_product_holds_every_combination_once(numbers: list[int]) -> None:
    rows = list(product(factors_of(numbers)))
    assert len(rows) == size(factors_of(numbers)) == math.prod(numbers)
    assert {tuple(r.values()) for r in rows} == set(itertools.product(*(range(n) for n in numbers)))


@given(sizes)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_covering_array_holds_every_pair_and_no_more_than_the_product(numbers: list[int]) -> None:
    factors = factors_of(numbers)
    rows = list(covering(factors))
    strength = min(2, len(numbers))
    assert tuples_of(rows, strength) == tuples_of(list(product(factors)), strength)
    assert len(rows) <= math.prod(numbers)
    assert all(set(r) == set(factors) and all(r[k] in factors[k] for k in r) for r in rows)
    figure = coverage(factors, rows)
    assert figure.covered == figure.possible
    assert figure.share == 1.0


def test_strength_three_holds_every_triple() -> None:
    factors = factors_of([3, 2, 4, 2, 3])
    rows = list(expand(factors, 10, strength=3))
    assert tuples_of(rows, 3) == tuples_of(list(product(factors)), 3)
    assert len(rows) < size(factors)


def test_a_covering_array_is_much_smaller_than_the_product() -> None:
    factors = factors_of([10] * 6)
    assert len(list(covering(factors))) < 300 < size(factors)


@pytest.mark.parametrize(("budget", "whole"), [(48, True), (47, False)])
def test_the_budget_decides_between_product_and_array(budget: int, whole: bool) -> None:
    rows = list(expand(FACTORS, budget))
    assert (len(rows) == 48) is whole
    assert all(set(r) == set(FACTORS) for r in rows)


def test_lists_and_values_equal_across_types_are_kept_apart() -> None:
    factors: dict[str, list[Any]] = {"a": [1, True, 1.0, "1"], "b": [[1], [1, 2]], "c": [0, False]}
    rows = list(expand(factors, 5))
    assert coverage(factors, rows).share == 1.0
    assert {type(r["a"]) for r in rows} == {int, bool, float, str}


def never(row: Row) -> bool:
    return not (row["a"] == 1 and row["b"] == "x")


@pytest.mark.parametrize("budget", [1000, 1])
def test_constraints_hold_in_product_and_array(budget: int) -> None:
    rows = list(expand(FACTORS, budget, constraints=[Constraint(("a", "b"), never)]))
    assert all(never(r) for r in rows)
    allowed = {(k, str(v)) for r in product(FACTORS, [Constraint(("a", "b"), never)]) for k, v in pairs(r)}
    assert {(k, str(v)) for r in rows for k, v in pairs(r)} == allowed


def pairs(row: Row) -> list[tuple[Any, Any]]:
    return [((x, y), (row[x], row[y])) for x, y in itertools.combinations(sorted(row), 2)]


@pytest.mark.parametrize("budget", [1000, 1])
def test_absent_leaves_the_key_out_and_counts_as_a_value(budget: int) -> None:
    factors: dict[str, list[Any]] = {"a": [1, 2], "b": ["x", ABSENT], "c": [ABSENT, 5, 6]}
    rows = list(expand(factors, budget))
    assert all(v is not ABSENT for r in rows for v in r.values())
    assert any("b" not in r and "c" not in r for r in rows)
    assert coverage(factors, rows) == Coverage(2, 16, 16)


def test_the_coverage_figure_counts_what_is_there() -> None:
    factors = {"a": [1, 2], "b": [1, 2]}
    half = coverage(factors, [{"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 1, "b": 1}])
    assert (half.covered, half.possible, half.share) == (2, 4, 0.5)
    assert coverage(factors, []).share == 0.0
    # A value that is no level (a fresh one) covers nothing and breaks nothing.
    assert coverage(factors, [{"a": 9, "b": 1}]).covered == 0
    # A tool without parameters has one request.
    assert coverage({}, [{}]) == Coverage(2, 1, 1)


def test_no_factors_are_one_empty_request() -> None:
    assert list(expand({}, 10)) == [{}]


def test_the_product_is_lazy() -> None:
    rows = product(factors_of([1000] * 6))
    assert [r[5] for r in itertools.islice(rows, 3)] == [0, 1, 2]
