"""Rules of the calendar that both languages share. The one rule: all is reckoned from `today`, nothing from the clock.

Weeks start on Monday. A day without month is this month's if it is not past, else the next month's that has it.
A month and day without year is this year's unless that is more than `PAST_DAYS` days past: then next year's.
Where values lie behind (the day of a loss), what the words leave open is taken as the latest that is not to come.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

from manyshot.values import festivals

#: How far back a date without a year may lie before it is read as next year's.
PAST_DAYS = 180


class Day(NamedTuple):
    """A date found at text[start:end]; `period` is the part of the day that the words carry with them (今晚, tonight).

    `open` is the stretch ("week", "month", "year") of which the words do not say which one.
    """

    start: int
    end: int
    date: date
    period: str = ""
    open: str = ""


Reader = Callable[[re.Match[str], date], "date | tuple[date, str] | None"]


class Rule(NamedTuple):
    """Words for a date and how they are read, seen from today. A Chinese character is no word beside Latin letters.

    `open`: the stretch of which they do not say which one ("week", "month", "year"), where neither a group `s`, `y` nor
    `after` took part in the match.
    """

    words: re.Pattern[str]
    read: Reader
    open: str = ""


def compiled(rows: Iterable[tuple[str, Reader] | tuple[str, Reader, str]]) -> tuple[Rule, ...]:
    """Rows (words, reader, what they leave open) as rules."""
    return tuple(Rule(re.compile(row[0], re.ASCII), row[1], row[2] if len(row) == 3 else "") for row in rows)


def scan(rules: Iterable[Rule], text: str, today: date, past: bool) -> Iterator[Day]:
    """All dates in the folded text, overlapping ones too; with `past`, open ones as the latest that is not to come."""
    for rule in rules:
        for match in rule.words.finditer(text):
            try:
                found = rule.read(match, today)
            except (ValueError, OverflowError, KeyError):
                continue
            day, period = found if isinstance(found, tuple) else (found, "")
            fixed = any(map(match.groupdict().get, ("s", "y", "after")))
            left = "" if fixed else rule.open
            if past and left and day is not None:
                feast = match.groupdict().get("h")
                day = festivals.latest(feast, today) if feast else latest(day, today, left)
            if day is not None:
                yield Day(match.start(), match.end(), day, period, left)


def latest(day: date, today: date, step: str) -> date | None:
    """The day, or the one of the latest week, month or year before it that is not after today."""
    if step == "week":
        return day - timedelta(7 * max(0, -(-(day - today).days // 7)))
    back: Iterator[date | None] = (
        make(*month_shift(day.replace(day=1), -n), day.day)
        if step == "month"
        else make(day.year - n, day.month, day.day)
        for n in range(9)
    )
    return next((d for d in back if d is not None and d <= today), None)


def make(year: int, month: int, day: int) -> date | None:
    """The date, or None where there is no such day."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def month_shift(today: date, months: int) -> tuple[int, int]:
    """Year and month, `months` from today's."""
    index = today.year * 12 + today.month - 1 + months
    return index // 12, index % 12 + 1


def month_day(month: int, day: int, today: date, year: int | None = None) -> date | None:
    if year is not None:
        return make(year, month, day)
    found = make(today.year, month, day)
    if found is None or (today - found).days > PAST_DAYS:
        return make(today.year + 1, month, day) or found
    return found


def day_only(day: int, today: date) -> date | None:
    if not 1 <= day <= 31:
        return None
    shifts = range(0 if day >= today.day else 1, 4)
    return next((d for s in shifts if (d := make(*month_shift(today, s), day))), None)


def same_day_after(today: date, months: int) -> date:
    """Today's day `months` on, or the last day of a shorter month."""
    year, month = month_shift(today, months)
    return date(year, month, min(today.day, monthrange(year, month)[1]))


def last_day(today: date, months: int = 0) -> date:
    year, month = month_shift(today, months)
    return date(year, month, monthrange(year, month)[1])


def weekday(index: int, today: date, week: int | None) -> date:
    """Monday 0 ... Sunday 6. `week`: 0 this Mon-Sun week, 1 next, -1 last; None the coming one, today included."""
    found = today - timedelta(today.weekday()) + timedelta(index + 7 * (week or 0))
    return found + timedelta(7) if week is None and found < today else found
