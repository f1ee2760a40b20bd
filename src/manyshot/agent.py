"""The assistant's loop: think, act, look at what came of it, until the customer is to speak again.

The one rule: no model and no engine here. What thinks and what acts are functions; tests, evaluation and service share
this loop. Whatever they write, it ends: in words to the customer, or with a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from manyshot.acting import Answer
from manyshot.copying import known, strange
from manyshot.dialogue.company import invented_numbers
from manyshot.dialogue.exact import write_observation
from manyshot.errors import WorldError
from manyshot.guide import Guide
from manyshot.protocols import World
from manyshot.transcript import Thought, heard, turns_of
from manyshot.types import Call, Language, Observation, Refusal, Turn

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


@dataclass(slots=True)
class Agent:
    """One conversation; fits protocols.Assistant."""

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
        first = len(self.turns)
        self.over = ""
        self.turns.append(Turn(role="user", text=said))
        failed = 0
        for _ in range(self.limits.steps):
            step = self._next()
            if step is None:
                return self._hand_over("thought", first)
            thought, answer = step
            self.turns += turns_of(thought)
            if answer is None:
                self.over = {"handoff": "handoff", "end": "ended", "reply": ""}[thought.then]  # type: ignore[assignment]
                return self.turns[first:]
            try:
                failed += not self._carry_out(answer)
            except WorldError:
                return self._hand_over("world", first)
            if failed >= self.limits.failures:
                return self._hand_over("failures", first)
        return self._hand_over("steps", first)

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

    def _carry_out(self, answer: Answer) -> bool:
        """Make the call that the last Action is about; whether it was answered well. Its turns are completed."""
        if not answer.calls:
            self.turns.append(_observed(_no_call(answer)))
            return False
        call = answer.calls[0]
        self.turns[-1] = self.turns[-1].model_copy(update={"call": call})
        observed = self.world.call(call)
        self.turns.append(_observed(observed))
        return observed.ok

    def _refused(self, action: str) -> list[Refusal]:
        """Calls for the same Action that were refused just before."""
        found: list[Refusal] = []
        for turn, after in zip(reversed(self.turns[:-1]), reversed(self.turns[1:]), strict=True):
            if turn.role == "user":
                break
            if turn.call and turn.text == action and after.answered is not None and not after.answered.ok:
                found.insert(0, Refusal(call=turn.call, error=write_observation(after.answered)))
        return found

    def _hand_over(self, why: str, first: int) -> Sequence[Turn]:
        zh = self.language == "zh"
        reason, (action, reply) = _WHY[why][0 if zh else 1], _HAND_OVER[self.language]
        self.turns += [
            Turn(role="think", text=reason),
            Turn(role="action", text=action.format(why=reason)),
            Turn(role="reply", text=reply),
        ]
        self.over = "handoff"
        return self.turns[first:]


def _observed(answered: Observation) -> Turn:
    return Turn(role="observation", text=write_observation(answered), answered=answered)


def _no_call(answer: Answer) -> Observation:
    """What the thinking model is told when an Action made no call, in the words of an API."""
    if answer.ask:
        return Observation(status=422, body={"error": f"{answer.ask[0]} is required", "field": answer.ask[0]})
    return Observation(status=404, body={"error": "there is no tool for this"})
