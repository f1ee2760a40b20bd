"""The door of the service: customers by signed token, staff by login, programs by key, all of it in the audit log.

One rule: who asks is known by a secret that only they can have, never by what a request says of itself; a browser that
changes something must also show that one of our pages sent it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest, new
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from fastapi import FastAPI, HTTPException, Request
from sqlalchemy.exc import SQLAlchemyError

from manyshot.access.api_keys import ANY, PREFIX, ApiKeys, Program
from manyshot.access.audit import AuditLog
from manyshot.access.database import opened
from manyshot.access.headers import LOG_IN, Guard
from manyshot.access.limits import Limiter, Proxies, Rate
from manyshot.access.passwords import Passwords
from manyshot.access.settings import Place, read
from manyshot.access.staff import Accounts, Member
from manyshot.access.tables import ROLES
from manyshot.access.tokens import CUSTOMER, NotValid, Tokens
from manyshot.errors import SpecError

if TYPE_CHECKING:
    from sqlalchemy import Engine

#: Addresses that only this machine reaches.
LOCAL = ("127.0.0.1", "::1", "localhost")
LOGIN, LOGOUT, ENTER, LEAVE = "/access/login", "/access/logout", "/access/enter", "/access/leave"
_SAFE = ("GET", "HEAD", "OPTIONS")


class AccessDoor:
    """What `service.door.Door` asks for. Safe to call from several threads and processes.

    home: where a member of staff goes who logged in, and a customer who was signed in.
    """

    def __init__(
        self,
        place: Place,
        clock: Callable[[], int] = lambda: int(time.time()),
        home: tuple[str, str] = ("/staff", "/"),
        passwords: Passwords | None = None,
    ) -> None:
        """Raises SpecError: no keys, no database."""
        settings = place.settings
        self.settings, self.home = settings, home
        self.engine: Engine = opened(place.database)
        self.audit = AuditLog(self.engine)
        self.accounts = Accounts(self.engine, self.audit, clock, passwords)
        self.keys = ApiKeys(self.engine, self.audit, clock)
        self.tokens = Tokens(place.keys, settings.audience, settings.issuer, clock, settings.longest_token)
        self._customers = Limiter(Rate(settings.customer_rate, settings.customer_burst))
        self._programs = Limiter(Rate(settings.key_rate, settings.key_burst))
        self._addresses = Limiter(Rate(settings.address_rate, settings.address_burst))
        self._proxies = Proxies(settings.proxies)

    # -- what the service asks -----------------------------------------------------------------------------------------

    def attach(self, app: FastAPI) -> None:
        """Pages to log in and out; limits and headers around everything."""
        from manyshot.access.pages import pages

        self.accounts.passwords.warm()
        app.include_router(pages(self))
        app.add_middleware(
            Guard,
            address=self._proxies.address,
            limiter=self._addresses,
            https=self.settings.https,
        )

    def opens(self, host: str) -> None:
        """Raises SpecError for an address that others reach while cookies and passwords would go there unencrypted."""
        if host not in LOCAL and not self.settings.https:
            raise SpecError(
                f"--host {host}: others on the network would see passwords and tokens; put a proxy with https before "
                f"the service and say https = true in access.toml, or listen at {LOCAL[0]}"
            )

    def customer(self, request: Request) -> str:
        """The id of the customer who asks: by a token, as a header or as the cookie of a browser; or by the key of a
        program that may speak for customers, then X-Customer. Raises HTTPException 401, 403, 429."""
        bearer = _bearer(request)
        if bearer is None:
            token = request.cookies.get(self.cookie("customer"), "")
            request.scope.setdefault("state", {})[LOG_IN] = ENTER
            who = self._by_token(token, "this needs a customer's token")
            self._from_our_page(request, token, "customer")
        elif bearer.startswith(PREFIX):
            who = _for_whom(self._program(request, bearer), _x_customer(request))
        else:
            who = self._by_token(bearer, "the token is not valid")
        _within(request, self._customers, f"customer {who}")
        return who

    def staff(self, request: Request) -> str:
        """The name of the member of staff who asks; a viewer may look, not change. HTTPException 401, 403, 429."""
        return self.needs(request, "viewer" if request.method in _SAFE else "agent")

    def needs(self, request: Request, role: str) -> str:
        """As `staff`, for what takes at least this role."""
        secret = request.cookies.get(self.cookie("staff"), "")
        member = self._member(secret)
        if member is None:
            request.scope.setdefault("state", {})[LOG_IN] = LOGIN
            raise HTTPException(401, "log in first", {"WWW-Authenticate": "Cookie"})
        self._from_our_page(request, secret, "staff")
        _within(request, self._customers, f"staff {member.name}")
        if ROLES.index(member.role) < ROLES.index(role):
            raise HTTPException(403, f"this takes the role {role}")
        return member.name

    def client(self, request: Request) -> str:
        """The name of the program that asks, by its API key. Raises HTTPException 401, 429."""
        return self._program(request, _bearer(request) or "").name

    def speaks_for(self, request: Request, named: str) -> str:
        """The id of the customer for whom a program asks: as it names one (`named`, as the `user` of OpenAI's form),
        else by X-Customer. Raises HTTPException 401, or 403 for one that its key may not name."""
        program, header = self._program(request, _bearer(request) or ""), _x_customer(request)
        if named and header and named != header:
            raise HTTPException(403, "the body and X-Customer name two customers")
        return _for_whom(program, named or header)

    def csrf(self, request: Request) -> str:
        """What pages of this browser's sessions send back as X-CSRF-Token: one part a session."""
        kinds = ((kind, request.cookies.get(self.cookie(kind), "")) for kind in ("customer", "staff"))
        return ".".join(proof(secret, kind) for kind, secret in kinds if secret)

    def record(self, who: str, what: str, about: str) -> None:
        """Append to the audit log. Raises HTTPException 503 when it cannot be written: then nothing may be shown."""
        try:
            self.audit.write(who, what, about)
        except SQLAlchemyError:
            _busy()

    # -- how it knows --------------------------------------------------------------------------------------------------

    def cookie(self, kind: str) -> str:
        """The name of a cookie. By https its name says that no other host, and no unencrypted page, can have set it."""
        return f"{'__Host-' if self.settings.https else ''}manyshot_{kind}"

    def _by_token(self, token: str, refusal: str) -> str:
        try:
            return self.tokens.customer(token)
        except NotValid:
            raise HTTPException(401, refusal, {"WWW-Authenticate": "Bearer"}) from None

    def _program(self, request: Request, key: str) -> Program:
        try:
            program = self.keys.program(key)
        except SQLAlchemyError:
            _busy()
        if program is None:
            raise HTTPException(401, "the API key is not valid", {"WWW-Authenticate": "Bearer"})
        _within(request, self._programs, f"program {program.name}")
        return program

    def _member(self, secret: str) -> Member | None:
        try:
            return self.accounts.who(secret)
        except SQLAlchemyError:
            _busy()

    def _from_our_page(self, request: Request, secret: str, kind: str) -> None:
        """Raises HTTPException 403 for a change that another site had a browser ask for."""
        if request.method in _SAFE:
            return
        said = request.headers.get("x-csrf-token", "").split(".")
        if not same_site(request) or not any(same(part, proof(secret, kind)) for part in said[:4]):
            raise HTTPException(403, "reload the page and try again: X-CSRF-Token is missing or old")


def open_door(file: Path) -> AccessDoor:
    """The door that a settings file describes. Raises SpecError."""
    return AccessDoor(read(file))


def _x_customer(request: Request) -> str:
    """What X-Customer says, "" where there is none. Two of them are no customer's id."""
    return ",".join(request.headers.getlist("x-customer"))


def _for_whom(program: Program, said: str) -> str:
    """The customer that a program speaks for, which may not name another than its own."""
    if said and not CUSTOMER.fullmatch(said):
        raise HTTPException(401, "the customer's id has to be 1 to 64 letters, digits, or any of _ . @ -")
    if not program.customer:
        raise HTTPException(403, "this API key speaks for no customer; key add --customer makes one that does")
    named = said or program.customer.replace(ANY, "")
    if not named:
        raise HTTPException(401, "X-Customer has to say for which customer it is")
    if program.customer not in (ANY, named):
        raise HTTPException(403, "this API key does not speak for that customer")
    return named


def proof(secret: str, kind: str) -> str:
    """What a page of a session knows and no other site can: made of its cookie, which tells nothing of it."""
    return new(secret.encode("utf-8", "surrogatepass"), f"csrf {kind}".encode(), sha256).hexdigest()


def same(said: str, wanted: str) -> bool:
    """Whether two texts are the same, in a time that does not tell where they differ."""
    return compare_digest(said.encode("utf-8", "surrogatepass"), wanted.encode("utf-8", "surrogatepass"))


def same_site(request: Request) -> bool:
    """Whether a browser says that the page it shows is ours; programs say nothing."""
    origin = request.headers.get("origin")
    ours = origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower() != ""
    return ours and request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _bearer(request: Request) -> str | None:
    """The token of the Authorization header; None where there is no such header. Raises HTTPException 401."""
    said = request.headers.getlist("authorization")
    if not said:
        return None
    scheme, _, token = said[0].partition(" ")
    if len(said) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise HTTPException(401, "wanted one header Authorization: Bearer", {"WWW-Authenticate": "Bearer"})
    return token.strip()


def _within(request: Request, limiter: Limiter, who: str) -> None:
    """Count a request once, however often the service asks. Raises HTTPException 429."""
    counted: set[str] = request.scope.setdefault("state", {}).setdefault("access_counted", set())
    if who not in counted:
        counted.add(who)
        if (wait := limiter.take(who)) > 0:
            raise HTTPException(429, "too many requests", {"Retry-After": str(math.ceil(wait))})


def _busy() -> NoReturn:
    raise HTTPException(503, "the database of logins does not answer; try again", {"Retry-After": "1"}) from None
