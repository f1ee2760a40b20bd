"""A question that brings its own functions -> calls: what a benchmark asks, of a local model or of an endpoint.

One rule: what the model wrote is taken as it stands. Nothing is learnt from shots here, for there are none.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from manyshot.acting import Reader
from manyshot.chat_calls import read_arguments
from manyshot.data.slots import slots_of
from manyshot.errors import RefusedError, SpecError
from manyshot.grammar import for_tools
from manyshot.parse import read_call
from manyshot.protocols import Chat, Model
from manyshot.render import Tokenizer, Values, branch_ids, fold, prefix_ids
from manyshot.types import NO_TOOL, Context, Json, Record, Tool

#: Longest answer in tokens: some arguments are whole paragraphs.
MAX_TOKENS = 512


class Answered(Record):
    """One answer. `calls`: [{name: arguments}], [] for none; None where what was written is no call (`fault`)."""

    calls: list[dict[str, Json]] | None
    fault: str = ""
    raw: str = ""
    ms: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0


class Caller(Protocol):
    """Answers a question with some of the functions that come with it."""

    def answer(self, messages: Sequence[Json], tools: Sequence[Tool]) -> Answered:
        """Raises ModelError where no question will be answered; never for what the model writes."""
        ...


class ChatCaller:
    """A chat model with functions, reached through an endpoint. It may make several calls."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def answer(self, messages: Sequence[Json], tools: Sequence[Tool]) -> Answered:
        """See Caller. Arguments that are no JSON object spoil the answer, as with the leaderboard."""
        try:
            reply = self._chat.reply(messages, tools)
        except RefusedError as error:  # of this request alone, as by a filter
            return Answered(calls=None, fault=str(error))
        calls: list[dict[str, Json]] | None = []
        fault = "" if reply.asked else "called nothing"
        for asked in reply.asked:
            arguments = read_arguments(asked.arguments)
            if arguments is None:
                fault = fault or f"{asked.name}: arguments are no JSON object"
            elif calls is not None:
                calls.append({asked.name: arguments})
        raw = "\n".join([*([reply.text] if reply.text else []), *(f"{a.name}{a.arguments}" for a in reply.asked)])
        return Answered(
            calls=None if fault else calls,
            fault=fault,
            raw=raw.encode("utf-8", "replace").decode(),
            ms=reply.ms,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
        )


class ModelCaller:
    """A local model under this project's own prompt, which has room for one call.

    values: "final" where it writes typed values itself; "span" where it was trained to copy words and code reads them.
    """

    def __init__(
        self,
        model: Model,
        tokenizer: Tokenizer,
        *,
        adapter: str | None,
        values: Values,
        grammar: bool,
        context_tokens: int,
    ) -> None:
        self._model, self._tokenizer, self._adapter = model, tokenizer, adapter
        self._values, self._grammar, self._room = values, grammar, context_tokens - MAX_TOKENS
        self._context = Context(today=datetime(2024, 1, 1, tzinfo=UTC), language="en")

    def answer(self, messages: Sequence[Json], tools: Sequence[Tool]) -> Answered:
        """See Caller."""
        action = fold("\n".join(str(one.get("content") or "") for one in messages))
        prompt = [*prefix_ids(self._tokenizer, tools, "en"), *branch_ids(self._tokenizer, action)]
        if len(prompt) > self._room:
            return Answered(calls=None, fault=f"the question has {len(prompt)} tokens, there is room for {self._room}")
        began = time.perf_counter()
        try:
            grammar = self._frame(tools, action) if self._grammar else None
            reader = self._reader(tools) if self._values == "span" else None
        except (SpecError, ValueError, LookupError, TypeError, RecursionError) as error:
            return Answered(calls=None, fault=f"its functions cannot be offered: {error}")
        done = self._model.complete(prompt, grammar=grammar, max_tokens=MAX_TOKENS, adapter=self._adapter, stop=("\n",))
        calls, fault = _read(done.text, action, reader)
        return Answered(
            calls=calls,
            fault=fault,
            raw=done.text,
            ms=round((time.perf_counter() - began) * 1000, 1),
            tokens_in=done.tokens_in,
            tokens_out=done.tokens_out,
        )

    def _frame(self, tools: Sequence[Tool], action: str) -> str:
        copied = action if self._values == "span" and action else None
        # Without examples an untuned model leaves out what it is asked for; one that was trained knows when to.
        return for_tools(tools, values=self._values, spans_of=copied, require=self._values == "final")

    def _reader(self, tools: Sequence[Tool]) -> Reader:
        return Reader({tool.name: slots_of(tool, self._context) for tool in tools}, {}, None, "span")


def _read(text: str, action: str, reader: Reader | None) -> tuple[list[dict[str, Json]] | None, str]:
    """Calls, and what was wrong. A question back is no call."""
    if reader is not None:
        answer = reader.read(text, action)
        if answer.fault:
            return None, answer.fault
        fault = f"asked back for {', '.join(answer.ask)}" if answer.ask else ""
        return [{call.name: call.arguments} for call in answer.calls], fault
    try:
        name, arguments = read_call(text.strip())
    except ValueError as error:
        return None, str(error)
    return ([] if name == NO_TOOL else [{name: arguments}]), ""
