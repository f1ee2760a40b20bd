"""Dialogues -> the text that the thinking model reads and writes.

The one rule: training, evaluation and service render here and nowhere else. A transcript is a list of pieces, each
tokenised on its own and joined as ids: a *prefix* (what the desk does, shared by all its dialogues), then by turns what
was *said* (customers and tools, no loss) and what the assistant *thought* (Think, Action, and what follows from it;
loss). So the ids that are read in service at any step are those that training had there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from manyshot.copying import known, line_rules
from manyshot.dialogue.exact import write_observation
from manyshot.flow.steps import CallTool, Flow
from manyshot.flow.words import hands_over
from manyshot.render import Tokenizer, fold
from manyshot.types import Context, Language, Tool, Turn

#: What follows from an Action: a call, a reply after which the customer speaks, a reply by which a person takes over,
#: or one that closes the dialogue.
Then = Literal["call", "reply", "handoff", "end"]
MARKS: Mapping[Then, str] = {"call": "Call", "reply": "Reply", "handoff": "Handoff", "end": "End"}
#: Characters of an Observation that the model is shown; of a longer one the beginning and the end.
SHOWN = 480
#: Stands before a thought.
NEXT = "Think:"
#: Stands for a Think or an Action that nobody wrote.
NOTHING = "-"

_HEADER: Mapping[Language, tuple[str, str, str]] = {
    "zh": ("你是客服助手，一步一步按流程办事。今天{today}，{day}。", "能调用的工具:", "业务流程:"),
    "en": (
        "You are a service assistant and follow the desk's flows step by step. Today is {today}, {day}.",
        "Tools to call:",
        "Flows:",
    ),
}
_DAYS: Mapping[Language, tuple[str, ...]] = {
    "zh": ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_THOUGHT = re.compile(r" ?(.*)\nAction: (.*)\n(?:(Call)|(Reply|Handoff|End): (.*))\n?")
_BY_MARK: Mapping[str, Then] = {mark: then for then, mark in MARKS.items()}


@dataclass(frozen=True, slots=True)
class Thought:
    """What the assistant thinks and does next. `reply`: its words to the customer, "" with a call."""

    think: str
    action: str
    then: Then
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a transcript; `learned`: the model writes it, so loss falls on it."""

    text: str
    learned: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """A dialogue's own ids, behind the prefix, and where loss falls (both of one length)."""

    ids: list[int]
    loss: list[bool]


def prefix_text(tools: Sequence[Tool], flows: Iterable[Flow], context: Context) -> str:
    """What stands before every dialogue of a desk: the day, its tools by what they do, its flows by what for."""
    header, can, ways = _HEADER[context.language]
    return "\n".join(
        [
            header.format(today=context.today.strftime("%Y-%m-%d"), day=day_name(context)),
            can,
            *(f"- {tool.name}: {_about(tool.description)}" for tool in tools),
            ways,
            *(f"- {flow.name}: {_about(flow.about) or _calls(flow)}" for flow in flows),
            "",
        ]
    )


def day_name(context: Context) -> str:
    """The day of the week on which a domain's data live."""
    return _DAYS[context.language][context.today.weekday()]


def _about(text: str) -> str:
    """The first sentence of a description, at most 60 characters of it."""
    return re.split(r"[。\n]|\.\s", fold(text), maxsplit=1)[0][:60].strip()


def _calls(flow: Flow) -> str:
    """What a flow does of which nobody said what for."""
    return ", ".join(dict.fromkeys(step.tool for step in flow.steps if isinstance(step, CallTool)))


def said_text(turns: Iterable[Turn]) -> str:
    """What customers and tools said since the assistant's last thought, and the beginning of the next one."""
    return "".join(map(said_line, turns)) + NEXT


def said_line(turn: Turn) -> str:
    """What a customer or a tool said."""
    return f"{_speaker(turn)}: {_shown(turn)}\n"


def _speaker(turn: Turn) -> str:
    # The lesson writes a customer's answer as an Observation; a tool's answer is one that was really given.
    return "Observation" if turn.role == "observation" and turn.answered is not None else "User"


def _shown(turn: Turn) -> str:
    text = _whole(turn)
    return text if len(text) <= SHOWN else f"{text[: SHOWN * 2 // 3]} … {text[-SHOWN // 3 :]}"


def thought_text(thought: Thought) -> str:
    """A thought as the model writes it, after "Think:"."""
    return "".join(thought_lines(thought))


def thought_lines(thought: Thought) -> tuple[str, str, str]:
    """The lines of a thought: what it thinks, its Action, and what follows from that."""
    mark = MARKS[thought.then]
    last = mark if thought.then == "call" else f"{mark}: {_line(thought.reply)}"
    return f" {_line(thought.think)}\n", f"Action: {_line(thought.action)}\n", f"{last}\n"


