"""/v1: the assistant as a model behind OpenAI's chat completions. The official client works with it as it is.

Two ways. With `tools` in the request the caller makes the calls: the answer is a tool call, until there is a reply.
Without, the assistant makes them itself, in a conversation of its own that is found again by the history that comes
with the next request.

The one rule: a history is only ever gone on with from its end. Calls were made on the way, and cannot be unmade.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import takewhile
from threading import Lock
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from manyshot.dialogue.exact import read_observation
from manyshot.errors import ModelError
from manyshot.protocols import Stepwise
from manyshot.service import openai_forms
from manyshot.service.graph import Opener, seed_of
from manyshot.service.sessions import STREAM, Service, settled
from manyshot.service.store import Conversation
from manyshot.service.talks import LONGEST, FullError, UnfitError, fit
from manyshot.service.words import say
from manyshot.types import Call, Json, Observation

#: Seconds for an answer, between two signs of life while it is made, and in which a retry finds what it began.
PATIENCE, ALIVE, RETRY = 150.0, 2.0, 600.0
#: Messages of a request, and histories that are kept ready where the caller makes the calls.
MESSAGES, KEPT = 500, 1000
#: Calls in a row of tools that the caller does not offer.
UNKNOWN = 3


class ApiError(Exception):
    """An error in OpenAI's form."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param

    def response(self) -> JSONResponse:
        return JSONResponse({"error": self.body}, self.status)

    @property
    def body(self) -> Json:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"message": self.message, "type": kind, "param": self.param, "code": self.code}


