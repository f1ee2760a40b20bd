"""A scripted customer: opens, answers what it is asked from its profile, and goes when nothing is asked any more.

The one rule: it is deterministic, hears only replies, and says nothing that it was not asked for.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from manyshot.flow.steps import PLACE, Ask, Flow
from manyshot.flow.words import grams
from manyshot.types import Language, Scenario, Tool
from manyshot.values.kinds import Kind, name_words, of_format, of_words

#: What a question's words must be worth to ask for a field (a word that stands for one field alone is worth 1), and
#: which part of what they are worth for the field that they ask for most.
ASKED, BESIDE = 1.0, 0.2
_QUESTION = re.compile(
    r"[?？]|请问|请(?:您)?(?:提供|告诉|留|告知|说|选|确认|核对|把|打|填|给|报|描述|补充)|麻烦(?:您)?|您(?:选|挑|看|想|要|希望)|[吗呢么]\s*[，。,.!！]?\s*$"
    r"|\b(?:please|could you|can you|may i|would you|what|which|when|where|who)\b",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"\d{1,2}\s*(?:[:：点]\s*\d{0,2}|[ap]\.?m\b)|[一二三四五六七八九十]+点", re.IGNORECASE)
_SAYINGS: Mapping[Language, Mapping[str, str]] = {
    "zh": {"yes": "是的", "no": "不是", "unknown": "这个我不清楚", "bye": "好的，没有别的事了，谢谢", "comma": "，"},
    "en": {"yes": "Yes", "no": "No", "unknown": "I don't know that", "bye": "That's all, thank you", "comma": ", "},
}
#: Words of fields that stand in many questions and tell none apart.
_EMPTY = frozenset(("客户", "是否", "希望", "选定", "信息", "内容", "the", "customer", "whether", "what", "for"))


class Talker(Protocol):
    """Who plays the customer of one conversation."""

    def open(self) -> str:
        """The first message."""
        ...

    def answer(self, reply: str, *, over: bool) -> str | None:
        """What it says to a reply; None when it goes. `over`: the assistant has closed the conversation."""
        ...


@dataclass(slots=True)
class Customer:
    """One scripted customer in one conversation.

    words: how each key of the profile is asked for, with what each word is worth (see `words_of_keys`). Slots
    of the flow's first question are told by the opening. patience: how often it has nothing to add before it goes.
    """

    scenario: Scenario
    language: Language
    words: Mapping[str, Mapping[str, float]]
    #: Slots that one question asks for together, in the order of the flow, and slots of moments.
    together: Sequence[Collection[str]] = ()
    moments: Collection[str] = ()
    patience: int = 1
    _given: set[str] = field(default_factory=set)
    _tired: int = 0

    def open(self) -> str:
        """The first message."""
        self._given = {key for key, value in self.scenario.profile.items() if tells(self.scenario.opening, str(value))}
        return self.scenario.opening

    def answer(self, reply: str, *, over: bool) -> str | None:
        """What it says to a reply; None when it goes. `over`: the assistant has closed the conversation."""
        says = _SAYINGS[self.language]
        asks = bool(_QUESTION.search(reply))
        asked = self._asked(reply) if asks else []
        fresh = [key for key in asked if key not in self._given]
        if over and not fresh:
            return None
        if asked:
            # What was told already is told again, once or twice.
            self._tired += not fresh
            if self._tired > self.patience + 1:
                return None
            self._given |= set(asked)
            return says["comma"].join(_said(self.scenario.profile[key], says) for key in fresh or asked)
        self._tired += 1
        if self._tired > self.patience:
            return None
        return says["unknown"] if asks else says["bye"]

    def surely_asked(self, reply: str) -> list[str]:
        """Keys of the profile whose words a reply asks with, in the profile's order; [] when it asks nothing."""
        worth = self._worth(reply) if _QUESTION.search(reply) else {}
        most = max(worth.values(), default=0.0)
        if most < ASKED:
            return []
        best = max(worth, key=worth.__getitem__)
        group = next((own for own in self.together if best in own), None)
        return [
            key
            for key in self.scenario.profile
            if worth[key] >= max(ASKED, BESIDE * most) and (group is None or key in group or self._free(key))
        ]

    def _worth(self, reply: str) -> dict[str, float]:
        """How much the words of a reply's questions say that each key is asked for."""
        there = grams(_questions(reply))
        worth = {
            key: math.fsum(value for word, value in own.items() if word in there) for key, own in self.words.items()
        }
        if len(_CLOCK.findall(reply)) > 1:  # who names several hours asks which
            worth |= {key: worth[key] + ASKED for key in self.moments if key in worth}
        return worth

    def _asked(self, reply: str) -> list[str]:
        """Keys of the profile that a reply asks for, in the profile's order; where its words tell none, the next one
        that was not told, of those that customers do not begin with."""
        if sure := self.surely_asked(reply):
            return sure
        worth = self._worth(reply)
        most = max(worth.values(), default=0.0)
        left = [key for key in self.scenario.profile if key not in self._given]
        near = [key for key in left if worth[key] == most > 0]
        return (near or [key for key in left if key not in next(iter(self.together), ())])[:1]

    def _free(self, key: str) -> bool:
        """Whether no question of the flow asks for a key."""
        return not any(key in own for own in self.together)


