"""A plan and the units of experts -> one dialogue.

The one rule: structure, calls and answers are the plan's; words are the experts', where their key and values fit.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from manyshot.data.dialogues.detours import (
    ANSWER,
    CALL,
    EARLY,
    FAULTS,
    ORDER,
    Detour,
    asked_for,
    back_to,
    dressed,
    words,
    yes_or_no,
)
from manyshot.data.dialogues.places import Place, Places, Template
from manyshot.data.dialogues.units import Key, Moments, Skeleton, Unit
from manyshot.data.slots import Slot
from manyshot.dialogue.changes import changes, expected_of
from manyshot.dialogue.company import Company
from manyshot.dialogue.exact import write_observation
from manyshot.dialogue.plan import Plan
from manyshot.dialogue.wording import complete, label
from manyshot.dialogue.wording import words as words_of
from manyshot.errors import DataError
from manyshot.flow.steps import FAILED, PLACE, Ask, Branch, CallTool
from manyshot.flow.words import hands_over
from manyshot.types import (
    LEAVES,
    REFUSES,
    Call,
    CallFault,
    FaultKind,
    Json,
    Observation,
    Saying,
    Trajectory,
    Turn,
)
from manyshot.values import Kind
from manyshot.world.answers import wrong

AUTHOR = "recombined"
#: Fewer wordings than this of one place, and the flow's own words are another.
FEW = 3
#: How often those are taken, beside an expert's.
DRAFT_WEIGHT = 0.3
#: Part of the answers to questions of yes or no that are a word or two.
SHORT = 0.6
#: Part of the moments that are named by their hour where the day was spoken of.
CLOCK = 0.8
_MOMENTS = frozenset({Kind.DATE, Kind.TIME, Kind.DATETIME})
#: Kinds of values of which another one may be said by mistake.
_MISTAKEN = frozenset({Kind.ID, Kind.PHONE, Kind.PERSON, Kind.DATE})


class NoWordsError(DataError):
    """No expert's words fit at some place with these values."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What a customer must have said without a value. `choices`: on which the way to the assistant's next step depends;
    `asked`: those that it asks for, which may be said already; `tells`: free slots of questions that are answered."""

    choices: Json
    asked: Json
    tells: frozenset[str]

    def fits(self, saying: Saying) -> bool:
        """Whether a saying means just this."""
        return (
            self.tells == frozenset(saying.tells)
            and self.choices.items() <= saying.when.items() <= {**self.asked, **self.choices}.items()
        )


@dataclass(slots=True)
class Mixer:
    """All units of a domain."""

    company: Company
    places: dict[str, Places] = field(default_factory=dict)
    sayings: Sequence[Saying] = ()
    _bank: defaultdict[Key, list[Unit]] = field(default_factory=lambda: defaultdict(list))
    _experts: set[str] = field(default_factory=set)
    _handing: dict[str, list[tuple[str, str, Unit]]] = field(default_factory=dict)

    def add(self, skeletons: Iterable[Skeleton]) -> None:
        """Learn the words of dialogues."""
        for one in skeletons:
            self._experts.add(one.shot)
            for unit in one.units:
                if unit.texts:
                    self._bank[unit.key].append(unit)

    def add_few(self, skeletons: Iterable[Skeleton]) -> None:
        """Learn how drafts word what the assistant does, where experts gave few wordings."""
        for one in skeletons:
            for unit in one.units:
                there = self._bank[unit.key]
                texts = [other.texts for other in there]
                if unit.texts and unit.key[0] == "thought" and len(there) < FEW and unit.texts not in texts:
                    there.append(unit)

    def room(self, bones: Skeleton, kind: str) -> bool:
        """Whether a dialogue of this kind may be made from these bones, as far as can be told before its values."""
        steps = bones.walk.steps
        if kind in (CALL, ORDER, *FAULTS):
            return any(isinstance(step, CallTool) for step in steps)
        if kind == "plain" or kind in EARLY:
            return True
        places = self.places[bones.flow]
        for unit in bones.units:
            step = steps[unit.step] if unit.step >= 0 else None
            if kind == ANSWER and unit.key[0] == "heard":
                if any(places.may_be(key, _MISTAKEN) for key in unit.key[-1] if "." not in key):
                    return True
                continue
            if unit.key[0] != "heard" or not isinstance(step, Ask):
                continue
            if kind == "impossible_time" and not any(places.may_be(slot, _MOMENTS) for slot in step.slots):
                continue
            return True
        return False

    def places_of(self, found: Iterable[Skeleton]) -> dict[str, int]:
        """Steps of flows at which the assistant speaks or acts -> how many ways there are to word it there."""
        ways: defaultdict[str, set[tuple[Any, ...]]] = defaultdict(set)
        for unit in (unit for one in found for unit in one.units if unit.key[0] == "thought"):
            ways[f"{unit.key[1]}.{unit.key[5]}"] |= {other.parts_only for other in self._bank[unit.key]}
        return {place: len(texts) for place, texts in ways.items()}

    def mix(self, bones: Skeleton, plan: Plan, kind: str, persona: str, rng: random.Random, name: str) -> Trajectory:
        """One dialogue; NoWordsError when some place cannot be worded, or has no room for this kind."""
        writer = _Writer(self, bones, plan, kind, persona, rng)
        writer.run()
        return Trajectory(
            id=name, flow=plan.path.flow, path=plan.path.id, author=AUTHOR, setup=writer.setup,
            turns=tuple(writer.turns), expected=writer.expected, kind=kind,
        )  # fmt: skip

    def failed(self, flow: str, step: CallTool) -> list[Unit]:
        """Experts' words where a person takes over at once because a call failed."""
        if flow not in self._handing:
            self._handing[flow] = [
                (unit.key[2], unit.key[5], unit)
                for key, units in self._bank.items()
                if key[0] == "thought" and key[1] == flow and key[2].endswith(f"={FAILED}")
                for unit in units
                if unit.shot in self._experts and hands_over(unit.texts[1].literal)
            ]
        return [unit for came, at, unit in self._handing[flow] if came == f"{step.id}={FAILED}" and at == step.failed]

    def fitting(self, key: Key, values: Json, said: set[str], places: Places) -> list[Unit]:
        """Units of experts and drafts that fit the values and what the customer told."""
        return [
            unit
            for unit in self._bank.get(key, ())
            if unit.echo <= said and all(places.fits(text, values) for text in unit.texts)
        ]

    def heard_at(self, flow: str, asked: str, meant: Meant) -> list[Template]:
        """What customers say where they answer a question (`asked`; "" opens) and mean this."""
        return [
            Template(tuple(parted(text)), {})
            for one in self.sayings
            if one.flow == flow and one.at == asked and meant.fits(one)
            for text in one.says
        ]

    def choose(self, key: Key, values: Json, said: set[str], places: Places, rng: random.Random) -> Unit:
        """Words for a place that fit the values and what the customer told."""
        fitting = self.fitting(key, values, said, places)
        if not fitting:
            raise NoWordsError(
                f"no wording fits at {key[1]}: {key[0]} {key[2] or 'opening' if key[0] == 'heard' else key[5]}"
            )
        return rng.choices(fitting, [1.0 if unit.shot in self._experts else DRAFT_WEIGHT for unit in fitting])[0]


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A call that the API refuses for one of its fields, and what that should be."""

    call: Call
    slot: Slot
    right: str


class _Writer:
    """One dialogue under way."""

    def __init__(self, mixer: Mixer, bones: Skeleton, plan: Plan, kind: str, persona: str, rng: random.Random) -> None:
        self.mixer, self.bones, self.plan, self.kind, self.persona, self.rng = mixer, bones, plan, kind, persona, rng
        self.company = mixer.company
        self.language = self.company.context.language
        self.places = mixer.places[plan.path.flow]
        self.moments = Moments.of_plan(plan)
        self.setup = plan.setup
        self.turns: list[Turn] = []
        self.start = self.company.begun(plan.setup)
        self.expected: Json = {}
        #: Stands before the next thought: the answer before it holds an order.
        self._unmoved = ""

    def run(self) -> None:
        spot = self._spot()
        self.world = self.company.open(self.setup)
        units = self.bones.units
        for n, unit in enumerate(units):
            if unit.key[0] == "heard":
                then = units[n + 1].step
                if n == spot and self._stray(unit):
                    break
                self._heard(unit, then, corrected=n == spot and self.kind == ANSWER)
            elif n != spot:
                self._thought(unit)
            elif self._odd_call(unit):
                break
        self.expected = expected_of(changes(self.start, self.world.state()))

    def _spot(self) -> int:
        """The unit at which this kind of dialogue leaves the plain way; -1 for plain ones."""
        if self.kind == "plain":
            return -1
        able = [n for n, unit in enumerate(self.bones.units) if self._able(unit)]
        if not able and self.kind in EARLY and self.bones.units[0].key[0] == "heard":
            return 0
        if not able:
            raise NoWordsError(f"no place for {self.kind}")
        # What breaks a path off does so late, mostly: the beginnings of paths are alike.
        weights = range(1, len(able) + 1) if self.kind in FAULTS else [1] * len(able)
        return self.rng.choices(able, weights)[0]

    def _able(self, unit: Unit) -> bool:
        step = self.plan.walk.steps[unit.step] if unit.step >= 0 else None
        if self.kind in (CALL, ORDER, *FAULTS):
            if unit.key[0] != "thought" or not isinstance(step, CallTool):
                return False
            done = self.plan.done[unit.step]
            if self.kind == CALL:
                return done.call is not None and bool(self._wrong_calls(done.call))
            if self.kind == ORDER:
                return done.call is not None and not self._to_fail(done.call.name, unit.step)
            return True
        if self.kind == ANSWER:
            return unit.key[0] == "heard" and self._correctable(unit) is not None
        if unit.key[0] != "heard" or not isinstance(step, Ask):
            return False
        if self.kind == REFUSES:
            return self._telling(step) or not any(
                isinstance(one, Ask) and self._telling(one)
                for one in (
                    self.plan.walk.steps[u.step] for u in self.bones.units if u.key[0] == "heard" and u.step >= 0
                )
            )
        if self.kind == "impossible_time":
            return any(self._is_moment(slot, unit.step) for slot in step.slots)
        return True

    def _telling(self, step: Ask) -> bool:
        """Whether a question asks for something to be told, and not to be chosen."""
        slots = self.company.flows[self.plan.path.flow].slots
        return any(not slots[slot].values for slot in step.slots)

    def _is_moment(self, slot: str, step: int) -> bool:
        value = self.moments.after(step).get(slot)
        return isinstance(value, str) and self.places.slot(slot, value).field.kind in _MOMENTS

    # what is said

    def _said(self) -> set[str]:
        return self.places.own_words(" ".join(turn.text for turn in self.turns if turn.role == "user"))

    def _before(self) -> list[str]:
        return [turn.text for turn in self.turns if turn.role in ("user", "observation")]

    def _heard(self, unit: Unit, then: int, *, corrected: bool = False) -> None:
        known = self.moments.heard(then, again=unit.key[5])
        if not corrected and (plain := self._saying(unit, then, known) or self._short(unit)) is not None:
            self._add("user", dressed(plain, self.persona, self.language, self.rng, first=not self.turns))
            return
        chosen = self.mixer.choose(unit.key, known, self._said(), self.places, self.rng)
        slip = self._correctable(unit) if corrected else None
        for text in chosen.texts:
            told = self.places.by_customer(text, known, self.rng)
            if slip is not None and Place(slip) in text.parts:
                told = self._taken_back(text, known, slip)
                slip = None
            self._add("user", dressed(told, self.persona, self.language, self.rng, first=not self.turns))
        if slip is not None:
            raise NoWordsError(f"no place for {self.kind}")

    def _saying(self, unit: Unit, then: int, known: Json) -> str | None:
        """What experts noted that customers say here, as often as it makes a part of all wordings; None else."""
        _, _, asked, _, _, again, gives = unit.key
        if again:
            return None
        there = self.mixer.heard_at(self.plan.path.flow, asked, self._meant(unit.step, then, gives))
        able = [text for text in there if text.keys == gives and self.places.fits(text, known)]
        others = len(self.mixer.fitting(unit.key, known, self._said(), self.places))
        if not able or self.rng.random() * (len(able) + others) < others:
            return None
        return self.places.by_customer(self._by_the_clock(self.rng.choice(able), known), known, self.rng)

    def _meant(self, before: int, then: int, gives: Collection[str]) -> Meant:
        """What the customer says between two steps of the walk, beside the values `gives`."""
        slots, steps = self.company.flows[self.plan.path.flow].slots, self.plan.walk.steps
        choices: Json = {}
        asked: Json = {}
        tells: set[str] = set()
        for n in range(max(before, 0), then + 1):
            step, values = steps[n], self.plan.done[n].values
            about = step.slots if isinstance(step, Ask) else step.needs if isinstance(step, Branch) else ()
            chosen = {slot: values[slot] for slot in about if slot in values and slots[slot].values}
            if n < then or before == then:
                choices |= chosen
                free = (slot for slot in about if isinstance(step, Ask) and not slots[slot].values)
                tells |= {slot for slot in free if not self._said_already(values.get(slot))}
            else:
                asked |= chosen
        return Meant({k: v for k, v in choices.items() if k not in gives}, asked, frozenset(tells - set(gives)))

    def _said_already(self, value: Any) -> bool:
        """Whether the customer said a text already, in just these words."""
        return isinstance(value, str) and any(value in turn.text for turn in self.turns if turn.role == "user")

    def _by_the_clock(self, text: Template, known: Json) -> Template:
        """A moment as its hour alone, mostly, where its day was spoken of."""
        days = {str(value) for value in known.values()}

        def styled(part: str | Place) -> str | Place:
            moment = str(known.get(part.key, "")) if isinstance(part, Place) else ""
            if not isinstance(part, Place) or len(moment) <= len("2024-10-10") or moment[:10] not in days:
                return part
            return replace(part, style="clock") if self.rng.random() < CLOCK else part

        return Template(tuple(map(styled, text.parts)), text.bound)

    def _short(self, unit: Unit) -> str | None:
        """A word or two, where nothing but yes or no was asked and nothing else is given."""
        step = self.plan.walk.steps[unit.step] if unit.step >= 0 else None
        if not isinstance(step, Ask) or len(step.slots) != 1 or unit.key[-1] or self.rng.random() >= SHORT:
            return None
        about = self.company.flows[self.plan.path.flow].slots[step.slots[0]].about
        return yes_or_no(self.plan.done[unit.step].values.get(step.slots[0]), about, self.language, self.rng)

    def _correctable(self, unit: Unit) -> str | None:
        """A slot of which the customer may name a wrong value first."""
        keys = sorted(key for key in unit.key[-1] if "." not in key)
        return next((key for key in keys if self._another(key, unit.step) is not None), None)

    def _another(self, key: str, step: int) -> Any:
        """Another value of a slot, of its own kind."""
        value = self.moments.after(max(step, 0)).get(key) or self.moments.after(len(self.plan.walk.steps) - 1).get(key)
        kind = self.places.slot(key, value).field.kind if isinstance(value, str) else None
        if kind not in _MISTAKEN:
            return None
        if kind is Kind.DATE:
            return _day_after(value)
        rows = (row for table in self.start.values() for row in table)
        like = sorted(
            {str(v) for row in rows for k, v in row.items() if isinstance(v, str) and k == key and v != value}
        )
        return like[0] if like else None

    def _taken_back(self, text: Template, known: Json, slip: str) -> str:
        wrong = self._another(slip, len(self.plan.walk.steps) - 1)
        frame = self.rng.choice(words(self.language).corrections)
        mark = "\ue000"
        at = text.parts.index(Place(slip))
        marked = Template((*text.parts[:at], mark, *text.parts[at + 1 :]), text.bound)
        right = self.places.by_customer(Template((Place(slip),), {}), known, self.rng)
        first = self.places.by_customer(Template((Place(slip),), {}), {**known, slip: wrong}, self.rng)
        return self.places.by_customer(marked, known, self.rng).replace(mark, frame.format(wrong=first, right=right))

    # what is thought and done

    def _thought(self, unit: Unit, mistake: _Wrong | None = None) -> None:
        """A thought and what follows from it. `mistake`: the call that is made first, and refused."""
        step, done = self.plan.walk.steps[unit.step], self.plan.done[unit.step]
        known = self.moments.thought(unit.step, unit.given, again=unit.key[-1])
        chosen = self.mixer.choose(unit.key, known, self._said(), self.places, self.rng)
        think, action, reply = (
            self.places.by_assistant(text, known, self._before(), self.rng) for text in chosen.texts
        )
        if self._unmoved:
            think = f"{self._unmoved}{'' if self.language == 'zh' else ' '}{think}"
            self._unmoved = ""
        if not isinstance(step, CallTool):
            self._told(think, action, reply)
            return
        assert done.call is not None
        action = complete(action, done.call, self.company, self._before())
        if mistake is not None:
            self._called(think, action, mistake.call, self.world.call(mistake.call))
            said, names = words(self.language).refused, {"field": label(mistake.slot), "right": mistake.right}
            think = self.rng.choice(said.think).format(**names)
            action = self.rng.choice(said.prefix).format(**names) + action
        self._called(think, action, done.call, self.world.call(done.call))

    def _odd_call(self, unit: Unit) -> bool:
        """A call that goes another way than the plain one; whether the dialogue ends with it."""
        step, done = self.plan.walk.steps[unit.step], self.plan.done[unit.step]
        assert isinstance(step, CallTool)
        assert done.call is not None
        if self.kind == CALL:
            self._set_fault(done.call.name, None)
            self._thought(unit, self.rng.choice(self._wrong_calls(done.call)))
            return False
        if self.kind == ORDER:
            self._set_fault(done.call.name, "injected")
            self._thought(unit)
            self._unmoved = self.rng.choice(words(self.language).unmoved)
            return False
        failing = self._set_fault(done.call.name, FAULTS[self.kind])
        self._thought(unit)
        then = self.plan.walk.steps[unit.step + 1]
        if self.kind == "timeout" and failing and not isinstance(then, Ask):
            # The flow says what to do; but what it asks then is about the customer's words, not about time.
            return False
        self._give_up(self._failed_words(step) if self.kind == "timeout" else [])
        return True

    def _set_fault(self, name: str, kind: FaultKind | None) -> bool:
        """Let the next call of a tool go wrong; None: let one more be made before it. Whether it was to fail anyway."""
        nth = 1 + sum(1 for turn in self.turns if turn.call is not None and turn.call.name == name)
        there = [fault for fault in self.setup.faults if (fault.call, fault.nth) == (name, nth)]
        faults = [fault for fault in self.setup.faults if fault not in there]
        if kind is None:
            faults = [
                fault.model_copy(update={"nth": fault.nth + 1}) if fault.call == name and fault.nth >= nth else fault
                for fault in self.setup.faults
            ]
        else:
            faults.append(CallFault(call=name, nth=nth, kind=kind))
        self.setup = self.setup.model_copy(update={"faults": tuple(faults)})
        self.world = self.company.open(self.setup)
        for turn in self.turns:
            if turn.call is not None:
                self.world.call(turn.call)
        return any(fault.kind == "error" for fault in there)

    def _to_fail(self, name: str, step: int) -> bool:
        """Whether a fault is set up for the call at a step."""
        calls = [done.call.name for done in self.plan.done[: step + 1] if done.call is not None]
        return any((fault.call, fault.nth) == (name, calls.count(name)) for fault in self.setup.faults)

    def _wrong_calls(self, call: Call) -> list[_Wrong]:
        """Calls with one thing wrong of which the API says what: a field left out, words in place of the value, an id
        without its last character."""
        tool = self.company.tools[call.name]
        found: list[_Wrong] = []
        for slot in tool.slots:
            value = call.arguments.get(slot.name) if len(slot.path) == 1 else None
            if not isinstance(value, str | int | float) or isinstance(value, bool):
                continue
            others = [None, words_of(slot, value, self._before()), str(value)[:-1]]
            for other in others:
                arguments = {**call.arguments, slot.name: other}
                made = Call(name=call.name, arguments={k: v for k, v in arguments.items() if v is not None})
                answer = wrong(made, tool.tool)
                if answer is not None and isinstance(answer.body, dict) and answer.body.get("field") == slot.name:
                    found.append(_Wrong(made, slot, str(value)))
        return found

    def _failed_words(self, step: CallTool) -> list[Unit]:
        """How experts hand over where a call has failed for good."""
        return [
            unit
            for unit in self.mixer.failed(self.plan.path.flow, step)
            if unit.echo <= self._said() and all(not text.keys and not text.bound for text in unit.texts)
        ]

    def _give_up(self, experts: Sequence[Unit], **names: str) -> None:
        """A person takes over."""
        said = words(self.language).giving_up[self.kind]
        ways = [tuple(text.literal for text in unit.texts) for unit in experts]
        if ways and self.rng.random() < len(ways) / (len(ways) + len(said.reply)):
            self._told(*self.rng.choice(ways))
            return
        texts = (self.rng.choice(texts).format(**names) for texts in (said.think, said.action, said.reply))
        self._told(*texts)

    def _called(self, think: str, action: str, call: Call, answered: Observation) -> None:
        self._add("think", think)
        self.turns.append(Turn(role="action", text=_line(action), call=call))
        self.turns.append(Turn(role="observation", text=write_observation(answered), answered=answered))

    def _told(self, think: str, action: str, reply: str) -> None:
        self._add("think", think)
        self._add("action", action)
        self._add("reply", reply)

    def _add(self, role: Any, text: str) -> None:
        if text.strip():
            self.turns.append(Turn(role=role, text=_line(text)))

    # detours

    def _stray(self, unit: Unit) -> bool:
        """What the customer does instead of answering; whether the dialogue ends with it."""
        said = words(self.language)
        if self.kind == LEAVES:
            self._detour(said.leaving, unit, None)
            return True
        if self.kind in said.detours:
            asked = next((turn.text for turn in reversed(self.turns) if turn.role == "reply"), "")
            self._detour(said.detours[self.kind], unit, asked)
        if self.kind == REFUSES:
            self._add("user", self.rng.choice(said.insisting))
            self._give_up((), asked=self._asked(unit))
            return True
        return False

    def _asked(self, unit: Unit) -> str:
        """What the question before a unit asks for."""
        step = self.plan.walk.steps[unit.step] if unit.step >= 0 else None
        if not isinstance(step, Ask):
            return words(self.language).opening.asked
        return asked_for(self.company.flows[self.plan.path.flow], step.slots, self.language)

    def _detour(self, detour: Detour, unit: Unit, before: str | None) -> None:
        """A detour. `before`: the reply whose question is put again; None where the assistant does not come back."""
        asked = self._asked(unit)
        self._add("user", self.rng.choice(detour.says))
        think, action, reply = (self.rng.choice(texts) for texts in (detour.think, detour.action, detour.reply))
        whole = reply if before is None else back_to(reply, before, self.language, self.rng)
        self._told(think.format(asked=asked), action.format(asked=asked), whole)


def parted(text: str) -> Iterator[str | Place]:
    """A sentence with {slots} as words and places."""
    last = 0
    for found in PLACE.finditer(text):
        yield from (text[last : found.start()],) if found.start() > last else ()
        yield Place(found[1])
        last = found.end()
    yield from (text[last:],) if last < len(text) else ()


def _day_after(value: Any) -> str | None:
    """The day after a day as it is written; None for what is no day."""
    try:
        return (date.fromisoformat(value) + timedelta(days=1)).isoformat()
    except ValueError:
        return None


def _line(text: str) -> str:
    return " ".join(text.split())


def bones_of(found: Sequence[Skeleton], path: str) -> list[Skeleton]:
    """The skeletons of one path."""
    return [one for one in found if one.path == path]
