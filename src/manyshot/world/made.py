"""A world made from schemas: for a domain that has no `world.py`.

What tools make is kept, and found, changed and closed by its id. What a flow reads of an answer (`fills`) stands in the
answer, with the values that the flow tells apart. One rule: an answer follows from the setup, the call and the rows
alone; nothing depends on the order of unrelated calls.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import rstr

from manyshot.data.slots import domain_slots
from manyshot.flow.conditions import parse, tests_of
from manyshot.flow.steps import Branch, CallTool, Flow
from manyshot.records import digest
from manyshot.types import Call, Domain, Json, Observation, Setup, Tool
from manyshot.world.answers import refused, wrong
from manyshot.world.families import Family, Member, families, verb_of

#: Rows of a table at the beginning, beside those that the experts' examples name.
ROWS = 4
_STATE, _OPEN, _CLOSED = "state", "open", "closed"


@dataclass(frozen=True, slots=True)
class Answered:
    """A field of an answer that a flow reads: its path, and the values it may have; None for nothing found."""

    path: tuple[str, ...]
    values: tuple[Any, ...]


class MadeCompany:
    """What is worked out once for a domain; `open` gives a fresh world."""

    def __init__(self, domain: Domain, flows: Sequence[Flow] = ()) -> None:
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in domain.tools}
        slots = domain_slots(domain)
        self.families = families(list(slots.values()))
        self.member = {m.tool.tool.name: (family, m) for family in self.families for m in family.members}
        self.finds = {name for name, tool in slots.items() if verb_of(tool) == "find"}
        self.answers = {name: tuple(_answered(name, flows)) for name in self.tools}
        self.rows = {family.table: _rows(family, domain) for family in self.families}

    def open(self, setup: Setup) -> MadeWorld:
        return MadeWorld(self, setup)


class MadeWorld:
    """One episode. Rows have the columns of the fields that tools gave, the id and `state` ("open", "closed")."""

    def __init__(self, company: MadeCompany, setup: Setup) -> None:
        self._company, self._seed = company, setup.seed
        rows = {**company.rows, **setup.rows}
        self._tables = {table: [dict(row) for row in found] for table, found in rows.items()}

    def reads(self, name: str) -> bool:
        """Whether a tool changes nothing."""
        _, member = self._company.member.get(name, (None, None))
        return (member.verb in ("find", "other") if member else True) and name in self._company.finds

    def call(self, call: Call) -> Observation:
        if (answer := wrong(call, self._company.tools.get(call.name))) is not None:
            return answer
        family, member = self._company.member.get(call.name, (None, None))
        if family is None or member is None:
            return Observation(body=self._told(call, {}))
        if member.verb == "make" and not member.key:
            return self._make(call, family)
        return self._on_row(call, family, member)

    def _make(self, call: Call, family: Family) -> Observation:
        rows = self._tables[family.table]
        row = {family.key: _new_id(family, rows, self._seed), **call.arguments, _STATE: _OPEN}
        rows.append(row)
        return Observation(body=self._told(call, row))

    def _on_row(self, call: Call, family: Family, member: Member) -> Observation:
        wanted = call.arguments[member.key]
        row = next((row for row in self._tables[family.table] if row.get(family.key) == wanted), None)
        if row is None:
            return refused(404, f"there is no {family.key} {wanted}", member.key)
        if member.verb in ("change", "close") and row.get(_STATE) == _CLOSED:
            return refused(409, f"{wanted} is closed already", member.key)
        if member.verb != "find":
            row.update({key: value for key, value in call.arguments.items() if key != member.key})
        if member.verb == "close":
            row[_STATE] = _CLOSED
        return Observation(body=self._told(call, row))

    def _told(self, call: Call, row: Json) -> Json:
        """The answer: the row, and what flows read of it; read values stay the same for the same row or call."""
        about = row.get(next(iter(row), ""), None) if row else call.arguments
        body: Json = {"ok": True, **row}
        for field in self._company.answers[call.name]:
            if field.path[0] not in row:
                _put(body, field.path, _chosen(field.values, [self._seed, field.path, about]))
        return body

    def state(self) -> Mapping[str, Sequence[Json]]:
        return {table: [dict(row) for row in rows] for table, rows in self._tables.items()}

    def digest(self) -> str:
        return digest(self._tables)


def _answered(tool: str, flows: Sequence[Flow]) -> Iterator[Answered]:
    """The fields of a tool's answer that flows read, each path once."""
    seen: dict[tuple[str, ...], dict[str, Any]] = {}
    for flow in flows:
        for step in flow.steps:
            if isinstance(step, CallTool) and step.tool == tool:
                for slot, path in step.fills.items():
                    values = seen.setdefault(tuple(path.split(".")), {})
                    values |= {json.dumps(value): value for value in _values(flow, slot)}
    return (Answered(path, tuple(values.values())) for path, values in seen.items())


def _values(flow: Flow, slot: str) -> Iterator[Any]:
    """Values of a slot that the flow tells apart."""
    about = flow.slots.get(slot)
    if about is not None and about.values:
        yield from about.values
        return
    tests = [
        test
        for step in flow.steps
        if isinstance(step, Branch)
        for arm in step.arms
        if arm.when
        for test in tests_of(parse(arm.when))
        if test.slot == slot
    ]
    constants = [value for test in tests for value in test.values]
    yield from constants
    if not constants or any(test.sign == "filled" for test in tests):
        yield about.about if about is not None and about.about else slot
    if any(test.sign == "filled" for test in tests):
        yield None


def _rows(family: Family, domain: Domain) -> list[Json]:
    """Rows that are there at the beginning: one for every id that an example names, and some more."""
    names = {member.tool.tool.name: member for member in family.members}
    calls = [shot.call for shot in domain.shots if shot.call and shot.call.name in names]
    ids = [c.arguments[names[c.name].key] for c in calls if names[c.name].key in c.arguments]
    bodies = [c.arguments for c in calls if not names[c.name].key] or [{}]
    rows: list[Json] = [{family.key: one} for one in dict.fromkeys(map(str, ids))]
    for n in range(ROWS):
        rows.append({family.key: _new_id(family, rows, n)})
    return [{**row, **bodies[n % len(bodies)], _STATE: _OPEN} for n, row in enumerate(rows)]


def _new_id(family: Family, rows: Sequence[Json], seed: int) -> str:
    """An id that no row has."""
    taken = {row.get(family.key) for row in rows}
    chance = random.Random(f"{family.table} {seed} {len(rows)}")
    while True:
        found = rstr.Rstr(chance).xeger(family.pattern) if family.pattern else f"{chance.randrange(10**6, 10**7)}"
        if found not in taken:
            return found


def _chosen(values: Sequence[Any], about: Any) -> Any:
    """One of the values, the same one for the same matter in every process."""
    text = json.dumps(about, ensure_ascii=False, sort_keys=True, default=str)
    return values[int(sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16) % len(values)]


def _put(body: Json, path: Sequence[str], value: Any) -> None:
    """Set a dotted path, making objects on the way; list places are not made."""
    here = body
    for key in path[:-1]:
        inner = here.get(key)
        if not isinstance(inner, dict):
            inner = here[key] = {}
        here = inner
    here[path[-1]] = value
