"""Answers under a deadline: the fewest in any case, the same first ones in every mode, what is kept after a kill."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from manyshot.answering import Answering, answering_of
from manyshot.budget import Costs
from manyshot.examine import FEWEST, FEWEST_CHECKS, Terms, _answers
from manyshot.plugs.models.scripted import ByteTokenizer, Scripted
from manyshot.progress import Silent
from manyshot.spec.load import load_domain, load_tests
from manyshot.trial import TRIED, Trial, answer_while, choose_shots, measure, tuned_answers, untuned_seconds
from manyshot.types import TestCase
from tests.scripted import gold, starter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return starter(tmp_path / "bistro")


@pytest.fixture
def answering(folder: Path) -> Answering:
    return answering_of(load_domain(folder))


def trial_of(answering: Answering, out: Path, until: float | None, answer: str = " none{}") -> Trial:
    return Trial(answering, Scripted(gold(answering.domain.folder), answer), ByteTokenizer(), out, Silent(), 0, until)


def cases_of(answering: Answering) -> list[TestCase]:
    return [answering.case(pair) for pair in answering.examples]


def test_when_the_time_is_over_the_fewest_are_answered_the_same_in_every_mode(
    answering: Answering, tmp_path: Path
) -> None:
    over, cases = time.monotonic() - 1, cases_of(answering)
    trial = trial_of(answering, tmp_path / "out", over)
    guided = tuned_answers(trial, cases, 8, over, grammar=True)["tuned+grammar"]
    free = tuned_answers(trial, cases, 5, over, grammar=False)["tuned"]
    assert (len(guided), len(free)) == (8, 5)
    assert {p.id for p in free} < {p.id for p in guided}
    order = [c.id for c in cases]
    assert [p.id for p in guided] == sorted((p.id for p in guided), key=order.index)


def test_a_part_is_not_taken_for_all_when_there_is_no_limit(answering: Answering, tmp_path: Path) -> None:
    over, cases = time.monotonic() - 1, cases_of(answering)
    modes = {"base": answering.mode("base")}
    assert len(answer_while(trial_of(answering, tmp_path, over), modes, cases, 3, over)["base"]) == 3
    assert len(answer_while(trial_of(answering, tmp_path, over), modes, cases, 3, over)["base"]) == 3
    assert len(answer_while(trial_of(answering, tmp_path, None), modes, cases, 3, None)["base"]) == len(cases)


def test_a_round_that_would_not_end_in_time_is_not_begun(answering: Answering, tmp_path: Path) -> None:
    def slow(_action: str, _adapter: str | None) -> str:
        time.sleep(0.05)
        return " none{}"

    until = time.monotonic() + 0.3
    trial = Trial(answering, Scripted(slow), ByteTokenizer(), tmp_path, Silent(), 0, until)
    answers = answer_while(trial, {"base": answering.mode("base")}, cases_of(answering), 1, until)["base"]
    assert 1 <= len(answers) < len(answering.examples)


def test_the_choice_is_kept_with_the_answers_made_by_it(answering: Answering, tmp_path: Path) -> None:
    first = choose_shots(trial_of(answering, tmp_path, None), 6)
    assert first.of > 0
    again = choose_shots(trial_of(answering, tmp_path, None, answer=" rubbish"), 2)
    assert again == first


def test_every_part_of_an_examination_keeps_to_the_limit(answering: Answering, folder: Path, tmp_path: Path) -> None:
    over = time.monotonic() - 1
    costs = Costs(plain=3.0, fewshot=5.0, tuned=1.0)
    terms = Terms(sample=None, checks=9, tries=2, seed=0, held_out=(), until=over, costs=costs)
    cases = load_tests(folder)
    answers, checks, choice = _answers(
        trial_of(answering, tmp_path / "out", over), cases, {"training shots": answering.examples[:9]}, terms
    )
    assert list(answers) == ["base", "fewshot", "tuned", "tuned+grammar"]
    assert all(len(given) == len(cases) for given in answers.values())  # fewer than the fewest
    assert checks["training shots"].total == FEWEST_CHECKS
    assert choice is not None


@pytest.mark.parametrize("patience", [0.0, 60.0])
def test_a_whole_sample_is_finished_as_long_as_patience_lasts(
    answering: Answering, tmp_path: Path, patience: float
) -> None:
    """A host on which calls take longer than at the plan: the untuned modes must not take as long as they like."""
    over = time.monotonic() - 1
    cases = [case.model_copy(update={"id": f"{n}{case.id}"}) for n in "ab" for case in cases_of(answering)][
        : FEWEST + 5
    ]
    terms = Terms(
        sample=len(cases), checks=9, tries=2, seed=0, held_out=(), until=over, costs=Costs(3.0, 5.0, 1.0),
        patience=patience,
    )  # fmt: skip
    answers, _, _ = _answers(trial_of(answering, tmp_path / "out", over), cases, {}, terms)
    assert len(cases) == FEWEST + 5
    assert {name: len(given) for name, given in answers.items()} == {
        "base": len(cases) if patience else FEWEST,
        "fewshot": len(cases) if patience else FEWEST,
        "tuned": len(cases),
        "tuned+grammar": len(cases),
    }


def test_the_untuned_modes_cost_at_least_the_choice_and_the_fewest_tests() -> None:
    costs = Costs(plain=1.0, fewshot=2.0, tuned=0.5)
    assert untuned_seconds(costs, 20) == 4 * len(TRIED) * 2.0 + 20 * 3.0


def test_calls_with_examples_are_only_measured_when_they_are_wanted(answering: Answering) -> None:
    asked: list[str] = []

    def script(action: str, _adapter: str | None) -> str:
        asked.append(action)
        return " none{}"

    both = measure(answering, Scripted(script), ByteTokenizer(), 0)
    full = len(asked)
    plain = measure(answering, Scripted(script), ByteTokenizer(), 0, fewshot=False)
    assert len(asked) - full < full
    assert plain.fewshot == plain.plain
    assert both.tuned > 0
