"""Names for steps and slots, made of whatever a chart calls them."""

from __future__ import annotations

import re

from manyshot.flow.conditions import WORDS


def identifier(words: str, otherwise: str = "step") -> str:
    """A name made of words: other signs become _, a leading digit gets one in front."""
    if words.isidentifier():
        return words
    name = re.sub(r"\W+", "_", words).strip("_") or re.sub(r"\W+", "_", otherwise).strip("_") or "step"
    name = name if not name[0].isdigit() else f"_{name}"
    return name if name.isidentifier() else "step"


def slot_name(words: str, otherwise: str = "slot") -> str:
    """A name for a slot: an identifier that conditions do not read as a word of their own."""
    name = identifier(words, otherwise)
    return f"{name}_" if name in WORDS else name
