"""Whether a customer in the middle of a flow wants what another flow does: where to, and what becomes of the first.

The one rule: a message stays an answer unless its words, or what follows its first clauses, look more like the opening
of another flow; what tells them apart is learnt from the desk's own dialogues. Words by which people of any desk turn
away ("before that", 算了) and values that the first flow has no place for count beside.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from manyshot.flow.graph import reached
from manyshot.flow.steps import Ask, Flow
from manyshot.flow.walker import Walker
from manyshot.listening import PLAIN, Listener, value_in
from manyshot.types import Language
from manyshot.understanding import Heard, Place, Reading, clauses, fitted, masked
from manyshot.values import Kind
from manyshot.values.kinds import FREE

#: Nats for leaving: that a word of turning away stands there, that a value stands there which has no place in the flow.
#: Against it: that what was asked for is answered, that any words may answer and none of them turns away.
CUE, FOREIGN, ANSWERED, FREELY = 1.5, 3.0, 4.0, 1.5
#: Odds of words, at least, beside a value that has no place: a small desk has heard few words.
UNHEARD = -2.0
#: How much it counts, in parts, that a message that opened a conversation would rather begin a third flow.
OPENS = 0.5
#: Nats from which on a customer leaves.
LEAVES_FROM = 2.0
#: The first flow is dropped.
_DROPS = re.compile(
    r"算了|算啦|拉倒|干脆|改主意|不如|其实|(?:先)?不(?:想|用|要)?[弄办改修取查约报投退搞撤]\w{0,3}了|先别(?:取消|改|退|约|修)"
    r"|\b(?:forget|never ?mind|actually|instead|rather|scrap|leave (?:it|that)|changed my mind|don't bother"
    r"|on second thou?ghts?)\b",
    re.IGNORECASE,
)
#: It is to be come back to.
_BESIDE = re.compile(
    r"(?:^|[，,。\s你您我])先(?!生)|等一?[下等]|等会|稍等|慢着|对了|顺便|顺带|另外|在这之前|插一句|话说"
    r"|\b(?:before (?:that|we|you|i)|first|hang on|hold on|wait|(?:one|just a) (?:sec|second|moment|minute)"
    r"|one more thing|by the way|btw|while (?:we|i)|quick question|also|meanwhile)\b",
    re.IGNORECASE,
)
#: What follows is about the flow that was put aside.
_BACK = re.compile(
    r"^(?:那|好|嗯)?(?:刚才|之前说|回到|说回|至于)"
    r"|^(?:(?:ok|okay|right|so|well|and|now)[,.]?\s+)*(?:back to|as for|now)\b",
    re.IGNORECASE,
)
#: Words that turn back or away and say nothing else, before what is meant.
_LEAD = re.compile(
    r"^(?:(?:对了|等一?下|等等|等会儿?|稍等|慢着|那?算了|哎|嗯|顺便)[，,。！!\s]*)+"
    r"|^(?:(?:ok|okay|right|so|well|and)[,.]?\s+)*(?:now|back to|as for)\s+(?:the|my|that)\s+\w+\s*[:,.-]\s*"
    r"|^(?:(?:oh|wait|hang on|hold on|by the way|btw|(?:one|just a) (?:sec|second|moment|minute))[\s,.!-]*)+",
    re.IGNORECASE,
)


#: What an opening means: readings in nats.
Opens = Callable[[str], Mapping[Reading, float]]


@dataclass(frozen=True, slots=True)
class Turning:
    """A customer turns away. `answer`: the words before that answer the question, "" for none; `opening`: those that
    begin `flow`; `drops`: whether the first flow is not to be come back to."""

    flow: str
    answer: str
    opening: str
    drops: bool


@dataclass(frozen=True, slots=True)
class Leaving:
    """Fitted to the dialogues of one desk: whose words a message has, an answer's in some flow or a flow's opening."""

    place: Place

    @staticmethod
    def fit(
        found: Iterable[Heard], about: Mapping[str, Iterable[str]], strays: Collection[str], language: Language
    ) -> Leaving:
        """about: flow -> more words for what it does. strays: what customers say beside all flows; no opening has
        their words."""
        texts = {Reading(name): {masked(text): None for text in own} for name, own in about.items()}
        for one in found:
            if not one.at and one.means.flow and not any(stray in one.text for stray in strays):
                own = Reading(one.means.flow, one.means.choices)
                texts.setdefault(own, {})[masked(one.text)] = None
            elif one.at:
                parts = clauses(one.text)
                for n in range(len(parts)):
                    said = one.text if not n else "，".join(parts[n:])
                    texts.setdefault(Reading(one.flow, strays=one.at), {})[masked(said)] = None
        return Leaving(fitted(texts, language))

    def odds(self, text: str, walker: Walker) -> dict[str, float]:
        """Flow -> how much likelier its opening is than anything said on this walk, in nats. An opening of the walk's
        own flow counts where it wants another choice than was made."""
        stays: list[float] = []
        leaves: dict[str, list[float]] = {}
        ahead = walker.rounds.keys() | reached(walker.flow, walker.at)
        for own, nats in self.place.likely(text).items():
            if own.flow != walker.flow.name:
                if not own.strays:
                    leaves.setdefault(own.flow, []).append(nats)
            elif contradicts(own, walker) if not own.strays else own.strays not in ahead:
                leaves.setdefault(own.flow, []).append(nats)
            else:
                stays.append(nats)
        return {name: _sum(leaves[name]) - _sum(stays) for name in sorted(leaves)}


def turned(said: str, walker: Walker, listener: Listener, leaving: Leaving, opens: Opens) -> Turning | None:
    """Where a customer who was asked something in a flow turns to; None for one who answers, or strays.

    opens: what a message would mean that opened the conversation, in nats.
    """
    best, most = None, LEAVES_FROM
    for before, tail, cued in _tails(said):
        openings = opens(tail)
        behind = _behind(openings)
        for name, odds in leaving.odds(tail, walker).items():
            flow = listener.company.flows[name]
            if flow is walker.flow and not (_DROPS.search(said) and _begins_anew(openings, walker)):
                continue
            nats = _weighed(odds, tail, walker, flow, listener, cued=cued) + OPENS * behind.get(name, 0.0)
            if nats > most:
                drops = bool(_DROPS.search(said)) or (
                    not _BESIDE.search(said) and bool(carried(walker, flow, listener, tail))
                )
                best, most = Turning(name, before, tail, drops), nats
    return best


def _begins_anew(openings: Mapping[Reading, float], walker: Walker) -> bool:
    """Whether a message, as an opening of the walk's own flow, rather wants another choice than was made."""
    own = {one: math.exp(nats) for one, nats in openings.items() if one.flow == walker.flow.name and one.choices}
    return 2 * sum(share for one, share in own.items() if contradicts(one, walker)) > sum(own.values())


