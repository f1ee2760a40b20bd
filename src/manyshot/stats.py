"""How sure a number is: intervals and paired tests. Pure functions on counts; scipy is imported only when needed.

One rule: two assistants on the same cases are compared case by case (paired), never by their two rates alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

#: What a paired comparison says.
Verdict = Literal["better", "worse", "cannot_tell", "not_enough_cases"]


class Interval(NamedTuple):
    """A confidence interval of a proportion, both ends within 0..1."""

    low: float
    high: float


class Pairs(NamedTuple):
    """The 2 x 2 table of paired verdicts. `gained` and `lost` are the discordant pairs, from the baseline's side."""

    both: int
    gained: int
    lost: int
    neither: int

    @property
    def total(self) -> int:
        return sum(self)

    @property
    def difference(self) -> float:
        """Rate of the challenger minus rate of the baseline; 0 without cases."""
        return (self.gained - self.lost) / self.total if self.total else 0.0


def wilson(right: int, total: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of right/total (Wilson 1927). Without cases it is everything: (0, 1).

    Raises:
        ValueError: counts that cannot be, or a confidence outside 0..1.
    """
    if not 0 <= right <= total or not 0 < confidence < 1:
        raise ValueError(f"wanted 0 <= right <= total and 0 < confidence < 1, got {right}, {total}, {confidence}")
    if total == 0:
        return Interval(0.0, 1.0)
    from scipy.special import ndtri

    z = float(ndtri(0.5 + confidence / 2))
    rate, share = right / total, z * z / total
    centre = (rate + share / 2) / (1 + share)
    half = z * math.sqrt(rate * (1 - rate) / total + share / total / 4) / (1 + share)
    low = 0.0 if right == 0 else max(0.0, centre - half)
    high = 1.0 if right == total else min(1.0, centre + half)
    return Interval(low, high)


def pair_up(baseline: Sequence[bool], challenger: Sequence[bool]) -> Pairs:
    """Count the pairs of verdicts on the same cases in the same order.

    Raises:
        ValueError: the sequences differ in length.
    """
    cells = [(b, c) for b, c in zip(baseline, challenger, strict=True)]
    return Pairs(
        both=cells.count((True, True)),
        gained=cells.count((False, True)),
        lost=cells.count((True, False)),
        neither=cells.count((False, False)),
    )


def mcnemar(pairs: Pairs) -> float:
    """Two-sided exact p of McNemar's test: the discordant pairs against a fair coin. 1.0 when there are none."""
    discordant = pairs.gained + pairs.lost
    if discordant == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(min(pairs.gained, pairs.lost), discordant, 0.5).pvalue)


def verdict(pairs: Pairs, alpha: float = 0.05) -> Verdict:
    """Say what the pairs show at level alpha.

    "not_enough_cases": the result would not be significant even if every discordant pair pointed the same way (with
    alpha 0.05: fewer than six of them). "cannot_tell": enough discordant pairs, but they point both ways.
    """
    if mcnemar(pairs) <= alpha:
        return "better" if pairs.gained > pairs.lost else "worse"
    discordant = pairs.gained + pairs.lost
    return "not_enough_cases" if 2.0 ** (1 - discordant) > alpha else "cannot_tell"


def percentile(values: Sequence[float], q: float) -> float | None:
    """The q-th percentile (0..100) by linear interpolation between ranks, as numpy's default. None without values.

    Raises:
        ValueError: q outside 0..100.
    """
    if not 0 <= q <= 100:
        raise ValueError(f"wanted a percentile within 0..100, got {q}")
    if not values:
        return None
    ranked = sorted(values)
    place = (len(ranked) - 1) * q / 100
    below = math.floor(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (ranked[above] - ranked[below]) * (place - below)
