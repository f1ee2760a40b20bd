# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Dates and times that lean on what was said just before: corrections, stretches, day and hour apart.

The one rule: only what is left out is carried over; what is said whole stands for itself, and two ways to read it are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta

from manyshot.values import calendar as cal
from manyshot.values import clock as clocks
from manyshot.values.calendar import Day
from manyshot.values.clock import Moment
from manyshot.values.numbers import read_en, read_zh

_SLIP_ZH = "(?:算了[,，\\s]*还是|算了|不对|说错了?|搞错了?|记错了?|写错了?|错了|更正(?:一下)?)"
_SLIP = {
    "zh": re.compile(
        rf"(?:吧|的|了|到|来)?\s*(?:[,，.。;；、…!！~-]+\s*(?:哦|啊|噢|呃|额|哎|唉|诶)?[,，\s]*|\s*(?:哦|啊|噢|呃|额)[,，\s]*)"
        rf"(?:(?:不+[,，、\s]*)?{_SLIP_ZH}[,，。、!！\s]*|不+(?:是)?[,，。、!！\s]+|(?<=[哦啊噢呃额])不+(?:是)?)"
        r"(?:等等[,，\s]*)?(?:应该是|应该|改成|是)?"
        rf"|\s*{_SLIP_ZH}[,，。、!！\s]*(?:应该是|应该|改成|是)?"
    ),
    "en": re.compile(
        r"\s*(?:[,.;!–—-]+\s*|\s)(?:(?:oh|uh|um|er|ah)\b[,\s]*)?"
        r"(?:(?:sorry|no|wait|oops|correction|scratch that|or rather|rather|i mean|i meant|actually|make (?:that|it))\b[,.;:!\s–—-]*)+(?:(?:at|on|it'?s)\s+)?"
    ),
}  # fmt: skip
_TO = {
    "zh": re.compile(r"\s*(?:一直)?(?:到|至|~|—+|–|-)\s*|(?:进店?|入住?|到店|来|起|开始)[,，、\s]*(?:到|住到)?"),
    "en": re.compile(
        r"\s*(?:\b(?:to|until|till|through|thru)\b|-|–|—)\s*"
        r"|,?\s+(?:and\s+)?(?:leaving|checking out|out|off|back|ending|(?:and\s+)?whose last day is|last day)\s+(?:on\s+)?"
    ),
}
_AND = re.compile(r"\s+and\s+")
#: A day's number before "到14号", "to 14 November"; not the number of a room or a part of a longer date.
_FIRST = {
    "zh": re.compile(r"(?<![\d月年:./-])(?P<d>\d{1,2})[号日]?\s*(?:到|至|~|—+|–|-)\s*$"),
    "en": re.compile(
        r"(?<![\w.:/-])(?<!\broom )(?<!\bflat )(?<!\btable )(?<!\bunit )(?<!\bno )(?:the\s+)?(?P<d>\d{1,2})(?:st|nd|rd|th)?\s*(?:to|until|till|through|-|–|—)\s*$"
    ),
}
#: The number of the last day after "Nov 24".
_LAST = re.compile(
    r"\s*(?:[-–—]\s*|to\s+(?:the\s+)?(?=\d+(?:st|nd|rd|th)|\d+\s*(?:$|[,.;])))(?P<d>\d{1,2})(?:st|nd|rd|th)?(?![\w:/]|[.-]\d)"
)
_WEEKDAY = re.compile(r"周|星期|礼拜|\b(?:mon|tue|wed|thu|fri|sat|sun)")
_MONTH = re.compile(r"月|/|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)")
#: A part of the day goes on to these hours: 晚上七点，不，八点; but not to 早上八点，不，三点.
_GOES_ON = {"am": range(5, 13), "evening": range(5, 13), "dawn": range(7), "night": (9, 10, 11, 12, 1, 2, 3, 4, 5)}
#: How long after its first day a stay lasts: "the 20th for a fortnight", "3号入住，住三晚"; and before it: "three nights from".
#: Days do not count: three days from the 20th may end on the 22nd.
_ZH_LASTS = r"(?:(?P<n>\d{1,2}|[一二两三四五六七八九十]+)个?(?P<night>晚上?|夜)|(?:住|寄养|租|停|放|借|待)(?P<n2>\d{1,2}|[一二两三四五六七八九十]+)个?(?:周|星期|礼拜))"
_EN_LASTS = r"(?P<n>an?|\d{1,2}|[a-z]+(?:-[a-z]+)?)\s+(?P<u>night|week|fortnight)s?\b"
_LASTS = {
    "zh": re.compile(
        rf"(?:开始|起|入住|到店|送来|送过来)?[,，、\s]*(?:一共|总共|连着?|先|要)?(?:住|寄养|待|呆|放|留)?{_ZH_LASTS}"
    ),
    "en": re.compile(rf"(?:\s*,)?\s+(?:(?:and|then)\s+)?(?:for|staying|stays?|stopping)\s+(?:for\s+)?{_EN_LASTS}"),
}
_LASTS_FROM = {
    "zh": re.compile(rf"{_ZH_LASTS}[,，]?(?:从|自)$"),
    "en": re.compile(rf"\b{_EN_LASTS}\s+(?:from|starting|beginning)\s+(?:on\s+)?$"),
}
#: Characters between a day and an hour that still belong together.
FAR = 40
#: Days that a stay may last.
LONGEST_STAY = 366