def _behind(found: Mapping[Reading, float]) -> dict[str, float]:
    """Flow -> how far an opening of it is behind the likeliest, in nats."""
    logs: dict[str, list[float]] = {}
    for own, nats in found.items():
        if own.flow:
            logs.setdefault(own.flow, []).append(nats)
    sums = {name: _sum(own) for name, own in logs.items()}
    return {name: nats - max(sums.values()) for name, nats in sums.items()}


def contradicts(opening: Reading, walker: Walker) -> bool:
    """Whether it wants another choice than was made on the walk, of what is not asked for just now. What the assistant
    judges is no choice."""
    return not opening.strays and any(
        slot not in walker.asks() and walker.values.get(slot, value) != value and not walker.flow.slots[slot].judged
        for slot, value in opening.choices
    )


def _tails(said: str) -> Iterator[tuple[str, str, bool]]:
    """(what stands before and may be an answer, the rest, whether words of turning away stand in it or before it)"""
    starts, away, at = [], [], 0
    for part in clauses(said):
        at = said.index(part, at)
        starts.append(at)
        away.append(bool(_DROPS.search(part) or _BESIDE.search(part)))
        at += len(part)
    for n, start in enumerate(starts):
        # What turns away answers nothing.
        first = next((k for k in range(n) if away[k]), n)
        yield said[: starts[first]].strip(), said[start:], first < n or any(away[n:])


def _weighed(odds: float, tail: str, walker: Walker, flow: Flow, listener: Listener, *, cued: bool) -> float:
    """Nats for leaving, by the words and by what they do not tell."""
    asked = walker.asks()
    forms = dict(listener.forms(walker.flow))
    choices = [slot for slot in asked if walker.flow.slots[slot].values]
    free = not choices and any(slot not in forms or forms[slot].kind in FREE for slot in asked)
    answered = not listener.typed(tail, walker, asked).keys().isdisjoint(asked)
    if _foreign(tail, walker, flow, listener):
        # A value that has no place here tells more than words that a small desk never heard.
        odds = max(odds, UNHEARD) + FOREIGN
    return odds + CUE * cued - ANSWERED * answered - FREELY * (free and not cued)


def _foreign(tail: str, walker: Walker, flow: Flow, listener: Listener) -> bool:
    """Whether a value stands there that the other flow takes, and that this one does not or knows as another."""
    own, ahead = dict(listener.forms(walker.flow)), asked_ahead(walker)
    for slot, form in listener.forms(flow):
        if slot in ahead or form.kind not in PLAIN | {Kind.DATE}:
            continue
        value = value_in(form, tail)
        if value is None:
            continue
        if not any(one.kind is form.kind for one in own.values()):
            return True
        if form.kind in PLAIN and walker.values.get(slot) not in (None, value):
            return True
    return False


def carried(walker: Walker, flow: Flow, listener: Listener, said: str) -> Mapping[str, object]:
    """Ids, phones and such that the customer told in one flow and another takes too, unless the message has its own."""
    filled = {slot for step in walker.flow.steps for slot in getattr(step, "fills", ())}
    return {
        slot: walker.values[slot]
        for slot, form in listener.forms(flow)
        if form.kind in PLAIN and slot not in filled and slot in walker.values and value_in(form, said) is None
    }


def returns(said: str) -> tuple[str, str] | None:
    """(what answers this question, what speaks of the flow put aside) in a message; None for one that does not."""
    part = next((part for part in clauses(said) if _BACK.match(part)), None)
    return None if part is None else (said[: said.index(part)].strip(), said[said.index(part) :])


def asked_ahead(walker: Walker) -> set[str]:
    """Slots that are asked for here or may be from here on."""
    ahead = reached(walker.flow, walker.at)
    return {slot for step in walker.flow.steps if step.id in ahead and isinstance(step, Ask) for slot in step.slots}


def answers_there(said: str, walker: Walker, aside: Walker, listener: Listener) -> bool:
    """Whether a value stands in a message (a day, an id, a number) that the question of the flow put aside asks for and
    that this flow, from here on, does not."""
    asked, ahead = aside.asks(), asked_ahead(walker)
    kinds = {form.kind for slot, form in listener.forms(walker.flow) if slot in ahead}
    told = listener.typed(said, aside, asked)
    return any(slot in told and form.kind not in kinds for slot, form in listener.forms(aside.flow) if slot in asked)


def bare(said: str) -> str:
    """A message without words at its beginning that turn away or back and say nothing else."""
    return _LEAD.sub("", said) or said


def _sum(logs: Iterable[float]) -> float:
    return math.log(sum(map(math.exp, logs)) + 1e-9)
