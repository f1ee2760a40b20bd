"""The report, the starter domain, and the domains that ship."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import manyshot
from manyshot.errors import SpecError
from manyshot.spec.check import check, format_report
from manyshot.spec.init import init
from manyshot.spec.load import load_domain, load_tests
from tests.spec.desk import BOOK, SHOT, Desk

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(
    p.parent
    for d in (Path(manyshot.__file__).parent / "domains", ROOT / "bench/domains")
    for p in d.glob("*/domain.toml")
)


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda p: p.name)
def test_shipped_domains_are_sound(folder: Path) -> None:
    report = check(folder)
    assert report.faults == ()
    assert report.counts["shots"] >= 8 * report.counts["tools"] - 8
    ids = [s.id for s in load_domain(folder).shots]
    assert len(ids) == len(set(ids))


def test_report_of_a_sound_domain(desk: Desk) -> None:
    text = format_report(check(desk.folder))
    assert "2 tools, 1 shot with a call, 0 that ask back, 0 that no tool fits, 0 tests" in " ".join(text.split())
    assert "Cancel has 0 shots; write 8 or more" in " ".join(text.split())
    assert "no shot shows a request that no tool fits" in " ".join(text.split())
    assert "no shot shows what to ask back" in " ".join(text.split())


def test_report_of_faults_fits_80_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    desk = Desk(Path("desk"))
    desk.shots([{**SHOT, "cal": 1, "action": ""}])
    report = check(desk.folder)
    lines = format_report(report).split("\n")
    assert not report.ok
    assert "desk/shots/calls.jsonl:1:" in lines
    assert lines[-1] == "2 faults in desk; nothing runs until they are corrected"
    assert max(map(len, lines)) <= 80


def test_faults_of_tools_do_not_multiply(desk: Desk) -> None:
    desk.tools([{**BOOK, "name": "a b"}])
    report = check(desk.folder)
    assert [f.file for f in report.faults] == ["tools.json"]
    assert any("not checked, because the tools have faults" in h.message for h in report.hints)


def test_values_that_the_action_does_not_say(desk: Desk) -> None:
    desk.shots(
        [SHOT, {"action": "For five.", "call": {"name": "Book", "arguments": {"day": "2024-10-11", "guests": 5}}}]
    )
    hints = [str(h) for h in check(desk.folder).hints]
    assert any(h.startswith('shots/calls.jsonl:2: day "2024-10-11" cannot be read back') for h in hints)
    assert not any("guests" in h for h in hints)


def test_a_test_that_is_a_shot(desk: Desk) -> None:
    desk.tests(
        [
            {
                "id": "t",
                "action": SHOT["action"],
                "expected": [{"name": "Book", "arguments": {"day": ["2024-10-11"], "guests": [2]}}],
            }
        ]
    )
    assert any("this test is the shot on line 1" in str(h) for h in check(desk.folder).hints)


@pytest.mark.parametrize("language", ["en", "en-US", "zh", "zh-CN"])
@pytest.mark.parametrize("today", [date(2024, 2, 27), date(2025, 12, 29)])
def test_starter_is_sound(tmp_path: Path, language: str, today: date) -> None:
    folder = init(tmp_path / "new" / "my_desk", None, language, today)
    report = check(folder)
    assert (report.faults, report.hints) == ((), ())
    assert report.counts == {"tools": 2, "shots": 16, "asks": 2, "nones": 2, "tests": 4}
    domain = load_domain(folder)
    assert (domain.name, domain.context.today.date()) == ("my_desk", today)
    assert len(load_tests(folder)) == 4
    assert [p.name for p in folder.parent.iterdir()] == ["my_desk"]
    assert not [p for p in folder.rglob("*") if p.is_file() and "{{" in p.read_text(encoding="utf-8")]


def test_init_refuses(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    for folder, name, language, expected in [
        ("full", "d", "en", "wanted a new or empty folder"),
        ("file", "d", "en", "is a file or a link"),
        ("file/below", "d", "en", "cannot be written"),
        ("new", "a b", "en", "wanted a name of letters"),
        ("new", "d", "fr", "wanted a language of zh, zh-CN, en, en-US"),
    ]:
        with pytest.raises(SpecError, match=expected):
            init(tmp_path / folder, name, language)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "file", "full"]
    assert check(init(tmp_path / "empty", "d", "zh")).ok
