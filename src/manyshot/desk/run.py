"""Starting and stopping the desk. One rule: whatever would stop it stops it before it takes the first request."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import uvicorn
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from manyshot.desk import demo
from manyshot.desk.api import Clock, make_app
from manyshot.desk.callers import Role, new_token
from manyshot.desk.database import bring_up, open_database, shown
from manyshot.desk.words import Language
from manyshot.errors import SpecError

#: Seconds that running requests have to end when the desk is stopped.
GRACE = 10


@dataclass(frozen=True, slots=True)
class Place:
    """Where a desk lives, and by which clock."""

    db: str
    timezone: str = "+08:00"

    def clock(self) -> Clock:
        zone = _zone(self.timezone)
        return lambda: datetime.now(zone).replace(tzinfo=None, microsecond=0)

    def open(self) -> Engine:
        """The database with its tables up to date. Raises SpecError."""
        self.clock()
        engine = open_database(self.db)
        bring_up(engine)
        return engine


def _zone(text: str) -> timezone:
    try:
        offset = datetime.strptime(text, "%z").utcoffset() or timedelta()
    except ValueError:
        raise SpecError(f"--timezone {text}: wanted an offset, as +08:00") from None
    return timezone(offset) if offset else UTC


def let_in(place: Place, name: str, role: Role) -> str:
    """A new token for a caller, by name; the old one of that name ends."""
    with Session(place.open()) as session, session.begin():
        return new_token(session, name, role, place.clock()())


def serve(
    place: Place, host: str, port: int, language: Language, tell: Callable[[str], None], *, seed_demo: bool = False
) -> None:
    """Answer until SIGTERM or Ctrl-C; requests that run are finished first. Raises SpecError."""
    with listen(host, port) as listening:
        engine = place.open()
        if seed_demo:
            for line in _seeded(place, engine):
                tell(line)
        address = f"http://{host if ':' not in host else f'[{host}]'}:{listening.getsockname()[1]}"
        tell(f"desk: {address} on {shown(engine)}; tools: {address}/openapi.json; Ctrl-C ends")
        server = make_server(make_app(engine, place.clock(), language))
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, lambda *_: None)  # the server takes them while it runs and gives them back at its end
        server.run(sockets=[listening])
        engine.dispose()


def make_server(app: object) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=GRACE,
            limit_concurrency=200,
            h11_max_incomplete_event_size=16 * 1024,
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections, so that a port in use is known before anything else is done, and who is told the
    address is not refused while the server starts. Raises SpecError."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, proto)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(socket.SOMAXCONN)
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise SpecError(
            f"--host {host} --port {port}: {said}; choose another port, or stop what listens there"
        ) from None
    return found


def _seeded(place: Place, engine: Engine) -> list[str]:
    now = place.clock()()
    with Session(engine) as session, session.begin():
        if not demo.seed(session, now):
            return ["desk: it has customers already; nothing was seeded"]
        token = new_token(session, "demo", "assistant", now)
        who = ", ".join(f"{number} {name}" for number, name in demo.people(session))
    return [f"desk: seeded; customers (X-Customer): {who}", f"desk: token of the assistant, shown only now: {token}"]
