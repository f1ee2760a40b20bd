"""How sure a number is: intervals and paired tests. Pure functions on counts; scipy is imported only when needed.

One rule: two assistants on the same cases are compared case by case (paired), never by their two rates alone.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

#: What a paired comparison says.
Verdict = Literal["better", "worse", "cannot_tell", "not_enough_cases"]
#: More than anybody writes by hand.
MOST_CASES = 1 << 17


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


def holm(values: Sequence[float]) -> list[float]:
    """Adjust p-values of several comparisons (Holm 1979), in their order: below alpha stays right for all at once.

    Raises:
        ValueError: a p outside 0..1.
    """
    if any(not 0 <= p <= 1 for p in values):
        raise ValueError(f"wanted p-values within 0..1, got {list(values)}")
    adjusted, least = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        least = max(least, min(1.0, values[place] * (len(values) - rank)))
        adjusted[place] = least
    return adjusted


class Compared(NamedTuple):
    """What one of several comparisons shows: `p` is corrected for their number (Holm)."""

    p: float
    verdict: Verdict


def compared(several: Sequence[Pairs], alpha: float = 0.05) -> list[Compared]:
    """Verdicts of several comparisons that all hold at once at level alpha; of one alone, those of `verdict`.

    "not_enough_cases": not significant even if every discordant pair of this comparison pointed the same way and the
    others stayed what they are.
    """
    raw = [mcnemar(pairs) for pairs in several]
    out: list[Compared] = []
    for place, (pairs, p) in enumerate(zip(several, holm(raw), strict=True)):
        if p <= alpha:
            out.append(Compared(p, "better" if pairs.gained > pairs.lost else "worse"))
            continue
        best = min(1.0, 2.0 ** (1 - pairs.gained - pairs.lost))
        possible = holm([*raw[:place], best, *raw[place + 1 :]])[place] <= alpha
        out.append(Compared(p, "cannot_tell" if possible else "not_enough_cases"))
    return out


def difference(pairs: Pairs, confidence: float = 0.95) -> Interval:
    """Score interval of the difference of two paired rates, challenger minus baseline (Tango 1998), within -1..1.

    Unlike Wald's it is not of width zero where no pair is discordant. Without cases it is everything: (-1, 1).

    Raises:
        ValueError: a confidence outside 0..1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"wanted 0 < confidence < 1, got {confidence}")
    if not pairs.total:
        return Interval(-1.0, 1.0)
    from scipy.optimize import brentq
    from scipy.special import ndtri

    z, middle = float(ndtri(0.5 + confidence / 2)), pairs.difference

    def end(limit: float) -> float:
        """Where the score is z away, between the estimate and a limit at which it is farther than that, if it is."""
        return float(brentq(lambda d: abs(_score(pairs, d)) - z, middle, limit)) if middle != limit else limit

    return Interval(end(-1.0), end(1.0))


def _score(pairs: Pairs, d: float) -> float:
    """Tango's statistic for a true difference d: in standard deviations under the likeliest table that has it."""
    n, b, c = pairs.total, pairs.gained, pairs.lost
    half = -b - c + (2 * n - b + c) * d
    lost = (math.sqrt(max(0.0, half * half + 8 * n * c * d * (1 - d))) - half) / (4 * n)
    variance = n * (2 * lost + d * (1 - d))
    gap = b - c - n * d
    return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap) if gap else 0.0


def bootstrap_difference(
    baseline: Sequence[float],
    challenger: Sequence[float],
    groups: Sequence[Hashable],
    *,
    confidence: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Interval of mean(challenger) - mean(baseline) on the same cases, by bootstrap of whole groups (percentiles).

    Args:
        baseline, challenger: a figure a case (a verdict as 0 or 1), in the same order.
        groups: what each case belongs to. Cases of a group (one customer's, one scenario's k trials) resemble each
            other; drawn one by one they would make the interval too narrow.
        draws: resamples of as many groups as there are (Cameron, Gelbach and Miller 2008 on clusters).

    Raises:
        ValueError: the sequences differ in length, fewer than two groups, or a confidence outside 0..1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"wanted 0 < confidence < 1, got {confidence}")
    sums: dict[Hashable, list[float]] = {}
    for before, after, group in zip(baseline, challenger, groups, strict=True):
        entry = sums.setdefault(group, [0.0, 0.0])
        entry[0] += float(after) - float(before)
        entry[1] += 1
    if len(sums) < 2:
        raise ValueError(f"wanted at least two groups of cases, got {len(sums)}")
    import numpy as np

    gains, sizes = np.array(list(sums.values())).T
    rng, means = np.random.default_rng(seed), []
    for _ in range(draws):
        drawn = rng.integers(0, len(gains), len(gains))
        means.append(gains[drawn].sum() / sizes[drawn].sum())
    tail = 50 * (1 - confidence)
    low, high = np.percentile(means, [tail, 100 - tail])
    return Interval(float(low), float(high))


