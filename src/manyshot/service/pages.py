"""The chat page for customers, and the pages on which people take conversations over.

The one rule: a page shows what the session API says, and changes things through it alone.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, StreamingResponse
from pydantic import Field

from manyshot.service.sessions import STREAM, Body, Consent, Service, accepted, last_seen, shown, stream
from manyshot.service.store import Conversation, Kind
from manyshot.service.talks import LONGEST, WORD, for_staff
from manyshot.service.words import say, words
from manyshot.templating import templates
from manyshot.types import Json, Language

_TEMPLATES = Path(__file__).parent / "templates"
_STATIC = {"chat.css": "text/css", "chat.js": "text/javascript", "staff.js": "text/javascript"}
#: Words that the pages' scripts need.
_SCRIPT = (
    "you", "assistant", "person", "working", "doing", "done", "failed", "made", "number", "queue", "joined", "back",
    "closed", "ask_yes", "ask_person", "yes", "no", "agreed", "refused", "offline", "not_sent", "think", "action",
    "observation", "reply", "customer", "state_open", "state_queue", "state_person", "state_closed", "wants_yes",
    "thumb_up", "thumb_down", "thumb_word", "thumb_thanks", "not_kept", "send",
)  # fmt: skip
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Answer(Body):
    text: str = Field(max_length=4 * LONGEST)


def routes(service: Service) -> APIRouter:
    """Pages, and the routes that only people of the desk may use."""
    api, talks, door = APIRouter(include_in_schema=False), service.talks, service.door
    pages = _Pages(service)

    @api.get("/")
    def chat(request: Request, new: bool = False) -> Response:
        customer = door.customer(request)
        about = None if new else talks.store.last_of(customer)
        found = None
        if about is not None:
            door.record(customer, "conversation.read", about.id)
            found = shown(about, talks.store.events(about.id))
        return pages.html(request, "chat.html.j2", found=found, tools=dict(service.tools), labels=dict(service.labels))

    @api.get("/language/{language}")
    def choose(language: str, back: str = "/") -> Response:
        local = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
        answer = RedirectResponse(local, 303)
        answer.set_cookie("language", "zh" if language == "zh" else "en", samesite="strict", httponly=True)
        return answer

    @api.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in _STATIC:
            raise HTTPException(404, "there is nothing at this address")
        return FileResponse(_TEMPLATES / name, media_type=_STATIC[name])

    @api.get("/staff")
    def queue(request: Request) -> Response:
        who = door.staff(request)
        door.record(who, "queue.read", "")
        rows = [_waiting(service, about) for about in talks.store.waiting()]
        return pages.html(request, "queue.html.j2", rows=rows, thumbs=talks.store.thumbs(), who=who)

    @api.get("/staff/sessions/{name}")
    def session(request: Request, name: str) -> Response:
        who = door.staff(request)
        about = _found(service, name)
        door.record(who, "conversation.read", name)
        events = [
            {"number": one.number, "event": one.kind, **one.data} for one in map(for_staff, talks.store.events(name))
        ]
        now = {**_waiting(service, about), "events": events}
        return pages.html(request, "session.html.j2", now=now, who=who)

    @api.get("/staff/sessions/{name}/now")
    def now(request: Request, name: str) -> Json:
        door.staff(request)
        return _waiting(service, _found(service, name))

    @api.get("/staff/sessions/{name}/events")
    async def events(request: Request, name: str, after: int = 0) -> Response:
        who = await run_in_threadpool(door.staff, request)
        await run_in_threadpool(_found, service, name)
        await run_in_threadpool(door.record, who, "conversation.read", name)
        return StreamingResponse(
            stream(talks, name, last_seen(request, after), for_staff), media_type="text/event-stream", headers=STREAM
        )

    @api.post("/staff/sessions/{name}/answer", status_code=202)
    def answer(request: Request, name: str, body: Answer) -> Json:
        who = door.staff(request)
        if _found(service, name).state != "person":
            raise HTTPException(409, "take the conversation over first")
        return _done(service, who, name, "staff", body.text)

    @api.post("/staff/sessions/{name}/consent", status_code=202)
    def consent(request: Request, name: str, body: Consent) -> Json:
        who = door.staff(request)
        if _found(service, name).waits != "person" or not talks.agree(name, body.step, yes=body.yes, by=who):
            raise HTTPException(409, "nothing is asked of you now")
        door.record(who, "call.agreed" if body.yes else "call.refused", name)
        return {"step": body.step}

    @api.post("/staff/sessions/{name}/{act}", status_code=202)
    def act(request: Request, name: str, act: str) -> Json:
        who = door.staff(request)
        about = _found(service, name)
        kinds: dict[str, Kind] = {"take": "take", "back": "back", "close": "close"}
        if act not in kinds:
            raise HTTPException(404, "there is nothing at this address")
        if act == "take" and about.state == "person" and about.by != who:
            raise HTTPException(409, f"{about.by} has taken it over")
        if act == "back" and about.state not in ("person", "queue"):
            raise HTTPException(409, "the assistant has the conversation")
        return _done(service, who, name, kinds[act])

    return api


def _done(service: Service, who: str, name: str, kind: Kind, text: str = "") -> Json:
    number = accepted(lambda: service.talks.staff(name, kind, who, text))
    service.door.record(who, f"conversation.{kind}", name)
    return {"number": number}


def _found(service: Service, name: str) -> Conversation:
    about = service.talks.store.find(name)
    if about is None:
        raise HTTPException(404, "there is no such conversation")
    return about


def _waiting(service: Service, about: Conversation) -> Json:
    """A conversation as the queue shows it."""
    events = service.talks.store.events(about.id, limit=1)
    return {
        "id": about.id,
        "customer": about.customer,
        "since": f"{datetime.fromtimestamp(about.made_at):%Y-%m-%d %H:%M}",
        "why": about.why,
        "state": about.state,
        "by": about.by,
        "waits": about.waits,
        "step": about.step,
        "first": events[0].text if events else "",
        "facts": about.facts,
        "tickets": about.tickets,
        "busy": about.heard < about.messages,
    }


class _Pages:
    """Templates -> HTML."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._environment = templates(_TEMPLATES)

    def html(self, request: Request, template: str, **values: Any) -> HTMLResponse:
        language = self._language(request)
        w = words(language)
        about = {
            "say": lambda key, **parts: say(language, key, **parts),
            "language": language,
            "here": request.url.path,
            "csrf": self._service.door.csrf(request),
            "script_words": {key: w[key] for key in _SCRIPT},
            "longest": LONGEST,
            "word": WORD,
        }
        text = self._environment.get_template(template).render(about | values)
        headers = {"content-security-policy": POLICY, "referrer-policy": "no-referrer"}
        return HTMLResponse(text, headers=headers)

    def _language(self, request: Request) -> Language:
        """The one that was chosen, else the desk's."""
        chosen = request.cookies.get("language") or self._service.language
        return "zh" if chosen == "zh" else "en"
