"""Answers of tools on one line: JSON, with the status in front when that is not 200, or `timeout`.

The one rule: what is written reads back as the same answer; it is also what the thinking model is shown.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import ValidationError

from manyshot.parse import read_json
from manyshot.types import Observation

#: An answer that never came (status 0), in words.
TIMEOUT = "timeout"
_STATUS = re.compile(r"(\d{3})\s+")


def whole_json(text: str) -> Any:
    """The JSON value that a text is, as strict as calls are read; ValueError with the place."""
    value, end = read_json(text.strip())
    if end < len(text.strip()):
        raise ValueError(f"at {end}: wanted the end, got {text.strip()[end : end + 20]!r}")
    return value


def read_observation(text: str) -> Observation | None:
    """An exact answer: JSON, with its status in front when that is not 200; None for words."""
    if text.strip().lower() == TIMEOUT:
        return Observation(status=0)
    status = _STATUS.match(text)
    body = text[status.end() :] if status else text
    if not status and not body.lstrip().startswith(("{", "[")):
        return None  # a bare number or word is what somebody said
    try:
        return Observation(status=int(status[1]) if status else 200, body=whole_json(body))
    except (ValueError, ValidationError):
        return None


def write_observation(answered: Observation) -> str:
    """An answer on one line, as `read_observation` reads it."""
    if answered.status == 0:
        return TIMEOUT
    body = json.dumps(answered.body, ensure_ascii=False)
    return body if answered.status == 200 and body[0] in "{[" else f"{answered.status} {body}"
