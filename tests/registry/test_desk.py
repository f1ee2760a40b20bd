"""The shipped registry against the real desk: calls are carried out for the customer who is signed in, and once."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the desk needs manyshot[serve]")

import httpx

import manyshot
from manyshot.errors import WorldError
from manyshot.protocols import LiveTools
from manyshot.registry.live import Live, open_live
from manyshot.registry.world import LiveWorld
from manyshot.spec.load import load_domain
from manyshot.types import Call, Observation
from tests.desk.databases import Running, binaries, postgres, running, ticket
from tests.registry.files import written

ROOT = Path(manyshot.__file__).parent
EXAMPLE = (ROOT / "registry/examples/ticket_desk.toml").read_text("utf-8")
TOOLS = load_domain(ROOT / "domains/ticket_desk").tools
ADDRESS = "http://127.0.0.1:8070"


@contextmanager
def live_on(
    desk: Running, folder: Path, monkeypatch: pytest.MonkeyPatch, url: str = "", text: str = ""
) -> Iterator[Live]:
    monkeypatch.setenv("DESK_TOKEN", desk.token)
    live = open_live(written(folder, (text or EXAMPLE).replace(ADDRESS, url or desk.url)), TOOLS)
    try:
        yield live
    finally:
        live.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(f"sqlite:///{tmp_path_factory.mktemp('desk') / 'desk.db'}") as found:
        yield found


def tickets(desk: Running) -> int:
    return len(desk.rows("select id from tickets"))


def call(live: LiveTools, name: str, customer: int, key: str = "k", **arguments: Any) -> Observation:
    return live.call(Call(name=name, arguments=arguments), customer=str(customer), key=key)


def walk(live: LiveTools, desk: Running, time: str) -> None:
    """Every tool of the domain once, and another customer's tries."""
    me, other = desk.customers[:2]
    phone = desk.rows(f"select phone from customers where id = {me}")[0][0]
    assert call(live, "SearchSolution", me, problem="充电桩跳闸").body["solutions"]
    assert call(live, "QueryTechnicianSlots", me, date=time[:10]).ok
    assert call(live, "QueryCustomer", me, phone=phone).body["phone"] == phone
    made = call(live, "TicketCreate", me, f"make {time}", **ticket(time))
    assert made.ok, made
    number = made.body["ticketId"]
    assert call(live, "TicketCreate", me, f"make {time}", **ticket(time)) == made
    assert call(live, "TicketQuery", me, ticketId=number).body["serveTime"] == time
    # Whatever is written, another customer's ticket is not there.
    for name, more in (("TicketQuery", {}), ("TicketCancel", {}), ("TicketReschedule", {"newTime": time})):
        assert call(live, name, other, f"{name} {time}", ticketId=number, **more).status == 404
    late = call(live, "TicketReschedule", me, f"r1 {time}", ticketId=number, newTime=f"{time[:10]} 03:00")
    assert (late.status, late.body["field"]) == (422, "newTime")
    assert call(live, "TicketRate", me, f"s1 {time}", ticketId=number, score=5).status == 409
    assert call(live, "TicketCancel", me, f"c1 {time}", ticketId=number).ok
    assert call(live, "TicketCancel", me, f"c2 {time}", ticketId=number).body["field"] == "ticketId"


