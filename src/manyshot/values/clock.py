# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Times of day, Chinese and English. The one rule for an hour without a part of the day: `BARE_AFTERNOON`.

1 to 6 o'clock is in the afternoon, 7 to 12 is as it is said; 13 to 24 and hours with a leading zero are 24-hour.
Twelve in the night is the end of the day: 00:00 of the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from functools import lru_cache
from typing import NamedTuple

from manyshot.values.calendar import Day
from manyshot.values.numbers import read_en, read_zh

#: The hours that mean the afternoon when nobody says which part of the day.
BARE_AFTERNOON = range(1, 7)
_PARTS = {
    "am": "早高峰 早上 早晨 早间 清早 大清早 一早 一大早 清晨 早 上午 am morning",
    "dawn": "凌晨 拂晓 黎明",
    "noon": "中午 正午 晌午",
    "pm": "晚高峰 下午 午后 傍晚 黄昏 pm afternoon arvo",
    "evening": "晚上 晚间 晚 夜晚 当晚 夜间 evening",
    "night": "夜里 半夜 大半夜 深夜 后半夜 夜 午夜 night",
}
PERIODS = {word: part for part, words in _PARTS.items() for word in words.split()}
_ZH_WORDS = sorted((w for w in PERIODS if not w.isascii()), key=len, reverse=True)
#: Regular expressions of the words for a part of the day.
ZH_PERIOD = "|".join(_ZH_WORDS)
EN_PERIOD = "morning|afternoon|arvo|evening|night"


class Clock(NamedTuple):
    """A time said at text[start:end]; `period` is a part of the day or ""; `weak` needs a date or a whole surface."""

    start: int
    end: int
    hour: int
    minute: int
    second: int = 0
    period: str = ""
    exact: bool = False
    weak: bool = False


class Moment(NamedTuple):
    """What was found at text[start:end]: a date, a time of day, or both. `shift` days belong to a time without date."""

    start: int
    end: int
    date: date | None
    time: time | None
    shift: int = 0
    weak: bool = False
    zoned: datetime | None = None
    #: The parts as they were found, and the part of the day that was said with the time.
    day: Day | None = None
    clock: Clock | None = None
    period: str = ""
    #: It is the "start" or the "end" of the stretch of time that the words name.
    edge: str = ""


def settle(clock: Clock, period: str = "") -> tuple[int, int, int, int] | None:
    """Hour, minute, second and days to add, in 24 hours; None where the words contradict (上午15点)."""
    hour, part = clock.hour, PERIODS.get(clock.period or period, "")
    shift = 0
    if clock.minute > 59 or clock.second > 59 or hour > 24 or (hour == 24 and clock.minute):
        return None
    if hour > 12 or (clock.exact and not part):
        if part in ("am", "dawn"):
            return None
    elif part == "" and hour in BARE_AFTERNOON:
        hour += 12
    elif part == "dawn" or (part == "am" and clock.period == "am"):
        hour %= 12
    elif part in ("pm", "noon"):
        hour += 12 if 1 <= hour < (12 if part == "pm" else 4) else 0
    elif part in ("evening", "night"):
        if hour == 12:
            hour = 24
        elif hour >= 5:
            hour += 12
        elif hour >= 1:
            shift = 1 if part == "evening" else 0
    return (0, clock.minute, clock.second, 1) if hour == 24 else (hour, clock.minute, clock.second, shift)


_H = r"(?:2[0-4]|1\d|0?\d|二十[一二三四]?|十[一二三四五六七八九]?|[零〇一二两三四五六七八九])"
_MM = r"(?:[0-5]?\d|[零〇][一二三四五六七八九]|[二三四五]?十[一二三四五六七八九]?|[一二三四五六七八九])"
_MM_SURE = r"(?:[0-5]\d|[零〇][一二三四五六七八九]|[二三四五]?十[一二三四五六七八九]?)"
_P = rf"(?:(?P<p>{ZH_PERIOD})的?\s*)?"
# Not inside a longer number, but right after a weekday (周六八点).
_START = r"(?:(?<=[周期拜][一二三四五六])|(?<![\d.:一二三四五六七八九十零]))"
_DIAN = r"(?:点钟?|时(?![间候段尚光]))"
_ZH: tuple[str, ...] = (
    rf"{_P}{_START}(?P<h>{_H})\s*{_DIAN}(?:(?P<q>整|半|[一1三3两2]刻钟?)|过?(?P<m>{_MM_SURE})(?!\d)分?|过?零?(?P<m2>{_MM})分)?(?![儿菜击单赞心名评子多几\d])",
    rf"{_P}(?:(?<![\d./-])|(?<=:\d\d-))(?<![\da-z:]:)(?P<h>\d{{1,2}}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?!\d|:\d)(?:\s*(?P<ap>[ap])\.?m\b\.?)?",
    rf"{_P}差(?P<d>一刻|{_MM}分)钟?(?:就|不)?到?(?P<h>{_H})点钟?",
    rf"{_P}(?P<h>{_H})点差(?P<d>一刻|{_MM}分)钟?",
    r"(?P<noon>中午|正午|晌午)(?![前后])",
    r"(?P<night>午夜)(?![前后])",
    rf"{_P}(?<![A-Za-z0-9.:])(?P<h>1[0-2]|0?\d)(?:[:.](?P<m>[0-5]\d))?\s*(?P<ap>[ap])\.?m\b\.?",
)  # fmt: skip
_QUARTERS = {"整": 0, "半": 30, "一": 15, "1": 15, "两": 30, "2": 30, "三": 45, "3": 45}


