# ruff: noqa: E501 - a turn stays on one line
"""A served conversation becomes a draft: nothing personal is left, nothing is approved, nothing half is written."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from manyshot.dataset.personal import find, scan
from manyshot.dialogue.approval import fingerprint
from manyshot.errors import DataError, SpecError
from manyshot.promoting import promote, read_known, read_turns
from manyshot.records import write_jsonl
from manyshot.shotbook import Shotbook, open_book
from manyshot.types import Approval, Call, Observation, Turn
from tests.dialogue.inn import inn_folder, open_inn
from tests.test_cli_flow import ran

ZH = (
    Turn(role="user", text="你好，我叫王伟，手机１３８１２３４５６７８，住望京西路50号3号楼1205"),
    Turn(role="think", text="客户报修。"),
    Turn(role="action", text="按手机号13812345678\n查询客户档案。",
         call=Call(name="QueryCustomer", arguments={"phone": "13812345678"})),
    Turn(role="observation", text="", answered=Observation(body={"userName": "王伟", "phone": "13812345678", "isVIP": False})),
    Turn(role="think", text="查到了。"),
    Turn(role="action", text="告诉客户已经登记。"),
    Turn(role="reply", text="王伟您好，已登记，工单CHB20241010001。\r\n\r\n还有别的吗？"),
    Turn(role="user", text="没了，发到 wangwei@example.com 吧，微信号wx_wang88"),
    Turn(role="reply", text="好的，再见！"),
)  # fmt: skip
EN = (
    Turn(role="user", text="Hi, I’m Zoe Miller, call 138\u200b1234\u200b5678 or +1 415-555-2671. I live at 221B Baker Street."),
    Turn(role="action", text="Book a table for Zoe Miller, 2 guests, on 2024-10-12.",
         call=Call(name="Book", arguments={"guest": "Zoe Miller", "day": "2024-10-12", "guests": 2})),
    Turn(role="observation", text='{"id": "B100002"}', answered=Observation(body={"id": "B100002"})),
    Turn(role="reply", text="Done, Ms Miller. Your number is B100002."),
)  # fmt: skip
PERSONAL = (
    "王伟",
    "1234",
    "１２３４",
    "望京",
    "1205",
    "wangwei",
    "wx_wang88",
    "CHB2024",
    "Zoe",
    "Miller",
    "555",
    "Baker",
    "B100002",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return inn_folder(tmp_path / "inn").folder


def book(folder: Path) -> Shotbook:
    return open_book(folder, open_inn)


@pytest.mark.parametrize("turns", [ZH, EN], ids=["zh", "en"])
def test_nothing_personal_is_left_and_the_talk_stays_a_talk(folder: Path, turns: tuple[Turn, ...]) -> None:
    made = promote(book(folder), turns)
    text = made.file.read_text("utf-8")
    assert [word for word in PERSONAL if word in text] == []
    assert find(text.partition("\n\n")[2]) == []
    (one,) = book(folder).shots
    assert scan(one) == []
    assert [turn.role for turn in one.turns] == [turn.role for turn in turns]
    assert [turn.call and turn.call.name for turn in one.turns] == [turn.call and turn.call.name for turn in turns]
    assert (one.author, book(folder).state(one)) == ("promoted", "draft")
    assert sum(made.taken.values()) >= 6


def test_one_person_has_one_mark_throughout(folder: Path) -> None:
    one = promote(book(folder), ZH).draft
    assert one.turns[2].call == Call(name="QueryCustomer", arguments={"phone": "[phone 1]"})
    assert one.turns[2].text == "按手机号[phone 1] 查询客户档案。"
    assert one.turns[3].answered == Observation(body={"userName": "[name 1]", "phone": "[phone 1]", "isVIP": False})
    assert one.turns[6].text == "[name 1]您好，已登记，工单[id 1]。\n还有别的吗？"


def test_what_nothing_announces_is_taken_out_where_it_is_known(folder: Path, tmp_path: Path) -> None:
    turns = (
        Turn(role="user", text="Ottilie here, the one with the Swiss passport."),
        Turn(role="reply", text="Hello Ottilie!"),
    )
    assert "Ottilie" in promote(book(folder), turns, keep=False).draft.turns[0].text
    file = tmp_path / "known.txt"
    file.write_text("Ottilie\n\n", "utf-8")
    one = promote(book(folder), turns, known=read_known(file)).draft
    assert [turn.text for turn in one.turns] == ["[known 1] here, the one with the Swiss passport.", "Hello [known 1]!"]


def test_it_is_never_approved_by_itself(folder: Path) -> None:
    """Also where a shot of that name and text was approved and taken away before."""
    first = promote(book(folder), EN).draft
    said = Approval(shot=first.id, verdict="approved", by="Li", when="2026-01-01T00:00:00Z", text=fingerprint(first))
    write_jsonl(folder / "shots/approvals.jsonl", [said])
    assert book(folder).state(first) == "approved"
    (folder / "shots/promoted.md").unlink()
    second = promote(book(folder), EN).draft
    assert second.id != first.id
    assert book(folder).state(second) == "draft"
    assert book(folder).usable == []


def test_several_are_appended_and_what_stood_there_stays(folder: Path) -> None:
    (folder / "shots").mkdir(exist_ok=True)
    (folder / "shots/table.md").write_text(
        "# mine\n\n## a\nflow: table\n\n**User**: Hello.\n\n**Reply**: Hello!\n", "utf-8"
    )
    ids = [promote(book(folder), EN, flow="table").draft.id for _ in "ab"]
    assert ids == ["promoted", "promoted-2"]
    assert (folder / "shots/table.md").read_text("utf-8").startswith("# mine\n\n## a\nflow: table\n")
    assert [one.id for one in book(folder).shots] == ["a", *ids]


def test_words_that_look_like_something_else_stay_words(folder: Path) -> None:
    nasty = '## a\n**User**: b\n`Book{"x":1}`\n```\nauthor: c\n\\d'
    turns = (Turn(role="user", text=nasty), Turn(role="reply", text=nasty))
    one = promote(book(folder), turns).draft
    assert [turn.text for turn in one.turns] == [nasty, nasty]
    assert [turn.role for turn in one.turns] == ["user", "reply"]


@pytest.mark.parametrize(
    ("name", "flow", "said"),
    [
        ("a b", "", "is no id for a dialogue"),
        ("", "tabel", 'did you mean "table"'),
        ("../x", "", "is no id"),
        ("taken", "", "is taken"),
    ],
)
def test_names_that_cannot_be_are_refused_and_nothing_is_written(folder: Path, name: str, flow: str, said: str) -> None:
    promote(book(folder), EN, "taken")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(SpecError, match=said):
        promote(book(folder), EN, name, flow)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_the_command_writes_a_draft_and_says_what_to_do(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = tmp_path / "talk.jsonl"
    write_jsonl(turns, EN)
    code, said, _ = ran(["promote", turns, folder, "--dry-run"], capsys)
    assert (code, said.splitlines()[0]) == (0, "## promoted")
    assert not (folder / "shots/promoted.md").exists()
    code, said, _ = ran(["promote", turns, folder, "--id", "zoe-1", "--flow", "table"], capsys)
    assert code == 0
    assert "zoe-1 (draft); taken out: address 1, id 3, name 4, phone 2" in said
    assert "not true yet" in said
    assert f"manyshot shots approve {folder} zoe-1" in said
    code, _, err = ran(["shots", "approve", folder, "zoe-1", "--by", "Li"], capsys)
    assert code == 2  # what is not true is not approved
    assert "cannot be approved" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no such file"),
        ("", "no turn of a user"),
        ("{", ":1: bad JSON"),
        ('{"role": "user"}', ":1: not a Turn: text"),
        ('{"role": "robot", "text": "x"}', ":1: not a Turn: role"),
        ('{"role": "reply", "text": "x"}', "no turn of a user"),
        ('{"role": "user", "text": "x"}\n' * 401, ":401: more than 400 turns"),
    ],
)
def test_what_is_no_conversation_is_said(text: str | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    if text is not None:
        file.write_text(text)
    with pytest.raises(DataError, match=said):
        read_turns(file)


@pytest.mark.parametrize(
    "text", ["", "\0\0", "   ", "a" * 1_000_000, "🦆" * 10_000, "\u202e\u200b", "ا" * 100, "1" * 10_000]
)
def test_any_text_becomes_a_draft_or_is_refused_in_order(folder: Path, text: str) -> None:
    turns = (Turn(role="user", text="hello"), Turn(role="action", text=text), Turn(role="reply", text=text or "x"))
    with suppress(DataError):
        promote(book(folder), turns)
    assert len(book(folder).shots) <= 1


def test_known_pieces_of_one_sign_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "known.txt"
    file.write_text("Ottilie\n王\n", "utf-8")
    with pytest.raises(DataError, match=r"known.txt:2: wanted 2 characters"):
        read_known(file)


def test_a_line_of_a_turn_is_what_the_service_writes(tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    file.write_text("\n".join(json.dumps(turn.model_dump(mode="json")) for turn in ZH), "utf-8")
    assert read_turns(file) == ZH