def test_all_tools_of_the_domain_work_on_the_desk(
    desk: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live_on(desk, tmp_path, monkeypatch) as live:
        walk(live, desk, "2024-10-16 14:00")
        assert live.consent(Call(name="TicketCancel")) == "customer"
        assert live.consent(Call(name="TicketCreate")) == ""
        assert live.repeatable(Call(name="TicketCreate"))


@pytest.mark.slow
def test_all_tools_work_on_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if binaries() is None:
        pytest.skip("PostgreSQL's initdb is not there; on Debian: apt install postgresql")
    with (
        postgres() as server,
        running(server.new_database()) as found,
        live_on(found, tmp_path, monkeypatch) as live,
    ):
        walk(live, found, "2024-10-16 14:00")


def test_a_call_outside_of_its_schema_never_reaches_the_desk(
    desk: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live_on(desk, tmp_path, monkeypatch) as live:
        before = desk.log.getvalue()
        for number in ("CHB20241010001/../../staff", "..", "CHB20241010001\r\nX-Customer: 2", 5):
            shown = call(live, "TicketQuery", 1, ticketId=number)
            assert (shown.status, shown.body["field"]) == (422, "ticketId")
        assert call(live, "TicketQuery", 1, ticketId="CHB20241010001", **{"X-Customer": "2"}).status == 422
        assert call(live, "TicketQuery", "1\r\nX-Evil: 2", ticketId="CHB20241010001").status == 403  # type: ignore[arg-type]
        assert desk.log.getvalue() == before
        assert call(live, "TicketQuery", 999999, ticketId="CHB20241010001").status == 403


def whole(side: socket.socket) -> bytes:
    """A message of HTTP with all of its body; b"" at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := side.recv(65536)):
            return b""
        data += part
    length = re.search(rb"(?i)content-length: *(\d+)", data)
    end = data.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
    while len(data) < end:
        data += side.recv(65536)
    return data


@contextmanager
def cutting(url: str) -> Iterator[tuple[str, list[bytes]]]:
    """A way to the desk that breaks right after the first write was carried out: its answer never arrives."""
    port, seen = int(url.rsplit(":", 1)[1]), []
    listening = socket.create_server(("127.0.0.1", 0))

    def one(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            while asked := whole(client):
                server.sendall(asked)
                answer = whole(server)
                if asked.startswith((b"POST", b"PUT")):
                    seen.append(answer)
                    if len(seen) == 1:
                        return
                client.sendall(answer)

    def accept() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", seen
    finally:
        listening.close()


def test_a_connection_that_drops_after_the_write_makes_one_ticket(
    desk: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cutting(desk.url) as (url, seen), live_on(desk, tmp_path, monkeypatch, url) as live:
        before = tickets(desk)
        made = call(live, "TicketCreate", desk.customers[0], "cut-1", **ticket("2024-10-15 09:00"))
        assert made.ok
        assert tickets(desk) == before + 1
        assert len(seen) == 2
        assert b"200 OK" in seen[0]  # it was carried out the first time
        assert b"idempotency-replayed: true" in seen[1].lower()


def test_without_keys_the_same_break_is_an_unknown_outcome_and_one_ticket(
    desk: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = EXAMPLE.replace('idempotency_header = "Idempotency-Key"', "")
    with cutting(desk.url) as (url, seen), live_on(desk, tmp_path, monkeypatch, url, text) as live:
        before = tickets(desk)
        assert not live.repeatable(Call(name="TicketCreate"))
        with pytest.raises(WorldError, match=r"TicketCreate: desk .*nobody knows"):
            call(live, "TicketCreate", desk.customers[0], "cut-2", **ticket("2024-10-15 10:30"))
        assert (tickets(desk), len(seen)) == (before + 1, 1)


def test_the_desks_openapi_file_says_what_the_example_says(
    desk: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openapi.json").write_text(httpx.get(f"{desk.url}/openapi.json", trust_env=False).text)
    apis = EXAMPLE.split("[tools.")[0]
    with live_on(desk, tmp_path, monkeypatch, text=f'{apis}openapi = "openapi.json"\n') as live:
        walk(live, desk, "2024-10-16 09:00")
        from_file = live._routes
    with live_on(desk, tmp_path, monkeypatch) as live:
        for name, route in live._routes.items():
            other = from_file[name]
            assert (route.method, route.path, route.targets) == (other.method, other.path, other.targets)


def test_a_wrong_token_is_told_without_it(desk: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with live_on(desk, tmp_path, monkeypatch) as _:
        monkeypatch.setenv("DESK_TOKEN", "msd_wrong")
        live = open_live(tmp_path / "tools.toml", TOOLS)
        shown = call(live, "SearchSolution", 1, problem="跳闸")
        live.close()
    assert shown == Observation(status=401, body={"error": "the service does not accept this assistant"})


def test_a_live_world_asks_for_consent_and_gives_each_call_a_key(
    desk: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def agrees(one: Call, who: str) -> bool:
        asked.append(f"{one.name} {who}")
        return len(asked) > 1

    with live_on(desk, tmp_path, monkeypatch) as live:
        world = LiveWorld(live, str(desk.customers[0]), agrees)
        made = [
            world.call(Call(name="TicketCreate", arguments=ticket(f"2024-10-17 {hour}"))) for hour in ("09:00", "10:30")
        ]
        numbers = [one.body["ticketId"] for one in made]
        assert len(set(numbers)) == 2
        cancel = Call(name="TicketCancel", arguments={"ticketId": numbers[0]})
        assert world.call(cancel) == Observation(status=403, body={"error": "the customer did not agree"})
        assert world.call(Call(name="TicketQuery", arguments={"ticketId": numbers[0]})).body["status"] == "已派单"
        assert world.call(cancel).ok
        assert asked == ["TicketCancel customer"] * 2
        assert world.digest() == LiveWorld(live, "2", agrees).digest()
        assert json.dumps(world.state()) == "{}"
