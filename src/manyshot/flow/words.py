"""What plain words have in common, and what they say of an end. One rule: no grammar, only words."""

from __future__ import annotations

import re

_PIECES = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[\u3400-\u9fff]+")
#: Words of a last step by which a person takes over.
_PERSON = (
    "handoff",
    "hand over",
    "human",
    "person",
    "agent",
    "escalate",
    "transfer to",
    "人工",
    "转接",
    "专员",
    "专人",
)
#: Words that say nothing about which tool is meant.
_EMPTY = frozenset(("the", "a", "of", "for", "to", "in", "on", "at", "and", "or", "is", "by", "客户", "进行", "一下"))


def held(words: str, text: str) -> float:
    """The part of the words that stands in a text: pairs of Chinese characters, words of other languages."""
    wanted = grams(words)
    return len(wanted & grams(text)) / len(wanted) if wanted else 0.0


def grams(text: str) -> set[str]:
    """Pairs of Chinese characters, and words of other languages in lower case."""
    found: set[str] = set()
    for piece in _PIECES.findall(text):
        if "\u3400" <= piece[0] <= "\u9fff":
            found.update(piece[n : n + 2] for n in range(max(1, len(piece) - 1)))
        else:
            found.add(piece.lower())
    return found - _EMPTY


def hands_over(words: str) -> bool:
    """Whether the words of a last step say that a person takes over."""
    folded = words.lower()
    return any(word in folded for word in _PERSON)