#: 八点半晚上; but in 八点晚上九点 the word belongs to what follows.
_ZH_SUFFIX = re.compile(r"\s?的?(?P<p>早上|上午|中午|下午|傍晚|晚上|夜里|凌晨)(?!\s?[\d零一二两三四五六七八九十半])")


def _zh_int(text: str) -> int:
    value = read_zh(text) if len(text) == 1 else read_zh(text.lstrip("零〇"))
    return value if isinstance(value, int) else 99


def _zh_clock(match: re.Match[str]) -> Clock | None:
    g = match.groupdict()
    start, end, period = match.start(), match.end(), g.get("p") or ""
    if g.get("noon"):
        return Clock(start, end, 12, 0, exact=True)
    if g.get("night"):
        return Clock(start, end, 24, 0, exact=True)
    if period in ("早", "晚") and match[0][1:] == "一点":  # 早一点 is "a bit earlier"
        return None
    if (
        not period
        and match[0] == "一点"
        and match.string[max(0, start - 1) : start] in set("快慢多少好大小有早晚差这那远近")
    ):
        return None
    hour, minute = _zh_int(g["h"]), 0
    if g.get("q"):
        minute = _QUARTERS[g["q"][0]]
    elif text := g.get("m") or g.get("m2"):
        minute = _zh_int(text)
    if g.get("d"):
        back = 15 if g["d"] == "一刻" else _zh_int(g["d"].rstrip("分"))
        hour, minute = (hour - 1) % 12 if hour <= 12 else hour - 1, 60 - back
        hour = hour or 12
    ap = f"{g['ap']}m" if g.get("ap") else ""
    if not period and not ap and (suffix := _ZH_SUFFIX.match(match.string, end)):
        period, end = suffix["p"], suffix.end()
    exact = g["h"] in ("零", "〇") or (len(g["h"]) == 2 and g["h"][0] == "0") or g["h"] == "0"
    return Clock(start, end, hour, minute, int(g.get("s") or 0), ap or period, exact)


_EH = r"(?P<h>\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?:-?ish\b)?"
_AP = r"(?:\s*(?P<ap>[ap])\.?m\b\.?)"
_EMIN = r"(?:oh|o)[\s-](?:one|two|three|four|five|six|seven|eight|nine)|(?:twenty|thirty|forty|fifty)(?:[\s-](?:one|two|three|four|five|six|seven|eight|nine))?|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
#: From its hour on: 0945, 1300.
_BARE_HOUR = r"0\d|1[0-8]|2[1-3])(?P<m>[0-5][05])(?![\w:/%-]|\.\d|,\d)"
_EN: tuple[str, ...] = (
    rf"(?<![\w.:$-])(?P<h>\d{{1,2}})(?:[:.](?P<m>[0-5]\d))?(?::(?P<s>[0-5]\d))?{_AP}",
    rf"\b{_EH}(?:[\s-](?P<mw>{_EMIN}))?{_AP}",
    r"(?:(?<![\w./-])|(?<=:\d\d-))(?<![\da-z:]:)(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?![\d:])",
    rf"\b(?:a\s+)?(?P<q>half|quarter|(?:five|ten|twenty|twenty[\s-]five|\d{{1,2}}|(?:{_EMIN})(?=\s+minutes))(?:\s+minutes)?)\s+(?P<to>past|after|to|of|till|before)\s+{_EH}\b(?:\s*o['’]?clock)?{_AP}?(?![:%])",
    rf"(?:(?<=\bfor )|(?<=\bby )|(?<=\baround )|(?<=\babout )|(?<=\buntil )|(?<=\btill ))half\s+{_EH}\b(?=\s*(?:$|[,.;!?]|(?:on|today|tonight|tomorrow|sharp)\b))(?P<half>)",
    rf"(?<=\bat )half\s+{_EH}\b(?!\s+(?:the|of|an?)\b)(?P<half>)",
    rf"\bhalf\s+{_EH}(?:{_AP}|(?=\s+(?:in\s+the|this)\s+(?:morning|afternoon|evening)\b))(?P<half>)",
    rf"\bhalf\s+{_EH}\b(?![:%]|\s+(?:the|of|an?|and\s+half)\b)(?P<half>)(?P<weak>)",
    r"(?:(?<=\bat )|(?<=\bthe ))(?P<h>1[3-9]|2[0-3])\.(?P<m>[0-5]\d)(?![\w%°]|\.\d|\s*(?:[a-z]{1,3}/|per\b|each\b|a\b|[cmk]?m\b|kg\b|pounds?\b|euros?\b|dollars?\b|degrees\b|percent\b))",
    r"(?<![\w.:/$£€-])(?P<h>\d{1,2})\.(?P<m>[0-5]\d)(?=\s+(?:today|tomorrow|tonight|this\s+(?:morning|afternoon|evening)|on\s+(?:mon|tue|wed|thu|fri|sat|sun))\b)",
    r"(?<![\w.:/$£€-])(?P<h>\d{1,2})\.(?P<m>[0-5]\d)(?![\w%°]|\.\d)(?P<weak>)",
    rf"\b{_EH}\s*o['’]?\s?clock{_AP}?",
    rf"\b(?P<h>one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)[\s-](?P<mw>{_EMIN})\b(?!\s+\w*(?:minutes|people|dollars|hundred))",
    r"\b(?:(?:12|twelve)\s+)?(?P<noon>noon|midday)\b",
    r"\b(?:(?:12|twelve)\s+)?(?P<night>midnight)\b",
    r"\b(?P<h>[01]\d|2[0-4])(?P<m>[0-5]\d)\s+(?:hours|hrs)\b",
    r"(?:(?<=\bat )|(?<=\beta )|(?<=@ ))(?P<h>[01]\d|2[0-3])(?P<m>[0-5]\d)(?=\s*(?:$|[,;.!?](?!\d)|\s(?:on|today|tonight|tomorrow|for|please|pls|and|we|sharp|if|with)\b))",
    # Friday 1300; what may be a year (1900, 2026) is none.
    rf"(?:(?<=day )|(?<=tomorrow )|(?<=tmrw )|(?<=\d[snrt][tdh] )|(?<=\b(?:mon|tue|wed|thu|fri|sat|sun) ))(?P<h>{_BARE_HOUR}",
    rf"(?<![\w.:/$£€#-])(?P<h>{_BARE_HOUR}(?P<weak>)",
    rf"(?<![\w.:/$-]){_EH}(?![\w/%]|[.:]\d)(?P<weak>)",
)  # fmt: skip
_SUFFIX = re.compile(
    r"\s+(?:in\s+the\s+|this\s+|each\s+|every\s+)(?P<p>morning|afternoon|arvo|evening)\b"
    r"|\s+(?:(?:at|last|each|every)\s+night|nightly)\b"
)
#: In the evening at eight, nightly at nine.
_PREFIX = re.compile(
    r"\b(?:(?:each|every|in\s+the)\s+(?P<p>morning|afternoon|evening)|(?:each|every)\s+(?P<n>night)|(?P<m>nightly))"
    r"\s+(?:at|around|about|by)\s+$"
)


