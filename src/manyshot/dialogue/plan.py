"""Values and calls that lead along a path in a world: the bones of a dialogue, without words.

The one rule: nothing is thought up about the world. Calls are made while planning, and a plan whose answers do not lead
the way of the path is thrown away and tried again with other values.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import rstr

from manyshot.data.slots import Slot
from manyshot.dialogue.changes import State
from manyshot.dialogue.company import Company, field_of_answer, written_out
from manyshot.dialogue.replay import unfit
from manyshot.flow.conditions import holds, parse, slots_of
from manyshot.flow.paths import Path, Walk
from manyshot.flow.steps import ELSE, FAILED, PLACE, Ask, Branch, CallTool, Flow, Handoff, Step
from manyshot.protocols import World
from manyshot.schema_fit import misfit
from manyshot.types import Call, CallFault, Json, Observation, Setup
from manyshot.values import Kind

#: Attempts with other values before a path is given up, and those at one question before an earlier one is asked anew.
TRIES = 300
_DRAWS = 12
#: What a try counts where no value that is known can lead on.
_HOPELESS = 30
#: Answers that are kept: the same beginnings of episodes come again and again.
_ANSWERS = 20_000
#: Days ahead that customers ask for.
_DAYS = 21
_MOMENTS = frozenset({Kind.DATE, Kind.TIME, Kind.DATETIME})
#: Kinds of values that need not stand in the world already.
_ANYBODY = frozenset({Kind.PERSON, Kind.ADDRESS})

Pools = Mapping[str, Sequence[Any]]
#: plain: failures come about by themselves where they can; mixed: those that an unknown id brings about, the others are
#: injected; faulty: all are injected; empty: calls whose answers lead the wrong way find nothing.
Way = Literal["plain", "mixed", "faulty", "empty"]
WAYS: tuple[Way, ...] = ("plain", "mixed", "faulty", "empty")


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


@dataclass(slots=True)
class Ground:
    """What plans of one company share, so that it is found out once: how its worlds begin, and where a walk's slots
    are used. It changes no plan, only how fast it comes."""

    company: Company
    #: Rows of worlds as they begin, by seed.
    _rows: dict[int, Sequence[Json]] = field(default_factory=dict)
    #: Calls of an episode so far -> the answer to the last one, and whether it changed anything.
    _answers: dict[str, tuple[Observation, bool]] = field(default_factory=dict)
    _first: dict[str, Observation | None] = field(default_factory=dict)
    _known: dict[tuple[Any, ...], Sequence[Any]] = field(default_factory=dict)
    _judges: dict[tuple[int, int, str], tuple[int, ...]] = field(default_factory=dict)
    _moments: dict[str, Sequence[str]] = field(default_factory=dict)
    #: Walks of which something is kept: as long as they are here, their id() is theirs.
    _walks: dict[int, Walk] = field(default_factory=dict)

    def rows(self, start: Setup) -> Sequence[Json]:
        """All rows of a world as it begins."""
        if start.rows:
            return _rows_of(self.company.begun(start))
        if start.seed not in self._rows:
            self._rows[start.seed] = _rows_of(self.company.begun(start))
        return self._rows[start.seed]

    def answer(self, episode: _Episode) -> tuple[Observation, bool]:
        """What the last call of an episode gets, and whether it changed anything."""
        if episode.key not in self._answers:
            if len(self._answers) >= _ANSWERS:
                self._answers.clear()
            self._answers[episode.key] = episode.made()
        return self._answers[episode.key]

    def judges(self, slot: str, walk: Walk, at: int) -> tuple[int, ...]:
        """The branches behind a step of a walk that look at a slot before it is asked for again."""
        key = (id(self._walks.setdefault(id(walk), walk)), at, slot)
        if key not in self._judges:
            self._judges[key] = tuple(_judges(slot, walk, at))
        return self._judges[key]

    def known(self, slot: str, walk: Walk, at: int, use: _Use, start: _Start) -> Sequence[Any]:
        """Values of rows that begin a world which a slot may have, those that lead the walk's way where that can be
        told; [] where it can and none does."""
        if self._rows.get(start.seed) is not start.rows:
            return _known(slot, walk, use, start.rows)
        key = (id(self._walks.setdefault(id(walk), walk)), at, slot, start.seed, start.way)
        if key not in self._known:
            told = self._leading(_values(slot, use, start.rows), slot, walk, use, start)
            self._known[key] = _known(slot, walk, use, start.rows) if told is None else told
        return self._known[key]

    def told(self, found: Sequence[Any], slot: str, walk: Walk, at: int, use: _Use, start: _Start) -> Sequence[Any]:
        """As `known`, of values that stand in no row, the same for all plans of a company."""
        if self._rows.get(start.seed) is not start.rows:
            return found
        key = (id(self._walks.setdefault(id(walk), walk)), at, slot, start.seed, start.way, "told")
        if key not in self._known:
            told = self._leading(found, slot, walk, use, start)
            self._known[key] = found if told is None else told
        return self._known[key]

    def _leading(self, found: Sequence[Any], slot: str, walk: Walk, use: _Use, start: _Start) -> Sequence[Any] | None:
        """Of these values, those with which the call that takes nothing else leads the walk's way; None where that
        cannot be told beforehand."""
        step = walk.steps[use.step]
        wanted = walk.labels[use.step] == FAILED or (start.way == "empty" and _wants_nothing(walk, use.step))
        if not isinstance(step, CallTool) or set(step.needs) != {slot} or wanted:
            return None
        return [value for value in found if self._answered_well(value, slot, walk, use.step, step, start.seed)]

    def _answered_well(self, value: Any, slot: str, walk: Walk, at: int, step: CallTool, seed: int) -> bool:
        answered = self._alone(Call(name=step.tool, arguments=written_out(step.arguments, {slot: value})), seed)
        if answered is None or not answered.ok:
            return False
        values = {slot: value} | {one: field_of_answer(answered.body, path) for one, path in step.fills.items()}
        for then, label in zip(walk.steps[at + 1 :], walk.labels[at + 1 :], strict=True):
            if isinstance(then, Branch) and not _leads(then, label, values):
                return False
            anew = then.slots if isinstance(then, Ask) else then.fills if isinstance(then, CallTool) else ()
            values = {one: there for one, there in values.items() if one not in anew}
        return True

    def _alone(self, call: Call, seed: int) -> Observation | None:
        """What a call gets in a world that has just begun; None for one that cannot be made."""
        key = f"{seed}\n{call.model_dump_json()}"
        if key not in self._first:
            episode = _Episode(self.company, Setup(seed=seed), str(seed))
            episode.then(call)
            self._first[key] = None if unfit(call, self.company) else self.answer(episode)[0]
        return self._first[key]

    def moments(self, slot: Slot) -> Sequence[str]:
        """Days and hours ahead, in the form of a slot."""
        form = slot.field.form or "%Y-%m-%d"
        if form not in self._moments:
            today = self.company.context.today
            days = [today + timedelta(days=n) for n in range(1, _DAYS)]
            hours = (9, 10, 14, 16)
            found = (day.replace(hour=hour, minute=0).strftime(form) for day in days for hour in hours)
            self._moments[form] = list(dict.fromkeys(found))
        return self._moments[form]


def plan(
    path: Path,
    company: Company,
    pools: Pools,
    seed: int = 0,
    setup: Setup | None = None,
    walk: Walk | None = None,
    ways: Sequence[Way] = WAYS,
    fixed: Mapping[str, Any] | None = None,
    ground: Ground | None = None,
) -> Plan | None:
    """A plan for a walk of a path, the shortest if none is named; None when no values were found that lead along it.

    ways: those that are tried, in this order. fixed: slots whose value is given, where it leads the way. pools: values
    a slot or a field of its name may have, beside those that the flow, the world and the schemas give. ground: shared
    by many plans of a company. The same other arguments give the same plan.
    """
    start, along = setup or Setup(), walk or path.walks[0]
    ground = ground or Ground(company)
    rows = ground.rows(start)
    for way in ways:
        faults = _faults(along, way, company.flows[path.flow], company)
        faulty = start.model_copy(update={"faults": (*start.faults, *faults)})
        key = faulty.model_dump_json()
        rng = random.Random(f"{path.id} {seed} {way}")
        search = _Search(
            path, along, ground, pools, rng, _Episode(company, faulty, key), _Start(start.seed, rows, way), fixed or {}
        )
        if (found := search.run(TRIES if way == "plain" else TRIES // 3)) is not None:
            return found
    return None


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a search begins: the world's seed and its rows, and how failures come about."""

    seed: int
    rows: Sequence[Json]
    way: Way


