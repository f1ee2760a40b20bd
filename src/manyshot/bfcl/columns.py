"""Right answers by category -> the columns of the leaderboard, averaged as it averages them (BFCL V4).

One rule: a category that was not asked is N/A where it is shown, and counts as 0 in what is averaged over it and shown
all the same, as with the reference. That is why the overall figure of single-turn categories alone cannot pass 30%.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

#: What the overall figure weighs, in percent: non-live, live, irrelevance, multi-turn, agentic.
WEIGHTS = (10, 10, 10, 30, 40)
NON_LIVE = ("simple", "multiple", "parallel", "parallel_multiple")
SIMPLE = ("simple_python", "simple_java", "simple_javascript")
LIVE = ("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple")


class Tally(NamedTuple):
    """A category: entries that were right, asked, and that the benchmark has."""

    right: int
    asked: int
    size: int

    @property
    def rate(self) -> float:
        return self.right / self.asked if self.asked else 0.0


class Column(NamedTuple):
    """`rate` from 0 to 1; None where a category in it was not asked at all."""

    name: str
    rate: float | None
    #: Entries that were asked for it.
    asked: int


def columns(found: Mapping[str, Tally]) -> list[Column]:
    """The leaderboard's columns in its order, of tallies by category; a category without entries was not asked."""
    none = Tally(0, 0, 0)
    tally = {name: found.get(name, none) for name in (*SIMPLE, *NON_LIVE[1:], "irrelevance", *LIVE, *_LIVE_OTHERS)}
    simple = _mean(SIMPLE, tally)
    non_live = (simple + sum(tally[name].rate for name in NON_LIVE[1:])) / len(NON_LIVE)
    size = sum(tally[name].size for name in LIVE)
    live = sum(tally[name].rate * tally[name].size for name in LIVE) / size if size else 0.0
    unrelated = _mean(("irrelevance", "live_irrelevance"), tally)
    overall = sum(w * rate for w, rate in zip(WEIGHTS, (non_live, live, unrelated), strict=False)) / sum(WEIGHTS)
    every = (*SIMPLE, *NON_LIVE[1:])
    return [
        Column("Overall Acc", overall, sum(one.asked for one in tally.values())),
        _shown("Non-Live AST Acc", non_live, every, tally),
        _shown("Non-Live Simple AST", simple, SIMPLE, tally),
        *(_shown(f"Non-Live {_title(name)} AST", tally[name].rate, (name,), tally) for name in NON_LIVE[1:]),
        Column("Live Acc", live, sum(tally[name].asked for name in LIVE)),
        *(_shown(f"Live {_title(name[5:])} AST", tally[name].rate, (name,), tally) for name in LIVE),
        _shown("Relevance Detection", tally["live_relevance"].rate, ("live_relevance",), tally),
        _shown("Irrelevance Detection", unrelated, ("irrelevance", "live_irrelevance"), tally),
    ]


_LIVE_OTHERS = ("live_irrelevance", "live_relevance")


def _mean(names: Sequence[str], tally: Mapping[str, Tally]) -> float:
    return sum(tally[name].rate for name in names) / len(names)


def _shown(name: str, rate: float, of: Sequence[str], tally: Mapping[str, Tally]) -> Column:
    whole = all(tally[one].asked for one in of)
    return Column(name, rate if whole else None, sum(tally[one].asked for one in of))


def _title(name: str) -> str:
    return name.replace("_", " ").title()
