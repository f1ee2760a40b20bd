"""Which tool an action is about, as far as its words and the values in it tell; the model has the last word.

The one rule: evidence is weighed, never decreed. Four things count for a tool: how its shots are worded (a linear
classifier over runs of characters and words), required values that do not stand in the action, values that stand
there and that it has no field for, choices of its own that are named. A small model after minutes of training is less
sure of the tool than these are, and wrong in other places (docs/log.md).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import normalize

from manyshot.data.slots import ToolSlots
from manyshot.evidence import Reading, read
from manyshot.render import fold
from manyshot.types import NO_TOOL, Language, Shot, Tool
from manyshot.values.kinds import name_words

#: A tool with fewer shots is not known by its words: they do not count against it.
FEWEST_SHOTS = 3
#: Inverse of the penalty on the classifier's weights (scikit-learn's C).
FIT = 100.0
#: The least that is believed of words, so that they alone cannot rule a tool out.
LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Weights:
    """What each piece of evidence counts, in nats.

    Fitted to corpus domains, the classifier of each to 8 shots a tool: a conditional logit for which tool (1,200 calls
    of 30 domains), a logit for whether any (3,530 sentences of 65, of which 540 no tool fits).
    """

    # For a tool against the others.
    words: float = 1.77
    missing: float = -1.96
    stranger: float = -2.97
    named: float = 2.20
    # For no tool against the likeliest: see NoneSigns.
    none: float = -4.11
    none_signs: tuple[float, ...] = (-1.70, 0.70, -0.95, 2.49, 1.60, -1.71, -2.72)
    # For what the model says: sure of itself and often wrong, hence less than a nat for each of its own. Measured on
    # seven desks whose tests have been looked at (docs/log.md).
    model: float = 0.75


WEIGHTS = Weights()


class NoneSigns(NamedTuple):
    """What an action shows of whether no tool fits it."""

    #: Log of how likely the tool that suits its words best is by them.
    words: float
    #: How its values fit the likeliest tool: required ones that it lacks, and that it has.
    missing: int
    filled: int
    #: How much more it is like a shot that no tool fits than like any shot of a tool (cosines); 0 without such shots.
    closer: float
    #: Whether there are such shots.
    known: bool
    #: Log of its length over that of the tools' shots: what a tool can do is told with its values.
    length: float
    #: How like it is to the likeliest tool's own words (cosine).
    about: float


class ToolChoice:
    """Fitted to one domain."""

    def __init__(
        self, slots: Mapping[str, ToolSlots], shots: Sequence[Shot], language: Language, reject: str | None
    ) -> None:
        """`reject`: the tool that takes what no other can; values in the action say nothing about it."""
        self._slots, self.reject = slots, reject
        told = [(shot.action, shot.call.name) for shot in shots if shot.call is not None and shot.call.name in slots]
        none = [fold(shot.action) for shot in shots if shot.call is None and not shot.ask]
        self._likeness = _Likeness([fold(text) for text, _ in told], none, slots, language)
        counts = Counter(name for _, name in told)
        self._known = {name for name in slots if counts[name] >= FEWEST_SHOTS}
        self._model: Pipeline | None = None
        if len(counts) > 1:
            told += [(_about(slots[name].tool), name) for name in counts]
            self._model = Pipeline([("words", runs(language)), ("tool", LogisticRegression(C=FIT, max_iter=300))])
            self._model.fit([fold(text) for text, _ in told], [name for _, name in told])

    def evidence(self, action: str) -> dict[str, float]:
        """Tool -> log of how likely the action is about it, in nats; the likelihoods of all tools add up to one.

        Beside them, under NO_TOOL and for the reject tool, the log of the odds that no tool fits.
        """
        words = self.words(action)
        readings = read(self._slots, action)
        tools = [name for name in self._slots if name != self.reject]
        if not tools:
            return dict.fromkeys((NO_TOOL, *self._slots), 0.0)
        nats = {name: WEIGHTS.words * words[name] + _fit(readings[name]) for name in tools}
        whole = _all(nats.values())
        best = max(tools, key=nats.__getitem__)
        signs = self._signs(fold(action), best, max(words[name] for name in tools), readings[best])
        none = WEIGHTS.none + sum(w * s for w, s in zip(WEIGHTS.none_signs, signs, strict=True))
        out = {name: n - whole for name, n in nats.items()} | {NO_TOOL: none}
        if self.reject is not None:
            out[self.reject] = max(none, WEIGHTS.words * words[self.reject] - whole)
        return out

    def none_signs(self, action: str) -> NoneSigns:
        """What an action shows of whether no tool fits it."""
        likely, words = self.evidence(action), self.words(action)
        tools = [name for name in self._slots if name != self.reject]
        best = max(tools, key=likely.__getitem__)
        return self._signs(fold(action), best, max(words[name] for name in tools), read(self._slots, action)[best])

    def _signs(self, text: str, best: str, words: float, reading: Reading) -> NoneSigns:
        like = self._likeness
        row = like.row(text)
        return NoneSigns(
            words=words if self._model else 0.0,
            missing=reading.missing,
            filled=reading.filled,
            closer=like.closer(row),
            known=like.none is not None,
            length=math.log(max(1, len(text)) / like.usual),
            about=like.about(row, best),
        )

    def words(self, action: str) -> dict[str, float]:
        """Log of how likely each tool is by the words alone."""
        even = -math.log(max(1, len(self._slots)))
        if self._model is None:
            return dict.fromkeys(self._slots, even)
        (row,) = self._model.predict_proba([fold(action)])
        likely = {name: math.log(max(p, LEAST)) for name, p in zip(self._model.classes_, row, strict=True)}
        return {n: likely[n] if n in self._known else max(likely.get(n, even), even) for n in self._slots}


def choose(evidence: Mapping[str, float], told: Mapping[str, float], reject: str | None = None) -> str:
    """The tool, or NO_TOOL, that evidence and model together find likeliest: first whether any tool fits, then which.

    told: what the model says of each of them, in nats; those that it was not asked about are out of question.
    """
    none = [name for name in told if name in (NO_TOOL, reject)]
    tools = [name for name in told if name not in none]
    nats = {name: evidence[name] + WEIGHTS.model * told[name] for name in told}
    if not (none and tools):
        return max(nats, key=nats.__getitem__)
    # Three tools that are alike share what speaks for them; that must not make "no tool" the likeliest.
    any_tool = _all(evidence[name] for name in tools) + WEIGHTS.model * _all(told[name] for name in tools)
    best = max(none, key=nats.__getitem__)
    return best if nats[best] > any_tool else max(tools, key=nats.__getitem__)


def _all(nats: Iterable[float]) -> float:
    """Log of the sum of what the logs are of."""
    return math.log(math.fsum(map(math.exp, nats)))


def _fit(reading: Reading) -> float:
    w = WEIGHTS
    return w.missing * reading.missing + w.stranger * reading.strangers + w.named * reading.named


class _Likeness:
    """How like a text is to the shots and to the tools' own words: cosines of runs of characters and words."""

    def __init__(
        self, told: Sequence[str], none: Sequence[str], slots: Mapping[str, ToolSlots], language: Language
    ) -> None:
        about = [fold(_about(tool.tool)) for tool in slots.values()]
        # A tool without a word in it is nothing that runs can be learned from.
        self._runs = runs(language).fit([*told, *none, *about, "0 tool"])
        self._told, self.none, self._about = (self._rows(texts) for texts in (told, none, about))
        self._names = {name: number for number, name in enumerate(slots)}
        self.usual = math.fsum(map(len, told)) / len(told) if told else 40.0

    def _rows(self, texts: Sequence[str]) -> Any:
        return normalize(self._runs.transform(texts)) if texts else None

    def row(self, text: str) -> Any:
        return self._rows([text])

    def closer(self, row: Any) -> float:
        if self.none is None or self._told is None:
            return 0.0
        return float((self.none @ row.T).max() - (self._told @ row.T).max())

    def about(self, row: Any, name: str) -> float:
        return float((self._about[self._names[name]] @ row.T).sum())


def _about(tool: Tool) -> str:
    """A tool's own words: its name taken apart, what it does, what its fields are."""
    fields = (str(schema.get("description", "")) for schema in tool.properties.values())
    return " ".join((*name_words(tool.name), tool.description, *fields))


def runs(language: Language, longest: int | None = None, often: int = 1) -> FeatureUnion:
    """Runs of characters; within words, and beside whole words, where blanks divide them. All digits are one.

    longest: signs of a run, 4 or 5 without it. often: texts in which a run must stand to count; fewer runs fit faster.
    """
    if language == "zh":
        return FeatureUnion([("runs", _tfidf("char", (1, longest or 4), often))])
    word = ("words", _tfidf("word", (1, 2), often))
    return FeatureUnion([("runs", _tfidf("char_wb", (2, longest or 5), often)), word])


def _tfidf(analyzer: str, lengths: tuple[int, int], often: int) -> TfidfVectorizer:
    whole = {"token_pattern": r"(?u)\w+"} if analyzer == "word" else {}
    return TfidfVectorizer(
        analyzer=analyzer, ngram_range=lengths, preprocessor=_undigited, sublinear_tf=True, min_df=often, **whole
    )


def _undigited(text: str) -> str:
    return re.sub(r"\d", "0", text.lower())
