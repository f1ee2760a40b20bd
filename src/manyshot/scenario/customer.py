"""A scripted customer: opens, answers what it is asked from its profile, and goes when nothing is asked any more.

The one rule: it is deterministic, hears only replies, and says nothing that it was not asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from manyshot.flow.steps import Flow
from manyshot.flow.words import grams
from manyshot.types import Language, Scenario, Tool
from manyshot.values.kinds import name_words

#: Part of a field's own words that a question must have to ask for it.
ASKED = 0.5
_QUESTION = re.compile(
    r"[?？]|请问|请(?:您)?(?:提供|告诉|留下|告知|说|选|确认|核对|把)|麻烦(?:您)?|[吗呢么]\s*[，。,.!！]?\s*$"
    r"|\b(?:please|could you|can you|may i|would you|what|which|when|where|who)\b",
    re.IGNORECASE,
)
_SAYINGS: Mapping[Language, Mapping[str, str]] = {
    "zh": {"yes": "是的", "no": "不是", "unknown": "这个我不清楚", "bye": "好的，没有别的事了，谢谢", "comma": "，"},
    "en": {"yes": "Yes", "no": "No", "unknown": "I don't know that", "bye": "That's all, thank you", "comma": ", "},
}
#: Words of fields that stand in many questions and tell none apart.
_EMPTY = frozenset(("客户", "是否", "希望", "选定", "信息", "内容", "the", "customer", "whether", "what", "for"))


@dataclass(slots=True)
class Customer:
    """One customer in one conversation. `patience`: how often it says goodbye or repeats itself before it goes."""

    scenario: Scenario
    language: Language
    words: Mapping[str, frozenset[str]]
    patience: int = 1
    _given: set[str] = field(default_factory=set)
    _tired: int = 0

    def open(self) -> str:
        """The first message."""
        return self.scenario.opening

    def answer(self, reply: str, *, over: bool) -> str | None:
        """What it says to a reply; None when it goes. `over`: the assistant has closed the conversation."""
        says = _SAYINGS[self.language]
        profile = self.scenario.profile
        asked = self._asked(reply)
        fresh = [key for key in asked if key not in self._given]
        if not fresh and _QUESTION.search(reply) and not asked:
            fresh = [key for key in profile if key not in self._given][:1]
        if over and not fresh:
            return None
        if fresh or asked:
            chosen = fresh or asked
            if not fresh:
                self._tired += 1
            if self._tired > self.patience + 1:
                return None
            self._given |= set(chosen)
            return says["comma"].join(_said(profile[key], says) for key in chosen)
        self._tired += 1
        if self._tired > self.patience:
            return None
        return says["unknown"] if _QUESTION.search(reply) else says["bye"]

    def _asked(self, reply: str) -> list[str]:
        """Keys of the profile that a reply asks for, in the profile's order."""
        if not _QUESTION.search(reply):
            return []
        there = grams(_questions(reply))
        likeness = {
            key: len(own & there) / len(own)
            for key in self.scenario.profile
            if (own := self.words.get(key, frozenset()))
        }
        return [key for key in self.scenario.profile if likeness.get(key, 0.0) >= ASKED]


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


def words_of_keys(scenario: Scenario, flows: Sequence[Flow], tools: Sequence[Tool]) -> dict[str, frozenset[str]]:
    """By which words each key of a profile is asked for: its own, and those of the flow's slot or the tools' field of
    its name."""
    out = {}
    for key in scenario.profile:
        texts = [" ".join(name_words(key)) if key.isascii() else key, *_described(key, flows, tools)]
        found = {word for text in texts for word in grams(_head(text))} - _EMPTY
        out[key] = frozenset(found)
    return out


def _described(key: str, flows: Sequence[Flow], tools: Sequence[Tool]) -> Iterable[str]:
    for flow in flows:
        if key in flow.slots:
            yield flow.slots[key].about
    for tool in tools:
        if key in tool.properties:
            yield str(tool.properties[key].get("description", ""))


def _head(text: str) -> str:
    """The first clause of a description."""
    return re.split(r"[,，。;；(（:：]", text, maxsplit=1)[0]
