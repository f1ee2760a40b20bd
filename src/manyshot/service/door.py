"""Who may come in. The one rule: the service asks the door in every route, and believes nothing else about who asks.

`Door` is the plug point; `OpenDoor` lets everybody at this machine in.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from manyshot.errors import SpecError

#: Addresses that only this machine reaches.
LOCAL = ("127.0.0.1", "::1", "localhost")


class Door(Protocol):
    """Says who asks, and keeps the audit log. Safe to call from several threads."""

    def attach(self, app: FastAPI) -> None:
        """Add the door's own routes (as a login) and middleware (as limits and headers), before the service starts."""
        ...

    def opens(self, host: str) -> None:
        """Raise SpecError when the service may not listen at `host` with this door."""
        ...

    def customer(self, request: Request) -> str:
        """The id of the customer who asks, as the tools know it. Raises HTTPException 401."""
        ...

    def staff(self, request: Request) -> str:
        """The name of the member of staff who asks. Raises HTTPException 401, or 403 for one who may not."""
        ...

    def client(self, request: Request) -> str:
        """The name of the program that asks at /v1, by its API key. Raises HTTPException 401."""
        ...

    def speaks_for(self, request: Request, named: str) -> str:
        """The id of the customer for whom a program asks at /v1. `named`: as the request's body names it, "" where it
        names none. Raises HTTPException 401, or 403 for one that this program may not name."""
        ...

    def csrf(self, request: Request) -> str:
        """What pages of this session send back as the header X-CSRF-Token when they change something; "" for
        nothing. That it came back is checked where `customer` and `staff` are."""
        ...

    def record(self, who: str, what: str, about: str) -> None:
        """Write into the audit log that `who` (a customer, a member of staff, a program) saw or did `what` (as
        "conversation.read") about `about` (an id). Never a customer's words."""
        ...


def _ours(request: Request) -> bool:
    """Whether a request was made for this machine by its own name, and not by another site's page."""
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    try:
        return urlsplit(f"//{host}").hostname in LOCAL and (origin is None or urlsplit(origin).netloc == host)
    except ValueError:
        return False


class OpenDoor:
    """Everybody may do everything, at this machine only. A browser is one customer, by a cookie; a program says with
    the header X-Customer whom it asks for.

    record: is told what would stand in an audit log.
    """

    COOKIE = "manyshot_customer"
    _ID = re.compile(r"[A-Za-z0-9_.@-]{1,64}")

    def __init__(self, record: Callable[[str, str, str], None] | None = None, customer: str = "") -> None:
        self._record = record
        #: Who a new browser is; "" makes up a customer for each.
        self._customer = customer

    def attach(self, app: FastAPI) -> None:
        app.add_middleware(_Local, name=self.COOKIE, customer=self._customer)

    def opens(self, host: str) -> None:
        if host not in LOCAL:
            raise SpecError(
                f"--host {host}: without sign-in the service listens at {LOCAL[0]} only; set up who may come in first"
            )

    def customer(self, request: Request) -> str:
        said = request.headers.get("x-customer") or request.scope["state"].get("customer", "")
        return self._id(str(said))

    def _id(self, said: str) -> str:
        if not self._ID.fullmatch(said):
            raise HTTPException(401, "a customer's id has to be 1 to 64 letters, digits, or any of _ . @ -")
        return said

    def staff(self, request: Request) -> str:
        _ = request
        return "staff"

    def client(self, request: Request) -> str:
        _ = request
        return "local"

    def speaks_for(self, request: Request, named: str) -> str:
        return self._id(named or request.headers.get("x-customer") or self.client(request))

    def csrf(self, request: Request) -> str:
        _ = request
        return ""

    def record(self, who: str, what: str, about: str) -> None:
        if self._record is not None:
            self._record(who, what, about)


class _Local:
    """Keeps pages of other sites out, also under a name that was made to point here; gives a browser that has none the
    cookie that says which customer it is, and puts it into the request's state."""

    def __init__(self, app: ASGIApp, name: str, customer: str) -> None:
        self.app, self.name, self.customer = app, name, customer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        if not _ours(request):
            await PlainTextResponse("pages of other sites are kept out\n", 403)(scope, receive, send)
            return
        known = request.cookies.get(self.name, "")
        who = known or self.customer or f"guest-{secrets.token_hex(8)}"
        scope.setdefault("state", {})["customer"] = who

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start" and not known:
                value = f"{self.name}={who}; Path=/; HttpOnly; SameSite=Strict"
                MutableHeaders(scope=message).append("set-cookie", value)
            await send(message)

        await self.app(scope, receive, tell)
