"""Trajectories -> shots/*.md, as `markdown.parse` reads them.

The one rule: what is written reads back as the same dialogues, or is a DataError.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from manyshot.dialogue.exact import read_observation, write_observation
from manyshot.dialogue.markdown import CALL, FENCE, HEADING, ID, NAMES, parse
from manyshot.errors import DataError
from manyshot.parse import write_call
from manyshot.types import Json, Role, Trajectory, Turn


def rewrite(text: str, name: str, changed: Mapping[str, Trajectory]) -> str:
    """The text of a file with some of its dialogues (by id) written anew; all else stays as it is."""
    found, _ = parse(text, name=name)
    lines = text.split("\n")
    starts = [n for n, line in enumerate(lines) if HEADING.fullmatch(line) and not _fenced(lines[:n])]
    if not starts:
        return "".join(_section(changed.get(one.id, one)) for one in found)
    out = lines[: starts[0]]
    for start, end in zip(starts, (*starts[1:], len(lines)), strict=True):
        one = next((one for one in found if one.source and one.source.line == start + 1), None)
        if one is not None and one.id in changed:
            out += _section(changed[one.id]).split("\n")
        else:
            out += lines[start:end]
    return "\n".join(out).rstrip("\n") + "\n"


def _fenced(lines: Sequence[str]) -> bool:
    return sum(bool(FENCE.fullmatch(line)) for line in lines) % 2 == 1


def write(trajectories: Iterable[Trajectory]) -> str:
    """Dialogues as text; DataError for one that cannot be written so that it reads back the same."""
    return "\n".join(_section(one) for one in trajectories)


def _section(one: Trajectory) -> str:
    if not ID.fullmatch(one.id):
        raise DataError(f"{one.id!r} is no id for a dialogue; wanted letters, digits, _, - and .")
    out = [f"## {one.id}", *(f"{key}: {value}" for key, value in _metadata(one)), ""]
    before: Role | None = None
    for turn in one.turns:
        out += _written(turn, before)
        before = turn.role
    return "\n".join(out).rstrip() + "\n"


def _metadata(one: Trajectory) -> Iterable[tuple[str, str]]:
    for key in ("flow", "path", "author"):
        value: str = getattr(one, key)
        if "\n" in value or value != value.strip():
            raise DataError(f"{one.id}: {key} {value!r} is not one line; shorten it")
        if value:
            yield key, value
    setup: Json = one.setup.model_dump(exclude_defaults=True, mode="json")
    for key, name in (("rows", "world"), ("faults", "faults"), ("seed", "seed")):
        if key in setup:
            yield name, json.dumps(setup[key], ensure_ascii=False)
    if one.expected:
        yield "expected", json.dumps(one.expected, ensure_ascii=False)


def _written(turn: Turn, before: Role | None) -> list[str]:
    if turn.text != turn.text.strip() or (not turn.text and turn.role != "observation"):
        raise DataError(f"a turn cannot be written: wanted text without blanks around it, found {turn.text!r}")
    label = f"**{NAMES[turn.role]}**:"
    gap = [""] if turn.role in ("user", "think") and before is not None else []
    first, *more = turn.text.split("\n")
    more = [_escaped(line) for line in more]
    if turn.role == "action":
        if more:
            raise DataError(f"an Action is one line, found {turn.text!r}")
        below = [f"`{write_call(turn.call.name, turn.call.arguments)}`"] if turn.call else []
        return [f"{label} {_led(first)}", *below]
    if turn.role == "reply" and before == "action":
        return [_escaped(first), *more]
    if (turn.role == "reply" and first.startswith(('"', "“"))) or (
        turn.role == "observation" and turn.answered is None and read_observation(turn.text) is not None
    ):
        first = "\\" + first
    else:
        first = _led(first)
    below = []
    if turn.answered is not None and (exact := write_observation(turn.answered)) != turn.text:
        below = [f"`{exact}`"]
    return [*gap, f"{label} {first}" if first else label, *more, *below]


def _led(line: str) -> str:
    """The first line of a block, behind its label: only a backslash means something there."""
    return "\\" + line if line.startswith("\\") else line


def _escaped(line: str) -> str:
    # An exact answer, in backquotes, is one with blanks around it too.
    special = line.startswith(("\\", "##", "**", '"', "“")) or line.strip()[:1] == "`" or CALL.fullmatch(line.strip())
    return "\\" + line if special else line
