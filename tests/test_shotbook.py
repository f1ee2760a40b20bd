"""The dialogues of a domain folder: drafted, filled, approved, edited, sent out as a sheet and taken back."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from manyshot.errors import SpecError
from manyshot.records import read_rows, write_jsonl
from manyshot.shotbook import Shotbook, open_book
from manyshot.shots.coverage import missing, table
from manyshot.spec.check import check
from tests.dialogue.inn import inn_folder, open_inn
from tests.dialogue.test_replay import FAILING, GOOD


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return inn_folder(tmp_path / "inn").folder


def book(folder: Path) -> Shotbook:
    return open_book(folder, open_inn)


def faults(folder: Path) -> list[str]:
    return [str(fault) for fault in check(folder, open_inn).faults]


def write(folder: Path, text: str, file: str = "shots/a.md") -> None:
    (folder / file).write_text(text, "utf-8")


def test_drafts_cover_all_paths_once(folder: Path) -> None:
    made, none = book(folder).draft([], 0)
    assert (len(made), none) == (10, [])
    assert {one.source.file for one in book(folder).shots if one.source} == {"shots/table.md", "shots/cancel.md"}
    assert book(folder).draft([], 0) == ([], [])
    rows = book(folder).coverage()
    assert missing(rows, "drafted") == []
    assert len(missing(rows, "approved")) == 10
    assert table(rows).splitlines()[-1].split() == ["of", "10", "paths", "10", "0", "0"]
    assert faults(folder) == []


def test_one_more_draft_of_a_path_has_an_id_of_its_own(folder: Path) -> None:
    path = book(folder).company.all_paths[0].id
    book(folder).draft([path], 0)
    book(folder).draft([path], 1)
    assert [one.id for one in book(folder).shots] == [path, f"{path}-2"]
    with pytest.raises(SpecError, match="did you mean"):
        book(folder).draft([path[:-1]], 0)


def test_an_edit_takes_the_approval_away(folder: Path) -> None:
    write(folder, GOOD)
    first = book(folder)
    first.judge(first.shots, "approved", "Li")
    assert [one.id for one in book(folder).usable] == ["evening-1"]
    assert missing(book(folder).coverage(), "approved") != missing(book(folder).coverage(), "generated")
    write(folder, GOOD.replace("Ann Lee, four of us.", "Ann Lee, four of us!"))
    assert book(folder).usable == []
    assert "was edited since it was looked at" in str(check(folder, open_inn).hints)


def test_what_is_untrue_is_a_fault_and_cannot_be_approved(folder: Path) -> None:
    write(folder, GOOD.replace("number is B100002", "number is B100003"))
    assert faults(folder) == [
        "shots/a.md:37: the reply names 100003, which neither the customer nor a tool said before"
    ]
    here = book(folder)
    with pytest.raises(SpecError, match=r"a\.md:37: evening-1 cannot be approved"):
        here.judge(here.shots, "approved", "Li")
    assert not (folder / "shots/approvals.jsonl").exists()
    here.judge(here.shots, "rejected", "Li", "wrong number")
    assert book(folder).state(here.shots[0]) == "rejected"


def test_two_shots_with_one_id_are_a_fault_with_both_places(folder: Path) -> None:
    write(folder, GOOD)
    write(folder, "# more\n\n" + GOOD, "shots/b.md")
    assert faults(folder) == ['shots/b.md:3: the id "evening-1" stands already at shots/a.md:1; give another']
    with pytest.raises(SpecError, match=r"b\.md:3"):
        book(folder)


def test_damaged_approvals_are_faults(folder: Path) -> None:
    write(folder, GOOD)
    write(folder, '{"shot": "evening-1"}\nnonsense\n', "shots/approvals.jsonl")
    assert [fault.split(":")[1] for fault in faults(folder)] == ["1", "2"]


def test_a_verdict_has_a_name_and_a_reason(folder: Path) -> None:
    write(folder, GOOD)
    here = book(folder)
    with pytest.raises(SpecError, match="--by"):
        here.judge(here.shots, "approved", " ")
    with pytest.raises(SpecError, match="--reason"):
        here.judge(here.shots, "rejected", "Li")
    with pytest.raises(SpecError, match='did you mean "evening-1"'):
        here.find(["evening-2"])


def test_fill_writes_answers_and_leaves_the_rest_of_the_file(folder: Path) -> None:
    bare = GOOD.replace('{"id": "B100002"}', "").replace("\nexpected: ", "\nauthor: Mo ", 1)
    write(folder, f"# Evenings\nfor readers\n\n{FAILING}\n{bare}")
    assert len(faults(folder)) > 0
    changed = book(folder).fill(book(folder).shots)
    assert [one.id for one in changed] == ["evening-1"]
    text = (folder / "shots/a.md").read_text("utf-8")
    assert text.startswith(f"# Evenings\nfor readers\n\n{FAILING}\n## evening-1\n")
    assert faults(folder) == []


def test_a_sheet_goes_out_and_comes_back(folder: Path, tmp_path: Path) -> None:
    write(folder, f"{GOOD}\n{FAILING}")
    sheet = tmp_path / "shots.xlsx"
    assert book(folder).export(sheet, book(folder).shots) == 2
    filled = openpyxl.load_workbook(sheet)
    filled.worksheets[0]["G3"], filled.worksheets[0]["G4"] = "approved", "rejected"
    filled.worksheets[0]["H4"] = "one try is enough"
    filled.save(sheet)
    write(folder, f"{GOOD}\n{FAILING}\n")
    said, problems = book(folder).import_sheet(sheet, "Li")
    assert ([one.verdict for one in said], problems) == (["approved", "rejected"], [])
    assert [row["reason"] for _, row in read_rows(folder / "shots/approvals.jsonl")] == ["", "one try is enough"]
    assert book(folder).import_sheet(sheet, "Li") == ([], [])
    write(folder, f"{GOOD}\n{FAILING.replace('once more', 'again')}")
    said, problems = book(folder).import_sheet(sheet, "Li")
    assert said == []
    assert "was edited since" in problems[0]


def test_generated_dialogues_are_counted_by_path(folder: Path, tmp_path: Path) -> None:
    write(folder, GOOD)
    here = book(folder)
    path = here.replay(here.shots[0]).path
    write_jsonl(tmp_path / "trajectories.jsonl", [one.model_copy(update={"path": path}) for one in here.shots] * 3)
    (row,) = (row for row in here.coverage(tmp_path) if row.path.id == path)
    assert (row.drafted, row.approved, row.generated) == (1, 0, 3)


def test_without_a_world_dialogues_are_read_but_not_played(folder: Path) -> None:
    write(folder, GOOD.replace("B100003", "B100009"))
    report = check(folder)
    assert report.ok
    assert "not played again" in str(report.hints)
    assert report.counts["dialogues"] == 1