def lean(text: str, found: Sequence[Moment], today: date, language: str) -> Iterator[Moment]:
    """What corrections and stretches add to the moments found in the folded text."""
    sure = [m for m in found if not m.weak and m.zoned is None]
    for first in {m.end: m for m in sorted(sure, key=lambda m: -m.start)}.values():
        slip = _SLIP[language].match(text, first.end)
        if slip and (second := _longest_at(sure, slip.end()) or _nth(text, slip.end(), today, first)):
            yield from _corrected(text, first, second)
        between = language == "en" and text[: first.start].endswith("between ")
        to = (_AND if between else _TO[language]).match(text, first.end)
        if to and (second := _longest_at(sure, to.end())):
            yield from _stretch(first, second)
    for moment in sure:
        if moment.day and moment.time is None:
            yield from _numbers(text, moment.day, language)
            yield from _stay(text, moment.day, language)


def _nth(text: str, start: int, today: date, first: Moment) -> Moment | None:
    """The bare number of a day that stands for another: the 28th, no, 29th."""
    match = re.compile(r"(\d{1,2})(?:st|nd|rd|th)\b").match(text, start)
    day = cal.day_only(int(match[1]), today) if match and first.day else None
    if not match or not day:
        return None
    return Moment(start, match.end(), day, None, day=Day(start, match.end(), day, open="nth"))


def _longest_at(found: Sequence[Moment], start: int) -> Moment | None:
    """The longest moment that begins at `start`."""
    return max((m for m in found if m.start == start), key=lambda m: m.end, default=None)


def _corrected(text: str, first: Moment, second: Moment) -> Iterator[Moment]:
    """The second with what it leaves out: its day, its hour, the month or week of its day, the part of the day."""
    clock, period = (second.clock, second.period) if second.clock else (first.clock, first.period)
    if second.clock and not period and second.clock.hour in _GOES_ON.get(clocks.PERIODS.get(first.period, ""), ()):
        period = first.period
    day = second.day.date if second.day else first.day.date if first.day else None
    if first.day and second.day:
        day = _framed(text, first.day, second.day) or day
        if day != second.day.date or second.day.open == "nth":
            yield Moment(first.day.start, second.day.end, day, None)
    settled = clocks.settle(clock, period) if clock else None
    if settled is None:
        return
    if first.clock and second.clock and period != second.period:
        yield Moment(first.clock.start, second.end, None, time(*settled[:3]), settled[3])
    fuller = not second.day or not second.clock or day != second.day.date or period != second.period
    if first.day and first.clock and day and fuller:
        yield Moment(first.start, second.end, day + timedelta(settled[3]), time(*settled[:3]))


def _framed(text: str, first: Day, second: Day) -> date | None:
    """The second day in the week, month or year that the words of the first fix."""
    said = text[first.start : first.end]
    if second.open == "week" and not first.open and _WEEKDAY.search(said):
        return first.date + timedelta(second.date.weekday() - first.date.weekday())
    if second.open in ("month", "nth") and _MONTH.search(said):
        return cal.make(first.date.year, first.date.month, second.date.day)
    if second.open == "year" and not first.open and re.search(r"\d{4}|年", said):
        return cal.make(first.date.year, second.date.month, second.date.day)
    return None


def _stretch(first: Moment, second: Moment) -> Iterator[Moment]:
    """The end of a stretch, where its words alone would mean another day or hour."""
    own = clocks.settle(second.clock, second.period) if second.clock else None
    if first.day and second.day:
        day = _onward(first.day.date, second.day)
        if day and day != second.day.date:
            yield Moment(first.day.start, second.day.end, day, None, edge="end")
            if own:
                yield Moment(first.start, second.end, day + timedelta(own[3]), time(*own[:3]), edge="end")
    if not (first.clock and first.time and second.clock and own) or second.day:
        return
    carried = clocks.settle(second.clock, first.period) if not second.period else None
    end = own
    if carried and own[:3] <= (first.time.hour, first.time.minute, first.time.second) < carried[:3]:
        end = carried
        yield Moment(first.clock.start, second.end, None, time(*end[:3]), end[3], edge="end")
    if first.date and (time(*end[:3]) > first.time or end[3]):
        yield Moment(first.start, second.end, first.date + timedelta(end[3]), time(*end[:3]), edge="end")


