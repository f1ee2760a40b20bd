"""Conversations over HTTP, for customers' programs and the chat page.

The one rule: whose conversation it is says the door; another's is not found, as one that does not exist.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from manyshot.desk.forms import PROBLEMS
from manyshot.service.door import Door
from manyshot.service.store import Conversation, Event, State
from manyshot.service.talks import LONGEST, MARK, WORD, FullError, Seen, Talks, UnfitError, for_customer
from manyshot.types import Json, Language

#: Seconds between two signs of life while nothing rings; the database is looked at then, too.
ALIVE = 15.0
STREAM = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Begin(Body):
    language: Literal["zh", "en"] | None = Field(None, description="of the assistant's own words")


class Say(Body):
    text: str = Field(description=f"1 to {LONGEST} characters", max_length=4 * LONGEST)
    id: str = Field(
        "", max_length=MARK, pattern=r"^[\x20-\x7e]*$", description="yours; the same one again is the same message"
    )


class Consent(Body):
    step: int = Field(description="of the consent event")
    yes: bool


class Rate(Body):
    reply: int = Field(ge=1, lt=2**31, description="the number of the reply's event")
    up: bool = Field(description="thumb up, or down")
    word: str = Field("", max_length=4 * WORD, description=f"why, at most {WORD} characters; may be left out")


class Rated(BaseModel):
    reply: int = Field(description="the number of the reply's event")
    up: bool


class Begun(BaseModel):
    id: str = Field(description="of the conversation; it cannot be guessed")


class Taken(BaseModel):
    number: int = Field(description="of the message in its conversation, from 1")


class Decided(BaseModel):
    step: int = Field(description="of the consent event")


class Ticket(BaseModel):
    id: str
    fields: dict[str, Any]


class Session(BaseModel):
    """A conversation as its customer sees it. events: number, event (its kind), at, and what that kind has."""

    id: str
    state: State
    ended: bool
    language: Language
    working: bool
    waits: Literal["", "customer", "person"]
    tickets: list[Ticket]
    events: list[dict[str, Any]]


#: Of a route that streams events.
EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


@dataclass(frozen=True, slots=True)
class Service:
    """What all routes share. name: of the model at /v1; language: of the desk; tools: name -> what it does; labels:
    field of a tool or an answer -> what it is; both in words for customers."""

    talks: Talks
    door: Door
    name: str
    language: Language
    tools: Mapping[str, str]
    labels: Mapping[str, str]


def routes(service: Service) -> APIRouter:
    """The session API."""
    talks, door = service.talks, service.door
    api = APIRouter(prefix="/sessions", tags=["sessions"], responses=PROBLEMS)

    def own(request: Request, name: str) -> Conversation:
        try:
            return talks.of(door.customer(request), name)
        except KeyError:
            raise HTTPException(404, "there is no such conversation") from None

    @api.post("", status_code=201, response_model=Begun)
    def begin(request: Request, body: Begin | None = None) -> Json:
        """Begin a conversation."""
        customer = door.customer(request)
        name = talks.begin(customer, (body and body.language) or service.language)
        door.record(customer, "conversation.begin", name)
        return {"id": name}

    @api.post("/{name}/messages", status_code=202, response_model=Taken)
    def message(request: Request, name: str, body: Say) -> Json:
        """Say something. It is kept when this answers; the assistant's answer comes as events."""
        own(request, name)
        return {"number": accepted(lambda: talks.say(name, body.text, body.id))}

    @api.post("/{name}/consent", status_code=202, response_model=Decided)
    def consent(request: Request, name: str, body: Consent) -> Json:
        """Say whether a call may be made that the customer was asked about."""
        about = own(request, name)
        if about.waits != "customer" or not talks.agree(name, body.step, yes=body.yes, by="customer"):
            raise HTTPException(409, "nothing is asked of the customer now")
        door.record(about.customer, "call.agreed" if body.yes else "call.refused", name)
        return {"step": body.step}

    @api.post("/{name}/feedback", response_model=Rated)
    def feedback(request: Request, name: str, body: Rate) -> Json:
        """Say whether a reply was good. A later word on the same reply counts instead."""
        about = own(request, name)
        try:
            talks.rate(name, body.reply, up=body.up, word=body.word)
        except KeyError:
            raise HTTPException(404, "there is no reply of that number") from None
        except UnfitError as error:
            raise HTTPException(422, str(error)) from None
        door.record(about.customer, "reply.rated", name)
        return {"reply": body.reply, "up": body.up}

    @api.get("/{name}", response_model=Session)
    def session(request: Request, name: str) -> Json:
        """Where a conversation stands, with all that the customer may see."""
        about = own(request, name)
        door.record(about.customer, "conversation.read", name)
        return shown(about, talks.store.events(name))

    @api.get("/{name}/events", response_class=StreamingResponse, responses=EVENTS)
    async def events(
        request: Request, name: str, after: Annotated[int, Query(ge=0, description="events up to here are known")] = 0
    ) -> Response:
        """What happens, as server-sent events; with Last-Event-ID it goes on where the connection broke."""
        await run_in_threadpool(own, request, name)
        return StreamingResponse(
            stream(talks, name, last_seen(request, after), for_customer), media_type="text/event-stream", headers=STREAM
        )

    return api


