"""Personal data and secrets out of what is logged or traced. One rule: what is masked does not depend on who logs it.

Everything that `dataset.personal` finds gets a mark as [phone 1]; so do the project's own secrets.
"""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any

from manyshot.dataset.personal import Redactor

#: Characters of a text that are looked at; of a longer one the rest is not logged.
LONGEST = 20_000
#: Names of fields whose value is nobody's business.
_SECRET = re.compile(r"passw|passphrase|secret|token|authorization|cookie|api[_-]?key|csrf|密码", re.IGNORECASE)


def masked(value: Any) -> Any:
    """Text, or JSON of any kind, without personal data and secrets; long texts are cut. Never raises."""
    try:
        return Redactor().value(_cut(value, 0))
    except Exception as error:  # what cannot be masked is not shown
        return f"[not shown: {type(error).__name__}]"


def _cut(value: Any, depth: int) -> Any:
    if depth > 20:
        return "…"
    if isinstance(value, dict):
        return {
            str(name): "[secret]" if _SECRET.search(str(name)) and isinstance(inner, str) else _cut(inner, depth + 1)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_cut(inner, depth + 1) for inner in value]
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


class MaskingFilter(logging.Filter):
    """Masks what a logging handler writes: `handler.addFilter(MaskingFilter())`. Tracebacks keep places, not values."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            text = record.getMessage()
        except Exception:  # as logging itself takes it: a message that does not fit its values
            text = str(record.msg)
        record.msg, record.args = masked(text), None
        # A line break would begin another entry, in words of whoever sent it.
        record.msg = record.msg.translate(_BREAKS)
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            places = traceback.extract_tb(error.__traceback__)
            where = ", ".join(f"{place.filename.rsplit('/', 1)[-1]}:{place.lineno}" for place in places[-5:])
            record.msg += f" [{type(error).__name__} at {where}]"
        record.exc_info = record.exc_text = record.stack_info = None
        return True


_BREAKS = dict.fromkeys((*range(32), 127, *range(128, 160), 8232, 8233), " ")