def _rows_of(state: State) -> list[Json]:
    return [row for table in state.values() for row in table]


@dataclass(slots=True)
class _Episode:
    """Calls in a world that is opened only when an answer is not known yet. `key`: its setup and calls in one text."""

    company: Company
    setup: Setup
    key: str
    calls: tuple[Call, ...] = ()
    _world: World | None = None
    _made: int = 0

    def then(self, call: Call) -> None:
        """One more call."""
        self.calls = (*self.calls, call)
        self.key += f"\n{call.model_dump_json()}"

    def until(self, calls: int) -> _Episode:
        """The same episode after fewer calls; a world that went further is of no use to it."""
        if calls == len(self.calls):
            return self
        key = "\n".join(self.key.split("\n")[: calls + 1])
        return _Episode(self.company, self.setup, key, self.calls[:calls])

    def made(self) -> tuple[Observation, bool]:
        """The world's answer to the last call, and whether it changed anything."""
        answered = Observation()
        world = self.world()
        while self._made < len(self.calls):
            answered = world.call(self.calls[self._made])
            self._made += 1
        return answered, answered.ok and not _reads(world, self.calls[-1].name)

    def world(self) -> World:
        if self._world is None:
            self._world = self.company.open(self.setup)
        return self._world

    def rows(self) -> list[Json]:
        """All rows as they are after the calls."""
        self.made()
        return _rows_of(self.world().state())


