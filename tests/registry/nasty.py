"""A small HTTP server in a thread that answers as badly as it is told, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    #: Of all headers, as often as they came.
    names: list[str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Nasty:
    """`answer` decides: it gets the handler and what was asked, and does as it likes with the connection."""

    url: str = ""
    answer: Callable[[Handler, Asked], None] = field(default=lambda h, _: h.reply(200, {}))
    asked: list[Asked] = field(default_factory=list)

    def script(self, *steps: Callable[[Handler, Asked], None]) -> None:
        """One step a request, the last one for all that come after."""
        left = list(steps)
        self.answer = lambda h, a: (left.pop(0) if len(left) > 1 else left[0])(h, a)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    nasty: Nasty

    def log_message(self, *_: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        names = [name.lower() for name in self.headers]
        asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body, names)
        self.nasty.asked.append(asked)
        self.nasty.answer(self, asked)

    def reply(self, status: int, body: Any, kind: str = "application/json", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def drop(self) -> None:
        """Close the connection without a word."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def replies(status: int, body: Any, kind: str = "application/json", **headers: str) -> Callable[[Handler, Asked], None]:
    return lambda h, _: h.reply(status, body, kind, **headers)


def drops(h: Handler, _: Asked) -> None:
    h.drop()


def sleeps(seconds: float) -> Callable[[Handler, Asked], None]:
    def wait(h: Handler, _: Asked) -> None:
        time.sleep(seconds)
        h.drop()

    return wait


@contextmanager
def nasty() -> Iterator[Nasty]:
    found = Nasty()
    handler = type("Bound", (Handler,), {"nasty": found})

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Broken pipes are what these tests make."""

    server = Quiet(("127.0.0.1", 0), handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
