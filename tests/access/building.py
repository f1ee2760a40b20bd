"""A small service behind a real door, in a thread, with secrets to steal; and the real desk beside it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI, Request
from sqlalchemy import text

from manyshot.access import settings, signing
from manyshot.access.door import AccessDoor
from manyshot.access.passwords import Passwords
from manyshot.access.settings import Place, Settings
from manyshot.desk.run import listen

#: Hundreds of passwords are tried: at the usual cost they would take minutes.
CHEAP = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
PASSWORD = "horses eat green apples"
#: What only customer 2 may read, and what only staff may.
SECRET, QUEUE = "the charger of number two hums", "everybody's conversations"


def place(folder: Path, db: str = "sqlite:///access.db", **more: Any) -> Place:
    """Settings and a first signing key in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    signing.new_file(folder / settings.KEYS, "EdDSA")
    return Place(file=folder / settings.FILE, settings=Settings(database=db, **more))


@dataclass
class Building:
    """A running service. `notes`: what customers keep there; `seen`: all that the service answered or logged."""

    door: AccessDoor
    url: str
    folder: Path
    notes: dict[str, str] = field(default_factory=lambda: {"1": "nothing much", "2": SECRET})

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def browser(self, **headers: str) -> httpx.Client:
        """A client that keeps cookies and follows nothing."""
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False, verify=False)

    def bearer(self, token: str, **headers: str) -> httpx.Client:
        return self.browser(Authorization=f"Bearer {token}", **headers)

    def token(self, customer: str = "1") -> str:
        return self.door.tokens.issue(customer, 600)

    @contextmanager
    def logged_in(self, name: str, password: str = PASSWORD) -> Iterator[httpx.Client]:
        with self.browser() as client:
            assert log_in(client, name, password).status_code == 303
            yield client

    def raw(self, request: bytes) -> tuple[int, bytes]:
        """Send bytes as they are; status (0: none) and the whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as wire:
            answer = b""
            with suppress(ConnectionError):  # a server that has read enough hangs up
                wire.sendall(request)
                while part := wire.recv(65536):
                    answer += part
        first = answer.split(b"\r\n", 1)[0].split(b" ")
        return (int(first[1]) if len(first) > 1 and first[1].isdigit() else 0), answer

    def rows(self, sql: str) -> list[Any]:
        with self.door.engine.connect() as connection:
            return list(connection.execute(text(sql)))


def form_of(client: httpx.Client, path: str = "/access/login") -> str:
    """The proof in a form of our page."""
    page = client.get(path).text
    return page.split('name="csrf" value="')[1].split('"')[0]


def log_in(client: httpx.Client, name: str, password: str, **more: str) -> httpx.Response:
    fields = {"csrf": form_of(client), "name": name, "password": password, **more}
    return client.post("/access/login", data=fields)


def service(door: AccessDoor, notes: dict[str, str]) -> FastAPI:
    """As the assistant's service asks its door."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/note")
    def read(request: Request) -> Any:
        return {"note": notes.get(door.customer(request), "")}

    @app.post("/note")
    async def write(request: Request) -> Any:
        who = door.customer(request)
        notes[who] = (await request.body()).decode("utf-8", "replace")[:200]
        door.record(who, "note.write", who)
        return {"of": who}

    @app.get("/staff")
    def queue(request: Request) -> Any:
        door.record(door.staff(request), "queue.read", "")
        return {"queue": QUEUE}

    @app.post("/staff")
    def answer(request: Request) -> Any:
        return {"by": door.staff(request)}

    @app.delete("/staff")
    def clear(request: Request) -> Any:
        return {"by": door.needs(request, "supervisor")}

    @app.get("/v1/models")
    def models(request: Request) -> Any:
        return {"of": door.client(request)}

    @app.get("/v1/for")
    def whom(request: Request, user: str = "") -> Any:
        return {"note": notes.get(door.speaks_for(request, user), "")}

    @app.get("/csrf")
    def csrf(request: Request) -> Any:
        return {"csrf": door.csrf(request)}

    @app.get("/healthz")
    def healthz() -> Any:
        return {"status": "ready"}

    door.attach(app)
    return app


@contextmanager
def open_building(folder: Path, db: str = "sqlite:///access.db", **more: Any) -> Iterator[Building]:
    """Staff: vera (viewer), ada (agent), sue (supervisor), gone (removed). Limits are out of the way unless given."""
    many: dict[str, Any] = {
        f"{kind}_{what}": 10_000 for kind in ("customer", "key", "address") for what in ("rate", "burst")
    }
    door = AccessDoor(place(folder, db, **(many | more)), passwords=Passwords(CHEAP))
    for name, role in (("vera", "viewer"), ("ada", "agent"), ("sue", "supervisor"), ("gone", "agent")):
        door.accounts.add(name, role, PASSWORD)
    door.accounts.remove("gone")
    building = Building(door, "", folder)
    with serving(service(door, building.notes)) as url:
        building.url = url
        yield building
    door.engine.dispose()


@contextmanager
def serving(app: Any) -> Iterator[str]:
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
