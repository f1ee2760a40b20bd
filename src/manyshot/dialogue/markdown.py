"""shots/*.md -> Trajectories: text that an expert reads and edits; `writing` goes the other way.

The one rule: reading never stops at a fault. A line that would be taken for something else has a backslash in front, as
Markdown has it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from manyshot.dialogue.exact import TIMEOUT, read_observation, whole_json
from manyshot.oneline import show
from manyshot.parse import read_call
from manyshot.types import Call, Role, Setup, Source, Trajectory, Turn

#: What a block may be called, folded to lower case.
LABELS: Final[Mapping[str, Role]] = {
    "user": "user", "customer": "user", "用户": "user", "客户": "user",
    "think": "think", "thought": "think", "思考": "think", "想法": "think",
    "action": "action", "行动": "action", "动作": "action",
    "observation": "observation", "观察": "observation", "观测": "observation",
    "reply": "reply", "回复": "reply", "答复": "reply",
}  # fmt: skip
#: What the lines under a heading may be called.
KEYS: Final[Mapping[str, str]] = {
    "flow": "flow", "流程": "flow", "path": "path", "路径": "path", "author": "author", "作者": "author",
    "world": "rows", "数据": "rows", "faults": "faults", "故障": "faults", "seed": "seed", "种子": "seed",
    "expected": "expected", "结果": "expected",
}  # fmt: skip
NAMES: Final[Mapping[Role, str]] = {
    "user": "User", "think": "Think", "action": "Action", "observation": "Observation", "reply": "Reply",
}  # fmt: skip
ID = re.compile(r"[\w.-]+")
#: A label this near a known one is a slip; one further off is bold text of a reply.
_SLIP = 0.75
HEADING = re.compile(r"##[ \t]+(\S.*)", re.DOTALL)
_LABEL = re.compile(
    r"\*\*[ \t]*([^\s*:：](?:[^*:：\n]{0,18}[^\s*:：])?)[ \t]*(?:\*\*[ \t]*[:：]|[:：][ \t]*\*\*)[ \t]*(.*)", re.DOTALL
)
_META = re.compile(r"([^\W\d]+)\s*[:：]\s*(.*)")
CALL = re.compile(r"(`*)([^\W\d][\w.-]*\s*\{.*\})\1\s*")
FENCE = re.compile(r"```\w*\s*")


class Problem(NamedTuple):
    """What is wrong with a text, and on which of its lines, from 1."""

    line: int
    message: str


@dataclass(slots=True)
class _Line:
    number: int
    text: str
    #: It began with a backslash, so it is nothing but text.
    plain: bool = False


@dataclass(slots=True)
class _Block:
    role: Role
    line: int
    lines: list[_Line]


@dataclass(slots=True)
class _Draft:
    id: str
    line: int
    meta: dict[str, tuple[int, str]] = field(default_factory=dict)
    blocks: list[_Block] = field(default_factory=list)


def parse(text: str, file: str = "", name: str = "") -> tuple[list[Trajectory], list[Problem]]:
    """Dialogues in the order of the text, and all that is wrong; one with something wrong is left out.

    A text without any ``## id`` is one dialogue, called `name`, as in the lesson.
    """
    reader = _Reader(name)
    for number, line in enumerate(text.split("\n"), 1):
        reader.take(_Line(number, line))
    made = []
    for draft in reader.drafts:
        before = len(reader.problems)
        trajectory = _trajectory(draft, file, reader.problems)
        if len(reader.problems) == before and draft.line not in reader.broken and trajectory is not None:
            made.append(trajectory)
    if not reader.drafts and not reader.problems:
        reader.problems.append(Problem(1, "no dialogue; begin one with ## id and a line **User**: ..."))
    return made, sorted(reader.problems)


class _Reader:
    """Lines -> drafts: headings, metadata and blocks; what stands in a block is `_trajectory`'s part."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.drafts: list[_Draft] = []
        self.problems: list[Problem] = []
        #: Heading lines of drafts with a problem.
        self.broken: set[int] = set()
        self.fenced = False

    def fault(self, line: int, message: str) -> None:
        self.problems.append(Problem(line, message))
        if self.drafts:
            self.broken.add(self.drafts[-1].line)

    def take(self, line: _Line) -> None:
        if line.text.startswith("\\"):
            line.text, line.plain = line.text[1:], True
        elif self.drafts and self.drafts[-1].blocks and FENCE.fullmatch(line.text):
            self.fenced = not self.fenced
        elif not self.fenced:
            if heading := HEADING.fullmatch(line.text):
                self._heading(line.number, heading[1].rstrip().rstrip("#").rstrip())
                return
            if (label := _LABEL.fullmatch(line.text)) and self._label(line.number, label[1], label[2]):
                return
        if not self.drafts:
            return  # a title, or words about the file
        draft = self.drafts[-1]
        if draft.blocks:
            draft.blocks[-1].lines.append(line)
        elif line.text.strip():
            self._meta(draft, line)

    def _heading(self, number: int, name: str) -> None:
        self.drafts.append(_Draft(name, number))
        if not ID.fullmatch(name):
            self.fault(number, f"wanted an id of letters, digits, _, - and . after ##, found {show(name)}")

    def _label(self, number: int, label: str, rest: str) -> bool:
        """Whether it is a label, or meant as one."""
        role = LABELS.get(label.lower())
        if role is None:
            near = difflib.get_close_matches(label.lower(), LABELS, n=1, cutoff=_SLIP)
            if not near or not label.isascii():
                return False
            self.fault(number, f'unknown label "{label}"; did you mean "{near[0].capitalize()}"? '
                               "Bold text of a reply gets a backslash in front")  # fmt: skip
            role = LABELS[near[0]]
        if not self.drafts:
            self.drafts.append(_Draft(self.name, number))
            if not ID.fullmatch(self.name):
                self.fault(number, "wanted ## and an id above the first block; add it")
        first = _Line(number, rest)
        if rest.startswith("\\"):
            first = _Line(number, rest[1:], plain=True)
        self.drafts[-1].blocks.append(_Block(role, number, [first]))
        return True

    def _meta(self, draft: _Draft, line: _Line) -> None:
        found = _META.fullmatch(line.text.strip())
        key = KEYS.get(found[1].lower()) if found else None
        if found is None or key is None:
            near = difflib.get_close_matches(found[1].lower(), KEYS, n=1) if found else []
            hint = f'did you mean "{near[0]}"?' if near else "known: flow, path, author, world, faults, seed, expected"
            self.fault(line.number, f"wanted key: value or a block as **User**: ..., found {show(line.text)}; {hint}")
        elif key in draft.meta:
            self.fault(line.number, f'"{found[1]}" stands already on line {draft.meta[key][0]}; keep one')
        else:
            draft.meta[key] = (line.number, found[2])


