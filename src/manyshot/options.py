"""Which of a field's choices an action means that names none of them outright, as far as its words tell.

The one rule: evidence is weighed, never decreed, as in `choice` and `presence`. "The zip came off" says `part` where
the description has "part: a button, zip or other piece": what a choice is described with, and no other choice of the
field is, speaks for it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from manyshot.data.slots import Path, Slot, ToolSlots
from manyshot.likelihood import value_nats
from manyshot.protocols import Completion
from manyshot.render import fold
from manyshot.types import Language
from manyshot.values import Kind
from manyshot.values.choices import glosses
from manyshot.values.kinds import name_words

#: What each sign counts, in nats; a conditional logit fitted by bench/fit_options.py to choices of 65 corpus domains
#: that are not named outright.
WEIGHTS = (1.46, 1.59)
#: A choice of many words is no likelier than that for all that it shares with an action.
MOST = 3.0
#: What the model's own log likelihood counts beside them.
MODEL = 0.75
#: Words that tell nothing of what is meant.
_EMPTY = frozenset(("the", "and", "for", "with", "that", "than", "not", "such", *"的了是在有不我要个一"))
_ZH = re.compile("[\u4e00-\u9fff]+")
_WORD = re.compile(r"[a-z']{3,}|[a-z]*\d[a-z\d]*")


class Signs(NamedTuple):
    """What an action shows of a choice: runs of its description in it, each worth the more the fewer other choices
    have it; at most 3."""

    #: Signs in Chinese, else beginnings of words, three letters long.
    short: float
    #: Pairs of signs, else beginnings of words, five letters long.
    long: float


class Options:
    """The choices of one domain's fields; fields inside objects and lists are left to the model."""

    def __init__(self, slots: Mapping[str, ToolSlots], language: Language) -> None:
        self._zh = language == "zh"
        self._keys = {name: list(tool.tool.properties) for name, tool in slots.items()}
        self._own: dict[tuple[str, Path], dict[Any, dict[str, float]]] = {
            (name, slot.path): self._runs_of(slot)
            for name, tool in slots.items()
            for slot in tool.slots
            if slot.field.kind is Kind.ENUM and len(slot.path) == 1 and len(slot.field.values) > 1
        }

    def _runs_of(self, slot: Slot) -> dict[Any, dict[str, float]]:
        """Choice -> what each run of its description is worth: all of it, where no other choice has it."""
        said = glosses(slot.field.values, slot.description)
        texts = {
            value: " ".join(
                (*name_words(str(value)), said.get(str(value), ""), *slot.field.synonyms.get(str(value), ()))
            )
            for value in slot.field.values
        }
        runs = {value: self._runs(text) for value, text in texts.items()}
        often = Counter(run for own in runs.values() for run in own)
        whole = math.log(len(runs))
        return {value: {run: 1 - math.log(often[run]) / whole for run in own} for value, own in runs.items()}

    def _runs(self, text: str) -> set[str]:
        """Short runs of a text (one sign, three letters and ~) and long ones (two signs, five letters)."""
        text = text.lower()
        words = [word for word in _WORD.findall(text) if word not in _EMPTY]
        if not self._zh:
            return {word[:5] for word in words} | {f"{word[:3]}~" for word in words if len(word) > 3}
        signs = [run for stretch in _ZH.findall(text) for run in (*stretch, *map("".join, pairwise(stretch)))]
        return {*(run for run in signs if run not in _EMPTY), *words}

    def signs(self, name: str, path: Path, action: str) -> dict[Any, Signs]:
        """What an action shows of each choice of a tool's field; nothing for other fields."""
        if (choices := self._own.get((name, path))) is None:
            return {}
        here = self._runs(fold(action))
        return {value: self._hits(own, here) for value, own in choices.items()}

    def _hits(self, own: Mapping[str, float], here: Collection[str]) -> Signs:
        hits = own.keys() & here
        short = {run for run in hits if (len(run) == 1 if self._zh else run.endswith("~"))}
        return Signs(min(MOST, sum(own[run] for run in short)), min(MOST, sum(own[run] for run in hits - short)))

    def nats(self, name: str, path: Path, action: str) -> dict[Any, float]:
        """Choice of a tool's field -> what the words of an action say for it, in nats; nothing for other fields."""
        return {
            value: sum(w * s for w, s in zip(WEIGHTS, signs, strict=True))
            for value, signs in self.signs(name, path, action).items()
        }

    def decide(
        self,
        name: str,
        action: str,
        done: Completion,
        can: Mapping[Path, Collection[Any]],
        given: Mapping[Path, bool],
    ) -> dict[Path, Any]:
        """Choices that words and model together find likelier than what a model wrote, by their fields.

        can: what code reads for sure; a field of it is not decided here. given: what `presence` decided of fields;
        where one is given that the model left out, words alone decide, if they speak for one choice.
        """
        out: dict[Path, Any] = {}
        for (tool, path), own in self._own.items():
            if tool != name or can.get(path) or given.get(path) is False:
                continue
            words = self.nats(name, path, action)
            if not any(words.values()):
                continue
            told = value_nats(done.places, path[0], self._keys[name], list(own))
            nats = {value: words[value] + MODEL * told.get(value, 0.0) for value in own}
            best = max(nats, key=nats.__getitem__)
            alone = list(nats.values()).count(nats[best]) == 1
            if (best != max(told, key=told.__getitem__)) if told else (path in given and alone):
                out[path] = best
        return out