def _en_int(text: str) -> int:
    text = re.sub(r"^o(?:h)?[\s-]", "", text).replace(" minutes", "")
    value = read_en(text)
    return value if isinstance(value, int) else 99


def _en_clock(match: re.Match[str]) -> Clock | None:
    g = match.groupdict()
    start, end = match.span()
    if g.get("noon"):
        return Clock(start, end, 12, 0, exact=True)
    if g.get("night"):
        return Clock(start, end, 24, 0, exact=True)
    hour, minute = _en_int(g["h"]), int(g.get("m") or 0)
    if g.get("mw"):
        minute = _en_int(g["mw"])
    if "half" in g:  # half nine is half past nine
        minute = 30
    if q := g.get("q"):
        minute = 30 if q == "half" else 15 if q == "quarter" else _en_int(" ".join(q.split()))
        if g["to"] in ("to", "till") and minute % 5 and q.isdecimal():  # 2 to 4: two hours, not 3:58
            return None
        if g["to"] in ("to", "of", "till", "before"):
            hour, minute = (hour - 1) or 12, 60 - minute
    period = f"{g['ap']}m" if g.get("ap") else ""
    if period and hour > 12:
        return None
    suffix = _SUFFIX.match(match.string, end)
    if suffix and not period:
        period, end = suffix["p"] or "night", suffix.end()
    elif not period and (prefix := _PREFIX.search(match.string, 0, start)):
        period, start = prefix["p"] or "night", prefix.start()
    exact = hour == 0 or (g["h"][0] == "0" and len(g["h"]) == 2) or "hours" in match[0] or "hrs" in match[0]
    return Clock(start, end, hour, minute, int(g.get("s") or 0), period, exact, "weak" in g and not period)


@lru_cache(maxsize=2)
def _compiled(language: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(p, re.ASCII) for p in (_ZH if language == "zh" else _EN))


def find(text: str, language: str) -> Iterator[Clock]:
    """All times in the folded text, overlapping ones too."""
    make = _zh_clock if language == "zh" else _en_clock
    for pattern in _compiled(language):
        for match in pattern.finditer(text):
            clock = make(match)
            if not clock or clock.hour > 24 or clock.minute > 59:
                continue
            yield clock
            # 今晚八点: the 晚 belongs to the date as well, so the time is also offered without it.
            if clock.start and text[clock.start - 1] in "今明后昨前" and match.groupdict().get("p"):
                bare = match.end("p")
                yield clock._replace(start=bare + (text[bare : bare + 1] == "的"))


__all__ = ["BARE_AFTERNOON", "EN_PERIOD", "PERIODS", "ZH_PERIOD", "Clock", "Moment", "find", "settle"]
