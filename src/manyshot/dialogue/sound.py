"""Whether a tool's answer can be meant at all.

The one rule: only what no business can answer counts, whatever its flows say: no answer in time, a text in place of
data, another id than was asked for, a day or an hour that does not exist, fewer than none. Nothing may be done on such
an answer, and nothing told from it; a person takes over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from manyshot.types import Call, Observation

_MOMENT = re.compile(r"\d{4}-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d))?")
_DIGIT = re.compile(r"\d")
#: Fields that say how many there are.
COUNTS = ("count", "total", "数量", "总数")


def unsound(call: Call, answered: Observation) -> str:
    """What cannot be meant in the answer to a call, in a word or two; "" when it can be, also for plain errors."""
    if answered.status == 0:
        return "no answer"
    if not answered.ok:
        return ""
    if not isinstance(answered.body, dict | list):
        return "" if answered.body is None else "no data"
    return next(_impossible(call, answered.body), "")


def _impossible(call: Call, body: Any) -> Iterator[str]:
    if isinstance(body, dict):
        for name, asked in call.arguments.items():
            got = body.get(name, asked)
            if isinstance(asked, str) and isinstance(got, str) and got != asked and _DIGIT.search(asked):
                yield f"another {name}"
        for name in COUNTS:
            if isinstance(body.get(name), int | float) and body[name] < 0:
                yield f"{name} below none"
    for text in _texts(body):
        for found in _MOMENT.finditer(text):
            month, day, hour, minute = (int(part) if part else 0 for part in found.groups())
            if not 1 <= month <= 12 or not 1 <= day <= 31 or hour > 24 or minute > 59:
                yield f"no moment {found[0]}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