def accepted(put: Callable[[], int]) -> int:
    """The number of a message. HTTPException for one that is not taken."""
    try:
        return put()
    except UnfitError as error:
        raise HTTPException(422, str(error)) from None
    except FullError as error:
        raise HTTPException(409, str(error)) from None


def last_seen(request: Request, after: int) -> int:
    said = request.headers.get("last-event-id", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else after


def shown(about: Conversation, events: list[Event]) -> Json:
    """A conversation as its customer sees it."""
    seen = [one for event in events if (one := for_customer(event)) is not None]
    return {
        "id": about.id,
        "state": about.state,
        "ended": about.ended,
        "language": about.language,
        "working": about.heard < about.messages and about.waits != "customer",
        "waits": about.waits,
        "tickets": [{"id": card["id"], "fields": card["fields"]} for card in about.tickets],
        "events": [{"number": one.number, "event": one.kind, **one.data} for one in seen],
    }


async def stream(talks: Talks, name: str, after: int, view: Callable[[Event], Seen | None]) -> AsyncIterator[str]:
    """Events from `after` on, as long as somebody listens."""
    loop, rung = asyncio.get_running_loop(), asyncio.Event()
    end = talks.store.bells.listen(name, lambda: _ring(loop, rung))
    try:
        yield "retry: 1000\n\n"
        while True:
            rung.clear()
            found = await run_in_threadpool(talks.store.events, name, after)
            for event in found:
                after = event.number
                if (seen := view(event)) is not None:
                    yield sent(seen)
            if found:
                continue
            try:
                await asyncio.wait_for(rung.wait(), ALIVE)
            except TimeoutError:
                yield ": alive\n\n"
    finally:
        end()


def sent(seen: Seen) -> str:
    data = json.dumps(seen.data, ensure_ascii=False)
    return f"id: {seen.number}\nevent: {seen.kind}\ndata: {data}\n\n"


def _ring(loop: asyncio.AbstractEventLoop, rung: asyncio.Event) -> None:
    """From another thread; a loop that is closed has nobody who waits."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(rung.set)


async def settled(talks: Talks, name: str, number: int, seconds: float) -> Conversation | None:
    """The conversation when a message was taken in, or when somebody's yes is wanted for it; None when that took too
    long."""
    loop, rung = asyncio.get_running_loop(), asyncio.Event()
    end = talks.store.bells.listen(name, lambda: _ring(loop, rung))
    until = loop.time() + seconds
    try:
        while True:
            rung.clear()
            about = await run_in_threadpool(talks.store.find, name)
            if about is not None and about.rests(number):
                return about
            left = until - loop.time()
            if left <= 0:
                return None
            try:
                await asyncio.wait_for(rung.wait(), min(ALIVE, left))
            except TimeoutError:
                continue
    finally:
        end()


def json_error(status: int, message: str, **more: Any) -> JSONResponse:
    return JSONResponse({"error": {"message": message, **more}}, status)
