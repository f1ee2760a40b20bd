"""An assistant that is held to the flows: code keeps the place and makes the calls, what is learnt says what is meant.

The one rule: every step that it takes is one of the flow's, every value in a call was said by the customer or by a
tool, and what it says was worded by an expert (or by the flow itself) with those values in it. What is learnt from
dialogues decides only which of the readings of a message that the flow leaves open is meant.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile
from typing import Any, Literal

from manyshot.agent import hear, loaded_turns, saved_turns
from manyshot.copying import known
from manyshot.data.dialogues.detours import Detour, asked_for, back_to, question_of, words
from manyshot.data.dialogues.mix import Mixer
from manyshot.data.dialogues.units import Unit, with_answer
from manyshot.dialogue.company import Company, filled, sentence, written_out
from manyshot.dialogue.exact import write_observation
from manyshot.dialogue.sound import unsound
from manyshot.flow.steps import Ask, CallTool, End, Flow, Handoff
from manyshot.flow.walker import LostError, Stop, Walker
from manyshot.guided_words import back_words, hand_over_words, left_words, person_words, wants_person
from manyshot.leaving import Leaving, Turning, answers_there, bare, carried, contradicts, returns, turned
from manyshot.listening import PLAIN, Listener, value_in
from manyshot.protocols import World
from manyshot.transcript import Then, Thought, thought_lines
from manyshot.types import LEAVES, REFUSES, Call, Json, Language, Observation, Turn
from manyshot.understanding import Reading, Understanding
from manyshot.values.aloud import aloud

#: Readings less likely than the best by so many nats are not looked at.
FARTHEST = 1.0
#: How much the thinking model's nats count beside the words'.
MODEL = 0.5
#: Messages after one question in which it is not answered, before a person takes over; a stray one counts half, and who
#: does not want to tell is asked only once more.
PATIENCE = 3
#: Characters of a message that are looked at.
LONGEST = 2000
#: Calls between two messages of the customer.
CALLS = 8
#: Nats against a reading that has another number of ids and phones than the message.
WITHOUT = 2.0
#: Nats against an opening that begins no flow: people write to a desk because they want something of it.
STRANGE = 1.5
#: How sure it must be which choice an opening means that nothing depends on yet; else it is asked for.
SURE = 0.75
_WORDS = re.compile(r"\w")
#: Flows that are put aside while another is gone through, and how sure it must be by the words that the first part of a
#: message answers what was asked before the rest leaves it.
MOST_ASIDE, SURELY = 2, 0.6
#: What the thinking model makes of thoughts that may come next: a figure in nats for each.
Weigh = Callable[[Sequence[Turn], Sequence[str]], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Guidance:
    """What one desk's guided assistants share."""

    company: Company
    mixer: Mixer
    understanding: Understanding
    leaving: Leaving
    #: None leaves all to the words.
    weigh: Weigh | None = None


@dataclass(slots=True)
class Aside:
    """A flow that is to be come back to. `asked`: the reply with its open question."""

    walker: Walker
    came: str
    seen: Json
    asked: str

    def save(self) -> Json:
        """All of it as JSON."""
        return {"walker": self.walker.save(), "came": self.came, "seen": self.seen, "asked": self.asked}


