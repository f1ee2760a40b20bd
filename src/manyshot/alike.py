"""Leniency by name: values that a test says may be written in several ways count as equal when they read the same.

One rule: nothing is lenient unless it was named for that parameter, and what cannot be read stays as it is. Types are
judged before, so a date that the schema wants as a date has to be one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from manyshot.types import Alike

_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?|(\d{4})(\d{2})(\d{2})")
_PHONE = re.compile(r"(\+|00)?(\d{5,15})")
_PHONE_SIGNS = re.compile(r"[\s().\-]")
#: China's mobile numbers are the same with and without the country's.
_MOBILE = re.compile(r"86(1\d{10})")


def read(value: Any, rules: Sequence[Alike]) -> Any:
    """The value with its texts read by each of the rules, inside lists and objects too."""
    if isinstance(value, str):
        text = unicodedata.normalize("NFKC", value).strip()
        for rule in rules:
            text = _READERS[rule](text)
        return text
    if isinstance(value, list):
        return [read(one, rules) for one in value]
    if isinstance(value, dict):
        return {key: read(one, rules) for key, one in value.items()}
    return value


def _date(text: str) -> str:
    found = _DATE.fullmatch(text)
    if found is None:
        return text
    year, month, day = (int(part) for part in found.groups() if part)
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return text


def _phone(text: str) -> str:
    found = _PHONE.fullmatch(_PHONE_SIGNS.sub("", text))
    if found is None:
        return text
    abroad, digits = found.groups()
    if abroad and (mobile := _MOBILE.fullmatch(digits)):
        return mobile[1]
    return f"+{digits}" if abroad else digits


def _space(text: str) -> str:
    return "".join(text.split())


_READERS: Mapping[Alike, Callable[[str], str]] = {
    "case": str.casefold,  # Anna, ANNA
    "space": _space,  # B 30 118, B30118
    "date": _date,  # 2024-10-12, 2024/10/12, 20241012, 2024年10月12日
    "phone": _phone,  # 138 0013 8000, (138) 0013-8000, +8613800138000
}
