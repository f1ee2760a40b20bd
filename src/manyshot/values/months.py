# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Words for a month, Chinese and English, for fields written without a day. The one rule: a day is no month.

A month without year is this year's unless it ended more than `PAST_DAYS` days ago: then next year's. Where values lie
behind (bills, pay) it is the latest that is not to come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache

from manyshot.values import calendar as cal
from manyshot.values import days_en, days_zh, month_spans
from manyshot.values.clock import Moment
from manyshot.values.moments import variants
from manyshot.values.numbers import read_en

# Groups: m month, y its year, s steps of months from this one; e (en) last, this or next one of that name,
# u last, this or next year, n months ago.
_YEAR_MONTH = r"(?P<y>(?:19|20)\d\d)[-/](?P<m>0?[1-9]|1[0-2])(?![-/.:]?\d)(?![-/])"
_ZH = (
    rf"{_YEAR_MONTH}(?:月份?)?",
    rf"(?P<y>{days_zh.YEAR}年|(?<!\d)\d\d年|{'|'.join(days_zh.YEARS)})的?\s*(?P<m>{days_zh.MONTH})\s*月份?",
    rf"(?P<m>{days_zh.MONTH})\s*月份?",
    r"(?P<s>上上|(?<!一)下下|上|本|这|当|下)个?月份?",
)
_EN = (
    _YEAR_MONTH,
    r"(?P<m>0?[1-9]|1[0-2])[-/.](?P<y>(?:19|20)\d\d)(?![-/.:]?\d)",
    rf"\b{days_en.MONTH},?\s*(?:of\s+)?(?P<y>(?:19|20)\d\d)\b",
    rf"\b{days_en.MONTH}\s+(?:of\s+)?(?P<u>last|this|next)\s+year\b",
    rf"\b(?P<u>last|this|next)\s+year['’]?s\s+{days_en.MONTH}(?!\w)",
    rf"\b(?:(?P<e>last|this|next)\s+)?{days_en.MONTH}(?!\w)(?:['’]s\b)?",
    rf"\b{days_en.MONTH}\s+['’]?(?P<yy>\d\d)(?![\w.,:/-]*\d)(?!st|nd|rd|th)\b",
    r"\b(?:the\s+)?(?P<s>last|previous|this|current|next)\s+month(?:['’]?s)?\b",
    r"\b(?:the\s+)?month\s+(?P<s>before\s+last)\b",
    r"\b(?P<n>\w+)\s+months\s+ago\b",
)
_EN_STEPS = {"last": -1, "previous": -1, "this": 0, "current": 0, "next": 1}
#: What stands before or after a month that is part of a day, an amount or an id.
_NOT_AFTER = {
    "zh": re.compile(r"[A-Za-z\d./第个零一二三四五六七八九十两几近每-]$|\d:$|年的?$"),
    "en": re.compile(
        r"[\w./-]$|\d:$|\d(?:st|nd|rd|th)?\s+(?:of\s+)?$|\b(?:end|day|start|beginning|middle|half)\s+of\s+(?:the\s+)?$"
    ),
}
_NOT_BEFORE = {
    "zh": re.compile(r"\s*的?\s*初?\s*(?:\d|[一二三四五六七八九十廿]+[日号]|底|末|初|中旬|[上下]旬|最后一天|之?[内后前]|月)"),
    "en": re.compile(r"\s+(?:the\s+)?\d{1,2}(?:st|nd|rd|th)?\b(?!\d)|-\d"),
}  # fmt: skip
#: Names and other words that are months only beside one of these, or alone.
_DOUBTFUL = re.compile(r"(?:jan|mar|march|april|may|june|august)\.?")
_LEAD = re.compile(
    r"\b(?:for|in|of|from|since|during|until|till|through|with|send|my|the|our|his|her|their|last|this)\s+$"
)


def _month(m: re.Match[str], today: date, past: bool, language: str) -> tuple[int, int] | None:
    """Year and month of a match."""
    g = m.groupdict()
    if step := g.get("s"):
        steps = days_zh.STEPS[step] if language == "zh" else _EN_STEPS.get(step, -2)
        return cal.month_shift(today, steps)
    if count := g.get("n"):
        back = read_en(count)
        return cal.month_shift(today, -back) if isinstance(back, int) else None
    said = g["m"]
    month = int(said) if said.isdigit() else days_zh.month_of(said) if language == "zh" else days_en.month_of(said)
    if g.get("e"):
        return _near(g["e"], month, today)
    if g.get("u"):
        return today.year + _EN_STEPS[g["u"]], month
    if g.get("yy"):  # jan 25 is the month where the year is this one's or the last, else a day
        short = 2000 + int(g["yy"])
        return (short, month) if 0 <= today.year - short <= 1 else None
    said = g.get("y") or ""
    year = days_zh.year_of(said if said in days_zh.YEARS else said.removesuffix("年"), today)
    return (year, month) if year else _open(month, today, past)


def _near(step: str, month: int, today: date) -> tuple[int, int] | None:
    """last December is the latest before this month; next January the first to come, if only one can be meant."""
    if step == "next":
        return (today.year + 1, month) if month <= today.month else None
    return today.year - (step == "last" and month >= today.month), month


def _open(month: int, today: date, past: bool) -> tuple[int, int]:
    """A month without year."""
    if past:
        return today.year - (month > today.month), month
    ended = cal.last_day(date(today.year, month, 1))
    return today.year + ((today - ended).days > cal.PAST_DAYS), month


@lru_cache(maxsize=2)
def _compiled(language: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(words, re.ASCII) for words in (_ZH if language == "zh" else _EN))


def candidates(text: str, now: datetime, language: str, past: bool = False) -> Iterator[Moment]:
    """All months in the folded text as their first day, overlapping ones too, and the ends of stretches of months."""
    yield from month_spans.candidates(text, now.date(), language, past)
    for words in _compiled(language):
        for match in words.finditer(text):
            before = text[: match.start()]
            if _NOT_AFTER[language].search(before) or _NOT_BEFORE[language].match(text, match.end()):
                continue
            try:
                found = _month(match, now.date(), past, language)
                first = date(*found, 1) if found else None
            except ValueError:
                continue
            if first is None:
                continue
            weak = bool(language == "en" and _DOUBTFUL.fullmatch(match[0]) and not _LEAD.search(before))
            yield Moment(*match.span(), first, None, weak=weak)


def whole(text: str, now: datetime, language: str, past: bool = False) -> Iterator[Moment]:
    """What the whole of the (folded, bare) surface can be; the language of the context first. A written day is its month."""
    for variant in variants(re.sub(r"^(?:in|of|since)\s+", "", text)):
        for tongue in (language, "en" if language == "zh" else "zh"):
            yield from (m for m in candidates(variant, now, tongue, past) if m.start == 0 and m.end == len(variant))
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text) and (day := cal.make(*map(int, text.split("-")))):
        yield Moment(0, len(text), day.replace(day=1), None)
