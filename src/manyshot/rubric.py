"""A chat model judges conversations by a rubric. Its scores are shown only where it agrees with people.

One rule: for every question its judgements are first held against human labels of the same conversations; without
enough labels, or with too little agreement beyond chance (kappa), there is no score.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from manyshot import stats
from manyshot.chat_calls import read_arguments
from manyshot.errors import DataError, EvalError, RefusedError, at
from manyshot.journal import going_on, whole_rows
from manyshot.progress import Screen
from manyshot.protocols import Chat
from manyshot.records import digest, read_rows, write_jsonl
from manyshot.types import Json, Tool

#: Kappa from which on agreement counts as substantial (Landis and Koch 1977), and labels it is to rest on.
KAPPA, LABELS = 0.6, 20
_SYSTEM = (
    "You judge a conversation between a customer and an assistant by questions, each answered with true or false. "
    "Judge only what was said and done, not what you would have liked. Then call `judge` with all answers."
)
#: (id, trial) of a conversation.
Key = tuple[str, int]
#: Answers to questions, by conversation.
Answers = Mapping[Key, Mapping[str, bool]]


class Question(NamedTuple):
    """One question of a rubric; true is the good answer."""

    name: str
    ask: str


class Score(NamedTuple):
    """What came of a question. `shown`: whether its rate may be believed; `why` says why not."""

    question: str
    good: int
    judged: int
    #: (what the judge said, what people said) of each labelled conversation.
    pairs: tuple[tuple[bool, bool], ...]
    kappa: float | None
    shown: bool
    why: str

    @property
    def labels(self) -> int:
        return len(self.pairs)

    def both(self, judge: bool, people: bool) -> int:
        """Labelled conversations of which both said so."""
        return self.pairs.count((judge, people))


class Judged(NamedTuple):
    """All questions, conversations of which no judgement could be had, and what the judge said of the others."""

    scores: tuple[Score, ...]
    unjudged: int
    answers: Answers


def read_rubric(path: Path) -> list[Question]:
    """Read [[question]] tables with name and ask. Raises EvalError."""
    try:
        rows = tomllib.loads(path.read_text("utf-8")).get("question")
    except (OSError, UnicodeDecodeError) as error:
        raise EvalError(f"{path}: cannot be read ({error}); give a TOML file with [[question]] tables") from None
    except tomllib.TOMLDecodeError as error:
        raise EvalError(f"{path}: bad TOML: {error}") from None
    if not isinstance(rows, list) or not rows:
        raise EvalError(f"{path}: wanted [[question]] tables with name and ask, found none")
    found: list[Question] = []
    for row in rows:
        whole = isinstance(row, dict) and set(row) == {"name", "ask"}
        if not whole or not all(isinstance(value, str) for value in row.values()):
            raise EvalError(f"{path}: wanted name and ask as texts in every [[question]], found {row}")
        if not row["name"].isidentifier() or any(one.name == row["name"] for one in found):
            raise EvalError(f"{path}: wanted a name of letters, digits and _ for each question, found {row['name']!r}")
        found.append(Question(row["name"], row["ask"]))
    return found


def read_labels(path: Path, questions: Sequence[Question]) -> dict[Key, dict[str, bool]]:
    """Read {"id", "trial"?, question: true or false, ...} a line, as people labelled them. Raises DataError."""
    known = {one.name for one in questions}
    found: dict[Key, dict[str, bool]] = {}
    for number, row in read_rows(path):
        said = {name: value for name, value in row.items() if name not in ("id", "trial")}
        key = (row.get("id"), row.get("trial", 0))
        if strange := sorted(set(said) - known):
            raise DataError(f"{at(path, number)}: the rubric has no question {strange[0]!r}; it has {', '.join(known)}")
        if (
            not isinstance(key[0], str)
            or not isinstance(key[1], int)
            or not all(type(v) is bool for v in said.values())
        ):
            raise DataError(f'{at(path, number)}: wanted {{"id", "trial", question: true or false}}')
        if key in found:
            raise DataError(f"{at(path, number)}: conversation {key[0]} ({key[1]}) was labelled before; keep one line")
        found[key] = said  # type: ignore[index]
    return found


def judge(
    rows: Sequence[Json],
    questions: Sequence[Question],
    labels: Answers,
    chat: Chat,
    who: str,
    out: Path,
    screen: Screen,
    *,
    least: float = KAPPA,
    labelled: int = LABELS,
) -> Judged:
    """Have every conversation of `rows` (as manyshot simulate writes them) judged into `out`.

    who: names the judge; judgements of another, or by another rubric, are not gone on with. least, labelled: kappa and
    number of labels from which on a score is shown. Raises ManyshotError; the same call again goes on from there.
    """
    there = {(row["id"], row["trial"]) for row in rows}
    if strange := [key for key in labels if key not in there]:
        raise DataError(f"labels: conversation {strange[0][0]} ({strange[0][1]}) is not among the rows")
    if out.exists():
        raise DataError(f"{out}: is there already; choose another --out")
    mark = {"judge": digest([who, questions, [digest(row["dialogue"]) for row in rows]])}
    part = out.with_name(f"{out.name}.part")
    kept = whole_rows(part)
    done: dict[Key, Json] = {}
    if kept and kept[0] == mark:
        done = {(row["id"], row["trial"]): row for row in kept[1:]}
    with going_on(part, [mark, *done.values()]) as add, screen.bar("judging") as bar:
        for row in rows:
            key = (row["id"], row["trial"])
            if key in done:
                continue
            answers, fault = _asked(chat, questions, row["dialogue"])
            done[key] = {"id": key[0], "trial": key[1], "answers": answers, "fault": fault}
            add(done[key])
            bar.update(len(done) / len(rows), f"{len(done)} of {len(rows)}")
    write_jsonl(out, (done[row["id"], row["trial"]] for row in rows))
    part.unlink()
    found = {key: row["answers"] for key, row in done.items() if row["answers"] is not None}
    scores = tuple(_score(one.name, found, labels, least, labelled) for one in questions)
    return Judged(scores, len(done) - len(found), found)


def _asked(chat: Chat, questions: Sequence[Question], dialogue: Sequence[Json]) -> tuple[dict[str, bool] | None, str]:
    """The answers to all questions, or why there are none."""
    properties = {one.name: {"type": "boolean", "description": one.ask} for one in questions}
    tool = Tool(
        name="judge",
        description="The answers to all questions.",
        parameters={"type": "object", "properties": properties, "required": list(properties)},
    )
    said = "\n".join(f"{turn['role']}: {turn['text']}" for turn in dialogue if turn["role"] != "think")
    asked = "\n".join(f"- {one.name}: {one.ask}" for one in questions)
    messages = [
        {"role": "system", "content": _SYSTEM},
        # JSON, so that nothing in the conversation can be taken for an instruction of ours
        {"role": "user", "content": f"Questions:\n{asked}\n\nThe conversation, as a JSON text:\n{json.dumps(said)}"},
    ]
    try:
        reply = chat.reply(messages, [tool])
    except RefusedError as error:
        return None, str(error)
    found: Any = read_arguments(reply.asked[0].arguments) if len(reply.asked) == 1 else None
    if not isinstance(found, dict) or set(found) != set(properties) or not all(type(v) is bool for v in found.values()):
        return None, "did not answer each question with true or false"
    return found, ""


def _score(name: str, found: Answers, labels: Answers, least: float, labelled: int) -> Score:
    both = [(found[key][name], said[name]) for key, said in labels.items() if key in found and name in said]
    agreement = stats.kappa([a for a, _ in both], [b for _, b in both]) if both else None
    why = ""
    if len(both) < labelled:
        why = f"{len(both)} labels, wanted {labelled}"
    elif agreement is None:
        why = "people or judge said the same of all labelled conversations, so agreement cannot be seen"
    elif agreement < least:
        why = f"kappa {agreement:.2f}, wanted {least:.2f}"
    good = sum(answers[name] for answers in found.values())
    return Score(name, good, len(found), tuple(both), agreement, not why, why)


def told(found: Judged) -> list[str]:
    """Lines for people: a rate only where it may be believed."""
    lines = []
    for one in found.scores:
        if not one.shown:
            lines.append(f"{one.question}: not shown: {one.why}")
            continue
        low, high = stats.wilson(one.good, one.judged)
        rate = f"{one.good} of {one.judged} ({low:.0%} to {high:.0%})"
        lines.append(f"{one.question}: {rate}; kappa {one.kappa:.2f} on {one.labels} labels")
    if found.unjudged:
        lines.append(f"{found.unjudged} conversations could not be judged and are not counted")
    return lines
