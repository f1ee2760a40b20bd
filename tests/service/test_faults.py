"""What breaks around the service breaks no conversation: real processes, a real desk, faults from outside.

After each fault the same is held: every message that was accepted is answered or with a person, no ticket is made and
no hour booked twice, and when the fault is over the conversation goes on.
"""

from __future__ import annotations

import json
import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

pytest.importorskip("langgraph", reason="the service needs manyshot[serve]")

from manyshot.desk.database import WAIT
from tests.desk.databases import Postgres
from tests.registry.nasty import Asked, Handler, Nasty, nasty
from tests.service.processes import (
    EXAMPLE,
    DeskProgram,
    ServiceProgram,
    desk_program,
    model_program,
    registry,
    service_program,
)

#: The shipped registry, with as little patience as the tests have.
QUICK = EXAMPLE.replace("timeout = 10 ", "timeout = 1 ").replace(
    "attempts = 3, within = 30", "attempts = 2, within = 3"
)


class Talk:
    """One conversation of a customer, who sends again what was not accepted."""

    def __init__(self, service: ServiceProgram, desk: DeskProgram) -> None:
        self.http = service.client(desk.customers[0])
        self.name = self.http.post("/sessions").json()["id"]
        self.said: list[str] = []
        #: Statuses of what was not accepted at first.
        self.refused: list[int] = []

    def send(self, words: str, patience: float = 60) -> None:
        """Say something until it is accepted."""
        mark, until = str(len(self.said)), time.monotonic() + patience
        self.said.append(words)
        while True:
            answer = self.http.post(f"/sessions/{self.name}/messages", json={"text": words, "id": mark})
            if answer.is_success:
                return
            self.refused.append(answer.status_code)
            assert answer.status_code == 503, answer.text
            assert time.monotonic() < until, "it was never accepted"
            time.sleep(0.2)

    def say(self, words: str) -> str:
        """What is answered."""
        self.send(words)
        return self.answer()

    def answer(self, patience: float = 60) -> str:
        """What was answered to the last message; "" when a person has to."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            about = self.about()
            if not about["working"]:
                last = [n for n, event in enumerate(about["events"]) if event["event"] == "user"][-1]
                replies = [event["text"] for event in about["events"][last:] if event["event"] == "reply"]
                return str(replies[-1]) if replies else ""
            time.sleep(0.05)
        raise AssertionError(f"no answer: {about}")

    def about(self) -> Any:
        return self.http.get(f"/sessions/{self.name}").raise_for_status().json()

    def until(self, event: str) -> None:
        """Wait until there is an event of this kind."""
        until = time.monotonic() + 30
        while event not in [one["event"] for one in self.about()["events"]]:
            assert time.monotonic() < until, f"no {event}"
            time.sleep(0.02)

    def give_back(self) -> None:
        """A person takes over, and gives back."""
        for doing in ("take", "back"):
            self.http.post(f"/staff/sessions/{self.name}/{doing}").raise_for_status()


class Ground:
    """A desk, and how to ask for its free hours."""

    def __init__(self, desk: DeskProgram) -> None:
        self.desk, self.hours = desk, sorted(set(desk.hours()))

    def order(self, problem: str) -> str:
        wish = {"userName": "Ann Lee", "problem": problem, "address": "Mill Road", "serveTime": self.hours.pop()}
        return f"TicketCreate{json.dumps(wish)}"

    def holds(self, talk: Talk) -> None:
        """Nothing was lost and nothing done twice."""
        events = talk.about()["events"]
        assert [event["text"] for event in events if event["event"] == "user"] == talk.said
        assert [event["number"] for event in events] == sorted({event["number"] for event in events})
        assert self.desk.double() == []
        assert [name for name, count in self.desk.made().items() if count > 1 and name.startswith("a ")] == []


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with desk_program(tmp_path_factory.mktemp("desk")) as found:
        yield Ground(found)


@pytest.fixture(scope="module")
def between() -> Iterator[Nasty]:
    """What stands between the service and the desk."""
    with nasty() as found:
        yield found


@pytest.fixture(scope="module")
def service(ground: Ground, between: Nasty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProgram]:
    folder = tmp_path_factory.mktemp("service")
    with service_program(folder, ground.desk, registry=registry(folder, between.url, QUICK)) as found:
        yield found


def passes(desk: DeskProgram) -> Callable[[Handler, Asked], None]:
    """To the desk and back."""
    return lambda handler, asked: handler.reply(*carried(desk, asked))


def carried(desk: DeskProgram, asked: Asked) -> tuple[int, bytes]:
    """What the desk answers."""
    headers = {key: value for key, value in asked.headers.items() if key not in ("host", "connection")}
    answer = httpx.request(
        asked.method, desk.url + asked.path, headers=headers, content=asked.body, trust_env=False, verify=False
    )
    return answer.status_code, answer.content


def after(desk: DeskProgram, then: Callable[[Handler], None]) -> Callable[[Handler, Asked], None]:
    """The desk does it, and something else comes back."""

    def answer(handler: Handler, asked: Asked) -> None:
        carried(desk, asked)
        then(handler)

    return answer


def late(handler: Handler) -> None:
    """After the service's patience."""
    time.sleep(1.5)
    handler.drop()


