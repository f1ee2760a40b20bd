"""Around every request: a limit of size and time, an id, a log line, and an answer even when something breaks.

One rule: what is logged is the route and the outcome, never a value: no path with a number in it, no query, no body,
no header.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TextIO
from uuid import uuid4

from manyshot.desk.words import Language, say

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
LARGEST = 64 * 1024  # bytes of a body
PATIENCE = 10.0  # seconds for a body to arrive
PROBLEM = "application/problem+json"


def problem(status: int, detail: str, field: str = "") -> dict[str, Any]:
    """An error in the form of RFC 9457; `field` names what is to blame."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return body | ({"field": field} if field else {})


class Log:
    """One JSON object a line. Written whole, so lines of several threads do not mix.

    A line that cannot be written (the disk is full, nobody reads the pipe any more) is lost: what it tells of goes on.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out

    def write(self, event: str, **facts: Any) -> None:
        row = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
        out = self._out or sys.stderr
        with suppress(OSError, ValueError):
            out.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
            out.flush()


class Guard:
    """ASGI middleware."""

    def __init__(self, app: App, log: Log, language: Language, largest: int = LARGEST, patience: float = PATIENCE):
        self.app, self.log, self.language, self.largest, self.patience = app, log, language, largest, patience

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, began, status = uuid4().hex, time.monotonic(), 0
        started = False

        async def tell(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request.encode()),
                    (b"cache-control", b"no-store"),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        try:
            try:
                body = await asyncio.wait_for(self._body(scope, receive), self.patience)
            except TimeoutError:
                await self._answer(tell, 408, "too_slow")
                return
            if body is None:
                await self._answer(tell, 413, "too_large", bytes=self.largest)
                return
            await self.app(scope, _replayed(body, receive), tell)
        except Exception as error:
            # The application has answered 500 or 503 by then, and only hands the error on to be logged.
            self.log.write("failed", id=request, error=type(error).__name__, where=where(error))
            if not started:
                raise
        finally:
            route = getattr(scope.get("route"), "path", "")
            self.log.write(
                "request",
                id=request,
                method=scope["method"],
                route=route,
                status=status,
                ms=round((time.monotonic() - began) * 1000, 1),
                client=scope.get("state", {}).get("client"),
            )

    async def _body(self, scope: Message, receive: Receive) -> bytes | None:
        """All of the body; None when it is too large."""
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self.largest:
                return None
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), message.get("more_body", False)
            if size > self.largest:
                return None
        return b"".join(parts)

    async def _answer(self, send: Send, status: int, saying: str, **parts: object) -> None:
        body = json.dumps(problem(status, say(self.language, saying, **parts)), ensure_ascii=False)
        headers = [(b"content-type", PROBLEM.encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body.encode()})


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def where(error: BaseException) -> str:
    """The place in our own code, without the message: that may hold what a customer wrote."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "manyshot" in f.filename]
    return f"{frames[-1].filename.rsplit('manyshot', 1)[-1].lstrip('/')}:{frames[-1].lineno}" if frames else ""
