"""What a customer means at a place of a flow, learnt from dialogues along it.

The one rule: a reading is one of those that the dialogues show at this place, each with how likely it is by the words;
who decides may weigh them against something else. Nothing here is written for one desk.

A *place* is a question of a flow, or the opening (""). A *reading* says which flow an opening begins, which choices
the words mean (solved: no), which free slots they tell, or that the customer strays or leaves. Values in a form of
their own (dates, ids, numbers) are read by `manyshot.values`, not here.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from manyshot.choice import runs
from manyshot.dialogue.company import Company
from manyshot.dialogue.follow import Act, Followed, acts_of, follow
from manyshot.flow.conditions import Test, parse
from manyshot.flow.paths import Path, Walk
from manyshot.flow.steps import PLACE, Ask, Branch, CallTool, Flow, Step
from manyshot.render import fold
from manyshot.types import LEAVES, Json, Language, Saying, Trajectory

#: Inverse of the penalty on a classifier's weights (scikit-learn's C).
FIT = 30.0
#: Texts of a place and reading that are learnt from, each once.
MOST = 120
#: Characters of a run at most; from so many texts on, runs that stand in one alone tell nothing.
RUN, MANY = 3, 200
#: How unlikely a piece is to be the value of a slot of which no value is known, in nats.
UNKNOWN = -5.0
#: Classes of dialogues in which the customer says something else than an answer once.
STRAYS = frozenset(("off_topic", "refuses", "two_things", "no_tool", "injection", "impossible_time"))
#: Stands for no slot: a piece that is nobody's value. Nats for words such as "my name is" before a piece.
NONE = ""
CUE = 3.0
#: Characters of a number that is an id or a phone.
LONG = 7
_NUMBERS = re.compile(r"[A-Za-z]{0,5}[ -]?\d(?:[\dA-Za-z -]*\d)?")
#: Ends of a sentence's parts, where one thing ends and another begins.
_CLAUSES = re.compile(r"[，,；;。.！!？?、\n]+|\s{2,}|(?<=[\u4e00-\u9fff\d])\s(?=[\u4e00-\u9fff])")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message means. `flow`: of an opening, the flow that it begins; `choices`: (slot, value) pairs; `tells`:
    free slots that it tells; `strays`: the class of a detour, or that the customer leaves; "" for an answer."""

    flow: str = ""
    choices: tuple[tuple[str, Any], ...] = ()
    tells: frozenset[str] = frozenset()
    strays: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """A key that sorts readings alike in every process; how a set is shown depends on the process."""
        return self.flow, repr(self.choices), repr(sorted(self.tells)), self.strays


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of a customer with what it means. `at`: the question that it answers, "" for an opening."""

    flow: str
    at: str
    text: str
    means: Reading


def heard_in(one: Trajectory, desk: Company, found: Sequence[Path] = ()) -> Iterator[Heard]:
    """The messages of a dialogue with what they mean; none where it follows no path of its flow (or of `found`)."""
    flow = desk.flows[one.flow]
    way = follow(one, found or tuple(desk.paths[one.flow].values()))
    if way is None:
        return
    acts = acts_of(one)
    values = _values(way, acts)
    before, turn = -1, 0
    users = [n for n, t in enumerate(one.turns) if t.role == "user"]
    for n, act in enumerate(acts):
        said = " ".join(one.turns[k].text for k in users if turn <= k < act.turn)
        step = way.steps.get(n, len(way.walk.steps) - 1)
        at = way.walk.steps[before].id if before >= 0 else ""
        turn = act.turn
        # Who strays at the beginning and who strays at the first question cannot be told apart by the steps.
        strayed = before < 0 and one.kind in STRAYS and way.steps.get(n + 1) == step
        if said and not strayed and (before < 0 or isinstance(way.walk.steps[before], Ask)):
            means = _means(_Span(way.walk, before, step), flow, values, said, desk)
            if means is None:
                before = step
                continue
            if one.kind == LEAVES and n == len(acts) - 1:
                means = Reading(strays=LEAVES)
            elif step == before and one.kind in STRAYS:
                means = Reading(strays=one.kind)
            yield Heard(flow.name, at, said, means)
        before = step


def heard_of(sayings: Iterable[Saying], values: Mapping[str, Sequence[str]]) -> Iterator[Heard]:
    """What experts noted that customers say, each with some values in its places."""
    for one in sayings:
        for n, text in enumerate(one.says):
            slots = PLACE.findall(text)
            said = PLACE.sub(lambda found, n=n: _some(values.get(found[1], ()), n), text)  # type: ignore[misc]
            means = Reading(
                "" if one.at else one.flow, tuple(sorted(one.when.items())), frozenset((*one.tells, *slots))
            )
            yield Heard(one.flow, one.at, said, means)


def _some(values: Sequence[str], n: int) -> str:
    """One of a slot's values; a number stands for those that nobody listed."""
    return values[n % len(values)] if values else "100"


