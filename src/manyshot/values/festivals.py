"""Festivals and the days they fall on. The one rule: what moves from year to year is computed, never listed by year.

Names stand in folded text, as people say them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

from dateutil.easter import easter
from dateutil.relativedelta import relativedelta
from dateutil.rrule import weekdays as WEEKDAYS

FIXED: dict[str, tuple[int, int]] = {
    "元旦": (1, 1), "情人节": (2, 14), "妇女节": (3, 8), "三八节": (3, 8), "愚人节": (4, 1), "劳动节": (5, 1),
    "五一": (5, 1), "青年节": (5, 4), "儿童节": (6, 1), "六一": (6, 1), "建军节": (8, 1), "教师节": (9, 10),
    "国庆": (10, 1), "国庆节": (10, 1), "双十一": (11, 11), "平安夜": (12, 24), "圣诞": (12, 25), "圣诞节": (12, 25),
    "new year's day": (1, 1), "new years day": (1, 1), "new year’s day": (1, 1), "valentine's day": (2, 14),
    "valentine’s day": (2, 14), "valentines day": (2, 14), "independence day": (7, 4), "halloween": (10, 31),
    "christmas eve": (12, 24), "xmas eve": (12, 24), "christmas day": (12, 25), "xmas day": (12, 25),
    "christmas": (12, 25), "xmas": (12, 25), "boxing day": (12, 26), "new year's eve": (12, 31),
    "new year’s eve": (12, 31), "new years eve": (12, 31),
}  # fmt: skip


@lru_cache(maxsize=1024)
def lunar(year: int, month: int, day: int) -> date:
    """The day of a date in the Chinese calendar, whose year begins at the Spring Festival. ValueError: no such day."""
    from lunar_python import Lunar

    try:
        found = Lunar.fromYmd(year, month, day).getSolar()
    except Exception as error:  # the library raises nothing narrower
        raise ValueError(str(error)) from None
    return date(found.getYear(), found.getMonth(), found.getDay())


@lru_cache(maxsize=128)
def _clear_and_bright(year: int) -> date:
    """清明, the fifth solar term of the year."""
    from lunar_python import Lunar

    found = Lunar.fromYmd(year, 3, 1).getJieQiTable()["清明"]
    return date(found.getYear(), found.getMonth(), found.getDay())


def nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th (from 1; -1 the last) Monday 0 ... Sunday 6 of a month. ValueError: the month has no n-th."""
    edge = date(year, month, 1) + relativedelta(day=1 if n > 0 else 31)
    found: date = edge + relativedelta(weekday=WEEKDAYS[weekday](n))
    if found.month != month:
        raise ValueError(f"no weekday number {n} in {year}-{month:02}")
    return found


def _from_easter(days: int) -> Callable[[int], date]:
    def day(year: int) -> date:
        found: date = easter(year) + timedelta(days)
        return found

    return day


def _lunar_festival(month: int, day: int) -> Callable[[int], date]:
    return lambda year: lunar(year, month, day)


def _new_years_eve(year: int) -> date:
    return lunar(year, 1, 1) - timedelta(1)


def _nth(month: int, weekday: int, n: int, more: int = 0) -> Callable[[int], date]:
    return lambda year: nth_weekday(year, month, weekday, n) + timedelta(more)


#: The day of a festival in a year of the common calendar.
MOVABLE: dict[str, Callable[[int], date]] = {
    **dict.fromkeys(("春节", "大年初一", "年初一", "正月初一"), _lunar_festival(1, 1)),
    **dict.fromkeys(("除夕", "年三十", "大年三十"), _new_years_eve),
    "元宵节": _lunar_festival(1, 15), "端午": _lunar_festival(5, 5), "端午节": _lunar_festival(5, 5),
    "七夕": _lunar_festival(7, 7), "七夕节": _lunar_festival(7, 7), "中秋": _lunar_festival(8, 15),
    "中秋节": _lunar_festival(8, 15), "重阳节": _lunar_festival(9, 9), "腊八": lambda year: lunar(year - 1, 12, 8),
    "清明": _clear_and_bright, "清明节": _clear_and_bright, "母亲节": _nth(5, 6, 2), "父亲节": _nth(6, 6, 3),
    "感恩节": _nth(11, 3, 4), "good friday": _from_easter(-2), "easter sunday": _from_easter(0),
    "easter": _from_easter(0), "easter monday": _from_easter(1), "thanksgiving": _nth(11, 3, 4),
    "thanksgiving day": _nth(11, 3, 4), "black friday": _nth(11, 3, 4, 1), "labor day": _nth(9, 0, 1),
    "memorial day": _nth(5, 0, -1),
}  # fmt: skip

NAMES = (*FIXED, *MOVABLE)


def on(name: str, year: int) -> date:
    """The day of a festival in a year. ValueError where the calendar ends."""
    return MOVABLE[name](year) if name in MOVABLE else date(year, *FIXED[name])


def latest(name: str, today: date) -> date:
    """The last one that is not to come."""
    return next(day for n in (0, 1) if (day := on(name, today.year - n)) <= today)


def coming(name: str, today: date, year: int | None = None) -> date:
    """The day in the given year, else the next one, today included."""
    if year is not None:
        return on(name, year)
    return next(day for n in (0, 1) if (day := on(name, today.year + n)) >= today)
