"""Years said alone: 19年, 一七年, 去年, last year. The one rule: only where a field can hold nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from manyshot.values import days_zh, ids

if TYPE_CHECKING:
    from manyshot.values.fields import Field

#: A field between these bounds holds years.
FIRST, LAST = 1900, 2100
# 开了10年 and 10年多 last so long.
_ZH = re.compile(
    rf"(?<![\d.了有快近满用第])(?P<y>{days_zh.YEAR}|\d\d|[零〇一二三四五六七八九]{{2}})年(?![级多前后内以]|之|左右)"
    rf"|(?P<near>{'|'.join(days_zh.YEARS)})"
)
_EN = re.compile(r"\b(?P<near>last|this|next) year\b(?P<y>(?!))?")
_STEPS = {"last": -1, "this": 0, "next": 1}


def wanted(schema: Mapping[str, Any]) -> bool:
    """Whether a field of this schema is one of years."""
    bounds = schema.get("minimum"), schema.get("maximum")
    return schema.get("type") == "integer" and all(isinstance(b, int) and FIRST <= b <= LAST for b in bounds)


def places(field: Field, folded: str) -> Iterator[tuple[int, int]]:
    """Where years are said that are no plain numbers."""
    return (match.span() for match in _pattern(field).finditer(folded))


def read(field: Field, text: str) -> int | None:
    """The year of a folded surface; None where it is a plain number."""
    match = _pattern(field).fullmatch(text)
    if match is None:
        return None
    today = field.context.today.date()
    if near := match["near"]:
        return today.year + (_STEPS[near] if near in _STEPS else days_zh.YEARS[near])
    digits = ids.spoken_digits(match["y"])
    if digits is None:
        return None
    # 98年 was in the last century: two digits of a year that is yet to come mean one long gone.
    century = 0 if len(digits) == 4 else 2000 if 2000 + int(digits) <= today.year + 1 else 1900
    return century + int(digits)


def _pattern(field: Field) -> re.Pattern[str]:
    return _ZH if field.context.language == "zh" else _EN
