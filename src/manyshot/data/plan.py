"""Which values a tool's pairs combine: every pair of values in some request, then again.

A field's values are what values.yaml, an enum or a boolean lists. An open field that lists nothing (names, dates, free
text) is one value in the array and is drawn afresh for every request, so that the model learns to copy and not to
remember; listed free text is mixed with fresh one once each listed value has been used.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from manyshot.data.combine import ABSENT, Constraint, Coverage, Row, coverage, expand, size
from manyshot.data.pools import Pools
from manyshot.data.slots import Path, Slot, ToolSlots
from manyshot.types import Rule
from manyshot.values import Kind

#: In later rounds, how often a listed open value gives way to a fresh one.
FRESH = 0.6


class Plan:
    """Endless requests of one tool; a round is the full product while it fits the budget, else a covering array."""

    def __init__(
        self,
        tool: ToolSlots,
        pools: Pools,
        rng: random.Random,
        budget: int,
        *,
        strength: int = 2,
        rules: Sequence[Rule] = (),
    ) -> None:
        """`strength` of a covering array; `rules`: those of this tool."""
        self._strength = strength
        self.tool, self._pools, self._rng, self._budget = tool, pools, rng, budget
        self._slots = {s.path: s for s in tool.slots}
        sizes = {s.path: self._levels(s) for s in tool.slots}
        whole = {p: [*range(n), *([] if self._slots[p].required else [ABSENT])] for p, n in sizes.items()}
        if size(whole) <= budget:
            self.factors: Mapping[Any, Sequence[Any]] = whole
        else:
            # Presence is a factor of its own: as one more value it would be rare, and people leave much out.
            optional = [s.path for s in tool.slots if not s.required]
            self.factors = {**{p: range(n) for p, n in sizes.items()}, **{("?", *p): (True, False) for p in optional}}
        #: Fields of rules keep the values of their row: a fresh one would break the rule.
        self._ruled = {(name,) for rule in rules for name in (*rule.when, *rule.then)}
        self._constraints = [self._constraint(rule) for rule in rules]
        self._used: set[int] = set()
        self._stream = self._rounds()

    @cached_property
    def rows(self) -> list[Row]:
        """One round. Made when it is first needed: an array of long lists takes minutes, and who answers needs none."""
        return list(expand(self.factors, self._budget, strength=self._strength, constraints=self._constraints))

    def _constraint(self, rule: Rule) -> Constraint:
        """A rule as the covering array asks it."""
        names = (*rule.when, *rule.then)
        keys = [key for name in names for key in ((name,), ("?", name)) if key in self.factors]

        def allowed(row: Row) -> bool:
            if not all(self._value(row, name) in values for name, values in rule.when.items()):
                return True
            return all(self._value(row, name) in values for name, values in rule.then.items())

        return Constraint(tuple(dict.fromkeys(keys)), allowed)

    def _value(self, row: Row, name: str) -> Any:
        """What a row gives a top-level field: a listed value, LEFT_OUT, or (an open field) None."""
        level = row.get((name,), ABSENT)
        if level is ABSENT or not row.get(("?", name), True):
            return Rule.LEFT_OUT
        listed = self._listed(self._slots[(name,)]) if (name,) in self._slots else []
        return listed[level] if listed else None

    def _levels(self, slot: Slot) -> int:
        return max(1, len(self._listed(slot)))

    def _closed(self, slot: Slot) -> bool:
        return slot.field.kind in (Kind.ENUM, Kind.BOOLEAN) or "const" in slot.field.schema

    def _listed(self, slot: Slot) -> list[Any]:
        if self._closed(slot) or self._pools.listed(self.tool, slot):
            return self._pools.given(self.tool, slot)
        return []

    def _rounds(self) -> Iterator[tuple[int, dict[Path, Any]]]:
        for turn in itertools.count():
            for number in self._rng.sample(range(len(self.rows)), len(self.rows)):
                yield number, self.values(self.rows[number], fresh=FRESH if turn else 0.0)

    def values(self, row: Row, *, fresh: float = 0.0) -> dict[Path, Any]:
        """A row's values by path; `fresh`: how often a listed value of an open field is replaced by a new one."""
        out: dict[Path, Any] = {}
        for path, slot in self._slots.items():
            if path not in row or not row.get(("?", *path), True):
                continue
            listed = self._listed(slot)
            if listed and (self._closed(slot) or path in self._ruled or self._rng.random() >= fresh):
                out[path] = listed[row[path]]
            else:
                out[path] = self._pools.draw(self.tool, slot)
        return self._whole_objects(out)

    def _whole_objects(self, values: dict[Path, Any]) -> dict[Path, Any]:
        """An optional object is given with all it requires or not at all."""
        for slot in self._slots.values():
            parent = slot.path[:-1]
            if not parent or slot.required or slot.path in values:
                continue
            if slot.name in required_inside(self.tool, parent) and any(p[: len(parent)] == parent for p in values):
                values = {p: v for p, v in values.items() if p[: len(parent)] != parent}
        return values

    def next(self) -> tuple[int, dict[Path, Any]]:
        """The next request's values by path, and the number of its row."""
        return next(self._stream)

    def kept(self, row: int) -> None:
        """Note that a pair was made from this row."""
        self._used.add(row)

    def coverage(self) -> Coverage:
        """Pairs (tuples of `strength`) of levels that the kept rows hold, of all that the array holds."""
        reachable = coverage(self.factors, self.rows, self._strength)
        kept = coverage(self.factors, [self.rows[i] for i in sorted(self._used)], self._strength)
        return Coverage(self._strength, kept.covered, reachable.covered)


def required_inside(tool: ToolSlots, parent: Path) -> set[str]:
    """Names that an object at `parent` requires."""
    schema: Any = tool.tool.parameters
    for key in parent:
        schema = schema["properties"][key]
    return set(schema.get("required", ()))