@dataclass(slots=True)
class _Mark:
    """A question, as things stood before it was answered."""

    at: int
    values: Json
    calls: int
    changed: bool
    draws: int = _DRAWS


@dataclass(slots=True)
class _Search:
    """Goes along a walk; where its values lead another way, the last question is answered anew, then one before it."""

    path: Path
    walk: Walk
    ground: Ground
    pools: Pools
    rng: random.Random
    episode: _Episode
    start: _Start
    fixed: Mapping[str, Any]
    _values: Json = field(default_factory=dict)
    _done: list[Done] = field(default_factory=list)
    _marks: list[_Mark] = field(default_factory=list)
    #: Whether a call changed something, and the rows after it; None: not looked at yet.
    _changed: bool = False
    _rows: Sequence[Json] | None = None
    #: Whether a value had to be given of which it is known that it does not lead on.
    _hopeless: bool = False

    @property
    def company(self) -> Company:
        return self.ground.company

    @property
    def flow(self) -> Flow:
        return self.company.flows[self.path.flow]

    def run(self, tries: int) -> Plan | None:
        """A plan, None when none was found in so many tries."""
        n = self._begin()
        while n < len(self.walk.steps):
            if self._step(n):
                n += 1
                continue
            tries -= _HOPELESS if self._hopeless else 1
            if tries <= 0:
                return None
            n = self._back()
        return Plan(self.path, self.walk, self.episode.setup, tuple(self._done), self.start.way)

    def _begin(self) -> int:
        self._to(_Mark(0, {}, 0, False))
        for slot in self.flow.given:
            self._values[slot] = self._value(slot, self.walk, 0, self._values)
        return 0

    def _back(self) -> int:
        """To the last question that may be answered anew, or to the beginning; the step to go on with."""
        while self._marks and not self._marks[-1].draws:
            self._marks.pop()
        if not self._marks:
            return self._begin()
        self._marks[-1].draws -= 1
        self._to(self._marks[-1])
        return self._marks[-1].at

    def _to(self, mark: _Mark) -> None:
        self._values, self._changed, self._rows = dict(mark.values), mark.changed, None
        del self._done[mark.at :]
        self.episode = self.episode.until(mark.calls)

    def _step(self, n: int) -> bool:
        """Go one step; whether it led the way of the walk."""
        step, label, values = self.walk.steps[n], self.walk.labels[n], self._values
        call, answered = None, None
        if isinstance(step, Ask):
            if not self._marks or self._marks[-1].at < n:
                self._marks.append(_Mark(n, dict(values), len(self.episode.calls), self._changed))
            for slot in step.slots:
                values[slot] = self._value(slot, self.walk, n, values)
        elif isinstance(step, CallTool):
            call = Call(name=step.tool, arguments=written_out(step.arguments, values))
            if unfit(call, self.company):
                return False
            answered = self._called(call)
            if answered.ok == (label == FAILED):
                return False
            if answered.ok:
                values |= {slot: field_of_answer(answered.body, at) for slot, at in step.fills.items()}
        elif isinstance(step, Branch):
            self._judge(step, label, values)
            if not _leads(step, label, values):
                return False
        self._done.append(Done(n, dict(values), call, answered))
        return True

    def _called(self, call: Call) -> Observation:
        self.episode.then(call)
        answered, changed = self.ground.answer(self.episode)
        if changed:
            self._changed, self._rows = True, None
        return answered

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

    def _value(self, slot: str, walk: Walk, at: int, values: Json) -> Any:
        """A value for a slot that is asked for at a step, of those that lead the walk's way where that can be told."""
        about = self.flow.slots[slot]
        judges = self.ground.judges(slot, walk, at)
        if slot in self.fixed and _suits(slot, self.fixed[slot], walk, judges, values):
            return self.fixed[slot]
        found: Sequence[Any] = about.values or self._candidates(slot, walk, at, values)
        fitting = [value for value in found if _suits(slot, value, walk, judges, values)] if judges else found
        return self.rng.choice(fitting or found) if found else about.about or slot

    def _candidates(self, slot: str, walk: Walk, at: int, values: Json) -> Sequence[Any]:
        use = _use(slot, walk, at, self.company)
        if use is None:
            return self.pools.get(slot, ())
        if use.slot is not None and self._refused(walk, use.step, use.slot) and (strange := self._unknown(use.schema)):
            return [strange]
        if use.slot is not None and use.slot.field.kind in _MOMENTS:
            filled = {one for done in walk.steps[:at] if isinstance(done, CallTool) for one in done.fills}
            answers = [value for one, value in values.items() if one in filled]
            offered = [value for value in _scalars(answers) if _fits(value, use.schema)]
            ahead = () if offered else self._told(self.ground.moments(use.slot), slot, at, use)
            return [value for value in offered or ahead if value != values.get(slot)]
        known = self._known(slot, walk, at, use)
        others = (*self.pools.get(slot, ()), *self.pools.get(use.name, ()), *_listed(use.schema))
        if use.slot is not None and use.slot.field.kind in _ANYBODY and known:
            return [*known, *others]  # new customers come from anywhere
        return known or self._told(others, slot, at, use)

    def _told(self, found: Sequence[Any], slot: str, at: int, use: _Use) -> Sequence[Any]:
        """Of values that stand in no row, those that lead on; all where none does."""
        if self._changed or not found:
            return found
        told = self.ground.told(found, slot, self.walk, at, use, self.start)
        self._hopeless = self._hopeless or not told
        return told or found

    def _known(self, slot: str, walk: Walk, at: int, use: _Use) -> Sequence[Any]:
        """Values that stand in the world as it is now; it changes with calls only."""
        if not self._changed:
            return self.ground.known(slot, walk, at, use, self.start)
        if self._rows is None:
            self._rows = self.episode.rows()
        return _known(slot, walk, use, self._rows)

    def _refused(self, walk: Walk, at: int, slot: Slot) -> bool:
        """Whether a call is to fail because the world does not know this value."""
        fails = walk.labels[at] == FAILED and self.start.way in ("plain", "mixed")
        fails = fails and _fails_by_itself(walk, at, self.flow)
        return fails and slot.field.kind in (Kind.ID, Kind.PHONE)

    def _unknown(self, schema: Json) -> str | None:
        """A value that fits the schema and that the world will not know."""
        pattern = schema.get("pattern")
        return rstr.Rstr(self.rng).xeger(pattern.strip("^$")) if isinstance(pattern, str) else None


