"""A desk, a model and the service as processes of their own, for tests and benches that break or load them.

The desk is `manyshot desk`. The service is what `manyshot serve --registry` puts together, on scripted thoughts in the
place of a run's model:

    python -m tests.service.processes service '{"db": "sqlite:///talks.db", "port": 8080, "registry": "tools.toml"}'
    python -m tests.service.processes model '{"port": 8090}'
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

import manyshot
from manyshot.agent import Agent
from manyshot.desk.database import open_database
from manyshot.desk.run import listen
from manyshot.errors import ModelError
from manyshot.registry.live import open_live
from manyshot.service.door import OpenDoor
from manyshot.service.hands import LiveHands
from manyshot.service.run import Desk, Nowhere, answer, served
from manyshot.service.telemetry import Telemetry
from manyshot.spec.load import load_domain
from manyshot.transcript import Thought
from manyshot.types import Turn
from tests.registry.files import written
from tests.service.hotel import act, think

ROOT = Path(manyshot.__file__).parent
TOOLS = load_domain(ROOT / "domains" / "ticket_desk").tools
EXAMPLE = (ROOT / "registry" / "examples" / "ticket_desk.toml").read_text("utf-8")
#: Seconds that a process has to come up: imports alone take some on a busy machine.
START = 90.0


# what runs inside


@dataclass(frozen=True)
class Setting:
    """db, registry: as `manyshot serve` takes them. seconds: what each thought takes; at_once: thoughts at the same
    time, 0 for any number. model: the address of a model that is asked before each thought. times: a file for what
    each message took (see Clocked)."""

    db: str
    port: int
    registry: str
    seconds: float = 0.0
    at_once: int = 0
    model: str = ""
    times: str = ""


class Clocked(Telemetry):
    """Telemetry that keeps what each message took, in seconds.

    A step lasts from the end of the one before, so that the checkpoint between them counts as ours; the last one up
    to the message's end. What model and tools took is taken off.
    """

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self._mine = threading.local()

    def _now(self) -> dict[str, Any]:
        """What this thread's message took so far."""
        if not hasattr(self._mine, "taken"):
            self._mine.taken = {"steps": [], "model": [], "tools": []}
        found: dict[str, Any] = self._mine.taken
        return found

    @contextmanager
    def step(self, name: str, conversation: str) -> Iterator[None]:
        taken = self._now()
        began = time.perf_counter()
        taken["conversation"] = conversation
        with super().step(name, conversation):
            yield
        taken["steps"].append((name, began, time.perf_counter()))

    @contextmanager
    def calling(self, tool: str) -> Iterator[Callable[[int], None]]:
        began = time.perf_counter()
        with super().calling(tool) as tell:
            yield tell
        self._now()["tools"].append((began, time.perf_counter()))

    @contextmanager
    def thinking(self) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._now()["model"].append((began, time.perf_counter()))

    def answered(self, seconds: float) -> None:
        super().answered(seconds)
        taken, now = self._now(), time.perf_counter()
        del self._mine.taken
        elsewhere = [*taken["model"], *taken["tools"]]
        ends = [now - seconds, *(end for _, _, end in taken["steps"])]
        ends[-1] = now
        own = [
            after - before - sum(min(end, after) - begin for begin, end in elsewhere if before <= begin < after)
            for before, after in pairwise(ends)
        ]
        self.messages.append(
            {
                "conversation": taken["conversation"],
                "taken": time.time() - seconds,
                "seconds": seconds,
                "steps": list(zip([name for name, _, _ in taken["steps"]], own, strict=True)),
                "model": sum(end - begin for begin, end in taken["model"]),
                "tools": [end - begin for begin, end in taken["tools"]],
            }
        )


def serve(setting: Setting) -> None:
    """The service, until SIGTERM."""
    telemetry = Clocked()
    room = threading.Semaphore(setting.at_once) if setting.at_once else None

    def thinks(turns: Sequence[Turn], attempt: int) -> Thought:
        with telemetry.thinking():
            if setting.model:
                ask(setting.model, turns[-1].text)
            if room is None:
                time.sleep(setting.seconds)
            else:
                with room:
                    time.sleep(setting.seconds)
            return think(turns, attempt)

    desk = Desk(
        "hotel", "en", {tool.name: "" for tool in TOOLS}, {},
        opener=lambda _: Agent(thinks, act, Nowhere(), "en"),  # type: ignore[arg-type]
        simulated=lambda: LiveHands(tools),
    )  # fmt: skip
    tools = open_live(Path(setting.registry), TOOLS)
    with listen("127.0.0.1", setting.port) as listening:
        try:
            with served(desk, LiveHands(tools), OpenDoor(), setting.db, telemetry) as (app, _):
                answer(app, listening)
        finally:
            tools.close()
            if setting.times:
                Path(setting.times).write_text(json.dumps(telemetry.messages))