def _onward(first: date, second: Day) -> date | None:
    """The first day from `first` on that the words can mean; None where they fix it."""
    if second.open == "week":
        return first + timedelta((second.date.weekday() - first.weekday()) % 7 or 7)
    if second.open == "month":
        days = (cal.make(*cal.month_shift(first, n), second.date.day) for n in range(3))
    elif second.open == "year":
        days = (cal.make(first.year + n, second.date.month, second.date.day) for n in range(5))
    else:
        return None
    return next((d for d in days if d is not None and d >= first), None)


def _numbers(text: str, day: Day, language: str) -> Iterator[Moment]:
    """The first day of "10 to 14 November", the last of "Nov 24-28"."""
    said = text[day.start : day.end]
    plain = (
        re.fullmatch(r"\d{1,2}[号日]", said) if language == "zh" else re.match(r"(?:the\s+)?\d{1,2}(?!\d|[-/.])", said)
    )
    if plain and (match := _FIRST[language].search(text[: day.start])):
        number = int(match["d"])
        if 0 < number < day.date.day:
            yield Moment(match.start(), day.end, day.date.replace(day=number), None, edge="start")
    named = language == "en" and re.fullmatch(r"[a-z]{3,}\.?\s+(?:the\s+)?\d{1,2}(?:st|nd|rd|th)?", said)
    if (
        named
        and (match := _LAST.match(text, day.end))
        and (last := cal.make(day.date.year, day.date.month, int(match["d"])))
        and last > day.date
    ):
        yield Moment(day.start, match.end(), last, None, edge="end")


def _stay(text: str, day: Day, language: str) -> Iterator[Moment]:
    """The last day of a stay of which the first and the nights or weeks are said."""
    after, before = _LASTS[language].match(text, day.end), _LASTS_FROM[language].search(text[: day.start])
    for match, start, end in ((after, day.start, after and after.end()), (before, before and before.start(), day.end)):
        if match is None or start is None or end is None:
            continue
        said = match.groupdict()
        if language == "zh":
            number, length = read_zh(said["n"] or said["n2"]), 1 if said["night"] else 7
        else:
            number = 1 if said["n"] in ("a", "an") else read_en(said["n"])
            length = {"night": 1, "week": 7, "fortnight": 14}[said["u"]]
        if number and number == int(number) and number * length <= LONGEST_STAY:
            with suppress(OverflowError):  # beyond the calendar
                yield Moment(start, end, day.date + timedelta(int(number) * length), None, edge="end")


def apart(text: str, found: Sequence[Moment], now: datetime, language: str, past: bool) -> Moment | None:
    """The one day and the one hour of a text in which they stand apart (明天过来，六个人，晚上七点); else None.

    What is taken back (下午1点，不对是上午10点半) does not count; a day that lies behind (ahead, for a field of the past) is told for another reason.
    """
    starts = {m.start for m in found if not m.weak}
    kept = [m for m in found if not ((slip := _SLIP[language].match(text, m.end)) and slip.end() in starts)]
    days = _outer([m for m in kept if m.day and m.time is None and not m.edge])
    hours = _outer([m for m in kept if m.clock and m.date is None and not m.weak])
    if len(days) != 1 or len(hours) != 1 or any(m.date and m.time for m in found):
        return None
    (day,), (hour,) = days, hours
    gap = max(day.start, hour.start) - min(day.end, hour.end)
    ahead = day.date is not None and day.date > now.date()
    if not day.day or not hour.clock or not 0 < gap <= FAR or (day.date != now.date() and ahead == past):
        return None
    settled = clocks.settle(hour.clock, day.day.period)
    if settled is None:
        return None
    start, end = min(day.start, hour.start), max(day.end, hour.end)
    return Moment(start, end, day.day.date + timedelta(settled[3]), time(*settled[:3]))


def _outer(found: Sequence[Moment]) -> list[Moment]:
    """The moments that do not overlap a longer one."""
    kept: list[Moment] = []
    for moment in sorted(found, key=lambda m: m.start - m.end):
        if all(moment.end <= k.start or moment.start >= k.end for k in kept):
            kept.append(moment)
    return kept
