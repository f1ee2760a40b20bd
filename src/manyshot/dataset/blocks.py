"""Turns <-> text with labels in front, as ReAct and FireAct write it: ``Thought: ...``, ``Action: ...``.

The one rule: any turns come back as they were, whatever stands in them. A line that would be taken for a label gets a
backslash in front; one turn of the kind that is expected in its place stands there without a label.

Source: the labels Thought, Action and Observation and the action `name[input]` are FireAct's (Chen et al. 2023).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from manyshot.dialogue.exact import read_observation, write_observation
from manyshot.parse import read_call, write_call
from manyshot.types import Call, Observation, Role, Turn

_LABELS: Final[dict[Role, str]] = {
    "user": "User", "think": "Thought", "action": "Action", "observation": "Observation", "reply": "Reply",
}  # fmt: skip
_ROLES: Final[dict[str, Role]] = {label: role for role, label in _LABELS.items()}
#: Behind an Action: its call. Behind an Observation: the exact answer, where the text is not that answer.
_CALL, _ANSWER, _NO_ANSWER = "Call", "Answer", "-"
_LABEL = re.compile(r"(User|Thought|Action|Observation|Reply|Call|Answer):(?: |$)")
#: An action that is a call: name[input], where the input has one value without a name.
_BRACKETS = re.compile(r"([^\W\d]\w*)\[(.*)\]", re.DOTALL)
INPUT = "input"
_BACKSLASH = "\\"


def write(turns: Sequence[Turn], plain: Role | None, *, with_call: bool = True) -> str:
    """Turns as one text. plain: the role that needs no label when it stands alone; with_call False: the last Action's
    call stands elsewhere. Raises ValueError for a call or an answer that cannot be written."""
    if len(turns) == 1 and turns[0].role == plain and not _needs_more(turns[0]):
        return _escaped(turns[0].text)
    lines: list[str] = []
    for number, turn in enumerate(turns):
        lines += _block(turn, with_call or number < len(turns) - 1)
    return "\n".join(lines)


def beside_call(turns: Sequence[Turn]) -> str:
    """Turns whose last one is an Action with a call, without that call; "" for a call alone.

    An Action without words is not written, so that a thought alone stands there without a label.
    """
    wordless = not turns[-1].text and (len(turns) == 1 or turns[-2].role != "action")
    said = turns[:-1] if wordless else turns
    return write(said, "think", with_call=wordless) if said else ""


def read(text: str, plain: Role, *, call: Call | None = None) -> list[Turn]:
    """The turns of a text; without labels it is one turn of the role `plain`.

    call: the one that stood beside the text; it belongs to the last Action, which is made where there is none.
    Raises ValueError for a ``Call:`` or ``Answer:`` that is none.
    """
    found = [_turn(role, body, extra) for role, body, extra in _blocks(text, plain)]
    if call is None:
        return [_called(turn) for turn in found]
    if not found or found[-1].role != "action":
        found.append(Turn(role="action", text=""))
    return [*map(_called, found[:-1]), found[-1].model_copy(update={"text": _bare(found[-1].text), "call": call})]


def _needs_more(turn: Turn) -> bool:
    """Whether a turn says more than its text would read back as."""
    return turn.call is not None or (turn.role == "observation" and turn.answered != read_observation(turn.text))


def _block(turn: Turn, with_call: bool) -> Iterator[str]:
    first, *more = turn.text.split("\n")
    bracketed = _bracketed(turn.text) if turn.role == "action" else None
    implied = bracketed is not None and with_call and turn.call == bracketed and not first.startswith(_BACKSLASH)
    yield f"{_LABELS[turn.role]}: {first if bracketed is None or implied else _BACKSLASH + first}"
    yield from map(_escaped, more)
    if turn.call is not None and with_call and not implied:
        yield f"{_CALL}: {write_call(turn.call.name, turn.call.arguments)}"
    if turn.role == "observation" and turn.answered != read_observation(turn.text):
        yield f"{_ANSWER}: {_NO_ANSWER if turn.answered is None else _exact(turn.answered)}"


def _exact(answered: Observation) -> str:
    exact = write_observation(answered)
    if read_observation(exact) != answered:
        raise ValueError(f"an answer that no text holds: {answered.status} {str(answered.body)[:80]}")
    return exact


def _blocks(text: str, plain: Role) -> Iterator[tuple[Role, str, str | None]]:
    """(role, text, what the Call or Answer behind it says)."""
    lines = text.split("\n")
    if not _LABEL.match(lines[0]) or lines[0].startswith((f"{_CALL}:", f"{_ANSWER}:")):
        first = next((n for n, line in enumerate(lines) if n and _LABEL.match(line)), len(lines))
        yield plain, "\n".join(map(_unescaped, lines[:first])), None
        lines = lines[first:]
    role: Role | None = None
    body: list[str] = []
    extra: list[str] | None = None
    for line in lines:
        label = _LABEL.match(line)
        if label is None:
            (body if extra is None else extra).append(_unescaped(line))
        elif label[1] in _ROLES:
            if role is not None:
                yield role, "\n".join(body), None if extra is None else "\n".join(extra)
            role, body, extra = _ROLES[label[1]], [line[label.end() :]], None
        elif extra is None:
            extra = [line[label.end() :]]
        else:
            raise ValueError(f"two lines {label[0].strip()} behind one another")
    if role is not None:
        yield role, "\n".join(body), None if extra is None else "\n".join(extra)


def _turn(role: Role, text: str, extra: str | None) -> Turn:
    if role == "action":
        if extra is None:
            return Turn(role=role, text=text)
        name, arguments = read_call(extra)
        return Turn(role=role, text=_bare(text), call=Call(name=name, arguments=arguments))
    if role == "observation":
        if extra is None:
            return Turn(role=role, text=text, answered=read_observation(text))
        answered = None if extra == _NO_ANSWER else read_observation(extra)
        if answered is None and extra != _NO_ANSWER:
            raise ValueError(f"{_ANSWER}: wanted {{...}}, 404 {{...}}, timeout or {_NO_ANSWER}, found {extra[:80]!r}")
        return Turn(role=role, text=text, answered=answered)
    if extra is not None:
        raise ValueError(f"a {_CALL} or {_ANSWER} behind a {_LABELS[role]}")
    return Turn(role=role, text=text)


# actions that are calls


def _bracketed(text: str) -> Call | None:
    found = _BRACKETS.fullmatch(text.lstrip(_BACKSLASH))
    return Call(name=found[1], arguments={INPUT: found[2]}) if found else None


def _bare(text: str) -> str:
    """The text of an Action without the backslash that keeps it from being a call."""
    return text[1:] if text.startswith(_BACKSLASH) and _bracketed(text) else text


def _called(turn: Turn) -> Turn:
    """An Action as `name[input]` with its call; one with a backslash in front is words."""
    if turn.role != "action" or turn.call is not None:
        return turn
    if turn.text.startswith(_BACKSLASH):
        return turn.model_copy(update={"text": _bare(turn.text)})
    return turn.model_copy(update={"call": _bracketed(turn.text)})


# escapes


def _escaped(text: str) -> str:
    """Lines that look like labels, with a backslash in front; those that look escaped get one more."""
    return "\n".join(_BACKSLASH + line if _LABEL.match(line.lstrip(_BACKSLASH)) else line for line in text.split("\n"))


def _unescaped(line: str) -> str:
    return line[1:] if line.startswith(_BACKSLASH) and _LABEL.match(line.lstrip(_BACKSLASH)) else line


def sides(turns: Iterable[Turn]) -> list[list[Turn]]:
    """Turns in groups of one side each: customer and tools, then the assistant, and so on."""
    groups: list[list[Turn]] = []
    for turn in turns:
        if groups and ours(groups[-1][-1]) == ours(turn):
            groups[-1].append(turn)
        else:
            groups.append([turn])
    return groups


def ours(turn: Turn) -> bool:
    """Whether the assistant wrote it."""
    return turn.role in ("think", "action", "reply")
