"""Shots as a spreadsheet, for an expert without this tool: read, choose, give a reason, send back.

The one rule: a row is a verdict on the text that stands in it. The text's hash travels with it in a hidden column, so
that what was edited in between is not approved by mistake.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from manyshot.errors import DataError, at
from manyshot.types import Approval, Language, Verdict

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

#: Columns in their order: name -> (heading by language, width in characters).
_COLUMNS: Final[dict[str, tuple[dict[Language, str], int]]] = {
    "shot": ({"zh": "示例", "en": "shot"}, 24),
    "flow": ({"zh": "流程", "en": "flow"}, 16),
    "path": ({"zh": "路径", "en": "path"}, 36),
    "dialogue": ({"zh": "对话", "en": "dialogue"}, 90),
    "changes": ({"zh": "系统里的变化", "en": "what changes in the system"}, 40),
    "state": ({"zh": "状态", "en": "state"}, 12),
    "verdict": ({"zh": "结论", "en": "verdict"}, 12),
    "reason": ({"zh": "理由", "en": "reason"}, 40),
    "by": ({"zh": "审核人", "en": "by"}, 14),
    "text": ({"zh": "校验码", "en": "hash of the text"}, 18),
}
_NEEDED = ("shot", "verdict", "text")
_VERDICTS: Final[dict[str, Verdict]] = {
    "通过": "approved", "批准": "approved", "approve": "approved", "approved": "approved",
    "不通过": "rejected", "驳回": "rejected", "reject": "rejected", "rejected": "rejected",
}  # fmt: skip
_CHOICES: Final[dict[Language, tuple[str, str]]] = {"zh": ("通过", "不通过"), "en": ("approved", "rejected")}
_TITLE: Final[dict[Language, str]] = {"zh": "示例", "en": "shots"}
_HELP: Final[dict[Language, str]] = {
    "zh": "请在“结论”一栏选择通过或不通过；不通过请写理由。其他各栏请不要改动。",
    "en": "Choose a verdict in each row; give a reason where you reject. Leave the other columns as they are.",
}
#: Rows of dialogue text that a cell shows before it has to be scrolled.
_TALLEST = 400


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One shot as the expert sees it."""

    shot: str
    flow: str
    path: str
    dialogue: str
    changes: str
    state: str
    text: str


def export(path: Path, rows: Sequence[SheetRow], language: Language) -> None:
    """Write an xlsx file, aside and renamed. DataError where it cannot be written."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font
    from openpyxl.worksheet.datavalidation import DataValidation

    if path.suffix.lower() != ".xlsx":
        raise DataError(f"{path}: wanted a name that ends with .xlsx; rename it")
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = _TITLE[language]
    sheet.append([_HELP[language]])
    sheet.append([headings[language] for headings, _ in _COLUMNS.values()])
    for cell in sheet[2]:
        cell.font = Font(bold=True)
    for row in rows:
        _append(sheet, [getattr(row, name, "") for name in _COLUMNS])
        for cell in sheet[sheet.max_row]:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.row_dimensions[sheet.max_row].height = min(_TALLEST, 16 * (row.dialogue.count("\n") + 1))
    choice = DataValidation(type="list", formula1='"' + ",".join(_CHOICES[language]) + '"', allow_blank=True)
    sheet.add_data_validation(choice)
    choice.add(f"{_letter('verdict')}3:{_letter('verdict')}{max(3, sheet.max_row)}")
    for name, (_, width) in _COLUMNS.items():
        sheet.column_dimensions[_letter(name)].width = width
    sheet.column_dimensions[_letter("text")].hidden = True
    sheet.freeze_panes = "B3"
    _save(book, path)


def _letter(name: str) -> str:
    return chr(ord("A") + list(_COLUMNS).index(name))


def _append(sheet: Worksheet, values: Sequence[str]) -> None:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    number = sheet.max_row + 1
    for column, value in enumerate(values, 1):
        cell = sheet.cell(number, column, ILLEGAL_CHARACTERS_RE.sub("?", value))
        cell.data_type = "s"  # text that begins with "=" is no formula


def _save(book: Any, path: Path) -> None:
    aside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        book.save(aside)
        aside.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error}); choose another place") from None
    finally:
        aside.unlink(missing_ok=True)


def read(
    path: Path, texts: dict[str, str], by: str = "", when: datetime | None = None
) -> tuple[list[Approval], list[str]]:
    """The verdicts of a sheet that came back, and what is wrong, a row each; rows without a verdict are passed over.

    texts: id -> hash of the text that each shot has now. by: who looked, where the rows do not say.
    Raises DataError when the file is no such sheet.
    """
    said: list[Approval] = []
    problems: list[str] = []
    for number, row in _rows(path):
        word = row.get("verdict", "").lower()
        if not word:
            continue
        problem = _problem(row, word, texts, by)
        if problem:
            problems.append(f"{at(path, number)}: {problem}")
            continue
        said.append(
            Approval(
                shot=row["shot"], verdict=_VERDICTS[word], by=row.get("by") or by, text=row["text"],
                when=when or datetime.now(UTC), reason=row.get("reason", ""),
            )
        )  # fmt: skip
    return said, problems


def _problem(row: dict[str, str], word: str, texts: dict[str, str], by: str) -> str:
    if word not in _VERDICTS:
        return f'wanted one of {", ".join(_VERDICTS)} as verdict, found "{row["verdict"]}"'
    if row["shot"] not in texts:
        return f'there is no shot "{row["shot"]}" any more; export again'
    if row["text"] != texts[row["shot"]]:
        return f'"{row["shot"]}" was edited since this sheet was made; export again and look at it again'
    if _VERDICTS[word] == "rejected" and not row.get("reason"):
        return f'"{row["shot"]}" is rejected without a reason; write one'
    return "" if row.get("by") or by else "nobody is named as the one who looked; fill the column, or give --by NAME"


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(row number, column name -> text) for every row below the headings."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as xlsx ({error}); save the sheet as .xlsx") from None
    names = {heading: name for name, (headings, _) in _COLUMNS.items() for heading in headings.values()}
    columns: dict[int, str] = {}
    for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
        texts = ["" if cell is None else str(cell).strip() for cell in cells]
        if not columns:
            found = {n: names[text.lower()] for n, text in enumerate(texts) if text.lower() in names}
            columns = found if set(_NEEDED) <= set(found.values()) else {}
        elif any(texts):
            yield number, {name: texts[n] if n < len(texts) else "" for n, name in columns.items()}
    book.close()
    if not columns:
        raise DataError(
            f"{path}: wanted the columns of manyshot shots export ({', '.join(_NEEDED)} at least); export again"
        )
