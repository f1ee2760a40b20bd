"""The spreadsheet goes out and comes back: verdicts are taken over, whatever else was done to it is told."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from manyshot.errors import DataError
from manyshot.shots.sheet import SheetRow, export, read

ROWS = [
    SheetRow("a-1", "table", "table-1", "**User**: 你好\n**Action**: x\nbye", "", "draft", "h1"),
    SheetRow("a-2", "table", "table-2", "=1+1\n\x07bell", "bookings: created", "draft", "h2"),
    SheetRow("a-3", "table", "table-3", "x" * 40_000, "", "approved", "h3"),
]
TEXTS = {"a-1": "h1", "a-2": "h2", "a-3": "h3"}


def sent(tmp_path: Path, cells: dict[str, str], language: str = "en") -> Path:
    """A sheet that came back with these cells filled in."""
    path = tmp_path / "shots.xlsx"
    export(path, ROWS, "zh" if language == "zh" else "en")
    book = openpyxl.load_workbook(path)
    for place, value in cells.items():
        book.worksheets[0][place] = value
    book.save(path)
    return path


def test_verdicts_come_back(tmp_path: Path) -> None:
    said, problems = read(
        sent(tmp_path, {"G3": "approved", "G4": "Rejected", "H4": "too stiff", "I4": "Wu"}), TEXTS, "Li"
    )
    assert problems == []
    assert [(one.shot, one.verdict, one.by, one.reason, one.text) for one in said] == [
        ("a-1", "approved", "Li", "", "h1"), ("a-2", "rejected", "Wu", "too stiff", "h2"),
    ]  # fmt: skip


def test_chinese_words_are_verdicts_too(tmp_path: Path) -> None:
    said, problems = read(sent(tmp_path, {"G3": "通过", "G5": "不通过", "H5": "太长"}, "zh"), TEXTS, "Li")
    assert problems == []
    assert [one.verdict for one in said] == ["approved", "rejected"]


def test_text_is_no_formula_and_odd_signs_do_no_harm(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(sent(tmp_path, {}))
    cell = book.worksheets[0]["D4"]
    assert (cell.data_type, cell.value) == ("s", "=1+1\n?bell")


@pytest.mark.parametrize(
    ("cells", "by", "said"),
    [
        ({"G3": "maybe"}, "Li", "wanted one of"),
        ({"G3": "approved", "J3": "h9"}, "Li", "was edited since"),
        ({"G3": "approved", "A3": "b-1"}, "Li", "no shot"),
        ({"G3": "rejected"}, "Li", "without a reason"),
        ({"G3": "approved"}, "", "nobody is named"),
    ],
)
def test_what_cannot_be_taken_over_is_told_with_its_row(
    tmp_path: Path, cells: dict[str, str], by: str, said: str
) -> None:
    taken, problems = read(sent(tmp_path, cells), TEXTS, by)
    assert taken == []
    assert len(problems) == 1
    assert problems[0].startswith(f"{tmp_path / 'shots.xlsx'}:3: ")
    assert said in problems[0]


def test_a_file_that_is_no_such_sheet(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_text("nothing")
    for name in ("a.xlsx", "none.xlsx"):
        with pytest.raises(DataError):
            read(tmp_path / name, TEXTS)
    with pytest.raises(DataError, match=r"ends with \.xlsx"):
        export(tmp_path / "a.csv", ROWS, "en")
    openpyxl.Workbook().save(tmp_path / "empty.xlsx")
    with pytest.raises(DataError, match="wanted the columns"):
        read(tmp_path / "empty.xlsx", TEXTS)
