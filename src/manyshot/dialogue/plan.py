"""Values and calls that lead along a path in a world: the bones of a dialogue, without words.

The one rule: nothing is thought up about the world. Calls are made while planning, and a plan whose answers do not lead
the way of the path is thrown away and tried again with other values.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import rstr

from manyshot.data.slots import Slot
from manyshot.dialogue.company import Company, field_of_answer, written_out
from manyshot.dialogue.replay import unfit
from manyshot.flow.conditions import holds, parse, slots_of
from manyshot.flow.paths import Path, Walk
from manyshot.flow.steps import ELSE, FAILED, PLACE, Ask, Branch, CallTool, Flow, Handoff
from manyshot.protocols import World
from manyshot.schema_fit import misfit
from manyshot.types import Call, CallFault, Json, Observation, Setup
from manyshot.values import Kind

#: Attempts with other values before a path is given up.
TRIES = 300
#: Days ahead that customers ask for.
_DAYS = 21
_MOMENTS = frozenset({Kind.DATE, Kind.TIME, Kind.DATETIME})

Pools = Mapping[str, Sequence[Any]]
#: plain: failures come about by themselves where they can; faulty: they are injected; empty: calls whose answers lead
#: the wrong way find nothing.
Way = Literal["plain", "faulty", "empty"]
WAYS: tuple[Way, ...] = ("plain", "faulty", "empty")


@dataclass(frozen=True, slots=True)
class Done:
    """A step of the walk as it was planned: the values of all slots known after it, and its call with the answer."""

    step: int
    values: Json
    call: Call | None = None
    answered: Observation | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A walk with values that lead along it. `done` has one entry a step, branches too."""

    path: Path
    walk: Walk
    setup: Setup
    done: tuple[Done, ...]
    #: How it came about.
    way: Way


