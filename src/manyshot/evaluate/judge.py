"""Predictions of several modes against the same tests -> Evaluation. One rule: no mode is judged on other cases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rapidfuzz import fuzz, process

from manyshot.errors import EvalError
from manyshot.evaluate.records import Evaluation, Kind, Row
from manyshot.score import score_prediction
from manyshot.types import Prediction, Shot, TestCase, Tool


def run(
    cases: Sequence[TestCase],
    predictions_by_mode: Mapping[str, Sequence[Prediction]],
    tools: Mapping[str, Tool],
    *,
    held_out: Collection[str] = (),
    shots: Sequence[Shot] = (),
    reject_tools: Collection[str] = (),
    baseline: str = "base",
) -> Evaluation:
    """Judge every prediction.

    Args:
        cases: the tests, ids unique. May be empty: a domain need not have tests.
        predictions_by_mode: mode -> one prediction a case, found by id. The order of the modes is kept in all tables.
        tools: name -> tool.
        held_out: names of tools that were kept out of training.
        shots: to say how far each test is from what the experts wrote.
        reject_tools: declared tools that stand for "no tool fits"; cases that expect one count as that class.
        baseline: the mode the others are tested against.

    Raises:
        EvalError: duplicate ids, or a mode without a prediction for some case.
    """
    _unique([c.id for c in cases], "tests")
    nearest = [_nearest(c.action, shots) for c in cases]
    rows = []
    for mode, predictions in predictions_by_mode.items():
        by_id = _by_id(mode, predictions, cases)
        for case, (shot, similarity) in zip(cases, nearest, strict=True):
            rows.append(_row(mode, case, by_id[case.id], tools, set(held_out), set(reject_tools), shot, similarity))
    return Evaluation(baseline=baseline, modes=tuple(predictions_by_mode), rows=tuple(rows))


def _row(
    mode: str,
    case: TestCase,
    answer: Prediction,
    tools: Mapping[str, Tool],
    held_out: set[str],
    reject_tools: set[str],
    shot: str | None,
    similarity: float | None,
) -> Row:
    verdict = score_prediction(answer, case, tools)
    names = tuple(dict.fromkeys(e.name for e in case.expected))
    kind = _kind(case, reject_tools)
    return Row(
        mode=mode,
        id=case.id,
        action=case.action,
        kind=kind,
        tools=names,
        simple=_simple(case) if kind == "call" else None,
        held_out=bool(held_out & set(names)) if names else None,
        nearest_shot=shot,
        similarity=similarity,
        expected=case.expected,
        expected_ask=case.ask,
        calls=answer.calls,
        ask=answer.ask or (),
        right=verdict.right,
        stage=verdict.stage,
        detail=verdict.detail,
        ms=answer.ms,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
    )


def _kind(case: TestCase, reject_tools: set[str]) -> Kind:
    if case.ask:
        return "ask"
    return "call" if any(e.name not in reject_tools for e in case.expected) else "none"


def _simple(case: TestCase) -> bool:
    """One call in which at most one argument must be given; what may be left out does not make a case complex."""
    return len(case.expected) == 1 and sum("" not in allowed for allowed in case.expected[0].arguments.values()) <= 1


def _nearest(action: str, shots: Sequence[Shot]) -> tuple[str | None, float | None]:
    found = process.extractOne(action, [s.action for s in shots], scorer=fuzz.ratio)
    return (shots[found[2]].id, round(found[1], 1)) if found else (None, None)


def _by_id(mode: str, predictions: Sequence[Prediction], cases: Sequence[TestCase]) -> dict[str, Prediction]:
    _unique([p.id for p in predictions], f"predictions of mode {mode}")
    by_id = {p.id: p for p in predictions}
    if missing := [c.id for c in cases if c.id not in by_id]:
        raise EvalError(
            f"mode {mode}: wanted a prediction for each of {len(cases)} tests, {len(missing)} are missing "
            f"(first: {missing[0]}); predict them again"
        )
    return by_id


def _unique(ids: Sequence[str], what: str) -> None:
    seen: set[str] = set()
    for i in ids:
        if i in seen:
            raise EvalError(f"{what}: id {i} stands more than once; give every test an id of its own")
        seen.add(i)
