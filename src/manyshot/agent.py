"""The assistant's loop: think, act, look at what came of it, until the customer is to speak again.

The one rule: no model and no engine here. What thinks and what acts are functions; tests, evaluation and service share
this loop. Whatever they write, it ends: in words to the customer, or with a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import Literal, NamedTuple

from manyshot.acting import Answer
from manyshot.copying import known, strange
from manyshot.dialogue.company import invented_numbers
from manyshot.dialogue.exact import write_observation
from manyshot.errors import WorldError
from manyshot.guide import Guide
from manyshot.protocols import Stepwise, World
from manyshot.transcript import Thought, heard, turns_of
from manyshot.types import Call, Json, Language, Observation, Refusal, Turn

#: Writes the next thought of a dialogue; `attempt` counts from 0, a higher one is to differ. ValueError for one that
#: cannot be read.
Think = Callable[[Sequence[Turn], int], Thought]
#: Turns an Action into a call, given the calls for it that were refused.
Act = Callable[[str, Sequence[Refusal]], Answer]
Over = Literal["", "ended", "handoff"]
_WORDS = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Limits:
    """When the assistant gives up and hands over."""

    #: Thoughts between two things that the customer says.
    steps: int = 10
    #: Tries of one thought.
    tries: int = 3
    #: Calls between two things that the customer says that no answer came of (status other than 2xx).
    failures: int = 3


_HAND_OVER: Mapping[Language, tuple[str, str]] = {
    "zh": ("转人工：{why}。", "抱歉，这件事我没能办好，现在为您转接人工客服，请稍候。"),
    "en": ("Hand over to a person: {why}.",
           "I am sorry, I could not get this done. I will put you through to a person."),
}  # fmt: skip
_WHY: Mapping[str, tuple[str, str]] = {
    "thought": ("助手没有可用的下一步", "the assistant has no usable next step"),
    "steps": ("步骤太多仍未办成", "too many steps without an end"),
    "failures": ("系统多次没有办成", "the system failed several times"),
    "world": ("系统不可用", "the system cannot be used"),
}


class _Since(NamedTuple):
    """Thoughts, and calls that no answer came of, since the customer spoke."""

    thoughts: int
    failed: int


@dataclass(slots=True)
class Agent:
    """One conversation; fits protocols.Stepwise."""

    think: Think
    act: Act
    world: World
    language: Language
    limits: Limits = Limits()
    #: Holds the thoughts to the flows; None leaves the model free.
    guide: Guide | None = None
    turns: list[Turn] = field(default_factory=list)
    over: Over = ""

    def hear(self, said: str) -> Sequence[Turn]:
        """See protocols.Assistant."""
        return hear(self, self.world, said)

    def listen(self, said: str) -> Call | None:
        """See protocols.Stepwise."""
        self.over = ""
        self.turns.append(Turn(role="user", text=said))
        return self._go()

    def observe(self, answered: Observation | None) -> Call | None:
        """See protocols.Stepwise."""
        if answered is None:
            self._hand_over(self._why("world"))
            return None
        self.turns.append(_observed(answered))
        return self._go()

    def _go(self) -> Call | None:
        """Think until there is a call to make, or the customer is to speak."""
        while (since := self._since()).failed < self.limits.failures:
            step = self._next() if since.thoughts < self.limits.steps else None
            if step is None:
                self._hand_over(self._why("thought" if since.thoughts < self.limits.steps else "steps"))
                return None
            thought, answer = step
            self.turns += turns_of(thought)
            if answer is None:
                self.over = {"handoff": "handoff", "end": "ended", "reply": ""}[thought.then]  # type: ignore[assignment]
                return None
            if answer.calls:
                self.turns[-1] = self.turns[-1].model_copy(update={"call": answer.calls[0]})
                return answer.calls[0]
            self.turns.append(_observed(_no_call(answer)))
        self._hand_over(self._why("failures"))
        return None

    def _since(self) -> _Since:
        """What was done since the customer spoke."""
        recent = list(takewhile(lambda turn: turn.role != "user", reversed(self.turns)))
        failed = sum(turn.answered is not None and not turn.answered.ok for turn in recent)
        return _Since(sum(turn.role == "action" for turn in recent), failed)

    def join(self, said: str, reply: str) -> None:
        """See protocols.Stepwise."""
        self.turns += [Turn(role=role, text=text) for role, text in (("user", said), ("reply", reply)) if text]
        self.over = ""

    def stop(self, reason: str) -> None:
        """See protocols.Stepwise."""
        self._hand_over(reason)

    def save(self) -> Json:
        """See protocols.Stepwise."""
        return {"turns": saved_turns(self.turns), "over": self.over}

    def load(self, saved: Json) -> None:
        """See protocols.Stepwise."""
        self.turns, self.over = loaded_turns(saved), saved["over"]

    def _next(self) -> tuple[Thought, Answer | None] | None:
        """The next thought, and with a call what the acting model makes of it; None when nothing may be believed.

        Without a guide a thought whose Action makes no call is taken as it is: the model is told, and may do better.
        With one it is taken when no try is better; before that, one that begins anew for a customer who was served.
        """
        moves = self.guide.moves(self.turns) if self.guide else None
        spare: tuple[Thought, Answer | None] | None = None
        anew: tuple[Thought, Answer | None] | None = None
        for attempt in range(self.limits.tries):
            try:
                thought = self.think(self.turns, attempt)
            except ValueError:
                continue
            if self._unbelievable(thought) or (moves and not moves.allow(thought.then)):
                continue
            if thought.then != "call":
                return thought, None
            answer = self.act(thought.action, self._refused(thought.action))
            if answer.calls and self._done_already(answer.calls[0]):
                continue
            if moves is None or (answer.calls and answer.calls[0].name in moves.calls):
                return thought, answer
            if not answer.calls:
                spare = spare or (thought, answer)
            elif answer.calls[0].name in moves.anew:
                anew = anew or (thought, answer)
        return anew or spare

    def _unbelievable(self, thought: Thought) -> bool:
        """Whether a thought speaks without words, or of an id or a long number that neither customer nor tool said."""
        said, text = heard(self.turns), f"{thought.action}\n{thought.reply}"
        silent = thought.then != "call" and not _WORDS.search(thought.reply)
        return silent or bool(strange(text, known(said)) or invented_numbers(text, said))

    def _done_already(self, call: Call) -> bool:
        """Whether the same call was answered well since the customer spoke; again it leads nowhere, or does twice."""
        for later, turn in pairwise(reversed(self.turns)):
            if later.role == "user":
                break
            if turn.call == call and later.answered is not None and later.answered.ok:
                return True
        return False

    def _refused(self, action: str) -> list[Refusal]:
        """Calls for the same Action that were refused just before."""
        found: list[Refusal] = []
        for turn, after in zip(reversed(self.turns[:-1]), reversed(self.turns[1:]), strict=True):
            if turn.role == "user":
                break
            if turn.call and turn.text == action and after.answered is not None and not after.answered.ok:
                found.insert(0, Refusal(call=turn.call, error=write_observation(after.answered)))
        return found

    def _why(self, why: str) -> str:
        return _WHY[why][0 if self.language == "zh" else 1]

    def _hand_over(self, reason: str) -> None:
        action, reply = _HAND_OVER[self.language]
        self.turns += [
            Turn(role="think", text=reason),
            Turn(role="action", text=action.format(why=reason)),
            Turn(role="reply", text=reply),
        ]
        self.over = "handoff"


def hear(one: Stepwise, world: World, said: str) -> Sequence[Turn]:
    """Let an assistant act in a world until the customer is to speak again; the new turns."""
    first = len(one.turns)
    call = one.listen(said)
    while call is not None:
        try:
            answered: Observation | None = world.call(call)
        except WorldError:
            answered = None
        call = one.observe(answered)
    return one.turns[first:]


def saved_turns(turns: Sequence[Turn]) -> list[Json]:
    """Turns as JSON."""
    return [turn.model_dump(mode="json", exclude={"line"}, exclude_none=True) for turn in turns]


def loaded_turns(saved: Json) -> list[Turn]:
    """The turns of what was saved. ValueError where there are none."""
    if not isinstance(saved.get("turns"), list):
        raise ValueError(f"wanted a saved conversation with its turns, got one with {sorted(saved)}")
    return [Turn.model_validate(turn) for turn in saved["turns"]]


def _observed(answered: Observation) -> Turn:
    return Turn(role="observation", text=write_observation(answered), answered=answered)


def _no_call(answer: Answer) -> Observation:
    """What the thinking model is told when an Action made no call, in the words of an API."""
    if answer.ask:
        return Observation(status=422, body={"error": f"{answer.ask[0]} is required", "field": answer.ask[0]})
    return Observation(status=404, body={"error": "there is no tool for this"})