@dataclass(frozen=True, slots=True)
class _Span:
    """What lies between two steps of a walk; `before` is -1 at its beginning."""

    walk: Walk
    before: int
    then: int

    def passed(self) -> Iterator[Step]:
        """The steps that are done with when the assistant comes to the second."""
        return iter(self.walk.steps[max(self.before, 0) : self.then])

    def asked(self, flow: Flow) -> set[str]:
        """Choices that are asked for, at the second step too: they may be said already."""
        steps = self.walk.steps[max(self.before, 0) : self.then + 1]
        return {slot for step in steps if isinstance(step, Ask) for slot in step.slots if flow.slots[slot].values}


def _values(way: Followed, acts: Sequence[Act]) -> Json:
    """Slot -> the value that it has in some call of a dialogue."""
    found: Json = {}
    for n, step in way.steps.items():
        here, call = way.walk.steps[step], acts[n].call
        if isinstance(here, CallTool) and call is not None:
            for name, template in here.arguments.items():
                if name in call.arguments and isinstance(template, str) and (whole := PLACE.fullmatch(template)):
                    found[whole[1]] = call.arguments[name]
    return found


def _means(span: _Span, flow: Flow, values: Json, said: str, desk: Company) -> Reading | None:
    """What is decided between two steps of a walk, and which slots are told there; None where the walk does not show
    which of the choices that it was asked for the customer made."""
    filled = {slot for step in flow.steps if isinstance(step, CallTool) for slot in step.fills}
    tells = {slot for slot, value in values.items() if slot not in filled and _says(desk, flow, slot, value, said)}
    choices: dict[str, Any] = {}
    for n, step in enumerate(span.passed(), max(span.before, 0)):
        if isinstance(step, Ask):
            # What no call takes was told in words of its own.
            tells |= {slot for slot in step.slots if not flow.slots[slot].values and slot not in values}
        elif isinstance(step, Branch):
            choices |= {s: v for s, v in _decided(step, span.walk.labels[n], flow) if s not in filled}
    # What was asked for or told early may decide the way only later.
    for slot in span.asked(flow) - choices.keys():
        for n in range(span.then, len(span.walk.steps)):
            step = span.walk.steps[n]
            if isinstance(step, Branch) and slot in step.needs:
                choices |= {s: v for s, v in _decided(step, span.walk.labels[n], flow) if s == slot}
                break
    answered = {
        slot for step in span.passed() if isinstance(step, Ask) for slot in step.slots if flow.slots[slot].values
    }
    if answered - choices.keys():
        return None
    return Reading("" if span.before >= 0 else flow.name, tuple(sorted(choices.items())), frozenset(tells))


def _says(desk: Company, flow: Flow, slot: str, value: Any, said: str) -> bool:
    form = desk.field_of(flow, slot)
    return form is not None and not flow.slots[slot].values and bool(form.find(said, value))