#: What comes back in the place of the desk's answer, once it was carried out.
SPOILT: dict[str, Callable[[Handler], None]] = {
    "500": lambda handler: handler.reply(500, {"error": "broken"}),
    "503": lambda handler: handler.reply(503, b"<html>down for repair</html>", "text/html"),
    "garbage": lambda handler: handler.reply(200, b"\x00\xff<html>{{{", "text/html"),
    "cut off": Handler.drop,
    "slow": late,
}


@pytest.mark.parametrize("fault", SPOILT)
def test_an_answer_of_the_desk_that_is_spoilt_each_time(
    fault: str, ground: Ground, between: Nasty, service: ServiceProgram
) -> None:
    """A write that was carried out, but nobody hears of it: a person takes over, and there is one ticket."""
    between.answer = after(ground.desk, SPOILT[fault])
    talk = Talk(service, ground.desk)
    look = talk.say('SearchSolution{"problem":"it trips"}')
    assert look.startswith("It did not work"), look
    assert talk.about()["state"] == "open"
    reply = talk.say(ground.order(f"a {fault}"))
    assert "put you through to a person" in reply, reply
    assert talk.about()["state"] == "queue"
    assert ground.desk.made()[f"a {fault}"] == 1
    between.answer = passes(ground.desk)
    talk.give_back()
    assert talk.say(ground.order(f"a {fault}, later")).startswith("It is done")
    ground.holds(talk)


@pytest.mark.parametrize("fault", SPOILT)
def test_an_answer_of_the_desk_that_is_spoilt_once(
    fault: str, ground: Ground, between: Nasty, service: ServiceProgram
) -> None:
    """The write is made again with its key: the customer hears of the one ticket that there is."""
    between.script(after(ground.desk, SPOILT[fault]), passes(ground.desk))
    talk = Talk(service, ground.desk)
    assert talk.say(ground.order(f"a {fault} once")).startswith("It is done")
    assert len(talk.about()["tickets"]) == 1
    assert ground.desk.made()[f"a {fault} once"] == 1
    ground.holds(talk)


def test_the_desk_is_killed_and_comes_back(ground: Ground, between: Nasty, service: ServiceProgram) -> None:
    def gone(handler: Handler, asked: Asked) -> None:
        try:
            handler.reply(*carried(ground.desk, asked))
        except httpx.HTTPError:
            handler.drop()

    between.answer = gone
    talk = Talk(service, ground.desk)
    ground.desk.end(signal.SIGKILL)
    assert talk.say('SearchSolution{"problem":"it trips"}').startswith("It did not work")
    assert "put you through to a person" in talk.say(ground.order("a ticket of no desk"))
    ground.desk.start()
    assert "a ticket of no desk" not in ground.desk.made()
    talk.give_back()
    assert talk.say(ground.order("a ticket after it came back")).startswith("It is done")
    ground.holds(talk)


def test_the_desk_stands_still_and_goes_on(ground: Ground, between: Nasty, service: ServiceProgram) -> None:
    """Longer than the service waits: what it asked for is carried out afterwards, once."""
    between.answer = passes(ground.desk)
    talk = Talk(service, ground.desk)
    ground.desk.send(signal.SIGSTOP)
    try:
        reply = talk.say(ground.order("a ticket of a desk that stood still"))
    finally:
        ground.desk.send(signal.SIGCONT)
    assert "put you through to a person" in reply
    talk.give_back()
    assert talk.say(ground.order("a ticket after it stood still")).startswith("It is done")
    assert ground.desk.made()["a ticket of a desk that stood still"] == 1
    ground.holds(talk)


def test_the_desks_database_is_locked_by_another_process(
    ground: Ground, between: Nasty, service: ServiceProgram
) -> None:
    """It says that it is busy: nothing is made, and the customer hears that it did not work or gets a person."""
    between.answer = passes(ground.desk)
    talk = Talk(service, ground.desk)
    with locked(ground.desk.db):
        assert "put you through to a person" in talk.say(ground.order("a ticket of a locked desk"))
    talk.give_back()
    assert talk.say(ground.order("a ticket of a free desk")).startswith("It is done")
    assert ground.desk.made().get("a ticket of a locked desk", 0) <= 1
    ground.holds(talk)


@contextmanager
def locked(db: str) -> Iterator[None]:
    """Another's change of a SQLite database that does not end."""
    held = sqlite3.connect(db.removeprefix("sqlite:///"), isolation_level=None, timeout=10)
    try:
        held.execute("begin immediate")
        yield
        held.execute("rollback")
    finally:
        held.close()


