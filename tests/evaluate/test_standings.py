"""The comparison's table and the gate, from results alone: what is paired, what several tests cost, what lets pass."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from manyshot import stats
from manyshot.errors import EvalError
from manyshot.evaluate import gate as judge
from manyshot.evaluate.gate import Demand, gate, overall
from manyshot.evaluate.standings import Result, Suite, render_standings, standing_numbers, standings


def results(name: str, verdicts: str, suite: Suite = "calls", **more: float) -> list[Result]:
    """A result for each sign: + is right."""
    return [
        Result(suite=suite, candidate=name, id=f"t{i}", case=f"c{i}", right=sign == "+", ms=10.0 * (i + 1), **more)  # type: ignore[arg-type]
        for i, sign in enumerate(verdicts)
    ]


def shown(rows: list[Result], language: str = "en") -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(render_standings(standings(rows), language))  # type: ignore[arg-type]
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_every_candidate_is_paired_with_the_first_and_corrected_for_all() -> None:
    rows = results("old", "-" * 8 + "+" * 12) + results("good", "+" * 20) + results("same", "-" * 8 + "+" * 12)
    old, good, same = standings(rows)
    assert (old.against, old.pairs, old.verdict) == ("", None, None)
    assert good.pairs == stats.Pairs(12, 8, 0, 0)
    assert good.p == pytest.approx(2 * stats.mcnemar(good.pairs))  # two comparisons
    assert (good.verdict, same.verdict) == ("better", "not_enough_cases")
    assert good.needed is None
    assert same.needed is not None
    assert same.needed.cases == stats.cases_needed(0.05, 0.0, alpha=0.025)
    assert good.ms_p50 == 105.0


def test_a_result_that_one_test_would_find_significant_is_not_when_there_are_many() -> None:
    six = results("old", "-" * 6 + "+" * 10) + results("new", "+" * 16)
    assert standings(six)[1].verdict == "better"
    more = six + [row for i in range(3) for row in results(f"x{i}", "-" * 6 + "+" * 10)]
    assert standings(more)[1].verdict == "not_enough_cases"  # 0.031 four times


def test_cases_that_only_one_answered_are_not_paired_and_edited_ones_are_refused() -> None:
    old, new = results("old", "++--"), results("new", "+++")
    assert standings(old + new)[1].pairs == stats.Pairs(2, 1, 0, 0)
    new[1] = new[1].model_copy(update={"case": "edited"})
    with pytest.raises(EvalError, match=r"case t1: it was edited"):
        standings(old + new)


def test_cost_is_only_told_where_every_case_has_one() -> None:
    rows = results("a", "++", cost=0.002, tokens_in=10, tokens_out=3) + results("b", "++", cost=0.1)
    rows[-1] = rows[-1].model_copy(update={"cost": None})
    a, b = standings(rows)
    assert a.per_thousand == pytest.approx(2.0)
    assert (a.tokens_in, a.tokens_out) == (10, 3)
    assert b.per_thousand is None
    assert standing_numbers([a, b])["calls"]["b"]["cost_per_thousand"] is None


def test_the_table_says_verdict_and_cases_needed_in_both_languages() -> None:
    rows = results("old", "-+++") + results("new", "++++") + results("talk", "++", "scenarios")
    english, chinese = shown(rows), shown(rows, "zh")
    assert "Calls (4 tests)" in english
    assert "Scenarios (2; right: every trial passed)" in english
    assert re.search(r"new +4 100\.0% +51-100% +too few cases \+1 -0 p=1\.000 +- +25 +0/0", english)
    assert re.search(r"new: some \d+ cases would tell from old, if the rates are 25\.0% apart", english)
    assert "用例太少 +1 -0" in chinese
    assert re.search(r"new：若正确率相差 25\.0%，约需 \d+ 个用例", chinese)


@pytest.mark.parametrize(
    ("old", "new", "demand", "said"),
    [
        ("+" * 80, "+" * 80, Demand(), "pass"),  # the interval is 4.6 points to each side
        ("+" * 60, "+" * 60, Demand(), "cannot_tell"),
        ("+" * 60, "+" * 60, Demand(loss=0.1), "pass"),
        ("+" * 80, "+" * 80, Demand(loss=0.0), "cannot_tell"),
        ("-" * 10 + "+" * 10, "+" * 20, Demand(loss=0.0), "pass"),  # better
        ("+" * 100, "-" * 10 + "+" * 90, Demand(), "worse"),
        ("+" * 1000, "-" * 8 + "+" * 992, Demand(), "pass"),  # worse for certain, by less than is tolerated
        ("+" * 100, "-" * 4 + "+" * 96, Demand(), "cannot_tell"),
        ("+" * 80, "+" * 80, Demand(minimum=0.9), "pass"),
        ("+" * 80, "+" * 80, Demand(minimum=0.97), "cannot_tell"),
        ("-" * 40 + "+" * 60, "-" * 40 + "+" * 60, Demand(minimum=0.8), "worse"),
    ],
)
def test_the_gate_lets_pass_only_what_the_cases_show(old: str, new: str, demand: Demand, said: str) -> None:
    found = gate(results("new", new), results("old", old), demand)
    assert overall(found) == said
    assert judge.numbers(found)["verdict"] == said


def test_the_gravest_suite_decides_and_none_may_be_missing() -> None:
    good, bad = "+" * 100, "-" * 30 + "+" * 70
    old = results("old", good) + results("old", good, "scenarios")
    found = gate(results("new", good) + results("new", bad, "scenarios"), old, Demand())
    assert [one.said for one in found] == ["pass", "worse"]
    assert overall(found) == "worse"
    with pytest.raises(EvalError, match=r"the new one was not tried on scenarios"):
        gate(results("new", good), old, Demand())
    (shorter,) = gate(results("new", good[:90]), results("old", good), Demand())
    assert (shorter.alone, shorter.new.total) == ((0, 10), 90)
    assert any("0 cases that only the new one answered, 10 only the old" in text for text in judge.lines(shorter))
    with pytest.raises(EvalError, match="no case in common"):
        gate(
            [row.model_copy(update={"id": f"x{row.id}"}) for row in results("new", good)], results("o", good), Demand()
        )


def test_the_number_of_cases_that_a_gate_names_is_enough() -> None:
    (found,) = gate(results("new", "+-" * 5 + "+" * 30), results("old", "-+" * 5 + "+" * 30), Demand())
    assert found.said == "cannot_tell"
    assert found.cases is not None
    times = -(-found.cases // 40)
    (again,) = gate(
        results("new", ("+-" * 5 + "+" * 30) * times), results("old", ("-+" * 5 + "+" * 30) * times), Demand()
    )
    assert again.said == "pass"
    assert any(f"some {found.cases} cases would tell" in text for text in judge.lines(found))


@given(*[st.integers(0, 60)] * 4)
def test_a_gate_never_passes_a_loss_it_does_not_tolerate(both: int, gained: int, lost: int, neither: int) -> None:
    old = "+" * both + "-" * gained + "+" * lost + "-" * neither
    new = "+" * (both + gained) + "-" * (lost + neither)
    if not old:
        return
    (found,) = gate(results("new", new), results("old", old), Demand())
    if found.said == "pass":
        assert found.pairs.difference >= -0.05
    if found.said == "worse":
        assert found.pairs.difference < 0
        assert stats.mcnemar(found.pairs) <= 0.05
