"""Dialogues in FireAct's messages form: all is text, an Observation is a message of the user. One rule: a file of
FireAct's comes back byte for byte.

Source: Chen et al. 2023, "FireAct: Toward Language Agent Fine-tuning"; data/finetune of github.com/anchen1011/FireAct.
"""

from __future__ import annotations

from collections.abc import Iterator

from manyshot.dataset import blocks
from manyshot.dataset.forms import META, Form, Setting, leave, texts
from manyshot.types import Json, Trajectory, Turn


def _write(one: Trajectory, setting: Setting) -> Json:  # noqa: ARG001  the form has no place for tools
    said: list[Json] = []
    for group in blocks.sides(one.turns):
        if blocks.ours(group[0]):
            said.append({"role": "assistant", "content": blocks.write(group, "reply")})
        else:
            said += [{"role": "user", "content": blocks.write([turn], "user")} for turn in group]
    return {"messages": said}


def read(row: Json, left: list[str]) -> Json:
    """A row's dialogue. Raises ValueError."""
    leave(row, ("messages", META), left)
    found = row.get("messages")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"messages: wanted a list of objects, found {str(found)[:80]}")
    return {"turns": list(_turns(found, left))}


def _turns(found: list[Json], left: list[str]) -> Iterator[Turn]:
    for n, message in enumerate(found):
        try:
            role, content = texts(message, "role", "content")
            leave(message, ("role", "content"), left, "messages.")
            if role == "system":
                left.append("messages: system message")
            elif role in ("user", "assistant"):
                yield from blocks.read(content, "user" if role == "user" else "reply")
            else:
                raise ValueError(f"role: wanted system, user or assistant, found {role[:80]}")
        except ValueError as error:
            raise ValueError(f"messages[{n}].{error}") from None


FIREACT = Form("fireact", Trajectory, _write, read)
