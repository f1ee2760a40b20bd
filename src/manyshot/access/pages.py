"""Pages to log in and out, and the address at which a customer's own portal signs a browser in.

One rule: a form counts only with the proof that our page sent it; a session begins with a secret that is new.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jwt
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from manyshot.access.door import ENTER, LEAVE, LOGIN, LOGOUT, AccessDoor, proof, same, same_site
from manyshot.access.staff import LONGEST, Member
from manyshot.access.throttle import Blocked
from manyshot.access.tokens import NotValid
from manyshot.access.words import words
from manyshot.templating import speaker, templates
from manyshot.types import Language

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEMPLATES = Path(__file__).parent / "templates"
#: Bytes of a form, and seconds for it to arrive.
_LARGEST, _PATIENCE = 16 * 1024, 10.0
#: A path of this service: no other host, nothing that a browser would read as one.
_LOCAL = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,500}")
_PATHS = (LOGIN, LOGOUT, ENTER, LEAVE)


def pages(door: AccessDoor) -> APIRouter:
    """The routes of a door."""
    router, shown = APIRouter(include_in_schema=False), _Pages(door)

    @router.get(LOGIN)
    def login(request: Request, next: str = "") -> Response:
        try:
            member = door.accounts.who(request.cookies.get(door.cookie("staff"), ""))
        except SQLAlchemyError:
            return shown.login(request, "busy", 503, next)
        return shown.member(request, member, next) if member else shown.login(request, "", 200, next)

    @router.post(LOGIN)
    async def logging_in(request: Request) -> Response:
        form = await _form(request)
        if form is None or not shown.ours(request, form):
            return shown.login(request, "stale", 403, (form or {}).get("next", ""))
        return await run_in_threadpool(_log_in, request, form)

    def _log_in(request: Request, form: Mapping[str, str]) -> Response:
        after = form.get("next", "")
        old = request.cookies.get(door.cookie("staff"), "")
        address = request.scope["state"].get("address", "")
        try:
            secret = door.accounts.log_in(form.get("name", ""), form.get("password", ""), address, old)
        except Blocked as blocked:
            answer = shown.login(request, "blocked", 429, after, seconds=blocked.seconds)
            answer.headers["retry-after"] = str(blocked.seconds)
            return answer
        except SQLAlchemyError:
            return shown.login(request, "busy", 503, after)
        if secret is None:
            return shown.login(request, "wrong", 401, after)
        return shown.go(_local(after, door.home[0]), {"staff": (secret, LONGEST), "form": ("", 0)})

    @router.post(LOGOUT)
    async def logging_out(request: Request) -> Response:
        form, secret = await _form(request), request.cookies.get(door.cookie("staff"), "")
        if form is None or not _proved(request, form, secret, "staff"):
            return shown.login(request, "stale", 403, "")
        try:
            await run_in_threadpool(door.accounts.log_out, secret)
        except SQLAlchemyError:
            return shown.login(request, "busy", 503, "")
        return shown.go(LOGIN, {"staff": ("", 0)})

    @router.get(ENTER)
    def enter(request: Request, next: str = "") -> Response:
        return shown.enter(request, "", 200, next)

    @router.post(ENTER)
    async def entering(request: Request) -> Response:
        """A portal posts the fields token and next from a page of its own; its origin is one of `portals`."""
        form = await _form(request)
        from_portal = request.headers.get("origin", "") in door.settings.portals
        if form is None or not (from_portal or shown.ours(request, form)):
            return shown.enter(request, "stale", 403, (form or {}).get("next", ""))
        token, after = form.get("token", "").strip(), form.get("next", "")
        try:
            who = door.tokens.customer(token)
            await run_in_threadpool(door.audit.write, who, "customer.enter")
        except NotValid:
            return shown.enter(request, "not_valid", 401, after)
        except SQLAlchemyError:
            return shown.enter(request, "busy", 503, after)
        return shown.go(_local(after, door.home[1]), {"customer": (token, _seconds(token)), "form": ("", 0)})

    @router.post(LEAVE)
    async def leaving(request: Request) -> Response:
        form, token = await _form(request), request.cookies.get(door.cookie("customer"), "")
        if form is None or not _proved(request, form, token, "customer"):
            return shown.enter(request, "stale", 403, "")
        return shown.go(ENTER, {"customer": ("", 0)})

    @router.get("/access/access.css")
    def style() -> Response:
        return FileResponse(_TEMPLATES / "access.css", media_type="text/css")

    return router


def _seconds(token: str) -> int:
    """For how long a token that was verified is valid still."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return max(1, int(claims["exp"] - time.time()))


