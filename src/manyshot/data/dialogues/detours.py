"""What customers do beside answering, and what the assistant does then: named classes with words in both languages.

The one rule: a detour changes neither the calls nor the outcome; the assistant comes back to what it asked.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from pathlib import Path

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
    "plain": 0.6, "off_topic": 0.05, "refuses": 0.05, "two_things": 0.05, "no_tool": 0.05, "injection": 0.05,
    "impossible_time": 0.04, ANSWER: 0.05, CALL: 0.03, LEAVES: 0.03,
}  # fmt: skip


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
