"""tests/scenarios.jsonl -> Scenarios.

The one rule: a scenario that leaves here names tools, flows and paths that exist; what its tables hold the world says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from manyshot.dialogue.changes import SORTS, State, unexpected
from manyshot.flow.paths import paths
from manyshot.flow.steps import Flow
from manyshot.spec.documents import read_rows
from manyshot.spec.faults import Findings, near
from manyshot.types import Scenario, Source, Tool

SCENARIOS = "tests/scenarios.jsonl"


def read_scenarios(
    folder: Path, tools: Iterable[Tool], flows: Sequence[Flow], findings: Findings, file: str = SCENARIOS
) -> list[Scenario]:
    """The sound scenarios of a file in `folder`; [] without a fault when it is not there."""
    if not (folder / file).exists():
        return []
    known = [tool.name for tool in tools]
    ways = {flow.name: {path.id for path in paths(flow)} for flow in flows}
    found: list[Scenario] = []
    lines: dict[str, int] = {}
    for line, row in read_rows(folder, file, findings):
        before = len(findings.faults)
        try:
            one = Scenario.model_validate({**row, "source": Source(file=file, line=line)})
        except ValidationError as error:
            for first in error.errors()[:3]:
                where = ".".join(map(str, first["loc"]))
                findings.fault(file, line, f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}")
            continue
        if one.id in lines:
            findings.fault(file, line, f'the id "{one.id}" stands already on line {lines[one.id]}; give another')
        lines.setdefault(one.id, line)
        for message in _problems(one, known, ways):
            findings.fault(file, line, message)
        if len(findings.faults) == before:
            found.append(one)
    return found


def _problems(one: Scenario, tools: Sequence[str], ways: dict[str, set[str]]) -> Iterator[str]:
    if not one.opening.strip():
        yield "opening: wanted the customer's first message, found none"
    if one.flow and one.flow not in ways:
        yield f'unknown flow "{one.flow}"; {near(one.flow, ways)}'
    if one.path and not any(one.path in ids for name, ids in ways.items() if not one.flow or name == one.flow):
        yield f'unknown path "{one.path}"; see manyshot flow paths'
    called = [
        *one.expected.must_call,
        *(fault.call for fault in one.faults),
        *(f.name for f in one.forbidden if f.name),
    ]
    for name in dict.fromkeys(called):
        if name not in tools:
            yield f'unknown tool "{name}"; {near(name, tools)}'
    for forbidden in one.forbidden:
        if forbidden.kind == "say" and not forbidden.words:
            yield 'forbidden say: wanted "words", found none'
        if forbidden.kind != "say" and not forbidden.name:
            yield f'forbidden {forbidden.kind}: wanted the "name" of a tool, found none'
        if forbidden.kind == "call_before" and not forbidden.before:
            yield 'forbidden call_before: wanted "before", a tool or a slot, found none'
    wanted = {sort: rows for sort in SORTS if (rows := getattr(one.expected, sort))}
    yield from (said for said in unexpected(wanted, []) if not said.startswith("expected "))


def misplaced(one: Scenario, state: State) -> Iterator[str]:
    """Tables and fields that a scenario expects changes in and that its world, at the start, does not have.

    Fields are looked for where the table has rows: those of an empty one are not known.
    """
    for row in (row for sort in SORTS for row in getattr(one.expected, sort)):
        table = row["table"]
        if table not in state:
            yield f'expected: unknown table "{table}"; {near(table, state)}'
            continue
        fields = {name for there in state[table] for name in there}
        for name in row.keys() - fields - {"table"} if fields else ():
            yield f'expected: the table {table} has no field "{name}"; {near(name, fields)}'


__all__ = ["SCENARIOS", "misplaced", "read_scenarios"]
