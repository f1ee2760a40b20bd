# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Dates, times and date-times in a text. The one rule: `whole` reads all of a surface, `spots` reads only what is sure.

The candidates of one kind overlap (明天, 明天下午三点); who asks takes the longest or the one with the value sought.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from manyshot.values import clock as clocks
from manyshot.values import days_en, days_zh, leaning
from manyshot.values.calendar import Day
from manyshot.values.clock import Clock, Moment
from manyshot.values.numbers import read_en, read_zh

_JOIN_DAYS = re.compile(r"[\s,，、的]*[(（\[]?(?P<open>)\s*")
_ZH_LINK = re.compile(rf"[\s,，、的吧)）]*(?:(?P<p>{clocks.ZH_PERIOD})[\s,，、的]+)?(?:在|于|就)?\s*")
_EN_LINK = re.compile(
    rf"(?:\s*,?\s*(?:in\s+the\s+)?(?P<p>{clocks.EN_PERIOD})\b)?(?:\s+then)?\s*[,-]?\s*(?:(?:at|@|by|around|about|from)\s*)?"
)
_EN_BACK = re.compile(r"\s*,?\s*(?:(?:on|in)\s+the\s+(?P<p>morning|afternoon|evening)\s+of\s+|(?:on|for)\s+)?")
_EN_TAIL = re.compile(rf"\s+(?:in\s+the\s+)?(?P<p>{clocks.EN_PERIOD})\b")
_ISO = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:z|[+-]\d\d:?\d\d)")
#: English days that stand in Chinese sentences.
_MIXED = re.compile(
    r"(?:(?:this|next|last) )?(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|tonight|tomorrow|tmr"
    rf"|{days_en.MONTH} ?\d{{1,2}}(?:st|nd|rd|th)?(?!\s*[楼层室房座栋个人张件])|\d{{1,2}}(?:st|nd|rd|th)? ?{days_en.MONTH.replace('<m>', '<m2>')}",
    re.ASCII,
)
_SOON_ZH = re.compile(
    r"(?:再?过)?(?:(?P<n>\d+|[一二两三四五六七八九十百俩仨]+)个?(?P<h>半)?|(?P<half>半)个?)(?P<u>小时|钟头|分钟)(?:之后|以后|后)"
)
_SOON_EN = re.compile(
    r"\bin\s+(?P<n>\d+|half\s+an|[a-z]+(?:[\s-](?:one|two|five|and\s+a\s+half))?)\s+(?P<u>hour|minute|min)s?(?P<half>\s+and\s+a\s+half)?\b"
    r"|\b(?P<n2>\d+|half\s+an|[a-z]+)\s+(?P<u2>hour|minute|min)s?\s+from\s+now\b"
)  # fmt: skip


def _day_first(now: datetime) -> bool | None:
    """Whether 10/4 is the tenth of April where the domain is: not in North America, told by its zone; None for zone 0,
    which is also that of who did not say where they are. All 18 such dates of corpus desks with a zone keep to it."""
    offset = now.utcoffset()
    return None if not offset else offset > _NORTH_AMERICA


def _days(text: str, now: datetime, language: str, past: bool) -> list[Day]:
    """Dates of the text; two that stand side by side and agree (10月12号周六, Fri 27 June) also count as one."""
    today = now.date()
    if language == "zh":
        found = list(days_zh.find(text, today, past))
    else:
        found = list(days_en.find(text, today, past, _day_first(now)))
    if language == "zh" and _MIXED.search(text):
        found += [d for d in days_en.find(text, today, past) if _MIXED.fullmatch(text, d.start, d.end)]
    for first in list(found):
        link = _JOIN_DAYS.match(text, first.end)
        begin = link.end() if link else first.end
        for second in list(found):
            if second.start == begin and second.start >= first.end and (day := _agreed(first, second)):
                end = second.end + (text[second.end : second.end + 1] in (")", "）", "]") and begin > first.end)
                found.append(Day(first.start, end, day, first.period or second.period))
    return found


def _agreed(first: Day, second: Day) -> date | None:
    """The one date that two can mean: a day of the week does not say of which."""
    if first.date == second.date:
        return first.date
    exact = {one.date for one in (first, second) if one.open != "week"}
    alike = first.date.weekday() == second.date.weekday()
    return exact.pop() if len(exact) == 1 and alike else None


