"""What customers do beside answering, and what the assistant does then: named classes with words in both languages.

The one rule: a detour changes neither the calls nor the outcome; the assistant comes back to what it asked.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from manyshot.types import LEAVES, Language, Record

#: What customers do to an answer itself, and what happens to a call.
ANSWER, CALL = "changes_mind", "refused_call"


class Detour(Record):
    """Words of one class. `{asked}` is what was asked for; the question stands behind each reply."""

    says: tuple[str, ...]
    think: tuple[str, ...]
    action: tuple[str, ...]
    reply: tuple[str, ...]


class Again(Record):
    """Words around a call that was refused and is made again: the thought, and what may stand before the Action."""

    think: tuple[str, ...]
    prefix: tuple[str, ...]


class Words(Record):
    """One language."""

    #: By class: what is said instead of an answer.
    detours: dict[str, Detour]
    leaving: Detour
    #: A value taken back: {wrong} was said, {right} is meant.
    corrections: tuple[str, ...]
    refused: Again
    #: "yes" and "no" -> answers to a question of yes or no.
    answers: dict[str, tuple[str, ...]]
    #: By persona: what stands before and behind a sentence.
    openers: dict[str, tuple[str, ...]]
    closers: dict[str, tuple[str, ...]]


@cache
def words(language: Language) -> Words:
    """The words that come with the package."""
    text = (Path(__file__).parent / f"{language}.yaml").read_text("utf-8")
    return Words.model_validate(yaml.safe_load(text))


#: How customers talk.
PERSONAS = ("plain", "terse", "polite", "chatty", "impatient")
#: Every class of generated dialogue with its default share; plain is what the path alone asks for.
SHARES: Mapping[str, float] = {
    "plain": 0.8, "off_topic": 0.025, "refuses": 0.025, "two_things": 0.025, "no_tool": 0.025, "injection": 0.025,
    "impossible_time": 0.02, ANSWER: 0.025, CALL: 0.015, LEAVES: 0.015,
}  # fmt: skip


#: Values of a slot by which yes and no are told.
_YES, _NO = (
    frozenset(("是", "能", "有", "好", "愿意", "yes", "true")),
    frozenset(("否", "不能", "没有", "不", "不愿意", "no", "false")),
)
_ABOUT = re.compile(r"^.{0,12}?(?:是否|能否|愿不愿意|要不要)")


def yes_or_no(value: Any, about: str, language: Language, rng: random.Random) -> str | None:
    """An answer in a word or two to a question of yes or no (`about`, as flows describe slots); None for others."""
    told = str(value).lower()
    side = "yes" if told in _YES else "no" if told in _NO else ""
    if not side:
        return None
    thing = _ABOUT.sub("", about) if language == "zh" and _ABOUT.match(about) else ""
    return rng.choice([a for a in words(language).answers[side] if thing or "{" not in a]).format(about=thing)


def dressed(text: str, persona: str, language: Language, rng: random.Random, *, first: bool) -> str:
    """A customer's words in somebody's manner: who is polite greets once; what ends itself gets nothing behind it."""
    said = words(language)
    opener = rng.choice(said.openers[persona]) if rng.random() < 0.5 and (first or persona != "polite") else ""
    closer = rng.choice(said.closers[persona]) if rng.random() < 0.4 else ""
    if text.lower().startswith(tuple(one.strip("，, ").lower()[:2] for one in said.openers["polite"])):
        opener = ""
    if text[-1:] in "？?！!…":
        closer = ""
    return f"{opener}{text.rstrip('。.') if closer else text}{closer}"
