"""Days and times in what a customer is told, as people say them: 10月11日(周五)下午2点, Friday 11 October, 2 pm.

The one rule: `values` reads each day and each moment back as it was; the year is said only where it would be another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import NamedTuple

from manyshot.types import Context, Language
from manyshot.values.moments import whole
from manyshot.values.say_moments import EN_DAYS, EN_MONTHS, ZH_DAYS
from manyshot.values.text import bare, fold

_DAY = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
#: Of a zone in hours west only where T stands between day and hour: 09:00-10:30 is a stretch of time.
_ZONE = r"(?:Z|\+\d{2}:?\d{2}|(?<=T.{5})-\d{2}:\d{2}|(?<=T.{8})-\d{2}:\d{2})?"
#: A day as machines write it (ISO 8601), with its hour or without, and what it lasts to: another hour or moment.
_MOMENT = re.compile(
    rf"(?<![\w-])(?P<day>{_DAY})(?:[T ](?P<clock>{_CLOCK}{_ZONE})"
    rf"(?:\s*(?:-|–|—|~|/|至|到|to\b|until\b)\s*(?:(?P<day2>{_DAY})[T ])?(?P<clock2>{_CLOCK}{_ZONE}))?)?(?![\w:-])",
    re.ASCII,
)
#: Stands between the parts of a list.
_LISTED = re.compile(r"\s*(?:[、,，;；和或]|\band\b|\bor\b)\s*")
#: The first hour behind each part of the day.
_ZH_PARTS = ((6, "凌晨"), (9, "早上"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))


class _Stretch(NamedTuple):
    """A day, a moment or a stretch of time, at text[start:end]."""

    start: int
    end: int
    day: date
    begins: time | None = None
    ends: datetime | None = None


def aloud(text: str, context: Context) -> str:
    """The text with its days and moments as people say them; of moments of one day in a list only the first names it.

    What is no day (2024-13-45) stays as it is, and so does every other word.
    """
    found = [stretch for match in _MOMENT.finditer(text) if (stretch := _stretch(match, context.today))]
    out: list[str] = []
    last: _Stretch | None = None
    for one in found:
        between = text[last.end if last else 0 : one.start]
        listed = last is not None and last.begins and one.begins and _LISTED.fullmatch(between)
        before = last if listed and last and last.day == one.day else None
        out += [between, _said(one, before, context)]
        last = one
    return "".join([*out, text[last.end if last else 0 :]])


def hour(clock: str, language: Language) -> str:
    """An hour (HH:MM) as people say it. Raises ValueError for another text."""
    when = time.fromisoformat(clock)
    return _zh_clock(when) if language == "zh" else _en_clock(when)


def _stretch(match: re.Match[str], now: datetime) -> _Stretch | None:
    try:
        begins = _moment(match["day"], match["clock"], now)
        ends = _moment(match["day2"] or match["day"], match["clock2"], now) if match["clock2"] else None
    except ValueError:
        return None
    return _Stretch(*match.span(), begins.date(), begins.time() if match["clock"] else None, ends)


def _moment(day: str, clock: str | None, now: datetime) -> datetime:
    """A moment where `now` is told; one of another zone is put into its. Raises ValueError."""
    moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}")
    if moment.tzinfo is not None and now.tzinfo is not None:
        moment = moment.astimezone(now.tzinfo)
    return moment.replace(tzinfo=None)


def _said(one: _Stretch, before: _Stretch | None, context: Context) -> str:
    """One stretch; `before`: that of the same day, named just before it in a list."""
    language = context.language
    day = "" if before else _day(one.day, context)
    if one.begins is None:
        return day
    if language == "zh":
        heard = (before.ends.time() if before.ends else before.begins) if before else None
        hours = _zh_clock(one.begins, heard)
    else:
        hours = _en_clock(one.begins)
    if one.ends is not None:
        hours = _lasting(one, hours, context)
    return day + (", " if day and language == "en" else "") + hours


def _lasting(one: _Stretch, hours: str, context: Context) -> str:
    begins, ends = one.begins, one.ends
    assert begins is not None
    assert ends is not None
    other_day = ends.date() != one.day
    if context.language == "zh":
        return f"{hours}到{_day(ends.date(), context)}{_zh_clock(ends.time())}" if other_day else (
            f"{hours}到{_zh_clock(ends.time(), begins)}"
        )  # fmt: skip
    if other_day:
        return f"{hours} to {_day(ends.date(), context)}, {_en_clock(ends.time())}"
    first, last = hours.rpartition(" "), _en_clock(ends.time())
    # "2 to 4 pm", but "10 am to 2 pm": who says the half of the day once means both.
    return f"{first[0] if first[2] == last.rpartition(' ')[2] else hours} to {last}"


def _day(day: date, context: Context) -> str:
    short, full = _days(day, context.language)
    read = next(whole(bare(fold(short)), context.today, context.language), None)
    return short if read is not None and read.date == day else full


def _days(day: date, language: Language) -> Sequence[str]:
    """A day without its year, and with it."""
    if language == "zh":
        short = f"{day.month}月{day.day}日(周{ZH_DAYS[day.weekday()]})"
        return short, f"{day.year}年{short}"
    short = f"{EN_DAYS[day.weekday()]} {day.day} {EN_MONTHS[day.month - 1]}"
    return short, f"{short} {day.year}"


def _zh_clock(clock: time, heard: time | None = None) -> str:
    """heard: the hour named just before it, whose part of the day still holds."""
    part = _zh_part(clock)
    hour = clock.hour if clock.hour <= 12 else clock.hour - 12
    minutes = {0: "", 30: "半"}.get(clock.minute, f"{clock.minute:02}分")
    return f"{'' if heard and _zh_part(heard) == part else part}{hour}点{minutes}"


def _zh_part(clock: time) -> str:
    return next(part for until, part in _ZH_PARTS if clock.hour < until)


def _en_clock(clock: time) -> str:
    minutes = f":{clock.minute:02}" if clock.minute or not clock.hour else ""
    return f"{clock.hour % 12 or 12}{minutes} {'am' if clock.hour < 12 else 'pm'}"
