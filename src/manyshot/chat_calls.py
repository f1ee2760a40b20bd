"""A chat model in the place of the acting model: an Action goes in as a message, a function call comes out.

One rule: it is judged as every other candidate. Defaults, reject tool and what is missing are found by the same reader;
an argument that no function has stays in its call, and is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rapidfuzz import fuzz, process

from manyshot.acting import Answer, Reader
from manyshot.errors import RefusedError
from manyshot.parse import write_call
from manyshot.protocols import Asked, Chat
from manyshot.render import fold
from manyshot.transcript import day_name
from manyshot.types import NO_TOOL, Call, CallPair, Context, Json, Language, Prediction, Refusal, Tool

#: The function by which it asks for what is missing.
ASK = "ask_for_missing"
_ASK_ABOUT: Mapping[Language, tuple[str, str]] = {
    "zh": ("必填参数没有说到时，改为调用它，列出缺少的参数名。", "缺少的参数名"),
    "en": (
        "Call this instead when required parameters were not said, with the names of those.",
        "names of the missing parameters",
    ),
}
_SYSTEM: Mapping[Language, str] = {
    "zh": "把客户的话变成至多一次函数调用。现在是 {now}，{day}。"
    "参数的值只取自客户的话，不要编造；没说到的可选参数不要填。"
    "必填参数没有说到时调用 {ask}。没有合适的函数时什么也不调用，只回答 {none}。",
    "en": "Turn what the customer says into at most one function call. It is now {now}, {day}. "
    "Take values only from what was said and invent none; leave out optional parameters that were not said. "
    "When required parameters were not said, call {ask}. When no function fits, call nothing and answer only {none}.",
}
_EXAMPLES: Mapping[Language, str] = {"zh": "例子：", "en": "Examples:"}
_REFUSED: Mapping[Language, str] = {
    "zh": "刚才的调用 {call} 被接口拒绝：{error}。请改正。",
    "en": "The call {call} was just refused by the API: {error}. Correct it.",
}


class ChatCalls:
    """Answers actions of one domain through a chat model."""

    def __init__(
        self,
        chat: Chat,
        tools: Sequence[Tool],
        context: Context,
        reader: Reader,
        examples: Sequence[CallPair] = (),
        shots: int = 0,
    ) -> None:
        """reader: one for values that are written out. shots: that many nearest of `examples` are shown."""
        self._chat, self._context, self._reader, self._shots = chat, context, reader, shots
        self._tools = {tool.name: tool for tool in tools}
        self._examples = {pair.action: pair for pair in examples}
        self._asked = [*tools, _asking(context.language)]

    def predict(self, case: str, action: str, history: Sequence[Refusal] = ()) -> Prediction:
        """Answer one action; `case` becomes the prediction's id. Raises ModelError, never for what the model writes."""
        messages = [
            {"role": "system", "content": self._system(action)},
            {"role": "user", "content": self._said(action, history)},
        ]
        try:
            reply = self._chat.reply(messages, self._asked)
        except RefusedError as error:  # of this request alone, as by a filter: the others are asked
            return Prediction(id=case, fault=str(error))
        answers = [self._read(asked, action) for asked in reply.asked]
        calls = tuple(call for answer in answers for call in answer.calls)
        ask = next((answer.ask for answer in answers if answer.ask), None)
        raw = "\n".join([*([reply.text] if reply.text else []), *(f"{a.name}{a.arguments}" for a in reply.asked)])
        return Prediction(
            id=case,
            calls=calls,
            ask=None if calls else ask,
            fault=next((answer.fault for answer in answers if answer.fault), ""),
            ms=reply.ms,
            raw=raw.encode("utf-8", "replace").decode(),
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
        )

    def _system(self, action: str) -> str:
        language = self._context.language
        text = _SYSTEM[language].format(**now(self._context), ask=ASK, none=NO_TOOL)
        if not self._shots:
            return text
        near = process.extract(action, list(self._examples), scorer=fuzz.token_set_ratio, limit=self._shots)
        shown = [f"- {fold(words)} -> {_written(self._examples[words])}" for words, *_ in reversed(near)]
        return "\n".join([text, _EXAMPLES[language], *shown])

    def _said(self, action: str, history: Sequence[Refusal]) -> str:
        refused = (
            _REFUSED[self._context.language].format(call=write_call(r.call.name, r.call.arguments), error=r.error)
            for r in history
        )
        return "\n".join([action, *refused])

    def _read(self, asked: Asked, action: str) -> Answer:
        arguments = read_arguments(asked.arguments)
        if arguments is None:
            return Answer(fault=f"{asked.name}: arguments are no JSON object")
        if asked.name == ASK:
            fields = arguments.get("fields")
            names = [f for f in fields if isinstance(f, str)] if isinstance(fields, list) else []
            return Answer(ask=tuple(dict.fromkeys(names))) if names else Answer(fault=f"{ASK} names no field")
        tool = self._tools.get(asked.name)
        if tool is None:
            return Answer(fault=f"no tool is called {asked.name}")
        if arguments.keys() - tool.properties.keys():
            return Answer(calls=(Call(name=asked.name, arguments=arguments),))
        try:
            return self._reader.read(write_call(asked.name, arguments), action)
        except ValueError as error:
            return Answer(fault=str(error))


def now(context: Context) -> Json:
    """The moment in which a domain lives, in words for a prompt: `now` and `day`."""
    return {"now": context.today.strftime("%Y-%m-%d %H:%M %z").strip(), "day": day_name(context)}


def read_arguments(text: str) -> Json | None:
    """The arguments of a function call as a chat model wrote them; None for what is no JSON object."""
    try:
        found: Any = json.loads(text or "{}", parse_constant=_refuse)
        text.encode("utf-8")
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _asking(language: Language) -> Tool:
    about, fields = _ASK_ABOUT[language]
    return Tool(
        name=ASK,
        description=about,
        parameters={
            "type": "object",
            "properties": {"fields": {"type": "array", "items": {"type": "string"}, "description": fields}},
            "required": ["fields"],
        },
    )


def _written(pair: CallPair) -> str:
    """The right answer to a shot, as an example shows it."""
    if pair.ask:
        return write_call(ASK, {"fields": list(pair.ask)})
    return write_call(pair.call.name, pair.call.arguments) if pair.call else NO_TOOL
