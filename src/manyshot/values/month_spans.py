# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Stretches of whole months: 2024年1月至6月, 去年下半年, 第二季度, Q2 2024, January to March.

The one rule: a stretch has two ends, and each is only for a field that is the start, or the end, of one.

Without a year it is this year's, or the latest that has begun where values lie behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from manyshot.values import days_en, days_zh, ids
from manyshot.values.clock import Moment

_YEAR_ZH = (
    rf"(?:(?P<y>{days_zh.YEAR}|(?<!\d)\d\d|[零〇一二三四五六七八九]{{2}})年|(?P<near>{'|'.join(days_zh.YEARS)}))的?"
)
_LATER_ZH = rf"(?:(?P<y2>{days_zh.YEAR}|\d\d)年|(?P<near2>{'|'.join(days_zh.YEARS)}))?"
_ZH = (
    rf"(?:{_YEAR_ZH})?(?<![\d第])(?P<m>{days_zh.MONTH})月?份?\s*(?:到|至|[-~–—])\s*{_LATER_ZH}(?P<m2>{days_zh.MONTH})月份?",
    rf"{_YEAR_ZH}(?P<whole>全年|整年|一整年)",
    rf"(?:{_YEAR_ZH})?(?P<half>[上下])半年",
    rf"(?:{_YEAR_ZH})?(?:第?(?P<q>[一二三四1-4])季度|q(?P<q2>[1-4])(?!\d))",
)
_YEAR_EN = r"(?:,?\s+(?:of\s+)?(?:(?P<y>20\d\d)|(?P<near>last|this|next)\s+year))"
_MONTH_EN = days_en.MONTH
_EN = (
    rf"\b{_MONTH_EN}(?:\s+(?P<y>20\d\d))?\s*(?:to|till|until|through|thru|[-–—])\s*{_MONTH_EN.replace('<m>', '<m2>')}(?:\s+(?P<y2>20\d\d))?(?!\w)",
    r"\b(?:the\s+)?(?P<whole>whole|all|entirety)\s+(?:of\s+)?(?:(?P<y>20\d\d)|(?P<near>last|this|next)\s+year)\b",
    rf"\b(?:the\s+)?(?P<half>first|second)\s+half{_YEAR_EN}?",
    rf"\b(?:(?:the\s+)?(?P<q>first|second|third|fourth|last)\s+quarter|q(?P<q2>[1-4])){_YEAR_EN}?(?!\d)",
)  # fmt: skip
_STEPS = {"last": -1, "this": 0, "next": 1, **days_zh.YEARS}
_ORDER = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4, "一": 1, "二": 2, "三": 3, "四": 4}


@lru_cache(maxsize=2)
def _compiled(language: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(words, re.ASCII) for words in (_ZH if language == "zh" else _EN))


def candidates(text: str, today: date, language: str, past: bool = False) -> Iterator[Moment]:
    """The two ends of each stretch in the folded text, as first days of months."""
    for words in _compiled(language):
        for match in words.finditer(text):
            ends = _ends(match.groupdict(), today, language, past)
            for day, edge in zip(ends or (), ("start", "end"), strict=False):
                yield Moment(*match.span(), day, None, edge=edge)


def _ends(g: dict[str, str | None], today: date, language: str, past: bool) -> tuple[date, date] | None:
    """First and last month of a stretch; None where it is none."""
    first, last = _months(g, language)
    later, own = _year(g.get("y2"), g.get("near2"), today), _year(g.get("y"), g.get("near"), today)
    if own is None and later is not None:  # January to March 2025
        own = later - (last < first)
    if own is None:
        own = today.year - (past and first > today.month)
    end = later or own + (last < first)
    begin, stop = date(own, first, 1), date(end, last, 1)
    return (begin, stop) if begin <= stop else None


def _months(g: dict[str, str | None], language: str) -> tuple[int, int]:
    if (m := g.get("m")) and (m2 := g.get("m2")):
        first, last = (days_zh.month_of(one) if language == "zh" else days_en.month_of(one) for one in (m, m2))
        return first, last
    if half := g.get("half"):
        return (1, 6) if half in ("上", "first") else (7, 12)
    if quarter := g.get("q") or g.get("q2"):
        number = int(quarter) if quarter.isdecimal() and quarter.isascii() else _ORDER[quarter]
        return 3 * number - 2, 3 * number
    return 1, 12


def _year(said: str | None, near: str | None, today: date) -> int | None:
    if near:
        return today.year + _STEPS[near]
    digits = ids.spoken_digits(said) if said else None
    return None if digits is None else int(digits) + (2000 if len(digits) == 2 else 0)