def _reads(world: World, name: str) -> bool:
    """Whether a tool is known to change nothing."""
    marked = getattr(world, "reads", None)
    return bool(marked and marked(name))


def _faults(walk: Walk, way: Way, flow: Flow, company: Company) -> Iterator[CallFault]:
    """Faults for the calls that are to fail and cannot fail by themselves."""
    made: dict[str, int] = {}
    for n, (step, label) in enumerate(zip(walk.steps, walk.labels, strict=True)):
        if not isinstance(step, CallTool):
            continue
        made[step.tool] = made.get(step.tool, 0) + 1
        by_itself = _fails_by_itself(walk, n, flow) and (way != "mixed" or _takes_unknown(walk, n, company))
        if label == FAILED and (way not in ("plain", "mixed") or not by_itself):
            yield CallFault(call=step.tool, nth=made[step.tool], kind="error")
        elif way == "empty" and label != FAILED and _wants_nothing(walk, n):
            yield CallFault(call=step.tool, nth=made[step.tool], kind="empty")


def _fails_by_itself(walk: Walk, at: int, flow: Flow) -> bool:
    """Whether a failure is about the customer's values. A person who takes over for several calls alike is there
    for when the system is down."""
    then = walk.steps[at + 1]
    alike = sum(isinstance(step, CallTool) and step.failed == then.id for step in flow.steps)
    return bool(walk.steps[at].needs) and not (isinstance(then, Handoff) and alike > 1)