def power(cases: int, gained: float, lost: float, alpha: float = 0.05) -> float:
    """Chance that exact McNemar on so many cases says "better".

    Args:
        cases: number of paired cases.
        gained, lost: the shares of cases that only the challenger, only the baseline gets right.
        alpha: level of the test.
    """
    if cases < 0 or min(gained, lost) < 0 or not 0 < gained + lost <= 1:
        raise ValueError(f"wanted cases >= 0 and 0 < gained + lost <= 1, got {cases}, {gained}, {lost}")
    import numpy as np
    from scipy.stats import binom

    discordant = np.arange(cases + 1)
    allowed = binom.ppf(alpha / 2, discordant, 0.5)  # losses at which the test may still reject, or one more
    allowed -= binom.cdf(allowed, discordant, 0.5) > alpha / 2
    rejects = binom.cdf(allowed, discordant, lost / (gained + lost))
    return float((binom.pmf(discordant, cases, gained + lost) * rejects).sum())


def cases_needed(gained: float, lost: float, *, wanted: float = 0.8, alpha: float = 0.05) -> int | None:
    """How many paired cases show the difference with a chance of `wanted`; None when more than MOST_CASES.

    The exact power goes up in a saw: the number is one at which it is reached and below whose half it is not.

    Args:
        gained, lost: as for `power`; gained must be the larger.
        wanted: the chance, within 0..1.
        alpha: level of the test.
    """
    if not lost < gained or not 0 < wanted < 1:
        raise ValueError(f"wanted gained > lost and 0 < wanted < 1, got {gained}, {lost}, {wanted}")
    above = 8
    while power(above, gained, lost, alpha) < wanted:
        above *= 2
        if above > MOST_CASES:
            return None
    below = above // 2
    while above - below > 1:
        middle = (below + above) // 2
        if power(middle, gained, lost, alpha) < wanted:
            below = middle
        else:
            above = middle
    return above


#: A difference of rates that is worth finding, where the cases so far show none.
WORTH = 0.05


class Needed(NamedTuple):
    """`cases`: how many would probably tell, None for more than MOST_CASES; `apart`: if the rates are so far apart."""

    cases: int | None
    apart: float


def needed(pairs: Pairs, alpha: float = 0.05) -> Needed:
    """How many cases would tell the two apart with a chance of 0.8, if all cases were like these.

    Where these show no difference, one of WORTH is looked for, among at least as many discordant pairs.
    """
    apart = abs(pairs.difference) or WORTH
    discordant = max(apart, (pairs.gained + pairs.lost) / pairs.total if pairs.total else 0.0)
    return Needed(cases_needed((discordant + apart) / 2, (discordant - apart) / 2, alpha=alpha), apart)


def kappa(first: Sequence[bool], second: Sequence[bool]) -> float | None:
    """Agreement of two judges beyond chance (Cohen 1960), -1..1; None where one of them says the same of all.

    Raises:
        ValueError: not the same cases.
    """
    total = len(first)
    if len(second) != total:
        raise ValueError(f"wanted the same cases, got {total} and {len(second)}")
    if len(set(first)) < 2 or len(set(second)) < 2:
        return None  # agreement beyond chance cannot be seen where nothing is told apart
    agreed = sum(a == b for a, b in zip(first, second, strict=True)) / total
    yes, also = sum(first) / total, sum(second) / total
    chance = yes * also + (1 - yes) * (1 - also)
    return (agreed - chance) / (1 - chance)


def kappa_interval(first: Sequence[bool], second: Sequence[bool]) -> Interval | None:
    """95% interval of `kappa` (Fleiss, Cohen and Everitt 1969, by statsmodels), within -1..1; None where it is None.

    Raises:
        ValueError: not the same cases.
    """
    if kappa(first, second) is None:
        return None
    from statsmodels.stats.inter_rater import cohens_kappa

    table = [[sum((a, b) == (x, y) for a, b in zip(first, second, strict=True)) for y in (0, 1)] for x in (0, 1)]
    found = cohens_kappa(table)
    return Interval(max(-1.0, float(found.kappa_low)), min(1.0, float(found.kappa_upp)))


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
