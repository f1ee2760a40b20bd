"""Any value on one short line, for messages and reports."""

from __future__ import annotations

import json
from typing import Any

_SHOWN = 120  # characters


def show(value: Any) -> str:
    """A value on one line, as JSON (text without quotes), cut when long. Never raises."""
    if isinstance(value, str):
        text = value
    else:
        try:
            text = json.dumps(value, ensure_ascii=False, default=str)
        except (RecursionError, ValueError, TypeError):
            text = f"<{type(value).__name__}>"
    text = text[: _SHOWN * 100]  # of a text of megabytes only the beginning is worth the work
    text = " ".join(text.encode("utf-8", "replace").decode().split()) or '""'  # a lone surrogate cannot be stored
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
