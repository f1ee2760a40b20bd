"""A real PostgreSQL of one's own, started in a temporary folder; and the desk running on a database, in a thread."""

from __future__ import annotations

import io
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from manyshot.desk import demo
from manyshot.desk.api import make_app
from manyshot.desk.callers import Role, new_token
from manyshot.desk.database import bring_up, open_database
from manyshot.desk.guard import Log
from manyshot.desk.run import listen, make_server

NOW = datetime(2024, 10, 10, 8, 0)  # a Thursday
_NAMES = count()


def binaries() -> Path | None:
    """Where PostgreSQL's programs are."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


@dataclass(frozen=True)
class Postgres:
    folder: Path

    def new_database(self) -> str:
        """A user with a schema of its own, which is as good as a database and takes no time."""
        name = f"desk{next(_NAMES)}"
        engine = create_engine(self.url("desk"))
        with engine.begin() as connection:
            connection.execute(text(f"create role {name} login"))
            connection.execute(text(f"create schema {name} authorization {name}"))
        engine.dispose()
        return self.url(name)

    def url(self, user: str) -> str:
        return f"postgresql+psycopg://{user}@/postgres?host={self.folder}"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """It refuses to run as root, so root runs it as nobody. The folder is short: a socket's path may not be long."""
    programs = binaries()
    assert programs
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    as_whom: list[str] = []
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        as_whom = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]

    def command(program: str, *words: str) -> list[str]:
        return [*as_whom, str(programs / program), "-D", str(folder / "data"), *words]

    made = command("initdb", "-U", "desk", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
    settings = {"unix_socket_directories": folder, "listen_addresses": "", "fsync": "off", "max_connections": 60}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    try:
        subprocess.run(made, check=True, capture_output=True, timeout=60, cwd=folder)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command("postgres", *options), stdout=log, stderr=log, cwd=folder)
        try:
            _wait_for(process, folder)
            yield Postgres(folder)
        finally:
            process.send_signal(signal.SIGQUIT)  # stops without writing anything back
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(process: subprocess.Popen[bytes], folder: Path) -> None:
    engine = create_engine(Postgres(folder).url("desk"))
    for _ in range(600):
        assert process.poll() is None, (folder / "log").read_text()
        try:
            engine.connect().close()
            break
        except OperationalError:
            time.sleep(0.05)
    engine.dispose()


@dataclass
class Running:
    """A desk that answers, with two customers to talk for."""

    engine: Engine
    url: str
    token: str
    log: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        with Session(self.engine) as session:
            self.customers = [number for number, _ in demo.people(session)]

    def client(self, customer: int | None = None, token: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {token or self.token}", "X-Customer": str(customer or self.customers[0])}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, verify=False)

    def let_in(self, name: str, role: Role) -> str:
        with Session(self.engine) as session, session.begin():
            return new_token(session, name, role, NOW)

    def rows(self, sql: str) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(sql)))

    def run(self, sql: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(sql))


def seeded(db: str) -> tuple[Engine, str]:
    engine = open_database(db)
    bring_up(engine)
    with Session(engine) as session, session.begin():
        demo.seed(session, NOW)
        return engine, new_token(session, "assistant", "assistant", NOW)


@contextmanager
def running(db: str, **limits: Any) -> Iterator[Running]:
    engine, token = seeded(db)
    log = io.StringIO()
    listening = listen("127.0.0.1", 0)
    server = make_server(make_app(engine, lambda: NOW, "zh", Log(log), **limits))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield Running(engine, f"http://127.0.0.1:{listening.getsockname()[1]}", token, log)
    finally:
        server.should_exit = True
        thread.join()
        engine.dispose()
        listening.close()


def ticket(time: str = "2024-10-11 09:00", **more: Any) -> dict[str, Any]:
    return {"userName": "蒋丽华", "problem": "充电桩有焦糊味", "address": "望京西路50号", "serveTime": time, **more}
