"""An approved dialogue -> its units: what the customer said, what the assistant thought, by place in the flow.

The one rule: units with one key may stand for each other. The key holds where the flow stands, what is told and asked
there, and which values the customer gives; so a dialogue made of units of several experts still hangs together.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from manyshot.data.dialogues.places import Places, Template, scalars
from manyshot.dialogue.company import field_of_answer
from manyshot.dialogue.follow import Act, Followed, acts_of
from manyshot.dialogue.plan import Plan
from manyshot.flow.paths import Walk
from manyshot.flow.steps import FAILED, PLACE, Ask, Branch, CallTool, Say, Step
from manyshot.types import Json, Trajectory, Turn

Key = tuple[Any, ...]
#: The step before the first: where a dialogue opens.
START = -1


@dataclass(frozen=True, slots=True)
class Unit:
    """Words of one place. A customer's `texts` are turns; an assistant's are Think, Action and reply, "" where absent.

    `step`: index in the walk of the assistant's step, or of the step after which the customer speaks.
    """

    key: Key
    texts: tuple[Template, ...]
    step: int
    shot: str
    #: Slots that the customer gave before the assistant came here.
    given: frozenset[str] = frozenset()
    #: Words of the customer's story that the assistant takes up.
    echo: frozenset[str] = frozenset()

    @property
    def parts_only(self) -> tuple[Any, ...]:
        """Its words, to tell wordings apart."""
        return tuple(text.parts for text in self.texts)


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A dialogue as its units in order; a thought at a step that calls is followed by the call. Units whose words
    cannot be used with other values have no texts."""

    shot: str
    flow: str
    path: str
    walk: Walk
    units: tuple[Unit, ...]


class Moments:
    """What is known of the slots along a walk, and of the tools' last answers. `known`: after each step."""

    def __init__(self, walk: Walk, known: Sequence[Json]) -> None:
        self.walk, self._after = walk, known

    @staticmethod
    def of_dialogue(walk: Walk, calls: Mapping[int, Act]) -> Moments:
        """What a dialogue's calls (by step) and their answers show, and from when on."""
        known: list[Json] = []
        values: Json = {}
        for n, step in enumerate(walk.steps):
            act = calls.get(n)
            if isinstance(step, Ask):
                values = {key: value for key, value in values.items() if key not in step.slots}
            elif isinstance(step, CallTool) and act is not None and act.call is not None:
                values = {**_arguments(step, act.call.arguments), **values}
                if walk.labels[n] != FAILED and act.answered is not None:
                    values = with_answer(values, step, act.answered.body)
            known.append(dict(values))
        # What a call shows was known since it was asked for.
        for n in range(len(walk.steps) - 2, -1, -1):
            then = walk.steps[n + 1]
            fresh = then.slots if isinstance(then, Ask) else then.fills if isinstance(then, CallTool) else ()
            late = {key: value for key, value in known[n + 1].items() if "." not in key and key not in fresh}
            known[n] = {**late, **known[n]}
        return Moments(walk, known)

    @staticmethod
    def of_plan(plan: Plan) -> Moments:
        """What is known along a plan."""
        known: list[Json] = []
        answers: Json = {}
        for step, done in zip(plan.walk.steps, plan.done, strict=True):
            if isinstance(step, CallTool) and done.answered is not None and done.answered.ok:
                answers = {k: v for k, v in with_answer(answers, step, done.answered.body).items() if "." in k}
            known.append({**answers, **done.values})
        return Moments(plan.walk, known)

    def after(self, n: int) -> Json:
        return self._after[n]

    def heard(self, n: int, *, again: bool) -> Json:
        """What a customer may say before the assistant comes to a step; `again`: it asked there just before."""
        return {**(self.after(n) if again else {}), **self.ahead(n)}

    def thought(self, n: int, given: Container[str], *, again: bool) -> Json:
        """What the assistant may say when it comes to a step: of what lies ahead only what the customer gave."""
        early = {slot: value for slot, value in self.ahead(n).items() if slot in given}
        return {**early, **(self.after(n) if again else self.before(n))}

    def ahead(self, n: int) -> Json:
        """What is known when the assistant comes to a step, and what customers may say already of later questions."""
        early = {
            slot: self._after[k][slot]
            for k in range(len(self.walk.steps) - 1, n - 1, -1)
            if isinstance(ask := self.walk.steps[k], Ask)
            for slot in ask.slots
            if slot in self._after[k]
        }
        return {**early, **self.before(n)}

    def before(self, n: int) -> Json:
        """What is known when the assistant comes to a step; its call's own values are."""
        step, known = self.walk.steps[n], self._after[n - 1] if n else {}
        if not isinstance(step, CallTool):
            return known
        own = {slot for template in step.arguments.values() for slot in _names(template)}
        return {**{k: v for k, v in self._after[n].items() if k in own and k not in step.fills}, **known}


def with_answer(values: Json, step: CallTool, body: Any) -> Json:
    """What is known after an answer: the slots it fills, and its own values under the tool's name."""
    kept = {key: value for key, value in values.items() if not key.startswith(f"{step.tool}.")}
    filled = {slot: field_of_answer(body, at) for slot, at in step.fills.items()}
    return {**kept, **dict(scalars(step.tool, body)), **filled}


def _arguments(step: CallTool, arguments: Json) -> Json:
    return {
        slot: arguments[name]
        for name, template in step.arguments.items()
        if name in arguments and isinstance(template, str)
        for slot in _names(template)
        if PLACE.fullmatch(template)
    }


def _names(template: Any) -> list[str]:
    return PLACE.findall(template) if isinstance(template, str) else []


