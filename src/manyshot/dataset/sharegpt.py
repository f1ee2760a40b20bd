"""Dialogues in the ShareGPT form with calls, as LLaMA-Factory reads it. One rule: human or observation, then gpt or
function_call, turn by turn; LLaMA-Factory passes over a row where that is not so.

What the assistant thinks before a call stands between <think> marks in front of the call's JSON, where LLaMA-Factory
(0.9.3 and later) takes it for the thought and keeps it.

Source: SharegptDatasetConverter and FunctionFormatter of LLaMA-Factory; data/README.md there.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from manyshot.dataset import blocks
from manyshot.dataset.forms import META, Form, Setting, leave, texts, write_tools
from manyshot.dataset.openai import read_tool_call, trained
from manyshot.types import Call, Json, Role, Trajectory, Turn

_THINK: Final = ("<think>\n", "\n</think>\n\n")
#: What a message of each kind is when it has no labels.
_PLAIN: Final[dict[str, Role]] = {"human": "user", "observation": "observation", "gpt": "reply"}
_CUSTOMER, _ASSISTANT = ("human", "observation"), ("gpt", "function_call")


def pairs_of(turns: Sequence[Turn]) -> list[list[Turn]]:
    """Turns as customer's side, assistant's side, and so on; an empty one first where the assistant begins."""
    groups = blocks.sides(trained(turns))
    return [[], *groups] if blocks.ours(groups[0][0]) else groups


def _write(one: Trajectory, setting: Setting) -> Json:
    groups = pairs_of(one.turns)
    said: list[Json] = []
    for n, group in enumerate(groups):
        if n % 2 == 0:
            kind = "observation" if n and said[-1]["from"] == "function_call" else "human"
            said.append({"from": kind, "value": blocks.write(group, _PLAIN[kind])})
        elif group[-1].call and (n == len(groups) - 1 or groups[n + 1][0].role == "observation"):
            said.append({"from": "function_call", "value": _function_call(group, group[-1].call)})
        else:
            said.append({"from": "gpt", "value": blocks.write(group, "reply")})
    return {"conversations": said, "tools": functions(setting)}


def functions(setting: Setting) -> str:
    """The `tools` column: JSON text of the functions."""
    return json.dumps([one["function"] for one in write_tools(setting.tools)], ensure_ascii=False)


def _function_call(group: list[Turn], call: Call) -> str:
    thought = blocks.beside_call(group)
    exact = json.dumps({"name": call.name, "arguments": call.arguments}, ensure_ascii=False, allow_nan=False)
    if any(mark.strip() in thought + exact for mark in _THINK):
        raise ValueError("a turn holds <think> or </think>, which cut a thought from its call in this form")
    return f"{_THINK[0]}{thought}{_THINK[1]}{exact}" if thought else exact


def read(row: Json, left: list[str]) -> Json:
    """A row's dialogue. Raises ValueError for what LLaMA-Factory would pass over."""
    leave(row, ("conversations", "tools", META), left)
    found = row.get("conversations")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"conversations: wanted a list of objects, found {str(found)[:80]}")
    if found and found[0].get("from") == "system":
        left.append("conversations: system message")
        found = found[1:]
    return {"turns": list(_turns(found, left))}


def _turns(found: Sequence[Json], left: list[str]) -> Iterable[Turn]:
    for n, message in enumerate(found):
        try:
            kind, value = texts(message, "from", "value")
            leave(message, ("from", "value"), left, "conversations.")
            if kind not in (_ASSISTANT if n % 2 else _CUSTOMER):
                raise ValueError(f"from: wanted {' or '.join(_ASSISTANT if n % 2 else _CUSTOMER)}, found {kind[:80]}")
            if kind == "function_call":
                yield from _called(value, left)
            elif value or n:
                yield from blocks.read(value, _PLAIN[kind])
        except ValueError as error:
            raise ValueError(f"conversations[{n}].{error}") from None


def _called(value: str, left: list[str]) -> Iterable[Turn]:
    thought, exact = "", value
    if value.startswith(_THINK[0]) and _THINK[1] in value:
        thought, exact = value.removeprefix(_THINK[0]).split(_THINK[1], 1)
    try:
        found = json.loads(exact)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"value: wanted a call as JSON, found {exact[:80]!r} ({error})") from None
    calls = [read_tool_call({"function": one})[1] for one in (found if isinstance(found, list) else [found])]
    if not calls:
        raise ValueError("value: wanted a call, found an empty list")
    if len(calls) > 1:
        left.append("conversations: calls at the same time (the answers stand behind the last one)")
    yield from (
        blocks.read(thought, "think", call=calls[0]) if thought else [Turn(role="action", text="", call=calls[0])]
    )
    yield from (Turn(role="action", text="", call=call) for call in calls[1:])


def dataset_info(name: str, file: str, columns: Collection[str]) -> Json:  # noqa: ARG001  all rows have both
    """The entry of LLaMA-Factory's dataset_info.json."""
    return {
        name: {
            "file_name": file,
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "tools": "tools"},
            "tags": {
                "role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt",
                "observation_tag": "observation", "function_tag": "function_call", "system_tag": "system",
            },
        }
    }  # fmt: skip


SHAREGPT = Form("sharegpt", Trajectory, _write, read)