class _Given(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Function(_Given):
    name: str
    arguments: str = ""


class ToolCall(_Given):
    id: str
    function: Function


class ChatMessage(_Given):
    role: str
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """Its words. ApiError for parts that are no text."""
        if isinstance(self.content, list):
            if strange := next((part for part in self.content if part.get("type") not in ("text", "refusal")), None):
                raise ApiError(
                    400, f"wanted text, got a part of type {str(strange.get('type'))[:40]!r}", param="messages"
                )
            return _readable("\n".join(str(part.get("text", "")) for part in self.content))
        return _readable(self.content or "")


def _readable(text: str) -> str:
    """Without halves of characters, which cannot be sent back."""
    return text.encode("utf-8", "replace").decode()


class StreamOptions(_Given):
    include_usage: bool = False


class ChatRequest(_Given):
    """Of OpenAI's request what has a meaning here; sampling parameters have none and are passed over."""

    model: str
    messages: list[ChatMessage] = Field(min_length=1, max_length=MESSAGES)
    stream: bool = False
    stream_options: StreamOptions | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    n: int | None = 1
    user: str | None = Field(None, max_length=200)


#: The body is read by hand, so that errors come in OpenAI's form; the OpenAPI file says what it has to be.
_ASKED = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": openai_forms.inlined(ChatRequest.model_json_schema())}},
    }
}


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: words, or calls that the caller is to make."""

    text: str
    calls: tuple[tuple[str, Call], ...] = ()
    about: Json | None = None

    @property
    def finish(self) -> str:
        return "tool_calls" if self.calls else "stop"


def routes(service: Service, opener: Opener) -> APIRouter:
    """/v1/models and /v1/chat/completions."""
    api = APIRouter(prefix="/v1", tags=["openai"], responses=openai_forms.REFUSED)
    door, begun = service.door, int(time.time())
    caller, own = CallersTools(opener), OwnCalls(service)
    model = {"id": service.name, "object": "model", "created": begun, "owned_by": "manyshot"}

    @api.get("/models", response_model=openai_forms.Models)
    def models(request: Request) -> Json:
        door.client(request)
        return {"object": "list", "data": [model]}

    @api.get("/models/{name}", response_model=openai_forms.Model)
    def one(request: Request, name: str) -> Json:
        door.client(request)
        if name != service.name:
            raise _unknown(name, service.name)
        return model

    @api.post("/chat/completions", responses=openai_forms.ANSWERED, openapi_extra=_ASKED)
    async def complete(request: Request) -> Response:
        client = await run_in_threadpool(door.client, request)
        asked = _read(await request.body(), service.name)
        if asked.tools:
            answer = await run_in_threadpool(caller.answer, asked)
            return _whole(asked, answer) if not asked.stream else _streamed(asked, _at_once(answer))
        customer = await run_in_threadpool(door.speaks_for, request, asked.user or "")
        again = request.headers.get("idempotency-key", ""), request.headers.get("x-stainless-retry-count", "0") != "0"
        place = await run_in_threadpool(own.accept, asked, client, customer, *again)
        await run_in_threadpool(door.record, client, "conversation.message", place.name)
        if asked.stream:
            return _streamed(asked, own.parts(place))
        return _whole(asked, await own.answer(place))

    return api


def _read(body: bytes, name: str) -> ChatRequest:
    try:
        asked = ChatRequest.model_validate(json.loads(body.decode("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ApiError(400, f"{where}: {first['msg'].lower()}", param=where) from None
    except (ValueError, RecursionError):
        raise ApiError(400, "the body is no JSON") from None
    if asked.model != name:
        raise _unknown(asked.model, name)
    if asked.tool_choice not in (None, "auto") and asked.tools:
        raise ApiError(400, "which tool is called says the flow: tool_choice has to be auto", param="tool_choice")
    if asked.n not in (None, 1):
        raise ApiError(400, "one answer a request: n has to be 1", param="n")
    return asked


def _unknown(name: str, known: str) -> ApiError:
    return ApiError(404, f"there is no model {name[:80]!r} here; there is {known!r}", "model_not_found", "model")


# the assistant makes the calls


@dataclass(frozen=True, slots=True)
class Place:
    """A message in a conversation. `history`: who asks, and all that was said up to it."""

    name: str
    number: int
    history: tuple[str, ...]
    #: The number of the message's event; what is answered stands behind it.
    event: int


class OwnCalls:
    """Requests without tools."""

    def __init__(self, service: Service) -> None:
        self._talks, self._store, self._language = service.talks, service.talks.store, service.language

    def accept(self, asked: ChatRequest, client: str, customer: str, key: str, retried: bool) -> Place:
        """Take the last message in. ApiError for a history that is not one of ours, or went on since."""
        said = [(m.role, m.text) for m in asked.messages if m.role in ("user", "assistant")]
        if asked.messages[-1].role != "user":
            raise ApiError(400, "the last message has to be the user's", param="messages")
        try:
            text = fit(said[-1][1])
            who = (client, customer)
            history = (*who, *(part for pair in said for part in pair))
            name, old = self._conversation(who, said[:-1], history, key, retried)
            number = old or self._talks.say(name, text, _digest(history))
        except UnfitError as error:
            raise ApiError(400, str(error), param="messages") from None
        except FullError as error:
            raise ApiError(409, str(error), "conversation_closed") from None
        self._store.remember(_digest(history), name, number)
        if len(said) == 1:
            self._store.remember(_digest((*history, "opens", key)), name, number)
        return Place(name, number, history, self._store.event_of(name, number))

    def _conversation(
        self, who: tuple[str, str], before: Sequence[tuple[str, str]], whole: Sequence[str], key: str, retried: bool
    ) -> tuple[str, int]:
        """The conversation of a history, and the number that the message has in it already; 0: it is new."""
        if not before:
            found = self._store.recall(_digest((*whole, "opens", key))) if key or retried else None
            if found and time.time() - self._about(found[0]).made_at < RETRY:
                return found
            return self._talks.begin(who[1], self._language, who[0]), 0
        if found := self._store.recall(_digest(whole)):
            return found  # the same request again
        found = self._store.recall(_digest((*who, *(part for pair in before for part in pair))))
        if found is None:
            raise ApiError(
                409, "this history is not one of this assistant's: begin with one message of the user's, and send its "
                "replies back as they came; or give tools, and make the calls yourself", "history_unknown", "messages",
            )  # fmt: skip
        name, number = found
        if self._about(name).messages != number:
            raise ApiError(
                409, "the conversation went on since; its calls cannot be unmade", "history_passed", "messages"
            )
        return name, 0

    def _about(self, name: str) -> Conversation:
        about = self._store.find(name)
        assert about is not None
        return about

    async def answer(self, place: Place) -> Answered:
        about = await settled(self._talks, place.name, place.number, PATIENCE)
        if about is None:
            raise ApiError(504, "there is no answer yet; ask again with the same messages", "timeout")
        return await run_in_threadpool(self._answered, place, about)

    def _answered(self, place: Place, about: Conversation) -> Answered:
        later = self._store.events(place.name, place.event)
        events = takewhile(lambda event: event.kind != "user", later)  # of a request that is made again, too
        text = "\n".join(event.text for event in events if event.kind in ("reply", "staff"))
        if not text:
            key = {"customer": "ask_yes", "person": "ask_person"}.get(about.waits, "queue")
            text = say(about.language, key)
        self._store.remember(_digest((*place.history, "assistant", text)), place.name, place.number)
        more = {"session": about.id, "state": about.state, "ended": about.ended, "waits": about.waits}
        return Answered(text, about=more)

    async def parts(self, place: Place) -> AsyncIterator[Answered | None]:
        """None for a sign of life, then the answer."""
        until = time.monotonic() + PATIENCE
        yield None
        while time.monotonic() < until:
            about = await settled(self._talks, place.name, place.number, ALIVE)
            if about is not None:
                yield await run_in_threadpool(self._answered, place, about)
                return
            yield None
        raise ApiError(504, "there is no answer yet; ask again with the same messages", "timeout")


def _digest(parts: Sequence[str]) -> str:
    return sha256(json.dumps(list(parts)).encode()).hexdigest()


# the caller makes the calls


class CallersTools:
    """Requests with tools. Nothing is kept that the history does not say; the last ones are only kept ready."""

    def __init__(self, opener: Opener) -> None:
        self._opener, self._lock = opener, Lock()
        self._kept: OrderedDict[str, Json] = OrderedDict()

    def answer(self, asked: ChatRequest) -> Answered:
        names = {str((tool.get("function") or {}).get("name", "")) for tool in asked.tools or ()}
        said = [message for message in asked.messages if message.role not in ("system", "developer")]
        if not said or said[-1].role not in ("user", "tool"):
            raise ApiError(400, "the last message has to be the user's or a tool's", param="messages")
        first = said[0].text
        one, at = self._ready(said, names, first)
        pending, spoken = _pending(one), len(one.turns)
        try:
            for message in said[at:]:
                spoken = len(one.turns)
                pending = self._heard(one, message, pending, names)
        except ModelError:
            raise ApiError(503, "the model does not answer", "model_gone") from None
        self._keep(said, names, one)
        if pending is not None:
            return Answered("", ((f"call_{_digest([first, str(len(one.turns))])[:24]}", pending),))
        text = "\n".join(turn.text for turn in one.turns[spoken:] if turn.role == "reply")
        return Answered(
            text, about={"state": "queue" if one.over == "handoff" else "open", "ended": one.over == "ended"}
        )

    def _heard(self, one: Stepwise, message: ChatMessage, pending: Call | None, names: set[str]) -> Call | None:
        """Take one message in; the call that is to be made then."""
        match message.role:
            case "user":
                if pending is not None:
                    raise ApiError(400, f"the call of {pending.name} has no tool message yet", param="messages")
                try:
                    call = one.listen(fit(message.text))
                except UnfitError as error:
                    raise ApiError(400, str(error), param="messages") from None
            case "tool":
                if pending is None:
                    raise ApiError(400, "a tool message answers no call", param="messages")
                call = one.observe(_observation(message.text))
            case "assistant":
                wanted = [call.function.name for call in message.tool_calls or ()]
                if wanted != ([pending.name] if pending else []):
                    raise ApiError(409, "this history is not one of this assistant's", "history_unknown", "messages")
                return pending
            case _:
                raise ApiError(400, f"unknown role {message.role[:20]!r}", param="messages")
        for _ in range(UNKNOWN):
            if call is None or call.name in names:
                return call
            call = one.observe(Observation(status=404, body={"error": f"the caller has no tool {call.name}"}))
        if call is not None:
            one.stop("the caller has not the tools that are needed")
        return None

    def _ready(self, said: Sequence[ChatMessage], names: set[str], first: str) -> tuple[Stepwise, int]:
        """The assistant as far as a history was gone through before, and how many of its messages that are."""
        one = self._opener(seed_of(first))
        for at in range(len(said) - 1, 0, -1):
            with self._lock:
                saved = self._kept.get(_history(said[:at], names))
            if saved is not None:
                one.load(saved)
                return one, at
        return one, 0

    def _keep(self, said: Sequence[ChatMessage], names: set[str], one: Stepwise) -> None:
        with self._lock:
            self._kept[_history(said, names)] = one.save()
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


def _pending(one: Stepwise) -> Call | None:
    """The call that an assistant waits for."""
    return one.turns[-1].call if one.turns else None


def _history(said: Sequence[ChatMessage], names: set[str]) -> str:
    rows = [[m.role, m.text, *((c.function.name, c.function.arguments) for c in m.tool_calls or ())] for m in said]
    return _digest([json.dumps(rows), json.dumps(sorted(names))])


def _observation(text: str) -> Observation:
    """What a tool answered. Words that begin with Error are a failure, as frameworks write them."""
    if (exact := read_observation(text)) is not None:
        return exact
    if text.lstrip().lower().startswith("error"):
        return Observation(status=500, body={"error": text[:LONGEST]})
    return Observation(body={"result": text[:LONGEST]})


# the forms


def _message(answer: Answered) -> Json:
    made: Json = {"role": "assistant", "content": answer.text or None}
    if answer.calls:
        made["tool_calls"] = [_tool_call(name, call) for name, call in answer.calls]
    return made


def _tool_call(name: str, call: Call) -> Json:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    return {"id": name, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _heading(asked: ChatRequest, kind: str) -> Json:
    return {"id": f"chatcmpl-{uuid4().hex}", "object": kind, "created": int(time.time()), "model": asked.model}


#: Tokens are the model's own matter here; a guided assistant asks none.
_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def _whole(asked: ChatRequest, answer: Answered) -> Response:
    choice = {"index": 0, "message": _message(answer), "logprobs": None, "finish_reason": answer.finish}
    made = {**_heading(asked, "chat.completion"), "choices": [choice], "usage": _USAGE}
    return JSONResponse({**made, "manyshot": answer.about} if answer.about else made)


async def _at_once(answer: Answered) -> AsyncIterator[Answered | None]:
    yield answer


def _streamed(asked: ChatRequest, parts: AsyncIterator[Answered | None]) -> Response:
    return StreamingResponse(_chunks(asked, parts), media_type="text/event-stream", headers=STREAM)


async def _chunks(asked: ChatRequest, parts: AsyncIterator[Answered | None]) -> AsyncIterator[str]:
    heading = _heading(asked, "chat.completion.chunk")

    def chunk(delta: Json, finish: str | None = None) -> str:
        return _data({**heading, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]})

    yield chunk({"role": "assistant", "content": ""})
    try:
        async for part in parts:
            if part is None:
                yield ": working\n\n"
                continue
            if part.text:
                yield chunk({"content": part.text})
            for n, (name, call) in enumerate(part.calls):
                yield chunk({"tool_calls": [{"index": n, **_tool_call(name, call)}]})
            yield chunk({}, part.finish)
    except ApiError as error:
        yield _data({"error": error.body})
    if asked.stream_options and asked.stream_options.include_usage:
        yield _data({**heading, "choices": [], "usage": _USAGE})
    yield "data: [DONE]\n\n"


def _data(content: Json) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"
