"""Which moves the flows leave open, from where a dialogue stands.

The one rule: only calls and their answers count, as in `dialogue.follow`; what cannot be known (what the customer said,
what the assistant has to judge) leaves all ways open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from manyshot.dialogue.company import field_of_answer
from manyshot.dialogue.sound import unsound
from manyshot.flow.conditions import holds, parse, slots_of
from manyshot.flow.paths import Path, Walk
from manyshot.flow.steps import ELSE, FAILED, PLACE, Ask, Branch, CallTool, End, Handoff
from manyshot.transcript import Then
from manyshot.types import Call, Json, Observation, Turn

Made = tuple[Call, Observation]
#: How an API says that the call is wrong, not the matter.
REFUSED = (400, 422)


#: Words of a customer who goes, or wants nothing (more).
_LEAVES = re.compile(
    r"再见|拜拜|不用|不要|不需要|不必|不办|先不|算了|没事|没有了|没别的|谢谢|挂了|以后再|回头再"
    r"|\b(?:bye|goodbye|never ?mind|forget it|no need|thanks?|that's all|that is all|leave it|don't need)\b",
    re.IGNORECASE,
)


#: Words of a customer who does not want to tell what was asked.
_REFUSES = re.compile(
    r"不想说|不愿|不告诉|不方便|不说|不给|不提供|保密|隐私|不会说"
    r"|\b(?:rather not|won't (?:tell|say|give)|not (?:telling|saying|giving)|none of your|private|refuse)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Moves:
    """What may come next: calls of these tools, handing over, closing. A reply is always allowed: customers stray."""

    calls: frozenset[str]
    handoff: bool
    end: bool
    #: Tools that a served customer's next request may begin with.
    anew: frozenset[str] = frozenset()

    def allow(self, then: Then) -> bool:
        """Whether a thought may end like this."""
        return {"call": bool(self.calls | self.anew), "reply": True, "handoff": self.handoff, "end": self.end}[then]


class Guide:
    """The flows of one desk."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._walks = [walk for path in paths for walk in path.walks]

    def moves(self, turns: Sequence[Turn]) -> Moves | None:
        """What the flows allow next; None where the dialogue has left them, and everything goes."""
        made = list(_made(turns))
        # A customer who was served may come with something else: then a new walk began after some call.
        for first in range(len(made) + 1):
            ends = [end for walk in self._walks if (end := _after(walk, made[first:])) is not None]
            if ends:
                served = bool(made) and any(isinstance(end, End) for end in ends)
                return Moves(
                    _tools(ends) | _once_more(turns),
                    any(isinstance(end, Handoff) for end in ends) or _stuck(turns),
                    # Who wants nothing more may be let go at any time.
                    any(isinstance(end, End) for end in ends) or _leaving(turns),
                    _tools(_after(walk, ()) for walk in self._walks) if served else frozenset(),
                )
        return None


def _once_more(turns: Sequence[Turn]) -> frozenset[str]:
    """The tool of the last call where the API refused it as wrong: it may be corrected and made again, once."""
    calls = [
        (turn.call.name, after.answered.status in REFUSED)
        for turn, after in pairwise(turns)
        if turn.call is not None and after.answered is not None
    ]
    if not calls or not calls[-1][1] or calls[-2:-1] == [calls[-1]]:
        return frozenset()
    return frozenset((calls[-1][0],))


def _tools(ends: Iterable[str | End | Handoff | None]) -> frozenset[str]:
    return frozenset(end for end in ends if isinstance(end, str))


def _leaving(turns: Sequence[Turn]) -> bool:
    """Whether the customer, who spoke last, wants nothing more."""
    return bool(turns) and turns[-1].role == "user" and _LEAVES.search(turns[-1].text) is not None


def _stuck(turns: Sequence[Turn]) -> bool:
    """Whether a person may take over whatever the flows say: the last answer cannot be meant, or the customer, who was
    asked before, does not want to tell."""
    if not turns:
        return False
    if turns[-1].role == "user":
        return any(turn.role == "reply" for turn in turns) and _REFUSES.search(turns[-1].text) is not None
    call, answered = turns[-2].call if len(turns) > 1 else None, turns[-1].answered
    return call is not None and answered is not None and bool(unsound(call, answered))


def _made(turns: Sequence[Turn]) -> Iterator[Made]:
    """Calls with their answers. One that failed and was made again at once counts as the last of them."""
    found = [
        (turn.call, after.answered)
        for turn, after in pairwise(turns)
        if turn.call is not None and after.answered is not None
    ]
    for n, (call, answered) in enumerate(found):
        again = n + 1 < len(found) and found[n + 1][0].name == call.name
        if answered.ok or not again:
            yield call, answered


def _after(walk: Walk, made: Sequence[Made]) -> str | End | Handoff | None:
    """Where a walk leads after these calls: the tool called next, or its last step; None when it makes others."""
    values: Json = {}
    left = list(made)
    for step, label in zip(walk.steps, walk.labels, strict=True):
        match step:
            case CallTool():
                if not left:
                    return step.tool
                call, answered = left.pop(0)
                if call.name != step.tool or answered.ok == (label == FAILED):
                    return None
                values |= _given(step, call)
                if answered.ok:
                    values |= {slot: field_of_answer(answered.body, at) for slot, at in step.fills.items()}
            case Ask():
                values = {slot: value for slot, value in values.items() if slot not in step.slots}
            case Branch():
                if not _may(step, label, values):
                    return None
            case End() | Handoff():
                return None if left else step
            case _:
                pass
    return None


def _given(step: CallTool, call: Call) -> Json:
    """Slots whose values a call shows."""
    return {
        whole[1]: call.arguments[name]
        for name, template in step.arguments.items()
        if name in call.arguments and isinstance(template, str) and (whole := PLACE.fullmatch(template))
    }


def _may(step: Branch, label: str, values: Json) -> bool:
    """Whether a branch may be left by this arm; conditions of which not all is known hinder nothing."""
    for arm in step.arms:
        taken = (ELSE if arm.when is None else arm.when) == label
        if arm.when is not None:
            condition = parse(arm.when)
            if slots_of(condition) <= values.keys() and holds(condition, values) != taken:
                return False
        if taken:
            return True
    return False
