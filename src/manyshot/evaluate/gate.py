"""May a new assistant take the place of the old one? One rule: only what the cases show counts; a test that could not
have found a loss lets nothing pass.

The new one passes when the interval of its difference to the old one, case by case, ends above the loss that is
tolerated, and the interval of its own rate above the rate that is required. It fails when it is significantly worse and
may have lost more, or when even the upper end of its rate is below. Else nobody can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from manyshot import stats
from manyshot.errors import EvalError
from manyshot.evaluate.standings import SUITES, Result, Suite, paired
from manyshot.evaluate.summary import Tally
from manyshot.evaluate.table import p_value
from manyshot.types import Json

Said = Literal["pass", "worse", "cannot_tell"]
#: The graver last.
_ORDER: tuple[Said, ...] = ("pass", "cannot_tell", "worse")


@dataclass(frozen=True, slots=True)
class Demand:
    """What a gate asks for. `loss`: of the rate, 0..1, that is tolerated against the old one; `minimum`: the rate that
    is required."""

    loss: float = 0.05
    minimum: float | None = None
    alpha: float = 0.05


@dataclass(frozen=True, slots=True)
class Gated:
    """One suite at the gate."""

    suite: Suite
    new: Tally
    old: Tally
    """Both on the cases that both were given."""
    pairs: stats.Pairs
    alone: tuple[int, int]
    """Cases that only the new one, only the old one was given; they count for nothing."""
    against: Said
    required: Said
    demand: Demand

    @property
    def said(self) -> Said:
        """The graver of both verdicts."""
        return max(self.against, self.required, key=_ORDER.index)

    @property
    def difference(self) -> stats.Interval:
        """New minus old."""
        return stats.difference(self.pairs, 1 - self.demand.alpha)

    @property
    def cases(self) -> int | None:
        """How many cases of this kind would show that the loss is within what is tolerated, had the new one lost
        nothing; None where nothing is tolerated."""
        return _cases(self.pairs, self.demand)


def gate(new: Iterable[Result], old: Iterable[Result], demand: Demand) -> list[Gated]:
    """The verdict on each suite. Raises EvalError where the two were not given the same suites and cases."""
    sides = [_by_suite(results) for results in (new, old)]
    suites = [suite for suite in SUITES if suite in sides[0] or suite in sides[1]]
    for suite in suites:
        for side, name, other in ((0, "the new one", "the old one"), (1, "the old one", "the new one")):
            if suite not in sides[side]:
                raise EvalError(f"{name} was not tried on {suite}, {other} was; compare both on them, or name --suite")
    return [_gated(suite, sides[0][suite], sides[1][suite], demand) for suite in suites]


def overall(found: Sequence[Gated]) -> Said:
    """The gravest verdict."""
    return max((one.said for one in found), key=_ORDER.index)


def _by_suite(results: Iterable[Result]) -> dict[Suite, list[Result]]:
    out: dict[Suite, list[Result]] = {}
    for result in results:
        out.setdefault(result.suite, []).append(result)
    return out


def _gated(suite: Suite, new: Sequence[Result], old: Sequence[Result], demand: Demand) -> Gated:
    pairs = paired(old, new)
    if not pairs.total:
        raise EvalError(f"{suite}: the two have no case in common; answer the same tests with both")
    mine = Tally(pairs.both + pairs.gained, pairs.total)
    theirs = Tally(pairs.both + pairs.lost, pairs.total)
    alone = len(new) - pairs.total, len(old) - pairs.total
    return Gated(suite, mine, theirs, pairs, alone, _against(pairs, demand), _required(mine, demand), demand)


def _against(pairs: stats.Pairs, demand: Demand) -> Said:
    if stats.difference(pairs, 1 - demand.alpha).low >= -demand.loss:
        return "pass"
    return "worse" if stats.verdict(pairs, demand.alpha) == "worse" else "cannot_tell"


def _required(mine: Tally, demand: Demand) -> Said:
    if demand.minimum is None:
        return "pass"
    low, high = stats.wilson(mine.right, mine.total, 1 - demand.alpha)
    return "pass" if low >= demand.minimum else "worse" if high < demand.minimum else "cannot_tell"


def _cases(pairs: stats.Pairs, demand: Demand) -> int | None:
    """By the length of the interval: as many discordant cases a case as so far, half of them each way."""
    if demand.loss <= 0:
        return None
    share = (pairs.gained + pairs.lost) / pairs.total
    cases = 8
    while cases <= stats.MOST_CASES:
        apart = round(share * cases / 2)
        even = stats.Pairs(cases - 2 * apart, apart, apart, 0)
        if stats.difference(even, 1 - demand.alpha).low >= -demand.loss:
            return cases
        cases += max(1, cases // 50)
    return None


def lines(one: Gated) -> list[str]:
    """A verdict in words."""
    low, high = one.difference
    demand, w = one.demand, {"pass": "pass", "worse": "FAIL", "cannot_tell": "CANNOT TELL"}
    out = [
        f"{one.suite}: new {one.new.right}, old {one.old.right} of {one.new.total}; "
        f"+{one.pairs.gained} -{one.pairs.lost}, {p_value(stats.mcnemar(one.pairs))}",
        f"  {w[one.against]}: difference {one.pairs.difference:+.1%} ({low:+.1%} to {high:+.1%}), "
        f"tolerated -{demand.loss:.1%}",
    ]
    if any(one.alone):
        out.insert(
            1, f"  not counted: {one.alone[0]} cases that only the new one answered, {one.alone[1]} only the old"
        )
    if demand.minimum is not None:
        low, high = stats.wilson(one.new.right, one.new.total, 1 - demand.alpha)
        out.append(
            f"  {w[one.required]}: right {one.new.rate or 0:.1%} ({low:.1%} to {high:.1%}), "
            f"required {demand.minimum:.1%}"
        )
    if one.against == "cannot_tell":
        out.append(
            f"  some {one.cases} cases would tell, if the new one is as good as the old" if one.cases
            else "  with no loss tolerated only a better one passes; tolerate one with --loss"
        )  # fmt: skip
    return out


def numbers(found: Sequence[Gated]) -> Json:
    """The verdicts as plain JSON."""
    return {"verdict": overall(found), "suites": {one.suite: _numbers(one) for one in found}}


def _numbers(one: Gated) -> Json:
    low, high = one.difference
    return {
        "verdict": one.said, "against": one.against, "required": one.required,
        "new": one.new.right, "old": one.old.right, "total": one.new.total,
        "only_new": one.alone[0], "only_old": one.alone[1],
        "gained": one.pairs.gained, "lost": one.pairs.lost, "p": stats.mcnemar(one.pairs),
        "difference": one.pairs.difference, "low": low, "high": high,
        "cases_needed": one.cases if one.against == "cannot_tell" else None,
    }  # fmt: skip
