"""What a judge said, and how far it agrees with people -> one HTML page.

One rule: as on the command line, a rate stands here only where the judge was checked and agrees beyond chance; what
people and judge said differently can be read, conversation by conversation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from manyshot import stats
from manyshot.evaluate.judge_words import words
from manyshot.evaluate.table import percent
from manyshot.records import write_aside
from manyshot.rubric import Answers, Judged, Question, Score
from manyshot.templating import speaker, templates
from manyshot.types import Json, Language

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What stands above: who judged, when, and from which kappa and how many labels on a rate is shown."""

    judge: str
    date: datetime
    least: float
    labelled: int


@dataclass(frozen=True, slots=True)
class Said:
    """Labelled conversations of which the judge said one thing: how many people called good."""

    judge: bool
    good: int
    total: int

    @property
    def interval(self) -> stats.Interval:
        return stats.wilson(self.good, self.total)


@dataclass(frozen=True, slots=True)
class Checked:
    """One question of the rubric. Everything but the question and `why` is empty where nothing was checked."""

    question: Question
    score: Score
    interval: stats.Interval
    kappa: stats.Interval | None
    #: What people said where the judge said good, and where it said bad.
    reliability: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Dispute:
    """A conversation that judge and people see differently in some questions."""

    row: Json
    #: (question, what the judge said, what people said)
    points: tuple[tuple[str, bool, bool], ...]


def write_judging(
    path: Path, judged: Judged, rows: Sequence[Json], questions: Sequence[Question], labels: Answers,
    heading: Judgement, language: Language,
) -> None:  # fmt: skip
    """Write the page; it appears under its name only when it is whole. Raises DataError when it cannot be written."""
    html = render(judged, rows, questions, labels, heading, language)
    with write_aside(path) as stream:
        stream.write(html.encode("utf-8", "replace").decode())


def render(
    judged: Judged, rows: Sequence[Json], questions: Sequence[Question], labels: Answers, heading: Judgement,
    language: Language,
) -> str:  # fmt: skip
    """The page as HTML text. `rows`: the conversations, as manyshot simulate writes them."""
    w = words(language)

    environment = templates(_TEMPLATES, percent=percent)
    asked = {one.name: one for one in questions}
    checked = [_checked(asked[score.question], score) for score in judged.scores]
    return environment.get_template("judging.html.j2").render(
        say=speaker(w),
        heading=heading,
        conversations=len(rows),
        unjudged=judged.unjudged,
        shown=[one for one in checked if one.score.shown],
        checked=checked,
        disputes=list(_disputes(judged, rows, labels)),
        css=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),
        more=Markup((_TEMPLATES / "talks.css").read_text(encoding="utf-8")),
        script=Markup((_TEMPLATES / "talks.js").read_text(encoding="utf-8")),
    )


def _checked(question: Question, score: Score) -> Checked:
    judge, people = ([pair[side] for pair in score.pairs] for side in (0, 1))
    reliability = (
        Said(said, score.both(said, True), score.both(said, True) + score.both(said, False)) for said in (True, False)
    )
    return Checked(
        question,
        score,
        stats.wilson(score.good, score.judged),
        stats.kappa_interval(judge, people),
        tuple(one for one in reliability if one.total),
    )


def _disputes(judged: Judged, rows: Sequence[Json], labels: Answers) -> Iterator[Dispute]:
    for row in rows:
        key = (row["id"], row["trial"])
        judge, people = judged.answers.get(key), labels.get(key)
        if judge is None or people is None:
            continue
        points = tuple((name, judge[name], said) for name, said in people.items() if judge[name] != said)
        if points:
            yield Dispute(row, points)
