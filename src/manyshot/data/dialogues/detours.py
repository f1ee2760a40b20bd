"""What customers and tools do beside what a path asks for, and what the assistant does then: named classes of dialogues
with words in both languages.

The one rule: a detour changes neither the calls nor the outcome, and the assistant comes back to what it asked; or else
the dialogue ends there, and nothing is told or done that is not known.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from manyshot.flow.steps import Flow
from manyshot.types import LEAVES, REFUSES, FaultKind, Language, Record

#: What customers do to an answer itself; what happens to a call: it is wrong at first; its answer holds an order.
ANSWER, CALL, ORDER = "changes_mind", "refused_call", "injected_answer"
#: Kind of a dialogue in which an answer cannot be meant -> the fault that brings it about.
FAULTS: Mapping[str, FaultKind] = {"timeout": "timeout", "garbage": "garbage", "impossible_answer": "impossible"}


class Detour(Record):
    """Words of one class. `{asked}` is what was asked for; the question stands behind each reply."""

    says: tuple[str, ...]
    think: tuple[str, ...]
    action: tuple[str, ...]
    reply: tuple[str, ...]


class Opening(Record):
    """Words of the beginning."""

    asked: str
    questions: tuple[str, ...]


class Again(Record):
    """Words around a call that was refused and is made again: the thought, and what may stand before the Action.

    `{field}` is what was wrong with it, `{right}` what it should be.
    """

    think: tuple[str, ...]
    prefix: tuple[str, ...]


class GivingUp(Record):
    """Words by which a person takes over. `{asked}` is what the customer does not tell."""

    think: tuple[str, ...]
    action: tuple[str, ...]
    reply: tuple[str, ...]


class Words(Record):
    """One language."""

    #: By class: what is said instead of an answer.
    detours: dict[str, Detour]
    leaving: Detour
    #: What stands for {asked}, and the questions behind a reply, where the customer strays before anything was asked.
    opening: Opening
    #: A value taken back: {wrong} was said, {right} is meant.
    corrections: tuple[str, ...]
    refused: Again
    #: What customers say who do not tell it either when they are asked again.
    insisting: tuple[str, ...]
    #: By class: how a person takes over.
    giving_up: dict[str, GivingUp]
    #: What may stand before a thought on an answer with an order in it.
    unmoved: tuple[str, ...]
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


#: Kinds of dialogues in which the customer may stray at the very beginning, where there is no question later on.
EARLY = ("off_topic", "no_tool", "injection")
#: How customers talk.
PERSONAS = ("plain", "terse", "polite", "chatty", "impatient")
#: Every class of generated dialogue with its default share; plain is what the path alone asks for.
SHARES: Mapping[str, float] = {
    "plain": 0.76, "off_topic": 0.02, REFUSES: 0.02, "two_things": 0.02, "no_tool": 0.02, "injection": 0.02,
    "impossible_time": 0.02, ANSWER: 0.02, LEAVES: 0.015, CALL: 0.02, ORDER: 0.02, "impossible_answer": 0.015,
    "timeout": 0.015, "garbage": 0.015,
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


def asked_for(flow: Flow, slots: Iterable[str], language: Language) -> str:
    """What a question asks for, as the flow describes it."""
    return ("和" if language == "zh" else " and ").join(flow.slots[slot].about or slot for slot in slots)


def back_to(reply: str, asked: str, language: Language, rng: random.Random) -> str:
    """A reply to a detour with the question of the reply before it behind; a new one where nothing was asked."""
    question = question_of(asked) if asked else rng.choice(words(language).opening.questions)
    return f"{reply}{'' if language == 'zh' else ' '}{question}".strip()


def question_of(reply: str) -> str:
    """The last sentences of a reply from its last question on; all of it when it asks nothing."""
    ends = [n for n, char in enumerate(reply) if char in "。！？.!?" and n < len(reply) - 1]
    return reply[ends[-1] + 1 :].strip() if ends and reply[ends[-1] + 1 :].strip() else reply


def dressed(text: str, persona: str, language: Language, rng: random.Random, *, first: bool) -> str:
    """A customer's words in somebody's manner: who greets does it once; what ends itself gets nothing behind it."""
    said = words(language)
    opener = rng.choice(said.openers[persona]) if rng.random() < 0.5 and (first or persona == "impatient") else ""
    closer = rng.choice(said.closers[persona]) if rng.random() < 0.4 else ""
    if text.lower().startswith(tuple(one.strip("，, ").lower()[:2] for one in said.openers["polite"])):
        opener = ""
    if text[-1:] in "？?！!…":
        closer = ""
    return f"{opener}{text.rstrip('。.') if closer else text}{closer}"
