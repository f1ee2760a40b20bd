"""A trained run -> answers of all modes, verdicts, and how well training sentences are answered.

One rule: this is the first and only place of a run that opens the tests.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from manyshot import evaluate
from manyshot.answering import TUNED, Answering
from manyshot.budget import Costs
from manyshot.errors import DataError, ModelError
from manyshot.parts import Parts
from manyshot.plugs.bases import Base
from manyshot.progress import Screen
from manyshot.records import digest, read_jsonl, read_manifest, write_aside, write_jsonl, write_manifest
from manyshot.runfolder import RunFolder
from manyshot.train.stage import held_back
from manyshot.trial import Choice, Trial, answer_while, sample, tuned_answers, untuned_answers, untuned_seconds
from manyshot.types import CallPair, Json, Prediction, TestCase

#: Tests that a mode answers even when the time is over. The tuned model answers a sample that was asked for whole, the
#: untuned ones while patience lasts: where calls take longer than they did at the plan, theirs do many times so.
FEWEST = 20
#: Training sentences of a kind that are asked even then.
FEWEST_CHECKS = 5
#: Parts of the time that is left: kept for the untuned modes at most, and of the rest for the tuned model under its
#: grammar, then for each kind of training sentences; without the grammar it gets what remains.
UNTUNED, GUIDED, CHECKED = 0.6, 0.7, 0.3
SHOTS, GENERATED = "training shots", "held-back pairs"
#: The mode that a run is for.
BEST = "tuned+grammar"


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run is examined. `until`: time.monotonic() at which it should be done, None for no limit; `patience`:
    seconds beyond, in which the untuned modes may finish a sample that was asked for; `costs`: what their calls take,
    to keep time for them."""

    sample: int | None
    checks: int
    tries: int
    seed: int
    held_out: tuple[str, ...]
    until: float | None
    costs: Costs | None = None
    patience: float = 0.0


@dataclass(frozen=True, slots=True)
class Examined:
    """What came out. `evaluation`: all modes on the same tests; `tuned`: the tuned modes on all tests that time allowed
    (without the grammar only where they are the same); `tests`: how many there are."""

    evaluation: evaluate.Evaluation
    tuned: evaluate.Evaluation
    checks: dict[str, evaluate.Tally]
    choice: Choice | None
    tests: int

    @property
    def complete(self) -> bool:
        """Whether all modes answered all tests."""
        return len(self.evaluation.of(BEST)) == self.tests

    @property
    def numbers(self) -> Json:
        """The figures as plain JSON."""
        return {
            "tests": self.tests,
            "modes": evaluate.numbers(self.evaluation),
            **({} if self.complete else {"tuned_on_more_tests": evaluate.numbers(self.tuned)}),
            "checks": {name: {"right": t.right, "total": t.total} for name, t in self.checks.items()},
            "fewshot": self.choice.model_dump(mode="json") if self.choice else None,
        }


def examine(
    answering: Answering, base: Base, place: RunFolder, folder: Path, parts: Parts, screen: Screen, terms: Terms
) -> Examined:
    """Answer the tests in the domain `folder` with the run's adapter and judge; writes place.eval, manifest last."""
    from manyshot.spec.load import load_tests

    cases = sample(load_tests(folder), terms.sample, terms.seed)
    if not place.adapter.is_file():
        raise ModelError(f"{place.adapter}: wanted the run's adapter, it is not there; make the run again with --force")
    answered = place.eval / "predictions"
    _forget_others(answered, cases)
    model = parts.open_model(base, {TUNED: place.adapter})
    try:
        trial = Trial(answering, model, parts.tokenizer(base), answered, screen, terms.seed, terms.until)
        answers, checks, choice = _answers(trial, cases, _sentences(answering, place, terms), terms)
    finally:
        model.close()
    examined = _judged(answering, cases, answers, terms.held_out, checks, choice)
    _store(place, examined, cases, terms)
    return examined


def _answers(
    trial: Trial, cases: Sequence[TestCase], sentences: Mapping[str, Sequence[CallPair]], terms: Terms
) -> tuple[dict[str, list[Prediction]], dict[str, evaluate.Tally], Choice | None]:
    """Answers of all modes in the order of a report, the checks, the chosen number of examples.

    What matters most is answered first; each part leaves time for those after it.
    """
    fewest = len(cases) if terms.sample is not None else FEWEST
    limit = terms.until
    if limit is not None and terms.costs is not None and cases:
        limit -= min(untuned_seconds(terms.costs, fewest), UNTUNED * max(0.0, limit - time.monotonic()))
    tuned = tuned_answers(trial, cases, fewest, _part(limit, GUIDED), grammar=True)
    checks = {name: _check(trial, name, pairs, _part(limit, CHECKED)) for name, pairs in sentences.items()}
    if not cases:
        return {}, checks, None
    free = tuned_answers(trial, cases, fewest, limit, grammar=False)
    late = replace(trial, until=trial.until and trial.until + terms.patience) if terms.sample is not None else trial
    untuned, choice = untuned_answers(late, cases, terms.tries, FEWEST)
    return {**untuned, **free, **tuned}, checks, choice