def _proved(request: Request, form: Mapping[str, str], secret: str, kind: str) -> bool:
    parts = form.get("csrf", "").split(".")[:4]
    return same_site(request) and secret != "" and any(same(part, proof(secret, kind)) for part in parts)


def _local(path: str, otherwise: str) -> str:
    """A path of this service to go on to. Not one of the pages here: to come back to them leads nowhere."""
    plain = path.split("?")[0]
    return path if _LOCAL.fullmatch(path) and plain not in _PATHS else otherwise


async def _form(request: Request) -> dict[str, str] | None:
    """The fields of a form, each once; None for what is none, is too large, or does not arrive."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return None
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE):
            async for part in request.stream():
                body += part
                if len(body) > _LARGEST:
                    return None
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=10)
    except (TimeoutError, ValueError):
        return None
    found = dict(fields)
    return found if len(found) == len(fields) else None


class _Pages:
    """Templates -> answers."""

    def __init__(self, door: AccessDoor) -> None:
        self.door = door
        self.environment = templates(_TEMPLATES)

    def ours(self, request: Request, form: Mapping[str, str]) -> bool:
        """Whether a form that needs no session came from the page that we gave this browser."""
        return _proved(request, form, request.cookies.get(self.door.cookie("form"), ""), "form")

    def login(self, request: Request, problem: str, status: int, after: str, **parts: object) -> Response:
        return self._fresh(request, "login.html.j2", status, problem, after, parts)

    def enter(self, request: Request, problem: str, status: int, after: str) -> Response:
        return self._fresh(request, "enter.html.j2", status, problem, after, {})

    def member(self, request: Request, member: Member, after: str) -> Response:
        there = _local(after, self.door.home[0])
        return self._html(request, "member.html.j2", 200, member=member, next=there, csrf=self.door.csrf(request))

    def go(self, there: str, cookies: Mapping[str, tuple[str, int]]) -> Response:
        """On to a path, with cookies (value, seconds); no seconds: it ends."""
        answer = RedirectResponse(there, 303)
        for kind, (value, seconds) in cookies.items():
            self._cookie(answer, kind, value, seconds)
        return answer

    def _cookie(self, answer: Response, kind: str, value: str, seconds: int) -> None:
        # A customer comes from a page of a portal, by a redirect: a strict cookie would not come along.
        lax = kind == "customer"
        answer.set_cookie(
            self.door.cookie(kind),
            value,
            max_age=seconds,
            path="/",
            httponly=True,
            secure=self.door.settings.https,
            samesite="lax" if lax else "strict",
        )

    def _fresh(
        self, request: Request, template: str, status: int, problem: str, after: str, parts: dict[str, object]
    ) -> Response:
        """A form with a proof, and the cookie that it is made of."""
        name = self.door.cookie("form")
        known = request.cookies.get(name, "")
        secret = known if re.fullmatch(r"[A-Za-z0-9_-]{43}", known) else secrets.token_urlsafe(32)
        there = after if _local(after, "") else ""
        answer = self._html(
            request, template, status, problem=problem, parts=parts, next=there, csrf=proof(secret, "form")
        )
        if secret != known:
            self._cookie(answer, "form", secret, 3600)
        return answer

    def _html(self, request: Request, template: str, status: int, **values: Any) -> Response:
        language = _language(request)
        about = {
            "say": speaker(words(language)),
            "path": request.url.path,
            "other": "en" if language == "zh" else "zh",
            "login": LOGIN,
            "logout": LOGOUT,
            "enter": ENTER,
        }
        answer = HTMLResponse(self.environment.get_template(template).render(about | values), status)
        if request.query_params.get("lang") in ("zh", "en"):
            answer.set_cookie("language", language, samesite="strict", httponly=True)
        return answer


def _language(request: Request) -> Language:
    """The one that was chosen, else what the browser asks for."""
    chosen = request.query_params.get("lang") or request.cookies.get("language", "")
    if chosen not in ("zh", "en"):
        chosen = "zh" if request.headers.get("accept-language", "").strip().lower().startswith("zh") else "en"
    return "zh" if chosen == "zh" else "en"
