"""Dialogues in OpenAI's fine-tuning form: `messages` with `tool_calls`, and `tools`. One rule: nothing else stands in
a row, because the endpoint refuses rows with extra fields.

The assistant's Think and the words of its Action are the message's `content`, its call stands beside them in
`tool_calls`. Turns behind the assistant's last word are left out: there is no loss on them, and the endpoint wants the
assistant to have the last word.

Source: FineTuneChatRequestInput of OpenAI's API description; chat messages of its guide to fine-tuning.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from manyshot.dataset import blocks
from manyshot.dataset.forms import META, Form, Setting, leave, write_tools
from manyshot.types import Call, Json, Trajectory, Turn

_CALL_ID = "call_{}"


def messages(turns: Sequence[Turn]) -> list[Json]:
    """Turns as messages, all of them."""
    out: list[Json] = []
    groups = blocks.sides(turns)
    calls = 0
    for n, group in enumerate(groups):
        if blocks.ours(group[0]):
            answered = n + 1 < len(groups) and groups[n + 1][0].role == "observation"
            native = group[-1].call if answered or n == len(groups) - 1 else None
            calls += native is not None
            out.append(_assistant(group, _CALL_ID.format(calls) if native else ""))
            continue
        native_before = bool(out) and "tool_calls" in out[-1]
        for place, turn in enumerate(group):
            if turn.role == "observation" and place == 0 and native_before:
                content = blocks.write([turn], "observation")
                out.append({"role": "tool", "tool_call_id": _CALL_ID.format(calls), "content": content})
            else:
                out.append({"role": "user", "content": blocks.write([turn], "user")})
    return out


def _assistant(group: list[Turn], call_id: str) -> Json:
    """One message. call_id: the last turn's call goes into `tool_calls` under this id; "" for none."""
    if not call_id:
        return {"role": "assistant", "content": blocks.write(group, "reply")}
    call = group[-1].call
    assert call is not None
    said = blocks.beside_call(group) or None
    return {"role": "assistant", "content": said, "tool_calls": [tool_call(call, call_id)]}


def tool_call(call: Call, call_id: str) -> Json:
    arguments = json.dumps(call.arguments, ensure_ascii=False, allow_nan=False)
    return {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def trained(turns: Sequence[Turn]) -> Sequence[Turn]:
    """The turns up to the assistant's last one. ValueError when it says nothing."""
    last = next((n for n in range(len(turns) - 1, -1, -1) if blocks.ours(turns[n])), None)
    if last is None:
        raise ValueError("the assistant says nothing in it, so there is nothing to train on")
    return turns[: last + 1]


def _write(one: Trajectory, setting: Setting) -> Json:
    row: Json = {"messages": messages(trained(one.turns))}
    return {**row, "tools": write_tools(setting.tools)} if setting.tools else row


def write_all(one: Trajectory, setting: Setting) -> Json:
    """As the form for fine-tuning, with what stands behind the assistant's last word; tools as JSON text."""
    return {"messages": messages(one.turns), "tools": json.dumps(write_tools(setting.tools), ensure_ascii=False)}


def read(row: Json, left: list[str]) -> Json:
    """A row's dialogue; a system message and other fields are listed as left. Raises ValueError."""
    leave(row, ("messages", "tools", META), left)
    found = row.get("messages")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"messages: wanted a list of objects, found {str(found)[:80]}")
    return {"turns": list(_turns(found, left))}


def _turns(found: Sequence[Json], left: list[str]) -> Iterator[Turn]:
    n = 0
    while n < len(found):
        message, role = found[n], found[n].get("role")
        n += 1
        try:
            if role == "user":
                leave(message, ("role", "content"), left, "messages.")
                yield from blocks.read(content(message), "user")
            elif role == "assistant":
                answers = list(takewhile(lambda one: one.get("role") == "tool", found[n:]))
                n += len(answers)
                yield from _assistants(message, answers, left)
            elif role in ("system", "developer"):
                left.append(f"messages: {role} message")
            elif role == "tool":
                raise ValueError("role: a tool's answer without a call before it")
            else:
                raise ValueError(f"role: wanted system, user, assistant or tool, found {str(role)[:80]}")
        except ValueError as error:
            raise ValueError(f"messages[{n - 1}].{error}") from None


def _assistants(message: Json, answers: Sequence[Json], left: list[str]) -> Iterator[Turn]:
    """What the assistant says, its calls one after another, each with its answer."""
    leave(message, ("role", "content", "tool_calls"), left, "messages.")
    calls = _calls(message)
    given = _answers(answers, [name for name, _ in calls])
    if len(calls) > 1:
        left.append("messages: calls at the same time (they follow one another now)")
    said = message.get("content") or "" if calls else content(message)
    for n, (name, call) in enumerate(calls or [("", None)]):
        if n or (call and not said):
            yield Turn(role="action", text="", call=call)
        else:
            yield from blocks.read(content({"content": said}), "think" if call else "reply", call=call)
        if name in given:
            leave(given[name], ("role", "content", "tool_call_id"), left, "messages.")
            yield from blocks.read(content(given[name]), "observation")


def _answers(answers: Sequence[Json], ids: Sequence[str]) -> dict[str, Json]:
    """Messages of tools by the id of their call."""
    given: dict[str, Json] = {}
    for one in answers:
        name = str(one.get("tool_call_id"))
        if name not in ids or name in given:
            wanted = f"one answer to each of {', '.join(ids)}" if ids else "no answer, because nothing was called"
            raise ValueError(f"tool_calls: wanted {wanted}; found one to {name[:80]}")
        given[name] = one
    return given


def _calls(message: Json) -> list[tuple[str, Call]]:
    found = message.get("tool_calls") or []
    if not isinstance(found, list):
        raise ValueError(f"tool_calls: wanted a list, found {str(found)[:80]}")
    return [read_tool_call(one) for one in found]


def read_tool_call(one: Any) -> tuple[str, Call]:
    """(id, call). Raises ValueError."""
    inner = one.get("function") if isinstance(one, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise ValueError(f"tool_calls: wanted a function with a name, found {str(one)[:80]}")
    arguments = inner.get("arguments")
    try:
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError) as error:
        raise ValueError(f"tool_calls: {inner['name']}: arguments: bad JSON, {error}") from None
    if not isinstance(arguments, dict):
        raise ValueError(f"tool_calls: {inner['name']}: arguments: wanted an object, found {str(arguments)[:80]}")
    return str(one.get("id")), Call(name=inner["name"], arguments=arguments)


def content(message: Json) -> str:
    """The text of a message: a text, or a list of text parts. Raises ValueError."""
    found = message.get("content")
    if isinstance(found, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in found):
        return "".join(str(part.get("text", "")) for part in found)
    if not isinstance(found, str):
        raise ValueError(f"content: wanted a text, found {str(found)[:80]}")
    return found


OPENAI = Form("openai", Trajectory, _write, read, has_meta=False)
#: The same messages in a table, where every row has the same columns and nothing is left out.
TABLE = Form("parquet", Trajectory, write_all, read)
