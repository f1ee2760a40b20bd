"""How many tokens samples have. One rule: they are counted by the tokenizer of the base that reads them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Lengths(NamedTuple):
    """Figures of one kind of text, in tokens; percentiles are lengths that occur. `over`: how many pass the limit."""

    name: str
    samples: int
    p50: int
    p90: int
    p99: int
    most: int
    over: int


def lengths(name: str, counts: Iterable[int], limit: int) -> Lengths:
    """counts: tokens of each sample; all figures are 0 where there is none."""
    found = sorted(counts)
    if not found:
        return Lengths(name, 0, 0, 0, 0, 0, 0)
    p50, p90, p99 = (_percentile(found, share) for share in (0.5, 0.9, 0.99))
    return Lengths(name, len(found), p50, p90, p99, found[-1], sum(count > limit for count in found))


def _percentile(found: Sequence[int], share: float) -> int:
    """The smallest length that at least this share of the samples do not pass."""
    return found[max(0, math.ceil(len(found) * share) - 1)]
