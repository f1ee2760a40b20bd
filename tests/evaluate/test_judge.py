"""Rows, figures and tables of an evaluation, from answers made by hand."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from manyshot import evaluate
from manyshot.errors import EvalError
from manyshot.evaluate.records import Evaluation, Row
from manyshot.evaluate.summary import STAGES
from manyshot.types import Call, Expected, Prediction, Shot, Source, TestCase, Tool

PLACE = Source(file="tests/calls.jsonl", line=1)
TOOLS = {
    name: Tool(
        name=name, parameters={"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    )
    for name in ("Create", "Query", "Reject")
}
SHOTS = (
    Shot(id="s1", action="open a ticket", call=None, source=PLACE),
    Shot(id="s2", action="where is my order", call=None, source=PLACE),
)


def make_case(id: str, action: str, expected: dict[str, dict[str, list[Any]]], ask: tuple[str, ...] = ()) -> TestCase:
    wanted = tuple(Expected(name=n, arguments=a) for n, a in expected.items())
    return TestCase(id=id, action=action, expected=wanted, ask=ask, source=PLACE)


CASES = (
    make_case("c1", "open a ticket now", {"Create": {"a": ["x"], "b": ["y"]}}),
    make_case("c2", "where is order 5", {"Query": {"a": ["5"], "b": ["", "z"]}}),
    make_case("c3", "qqqq", {"Reject": {}}),
    make_case("c4", "open it", {}, ask=("a", "b")),
    make_case("c5", "sing me a song", {}),
)
GOLD: dict[str, Prediction] = {
    "c1": Prediction(id="c1", calls=(Call(name="Create", arguments={"a": "x", "b": "y"}),), ms=100, tokens_in=10),
    "c2": Prediction(id="c2", calls=(Call(name="Query", arguments={"a": "5"}),), ms=200, tokens_in=20),
    "c3": Prediction(id="c3", calls=(Call(name="Reject"),), ms=300, tokens_in=30),
    "c4": Prediction(id="c4", ask=("b", "a"), ms=400, tokens_in=40),
    "c5": Prediction(id="c5", ms=500, tokens_in=50),
}


def predictions(**wrong: Prediction) -> list[Prediction]:
    return list((GOLD | wrong).values())


def evaluation() -> Evaluation:
    nothing = [Prediction(id=c.id, ms=50) for c in CASES]
    tuned = predictions(c1=Prediction(id="c1", calls=(Call(name="Create", arguments={"a": "x", "b": "Y"}),)))
    modes = {"base": nothing, "tuned": tuned, "tuned+grammar": list(reversed(predictions()))}
    return evaluate.run(CASES, modes, TOOLS, held_out={"Query"}, shots=SHOTS, reject_tools={"Reject"})


def test_rows_hold_the_facts() -> None:
    result = evaluation()
    assert result.modes == ("base", "tuned", "tuned+grammar")
    assert [r.id for r in result.of("tuned+grammar")] == [c.id for c in CASES]  # in the order of the cases
    rows = {r.id: r for r in result.of("tuned")}
    assert [rows[i].kind for i in ("c1", "c2", "c3", "c4", "c5")] == ["call", "call", "none", "ask", "none"]
    assert [rows[i].simple for i in ("c1", "c2", "c3")] == [False, True, None]
    assert [rows[i].held_out for i in ("c1", "c2", "c4")] == [False, True, None]
    assert rows["c1"].nearest_shot == "s1"
    assert rows["c2"].nearest_shot == "s2"
    assert (rows["c1"].stage, rows["c1"].detail) == ("value", "b: wanted y, got Y")
    assert Evaluation.from_rows(result.to_rows()) == result
    assert Row.model_validate_json(result.rows[0].model_dump_json()) == result.rows[0]


def test_figures() -> None:
    base, tuned, best = evaluate.summarise(evaluation())
    assert (base.overall.right, tuned.overall.right, best.overall.right) == (1, 4, 5)
    assert base.failed["function"] == 3
    assert base.failed["ask"] == 1
    assert tuned.failed == {s: int(s == "value") for s in STAGES}
    assert {n: (t.right, t.total) for n, t in tuned.tools.items()} == {
        "Create": (0, 1),
        "Query": (1, 1),
        "Reject": (1, 1),
    }
    assert {n: (t.right, t.total) for n, t in base.classes["kind"].items()} == {
        "call": (0, 2),
        "ask": (0, 1),
        "none": (1, 2),
    }
    assert {n: t.total for n, t in best.classes["held"].items()} == {"in": 2, "out": 1}
    assert {n: t.total for n, t in best.classes["fields"].items()} == {"simple": 1, "complex": 1}
    assert base.against_base is None
    assert best.against_base is not None
    assert best.against_base.pairs == (1, 4, 0, 0)
    assert best.against_base.p == pytest.approx(0.125)
    assert best.against_base.verdict == "not_enough_cases"
    assert (best.ms_p50, best.ms_p95, best.tokens_in) == (300, pytest.approx(480), 30)
    assert [r.id for r in tuned.failures] == ["c1"]
    numbers = evaluate.numbers(evaluation())
    assert numbers["tuned"]["right"] == 4
    assert numbers["tuned"]["failed"] == {"value": 1}


def test_every_case_falls_into_one_stage_or_is_right() -> None:
    for s in evaluate.summarise(evaluation()):
        assert s.overall.right + sum(s.failed.values()) == s.overall.total
        for classes in s.classes.values():
            assert sum(t.right for t in classes.values()) <= s.overall.right


@pytest.mark.parametrize("colour", [None, "truecolor"])
def test_the_tables_fit_a_terminal(colour: Any) -> None:
    out = io.StringIO()
    Console(file=out, width=80, color_system=colour, force_terminal=colour is not None).print(
        evaluate.render_tables(evaluation())
    )
    text = out.getvalue()
    if colour is None:
        assert all(len(line.rstrip()) <= 80 for line in text.splitlines())
    for word in ("Right answers (5 tests)", "tuned+grammar", "too few cases", "80.0%", "ask back", "nearest shot"):
        assert word in text
    assert "…" not in text


def test_no_tests_is_said() -> None:
    empty = evaluate.run((), {"base": []}, TOOLS)
    assert evaluate.numbers(empty)["base"]["rate"] is None  # not measured is not zero
    out = io.StringIO()
    Console(file=out, width=80).print(evaluate.render_tables(empty))
    assert "No tests" in out.getvalue()


def test_without_a_baseline_nothing_is_paired() -> None:
    result = evaluate.run(CASES, {"tuned": predictions()}, TOOLS)
    (only,) = evaluate.summarise(result)
    assert only.against_base is None
    assert result.rows[0].similarity is None
    with pytest.raises(KeyError, match="there are tuned"):
        evaluate.compare(result, "base", "tuned")


@pytest.mark.parametrize(
    ("cases", "answers", "message"),
    [
        ([*CASES, CASES[0]], predictions(), "tests: id c1 stands more than once"),
        (CASES, [*predictions(), GOLD["c2"]], "predictions of mode base: id c2"),
        (CASES, predictions()[:-2], r"mode base: .* 2 are missing \(first: c4\)"),
    ],
)
def test_uneven_input_is_refused(cases: Any, answers: Any, message: str) -> None:
    with pytest.raises(EvalError, match=message):
        evaluate.run(cases, {"base": answers}, TOOLS)
