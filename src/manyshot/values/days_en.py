# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""English words for a date. The one rule: what names no single day (the weekend, soon, next week) is not found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache, partial

from manyshot.values import calendar as cal
from manyshot.values import festivals
from manyshot.values.calendar import Day, Reader, Rule
from manyshot.values.numbers import read_en, read_ordinal

_MONTHS = ["january", "february", "march", "april", "may", "june",
           "july", "august", "september", "october", "november", "december"]  # fmt: skip
_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
#: The name of a month, whole or cut, as group m.
MONTH = r"(?P<m>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
_WD = r"(?:mon(?:day)?|tues?(?:day)?|wed(?:nesday|s)?|thu(?:rsday|rs|r)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)\b\.?"
_WORD_ORD = (
    r"(?:(?:twenty|thirty)[\s-])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth)"
)
_NTH = rf"(?:\d{{1,2}}(?:st|nd|rd|th)|{_WORD_ORD})\b"
_D = rf"(?P<d>{_NTH}|\d{{1,2}}(?!\d|:\d|\s?[ap]\.?m))"
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = rf"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[\s-](?:{_ONES}))?"
#: A year in words: nineteen seventy-five, twenty oh four, two thousand and nine.
_YEAR_WORDS = (
    rf"(?:nineteen|twenty)[\s-](?:(?:oh|o)[\s-](?:{_ONES})|{_TEENS}|{_TENS})"
    rf"|two thousand(?:(?:\s+and)?\s+(?:{_TEENS}|{_TENS}|{_ONES}))?"
)
#: What may stand after one; before anything else the words are a count or a time: June 3 two thousand bricks.
_YEAR_END = r"(?=\s*(?:$|[,.;:!?)])|\s+(?:at|and|in|for|from|on|please|is|was|my|phone)\b)"
_Y = rf"(?:,?\s*(?P<y>(?:19|20)\d\d|(?:{_YEAR_WORDS}){_YEAR_END}))?(?!\d)"
_N = r"(?P<n>\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|twenty|thirty|a couple of|a couple)"
_U = r"(?P<u>day|week|fortnight|month|year)s?"
_TOMORROW = (
    "tomorrow",
    "tmrw",
    "tmr",
    "tomorow",
    "tommorow",
    "tommorrow",
    "tomoz",
    "2moro",
    "2 moro",
    "2morrow",
    "2mrw",
)
_RELATIVE = {"today": 0, "yesterday": -1, "the day before yesterday": -2, "day before yesterday": -2}
_RELATIVE |= {f"{lead}{word}": 2 if lead else 1 for word in _TOMORROW for lead in ("", "day after ", "the day after ")}


def _day(text: str) -> int:
    return int(text) if text.isdigit() else read_ordinal(text) or -1


def _index(names: list[str], text: str) -> int:
    return next(i for i, name in enumerate(names) if name.startswith(text.rstrip(".")[:3]))


def month_of(text: str) -> int:
    """1 to 12 of a month's name or its beginning."""
    return _index(_MONTHS, text) + 1


def _year(text: str) -> int:
    """A year in digits or words."""
    if text.isdigit():
        return int(text)
    century, rest = re.split(r"[\s-]+", text, maxsplit=1)
    if century == "two":  # two thousand and nine
        return 2000 + _number(rest.removeprefix("thousand").strip().removeprefix("and ").strip())
    return (1900 if century == "nineteen" else 2000) + _number(re.sub(r"^(?:oh|o)[\s-]", "", rest))


def _number(text: str) -> int:
    number = read_en(text.replace("-", " ")) if text else 0
    return number if isinstance(number, int) else 0


def _full(m: re.Match[str], today: date) -> date | None:
    year = _year(m["y"]) if m["y"] else None
    return cal.month_day(
        month_of(m["m"]), _day(m["d"]), today, year + 2000 if year is not None and year < 100 else year
    )


def _year_first(m: re.Match[str], _today: date) -> date | None:
    year, month, day = int(m["y"]), int(m["m"]), int(m["d"])
    return cal.make(year, day, month) if month > 12 else cal.make(year, month, day)


def _day_first(m: re.Match[str], _today: date) -> date | None:
    return cal.make(int(m["y"]), int(m["m"]), int(m["d"]))


#: Days from today within which the day lies that 10/4 means.
NEAR_DAYS = 60


