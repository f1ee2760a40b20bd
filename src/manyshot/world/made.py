"""A world made from schemas: for a domain that has no `world.py`.

What tools make is kept, and found, changed and closed by its id. What a flow reads of an answer (`fills`) stands in the
answer, with the values that the flow tells apart. One rule: an answer follows from the setup, the call and the rows
alone; nothing depends on the order of unrelated calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from manyshot.data.slots import domain_slots
from manyshot.errors import WorldError
from manyshot.flow.conditions import parse, tests_of
from manyshot.flow.steps import Branch, CallTool, Flow
from manyshot.oneline import show
from manyshot.records import digest
from manyshot.types import Call, Domain, Json, Observation, Setup, Tool
from manyshot.world.answers import refused, wrong
from manyshot.world.families import Family, Role, roles
from manyshot.world.tables import OPEN, Table, without
from manyshot.world.verbs import brings_its_id

_CLOSED = "closed"
#: Names for the column that says whether a row is open; the first that no tool and no flow uses.
_STATES = ("state", "status", "row_state")
#: Words of a flow for what was closed.
_GONE = re.compile("取消|撤销|撤回|关闭|作废|注销|cancel|closed|void|withdrawn|revoked", re.IGNORECASE)
#: Seeds whose first rows are kept.
_KEPT = 256


@dataclass(frozen=True, slots=True)
class Answered:
    """A field of an answer that a flow reads: its path, and the values it may have; None for nothing found."""

    path: tuple[str, ...]
    values: tuple[Any, ...]


class MadeCompany:
    """What is worked out once for a domain; `open` gives a fresh world."""

    def __init__(self, domain: Domain, flows: Sequence[Flow] = ()) -> None:
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in domain.tools}
        self.roles = roles(list(domain_slots(domain).values()))
        self.families = tuple(dict.fromkeys(role.family for role in self.roles.values() if role.family))
        self.answers = {name: tuple(_answered(name, flows)) for name in self.tools}
        used = {field.path[0] for found in self.answers.values() for field in found}
        used |= {name for tool in self.tools.values() for name in tool.properties}
        self.state = next((name for name in _STATES if name not in used), "_state")
        self.tables = {one.table: Table(one, self.roles, domain.shots, self.state) for one in self.families}
        self.rows = lru_cache(_KEPT)(self._rows)

    def open(self, setup: Setup) -> MadeWorld:
        """A fresh world. Rows of the setup take the place of a table's first ones; WorldError where they do not fit."""
        keys = {family.table: family.key for family in self.families}
        for table in setup.rows:
            if table not in keys:
                raise WorldError(f"the world has no table {table!r}; it has {', '.join(keys) or 'none'}")
        given = {table: [self._whole(table, keys[table], row) for row in rows] for table, rows in setup.rows.items()}
        return MadeWorld(self, setup.seed, {**self.rows(setup.seed), **given})

    def _whole(self, table: str, key: str, row: Json) -> Json:
        """A row of a setup, its id first; it is open where it does not say."""
        if key not in row:
            raise WorldError(f"a row of {table} has no {key}, by which it is found: {show(row)}")
        return {key: row[key], **without(row, key), self.state: row.get(self.state, OPEN)}

    def _rows(self, seed: int) -> Mapping[str, Sequence[Json]]:
        return {name: table.rows(seed) for name, table in self.tables.items()}


class MadeWorld:
    """One episode. Rows have the columns of the fields that tools gave, the id and a state ("open", "closed")."""

    def __init__(self, company: MadeCompany, seed: int, tables: Mapping[str, Sequence[Json]]) -> None:
        self._company, self._seed = company, seed
        self._tables = {table: [dict(row) for row in rows] for table, rows in tables.items()}
        self._new: set[tuple[str, str]] = set()

    def reads(self, name: str) -> bool:
        """Whether a tool changes nothing."""
        role = self._company.roles.get(name)
        return role is None or role.verb in ("find", "decline")

    def call(self, call: Call) -> Observation:
        if (answer := wrong(call, self._company.tools.get(call.name))) is not None:
            return answer
        role = self._company.roles[call.name]
        for field, family in role.refers:
            if self._row(family, call.arguments[field]) is None:
                return _unknown(field, call.arguments[field])
        if role.family is None or role.verb == "decline":
            return Observation(body=self._told(call, {"ok": True}, call.arguments))
        if role.key:
            return self._on_row(call, role, role.family)
        if role.verb == "find":
            return Observation(body=self._told(call, self._list(call, role.family), call.arguments))
        return self._make(call, role.family, self._new_id(role.family))

    def _new_id(self, family: Family) -> Any:
        taken = [row[family.key] for row in self._tables[family.table]]
        return self._company.tables[family.table].new_id(taken, self._seed)

    def _row(self, family: Family, wanted: Any) -> Json | None:
        return next((row for row in self._tables[family.table] if row.get(family.key) == wanted), None)

    def _make(self, call: Call, family: Family, new: Any) -> Observation:
        given = {name: value for name, value in call.arguments.items() if name != family.key}
        row = {family.key: new, **given, self._company.state: OPEN}
        self._tables[family.table].append(row)
        self._new.add((family.table, str(new)))
        return self._answer(call, family, row)

    def _on_row(self, call: Call, role: Role, family: Family) -> Observation:
        wanted, state = call.arguments[role.key], self._company.state
        row = self._row(family, wanted)
        if role.verb == "make" and brings_its_id(self._company.tools[call.name]):
            if row is not None:
                return refused(409, f"there is a {role.key} {wanted} already", role.key)
            return self._make(call, family, wanted)
        if row is None:
            return _unknown(role.key, wanted)
        if role.verb not in ("find", "note") and row.get(state) == _CLOSED:
            return refused(409, f"{wanted} is closed already", role.key)
        if role.verb != "find":
            row.update({name: value for name, value in call.arguments.items() if name != role.key})
        if role.verb == "close":
            row[state] = _CLOSED
        return self._answer(call, family, row)

    def _list(self, call: Call, family: Family) -> Json:
        """The rows of a family that have what the call says, where they have such columns."""
        told = call.arguments.items()
        rows = [r for r in self._tables[family.table] if all(name not in r or r[name] == value for name, value in told)]
        return {"ok": True, family.table: [dict(row) for row in rows]}

    def _answer(self, call: Call, family: Family, row: Json) -> Observation:
        """The row, and what flows read of it: of a closed row that it is gone, where a flow has a word for that."""
        closed = row.get(self._company.state) == _CLOSED
        known = closed or (family.table, str(row[family.key])) in self._new
        body = self._told(call, {"ok": True, **row}, row[family.key], closed if known else None)
        return Observation(body=body)

    def _told(self, call: Call, body: Json, about: Any, gone: bool | None = None) -> Json:
        """Add what flows read; it is the same for the same row or call. `gone`: whether it is to say so, if known."""
        known = frozenset(body)
        for field in self._company.answers[call.name]:
            if field.path[0] not in known:
                fitting = [v for v in field.values if gone is None or bool(_GONE.search(str(v))) == gone]
                _put(body, field.path, _chosen(fitting or field.values, [self._seed, field.path, about]))
        return body

    def state(self) -> Mapping[str, Sequence[Json]]:
        return {table: [dict(row) for row in rows] for table, rows in self._tables.items()}

    def digest(self) -> str:
        return digest(self._tables)


def _unknown(field: str, value: Any) -> Observation:
    return refused(404, f"there is no {field} {value}", field)


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
