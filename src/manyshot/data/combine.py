"""Values -> combinations: the full product while it fits, else a covering array; lazily, in constant memory.

Source: covering arrays of strength t hold every t-tuple of values in some row (Kuhn, Kacker, Lei, "Practical
Combinatorial Testing", NIST SP 800-142). The arrays come from covertable.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from covertable import make

#: Stands for "this optional parameter is left out" among a factor's values.
ABSENT = object()

Row = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class Constraint:
    """A rule between fields: `allowed` sees a row that holds at least `keys`."""

    keys: tuple[Any, ...]
    allowed: Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the possible value pairs (or t-tuples) some row holds."""

    strength: int
    covered: int
    possible: int

    @property
    def share(self) -> float:
        return self.covered / self.possible if self.possible else 1.0


def size(factors: Mapping[Any, Sequence[Any]]) -> int:
    """Rows of the full product."""
    return math.prod(len(v) for v in factors.values())


def product(factors: Mapping[Any, Sequence[Any]], constraints: Sequence[Constraint] = ()) -> Iterator[Row]:
    """Every combination, one at a time; never more than one in memory."""
    keys = list(factors)
    for values in itertools.product(*(factors[k] for k in keys)):
        row = dict(zip(keys, values, strict=True))
        if all(c.allowed(row) for c in constraints):
            yield row


def expand(
    factors: Mapping[Any, Sequence[Any]], budget: int, *, strength: int = 2, constraints: Sequence[Constraint] = ()
) -> Iterator[Row]:
    """The full product while it has at most `budget` rows, else a covering array of the given strength.

    ABSENT among a factor's values leaves the key out of a row. A covering array is as long as it must be, also when
    that is more than the budget: cutting it would break its promise. Rows that break the constraint are left out of
    both (in a covering array their other pairs are covered elsewhere).
    """
    if not factors:
        yield {}
        return
    rows = product(factors, constraints) if size(factors) <= budget else covering(factors, strength, constraints)
    for row in rows:
        yield {k: v for k, v in row.items() if v is not ABSENT}


def covering(
    factors: Mapping[Any, Sequence[Any]], strength: int = 2, constraints: Sequence[Constraint] = ()
) -> Iterator[Row]:
    """Rows that hold every t-tuple of values that the constraints allow."""
    keys = list(factors)
    if len(keys) < strength:
        yield from product(factors, constraints)
        return
    # Indices stand for values: values may be unhashable (lists) or equal across types (1 and True).
    levels = {str(i): list(range(len(factors[k]))) for i, k in enumerate(keys)}

    def row_of(indices: Mapping[str, int]) -> Row:
        return {keys[int(i)]: factors[keys[int(i)]][j] for i, j in indices.items()}

    rules = [
        {
            "operator": "fn",
            "requires": [str(keys.index(k)) for k in c.keys],
            "evaluate": lambda row, c=c: c.allowed(row_of(row)),
        }
        for c in constraints
    ]
    for row in make(levels, strength=strength, constraints=rules):
        yield row_of(row)


def coverage(factors: Mapping[Any, Sequence[Any]], rows: Sequence[Row], strength: int = 2) -> Coverage:
    """Count the t-tuples of values that the rows hold; a key that a row leaves out counts as ABSENT."""
    keys = list(factors)
    index = {k: {_key(v): i for i, v in enumerate(factors[k])} for k in keys}
    seen: set[tuple[tuple[int, int], ...]] = set()
    for row in rows:
        marks = [
            (i, index[k][_key(row.get(k, ABSENT))]) for i, k in enumerate(keys) if _key(row.get(k, ABSENT)) in index[k]
        ]
        seen.update(itertools.combinations(marks, min(strength, len(keys))))
    possible = sum(
        math.prod(len(factors[k]) for k in group) for group in itertools.combinations(keys, min(strength, len(keys)))
    )
    return Coverage(strength, len(seen), possible)


def _key(value: Any) -> str:
    return "\0absent" if value is ABSENT else f"{type(value).__name__}:{value!r}"