def _takes_unknown(walk: Walk, at: int, company: Company) -> bool:
    """Whether a call takes an id that no call of the walk took well since it was asked for."""
    step = walk.steps[at]
    well: set[str] = set()
    for before, label in zip(walk.steps[:at], walk.labels[:at], strict=True):
        if isinstance(before, Ask):
            well -= set(before.slots)
        elif isinstance(before, CallTool) and label != FAILED:
            well |= set(before.needs)
    uses = (_use(slot, walk, at, company) for slot in step.needs if slot not in well)
    return any(use and use.step == at and use.slot and use.slot.field.kind in (Kind.ID, Kind.PHONE) for use in uses)


@dataclass(frozen=True, slots=True)
class _Use:
    """Where in a walk a call takes a slot as an argument of its own: the step, and the field."""

    step: int
    name: str
    slot: Slot | None
    schema: Json


def _use(slot: str, walk: Walk, at: int, company: Company) -> _Use | None:
    """The next use of a slot; None where no call takes it."""
    for place in range(at, len(walk.steps)):
        step = walk.steps[place]
        for name, template in step.arguments.items() if isinstance(step, CallTool) else ():
            if isinstance(template, str) and (whole := PLACE.fullmatch(template)) and whole[1] == slot:
                assert isinstance(step, CallTool)
                tool = company.tools[step.tool]
                found = next((one for one in tool.slots if one.path == (name,)), None)
                return _Use(place, name, found, tool.tool.properties.get(name, {}))
    return None


def _known(slot: str, walk: Walk, use: _Use, rows: Sequence[Json]) -> list[Any]:
    """Values of rows that a slot may have."""
    having = [row for row in rows if row.get(use.name) is not None or row.get(slot) is not None]
    # A row that would be answered with leads the way more often than any.
    told = [row for row in having if _foretells(row, walk, use.step)] or having
    return _values(slot, use, told)


def _values(slot: str, use: _Use, rows: Sequence[Json]) -> list[Any]:
    there = (row[key] for row in rows for key in (use.name, slot) if row.get(key) is not None)
    return [value for value in dict.fromkeys(map(_hashable, there)) if _fits(value, use.schema)]


def _judges(slot: str, walk: Walk, at: int) -> Iterator[int]:
    for n in range(at + 1, len(walk.steps)):
        step = walk.steps[n]
        if isinstance(step, Ask) and slot in step.slots:
            return
        if isinstance(step, Branch) and slot in step.needs:
            yield n


def _suits(slot: str, value: Any, walk: Walk, judges: Sequence[int], values: Json) -> bool:
    """Whether a value leads the walk's way at all branches that look at it."""
    known = {**values, slot: value}
    return all(_leads(walk.steps[n], walk.labels[n], known) for n in judges)


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


def _leads(step: Step, label: str, values: Json) -> bool:
    """Whether a branch may go this way; conditions of which nothing is known yet do not hinder it."""
    assert isinstance(step, Branch)
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
