"""A service that is killed again and again while customers talk to it, before a real desk.

The child process holds the whole service; the desk, the customers and the one who kills are in the parent. What is
counted is what stands in the desk's tables and in the conversations afterwards.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx

from manyshot.desk.run import listen
from manyshot.errors import WorldError
from manyshot.service.app import application
from manyshot.service.run import make_server
from manyshot.service.store import open_store
from manyshot.types import Call, Observation
from tests.desk.databases import Running, running
from tests.service.hotel import house

ROUTES = {
    "SearchSolution": ("GET", "/solutions"),
    "QueryTechnicianSlots": ("GET", "/technician-slots"),
    "QueryCustomer": ("GET", "/customer"),
    "TicketQuery": ("GET", "/tickets/{ticketId}"),
    "TicketCancel": ("POST", "/tickets/{ticketId}/cancellation"),
    "TicketCreate": ("POST", "/tickets"),
    "TicketReschedule": ("PUT", "/tickets/{ticketId}/visit"),
}


class DeskTools:
    """Fits protocols.LiveTools: a desk over HTTP, each call for its customer and with its key."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )

    def call(self, call: Call, *, customer: str, key: str) -> Observation:
        method, path = ROUTES[call.name]
        given = dict(call.arguments)
        url = path.format(ticketId=given.pop("ticketId")) if "{" in path else path
        sent: dict[str, Any] = {"params": given} if method == "GET" else {"json": given}
        headers = {"X-Customer": customer} | ({"Idempotency-Key": key} if method != "GET" else {})
        try:
            answer = self._client.request(method, url, headers=headers, **sent)
        except httpx.HTTPError as error:
            raise WorldError(str(error)) from None
        return Observation(status=answer.status_code, body=answer.json())

    def repeatable(self, call: Call) -> bool:
        return call.name in ROUTES

    def consent(self, call: Call) -> Literal["", "customer", "person"]:
        _ = call
        return ""

    def close(self) -> None:
        self._client.close()


def child(db: str, port: int, url: str, token: str) -> None:
    """The process that is killed."""
    with house(db, DeskTools(url, token)) as found, listen("127.0.0.1", port) as listening:  # type: ignore[arg-type]
        from tests.service.hotel import opener

        make_server(application(found.service, opener)).run(sockets=[listening])


@dataclass
class Outcome:
    """What was counted. `replies`: of messages that were accepted; `again`: writes that reached the desk once more."""

    kills: int = 0
    talks: int = 0
    accepted: int = 0
    replies: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    tickets: int = 0
    duplicates: list[Any] = field(default_factory=list)
    double: list[Any] = field(default_factory=list)
    again: int = 0
    seconds: float = 0.0


class Customer(threading.Thread):
    """Talks on until told to stop: looks for an hour, makes a ticket, moves it. Sends again what got no answer."""

    def __init__(self, base: str, number: int, hours: list[str], stop: threading.Event, lock: Any) -> None:
        super().__init__(daemon=True)
        self.hours, self.stopped, self.lock = hours, stop, lock
        self.done: list[tuple[str, list[str]]] = []
        self.fault = ""
        self.client = httpx.Client(
            base_url=base, headers={"X-Customer": str(number)}, timeout=10, trust_env=False, verify=False
        )

    def run(self) -> None:
        try:
            while not self.stopped.is_set():
                self._talk()
        except Exception as error:
            self.fault = repr(error)

    def _talk(self) -> None:
        with self.lock:
            if len(self.hours) < 2:
                return self.stopped.set()
            first, second = self.hours.pop(), self.hours.pop()
        name = self._post("/sessions", {})["id"]
        marker = f"problem {name}"
        said = [f'QueryTechnicianSlots{{"date":"{first[:10]}"}}']
        self._said(name, said[0])
        order = {"userName": "Ann Lee", "problem": marker, "address": "Mill Road", "serveTime": first}
        said.append(f"TicketCreate{json.dumps(order)}")
        reply = self._said(name, said[1])
        if '"ticketId": "' in reply:
            ticket = reply.split('"ticketId": "')[1].split('"')[0]
            said.append(f'TicketReschedule{{"ticketId":"{ticket}","newTime":"{second}"}}')
            self._said(name, said[2])
        self.done.append((name, said))
        return None

    def _said(self, name: str, text: str) -> str:
        """Say it until it is accepted, then wait for what is answered."""
        self._post(f"/sessions/{name}/messages", {"text": text, "id": str(hash(text))})
        until = time.monotonic() + 400
        while time.monotonic() < until:
            events = self._get(f"/sessions/{name}").get("events", [])
            own = [n for n, event in enumerate(events) if event["event"] == "user" and event["text"] == text]
            after = [event["text"] for event in events[own[-1] :] if event["event"] == "reply"] if own else []
            if after:
                return str(after[-1])
            time.sleep(0.05)
        raise AssertionError(f"no answer to {text} in {name}: {self._get(f'/sessions/{name}')}")

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._until("POST", path, json=body)

    def _get(self, path: str) -> Any:
        return self._until("GET", path)

    def _until(self, method: str, path: str, **sent: Any) -> Any:
        until = time.monotonic() + 400
        while time.monotonic() < until:
            try:
                answer = self.client.request(method, path, **sent)
                if answer.is_success:
                    return answer.json()
                assert answer.status_code >= 500, answer.text
            except httpx.HTTPError:
                pass
            time.sleep(0.03)
        raise AssertionError(f"{method} {path} was never answered")