def test_the_model_breaks_and_its_process_is_killed(ground: Ground, tmp_path: Path) -> None:
    with (
        model_program(tmp_path) as model,
        service_program(tmp_path, ground.desk, model=model.ready) as service,
    ):
        talk = Talk(service, ground.desk)
        assert talk.say("hello") == "You said: hello"
        assert "put you through to a person" in talk.say("bad luck")
        talk.give_back()
        talk.send("slow and killed")
        time.sleep(0.5)
        model.end(signal.SIGKILL)
        assert "put you through to a person" in talk.answer()
        talk.give_back()
        assert "put you through to a person" in talk.say(ground.order("a ticket without a model"))
        model.start()
        talk.give_back()
        assert talk.say(ground.order("a ticket with a model")).startswith("It is done")
        reasons = httpx.get(f"{service.url}/metrics", trust_env=False, verify=False).text
        assert 'manyshot_faults_total{place="think"} 3.0' in reasons
        assert "a ticket without a model" not in ground.desk.made()
        ground.holds(talk)


def test_the_service_is_killed_while_the_model_thinks(ground: Ground, tmp_path: Path) -> None:
    with service_program(tmp_path, ground.desk, seconds=1.0) as service:
        talk = Talk(service, ground.desk)
        talk.send(ground.order("a ticket of a killed service"))
        time.sleep(0.5)
        service.end(signal.SIGKILL)
        service.start()
        assert talk.answer().startswith("It is done")
        assert ground.desk.made()["a ticket of a killed service"] == 1
        ground.holds(talk)


@pytest.mark.parametrize("seconds", [2.0, 12.0])
def test_the_conversations_are_locked_by_another_process(seconds: float, ground: Ground, tmp_path: Path) -> None:
    """For less and for more than anybody waits: a message is accepted or said not to be, and what runs goes on."""
    db = f"sqlite:///{tmp_path / 'talks.db'}"
    with service_program(tmp_path, ground.desk, seconds=0.5) as service:
        talk, other = Talk(service, ground.desk), Talk(service, ground.desk)
        talk.send(ground.order(f"a ticket made while locked for {seconds}"))
        time.sleep(0.3)
        with locked(db):
            waits = threading.Thread(target=other.send, args=("hello",))
            waits.start()
            time.sleep(seconds)
            assert talk.about()["working"]  # what is there can be read
            if seconds > WAIT:
                ready = httpx.get(f"{service.url}/healthz", timeout=30, trust_env=False, verify=False)
                assert ready.status_code == 503
        waits.join(60)
        assert talk.answer().startswith("It is done")
        assert other.answer() == "You said: hello"
        assert set(other.refused) == (set() if seconds < WAIT else {503})
        assert ground.desk.made()[f"a ticket made while locked for {seconds}"] == 1
        assert talk.say("and on") == "You said: and on"
        ground.holds(talk)
        ground.holds(other)


def test_the_disk_of_the_conversations_is_full(ground: Ground, tmp_path: Path) -> None:
    """No file of the service may grow any more, its log neither, for a while."""
    with service_program(tmp_path, ground.desk, seconds=0.5) as service:
        talk, other = Talk(service, ground.desk), Talk(service, ground.desk)
        assert talk.say("hello") == "You said: hello"
        talk.send(ground.order("a ticket of a full disk"))
        time.sleep(0.3)
        was = resource.prlimit(service.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (4096, was[1]))
        answers = [
            other.http.post(f"/sessions/{other.name}/messages", json={"text": f"{n} lost?", "id": f"full {n}"})
            for n in range(12)
        ]
        assert {answer.status_code for answer in answers} == {503}
        assert httpx.get(f"{service.url}/healthz", trust_env=False, verify=False).status_code == 503
        time.sleep(2)  # workers fail meanwhile, and must be there afterwards
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, was)
        assert talk.answer().startswith("It is done")
        assert ground.desk.made()["a ticket of a full disk"] == 1
        assert other.say("after it") == "You said: after it"
        assert talk.say("and on") == "You said: and on"
        ground.holds(talk)
        ground.holds(other)
        service.end(signal.SIGKILL)
        service.start()
        assert talk.say("and on after a kill") == "You said: and on after a kill"


def test_postgresql_locks_and_loses_the_service(ground: Ground, server: Postgres, tmp_path: Path) -> None:
    """The tables are locked, then every connection is ended from outside."""
    db = server.new_database()
    held = create_engine(db)
    with service_program(tmp_path, ground.desk, db, seconds=0.5) as service:
        talk, other = Talk(service, ground.desk), Talk(service, ground.desk)
        talk.send(ground.order("a ticket made while PostgreSQL was locked"))
        time.sleep(0.3)
        with held.begin() as connection:
            connection.execute(text("lock table service_conversations, checkpoints in access exclusive mode"))
            waits = threading.Thread(target=other.send, args=("hello",))
            waits.start()
            time.sleep(6)
        waits.join(60)
        assert talk.answer().startswith("It is done")
        assert other.answer() == "You said: hello"
        assert other.refused
        other.send("and now?")
        with create_engine(server.url("desk")).connect() as connection:
            user = db.split("//")[1].split("@")[0]
            connection.execute(
                text("select pg_terminate_backend(pid) from pg_stat_activity where usename = :user"), {"user": user}
            )
        assert other.answer() == "You said: and now?"
        assert talk.say(ground.order("a ticket made after all connections were lost")).startswith("It is done")
        ground.holds(talk)
        ground.holds(other)
    held.dispose()
