"""Call pairs in the forms of OpenAI, ShareGPT and Alpaca. One rule: the answer is the final call, as the acting model's
prompt would have it after its words are read; "no tool" is ``none{}``, and a question back is ``Ask: field, ...``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from manyshot.dataset import openai
from manyshot.dataset.forms import META, Form, Setting, leave, texts, write_tools
from manyshot.dataset.sharegpt import functions
from manyshot.parse import read_call, write_call
from manyshot.types import NO_TOOL, Call, CallPair, Json, Refusal

_ASK = re.compile(r"Ask: (?P<fields>[^\n]+)(?:\nCall: (?P<call>.+))?", re.DOTALL)
_FIELDS = re.compile(r"\s*,\s*")
_REFUSED = "\nRefused: "


def _answer(call: Call | None, ask: Sequence[str]) -> str:
    """What is to be answered, as text."""
    if ask:
        said = f"Ask: {', '.join(ask)}"
        return said if call is None else f"{said}\nCall: {write_call(call.name, call.arguments)}"
    return write_call(NO_TOOL, {}) if call is None else write_call(call.name, call.arguments)


def _read_answer(text: str) -> Json:
    if found := _ASK.fullmatch(text):
        call = _call(found["call"]) if found["call"] else None
        return {"ask": tuple(_FIELDS.split(found["fields"])), "call": call}
    return {"call": _call(text)}


def _call(text: str) -> Call | None:
    name, arguments = read_call(text)
    return None if name == NO_TOOL else Call(name=name, arguments=arguments)


# OpenAI


def _write_openai(one: CallPair, setting: Setting) -> Json:
    said: list[Json] = [{"role": "user", "content": one.action}]
    for n, refused in enumerate(one.history, 1):
        calls = [openai.tool_call(refused.call, f"call_{n}")]
        said += [
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": f"call_{n}", "content": refused.error},
        ]
    if one.call is not None and not one.ask:
        calls = [openai.tool_call(one.call, f"call_{len(one.history) + 1}")]
        said.append({"role": "assistant", "content": None, "tool_calls": calls})
    else:
        said.append({"role": "assistant", "content": _answer(one.call, one.ask)})
    row: Json = {"messages": said}
    return {**row, "tools": write_tools(setting.tools)} if setting.tools else row


def _read_openai(row: Json, left: list[str]) -> Json:
    leave(row, ("messages", "tools", META), left)
    found = row.get("messages")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"messages: wanted a list of objects, found {str(found)[:80]}")
    said = [one for one in found if one.get("role") not in ("system", "developer")]
    left += ["messages: system message"] * (len(said) < len(found))
    if len(said) < 2 or len(said) % 2 or said[0].get("role") != "user" or said[-1].get("role") != "assistant":
        raise ValueError("messages: wanted a user's message and the assistant's answer, with refused calls between")
    history = []
    for asked, answer in zip(said[1:-1:2], said[2:-1:2], strict=True):
        if asked.get("role") != "assistant" or answer.get("role") != "tool":
            raise ValueError("messages: between question and answer: wanted calls and a tool's words about each")
        history.append(Refusal(call=_one_call(asked), error=openai.content(answer)))
    last = said[-1]
    fields = {"call": _one_call(last)} if last.get("tool_calls") else _read_answer(openai.content(last))
    return _pair(openai.content(said[0]), tuple(history), fields)


def _one_call(message: Json) -> Call:
    found: Any = message.get("tool_calls")
    if not isinstance(found, list) or len(found) != 1:
        raise ValueError(f"tool_calls: wanted one call, found {str(found)[:80]}")
    return openai.read_tool_call(found[0])[1]


def _write_table(one: CallPair, setting: Setting) -> Json:
    return {**_write_openai(one, setting), "tools": functions(setting)}


# ShareGPT


def _write_sharegpt(one: CallPair, setting: Setting) -> Json:
    said = [{"from": "human", "value": one.action}]
    for refused in one.history:
        said += [{"from": "function_call", "value": _exact(refused.call)}]
        said += [{"from": "observation", "value": refused.error}]
    if one.call is not None and not one.ask:
        said.append({"from": "function_call", "value": _exact(one.call)})
    else:
        said.append({"from": "gpt", "value": _answer(one.call, one.ask)})
    return {"conversations": said, "tools": functions(setting)}


def _exact(call: Call) -> str:
    return json.dumps({"name": call.name, "arguments": call.arguments}, ensure_ascii=False, allow_nan=False)


def _read_sharegpt(row: Json, left: list[str]) -> Json:
    leave(row, ("conversations", "tools", META), left)
    found = row.get("conversations")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"conversations: wanted a list of objects, found {str(found)[:80]}")
    said = [texts(one, "from", "value") for one in found if one.get("from") != "system"]
    left += ["conversations: system message"] * (len(said) < len(found))
    kinds = [kind for kind, _ in said]
    between = ["function_call", "observation"] * ((len(kinds) - 2) // 2)
    if kinds[:-1] != ["human", *between] or kinds[-1] not in ("gpt", "function_call"):
        raise ValueError(f"conversations: wanted human, refused calls, gpt or function_call; found {', '.join(kinds)}")
    history = tuple(
        Refusal(call=_called(call), error=error)
        for (_, call), (_, error) in zip(said[1:-1:2], said[2:-1:2], strict=True)
    )
    kind, last = said[-1]
    return _pair(said[0][1], history, {"call": _called(last)} if kind == "function_call" else _read_answer(last))


def _called(value: str) -> Call:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"conversations: wanted a call as JSON, found {value[:80]!r} ({error})") from None
    return openai.read_tool_call({"function": found})[1]


# Alpaca


def _write_alpaca(one: CallPair, setting: Setting) -> Json:
    refused = [f"{write_call(r.call.name, r.call.arguments)} {r.error}" for r in one.history]
    asked = _REFUSED.join([one.action, *refused])
    return {"instruction": setting.prompt, "input": asked, "output": _answer(one.call, one.ask)}


def _read_alpaca(row: Json, left: list[str]) -> Json:
    leave(row, ("instruction", "input", "output", META), left)
    instruction, output = texts(row, "instruction", "output")
    asked = texts(row, "input")[0] if row.get("input") else instruction
    action, *refused = asked.split(_REFUSED)
    return _pair(action, tuple(map(_refusal, refused)), _read_answer(output))


def _refusal(text: str) -> Refusal:
    """`Name{...} words`: the arguments end where JSON ends."""
    for end in (found.end() for found in re.finditer(r"\}(?= )", text)):
        try:
            call = _call(text[:end])
        except ValueError:
            continue
        if call is not None:
            return Refusal(call=call, error=text[end + 1 :])
    raise ValueError(f"input: wanted Refused: Name{{...}} and the reason, found {text[:80]!r}")


def _pair(action: str, history: tuple[Refusal, ...], fields: Json) -> Json:
    call = fields["call"]
    return {
        "kind": "imported", "action": action, "history": history, "surfaces": {},
        "group": f"{call.name if call else NO_TOOL}/imported:{action}", **fields,
    }  # fmt: skip


OPENAI = Form("openai", CallPair, _write_openai, _read_openai, has_meta=False)
SHAREGPT = Form("sharegpt", CallPair, _write_sharegpt, _read_sharegpt)
ALPACA = Form("alpaca", CallPair, _write_alpaca, _read_alpaca)
TABLE = Form("parquet", CallPair, _write_table, _read_openai)
