"""Conversations of `manyshot simulate` -> one HTML page: how many scenarios pass, which paths fail, and each failure.

One rule: as report.html, it shows what the rows say and requests nothing from anywhere.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from manyshot.dialogue.changes import SORTS
from manyshot.evaluate.table import percent
from manyshot.evaluate.talk_words import words
from manyshot.oneline import show
from manyshot.records import write_aside
from manyshot.scenario.play import pass_power
from manyshot.score import show_call
from manyshot.stats import Interval, wilson
from manyshot.templating import speaker, templates
from manyshot.types import Call, Json, Language, Scenario

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above: which domain, how it was played, when."""

    domain: str
    mode: str
    date: datetime
    #: The file of the rows, as seen from the page; "" where there is none.
    rows: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Scenarios of one path or class. `right`: those of which every trial passed."""

    name: str
    right: int
    scenarios: int
    #: pass^k for k = 1..trials, of the scenarios whose trials are complete; empty where there is none.
    power: tuple[float, ...]
    #: Median number of the customer's messages; hand-offs by conversation: made, and made or left out wrongly.
    turns: float
    handoffs: int
    misplaced: int

    @property
    def rate(self) -> float:
        return self.right / self.scenarios

    @property
    def interval(self) -> Interval:
        return wilson(self.right, self.scenarios)


@dataclass(frozen=True, slots=True)
class State:
    """What was wanted of one sort of change, and what there was."""

    sort: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A conversation that failed."""

    scenario: Scenario
    row: Json
    #: Where the row stands in the file of rows, from 1.
    line: int
    state: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class Slips:
    """What customers that a model played did wrong, in tries that count neither way."""

    #: Kind of error -> tries that it spoilt.
    kinds: dict[str, int]
    #: Conversations that were played again and then judged, and those of which every try was spoilt.
    mended: int
    unjudged: tuple[Json, ...]


def write_talks(
    path: Path, rows: Sequence[Json], scenarios: Sequence[Scenario], trials: int, heading: Heading, language: Language
) -> None:
    """Write the page; it appears under its name only when it is whole. Raises DataError when it cannot be written."""
    html = render(rows, scenarios, trials, heading, language)
    with write_aside(path) as stream:
        stream.write(html.encode("utf-8", "replace").decode())


def render(
    rows: Sequence[Json], scenarios: Sequence[Scenario], trials: int, heading: Heading, language: Language
) -> str:
    """The page as HTML text. `rows`: those of `scenario.play.play`, each of one of the scenarios."""
    w = words(language)

    environment = templates(_TEMPLATES, percent=percent, call=_call)
    by_id = {one.id: one for one in scenarios}
    failures = [_failure(by_id[row["id"]], row, line) for line, row in enumerate(rows, 1) if row["pass"] is False]
    slips, rows = _slips(rows), [row for row in rows if row["pass"] is not None]
    return environment.get_template("talks.html.j2").render(
        say=speaker(w),
        heading=heading,
        trials=trials,
        overall=_group("", list(scenarios), rows, trials) if rows else None,
        classes=_grouped(scenarios, rows, trials, lambda one: [w[f"class_{name}"] for name in classes_of(one)]),
        paths=_grouped(scenarios, rows, trials, lambda one: [_path(one)]),
        failures=failures,
        slips=slips,
        conversations=len(rows),
        css=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),
        more=Markup((_TEMPLATES / "talks.css").read_text(encoding="utf-8")),
        script=Markup((_TEMPLATES / "talks.js").read_text(encoding="utf-8")),
    )


def _slips(rows: Sequence[Json]) -> Slips | None:
    """None where no customer erred."""
    erred = [row for row in rows if row.get("slips")]
    if not erred:
        return None
    kinds = Counter(slip["kind"] for row in erred for slip in row["slips"])
    unjudged = tuple(row for row in erred if row["pass"] is None)
    return Slips(dict(kinds.most_common()), len(erred) - len(unjudged), unjudged)


def classes_of(one: Scenario) -> list[str]:
    """What a scenario asks for: that something changes or that nothing may, a person, an API that fails."""
    changes = any(getattr(one.expected, sort) for sort in SORTS)
    found = ["handoff"] if one.expected.handoff else []
    return [*found, "changes" if changes else "unchanged", *(["faults"] if one.faults else [])]


def _path(one: Scenario) -> str:
    return f"{one.flow} / {one.path}" if one.path else one.flow or "–"


def _grouped(
    scenarios: Sequence[Scenario], rows: Sequence[Json], trials: int, names: Callable[[Scenario], Sequence[str]]
) -> list[Group]:
    """The weakest first; groups of equal rate by name."""
    groups: dict[str, list[Scenario]] = {}
    for one in scenarios:
        for name in names(one):
            groups.setdefault(name, []).append(one)
    played = {row["id"] for row in rows}
    found = [
        _group(name, members, rows, trials)
        for name, members in groups.items()
        if any(one.id in played for one in members)
    ]
    return sorted(found, key=lambda group: (group.rate, group.name))


def _group(name: str, members: Sequence[Scenario], rows: Sequence[Json], trials: int) -> Group:
    due = {one.id: one.expected.handoff for one in members}
    mine = [row for row in rows if row["id"] in due]
    passed: Mapping[str, bool] = {
        scenario: all(row["pass"] for row in mine if row["id"] == scenario) for scenario in {row["id"] for row in mine}
    }
    return Group(
        name=name,
        right=sum(passed.values()),
        scenarios=len(passed),
        power=tuple(share for share, _ in pass_power(mine, trials).values()),
        turns=statistics.median(row["turns"] for row in mine),
        handoffs=sum(row["handoff"] for row in mine),
        misplaced=sum(row["handoff"] != due[row["id"]] for row in mine),
    )


def _failure(one: Scenario, row: Json, line: int) -> Failure:
    state = []
    for sort in SORTS:
        wanted = tuple(map(_one_row, getattr(one.expected, sort)))
        found = tuple(map(_one_row, row["final_state"].get(sort, ())))
        if wanted or found:
            state.append(State(sort, wanted, found))
    return Failure(one, row, line, tuple(state))


def _call(call: Json) -> str:
    return show_call(Call.model_validate(call))


def _one_row(row: Json) -> str:
    """`table: field = value, ...`, each value shown short."""
    fields = ", ".join(f"{name} = {_allowed(value)}" for name, value in row.items() if name != "table")
    return f"{row.get('table', '')}: {fields}" if fields else str(row.get("table", ""))


def _allowed(value: object) -> str:
    if isinstance(value, list) and value:
        return " | ".join(map(show, value))
    return show(value)
