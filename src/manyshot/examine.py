"""A trained run -> answers of all modes, verdicts, and how well training sentences are answered.

One rule: this is the first and only place of a run that opens the tests.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from manyshot import evaluate
from manyshot.desk import TUNED, Desk
from manyshot.errors import DataError, ModelError
from manyshot.parts import Parts
from manyshot.plugs.bases import Base
from manyshot.progress import Screen
from manyshot.records import read_jsonl, read_manifest, write_aside, write_jsonl, write_manifest
from manyshot.runfolder import RunFolder
from manyshot.train.stage import held_back
from manyshot.trial import Choice, Trial, answer, sample, tuned_answers, untuned_answers
from manyshot.types import CallPair, Json, Prediction, TestCase

#: Tests that the untuned modes answer even when the time is over; a sample that was asked for is answered whole.
FEWEST = 20
SHOTS, GENERATED = "training shots", "held-back pairs"


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run is examined. `until`: time.monotonic() at which it should be done, None for no limit."""

    sample: int | None
    checks: int
    tries: int
    seed: int
    held_out: tuple[str, ...]
    until: float | None


@dataclass(frozen=True, slots=True)
class Examined:
    """What came out. `evaluation`: all modes on the same tests; `tuned`: the tuned modes on all tests."""

    evaluation: evaluate.Evaluation
    tuned: evaluate.Evaluation
    checks: dict[str, evaluate.Tally]
    choice: Choice | None

    @property
    def complete(self) -> bool:
        """Whether the untuned modes answered all tests too."""
        return len(self.evaluation.of("base")) == len(self.tuned.of("tuned"))

    @property
    def numbers(self) -> Json:
        """The figures as plain JSON."""
        return {
            "modes": evaluate.numbers(self.evaluation),
            **({} if self.complete else {"tuned_on_all_tests": evaluate.numbers(self.tuned)}),
            "checks": {name: {"right": t.right, "total": t.total} for name, t in self.checks.items()},
            "fewshot": self.choice.model_dump(mode="json") if self.choice else None,
        }


def examine(
    desk: Desk, base: Base, place: RunFolder, folder: Path, parts: Parts, screen: Screen, terms: Terms
) -> Examined:
    """Answer the tests in the domain `folder` with the run's adapter and judge; writes place.eval, manifest last."""
    from manyshot.spec.load import load_tests

    cases = sample(load_tests(folder), terms.sample, terms.seed)
    fewest = len(cases) if terms.sample is not None else FEWEST
    if not place.adapter.is_file():
        raise ModelError(f"{place.adapter}: wanted the run's adapter, it is not there; make the run again with --force")
    model = parts.open_model(base, {TUNED: place.adapter})
    try:
        trial = Trial(desk, model, parts.tokenizer(base), place.eval / "predictions", screen, terms.seed, terms.until)
        tuned = tuned_answers(trial, cases) if cases else {}
        checks = {name: _check(trial, name, pairs) for name, pairs in _sentences(desk, place, terms).items()}
        untuned, choice = untuned_answers(trial, cases, terms.tries, fewest) if cases else ({}, None)
    finally:
        model.close()
    examined = _judged(desk, cases, {**untuned, **tuned}, terms.held_out, checks, choice)
    _store(place, examined)
    return examined


def _sentences(desk: Desk, place: RunFolder, terms: Terms) -> dict[str, list[CallPair]]:
    """Shots as they stand, and generated pairs that training did not see."""
    kept = [p for p in read_jsonl(place.data / "pairs.jsonl", CallPair) if held_back(p)]
    shots = [p for p in desk.examples if p.call is None or p.call.name not in terms.held_out]
    return {SHOTS: sample(shots, terms.checks, terms.seed), GENERATED: sample(kept, terms.checks, terms.seed)}


def _check(trial: Trial, name: str, pairs: Sequence[CallPair]) -> evaluate.Tally:
    if not pairs:
        return evaluate.Tally(0, 0)
    cases = [trial.desk.case(pair) for pair in pairs]
    mode = trial.desk.mode("tuned")
    answers = answer(trial, name.replace(" ", "-"), cases, mode)
    judged = evaluate.run(cases, {mode.name: answers}, {t.name: t for t in trial.desk.domain.tools}, baseline=mode.name)
    return evaluate.summarise(judged)[0].overall


def _judged(
    desk: Desk,
    cases: Sequence[TestCase],
    answers: dict[str, list[Prediction]],
    held_out: Sequence[str],
    checks: dict[str, evaluate.Tally],
    choice: Choice | None,
) -> Examined:
    tools = {t.name: t for t in desk.domain.tools}
    rejects = (desk.reject,) if desk.reject else ()
    asked = {p.id for p in answers.get("base", [])}
    common = [c for c in cases if c.id in asked]
    shared = {name: [p for p in given if p.id in asked] for name, given in answers.items()}
    tuned = {name: given for name, given in answers.items() if name.startswith("tuned")}
    shots = desk.domain.shots
    return Examined(
        evaluate.run(common, shared, tools, held_out=held_out, shots=shots, reject_tools=rejects),
        evaluate.run(cases, tuned, tools, held_out=held_out, shots=shots, reject_tools=rejects, baseline="tuned"),
        checks,
        choice,
    )


def _store(place: RunFolder, examined: Examined) -> None:
    write_jsonl(place.eval / "rows.jsonl", examined.evaluation.to_rows())
    if not examined.complete:
        write_jsonl(place.eval / "rows-tuned.jsonl", examined.tuned.to_rows())
    with write_aside(place.eval / "evaluation.json") as stream:
        stream.write(json.dumps(examined.numbers, ensure_ascii=False, indent=1) + "\n")
    write_manifest(place.eval, "eval", {}, {}, examined.numbers)


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
    choice = made.numbers["fewshot"]
    return Examined(
        evaluate.Evaluation.from_rows(rows),
        evaluate.Evaluation.from_rows(of_tuned, "tuned"),
        checks,
        Choice.model_validate(choice) if choice else None,
    )