@dataclass(slots=True)
class Guided:
    """One conversation; fits protocols.Stepwise."""

    guidance: Guidance
    world: World
    seed: int = 0
    turns: list[Turn] = field(default_factory=list)
    over: Literal["", "ended", "handoff"] = ""
    _walker: Walker | None = None
    #: Step and exit of the call just made, answers of tools by "tool.path", and messages that answered nothing.
    _came: str = ""
    _seen: Json = field(default_factory=dict)
    _idle: float = 0.0
    #: Flows put aside, the last one on top; words that the next reply begins with.
    _aside: list[Aside] = field(default_factory=list)
    _before: str = ""

    @property
    def _language(self) -> Language:
        return self.guidance.company.context.language

    @property
    def _listener(self) -> Listener:
        return Listener(self.guidance.company, self.guidance.understanding.pieces)

    # what is heard

    def hear(self, said: str) -> Sequence[Turn]:
        """See protocols.Assistant."""
        return hear(self, self.world, said)

    def listen(self, said: str) -> Call | None:
        """See protocols.Stepwise."""
        said = said[:LONGEST]
        self.turns.append(Turn(role="user", text=said))
        if not _WORDS.search(said):
            self._ask_again()
            return None
        fresh = self._walker is None or self.over == "ended"
        self.over = ""
        if not fresh and wants_person(said):
            self._say(*person_words(self._language), "handoff")
            return None
        try:
            turned_ = "" if fresh else self._turns_away(said)
            if turned_ == "full":
                self._stray("two_things")
                return None
            if turned_:
                return self._go()
            reading = self._begin(said) if fresh else self._read(self._on_coming_back(said))
            if reading.strays:
                self._stray(reading.strays)
                return None
            return self._go()
        except LostError:
            self._say(*hand_over_words(self._language), "handoff")
            return None

    def observe(self, answered: Observation | None) -> Call | None:
        """See protocols.Stepwise."""
        try:
            if answered is None:
                raise LostError("nothing answered")
            self._observe(answered)
            return self._go()
        except LostError:
            self._say(*hand_over_words(self._language), "handoff")
            return None

    def join(self, said: str, reply: str) -> None:
        """See protocols.Stepwise."""
        self.turns += [Turn(role=role, text=text) for role, text in (("user", said), ("reply", reply)) if text]
        self.over, self._walker, self._came, self._seen, self._idle = "", None, "", {}, 0.0
        self._aside, self._before = [], ""

    def stop(self, reason: str) -> None:
        """See protocols.Stepwise."""
        _, action, reply = hand_over_words(self._language)
        self._say(reason, action, reply, "handoff")

    def save(self) -> Json:
        """See protocols.Stepwise."""
        return {
            "turns": saved_turns(self.turns),
            "over": self.over,
            "walker": self._walker and self._walker.save(),
            "came": self._came,
            "seen": self._seen,
            "idle": self._idle,
            "aside": [one.save() for one in self._aside],
            "before": self._before,
            "seed": self.seed,
        }

    def load(self, saved: Json) -> None:
        """See protocols.Stepwise. ValueError also for a flow that the desk has not (any more)."""
        self.turns = loaded_turns(saved)
        self.over, self._came, self._seen, self._idle, self.seed = (
            saved[key] for key in ("over", "came", "seen", "idle", "seed")
        )
        self._walker = None if saved["walker"] is None else self._loaded(saved["walker"])
        # Conversations that were put away before flows could be have neither.
        self._before = saved.get("before", "")
        self._aside = [Aside(**{**one, "walker": self._loaded(one["walker"])}) for one in saved.get("aside", ())]

    def _loaded(self, saved: Json) -> Walker:
        if (flow := self.guidance.company.flows.get(saved["flow"])) is None:
            raise ValueError(f"the desk has no flow {saved['flow']!r} any more")
        return Walker.load(flow, saved)

    def _ask_again(self) -> None:
        """Who says nothing in words is asked again; a person takes over when that does not help."""
        self._idle += 1
        if self._idle >= PATIENCE:
            self._say(*hand_over_words(self._language), "handoff")
            return
        asked = self._asked_last() if self._walker is not None and self.over != "ended" else ""
        self._say("", "", asked or self._rng().choice(words(self._language).opening.questions), "reply")

    def _asked_last(self) -> str:
        """The last reply; "" at the beginning."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "reply"), "")

    def _begin(self, said: str) -> Reading:
        """The flow that an opening begins, with what it tells."""
        found = self.guidance.understanding.readings("", "", said) or {
            Reading(flow=name): 0.0 for name in self.guidance.company.flows
        }
        self._came, self._seen, self._idle = "", {}, 0.0
        self._walker = None
        reading = self._chosen(found, said)
        if reading.strays:
            return reading
        reading = _without_guesses(reading, found, self.guidance.company.flows)
        self._walker = self._with(Walker(self.guidance.company.flows[reading.flow]), reading, said)
        return reading

    def _turns_away(self, said: str) -> Literal["", "turned", "full"]:
        """Whether a message leaves the question that was put; then the assistant stands where the customer wants. full:
        it would, but too much was put aside already."""
        walker = self._walker
        assert walker is not None
        if not isinstance(walker.flow.by_id[walker.at], Ask):
            return ""
        opens = partial(self.guidance.understanding.readings, "", "")
        found = turned(said, walker, self._listener, self.guidance.leaving, opens)
        if found is None:
            return "turned" if self._goes_back(said) else ""
        if not found.drops and len(self._aside) >= MOST_ASIDE:
            return "full"
        self._turn(found, walker)
        return "turned"

    def _turn(self, found: Turning, walker: Walker) -> None:
        """Begin another flow, with what both take; the first is put aside, or dropped."""
        flow = self.guidance.company.flows[found.flow]
        fresh = Walker(flow)
        kept = carried(walker, flow, self._listener, found.opening)
        for slot, value in kept.items():
            fresh.put(slot, value)
        answer = self._sure_answer(walker, found.answer)
        said = bare(found.opening)
        if not answer and said == found.opening:
            said = f"{found.answer}{said}"
        # Openings are learnt with the ids that customers tell in them.
        whole = " ".join((said, *map(str, kept.values())))
        openings = self.guidance.understanding.readings("", "", whole)
        own = {one: nats for one, nats in openings.items() if one.flow == flow.name}
        if flow is walker.flow:
            own = {one: nats for one, nats in own.items() if contradicts(one, walker)}
        own = own or {Reading(flow.name): 0.0}
        if found.drops:
            self._before = left_words(self._language)
        else:
            if answer:
                walker = self._with(walker, answer, found.answer)
            self._aside.append(Aside(walker, self._came, self._seen, self._asked_last()))
        self._came, self._seen, self._idle = "", {}, 0.0
        reading = _without_guesses(self._chosen(own, whole), own, self.guidance.company.flows)
        self._walker = self._with(fresh, reading, said)

    def _goes_back(self, said: str) -> bool:
        """Whether a message answers the question of the flow put aside: after an answer to this one, or instead of one;
        then the two change places."""
        walker = self._walker
        if not self._aside or walker is None:
            return False
        back = self._aside[-1]
        here, there = returns(said) or ("", said)
        told = answers_there(said, walker, back.walker, self._listener)
        if (answer := self._sure_answer(back.walker, there)) is None or not (told or returns(said)):
            return False
        if here and (first := self._sure_answer(walker, here)):
            self._with(walker, first, here)
        elif here and not told:
            return False
        else:
            self._aside[-1] = Aside(walker, self._came, self._seen, self._asked_last())
            self._walker, self._came, self._seen, self._idle = back.walker, back.came, back.seen, 0.0
        self._with(back.walker, answer, bare(there))
        return True

    def _on_coming_back(self, said: str) -> str:
        """An answer to a question that was put again without its "as for the first thing"."""
        lead = back_words(self._language, "")[1].strip()
        return bare(said) if lead in self._asked_last() else said

    def _sure_answer(self, walker: Walker, said: str) -> Reading | None:
        """What a part of a message answers to the question of a walk; None where that is not sure."""
        if not said or not isinstance(walker.flow.by_id[walker.at], Ask):
            return None
        found = self.guidance.understanding.readings(walker.flow.name, walker.at, said) or {Reading(): 0.0}
        asked = walker.asks()
        best = max(found, key=lambda one: found[one])
        if not self._listener.typed(said, walker, asked).keys().isdisjoint(asked):
            return Reading() if best.strays else best
        return best if best.choices and not best.strays and math.exp(found[best]) >= SURELY else None

    def _read(self, said: str) -> Reading:
        """What an answer means; the walker knows it afterwards."""
        walker = self._walker
        assert walker is not None
        at = self._asking()
        found = self.guidance.understanding.readings(walker.flow.name, at.id, said) or dict.fromkeys(
            _all(walker.flow, at), 0.0
        )
        asked = walker.asks()
        if not self._listener.typed(said, walker, asked).keys().isdisjoint(asked):
            # Who gives what was asked for has answered, whatever else is said.
            found = {one: nats for one, nats in found.items() if not one.strays} or {Reading(): 0.0}
        reading = self._chosen(found, said)
        if not reading.strays:
            self._walker = self._with(walker, reading, said)
        return reading

    def _asking(self) -> Ask:
        assert self._walker is not None
        step = self._walker.flow.by_id[self._walker.at]
        if not isinstance(step, Ask):
            raise LostError(f"nothing is asked at {step.id}")
        return step

    def _chosen(self, found: Mapping[Reading, float], said: str) -> Reading:
        """The likeliest reading, by the words, by the values among them and by the thinking model together."""
        found = {one: nats - self._unlike(one, said) for one, nats in found.items()}
        best = max(found.values())
        near = sorted((r for r, nats in found.items() if nats > best - FARTHEST), key=lambda r: (-found[r], r.order))
        if self.guidance.weigh is None or len(near) == 1:
            return near[0]
        lines = {reading: self._first_lines(reading, said) for reading in near}
        options = list(dict.fromkeys(line for own in lines.values() for line in own))
        if len(options) < 2:
            return near[0]
        nats = dict(zip(options, self.guidance.weigh(self.turns, options), strict=True))
        told = {r: max((nats[line] for line in own), default=min(nats.values())) for r, own in lines.items()}
        return max(near, key=lambda reading: found[reading] + MODEL * told[reading])

    def _unlike(self, reading: Reading, said: str) -> float:
        """Nats against a reading: for values that it has and the message has not, and the reverse."""
        if reading.strays:
            return STRANGE if not self._walker else 0.0
        if not reading.flow:
            return 0.0
        flow = self.guidance.company.flows[reading.flow]
        own = {slot: value_in(form, said) for slot, form in self._listener.forms(flow) if form.kind in PLAIN}
        there = {slot for slot, value in own.items() if value is not None}
        lacking = WITHOUT * sum(slot in reading.tells for slot in own.keys() - there)
        strange = there.isdisjoint(reading.tells) if there else bool(known((said,)))
        return lacking + WITHOUT * strange

    def _first_lines(self, reading: Reading, said: str) -> list[str]:
        """How thoughts after a reading begin: Think and Action of the wordings that fit, a few of them."""
        if reading.strays:
            think, action, _ = self._detour(reading.strays)
            return ["".join(thought_lines(Thought(think, action, "reply"))[:2])]
        fork = (self._walker.fork() if self._walker and not reading.flow else None) or Walker(
            self.guidance.company.flows[reading.flow]
        )
        try:
            stop = self._with(fork, reading, said).next()
        except LostError:
            return []
        thoughts = self._wordings(stop, fork, limit=2)
        return ["".join(thought_lines(Thought(think, action, "reply"))[:2]) for think, action, _ in thoughts]

    def _with(self, walker: Walker, reading: Reading, said: str) -> Walker:
        """A walker that has heard a message in one reading of it."""
        walker.hear()
        for slot, value in reading.choices:
            walker.put(slot, value)
        for slot, value in self._listener.values(said, walker, reading.tells, insist=self._idle > 0).items():
            walker.put(slot, value)
        return walker

    # what is done

    def _go(self) -> Call | None:
        """Step by step to the next call, or until the customer is to speak."""
        walker, back = self._walker, None
        assert walker is not None
        for _ in range(CALLS - self._called()):
            stop = walker.next()
            if isinstance(stop.step, CallTool):
                return self._call(stop, walker)
            if isinstance(stop.step, End) and self._aside:
                back = self._come_back(stop, walker)
                walker = back.walker
                continue
            if back is not None and stop.again:
                # Of a question that was put again before, the question alone.
                question = question_of(back.asked).rpartition(back_words(self._language, "")[1])[2]
                self._say("", *back_words(self._language, question), "reply")
                return None
            if isinstance(stop.step, Ask) and not stop.again and self._told_before(stop, walker):
                continue
            self._idle = self._idle + 1 if stop.again else 0
            if self._idle >= PATIENCE:
                raise LostError("the question was not answered")
            then: Then = "reply"
            if isinstance(stop.step, End | Handoff):
                then = "end" if isinstance(stop.step, End) else "handoff"
            self._say(*self._worded(stop, walker), then)
            self._came = ""
            return None
        raise LostError("too many calls without an end")

    def _come_back(self, stop: Stop, walker: Walker) -> Aside:
        """Where a flow ends that was gone through between, go on with the one put aside; the end is told with what is
        said next."""
        _, _, reply = self._worded(stop, walker)
        back = self._aside.pop()
        self._before = self._joined(self._before, reply)
        self._walker, self._came, self._seen, self._idle = back.walker, back.came, back.seen, 0.0
        return back

    def _called(self) -> int:
        """Calls since the customer spoke."""
        return sum(turn.call is not None for turn in takewhile(lambda turn: turn.role != "user", reversed(self.turns)))

    def _told_before(self, stop: Stop, walker: Walker) -> bool:
        """Whether the customer named one of the moments on offer already: day and hour, or an hour just now."""
        said = [turn.text for turn in self.turns if turn.role == "user"]
        told = self._listener.chosen(said, walker, stop.missing)
        for slot, value in told.items():
            walker.put(slot, value)
        return bool(told)

    def _call(self, stop: Stop, walker: Walker) -> Call:
        step = stop.step
        assert isinstance(step, CallTool)
        think, action, _ = self._worded(stop, walker)
        given = written_out(step.arguments, walker.values)
        call = Call(name=step.tool, arguments={name: value for name, value in given.items() if value is not None})
        if think:
            self.turns.append(Turn(role="think", text=think))
        self.turns.append(Turn(role="action", text=action or step.tool, call=call))
        return call

    def _observe(self, answered: Observation) -> None:
        """Take in the answer to the call that was made last."""
        walker, call = self._walker, self.turns[-1].call
        assert walker is not None
        assert call is not None
        step = walker.flow.by_id[walker.at]
        assert isinstance(step, CallTool)
        self.turns.append(Turn(role="observation", text=write_observation(answered), answered=answered))
        if answered.ok and (wrong := unsound(call, answered)):
            raise LostError(f"an answer that cannot be meant: {wrong}")
        walker.answered(step, filled(step, answered))
        if answered.ok:
            self._seen = {k: v for k, v in with_answer(self._seen, step, answered.body).items() if "." in k}
        self._came = walker.last

    def _say(self, think: str, action: str, reply: str, then: Then) -> None:
        if reply:
            reply, self._before = aloud(self._joined(self._before, reply), self.guidance.company.context), ""
        for role, text in (("think", think), ("action", action), ("reply", reply)):
            if text:
                self.turns.append(Turn(role=role, text=" ".join(text.split())))
        self.over = {"handoff": "handoff", "end": "ended"}.get(then, "")  # type: ignore[assignment]
        if self.over:
            self._aside = []

    def _joined(self, first: str, then: str) -> str:
        return f"{first}{'' if self._language == 'zh' else ' '}{then}" if first else then

    def _stray(self, kind: str) -> None:
        """Answer what does not belong here, and come back to the question, if there is one; who leaves is let go."""
        self._idle += 0.5 if kind != REFUSES else PATIENCE / 2
        if self._idle >= PATIENCE:
            raise LostError("the question was not answered")
        think, action, reply = self._detour(kind)
        if kind == LEAVES:
            self._say(think, action, reply, "end")
            self._walker = None
            return
        asked = self._asked_last() if self._walker else ""
        self._say(think, action, back_to(reply, asked, self._language, self._rng()), "reply")

    # words

    def _detour(self, kind: str) -> tuple[str, str, str]:
        said = words(self._language)
        detour: Detour = said.leaving if kind == LEAVES else said.detours.get(kind, said.detours["off_topic"])
        asked = said.opening.asked
        if self._walker is not None:
            asked = asked_for(self._walker.flow, self._asking().slots, self._language)
        rng = self._rng()
        think, action, reply = (rng.choice(texts) for texts in (detour.think, detour.action, detour.reply))
        return think.format(asked=asked), action.format(asked=asked), reply

    def _worded(self, stop: Stop, walker: Walker) -> tuple[str, str, str]:
        """Think, Action and reply for a step."""
        found = self._wordings(stop, walker, limit=8)
        return self._rng().choice(found) if found else _plain(stop, walker, self._language)

    def _wordings(self, stop: Stop, walker: Walker, limit: int) -> list[tuple[str, str, str]]:
        """Experts' words (then drafts') for a step, with the values of this conversation in them."""
        values = {**self._seen, **walker.values}
        places = self.guidance.mixer.places[walker.flow.name]
        said = places.own_words(" ".join(turn.text for turn in self.turns if turn.role == "user"))
        before = [turn.text for turn in self.turns if turn.role in ("user", "observation")]
        found: list[tuple[str, str, str]] = []
        for unit in self._units(stop, walker, values, said):
            rng = random.Random(f"{self.seed} {unit.shot} {unit.step}")
            think, action, reply = (places.by_assistant(text, values, before, rng, alike=True) for text in unit.texts)
            found.append((think, action, reply))
            if len(found) >= limit:
                break
        return found

    def _units(self, stop: Stop, walker: Walker, values: Json, said: set[str]) -> Iterator[Unit]:
        places = self.guidance.mixer.places[walker.flow.name]
        for key in self._keys(stop, walker):
            yield from self.guidance.mixer.fitting(key, values, said, places)

    def _keys(self, stop: Stop, walker: Walker) -> Iterator[tuple[Any, ...]]:
        """Keys of units for a step (see `units`): what is told on the way stands in the same reply, or is its own."""
        told = tuple(step.id for step in stop.told)
        at = (stop.branches[-1:], stop.missing, stop.again)
        steps: Iterable[tuple[tuple[str, ...], str, tuple[str, ...]]] = [(told, stop.step.id, ())]
        if isinstance(stop.step, End | Handoff):
            steps = [*[(told[:n], told[n], (*told[n + 1 :], stop.step.id)) for n in range(len(told))], *steps]
        for before, own, ends in steps:
            round_ = stop.round if own == stop.step.id else 1
            for come in dict.fromkeys((self._came, "")):
                for branch in dict.fromkeys((at[0], ())):
                    yield "thought", walker.flow.name, come, branch, before, own, round_, ends, at[1], at[2]

    def _rng(self) -> random.Random:
        return random.Random(f"{self.seed} {len(self.turns)} {self.turns[0].text}")


def _without_guesses(chosen: Reading, found: Mapping[Reading, float], flows: Mapping[str, Flow]) -> Reading:
    """A reading without choices that are hardly likelier than others; what the assistant judges is always judged."""
    same = {one: math.exp(nats) for one, nats in found.items() if one.flow == chosen.flow and not one.strays}
    kept = []
    for slot, value in chosen.choices:
        sure = sum(p for one, p in same.items() if (slot, value) in one.choices)
        if flows[chosen.flow].slots[slot].judged or sure >= SURE * sum(same.values()):
            kept.append((slot, value))
    return replace(chosen, choices=tuple(kept))


def _all(flow: Flow, at: Ask) -> list[Reading]:
    """Readings of a question that no dialogue shows: each of its choices."""
    slots = [slot for slot in at.slots if flow.slots[slot].values]
    return [Reading(choices=((slot, value),)) for slot in slots for value in flow.slots[slot].values] or [Reading()]


def _plain(stop: Stop, walker: Walker, language: Language) -> tuple[str, str, str]:
    """The flow's own words, where nobody worded a step."""
    own, zh = stop.step, language == "zh"
    if isinstance(own, CallTool):
        return "", f"{own.tool}: {written_out(own.arguments, walker.values)}", ""
    texts = [step.text for step in stop.told]
    match own:
        case Ask() if stop.again and stop.missing < set(own.slots):
            missing = [slot for slot in own.slots if slot in stop.missing]
            names = asked_for(walker.flow, missing, language)
            texts = [f"还要请您告诉我{names}。" if zh else f"Could you please tell me this too: {names}?"]
        case Ask():
            texts.append(own.text or asked_for(walker.flow, own.slots, language))
        case End():
            texts.append(own.outcome)
        case Handoff():
            texts.append(own.reason)
    told = " ".join(sentence(text, walker.values, language) for text in texts)
    return "", told, told
