"""Which fields an action gives a value for, as far as its words tell; the model is heard beside them.

The one rule: evidence is weighed, never decreed, as in `choice`. A small model leaves out what was said and invents
what was not: a yes for a yes-no that nobody named, a name that should have been asked for. What counts for a field: how
those of a tool's shots that give it are worded, its own words in the action, values that code reads there and that no
required field takes, and how much is said beside all values. What code is sure of is not decided here (`evidence`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from manyshot import evidence
from manyshot.choice import runs
from manyshot.data.slots import Path, Slot, ToolSlots, get
from manyshot.likelihood import key_odds
from manyshot.listed import Listed
from manyshot.options import Options
from manyshot.parse import read_call
from manyshot.protocols import Completion
from manyshot.render import fold
from manyshot.types import Json, Language, Shot
from manyshot.values import Kind
from manyshot.values.kinds import FREE, name_words

#: A tool with fewer shots says nothing about how often a field is given.
FEWEST_SHOTS = 3
#: Words that no other shot has beside its values, where there are no shots to count.
USUAL = 3.0
#: Inverse of the penalty on the classifiers' weights (scikit-learn's C), and the most that one or the model is
#: believed, in nats: on 1,410 fields of six desks a model that is never surer made 5 errors less.
FIT, SUREST = 100.0, 4.0
#: What the model's own log odds count, and what is taken off because both know how often fields are given. Chosen on
#: 472 fields of three desks whose tests have been looked at: 94.7% right without, 96.2% with it.
MODEL, TWICE_KNOWN = 0.75, 0.5

_GROUPS = {
    Kind.BOOLEAN: "yesno",
    Kind.ENUM: "choice",
    Kind.ARRAY: "list",
    Kind.OBJECT: "list",
    Kind.INTEGER: "number",
    Kind.NUMBER: "number",
    Kind.DURATION: "number",
    Kind.DATE: "moment",
    Kind.TIME: "moment",
    Kind.DATETIME: "moment",
}
_TWO_ZH = re.compile("[\u4e00-\u9fff]{2}")
#: What stands before the last day of a stretch, so many signs before it at most.
_UNTIL, _BEFORE = r"\b(?:until|till?|up to|through|thru|by|before)\b|截[至止]|到|至", 40


class Signs(NamedTuple):
    """What an action shows of one field."""

    #: How much the wording of the tool's shots raises the log odds that the field is given; 0 where they do not tell.
    #: How often shots give it is left out: whoever wrote them chose that.
    worded: float
    #: Words of the field's name and description that stand in the action and in nothing else of the tool; at most 2.
    own: float
    #: Words of them that stand in the action at all; at most 3.
    about: float
    #: Log of the action's length over that of the tool's shots.
    length: float
    #: Values that code reads for it and that no required field takes; at most 2.
    spare: float
    #: Whether one of them is a number with the field's unit, or of what it counts.
    fitting: float
    #: Log of what is left of the action without all values that code reads, over the length of the tool's shots.
    rest: float
    #: How much the words speak for one of its choices (see `options`), in nats.
    hint: float
    #: Log of how many words no shot has beside its values, over the same for the tool's shots among each other.
    unusual: float


#: What each sign counts for a field of a group, in nats, after what counts for each; fitted to the corpus by
#: bench/fit_presence.py. `+`: required fields, where "not given" means that it must be asked for.
WEIGHTS: dict[str, tuple[float, ...]] = {
    # group: (base, worded, own, about, length, spare, fitting, rest, hint, unusual)
    "choice": (-1.95, 0.42, 1.44, 0.23, -0.23, 0.00, 0.00, 0.50, 0.55, 0.62),
    "choice+": (1.76, 0.00, 1.89, -1.34, 0.66, 0.00, 0.00, 0.25, 0.65, 1.00),
    "list": (-0.80, 0.55, 2.37, 0.55, -0.18, 0.00, 0.00, 0.29, 0.00, 0.86),
    "list+": (3.44, 0.00, 1.84, -0.77, 0.14, 0.00, 0.00, 0.67, 0.00, 1.79),
    "mark": (-0.73, 0.68, 1.56, 0.19, 0.05, 4.09, 0.06, 0.83, 0.00, -0.54),
    "mark+": (0.94, 0.00, 0.94, 0.45, 1.25, 5.23, 0.05, 0.00, 0.00, 0.26),
    "moment": (-3.39, 0.16, 1.01, 0.09, 0.19, 6.52, 0.61, 1.03, 0.00, -1.19),
    "moment+": (-0.95, 0.00, 0.63, 0.72, 1.07, 5.69, 0.79, -1.37, 0.00, 0.54),
    "number": (-1.24, 0.44, 2.60, 0.17, 0.08, 0.88, 3.24, 1.16, 0.00, -1.14),
    "number+": (2.15, 0.00, 0.51, 0.61, 0.61, 1.98, 2.25, 0.75, 0.00, 0.13),
    "words": (0.05, 0.39, 0.69, 0.69, -0.64, 0.00, 0.00, 0.44, 0.00, 1.72),
    "words+": (3.74, 0.00, 1.06, -0.13, 1.25, 0.00, 0.00, -0.56, 0.00, 2.71),
    "yesno": (-1.15, 0.37, 1.75, 0.93, 0.27, 0.00, 0.00, 0.85, 0.00, 0.42),
    # Hardly any corpus sentence leaves out a required yes-no.
    "yesno+": (3.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00),
}


@dataclass(frozen=True, slots=True)
class _Field:
    slot: Slot
    own: frozenset[str]
    about: frozenset[str]
    #: Log odds that a shot of the tool gives the field.
    usual: float
    words: LogisticRegression | None


class Presence:
    """Fitted to one domain."""

    def __init__(self, slots: Mapping[str, ToolSlots], shots: Sequence[Shot], language: Language) -> None:
        self._slots, self._zh = slots, language == "zh"
        self.options = Options(slots, language)
        self.listed = Listed(slots, language)
        told = {name: [s for s in shots if s.call and not s.ask and s.call.name == name] for name in slots}
        texts = [fold(shot.action) for ss in told.values() for shot in ss]
        self._runs = runs(language).fit(texts) if texts else None
        whole = [len(text) for text in texts] or [1]
        self._fields: dict[str, list[_Field]] = {}
        self._lengths: dict[str, float] = {}
        beside = {shot.id: self._stems(_without_values(shot), 3) for ss in told.values() for shot in ss}
        in_shots = Counter(stem for stems in beside.values() for stem in stems)
        self._beside = frozenset(in_shots)
        self._unusual: dict[str, float] = {}
        for name, tool in slots.items():
            others = [
                len(self._left(tool, fold(s.action)) - {w for w in in_shots if in_shots[w] > (w in beside[s.id])})
                for s in told[name]
            ]
            self._unusual[name] = float(np.mean(others)) if others else USUAL
            said = [fold(shot.action) for shot in told[name]]
            rows = self._runs.transform(said) if self._runs is not None and said else None
            top = [slot for slot in tool.slots if len(slot.path) == 1]
            self._fields[name] = [self._field(tool, slot, told[name], rows) for slot in top]
            self._lengths[name] = float(np.mean([len(text) for text in said] or whole))

    def _field(self, tool: ToolSlots, slot: Slot, shots: Sequence[Shot], rows: Any) -> _Field:
        """`rows`: the features of the shots' texts, one a shot."""
        given = [get(shot.call.arguments, slot.path) is not None for shot in shots if shot.call]
        usual, words = 0.0, None
        if len(given) >= FEWEST_SHOTS and not slot.required:
            usual = math.log((sum(given) + 0.5) / (len(given) - sum(given) + 0.5))
            if 0 < sum(given) < len(given):
                words = LogisticRegression(C=FIT, max_iter=300).fit(rows, given)
        about = self._stems(f"{' '.join(name_words(slot.name))} {slot.description}")
        others = self._stems(f"{tool.tool.description} {' '.join(s.description for s in tool.slots if s is not slot)}")
        return _Field(slot, about - others, about, usual, words)

    def open_to(self, name: str, can: Mapping[Path, Sequence[Any]], stated: Collection[Path]) -> list[str]:
        """The fields of a tool of which code is not sure whether they are given (see `evidence`)."""
        return [
            field.slot.name
            for field in self._fields[name]
            if field.slot.path not in stated and can.get(field.slot.path) != ()
        ]

    def decide(
        self,
        name: str,
        action: str,
        done: Completion,
        can: Mapping[Path, Sequence[Any]],
        stated: Collection[Path],
    ) -> dict[Path, bool]:
        """Whether an action gives each field of which code is not sure, by the evidence and by how sure a model was
        that wrote a call. Empty when what it wrote may stand, or when it does not tell how sure it was."""
        told = key_odds(done.places, list(self._slots[name].tool.properties))
        try:
            _, written = read_call(done.text.strip())
        except ValueError:  # cut short, for one
            return {}
        odds = self.odds(name, action)
        nats = {
            key: odds[key] + MODEL * max(-SUREST, min(SUREST, told[key])) - TWICE_KNOWN
            for key in self.open_to(name, can, stated)
            if key in told
        }
        given = {key: value > 0 for key, value in nats.items()}
        for pair in self._same_words(name, action, written, nats, can):
            wrong = self._not_said(name, action, pair, nats)
            right = pair[pair[0] == wrong]
            given[right], given[wrong] = given[right] or given[wrong], False
        if all(is_given is (key in written) for key, is_given in given.items()):
            return {}
        return {(key,): is_given for key, is_given in given.items()}

    def borrowed(self, name: str, free: Completion, held: Completion) -> frozenset[Path]:
        """Fields of free text that a model gave only because it was held to, in the words of another field: there is
        nothing for them in the action."""
        try:
            (_, before), (_, after) = (read_call(done.text.strip()) for done in (free, held))
        except ValueError:  # cut short, for one
            return frozenset()
        texts = {
            slot.name: words
            for slot in self._slots[name].slots
            if len(slot.path) == 1 and slot.field.kind in FREE and isinstance(words := after.get(slot.name), str)
        }
        return frozenset(
            (key,)
            for key, words in texts.items()
            if key not in before and any(words in w or w in words for k, w in texts.items() if k != key)
        )

    def _same_words(
        self, name: str, action: str, written: Json, among: Collection[str], can: Mapping[Path, Sequence[Any]]
    ) -> list[tuple[str, str]]:
        """Pairs of fields that were given the same free text, or one a piece of the other's, or the one choice,
        number or moment that is named: one of them was not said. In the corpus, none of 1,279 pairs of texts share
        words."""
        top = [s for s in self._slots[name].slots if len(s.path) == 1 and s.name in among]
        said: list[tuple[str, Kind, str]] = []
        for slot in top:
            # What would be written for a field that the model left out, where only one thing can be.
            words = written.get(slot.name, only[0] if len(only := can.get(slot.path, ())) == 1 else None)
            if isinstance(words, str):
                said.append((slot.name, slot.field.kind, words))
        texts = [(key, w) for key, kind, w in said if kind in FREE]
        numbers = [(key, w) for key, kind, w in said if kind in evidence.NUMBERS]
        moments = [one for one in said if one[1] in evidence.MOMENTS]
        chosen = [s for s in top if s.field.kind is Kind.ENUM and s.name in written]
        return [
            *((a, b) for (a, x), (b, y) in combinations(texts, 2) if x in y or y in x),
            *(
                (a, b)
                for (a, x), (b, y) in combinations(numbers, 2)
                if (x in y or y in x) and fold(action).count(min(x, y, key=len)) == 1
            ),
            # The same day twice was meant 7 times of 104; a day and an hour are often said in one breath.
            *(
                (a, b)
                for (a, i, x), (b, j, y) in combinations(moments, 2)
                if i is j and x == y and action.count(x) == 1
            ),
            *((a.name, b.name) for a, b in combinations(chosen, 2) if evidence.one_for_both(a, b, can)),
        ]

    def _not_said(self, name: str, action: str, pair: tuple[str, str], nats: Mapping[str, float]) -> str:
        """Which of two fields with the same words was not said: the first or the last day of a stretch by what stands
        before the one day, else the less likely. In the corpus, one day alone is the last only in such words."""
        edges = {self._slots[name].slot((key,)).field.sense.edge: key for key in pair}
        if edges.keys() != {"start", "end"}:
            return min(pair, key=nats.__getitem__)
        spans = evidence.spots(self._slots[name].slot((edges["end"],)), fold(action))
        last = self._of_last(name, edges)
        until = any(last.search(fold(action)[: span.start].lower()[-_BEFORE:]) for span in spans)
        return edges["start" if until else "end"]

    def _of_last(self, name: str, edges: Mapping[str, str]) -> re.Pattern[str]:
        """What stands before the last day of a stretch: until, or words of its field that the first day's has not."""
        first, last = (
            self._stems(f"{' '.join(name_words(key))} {self._slots[name].slot((key,)).description}", 3)
            for key in (edges["start"], edges["end"])
        )
        return re.compile("|".join((_UNTIL, *(rf"(?<![a-z]){re.escape(stem)}" for stem in sorted(last - first)))))

    def odds(self, name: str, action: str) -> dict[str, float]:
        """Field of a tool -> log of the odds that an action gives it a value; nested ones are left out."""
        return {key: _odds(self.group(name, key), signs) for key, signs in self.signs(name, action).items()}

    def group(self, name: str, key: str) -> str:
        """The fields that share weights with this one."""
        slot = self._slots[name].slot((key,))
        kind = slot.field.kind
        return _GROUPS.get(kind, "words" if kind in FREE else "mark") + "+" * slot.required

    def signs(self, name: str, action: str) -> dict[str, Signs]:
        """What an action shows of each field of a tool, nested ones left out."""
        text = fold(action)
        stems, tool, usual = self._stems(text), self._slots[name], self._lengths[name]
        read = {slot.path: evidence.spots(slot, text) for slot in tool.slots}
        rest = len(text) - sum(span.end - span.start for spans in read.values() for span in spans)
        surfaces = {path: {span.surface for span in spans} for path, spans in read.items()}
        row = self._runs.transform([text]) if self._runs is not None else None
        unusual = math.log((1 + len(self._left(tool, text) - self._beside)) / (1 + self._unusual[name]))
        out: dict[str, Signs] = {}
        for field in self._fields[name]:
            worded = 0.0 if field.words is None else float(field.words.decision_function(row)[0]) - field.usual
            out[field.slot.name] = Signs(
                worded=max(-SUREST, min(SUREST, worded)),
                own=min(2, len(stems & field.own)),
                about=min(3, len(stems & field.about)),
                length=math.log(max(1, len(text)) / usual),
                spare=min(2, len(_spare(tool, field.slot, surfaces))),
                fitting=any(evidence.fitting(field.slot, span, text) for span in read[field.slot.path]),
                rest=math.log(max(3, rest) / usual),
                hint=max(self.options.nats(name, field.slot.path, action).values(), default=0.0),
                unusual=unusual,
            )
        return out

    def _left(self, tool: ToolSlots, text: str) -> frozenset[str]:
        """What an action says beside values that code reads and the words that tell what the tool does."""
        signs = list(text)
        for span in (span for slot in tool.slots for span in evidence.spots(slot, text)):
            signs[span.start : span.end] = "|" * (span.end - span.start)
        return self._stems("".join(signs), 3) - self._stems(tool.tool.description, 3)

    def _stems(self, text: str, shortest: int = 4) -> frozenset[str]:
        """Beginnings of the words of a text, five letters long; in Chinese, pairs of signs; no shorter words."""
        text = text.lower()
        if self._zh:
            pairs = {text[i : i + 2] for i in range(len(text) - 1) if _TWO_ZH.match(text, i)}
            return frozenset(pairs | set(re.findall("[a-z]{2,}", text)))
        return frozenset(word[:5] for word in re.findall(f"[a-z]{{{shortest},}}", text))


def _without_values(shot: Shot) -> str:
    """A shot's action without the texts of its call."""
    text = fold(shot.action)
    for words in sorted(evidence.leaves(shot.call.arguments if shot.call else {}), key=len, reverse=True):
        text = text.replace(words, "|")
    return text


def _odds(group: str, signs: Signs) -> float:
    base, *weights = WEIGHTS[group]
    return base + sum(w * s for w, s in zip(weights, signs, strict=True))


def _spare(tool: ToolSlots, slot: Slot, read: Mapping[Path, set[str]]) -> set[str]:
    """Words that code reads for a field, without those that a required field needs."""
    needed = (read[s.path] for s in tool.slots if s.required and s is not slot and len(read[s.path]) == 1)
    return read[slot.path].difference(*needed)
