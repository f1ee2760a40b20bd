"""Any value on one short line, for messages and reports."""

from __future__ import annotations

import json
from typing import Any

_SHOWN = 120  # characters
_WORDS = {None: "null", True: "true", False: "false"}
_LARGE = 10**100
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)


def storable(text: str) -> str:
    """The text with "?" for halves of surrogate pairs, which no UTF-8 file takes."""
    return text.encode("utf-8", "replace").decode()


def show(value: Any) -> str:
    """A value on one line, as JSON (text without quotes), cut when long. Never raises."""
    if isinstance(value, str):
        if len(value) <= _SHOWN and value.isprintable() and "  " not in value and value == value.strip() != "":
            return value  # what the rest would make of it, at a tenth of the price
        text = value
    elif value is None or type(value) is bool:
        return _WORDS[value]
    elif type(value) is float or (type(value) is int and -_LARGE < value < _LARGE):
        return repr(value)
    else:
        try:
            text = _ENCODER.encode(value)
        except (RecursionError, ValueError, TypeError):
            text = f"<{type(value).__name__}>"
    text = text[: _SHOWN * 100]  # of a text of megabytes only the beginning is worth the work
    text = " ".join(storable(text).split()) or '""'
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