def crash(
    folder: Path, kills: int, seed: int, longest: float = 0.6, customers: int = 3, db: str = "", within: float = 1e9
) -> Outcome:
    """Kill the service `kills` times, let it come to rest, and count. Each time it may work up to `longest` seconds;
    when all takes longer than `within` seconds it is killed less often."""
    began, rng = time.monotonic(), random.Random(seed)
    db = db or f"sqlite:///{folder / 'talks.db'}"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.service.crashing", "langgraph.graph", "langgraph.checkpoint.sqlite"])
    with running(f"sqlite:///{folder / 'desk.db'}") as desk, socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        held.close()
        stop, lock = threading.Event(), threading.Lock()
        hours = _hours(desk)
        rng.shuffle(hours)
        base = f"http://127.0.0.1:{port}"
        people = [Customer(base, desk.customers[n % len(desk.customers)], hours, stop, lock) for n in range(customers)]
        outcome = Outcome()
        process = None
        for n in range(kills + 1):
            process = context.Process(target=child, args=(db, port, desk.url, desk.token), daemon=True)
            process.start()
            if n == 0:
                for one in people:
                    one.start()
            _wait(base)
            if time.monotonic() - began > within:
                break
            if n < kills:
                assert process.pid is not None
                _let_work(process.pid, rng.random() * longest)
                os.kill(process.pid, signal.SIGKILL)
                process.join(20)
                outcome.kills += 1
        stop.set()
        for one in people:
            one.join(500)
            assert not one.is_alive(), "a customer waits still"
            assert not one.fault, one.fault
        _count(outcome, desk, db, people)
        assert process is not None
        process.terminate()
        process.join(20)
    outcome.seconds = time.monotonic() - began
    return outcome


def _let_work(pid: int, seconds: float) -> None:
    """Wait until a process has worked for so long: time of the processor, so that a busy machine changes little."""
    ticks = os.sysconf("SC_CLK_TCK")

    def worked() -> float:
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / ticks

    began, until = worked(), time.monotonic() + 30
    while worked() - began < seconds and time.monotonic() < until:
        time.sleep(0.005)


def _hours(desk: Running) -> list[str]:
    """Moments at which a technician is free, each as often as there are free ones."""
    with desk.client() as client:
        found: list[str] = []
        for day in range(11, 32):
            found += client.get("/technician-slots", params={"date": f"2024-10-{day}"}).json()["slots"]
    return found


def _wait(base: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if httpx.get(f"{base}/healthz", timeout=5, trust_env=False, verify=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError("the service does not come up")


def _count(outcome: Outcome, desk: Running, db: str, people: list[Customer]) -> None:
    store = open_store(db)
    made = 0
    for name, said in (talk for one in people for talk in one.done):
        outcome.talks += 1
        outcome.accepted += len(said)
        about, events = store.find(name), store.events(name)
        assert about is not None
        heard = [event.text for event in events if event.kind == "user"]
        replies = [event.text for event in events if event.kind == "reply"]
        outcome.replies += len(replies)
        made += sum('"ticketId"' in reply and '"technician"' in reply and '"status"' in reply for reply in replies)
        if heard != said or about.heard != len(said):
            outcome.lost.append(f"{name}: said {len(said)}, kept {len(heard)}, taken in {about.heard}")
        if len(replies) != len(said) or [event.number for event in events] != list(range(1, len(events) + 1)):
            outcome.twice.append(f"{name}: {len(said)} messages, {len(replies)} replies")
    store.close()
    rows = desk.rows("select problem, count(*) from tickets where problem like 'problem %' group by problem")
    outcome.tickets = sum(count for _, count in rows)
    outcome.duplicates = [row for row in rows if row[1] > 1]
    outcome.double = desk.rows(
        "select technician_id, starts, count(*) from bookings group by technician_id, starts having count(*) > 1"
    )
    outcome.double += desk.rows("select ticket_id, count(*) from bookings group by ticket_id having count(*) > 1")
    lines = [json.loads(line) for line in desk.log.getvalue().splitlines()]
    writes = sum(line.get("event") == "request" and line["method"] in ("POST", "PUT") for line in lines)
    kept = desk.rows("select count(*) from remembered")[0][0]
    outcome.again = writes - kept
    assert outcome.tickets == made, f"{outcome.tickets} tickets, {made} were told"