def _trajectory(draft: _Draft, file: str, problems: list[Problem]) -> Trajectory | None:
    turns = [turn for block in draft.blocks for turn in _turns(block, problems)]
    if not draft.blocks:
        problems.append(Problem(draft.line, f'"{draft.id}" has no blocks; write **User**: ... under it'))
    if not turns:
        return None
    plain = {key: draft.meta[key][1] for key in ("flow", "path", "author") if key in draft.meta}
    setup = _setup(draft, problems)
    expected = _value(draft, "expected", {}, problems)
    if not isinstance(expected, dict):
        problems.append(Problem(draft.meta["expected"][0], f"wanted expected as an object, found {show(expected)}"))
        return None
    return Trajectory(
        id=draft.id, turns=tuple(turns), setup=setup, expected=expected, source=Source(file=file, line=draft.line),
        **plain,
    )  # fmt: skip


def _value(draft: _Draft, key: str, default: Any, problems: list[Problem]) -> Any:
    if key not in draft.meta:
        return default
    line, text = draft.meta[key]
    try:
        return whole_json(text)
    except ValueError as error:
        problems.append(Problem(line, f"bad JSON {error}; write {key} on one line"))
        return default


def _setup(draft: _Draft, problems: list[Problem]) -> Setup:
    row = {key: _value(draft, key, None, problems) for key in ("rows", "faults", "seed")}
    try:
        return Setup.model_validate({key: value for key, value in row.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        key, where = str(first["loc"][0]), ".".join(str(part) for part in first["loc"])
        problems.append(Problem(draft.meta[key][0], f"{where}: {first['msg'].lower()}; see docs/shots.md"))
        return Setup()


# blocks


def _turns(block: _Block, problems: list[Problem]) -> list[Turn]:
    """The turns of a block: one, or an Action and the reply below it."""
    if block.role == "action":
        return _action(block, problems)
    if block.role == "observation":
        return _observation(block, problems)
    text = _unquoted(block.lines, problems) if block.role == "reply" else _text(block.lines)
    if not text:
        problems.append(Problem(block.line, f"the {NAMES[block.role]} is empty; write it or remove its label"))
        return []
    return [Turn(role=block.role, text=text, line=block.line)]


def _text(lines: Iterable[_Line]) -> str:
    return "\n".join(line.text for line in lines).strip()


def _unquoted(lines: list[_Line], problems: list[Problem]) -> str:
    """The text of a reply without quotes around it; nothing may follow the closing one."""
    filled = [n for n, line in enumerate(lines) if line.text.strip()]
    text = _text(lines)
    if not filled or lines[filled[0]].plain or not text.startswith(('"', "“")):
        return text
    close = '"' if text[0] == '"' else "”"
    if text.endswith(close) and len(text) > 1:
        return text[1:-1].strip()
    ends = next((n for n in filled if lines[n].text.rstrip().endswith(close)), None)
    if ends is not None:
        after = next(n for n in filled if n > ends)
        problems.append(Problem(lines[after].number, "text behind the closing quote of a reply; put it inside, or "
                                                     "remove it"))  # fmt: skip
    return text


def _action(block: _Block, problems: list[Problem]) -> list[Turn]:
    words, rest = block.lines[0].text.strip(), block.lines[1:]
    if not words:
        problems.append(Problem(block.line, "the Action has no words; say what is to be done, with all values"))
        return []
    call, rest = _call(rest, problems)
    turns = [Turn(role="action", text=words, call=call, line=block.line)]
    if reply := _unquoted(rest, problems):
        first = next(line for line in rest if line.text.strip())
        turns.append(Turn(role="reply", text=reply, line=first.number))
    return turns


def _call(lines: list[_Line], problems: list[Problem]) -> tuple[Call | None, list[_Line]]:
    """The call that stands first in these lines, on one line or fenced, and the lines behind it."""
    at = next((n for n, line in enumerate(lines) if line.text.strip()), None)
    if at is None or lines[at].plain:
        return None, lines
    end, number = at + 1, lines[at].number
    if FENCE.fullmatch(lines[at].text):
        end = next((n for n in range(at + 1, len(lines)) if FENCE.fullmatch(lines[n].text)), len(lines))
        text, end = _text(lines[at + 1 : end]), end + 1
    elif found := CALL.fullmatch(lines[at].text.strip()):
        text = found[2]
    elif lines[at].text.startswith("`"):
        text = lines[at].text.strip().strip("`")
    else:
        return None, lines
    try:
        name, arguments = read_call(re.sub(r"\s*\{", "{", text, count=1))
    except ValueError as error:
        problems.append(Problem(number, f'bad call, {error}; write Name{{"field": value}}'))
        return None, lines[end:]
    return Call(name=name, arguments=arguments), lines[end:]


def _observation(block: _Block, problems: list[Problem]) -> list[Turn]:
    """Exact answer, or words, or words and below them the exact answer in backquotes."""
    filled = [line for line in block.lines if line.text.strip()]
    if not filled:
        return [Turn(role="observation", text="", line=block.line)]
    text, last = _text(block.lines), filled[-1]
    exact = text if not filled[0].plain else ""
    if last is not block.lines[0] and not last.plain and (inside := last.text.strip()).startswith("`"):
        exact, text = inside.strip("`").strip(), _text(block.lines[: block.lines.index(last)])
        if read_observation(exact) is None:
            problems.append(Problem(last.number, f"wanted an answer as {{...}}, 404 {{...}} or {TIMEOUT}, found "
                                                 f"{show(exact)}"))  # fmt: skip
        text = text or exact
    return [Turn(role="observation", text=text, answered=read_observation(exact), line=block.line)]
