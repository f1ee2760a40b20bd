"""A conversation that was really held comes out of the service's database as a draft with nobody in it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy.orm import Session

from manyshot.config import find_domain
from manyshot.dataset.personal import scan
from manyshot.desk.tables import Customer
from manyshot.promoting import said_otherwise
from manyshot.service.door import OpenDoor
from manyshot.shotbook import open_book
from manyshot.spec.load import load_dialogues
from manyshot.types import Call, Observation, Setup
from tests.desk.databases import Running, running
from tests.dialogue.inn import Inn, inn_folder, open_inn
from tests.service.crashing import DeskTools
from tests.service.hotel import House, Tools, house
from tests.test_cli_flow import ran


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Running]:
    with running(f"sqlite:///{tmp_path / 'desk.db'}") as found:
        yield found


@pytest.fixture
def hotel(desk: Running, tmp_path: Path) -> Iterator[House]:
    """The service before the desk. Its own customer's number is what the desk knows the customer by."""
    tools = DeskTools(desk.url, desk.token)
    with house(f"sqlite:///{tmp_path / 'talks.db'}", tools, OpenDoor(customer=str(desk.customers[0]))) as found:  # type: ignore[arg-type]
        yield found


def test_what_was_said_to_the_desk_is_a_draft_without_any_person(
    hotel: House, home: str, desk: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Session(desk.engine) as session:
        customer = session.get_one(Customer, desk.customers[0])
        name, phone = customer.name, customer.phone
    address = "望京西路50号3号楼1205"
    order = {"userName": "欧阳娜", "problem": "充电桩有焦糊味", "address": address, "serveTime": "2024-10-11 09:00"}
    said = (
        f"{name}在吗，我要报修",
        f'QueryCustomer{{"phone":"{phone}"}}',
        f"TicketCreate{json.dumps(order)}",
        "person",
    )
    with httpx.Client(base_url=home, timeout=30, trust_env=False) as web:
        web.get("/")  # the cookie that says which customer it is
        talk = web.post("/sessions", json={"language": "zh"}).json()["id"]
        for text in said:
            number = web.post(f"/sessions/{talk}/messages", json={"text": text}).json()["number"]
            hotel.until(talk, number)
        ticket = web.get(f"/sessions/{talk}").json()["tickets"][0]["id"]
    hotel.until(talk, hotel.talks.staff(talk, "take", "Li Na"))
    hotel.until(talk, hotel.talks.staff(talk, "staff", "Li Na", f"{name[1:]}您好，我是Li Na，{ticket}已安排"))

    folder = tmp_path / "desk_domain"
    shutil.copytree(find_domain("ticket_desk"), folder)
    before = {one.id for one in load_dialogues(folder)[0]}
    databases = ["--db", f"sqlite:///{tmp_path / 'talks.db'}", "--desk", f"sqlite:///{tmp_path / 'desk.db'}"]
    code, out, err = ran(["promote", talk, folder, *databases], capsys)
    assert code == 0, err
    assert "promoted (draft); taken out: " in out
    (draft,) = [one for one in load_dialogues(folder)[0] if one.id not in before]
    assert [turn.call.name for turn in draft.turns if turn.call] == ["QueryCustomer", "TicketCreate"]
    text = (folder / "shots/promoted.md").read_text("utf-8")
    technicians = [row[0] for row in desk.rows("select name from technicians")]
    for value in (name, name[1:], phone, address, "望京", "欧阳娜", ticket, "Li Na", *technicians):
        assert value not in text, value
    assert scan(draft) == []
    code, out, _ = ran(["shots", "list", folder], capsys)
    assert code == 0
    assert re.search(r"^untrue +promoted\b", out, re.MULTILINE), out  # a draft whose marks fit no field yet
    code, out, _ = ran(["shots", "show", folder, "promoted"], capsys)
    assert code == 0
    assert "已安排" in out


class InnTools(Tools):
    """The inn as a company: what it answers is what its world answers."""

    def __init__(self) -> None:
        super().__init__()
        self.inn = Inn(Setup())

    def call(self, call: Call, *, customer: str, key: str) -> Observation:
        _ = customer, key
        return self.inn.call(call)


def test_with_made_up_values_it_is_approved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = inn_folder(tmp_path / "inn").folder
    db = f"sqlite:///{tmp_path / 'talks.db'}"
    look, order = 'FreeTables{"day":"2024-10-12"}', 'Book{"guest":"Zoe Miller","day":"2024-10-12","guests":2}'
    with house(db, InnTools()) as hotel:
        talk = hotel.talks.begin("zoe@example.com", "en")
        hotel.say(talk, "My name is Zoe Miller, call +1 415-555-2671", look, order, "bye")
    code, _, err = ran(["promote", talk, folder, "--flow", "table", "--db", db], capsys)
    assert code == 0, err
    file = folder / "shots/table.md"
    draft = file.read_text("utf-8")
    assert [word for word in ("Zoe", "Miller", "555-", "B100002", "example.com") if word in draft] == []
    code, out, _ = ran(["shots", "show", folder, "promoted"], capsys)
    assert (code, "[name 1]" in out) == (0, True)

    for mark, value in (("[name 1]", "Ida Vole"), ("[phone 1]", "5550100"), ("[id 1]", "B100002")):
        assert mark in draft
        draft = draft.replace(mark, value)
    file.write_text(draft, "utf-8")
    book = open_book(folder, open_inn)
    book.fill(book.shots)  # what the dialogue is to change in the world
    book.reread()
    (shot,) = book.shots
    assert book.state(shot) == "draft"
    book.judge([shot], "approved", "Li")
    assert [one.id for one in book.usable] == ["promoted"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch", "ticket_desk", "--db", "sqlite:///talks.db"], "there is no conversation 'nosuch'"),
        (["nosuch", "ticket_desk", "--db", "sqlite:///none.db"], "none.db: there is no such database"),
        (["nosuch", "ticket_desk", "--db", "nonsense"], "wanted sqlite:///FILE or postgresql://"),
        (["nosuch", "ticket_desk"], "wanted --run RUN or --db URL"),
        (["talk.jsonl", "ticket_desk", "--db", "sqlite:///talks.db"], "is a file, which belongs to no database"),
        (["TALK", "ticket_desk", "--db", "sqlite:///talks.db"], "nothing was answered yet"),
        (["SAID", "ticket_desk", "--db", "sqlite:///talks.db", "--desk", "sqlite:///talks.db"], "no desk's database"),
    ],
)  # fmt: skip
def test_what_cannot_be_promoted_is_one_line(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MANYSHOT_SERVE_DB", raising=False)
    with house("sqlite:///talks.db") as hotel:
        ids = {"TALK": hotel.talks.begin("ann", "en"), "SAID": hotel.talks.begin("ann", "en")}
        hotel.say(ids["SAID"], "hello")
        code, _, err = ran(["promote", *(ids.get(word, word) for word in words)], capsys)
    assert (code, len(err.strip().splitlines())) == (2, 1), err
    assert said in err
    assert not (tmp_path / "none.db").exists()


def test_a_name_is_known_in_parts_too() -> None:
    assert said_otherwise(["王建国", "Zoe Miller", "x", "13812345678", "李娜"]) == (
        "王建国", "建国", "Zoe Miller", "Zoe", "Miller", "13812345678", "李娜",
    )  # fmt: skip
