"""What the templates show: dialogues by path, and one dialogue turn by turn. Facts only; `words` has the words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from manyshot.approving.desk import UNDECIDED, replayed, words_and_answer
from manyshot.approving.forms import Field, fields
from manyshot.approving.telling import changed, told
from manyshot.dialogue.approval import State, fingerprint, latest
from manyshot.dialogue.replay import Replay
from manyshot.flow.drawing import Drawing, draw
from manyshot.flow.paths import PathStep, Walk
from manyshot.shotbook import Shotbook
from manyshot.shots.coverage import COLUMNS, Row
from manyshot.types import Approval, Call, Language, Trajectory, Turn

#: What the list can be narrowed to.
FILTERS = ("all", "to_decide", "with_problems", "approved_ones", "rejected_ones")


@dataclass(frozen=True, slots=True)
class Entry:
    """A dialogue in the list."""

    id: str
    state: State
    problems: int
    opening: str
    last: Approval | None

    def passes(self, narrowed: str) -> bool:
        return {
            "to_decide": self.state in UNDECIDED, "with_problems": self.problems > 0,
            "approved_ones": self.state == "approved", "rejected_ones": self.state == "rejected",
        }.get(narrowed, True)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PathLine:
    """A path in the list, with its dialogues."""

    row: Row
    entries: tuple[Entry, ...]

    @property
    def end(self) -> PathStep:
        return self.row.path.steps[-1]

    @property
    def calls(self) -> tuple[str, ...]:
        return tuple(step.words for step in self.row.path.steps if step.kind == "call")


@dataclass(frozen=True, slots=True)
class Overview:
    flows: tuple[tuple[str, str, tuple[PathLine, ...]], ...]
    loose: tuple[Entry, ...]
    counts: dict[str, int]
    paths: int
    covered: dict[str, int]


def overview(book: Shotbook, narrowed: str) -> Overview:
    """All dialogues by flow and path. `narrowed`: one of FILTERS."""
    entries = {one.id: _entry(book, one) for one in book.shots}
    path_of = {one.id: book.replay(one).path or one.path for one in book.shots}
    rows = book.coverage()
    known = {row.path.id for row in rows}
    flows = []
    for name, flow in book.company.flows.items():
        lines = [
            PathLine(row, tuple(e for e in entries.values() if path_of[e.id] == row.path.id and e.passes(narrowed)))
            for row in rows
            if row.path.flow == name
        ]
        flows.append((name, flow.about, tuple(line for line in lines if line.entries or narrowed == "all")))
    return Overview(
        tuple(flow for flow in flows if flow[2]),
        tuple(e for e in entries.values() if path_of[e.id] not in known and e.passes(narrowed)),
        {name: sum(entry.passes(name) for entry in entries.values()) for name in FILTERS},
        len(rows),
        {column: sum(bool(row.count(column)) for row in rows) for column in COLUMNS},
    )


def _entry(book: Shotbook, one: Trajectory) -> Entry:
    opening = next((turn.text for turn in one.turns if turn.role == "user"), "")
    problems = len(book.replay(one).problems)
    return Entry(one.id, book.state(one), problems, opening, latest(one, book.approvals))


@dataclass(frozen=True, slots=True)
class ShownTurn:
    """A turn: its own words, of an Observation also the exact answer; a call with its fields."""

    turn: Turn
    words: str
    exact: str
    call: Call | None
    fields: tuple[Field, ...]
    step: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A dialogue as the page shows it. `was`: hash of this text."""

    one: Trajectory
    was: str
    state: State
    last: Approval | None
    turns: tuple[ShownTurn, ...]
    problems: tuple[str, ...]
    true: bool
    path: str
    flow: str
    drawing: Drawing | None
    changes: tuple[str, ...]
    setup: tuple[tuple[str, str], ...]
    before: str
    after: str


def shown(book: Shotbook, one: Trajectory, language: Language) -> Shown:
    """A dialogue, played again; `language`: that of the problems."""
    played = replayed(book, one)
    ids = [other.id for other in book.shots]
    at = ids.index(one.id)
    walk = _walk(book, one, played)
    flow = played.followed.path.flow if played.followed else one.flow
    drawn = book.company.flows.get(flow)
    return Shown(
        one=one, was=fingerprint(one), state=book.state(one), last=latest(one, book.approvals),
        turns=tuple(_turns(book, one, played, language)), problems=_problems(played, 0, language), true=played.true,
        path=played.path or one.path, flow=flow, drawing=draw(drawn, walk) if drawn else None,
        changes=tuple(changed(str(change), language) for change in played.changes), setup=tuple(_setup(one)),
        before=ids[at - 1] if at else "", after=ids[at + 1] if at + 1 < len(ids) else "",
    )  # fmt: skip


def _walk(book: Shotbook, one: Trajectory, played: Replay) -> Walk | None:
    """The way that it takes, else that of the path that it is meant to follow."""
    if played.followed:
        return played.followed.walk
    path = next((path for path in book.company.all_paths if path.id == one.path), None)
    return path.walks[0] if path else None


def _turns(book: Shotbook, one: Trajectory, played: Replay, language: Language) -> Iterator[ShownTurn]:
    for n, turn in enumerate(one.turns):
        words, exact = words_and_answer(turn) if turn.role == "observation" else (turn.text, "")
        yield ShownTurn(
            turn,
            words,
            exact,
            turn.call,
            call_fields(book, turn.call),
            played.step_of(n),
            _problems(played, n + 1, language),
        )


def call_fields(book: Shotbook, call: Call | None) -> tuple[Field, ...]:
    """The fields of a call; of a tool that there is not, its arguments as they are."""
    if call is None:
        return ()
    known = book.company.tools.get(call.name)
    return fields(known.tool.parameters if known else {}, call.arguments)


def _problems(played: Replay, turn: int, language: Language) -> tuple[str, ...]:
    return tuple(told(problem.message, language) for problem in played.problems if problem.line == turn)


def _setup(one: Trajectory) -> Iterator[tuple[str, str]]:
    for name, value in one.setup.model_dump(exclude_defaults=True, mode="json").items():
        yield name, json.dumps(value, ensure_ascii=False)


def verdict(book: Shotbook, one: Trajectory, language: Language) -> dict[str, object]:
    """What playing an edited dialogue again shows, turn by turn; the first list is of the whole."""
    played = replayed(book, one)
    return {
        "true": played.true,
        "problems": [_problems(played, n, language) for n in range(len(one.turns) + 1)],
        "path": played.path,
    }
