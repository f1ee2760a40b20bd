"""Things in order laid beside steps in order, at the best score.

Dynamic programming from the last step backwards, without recursion, as in alignments of sequences (Needleman and
Wunsch, 1970). The one rule: each step takes a run of things that stand together, or none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

#: Things that one step takes at most.
LONGEST = 6


@dataclass(frozen=True, slots=True)
class _Way:
    """The best way from some thing and step on: its score, the run that is taken first, and the way behind it."""

    score: float
    first: int = 0
    last: int = -1
    step: int = -1
    rest: _Way | None = None


def lay(
    things: int, steps: int, fit: Callable[[int, int, int], float | None], skip: Callable[[int], float | None]
) -> tuple[float, dict[int, int]] | None:
    """(score, thing -> step) for all things; None when there is no way.

    Args:
        things: how many there are.
        steps: how many there are.
        fit: (first, last, step) -> score of a step with these things, None when it cannot take them.
        skip: step -> what it costs to leave it without a thing, None when it must have one.
    """
    after: list[_Way | None] = [None] * things + [_Way(0.0)]
    for step in reversed(range(steps)):
        cost = skip(step)
        here: list[_Way | None] = []
        for first in range(things + 1):
            ways: list[_Way] = []
            if cost is not None and (rest := after[first]) is not None:
                ways.append(_Way(rest.score - cost, rest.first, rest.last, rest.step, rest.rest))
            for last in range(first, min(things, first + LONGEST)):
                then, score = after[last + 1], None
                if then is not None and (score := fit(first, last, step)) is not None:
                    ways.append(_Way(score + then.score, first, last, step, then))
            here.append(max(ways, key=lambda way: way.score, default=None))
        after = here
    best = after[0]
    return None if best is None else (best.score, _pairs(best))


def _pairs(way: _Way) -> dict[int, int]:
    found: dict[int, int] = {}
    here: _Way | None = way
    while here is not None:
        found.update(dict.fromkeys(range(here.first, here.last + 1), here.step))
        here = here.rest
    return found
