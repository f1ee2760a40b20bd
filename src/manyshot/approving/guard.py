"""What may not reach the page: requests in another site's name, and bodies that are too large.

The one rule: a page that a browser shows from elsewhere can neither read nor write. Host must be this machine by
number or by a name that is its own (another name may be made to point here); what writes must come from the page
itself, and as JSON, which no foreign form can send.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: A dialogue has some thousand characters.
MAX_BODY = 1_000_000
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware around the page. `names`: hosts besides localhost and addresses that are this machine."""

    def __init__(self, app: ASGIApp, names: Iterable[str] = ()) -> None:
        self.app = app
        self.names = {"localhost", socket.gethostname().lower(), *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refused = self._refused(scope)
        if refused is None and scope["method"] not in ("GET", "HEAD"):
            body = await _body(receive)
            refused = (413, f"more than {MAX_BODY:,} bytes were sent") if body is None else None
            receive = _again(body or b"", receive)
        if refused is not None:
            await _answer(guarded, *refused)
            return
        await self.app(scope, receive, guarded)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._ours(host):
            return 403, f"this page is not {host or 'nobody'}; open it under the address that manyshot printed"
        if scope["method"] in ("GET", "HEAD"):
            return None
        origin = headers.get("origin")
        if (origin is not None and urlsplit(origin).netloc.lower() != host.lower()) or headers.get(
            "sec-fetch-site", "same-origin"
        ) != "same-origin":
            return 403, "a page of another site may not write here"
        if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            return 415, "wanted application/json"
        return None

    def _ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            ipaddress.ip_address(name)
        except ValueError:
            return host.rpartition(":")[0].lower() in self.names or host.lower() in self.names
        return True


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large, and then the rest is not read."""
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def one() -> Message:
        return waiting.pop() if waiting else await receive()

    return one


async def _answer(send: Send, status: int, error: str) -> None:
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