def _both(day: Day, clock: Clock, start: int, end: int, period: str = "") -> Moment | None:
    said = clock.period or day.period or period
    settled = clocks.settle(clock, said)
    if settled is None:
        return None
    hour, minute, second, shift = settled
    return Moment(
        start, end, day.date + timedelta(shift), time(hour, minute, second), day=day, clock=clock, period=said
    )


#: A bare number after a day is its hour where "at" stands before it or no noun follows: "tomorrow, two" but not "two boxes".
_HOUR_LEAD = re.compile(r"(?:\b(?:at|by|around|about|from|to|until|till|between|after|before)|@)\s*$")
_HOUR_END = re.compile(
    r"\s*(?:$|[^\w\s]|(?:and|at|for|from|if|in|instead|is|it|my|not|now|on|or|our|please|pls|rather|sharp|so|suits|ta|thanks|the|then|this|thx|till|to|today|tomorrow|tonight|until|via|we|will|with|works|would)\b)"
)

#: Friday 1300, no, 1400.
_INSTEAD = re.compile(r"\b(?:no|not|rather|sorry|make (?:it|that)),?\s*$")
_SHARP = re.compile(r"\s+(?:sharp|on the dot)\b")
#: The zones of Canada and the United States lie west of it; Brazil and Argentina do not.
_NORTH_AMERICA = timedelta(hours=-3, minutes=-30)


def _said_as_hour(text: str, clock: Clock) -> bool:
    return bool(_HOUR_LEAD.search(text[: clock.start]) or _HOUR_END.match(text, clock.end))


def said_as_hour(text: str, moment: Moment) -> bool:
    """Whether a bare number can only be an hour where one is wanted: by eleven, at three, ready 7.45."""
    clock = moment.clock
    if clock is None or moment.date is not None:
        return False
    said = text[clock.start : clock.end]
    taken_back = re.fullmatch(r"\d{4}", said) and _INSTEAD.search(text[: clock.start])
    alone = "." in said or said.startswith("half") or _SHARP.match(text, clock.end) or taken_back
    return bool((alone or _HOUR_LEAD.search(text[: clock.start])) and _HOUR_END.match(text, clock.end))


def either_half(moment: Moment) -> bool:
    """Whether its hour is as often one of the morning as of the evening: a table at seven, a train at eight."""
    return moment.time is not None and 7 <= moment.time.hour <= 9


def _combine(text: str, days: list[Day], times: list[Clock], language: str) -> Iterator[Moment]:
    link = _ZH_LINK if language == "zh" else _EN_LINK
    for day in days:
        match = link.match(text, day.end)
        stops = {day.end: ""} | ({match.end(): match.groupdict().get("p") or ""} if match else {})
        for clock in times:
            beside = clock.start in stops and (clock.start > day.end or not clock.weak)
            if beside and clock.weak and not _said_as_hour(text, clock):
                continue
            if beside and (moment := _both(day, clock, day.start, clock.end, stops[clock.start])):
                yield moment
            if language == "en" and clock.end <= day.start:
                back = _EN_BACK.match(text, clock.end)
                if (
                    back
                    and back.end() == day.start
                    and (not clock.weak or text[: clock.start].rstrip().endswith("at") or day.start > clock.end)
                ):
                    tail = _EN_TAIL.match(text, day.end)
                    if clock.weak and not tail and not text[: clock.start].rstrip().endswith("at"):
                        continue
                    end = tail.end() if tail else day.end
                    if moment := _both(day, clock, clock.start, end, tail["p"] if tail else back["p"] or ""):
                        yield moment


def _soon(text: str, now: datetime, language: str) -> Iterator[Moment]:
    """Two hours from now: reckoned from `now`."""
    for match in (_SOON_ZH if language == "zh" else _SOON_EN).finditer(text):
        g = match.groupdict()
        if language == "zh":
            number = 0.5 if g["half"] else read_zh(g["n"])
            number = number + 0.5 if g["h"] and number is not None else number
        else:
            words = " ".join((g["n"] or g["n2"]).split())
            number = {"half an": 0.5, "a": 1, "an": 1}.get(words) or read_en(words)
            number = number + 0.5 if g["half"] and number is not None else number
        if number is None:
            continue
        hours = (g["u"] or g.get("u2") or "") in ("小时", "钟头", "hour")
        try:
            then = now + timedelta(minutes=float(number) * (60 if hours else 1))
        except OverflowError:  # beyond the calendar
            continue
        yield Moment(match.start(), match.end(), then.date(), then.time().replace(microsecond=0))


