"""All modes answer the same tests. One rule: answers are written when their mode is done, so a killed trial goes on.

The number of examples for few-shot prompting is chosen on the shots themselves, each left out of its own examples,
never on the tests.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from manyshot.answering import SHOTS, Answering
from manyshot.budget import Costs
from manyshot.errors import ManyshotError
from manyshot.progress import Screen
from manyshot.protocols import Model
from manyshot.records import read_jsonl, write_jsonl
from manyshot.render import Tokenizer, target_text
from manyshot.score import score_prediction
from manyshot.serve.predictor import Mode
from manyshot.types import CallPair, Prediction, Record, TestCase

T = TypeVar("T")
R = TypeVar("R", bound=Record)
#: Numbers of examples that are tried.
TRIED = (4, 8, 16)
#: Share of the time that is left which choosing among them may take, and the shots that are tried in any case.
CHOICE_SHARE, FEWEST = 0.2, 4
#: A tuned model's token beside the base's, for the adapter is applied beside the weights, and the tokens that reading a
#: question is worth.
ADAPTER, READING = 1.2, 5


class Choice(Record):
    """How many examples few-shot prompting shows, and how many of the tried shots were right with each number."""

    shots: int
    tried: dict[int, int]
    of: int


@dataclass(frozen=True, slots=True)
class Trial:
    """Who answers, where the answers lie, and until when (time.monotonic; None: no limit)."""

    answering: Answering
    model: Model
    tokenizer: Tokenizer
    out: Path
    screen: Screen
    seed: int
    until: float | None = None
    room: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "room", self.answering.room(self.tokenizer))

    def untuned(self, shots: int) -> Mode:
        name = "fewshot" if shots else "base"
        return self.answering.mode(name, shots=shots, room=self.room)


def measure(
    answering: Answering, model: Model, tokenizer: Tokenizer, seed: int, calls: int = 3, *, fewshot: bool = True
) -> Costs:
    """Seconds a call on a few shots; those of a tuned model follow from the base's tokens a second.

    fewshot: measure calls with examples too, as many as are shown by default, for how many the choice will take is not
    known yet; else they are taken for plain ones.
    """
    predictor, room = answering.predictor(model, tokenizer), answering.room(tokenizer)
    pairs = sample(answering.examples, calls, seed)
    if not pairs:
        return Costs(2.0, 2.0, 1.0)
    base, shown = answering.mode("base", room=room), answering.mode("fewshot", room=room)
    predictor.predict("warm", pairs[0].action, base)
    plain = [predictor.predict(p.id, p.action, base, p.history) for p in pairs]
    full = [predictor.predict(p.id, p.action, shown, p.history) for p in pairs] if fewshot else plain
    answers = [target_text(p.call, p.surfaces, answering.values) for p in answering.examples]
    length = statistics.mean(len(tokenizer.encode(text, add_special_tokens=False)) for text in answers)
    token = sum(p.ms for p in plain) / max(1, sum(p.tokens_out for p in plain)) / 1000
    one = statistics.mean(p.ms for p in plain) / 1000
    # Under the grammar the base writes hardly more than a tuned model does.
    return Costs(one, statistics.mean(p.ms for p in full) / 1000, min(one, token * (ADAPTER * length + READING)))


def untuned_seconds(costs: Costs, fewest: int) -> float:
    """What the untuned modes take at least: choosing the number of examples, and the fewest tests."""
    return FEWEST * len(TRIED) * costs.fewshot + fewest * (costs.plain + costs.fewshot)


def sample(rows: Sequence[T], count: int | None, seed: int) -> list[T]:
    """A fixed seeded sample, in the order of `rows`; all of them with None."""
    if count is None or count >= len(rows):
        return list(rows)
    return [rows[i] for i in sorted(random.Random(seed).sample(range(len(rows)), count))]


def choose_shots(trial: Trial, count: int) -> Choice:
    """Try each number of examples on up to `count` shots, fewer when time is short; the smallest of the best.

    The choice of an earlier, killed trial is kept: answers may have been made by it.
    """
    file = trial.out / "choice.jsonl"
    if before := _read(file, Choice):
        return before[0]
    left_out = _to_try(trial, count)
    predictor = trial.answering.predictor(trial.model, trial.tokenizer, without=left_out)
    tools = {t.name: t for t in trial.answering.domain.tools}
    stop = None if trial.until is None else time.monotonic() + CHOICE_SHARE * (trial.until - time.monotonic())
    right, done = dict.fromkeys(TRIED, 0), 0
    with trial.screen.bar("choosing the number of examples") as bar:
        for case in map(trial.answering.case, left_out):
            if stop is not None and time.monotonic() > stop and done >= FEWEST:
                break
            for shots in TRIED:
                answer = predictor.predict(case.id, case.action, trial.untuned(shots), case.history)
                right[shots] += score_prediction(answer, case, tools).right
            done += 1
            bar.update(done / len(left_out))
    best = max(TRIED, key=lambda k: (right[k], -k)) if done else SHOTS
    choice = Choice(shots=best, tried=right, of=done)
    write_jsonl(file, [choice])
    return choice


def _to_try(trial: Trial, count: int) -> list[CallPair]:
    """Shots in a seeded order, so many that enough examples are left."""
    examples = trial.answering.examples
    count = min(count, max(len(examples) - max(TRIED), len(examples) // 4))
    return random.Random(trial.seed).sample(examples, count)


def answer(trial: Trial, name: str, cases: Sequence[TestCase], mode: Mode) -> list[Prediction]:
    """Answers of one mode; those of an earlier, killed trial are taken when they are for the same cases."""
    file = trial.out / f"{name}.jsonl"
    before = _read(file, Prediction)
    if before and [p.id for p in before] == [c.id for c in cases]:
        return before
    predictor = trial.answering.predictor(trial.model, trial.tokenizer)
    answers: list[Prediction] = []
    with trial.screen.bar(name) as bar:
        for case in cases:
            answers.append(predictor.predict(case.id, case.action, mode, case.history))
            bar.update(len(answers) / len(cases), f"{len(answers)} of {len(cases)}")
    write_jsonl(file, answers)
    return answers


def _read(file: Path, kind: type[R]) -> list[R]:
    """The records of an earlier trial; none when there are none or they are damaged."""
    try:
        return list(read_jsonl(file, kind)) if file.exists() else []
    except ManyshotError:
        return []


def answer_while(
    trial: Trial, modes: Mapping[str, Mode], cases: Sequence[TestCase], fewest: int, until: float | None
) -> dict[str, list[Prediction]]:
    """Answers of several modes to the same cases, in a seeded order until the time is over, `fewest` in any case.

    The order is the same each time, so that of two sets of cases that were answered one holds the other.
    """
    before = {name: _read(trial.out / f"{name}.jsonl", Prediction) for name in modes}
    ids = [[p.id for p in answers] for answers in before.values()]
    enough = len(cases) if until is None else min(fewest, len(cases))
    if len(ids[0]) >= enough and all(i == ids[0] for i in ids) and set(ids[0]) <= {c.id for c in cases}:
        return before
    predictor = trial.answering.predictor(trial.model, trial.tokenizer)
    made: dict[str, dict[str, Prediction]] = {name: {} for name in modes}
    slowest = 0.0
    with trial.screen.bar(" and ".join(modes)) as bar:
        for number, case in enumerate(random.Random(trial.seed).sample(cases, len(cases)), 1):
            began = time.monotonic()
            if number > fewest and until is not None and began + slowest > until:
                break
            for name, mode in modes.items():
                made[name][case.id] = predictor.predict(case.id, case.action, mode, case.history)
            slowest = max(slowest, time.monotonic() - began)
            bar.update(number / len(cases), f"{number} of {len(cases)}")
    answers = {name: [by_id[c.id] for c in cases if c.id in by_id] for name, by_id in made.items()}
    for name, rows in answers.items():
        write_jsonl(trial.out / f"{name}.jsonl", rows)
    return answers


def tuned_answers(
    trial: Trial, cases: Sequence[TestCase], fewest: int, until: float | None, *, grammar: bool
) -> dict[str, list[Prediction]]:
    """Answers of the tuned model to the cases that time allows but `fewest` at least."""
    mode = trial.answering.mode("tuned", grammar=grammar, room=2 * trial.room)
    return answer_while(trial, {mode.name: mode}, cases, fewest, until)


def untuned_answers(
    trial: Trial, cases: Sequence[TestCase], tries: int, fewest: int
) -> tuple[dict[str, list[Prediction]], Choice]:
    """Answers of the base, without and with examples, to the cases that time allows but `fewest` at least."""
    choice = choose_shots(trial, tries)
    modes = {"base": trial.untuned(0), "fewshot": trial.untuned(choice.shots)}
    return answer_while(trial, modes, cases, fewest, trial.until), choice