def _part(limit: float | None, share: float) -> float | None:
    """The moment when `share` of the time up to `limit` is gone."""
    now = time.monotonic()
    return None if limit is None else now + share * (limit - now)


def _forget_others(answered: Path, cases: Sequence[TestCase]) -> None:
    """Answers to other tests than these (they were edited after a kill) are no answers to these."""
    mark, file = _tests_id(cases), answered / "tests.id"
    if answered.exists() and (not file.exists() or file.read_text("utf-8") != mark):
        shutil.rmtree(answered)
    with write_aside(file) as stream:
        stream.write(mark)


def _tests_id(cases: Sequence[TestCase]) -> str:
    return digest([case.model_dump(mode="json", exclude={"source"}) for case in cases])


def _sentences(answering: Answering, place: RunFolder, terms: Terms) -> dict[str, list[CallPair]]:
    """Shots as they stand, and generated pairs that training did not see."""
    kept = [p for p in read_jsonl(place.data / "pairs.jsonl", CallPair) if held_back(p)]
    shots = [p for p in answering.examples if p.call is None or p.call.name not in terms.held_out]
    return {SHOTS: sample(shots, terms.checks, terms.seed), GENERATED: sample(kept, terms.checks, terms.seed)}


def _check(trial: Trial, name: str, pairs: Sequence[CallPair], until: float | None) -> evaluate.Tally:
    if not pairs:
        return evaluate.Tally(0, 0)
    mode, file = trial.answering.mode("tuned"), name.replace(" ", "-")
    cases = [trial.answering.case(pair) for pair in pairs]
    answers = answer_while(trial, {file: mode}, cases, FEWEST_CHECKS, until)[file]
    asked = {p.id for p in answers}
    cases = [c for c in cases if c.id in asked]
    judged = evaluate.run(
        cases, {mode.name: answers}, {t.name: t for t in trial.answering.domain.tools}, baseline=mode.name
    )
    return evaluate.summarise(judged)[0].overall


def _judged(
    answering: Answering,
    cases: Sequence[TestCase],
    answers: dict[str, list[Prediction]],
    held_out: Sequence[str],
    checks: dict[str, evaluate.Tally],
    choice: Choice | None,
) -> Examined:
    """Verdicts on the tests that all modes answered, and on those that the tuned model did."""
    tools = {t.name: t for t in answering.domain.tools}
    rejects = (answering.reject,) if answering.reject else ()
    asked = {name: {p.id for p in given} for name, given in answers.items()}
    shared = set.intersection(*asked.values()) if asked else set()
    most = asked.get(BEST, set())

    def judge(ids: set[str], modes: Iterable[str], baseline: str) -> evaluate.Evaluation:
        given = {name: [p for p in answers[name] if p.id in ids] for name in modes}
        return evaluate.run(
            [c for c in cases if c.id in ids], given, tools,
            held_out=held_out, shots=answering.domain.shots, reject_tools=rejects, baseline=baseline,
        )  # fmt: skip

    tuned = [name for name in answers if name.startswith("tuned") and asked[name] == most]
    return Examined(judge(shared, answers, "base"), judge(most, tuned, "tuned"), checks, choice, len(cases))


def _store(place: RunFolder, examined: Examined, cases: Sequence[TestCase], terms: Terms) -> None:
    write_jsonl(place.eval / "rows.jsonl", examined.evaluation.to_rows())
    if not examined.complete:
        write_jsonl(place.eval / "rows-tuned.jsonl", examined.tuned.to_rows())
    with write_aside(place.eval / "evaluation.json") as stream:
        stream.write(json.dumps(examined.numbers, ensure_ascii=False, indent=1) + "\n")
    trained = read_manifest(place.train)
    inputs = {"tests": _tests_id(cases), **({"train": trained.id} if trained else {})}
    config: Json = {"sample": terms.sample, "checks": terms.checks, "tries": terms.tries, "seed": terms.seed}
    write_manifest(place.eval, "eval", inputs, config, examined.numbers)


def stored(place: RunFolder) -> Examined:
    """What an earlier examination found. Raises DataError when there is none."""
    made = read_manifest(place.eval)
    if made is None:
        raise DataError(f"{place.path}: wanted an evaluated run, its evaluation is not finished")
    rows = tuple(read_jsonl(place.eval / "rows.jsonl", evaluate.Row))
    tuned = place.eval / "rows-tuned.jsonl"
    of_tuned = tuple(read_jsonl(tuned, evaluate.Row)) if tuned.exists() else rows
    of_tuned = tuple(r for r in of_tuned if r.mode.startswith("tuned"))
    checks = {name: evaluate.Tally(t["right"], t["total"]) for name, t in made.numbers["checks"].items()}
    choice, evaluation = made.numbers["fewshot"], evaluate.Evaluation.from_rows(rows)
    return Examined(
        evaluation,
        evaluate.Evaluation.from_rows(of_tuned, "tuned"),
        checks,
        Choice.model_validate(choice) if choice else None,
        int(made.numbers.get("tests", len(evaluation.of(BEST)))),
    )