def _decided(step: Branch, label: str, flow: Flow) -> Iterator[tuple[str, Any]]:
    """(slot, value) that an arm of a branch means: that it names, or the only one that it leaves."""
    gone: dict[str, set[Any]] = {}
    for arm in step.arms:
        test = parse(arm.when) if arm.when is not None else None
        if arm.when == label and isinstance(test, Test) and test.sign == "==" and flow.slots[test.slot].values:
            yield test.slot, _own(test.values[0], flow.slots[test.slot].values)
            return
        if arm.when == label:
            return
        if isinstance(test, Test) and test.sign == "==":
            gone.setdefault(test.slot, set()).add(test.values[0])
    for slot, values in gone.items():
        left = [v for v in flow.slots[slot].values if v not in values]
        if len(left) == 1:
            yield slot, left[0]


def _own(value: Any, values: Iterable[Any]) -> Any:
    return next((v for v in values if v == value and isinstance(v, bool) == isinstance(value, bool)), value)


@dataclass(slots=True)
class Place:
    """The readings of one place, and the words by which they are told apart."""

    readings: list[Reading]
    model: Pipeline | None

    def likely(self, text: str) -> dict[Reading, float]:
        """Reading -> log of how likely it is by the words, in nats."""
        if self.model is None:
            return dict.fromkeys(self.readings, 0.0)
        logs = self.model.predict_log_proba([masked(text)])[0]
        return {self.readings[int(k)]: float(nats) for k, nats in zip(self.model.classes_, logs, strict=True)}


@dataclass(slots=True)
class Understanding:
    """Fitted to the dialogues of one desk."""

    places: Mapping[tuple[str, str], Place]
    #: Slot -> which pieces of an answer look like it.
    pieces: Pieces

    def readings(self, flow: str, at: str, text: str) -> dict[Reading, float]:
        """What a message may mean, with how likely it is; {} at a place that no dialogue shows."""
        place = self.places.get((flow if at else "", at))
        return place.likely(text) if place else {}


def understanding(
    found: Iterable[Heard], language: Language, values: Mapping[str, Sequence[str]], sayings: Sequence[Saying]
) -> Understanding:
    """Fit to what customers said. values: slot -> texts that were its value, in generated dialogues and by experts."""
    by_place: dict[tuple[str, str], dict[Reading, dict[str, None]]] = {}
    for one in found:
        place = by_place.setdefault((one.flow if one.at else "", one.at), {})
        place.setdefault(one.means, {})[masked(one.text)] = None
    places = {key: fitted(readings, language) for key, readings in by_place.items()}
    return Understanding(places, Pieces.fit(values, sayings, language))


def fitted(found: Mapping[Reading, Mapping[str, None]], language: Language) -> Place:
    """A place whose readings are told apart by these texts of them, masked."""
    readings = sorted(found, key=lambda reading: reading.order)
    if len(readings) == 1:
        return Place(readings, None)
    texts: list[str] = []
    labels: list[int] = []
    weights: list[float] = []
    for k, reading in enumerate(readings):
        own = sorted(found[reading])
        own = random.Random(k).sample(own, min(MOST, len(own)))
        texts += own
        labels += [k] * len(own)
        # How often a reading comes in made dialogues says little about how often it comes in real ones.
        weights += [1 / math.sqrt(len(own))] * len(own)
    often = 2 if len(texts) >= MANY else 1
    means = LogisticRegression(C=FIT, max_iter=200, tol=1e-3)
    model = Pipeline([("words", runs(language, RUN, often)), ("means", means)])
    scale = len(weights) / sum(weights)
    model.fit(texts, labels, means__sample_weight=[w * scale for w in weights])
    return Place(readings, model)


def masked(text: str) -> str:
    """A text in which all ids are one, and all numbers: which number it is says nothing of what is meant."""
    return _NUMBERS.sub(lambda found: "#id#" if len(found[0]) >= LONG else "#", fold(text))


@dataclass(frozen=True, slots=True)
class Likely:
    """How likely a piece is a slot's value, in nats; the value without the words beside it; whether those tell it."""

    nats: float
    text: str
    cued: bool