def skeleton(one: Trajectory, way: Followed, places: Places) -> Skeleton:
    """Take a dialogue that replays true apart."""
    acts = acts_of(one)
    order = [(n, way.steps[n]) for n in range(len(acts)) if n in way.steps]
    last_of = {step: n for n, step in order}
    moments = Moments.of_dialogue(way.walk, {step: acts[n] for step, n in last_of.items()})
    talk = _Talk(one, way.walk, places)
    units: list[Unit] = []
    given: frozenset[str] = frozenset()
    before, turn = START, 0
    for n, step in order:
        act = acts[n]
        if isinstance(way.walk.steps[step], CallTool) and last_of[step] != n:
            continue  # a call that failed and was made again
        fresh: frozenset[str] = frozenset()
        if heard := [t for t in one.turns[turn : act.turn] if t.role == "user"]:
            known = moments.heard(step, again=step == before)
            units.append(talk.heard(heard, before, step, known))
            fresh = units[-1].key[-1]
        if step != before and isinstance(asks := way.walk.steps[step], Ask):
            # What an earlier round gave is asked for anew; what was said just now, or never asked for, is not.
            given -= frozenset(asks.slots) - _since(units, before, way.walk)
        given |= fresh
        known = moments.thought(step, given, again=step == before)
        tail = step if n != order[-1][0] else len(way.walk.steps) - 1
        units.append(talk.thought(act, (before, step, tail), known, given))
        before, turn = step, act.turn + 1
    return Skeleton(one.id, way.path.flow, way.path.id, way.walk, tuple(units))


def _since(units: Sequence[Unit], before: int, walk: Walk) -> frozenset[str]:
    """Slots that the customer gave before any question of this walk asked for them."""
    asked = {slot for k in range(before + 1) if isinstance(step := walk.steps[k], Ask) for slot in step.slots}
    said = {slot for unit in units if unit.key[0] == "heard" for slot in unit.key[-1]}
    just = units[-1].key[-1] if units and units[-1].key[0] == "heard" else frozenset()
    return frozenset(just | (said - asked))


@dataclass(slots=True)
class _Talk:
    """Turns of one dialogue to units."""

    one: Trajectory
    walk: Walk
    places: Places
    #: What was said so far.
    said: str = ""

    def heard(self, turns: Sequence[Turn], before: int, step: int, known: Json) -> Unit:
        texts = [self.places.template(turn.text, known) for turn in turns]
        gives = frozenset(key for text in texts if text for key in text.keys)
        asked = self.walk.steps[before].id if before >= 0 else ""
        way = tuple(self._label(k) for k in range(before + 1, step) if isinstance(self.walk.steps[k], Branch | Ask))
        key = (
            "heard",
            self.places.flow.name,
            asked,
            way,
            self._implied(max(before, 0), step, gives),
            step == before,
            gives,
        )
        self.said += " ".join(turn.text for turn in turns)
        return Unit(key, tuple(t for t in texts if t) if all(texts) else (), before, self.one.id)

    def _implied(self, first: int, last: int, gives: frozenset[str]) -> tuple[str, ...]:
        """Ways taken for what a customer may have said in words of any kind: a yes, a wish."""
        asks = [step for k in range(first, last + 1) if isinstance(step := self.walk.steps[k], Ask)]
        found = []
        for slot in sorted({slot for ask in asks for slot in ask.slots} - gives):
            after = (k for k in range(first, len(self.walk.steps)) if slot in _needs(self.walk.steps[k]))
            found += [self._label(k) for k in islice(after, 1)]
        return tuple(found)

    def _label(self, k: int) -> str:
        step = self.walk.steps[k]
        return f"{step.id}={self.walk.labels[k]}" if isinstance(step, Branch | CallTool) else step.id

    def thought(self, act: Act, at: tuple[int, int, int], known: Json, given: frozenset[str]) -> Unit:
        before, step, tail = at
        own, between = self.walk.steps[step], range(before + 1, step)
        told = tuple(self.walk.steps[k].id for k in between if isinstance(self.walk.steps[k], Say))
        branch = [self._label(k) for k in between if isinstance(self.walk.steps[k], Branch)]
        came = self._label(before) if before >= 0 and isinstance(self.walk.steps[before], CallTool) else ""
        ends = tuple(self.walk.steps[k].id for k in range(step + 1, tail + 1))
        missing = frozenset(own.slots) - given if isinstance(own, Ask) else frozenset()
        round_ = sum(one.id == own.id for one in self.walk.steps[: step + 1])
        where = (came, tuple(branch[-1:]), told, own.id, round_, ends)
        key = ("thought", self.places.flow.name, *where, missing, step == before)
        seen = " ".join(t.text for t in self.one.turns[: act.turn] if t.role in ("user", "observation"))
        texts = [self.places.template(text, known, seen) for text in _words(self.one.turns, act.turn)]
        whole = tuple(t for t in texts if t is not None)
        echo = self.places.own_words(" ".join(t.literal for t in whole)) & self.places.own_words(self.said)
        return Unit(key, whole if len(whole) == len(texts) else (), step, self.one.id, given, frozenset(echo))


def _needs(step: Step) -> Sequence[str]:
    return step.needs if isinstance(step, Branch) else ()


def _words(turns: Sequence[Turn], at: int) -> tuple[str, str, str]:
    """Think, Action and reply of an act whose turn is `at`."""
    think = turns[at - 1].text if at and turns[at - 1].role == "think" else ""
    if turns[at].role == "reply":
        return think, "", turns[at].text
    then = turns[at + 1] if at + 1 < len(turns) else None
    return think, turns[at].text, then.text if then is not None and then.role == "reply" else ""
