"""What every answer tells a browser, and who may ask how fast, as one ASGI middleware.

One rule: a page of this service runs its own scripts, is framed by nobody, and tells its address to no other site.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from manyshot.access.limits import Limiter

#: Paths that say whether the service is well: whoever watches it is not counted.
UNCOUNTED = ("/healthz", "/readyz", "/metrics")
#: Where in the state of a request the door notes at which page a browser may log in, and come back.
LOG_IN = "access_log_in"
#: Seconds for which a browser keeps to https: a year.
_HSTS = "max-age=31536000; includeSubDomains"


def policy(nonce: str) -> str:
    """The Content-Security-Policy of a page; `nonce` is for inline scripts and styles that it writes itself."""
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; "
        "img-src 'self' data:; font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with no-referrer a form of our own says Origin: null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


class Guard:
    """Around the whole service. Puts `address` and `nonce` into the request's state.

    address: (peer, X-Forwarded-For) -> who asks. https: the service is reached by https, if need be through a proxy.
    """

    def __init__(self, app: ASGIApp, address: Callable[[str, str], str], limiter: Limiter, https: bool) -> None:
        self.app, self._address, self._limiter, self._https = app, address, limiter, https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":  # none is served, so none can pass by what is checked here
                await receive()
                await send({"type": "websocket.close", "code": 1008})
                return
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        state["address"] = self._address(
            (scope.get("client") or ("",))[0], ",".join(headers.getlist("x-forwarded-for"))
        )
        state["nonce"] = secrets.token_urlsafe(16)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.update(_ALWAYS)
                answer["content-security-policy"] = policy(state["nonce"])
                answer.setdefault("cache-control", "no-store")
                if self._https or scope.get("scheme") == "https":
                    answer["strict-transport-security"] = _HSTS
                if message["status"] == 401 and state.get(LOG_IN) and _shows_pages(scope, headers):
                    message["status"] = 303
                    answer["location"] = f"{state[LOG_IN]}?next={quote(_here(scope), safe='')}"
            await send(message)

        wait = 0.0 if scope["path"] in UNCOUNTED else self._limiter.take(state["address"])
        if wait > 0:
            await too_fast(tell, wait)
            return
        await self.app(scope, receive, tell)


async def too_fast(send: Send, wait: float) -> None:
    """Answer 429."""
    body = json.dumps({"detail": "too many requests"}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(math.ceil(wait)).encode()),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _shows_pages(scope: Scope, headers: Headers) -> bool:
    """Whether somebody opened a page, and not a script that would take a login page for its answer."""
    wanted = headers.get("sec-fetch-mode", "navigate") == "navigate" and "text/html" in headers.get("accept", "")
    return scope["method"] == "GET" and wanted


def _here(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("ascii", "ignore")
    return str(scope["path"]) + (f"?{query}" if query else "")