def _line(text: str) -> str:
    return fold(text) or NOTHING


def read_thought(text: str) -> Thought:
    """What a model wrote; ValueError when it is none."""
    found = _THOUGHT.fullmatch(text)
    if found is None:
        raise ValueError(f"wanted ' THINK\\nAction: ACTION\\nCall' or a reply, got {text[:80]!r}")
    think, action, call, mark, reply = found.groups()
    return Thought(think.strip(), action.strip(), "call" if call else _BY_MARK[mark], (reply or "").strip())


def grammar(turns: Iterable[Turn]) -> str:
    """GBNF of what `read_thought` reads, in which ids and long numbers are those that were said in `turns`."""
    root = r'root ::= " " line "\nAction: " line "\n" ("Call" | ("Reply" | "Handoff" | "End") ": " line) "\n"'
    return f"{root}\n{line_rules(known(heard(turns)))}"


def heard(turns: Iterable[Turn]) -> list[str]:
    """What customers and tools said."""
    return [_whole(turn) for turn in turns if turn.role in ("user", "observation")]


def _whole(turn: Turn) -> str:
    return fold(turn.text) if turn.answered is None else fold(write_observation(turn.answered))


def pieces(turns: Sequence[Turn]) -> Iterator[Piece]:
    """The whole dialogue, piece by piece. What the customer says after the last thought is left out."""
    said: list[Turn] = []
    for heard, thought in steps(turns):
        said += heard
        yield Piece(said_text(said), learned=False)
        yield Piece(thought_text(thought), learned=True)
        said = []


def steps(turns: Sequence[Turn]) -> Iterator[tuple[list[Turn], Thought]]:
    """(what was said since the last thought, the thought) for each of the assistant's thoughts."""
    for said, own, after in parted(turns):
        yield said, thought_of(own, after)


def parted(turns: Sequence[Turn]) -> Iterator[tuple[list[Turn], Sequence[Turn], Turn | None]]:
    """(what was said since the last thought, the turns of the thought, the turn after them) for each thought."""
    said: list[Turn] = []
    n = 0
    while n < len(turns):
        if turns[n].role in ("user", "observation"):
            said.append(turns[n])
            n += 1
            continue
        end = n + 1
        while end < len(turns) and _goes_on(turns[end - 1], turns[end]):
            end += 1
        yield said, turns[n:end], turns[end] if end < len(turns) else None
        said, n = [], end


def _goes_on(before: Turn, turn: Turn) -> bool:
    """Whether a turn belongs to the same thought as the one before it."""
    order = ("think", "action", "reply")
    if turn.role not in order or before.call is not None:
        return False
    return order.index(turn.role) > order.index(before.role)


def thought_of(turns: Sequence[Turn], after: Turn | None) -> Thought:
    """The thought that these turns are; what comes after them tells a reply from an end."""
    by_role = {turn.role: turn for turn in turns}
    think, action, reply = (by_role[role].text if role in by_role else "" for role in ("think", "action", "reply"))
    # A tool's answer follows a call, also one that could not be made.
    answered = after is not None and after.role == "observation" and after.answered is not None
    if "action" in by_role and (by_role["action"].call is not None or (answered and not reply)):
        return Thought(think, action, "call")
    then: Then = "reply" if after is not None else "handoff" if hands_over(action or reply) else "end"
    # Where nobody wrote the assistant's words, its Action stands for them.
    return Thought(think, action, then, reply or action)


def render(tokenizer: Tokenizer, turns: Sequence[Turn]) -> Rendered:
    """A dialogue's ids with its loss mask."""
    ids: list[int] = []
    loss: list[bool] = []
    for piece in pieces(turns):
        new = tokenizer.encode(piece.text, add_special_tokens=False)
        ids += new
        loss += [piece.learned] * len(new)
    return Rendered(ids, loss)


def question(turns: Sequence[Turn]) -> list[Piece]:
    """The pieces up to the assistant's next thought; the last of `turns` is what a customer or a tool said."""
    heard = len(turns)
    while heard and turns[heard - 1].role in ("user", "observation"):
        heard -= 1
    if heard == len(turns):
        raise ValueError(f"wanted a dialogue in which the assistant is next, its last turn is {turns[-1:]}")
    return [*pieces(turns), Piece(said_text(turns[heard:]), learned=False)]


def question_ids(tokenizer: Tokenizer, turns: Sequence[Turn]) -> list[int]:
    return [i for piece in question(turns) for i in tokenizer.encode(piece.text, add_special_tokens=False)]


def turns_of(thought: Thought) -> list[Turn]:
    """A thought as turns of a trajectory, without its call."""
    made = [Turn(role="think", text=thought.think), Turn(role="action", text=thought.action)]
    return made if thought.then == "call" else [*made, Turn(role="reply", text=thought.reply)]
