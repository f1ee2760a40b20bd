"""Names for steps and slots, made of whatever a chart calls them."""

from __future__ import annotations

import re


def identifier(words: str, otherwise: str = "step") -> str:
    """A name made of words: other signs become _, a leading digit gets one in front."""
    if words.isidentifier():
        return words
    name = re.sub(r"\W+", "_", words).strip("_") or re.sub(r"\W+", "_", otherwise).strip("_") or "step"
    name = name if not name[0].isdigit() else f"_{name}"
    return name if name.isidentifier() else "step"
