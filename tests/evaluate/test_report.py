"""report.html: whole, self-contained, escaped, in both languages."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from manyshot import evaluate
from manyshot.errors import DataError
from manyshot.evaluate import CurvePoint, Evaluation, LossPoint, RunInfo, diff, plots
from manyshot.evaluate.records import Row
from manyshot.evaluate.report import render
from manyshot.evaluate.words import EN, ZH
from manyshot.types import Call, Expected, Language

INFO = RunInfo(
    domain="desk <1>",
    date=datetime(2026, 11, 22, 14, 5, tzinfo=UTC),
    machine="2 cores",
    base="gemma-3-270m",
    facts={"seed": "0"},
    seconds={"train": 431.0, "eval": 8000.0},
    data={"plain": 4480, "ask": 1120},
    rejects={"near-duplicate": 804},
    coverage={"pairs": "100%"},
    note="A sample of the tests.",
)
LOSS = [LossPoint(step=i, loss=2.0 / i, held_out=1.0 if i % 10 == 0 else None) for i in range(1, 50)]
CURVE = [CurvePoint(pairs=86, right=3, total=10), CurvePoint(pairs=1000, right=8, total=10)]
EVIL = "<script>alert(1)</script>"


def row(id: str = "t1", mode: str = "base", **changes: Any) -> Row:
    facts: dict[str, Any] = {
        "mode": mode,
        "id": id,
        "action": "do it",
        "kind": "call",
        "tools": ("Create",),
        "simple": True,
        "held_out": True,
        "similarity": 50.0,
        "expected": (
            Expected(name="Create", arguments={"when": ["2024-10-13 15:00", "2024-10-13"], "who": ["Li", ""]}),
        ),
        "calls": (Call(name="Create", arguments={"when": "2024-10-13 03:00"}),),
        "right": False,
        "stage": "value",
        "detail": "when: wanted 2024-10-13 15:00, got 2024-10-13 03:00",
    }
    return Row(**(facts | changes))


def sample() -> Evaluation:
    rows = (
        row(),
        row("t2", action=EVIL, stage="function", calls=(Call(name=EVIL, arguments={"x": EVIL}),)),
        row("t1", "tuned", right=True, stage=None),
        row("t2", "tuned", right=True, stage=None),
    )
    return Evaluation.from_rows(rows)


class Page(HTMLParser):
    """Collects tags with their attributes, checks that tags nest, and keeps the text."""

    VOID = frozenset({"meta", "link", "br", "input", "line", "circle", "polyline"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_is_whole_and_self_contained(language: Language, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "report.html"
    evaluate.write_report(path, sample(), info=INFO, loss=LOSS, curve=CURVE, language=language)
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    text = path.read_text("utf-8")
    page = Page(text)
    assert page.open == []
    assert not re.search(r"(?:https?:)?//[a-z0-9]", re.sub(r"<script>.*</script>", "", text, flags=re.S))
    assert "url(" not in text
    assert "@import" not in text
    for _, attributes in page.tags:
        assert not {"src", "onclick", "action"} & attributes.keys()
        assert (attributes.get("href") or "data:,") == "data:,"
    assert any("default-src 'none'" in (a.get("content") or "") for _, a in page.tags)
    words = EN if language == "en" else ZH
    for key in (
        "s_modes",
        "s_stages",
        "s_classes",
        "s_tools",
        "loss",
        "learning",
        "s_data",
        "s_failures",
        "how_paired",
    ):
        assert words[key] in page.text
    for shown in ("100.0%", "2/2", "4,480", "7 min 11 s", "2 h 13 min", "A sample of the tests.", "2024-10-13 14"[:10]):
        assert shown in page.text
    assert len([t for t, _ in page.tags if t == "svg"]) == 2


def test_text_from_models_and_users_is_escaped() -> None:
    text = render(sample(), info=INFO)
    assert EVIL not in text
    assert text.count("<script>") == 1
    assert "desk &lt;1&gt;" in text


def test_a_lone_surrogate_does_not_stop_the_report(tmp_path: Path) -> None:
    rows = (row(action="\ud800", calls=(Call(name="Create", arguments={"\ud800": "\ud800"}),)),)
    evaluate.write_report(tmp_path / "report.html", Evaluation.from_rows(rows), info=INFO)


def test_every_failure_is_there_with_stage_and_mode() -> None:
    page = Page(render(sample(), info=INFO))
    cards = [a for t, a in page.tags if t == "article"]
    assert [(c["data-mode"], c["data-stage"]) for c in cards] == [("base", "value"), ("base", "function")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_tests_is_said_and_nothing_else_breaks(language: Language) -> None:
    text = render(Evaluation(), info=INFO, loss=LOSS, language=language)
    assert (EN if language == "en" else ZH)["no_tests"] in text
    bare = RunInfo(domain="d", date=INFO.date, machine="m")
    assert Page(render(sample(), info=bare, language=language)).open == []


def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        evaluate.write_report(tmp_path / "report.html", sample(), info=INFO)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_both_word_tables_say_the_same_things() -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert EN.keys() == ZH.keys()
    assert {k: fields(v) for k, v in EN.items()} == {k: fields(v) for k, v in ZH.items()}


def texts(parts: tuple[diff.Piece, ...]) -> list[str]:
    return [f"[{p.text}]" if p.odd else p.text for p in parts]


def test_differences_are_cut_where_they_are() -> None:
    choice, when, who = diff.lines(row())
    assert (choice.name, choice.status) == ("", "same")
    assert (when.name, when.status, when.others) == ("when", "wrong", ("2024-10-13",))
    assert texts(when.wanted) == ["2024-10-13 ", "[15]", ":00"]
    assert texts(when.got) == ["2024-10-13 ", "[03]", ":00"]
    assert (who.name, who.status, who.wanted) == ("who", "same", ())
    both = diff.pieces("充电桩跳闸", "充电枪跳闸")
    assert (texts(both[0]), texts(both[1])) == (["充电", "[桩]", "跳闸"], ["充电", "[枪]", "跳闸"])


def test_every_kind_of_answer_has_a_difference() -> None:
    missing = diff.lines(row(calls=(Call(name="Create", arguments={"extra": 3}),)))
    assert [(line.name, line.status) for line in missing] == [
        ("", "same"),
        ("when", "missing"),
        ("who", "same"),
        ("extra", "extra"),
    ]
    (asked,) = diff.lines(row(kind="ask", expected=(), expected_ask=("a", "b"), calls=(), ask=("b", "c")))
    assert asked.asks == (True, True)
    assert (texts(asked.wanted), texts(asked.got)) == (["[a]", ", ", "b"], ["b", ", ", "[c]"])
    (silent,) = diff.lines(row(calls=()))
    assert (silent.got, silent.asks) == ((), (False, False))
    (acted,) = diff.lines(row(kind="none", expected=()))
    assert acted.wanted == ()
    (instead,) = diff.lines(row(calls=(), ask=("who",)))
    assert (texts(instead.got), instead.asks) == (["[who]"], (False, True))
    expected = (Expected(name="Create", arguments={"n": [3]}),)
    typed = diff.lines(row(expected=expected, calls=(Call(name="Create", arguments={"n": "3"}),)))[1]
    assert (texts(typed.wanted), texts(typed.got)) == (["[3]"], ['["3"]'])


def test_charts_stay_in_their_frame() -> None:
    for chart in (plots.loss_chart(LOSS), plots.learning_chart(CURVE), plots.learning_chart(CURVE[:1])):
        assert chart is not None
        places = [tuple(map(float, p.split(","))) for _, line in chart.lines for p in line.split()]
        assert all(chart.left <= x <= chart.right and chart.top - 1 <= y <= chart.bottom for x, y in places)
        assert all(d.high <= d.y <= d.low for d in chart.dots)
    assert plots.loss_chart(LOSS[:1]) is None
    assert plots.loss_chart([LossPoint(step=i, loss=float("nan")) for i in range(9)]) is None
    assert plots.learning_chart([]) is None
    assert LossPoint.from_log({"step": 3, "loss_token": 0.5, "lr": 1e-4}) == LossPoint(step=3, loss=0.5)