def plan(
    path: Path,
    company: Company,
    pools: Pools,
    seed: int = 0,
    setup: Setup | None = None,
    walk: Walk | None = None,
    ways: Sequence[Way] = WAYS,
    fixed: Mapping[str, Any] | None = None,
) -> Plan | None:
    """A plan for a walk of a path, the shortest if none is named; None when no values were found that lead along it.

    ways: those that are tried, in this order. fixed: slots whose value is given, where it leads the way. pools: values
    a slot or a field of its name may have, beside those that the flow, the world and the schemas give. The same
    arguments give the same plan.
    """
    start = setup or Setup()
    for way in ways:
        for n in range(TRIES if way == "plain" else TRIES // 3):
            rng = random.Random(f"{path.id} {seed} {way} {n}")
            attempt = _Attempt(path, walk or path.walks[0], company, pools, rng, start, way, fixed or {})
            if (found := attempt.run()) is not None:
                return found
    return None


@dataclass(slots=True)
class _Attempt:
    """One try."""

    path: Path
    walk: Walk
    company: Company
    pools: Pools
    rng: random.Random
    setup: Setup
    way: Way
    fixed: Mapping[str, Any]
    _state: list[Json] | None = None

    @property
    def flow(self) -> Flow:
        return self.company.flows[self.path.flow]

    def run(self) -> Plan | None:
        walk = self.walk
        faults = self._faults(walk)
        setup = self.setup.model_copy(update={"faults": (*self.setup.faults, *faults)})
        world = self.company.open(setup)
        values: Json = {slot: self._value(slot, walk, 0, {}, world) for slot in self.flow.given}
        done: list[Done] = []
        for n, (step, label) in enumerate(zip(walk.steps, walk.labels, strict=True)):
            call, answered = None, None
            if isinstance(step, Ask):
                for slot in step.slots:
                    values[slot] = self._value(slot, walk, n, values, world)
            elif isinstance(step, CallTool):
                call = Call(name=step.tool, arguments=written_out(step.arguments, values))
                if unfit(call, self.company):
                    return None
                answered, self._state = world.call(call), None
                if answered.ok == (label == FAILED):
                    return None
                if answered.ok:
                    values |= {slot: field_of_answer(answered.body, at) for slot, at in step.fills.items()}
            elif isinstance(step, Branch):
                self._judge(step, label, values)
                if not _leads(step, label, values):
                    return None
            done.append(Done(n, dict(values), call, answered))
        return Plan(self.path, walk, setup, tuple(done), self.way)

    def _faults(self, walk: Walk) -> Iterator[CallFault]:
        """Faults for the calls that are to fail and cannot fail by themselves."""
        made: dict[str, int] = {}
        for n, (step, label) in enumerate(zip(walk.steps, walk.labels, strict=True)):
            if not isinstance(step, CallTool):
                continue
            made[step.tool] = made.get(step.tool, 0) + 1
            if label == FAILED and (self.way != "plain" or not self._fails_by_itself(walk, n)):
                yield CallFault(call=step.tool, nth=made[step.tool], kind="error")
            elif self.way == "empty" and label != FAILED and _wants_nothing(walk, n):
                yield CallFault(call=step.tool, nth=made[step.tool], kind="empty")

    def _fails_by_itself(self, walk: Walk, at: int) -> bool:
        """Whether a failure is about the customer's values. A person who takes over for several calls alike is there
        for when the system is down."""
        then = walk.steps[at + 1]
        alike = sum(isinstance(step, CallTool) and step.failed == then.id for step in self.flow.steps)
        return bool(walk.steps[at].needs) and not (isinstance(then, Handoff) and alike > 1)

    def _judge(self, step: Branch, label: str, values: Json) -> None:
        """What the assistant judges is what the way needs."""
        for slot in step.needs:
            about = self.flow.slots[slot]
            if about.judged:
                fitting = [
                    value for value in about.values or (True, False) if _leads(step, label, {**values, slot: value})
                ]
                values[slot] = fitting[0] if fitting else None

    # values

    def _value(self, slot: str, walk: Walk, at: int, values: Json, world: World) -> Any:
        """A value for a slot that is asked for at a step, of those that lead the walk's way where that can be told."""
        about = self.flow.slots[slot]
        if slot in self.fixed and _suits(slot, self.fixed[slot], walk, at, values):
            return self.fixed[slot]
        found: Sequence[Any] = about.values or self._candidates(slot, walk, at, values, world)
        fitting = [value for value in found if _suits(slot, value, walk, at, values)]
        return self.rng.choice(fitting or list(found)) if found else about.about or slot

    def _candidates(self, slot: str, walk: Walk, at: int, values: Json, world: World) -> Sequence[Any]:
        use = _use(slot, walk, at)
        if use is None:
            return self.pools.get(slot, ())
        place, name = use
        step = walk.steps[place]
        assert isinstance(step, CallTool)
        field = next((one for one in self.company.tools[step.tool].slots if one.path == (name,)), None)
        schema: Json = self.company.tools[step.tool].tool.properties.get(name, {})
        if field is not None and self._refused(walk, place, field) and (strange := self._unknown(schema)):
            return [strange]
        if field is not None and field.field.kind in _MOMENTS:
            filled = {one for done in walk.steps[:at] if isinstance(done, CallTool) for one in done.fills}
            answers = [value for one, value in values.items() if one in filled]
            offered = [value for value in _scalars(answers) if _fits(value, schema)]
            return [value for value in offered or self._moments(field) if value != values.get(slot)]
        rows = [row for row in self._rows(world) if row.get(name) is not None or row.get(slot) is not None]
        # A row that would be answered with leads the way more often than any.
        told = [row for row in rows if _foretells(row, walk, place)] or rows
        values_there = (row[key] for row in told for key in (name, slot) if row.get(key) is not None)
        known = [value for value in dict.fromkeys(map(_hashable, values_there)) if _fits(value, schema)]
        return known or [*self.pools.get(slot, ()), *self.pools.get(name, ()), *_listed(schema)]

    def _rows(self, world: World) -> Sequence[Json]:
        """All rows as they are now; they change with calls only."""
        if self._state is None:
            self._state = [row for table in world.state().values() for row in table]
        return self._state

    def _refused(self, walk: Walk, at: int, slot: Slot) -> bool:
        """Whether a call is to fail because the world does not know this value."""
        fails = walk.labels[at] == FAILED and self.way == "plain" and self._fails_by_itself(walk, at)
        return fails and slot.field.kind in (Kind.ID, Kind.PHONE)

    def _unknown(self, schema: Json) -> str | None:
        """A value that fits the schema and that the world will not know."""
        pattern = schema.get("pattern")
        return rstr.Rstr(self.rng).xeger(pattern.strip("^$")) if isinstance(pattern, str) else None

    def _moments(self, slot: Slot) -> list[str]:
        today = self.company.context.today
        days = [today + timedelta(days=n) for n in range(1, _DAYS)]
        form = slot.field.form or "%Y-%m-%d"
        return [day.replace(hour=hour, minute=0).strftime(form) for day in days for hour in (9, 10, 14, 16)]


def _use(slot: str, walk: Walk, at: int) -> tuple[int, str] | None:
    """Where in the walk the next call takes a slot as an argument of its own, and the field's name."""
    for place in range(at, len(walk.steps)):
        step = walk.steps[place]
        for name, template in step.arguments.items() if isinstance(step, CallTool) else ():
            if isinstance(template, str) and (whole := PLACE.fullmatch(template)) and whole[1] == slot:
                return place, name
    return None


def _suits(slot: str, value: Any, walk: Walk, at: int, values: Json) -> bool:
    """Whether a value leads the walk's way at all branches that look at it before it is asked for again."""
    known = {**values, slot: value}
    for n in range(at + 1, len(walk.steps)):
        step = walk.steps[n]
        if isinstance(step, Ask) and slot in step.slots:
            return True
        if isinstance(step, Branch) and slot in step.needs and not _leads(step, walk.labels[n], known):
            return False
    return True


def _foretells(row: Json, walk: Walk, at: int) -> bool:
    """Whether the branches behind a call lead the walk's way if the call is answered with this row."""
    step = walk.steps[at]
    assert isinstance(step, CallTool)
    values = {slot: row[path] for slot, path in step.fills.items() if path in row}
    for n in range(at + 1, len(walk.steps)):
        then = walk.steps[n]
        if isinstance(then, CallTool):
            return True
        if isinstance(then, Branch) and values.keys() & set(then.needs) and not _leads(then, walk.labels[n], values):
            return False
    return True


def _leads(step: Branch, label: str, values: Json) -> bool:
    """Whether a branch may go this way; conditions of which nothing is known yet do not hinder it."""
    for arm in step.arms:
        taken = (ELSE if arm.when is None else arm.when) == label
        if arm.when is not None:
            condition = parse(arm.when)
            if slots_of(condition) <= values.keys() and holds(condition, values) != taken:
                return False
        if taken:
            return True
    return False


def _wants_nothing(walk: Walk, at: int) -> bool:
    """Whether the way behind a call is the one that is taken when what it fills is empty."""
    step = walk.steps[at]
    after = next((n for n in range(at + 1, len(walk.steps)) if isinstance(walk.steps[n], Branch)), None)
    if not isinstance(step, CallTool) or after is None or not step.fills:
        return False
    branch = walk.steps[after]
    assert isinstance(branch, Branch)
    empty = dict.fromkeys(step.fills)
    return bool(set(branch.needs) & empty.keys()) and _leads(branch, walk.labels[after], dict(empty))


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _scalars(part)
    elif value is not None:
        yield value


def _fits(value: Any, schema: Json) -> bool:
    try:
        return misfit({"value": value}, {"type": "object", "properties": {"value": schema}}) is None
    except (ArithmeticError, ValueError, RecursionError):
        return False


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else str(value)


def _listed(schema: Json) -> list[Any]:
    found = [*schema.get("enum", ()), *schema.get("examples", ())]
    if not found and schema.get("type") == "boolean":
        return [True, False]
    return found