def _digits(m: re.Match[str], today: date, day_first: bool | None = None) -> date | None:
    year = int(m["y"]) if m["y"] else None
    if year is not None and year < 100:
        year += 2000
    month, day = int(m["m"]), int(m["d"])
    month_first, other = cal.month_day(month, day, today, year), cal.month_day(day, month, today, year)
    if month_first is None or other is None:  # 22/3 can only be day first
        return month_first or other
    if day_first is not None:
        return other if day_first else month_first
    # Both ways are written: what people speak of at a desk is near; otherwise month first.
    near = [-NEAR_DAYS // 8 <= (day - today).days <= NEAR_DAYS for day in (month_first, other)]
    return other if near == [False, True] else month_first


def _shift(m: re.Match[str], today: date) -> date | None:
    number = read_en(re.sub(r"^(an?)$", "1", m["n"]).replace("one", "1"))
    if not isinstance(number, int):
        return None
    if m.groupdict().get("ago"):
        number = -number
    unit = m["u"]
    base = today
    if m.groupdict().get("base"):
        base = next((d.date for d in find(m["base"], today) if d.end == len(m["base"])), today)
    if unit in ("month", "year"):
        return cal.same_day_after(base, number * (12 if unit == "year" else 1))
    return base + timedelta(number * {"day": 1, "week": 7, "fortnight": 14}[unit])


#: "I sat in the sun" says no day: what stands before or after the short names that are words too.
_LEAD = re.compile(r"(?:^|[,(/]\s*|\b(?:on|by|for|from|to|until|till|before|after|and|or|every)\s+)$")
_FOLLOW = re.compile(r"\s*$|,?\s*(?:at\s+)?(?:the\s+)?\d|\s+(?:morning|afternoon|evening|night)\b")


def _week(m: re.Match[str], today: date) -> date | None:
    groups = m.groupdict()
    if m[0] in ("sat", "sun") and not _LEAD.search(m.string[: m.start()]) and not _FOLLOW.match(m.string, m.end()):
        return None
    # "this Monday" is the coming one: who means the past one says "on Monday" or "last Monday".
    step = {"next": 1, "last": -1}.get((groups.get("s") or "").split(" ")[-1])
    index = _index(_DAYS, m["d"])
    if groups.get("after"):
        return cal.weekday(index, today, None) + timedelta(7)
    return cal.weekday(index, today, step)


def _in_month(m: re.Match[str], today: date) -> date | None:
    return cal.make(*cal.month_shift(today, 1 if "next" in m["s"] else 0), _day(m["d"]))


def _end(m: re.Match[str], today: date) -> date | None:
    if m["m"]:
        first = cal.month_day(month_of(m["m"]), 1, today)
        return cal.last_day(first) if first else None
    return cal.last_day(today, 1 if "next" in (m["s"] or "") else 0)


def _holiday(m: re.Match[str], today: date) -> date:
    return festivals.coming(m["h"], today, int(m["y"]) if m["y"] else None)


def _beside_holiday(m: re.Match[str], today: date) -> date:
    days = _number(m["n"]) if m["n"] else 1
    return _holiday(m, today) + timedelta(-days if m["w"] == "before" else days)


def _nth_weekday(m: re.Match[str], today: date) -> date | None:
    year, month = cal.month_shift(today, 1 if "next" in (m["s"] or "") else 0)
    if m["m"]:
        first = cal.month_day(month_of(m["m"]), 1, today)
        year, month = (first.year, first.month) if first else (year, month)
    number = -1 if m["n"] == "last" else read_ordinal(m["n"]) or 0
    return festivals.nth_weekday(year, month, _index(_DAYS, m["d"]), number)


_FUSED = {"tonight": (0, "night"), "last night": (-1, "night"), "tonite": (0, "night"),
          "this morning": (0, "morning"), "this afternoon": (0, "afternoon"), "this arvo": (0, "afternoon"),
          "this evening": (0, "evening")}  # fmt: skip
_HOLIDAYS = "|".join(sorted((re.escape(h) for h in festivals.NAMES if h[0].isascii()), key=len, reverse=True))
#: What makes "a week today" a rate or a stretch: once a week, waiting a week.
_NO_SPAN = r"\b(?<!once )(?<!twice )(?<!times )(?<!days )(?<!day )(?<!hours )(?<!waiting )(?<!waited )(?<!been )(?<!every )(?<!lasts )"
_ROWS: tuple[tuple[str, Reader] | tuple[str, Reader, str], ...] = (
    (r"(?<![\w-])(?P<y>(?:19|20)\d\d)[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?![\d-]|\.\d)", _year_first),
    (r"(?<![\w./:-])(?P<m>\d{1,2})/(?P<d>\d{1,2})(?:/(?P<y>(?:20)?\d\d))?(?![\w/-]|[.:]\d)", _digits, "year"),
    (r"(?<![\w./:-])(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>(?:19|20)\d\d)(?!\w|\.\d)", _day_first),
    (rf"(?<![\w./:-])(?P<d>\d{{1,2}})([-/.]){MONTH}(?:\2(?P<y>(?:20)?\d\d))?(?![\w/]|-\w)", _full, "year"),
    (rf"\b{MONTH}\s+(?:the\s+)?{_D}{_Y}", _full, "year"),
    (rf"(?:\bthe\s+|\b|(?<=\d))(?<!\d){_D}\s*(?:of\s+)?{MONTH}\b{_Y}", _full, "year"),
    (rf"\bthe\s+(?P<d>{_NTH})(?!\s+(?:of|floor|time|one|item|row|day|street|avenue|person|room))", lambda m, t: cal.day_only(_day(m["d"]), t), "month"),
    (rf"(?:\bthe\s+)?\b(?P<d>{_NTH})\s+of\s+(?P<s>(?:this|next|the)\s+month)", _in_month),
    (rf"\b(?:the\s+)?(?:end|last day)\s+of\s+(?:{MONTH}\b|(?P<s>(?:this|next|the)\s+month))", _end),
    (rf"\b(?:{'|'.join(sorted(_RELATIVE, key=len, reverse=True))})\b", lambda m, t: t + timedelta(_RELATIVE[" ".join(m[0].split())])),
    (rf"\b(?:{'|'.join(_FUSED)})\b", lambda m, t: (t + timedelta(_FUSED[m[0]][0]), _FUSED[m[0]][1])),
    (rf"\bin\s+{_N}\s+{_U}(?:'|’)?(?:\s+time)?\b", _shift),
    (rf"\b{_N}\s+{_U}\s+(?:from\s+now|later)\b", _shift),
    (rf"\b{_N}\s+{_U}\s+(?:from|after)\s+(?P<base>today|tomorrow|{_WD})(?!\w)", _shift),
    (rf"{_NO_SPAN}(?P<n>an?|one|1|two|2)\s+(?P<u>week|fortnight)s?\s+(?:on\s+)?(?P<base>today|{'|'.join(_TOMORROW)}|{_WD})(?!\w)", _shift),
    (rf"\b{_N}\s+{_U}\s+(?P<ago>ago)(?:\s+today)?\b", _shift),
    (rf"\b(?:(?P<s>this\s+coming|the\s+coming|this|next|last)\s+)?(?P<d>{_WD})(?!\w)", _week, "week"),
    (rf"\b(?P<d>{_WD})\s+(?:of\s+)?(?P<s>this|next|last)\s+week\b", _week),
    (rf"\b(?P<d>{_WD})\s+(?P<after>week)\b", _week),
    (rf"\b(?P<after>the\s+)(?P<d>{_WD})\s+after\s+next\b", _week),
    (rf"\b(?P<h>{_HOLIDAYS})(?:\s*,?\s+(?P<y>20\d\d))?\b", _holiday, "year"),
    (rf"\b(?:the\s+)?(?:(?P<n>two|2|three|3)\s+days|day)\s+(?P<w>before|after)\s+(?P<h>{_HOLIDAYS})(?P<y>(?!))?\b", _beside_holiday),
    (rf"\b(?:the\s+)?(?P<n>first|second|third|fourth|last|1st|2nd|3rd|4th)\s+(?P<d>{_WD})\s+(?:in|of)\s+(?:{MONTH}\b|(?P<s>(?:this|next|the)\s+month))", _nth_weekday),
)  # fmt: skip


@lru_cache(maxsize=3)
def _compiled(day_first: bool | None) -> tuple[Rule, ...]:
    digits = partial(_digits, day_first=day_first)
    return tuple(rule._replace(read=digits) if rule.read is _digits else rule for rule in cal.compiled(_ROWS))


def find(text: str, today: date, past: bool = False, day_first: bool | None = None) -> Iterator[Day]:
    """All dates in the folded text, overlapping ones too; with `past`, those left open lie behind (see `calendar.scan`).

    day_first: whether 10/4 is the tenth of April; None where that is not known, and the nearer one is meant.
    """
    return cal.scan(_compiled(day_first), text, today, past)
