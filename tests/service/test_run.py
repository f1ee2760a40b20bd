"""A run's guided assistant in service: before a real desk, and before a simulated company over restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from manyshot import multiply
from manyshot.config import find_domain
from manyshot.errors import DataError
from manyshot.progress import Silent
from manyshot.records import write_manifest
from manyshot.runfolder import RunFolder, copy_domain
from manyshot.service.door import OpenDoor
from manyshot.service.hands import Hands, LiveHands
from manyshot.service.run import Desk, desk_of, served
from manyshot.service.store import open_store
from manyshot.service.talks import Talks
from manyshot.service.telemetry import Telemetry
from tests.desk.databases import running
from tests.service.crashing import DeskTools

SAID = (
    "刹车一直响，踩着发软", "要的，派人来吧", "后天", "下午四点，滕小满，北京市丰台区科兴路7号院1号楼302",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """As much of a run as a guided assistant needs: the domain and its dialogues."""
    found = RunFolder(tmp_path_factory.mktemp("runs") / "my desk")
    found.path.mkdir()
    copy_domain(find_domain("ticket_desk"), found.domain, found.path)
    multiply.run(found.domain, found.dialogues, Silent(), count=300)
    for folder in (found.train, found.think):
        folder.mkdir()
        write_manifest(folder, folder.name, {}, {}, {})
    return found


@pytest.fixture(scope="module")
def desk(place: RunFolder) -> Iterator[Desk]:
    with desk_of(place, free=False, live=False, trust=False) as found:
        yield found


def talk(desk: Desk, hands: Hands, db: str, name: str, customer: str, *said: str) -> tuple[str, list[str]]:
    """Say these in a service of its own that ends afterwards; the conversation, and all replies so far."""
    with served(desk, hands, OpenDoor(), db, Telemetry()) as (_, talks):
        name = name or talks.begin(customer, "zh")
        for text in said:
            rest(talks, name, talks.say(name, text))
        return name, [event.text for event in talks.store.events(name) if event.kind == "reply"]


def rest(talks: Talks, name: str, number: int) -> None:
    import time

    until = time.monotonic() + 60
    while time.monotonic() < until:
        about = talks.store.find(name)
        assert about is not None
        if about.rests(number):
            return
        time.sleep(0.01)
    raise AssertionError("no answer")


def test_a_ticket_at_a_real_desk_with_a_restart_after_each_message(desk: Desk, tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'talks.db'}"
    with running(f"sqlite:///{tmp_path / 'desk.db'}") as back:
        name = ""
        for text in SAID:
            hands = LiveHands(DeskTools(back.url, back.token))
            name, replies = talk(desk, hands, db, name, str(back.customers[0]), text)
        rows = back.rows("select user_name, address, serve_time, customer_id from tickets where user_name = '滕小满'")
        assert [(row[0], row[1], str(row[2])[:16], row[3]) for row in rows] == [
            ("滕小满", "北京市丰台区科兴路7号院1号楼302", "2024-10-12 16:00", back.customers[0])
        ]
        (number,) = back.rows("select number from tickets where user_name = '滕小满'")[0]
        assert number in replies[-1]


def test_a_simulated_company_is_the_same_one_after_a_restart(desk: Desk, tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'talks.db'}"
    for _ in range(12):  # each conversation has a company of its own, and in some the day is full
        name, _ = talk(desk, desk.simulated(), db, "", "1", *SAID)
        store = open_store(db)
        about = store.find(name)
        store.close()
        assert about is not None
        if about.tickets:
            break
    (card,) = about.tickets
    assert (card["tool"], card["fields"]["userName"]) == ("TicketCreate", "滕小满")
    _, replies = talk(desk, desk.simulated(), db, name, "1", f"查一下{card['id']}到哪一步了")
    assert "待派单" in replies[-1] or "已派单" in replies[-1]


def test_what_fields_are_called_comes_from_schemas_and_flows(desk: Desk) -> None:
    assert desk.name == "my-desk"
    assert desk.labels["userName"] == "客户姓名"
    assert desk.tools["TicketQuery"].startswith("按工单号查询")


def test_a_run_that_does_not_think_is_refused(tmp_path: Path) -> None:
    opened = desk_of(RunFolder(tmp_path), free=False, live=False, trust=False)
    with pytest.raises(DataError, match="has no thinking adapter"), opened:
        pass