def tells(text: str, value: str) -> bool:
    """Whether a text has a value, however it is spaced; the 2 of 2024 is no 2."""
    signs = "".join(value.split())
    words = r"\s*".join(map(re.escape, signs))
    return bool(
        signs and re.search(rf"(?<![0-9A-Za-z]){words}(?![0-9A-Za-z])" if signs.isascii() else words, text, re.I)
    )


def _questions(reply: str) -> str:
    """The sentences of a reply that ask; all of it when none can be told apart."""
    sentences = re.findall(r"[^。！？.!?]+[。！？.!?]?", reply)
    return " ".join(s for s in sentences if _QUESTION.search(s)) or reply


def _said(value: Any, says: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return says["yes"] if value else says["no"]
    if isinstance(value, list):
        return says["comma"].join(str(one) for one in value)
    return str(value)


def asked_together(scenario: Scenario, flows: Sequence[Flow]) -> list[tuple[str, ...]]:
    """The slots of each question of a scenario's flow."""
    steps = next((flow.steps for flow in flows if flow.name == scenario.flow), ())
    return [step.slots for step in steps if isinstance(step, Ask)]


def moments_of(tools: Sequence[Tool]) -> set[str]:
    """Names of fields that take a day with its hour."""
    return {
        name
        for tool in tools
        for name, schema in tool.properties.items()
        if of_words(name_words(name), str(schema.get("description", ""))) in (Kind.DATETIME, Kind.TIME)
        or of_format(schema.get("format")) in (Kind.DATETIME, Kind.TIME)
    }


def words_of_keys(scenario: Scenario, flows: Sequence[Flow], tools: Sequence[Tool]) -> dict[str, dict[str, float]]:
    """By which words each key of a profile is asked for: its own, those of the flow's slot or the tools' field of its
    name, and the flow's questions for it; a word that stands for several keys is worth as much less."""
    chosen = [flow for flow in flows if flow.name == scenario.flow] or list(flows)
    asked = (slot for flow in chosen for step in flow.steps if isinstance(step, Ask) for slot in step.slots)
    known = dict.fromkeys((*scenario.profile, *asked))
    found = {key: _words(key, chosen, tools) for key in known}
    often = Counter(word for words in found.values() for word in words)
    return {key: {word: 1.0 / often[word] for word in found[key]} for key in scenario.profile}


def _words(key: str, flows: Sequence[Flow], tools: Sequence[Tool]) -> set[str]:
    texts = [" ".join(name_words(key)) if key.isascii() else key]
    for flow in flows:
        texts += [flow.slots[key].about] if key in flow.slots else []
        texts += [
            _questions(PLACE.sub(" ", step.text))
            for step in flow.steps
            if isinstance(step, Ask) and step.slots == (key,)
        ]
    texts += [_head(str(tool.properties[key].get("description", ""))) for tool in tools if key in tool.properties]
    return {word for text in texts for word in grams(text)} - _EMPTY


def _head(text: str) -> str:
    """The first clause of a description."""
    return re.split(r"[,，。;；(（:：]", text, maxsplit=1)[0]