@dataclass(slots=True)
class Pieces:
    """Which slot a piece of an answer is the value of, by its form: a name, an address, what is broken."""

    model: Pipeline | None = None
    #: Slot -> words that stand before and behind its value within one piece ("my name is").
    before: Mapping[str, Sequence[str]] = field(default_factory=dict)
    behind: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @staticmethod
    def fit(values: Mapping[str, Sequence[str]], sayings: Sequence[Saying], language: Language) -> Pieces:
        """values: slot -> texts. What stands in sayings beside values is nobody's value."""
        before: defaultdict[str, Counter[str]] = defaultdict(Counter)
        behind: defaultdict[str, Counter[str]] = defaultdict(Counter)
        none: Counter[str] = Counter()
        for text in (text for one in sayings for text in one.says):
            for clause in clauses(text):
                found = list(PLACE.finditer(clause))
                if len(found) == 1:
                    before[found[0][1]][clause[: found[0].start()].strip()] += 1
                    behind[found[0][1]][clause[found[0].end() :].strip()] += 1
                elif not found:
                    none[clause] += 1
        texts = [(fold(text), slot) for slot, own in values.items() for text in own[:MOST]]
        slots = sorted({slot for _, slot in texts})
        if not slots:
            return Pieces()
        texts += [(fold(text), NONE) for text in list(none)[: 2 * MOST]]
        model: Pipeline | None = None
        if len(slots) + bool(none) > 1:
            told = LogisticRegression(C=FIT, max_iter=200, tol=1e-3, class_weight="balanced")
            model = Pipeline([("words", runs(language, RUN)), ("slot", told)])
            model.fit([text for text, _ in texts], [slot for _, slot in texts])
        return Pieces(model, _longest(before), _longest(behind))

    def likely(self, piece: str, slots: Iterable[str]) -> dict[str, Likely]:
        """Slot (and NONE) -> how likely a piece is its value."""
        out: dict[str, Likely] = {NONE: Likely(self._nats(piece, NONE), piece, cued=False)}
        for slot in slots:
            bare, cue = self._bare(piece, slot)
            # Words that stand before the values of several slots say nothing of which it is.
            cued = bool(cue) and all(cue not in self.before.get(other, ()) for other in self.before if other != slot)
            out[slot] = Likely(self._nats(bare, slot) + CUE * cued, bare, cued=cued)
        return out

    def _nats(self, text: str, slot: str) -> float:
        if self.model is None:
            return 0.0
        classes = list(self.model.classes_)
        if slot not in classes:
            return UNKNOWN
        return float(self.model.predict_log_proba([fold(text)])[0][classes.index(slot)])

    def _bare(self, piece: str, slot: str) -> tuple[str, str]:
        """(the value without the words beside it, the words before it)"""
        head = next((w for w in self.before.get(slot, ()) if piece.startswith(w) and len(piece) > len(w)), "")
        rest = piece[len(head) :].lstrip(" ：:是").strip()
        tail = next((w for w in self.behind.get(slot, ()) if rest.endswith(w) and len(rest) > len(w)), "")
        return (rest[: len(rest) - len(tail)].strip() if tail else rest), head


def clauses(text: str) -> list[str]:
    """The parts of a message, without the signs between them."""
    return [part.strip() for part in _CLAUSES.split(text) if part.strip()]


def _longest(found: Mapping[str, Counter[str]]) -> dict[str, list[str]]:
    return {slot: sorted((w for w in words if w), key=len, reverse=True) for slot, words in found.items()}


def slot_values(
    flows: Iterable[Flow], pools: Mapping[str, Sequence[Any]], found: Iterable[Trajectory]
) -> dict[str, list[str]]:
    """Slot -> texts that are its values: those of the fields that take it, and those of the dialogues' calls."""
    fields: dict[str, set[str]] = {}
    for step in (step for flow in flows for step in flow.steps if isinstance(step, CallTool)):
        for name, template in step.arguments.items():
            if isinstance(template, str) and (whole := PLACE.fullmatch(template)):
                fields.setdefault(whole[1], set()).add(name)
    used: dict[str, dict[str, None]] = {}
    for call in (turn.call for one in found for turn in one.turns if turn.call):
        for name, value in call.arguments.items():
            used.setdefault(name, {})[str(value)] = None
    return {
        slot: list(dict.fromkeys(str(v) for name in sorted(names) for v in (*pools.get(name, ()), *used.get(name, ()))))
        for slot, names in fields.items()
    }