def _zoned(text: str, now: datetime) -> Iterator[Moment]:
    for match in _ISO.finditer(text):
        try:
            moment = datetime.fromisoformat(match[0].upper())
            local = moment.astimezone(now.tzinfo) if now.tzinfo else moment.replace(tzinfo=None)
        except (ValueError, OverflowError):  # no date, or one at the edge of the calendar
            continue
        yield Moment(match.start(), match.end(), local.date(), local.time(), zoned=moment)


@lru_cache(maxsize=4096)
def candidates(text: str, now: datetime, language: str, past: bool = False) -> tuple[Moment, ...]:
    """All dates, times and date-times in the folded text, in the given language.

    With `past`, words that leave the week, month or year open mean the latest that is not to come.
    """
    days = _days(text, now, language, past)
    times = list(clocks.find(text, language))
    out = [Moment(d.start, d.end, d.date, None, day=d) for d in days]
    for clock in times:
        settled = clocks.settle(clock)
        if settled:
            said = time(*settled[:3])
            out.append(Moment(*clock[:2], None, said, settled[3], clock.weak, clock=clock, period=clock.period))
    both = list(_combine(text, days, times, language))
    # Nine o'clock on Saturday night is also the hour alone, of which "nine o'clock" does not say which.
    out += [*both, *(m._replace(date=None) for m in both if m.period and m.clock and not m.clock.period)]
    out += _soon(text, now, language)
    out += _zoned(text, now)
    out += list(leaning.lean(text, out, now.date(), language))
    return tuple(out)


def apart(text: str, now: datetime, language: str, past: bool = False) -> Moment | None:
    """The one day and the one hour of the folded text where they stand apart; see `leaning.apart`."""
    return leaning.apart(text, candidates(text, now, language, past), now, language, past)


_UNTIL = re.compile(r"\s*(?:到|至|~|-|–|—|\bto\b|\buntil\b|\btill?\b)\s*")


def lasting(text: str, now: datetime, language: str) -> Iterator[tuple[int, int, int]]:
    """Where the folded text says from what hour to what hour: begin, end, and the minutes between, at most half a day."""
    hours = [m for m in candidates(text, now, language) if m.time is not None and not m.weak and m.date is None]
    for first in hours:
        link = _UNTIL.match(text, first.end)
        for second in hours if link else ():
            if link and first.time and second.time and second.start == link.end():
                minutes = 60 * (second.time.hour - first.time.hour) + second.time.minute - first.time.minute
                if 0 < minutes % 1440 <= 720:
                    yield first.start, second.end, minutes % 1440


_HEAD = re.compile(
    r"(?:在|于|到|就|约在|约|大约|大概|定在|改到|改成|差不多|是)\s*|(?:at|on|by|for|around|about|approximately|from|to|until|till|@)\s+"
)
_TAIL = re.compile(r"(?:左右|前后|那天|当天|的|吧|呢|哈|啊|呀|钟|这天|sharp|or so|please|then)$")
_PART = re.compile(rf"[\s的,]*(?:{clocks.ZH_PERIOD}|白天)$|,?\s+(?:in\s+the\s+)?(?:{clocks.EN_PERIOD})$")


def variants(text: str) -> Iterator[str]:
    """The folded surface, then with harmless words cut off its ends: at, on, 在, 的, 左右."""
    yield text
    seen = text
    for _ in range(3):
        if match := _HEAD.match(seen):
            seen = seen[match.end() :]
            yield seen
        shorter = _TAIL.sub("", seen).rstrip(" ,，.")
        if shorter != seen:
            seen = shorter
            yield seen


def whole(text: str, now: datetime, language: str, past: bool = False) -> Iterator[Moment]:
    """What the whole of the (folded, bare) surface can be; the language of the context first."""
    for variant in variants(text):
        for tongue in (language, "en" if language == "zh" else "zh"):
            found = [m for m in candidates(variant, now, tongue, past) if m.start == 0 and m.end == len(variant)]
            yield from found
    for tongue in (language, "en" if language == "zh" else "zh"):
        # 明天下午 says no time, but it does say the date.
        shorter = _PART.sub("", text)
        if shorter != text and shorter:
            for m in candidates(shorter, now, tongue, past):
                if m.start == 0 and m.end == len(shorter) and m.time is None:
                    yield m