def ask(model: str, said: str) -> None:
    """Wait for a model in another process. ModelError when it is gone, as from a real one."""
    try:
        httpx.post(model, json={"said": said}, timeout=30, trust_env=False, verify=False).raise_for_status()
    except httpx.HTTPError as error:
        raise ModelError(f"{model}: {type(error).__name__}") from None


def be_model(port: int) -> None:
    """A model that takes a second for what begins with "slow", and breaks at "bad"."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            self._say(200)

        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["content-length"])))["said"]
            if said.startswith("slow"):
                time.sleep(1)
            self._say(500 if said.startswith("bad") else 200)

        def _say(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


# from outside


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


@dataclass
class Program:
    """A process that may be killed, stopped, and started again. `log`: what it writes."""

    words: list[str]
    log: Path
    ready: str
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> Program:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *self.words, *more], stdout=out, stderr=out, env={**os.environ, **self.env}
            )
        self.until_ready()
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def until_ready(self) -> None:
        until = time.monotonic() + START
        while time.monotonic() < until:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            try:
                if httpx.get(self.ready, timeout=5, trust_env=False, verify=False).status_code < 500:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{self.words} does not come up: {self.log.read_text()[-2000:]}")

    def send(self, what: signal.Signals) -> None:
        os.kill(self.pid, what)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)


@dataclass
class DeskProgram(Program):
    """`manyshot desk` with its demo rows."""

    db: str = ""
    url: str = ""
    token: str = ""
    customers: list[int] = field(default_factory=list)

    def rows(self, sql: str) -> list[Any]:
        engine = open_database(self.db)
        try:
            with engine.connect() as connection:
                return list(connection.execute(text(sql)))
        finally:
            engine.dispose()

    def hours(self) -> list[str]:
        """Moments at which a technician is free, each as often as there are free ones."""
        headers = {"Authorization": f"Bearer {self.token}", "X-Customer": str(self.customers[0])}
        found: list[str] = []
        with httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, verify=False) as client:
            for ahead in range(1, 29):
                day = date.today() + timedelta(ahead)
                found += client.get("/technician-slots", params={"date": str(day)}).json()["slots"]
        return found

    def made(self) -> dict[str, int]:
        """What tickets are about -> how many there are."""
        return dict(self.rows("select problem, count(*) from tickets group by problem"))

    def double(self) -> list[Any]:
        """Slots that are booked twice, and tickets with two slots."""
        one = "select technician_id, starts, count(*) from bookings group by technician_id, starts having count(*) > 1"
        return self.rows(one) + self.rows(
            "select ticket_id, count(*) from bookings group by ticket_id having count(*) > 1"
        )


@contextmanager
def desk_program(folder: Path, db: str = "") -> Iterator[DeskProgram]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    db = db or f"sqlite:///{folder / 'desk.db'}"
    words = ["-m", "manyshot.cli", "desk", "--db", db, "--port", str(port), "--language", "en"]
    found = DeskProgram(words, folder / "desk.log", f"{url}/healthz", db=db, url=url)
    try:
        found.start("--seed-demo")
        told = found.log.read_text("utf-8")
        found.token = told.split("shown only now: ")[1].split()[0]
        found.customers = [number for (number,) in found.rows("select id from customers order by id")]
        yield found
    finally:
        found.end()


@dataclass
class ServiceProgram(Program):
    url: str = ""

    def client(self, customer: int) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, headers={"X-Customer": str(customer)}, timeout=60, trust_env=False, verify=False
        )


def registry(folder: Path, url: str, text: str = EXAMPLE) -> Path:
    """The shipped registry, its desk at this address."""
    return written(folder, text.replace("http://127.0.0.1:8070", url))


@contextmanager
def service_program(
    folder: Path, desk: DeskProgram, db: str = "", url: str = "", **more: Any
) -> Iterator[ServiceProgram]:
    """url: where the desk is reached, when not at its own address; more: of Setting."""
    port = free_port()
    setting = Setting(
        db or f"sqlite:///{folder / 'talks.db'}",
        port,
        str(more.pop("registry", "") or registry(folder, url or desk.url)),
        **more,
    )
    words = ["-m", "tests.service.processes", "service", json.dumps(asdict(setting))]
    here = f"http://127.0.0.1:{port}"
    found = ServiceProgram(words, folder / "service.log", f"{here}/healthz", {"DESK_TOKEN": desk.token}, url=here)
    try:
        yield found.start()
    finally:
        found.end(signal.SIGTERM)


@contextmanager
def model_program(folder: Path) -> Iterator[Program]:
    port = free_port()
    words = ["-m", "tests.service.processes", "model", json.dumps({"port": port})]
    found = Program(words, folder / "model.log", f"http://127.0.0.1:{port}/")
    try:
        yield found.start()
    finally:
        found.end()


if __name__ == "__main__":
    given = json.loads(sys.argv[2])
    if sys.argv[1] == "model":
        be_model(given["port"])
    else:
        serve(Setting(**given))
