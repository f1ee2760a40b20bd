# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Chinese words for a date. The one rule: what names no single day (周末, 过几天, 下周) is not found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from manyshot.values import calendar as cal
from manyshot.values import festivals
from manyshot.values.calendar import Day, Reader, Rule
from manyshot.values.numbers import read_zh

_D = r"(?:[0-2]?\d|3[01]|三十一?|廿[一二三四五六七八九]?|二?十[一二三四五六七八九]?|[一二三四五六七八九])(?!\d)"
#: The number of a month (without its 月), and a year in digits. 元月 is no part of 二十元月租.
MONTH = r"(?:1[0-2]|0?[1-9]|十[一二]?|正|(?<![\d零一二两三四五六七八九十百千万块])元|[一二三四五六七八九])"
YEAR = r"(?:(?:19|20)\d\d|[一二][零〇一二三四五六七八九]{3})"
_N = r"(?:\d{1,3}|[一二两三四五六七八九十百俩仨]{1,4})"
# 3号楼, 5号线, 12号桌 and 中山路6号 are places; 3日后 is a span of time.
_NOT_PLACE = r"(?!\s*[楼线桌房门院机柜床店仓车馆口台厅铺宅井坑柱])"
_WEEKDAYS = {**{c: i for i, c in enumerate("一二三四五六")}, "日": 6, "天": 6, **{str(i): i - 1 for i in range(1, 8)}}
_RELATIVE = {"今天": 0, "今日": 0, "今儿个": 0, "今儿": 0, "明天": 1, "明日": 1, "明儿个": 1, "明儿": 1, "后天": 2,
             "后儿个": 2, "后儿": 2, "后日": 2, "大后天": 3, "大后儿": 3, "昨天": -1, "昨日": -1, "昨儿个": -1,
             "昨儿": -1, "听日": 1, "寻日": -1, "前天": -2, "前儿": -2, "前日": -2, "大前天": -3, "当天": 0}  # fmt: skip
_FUSED = {"今": 0, "明": 1, "后": 2, "昨": -1, "前": -2}
#: How many weeks or months from this one, and how many years.
STEPS = {"上上": -2, "上": -1, "本": 0, "这": 0, "当": 0, "": 0, "下": 1, "下下": 2}
YEARS = {"今年": 0, "明年": 1, "去年": -1, "后年": 2, "前年": -2, "本年": 0, "来年": 1}


def _int(text: str) -> int:
    value = read_zh(text)
    return value if isinstance(value, int) else -1


def year_of(text: str | None, today: date) -> int | None:
    """2025, 二零二五, 25, 去年 as a year; None where none is said."""
    if not text:
        return None
    if text in YEARS:
        return today.year + YEARS[text]
    return _int(text) + (2000 if len(text) == 2 else 0)


def month_of(text: str) -> int:
    """The month of its number in digits or words, or 正 or 元 for the first."""
    return 1 if text in ("正", "元") else _int(text)


def _full(m: re.Match[str], today: date) -> date | None:
    return cal.month_day(month_of(m["m"]), _int(m["d"]), today, year_of(m["y"], today))


def _dotted(m: re.Match[str], today: date) -> date | None:
    return cal.month_day(int(m["m"]), int(m["d"] or m["d2"] or m["d3"]), today)


def _compact(m: re.Match[str], _today: date) -> date | None:
    return cal.make(int(m["y"]), int(m["m"]), int(m["d"]))


def _in_month(m: re.Match[str], today: date) -> date | None:
    return cal.make(*cal.month_shift(today, STEPS[m["s"]]), _int(m["d"]))


def _end(m: re.Match[str], today: date) -> date | None:
    if m["m"]:
        first = cal.month_day(month_of(m["m"]), 1, today, year_of(m["y"], today))
        return cal.last_day(first) if first else None
    return cal.last_day(today, STEPS[m["s"] or ""])


def _later(m: re.Match[str], today: date) -> date | None:
    count = 15 if m["n"] == "半" else _int(m["n"])
    unit = "天" if m["n"] == "半" else m["u"]
    if count < 0 or (m["n"] == "半" and m["u"] != "月"):
        return None
    if m["w"] and m["w"].endswith(("前", "之前", "以前")):
        count = -count
    if unit in ("天", "日"):
        return today + timedelta(count)
    if unit in ("周", "星期", "礼拜"):
        return today + timedelta(7 * count)
    return cal.same_day_after(today, count * (12 if unit == "年" else 1))


def _week(m: re.Match[str], today: date) -> date | None:
    # 这周一 is this week's even when it is past; 周一 is the coming one.
    return cal.weekday(_WEEKDAYS[m["d"]], today, STEPS[m["s"]] if m["s"] else None)


def _holiday(m: re.Match[str], today: date) -> date:
    return festivals.coming(m["h"], today, year_of(m["y"], today))


def _beside_holiday(m: re.Match[str], today: date) -> date:
    count = _int(m["n"])
    return _holiday(m, today) + timedelta(-count if m["w"].startswith(("前", "之前")) else count)


def _lunar(m: re.Match[str], today: date) -> date | None:
    """农历八月十五, 腊月廿三: the next such day, today included."""
    month = {"冬": 11, "腊": 12}.get(m["m"]) or month_of(m["m"])
    days = (festivals.lunar(today.year + n, month, _int(m["d"].removeprefix("初"))) for n in (-1, 0, 1))
    return next((day for day in days if day >= today), None)


def _nth_weekday(m: re.Match[str], today: date) -> date | None:
    year, month = cal.month_shift(today, STEPS[m["s"] or ""])
    if m["m"]:
        first = cal.month_day(month_of(m["m"]), 1, today)
        year, month = (first.year, first.month) if first else (year, month)
    return festivals.nth_weekday(year, month, _WEEKDAYS[m["d"]], _int(m["n"]) if m["n"] else -1)


_HOLIDAYS = "|".join(sorted((h for h in festivals.NAMES if "\u4e00" <= h[0] <= "\u9fff"), key=len, reverse=True))
_HOLIDAY = rf"(?P<h>{_HOLIDAYS})(?![零一二三四五六七八九十百\d])"
# 5.22 is a day where neither the words before it nor a unit after it make it an amount, a mark or a version; 6.1 only with 号.
_DOTTED = (
    r"(?:(?<![A-Za-z\d./:$¥-])(?<![A-Za-z]\s)(?<![价格额钱费款版本号第约共])(?<![价额费款]是)|(?<=\.\d\d[-~至到])|(?<=\.\d[-~至到]))"
    r"(?P<m>1[0-2]|0?[1-9])\.(?:(?P<d>0?[1-9]|[12]\d|3[01])[日号](?!\d)|(?P<d3>0?[1-9])(?:进(?!货)|出发|入住|退房|离店|出(?![\u4e00-\u9fff])|那天|当天)|(?P<d2>[12]\d|3[01])"
    r"(?![\dA-Za-z%℃°]|\.\d|[-~](?!\d{1,2}\.\d)|\s*[元块万亿千百十公米厘毫吨斤克升两折版分度个倍岁寸小平人次]))"
)
_ROWS: tuple[tuple[str, Reader] | tuple[str, Reader, str], ...] = (
    (rf"(?<![\d.])(?P<y>{YEAR})\s*[-/.年]\s*(?P<m>{MONTH})\s*[-/.月]\s*(?P<d>{_D})\s*[日号]?", _full),
    (rf"(?<!\d)(?P<y>\d\d)年(?P<m>{MONTH})月(?P<d>{_D})[日号]?", _full),
    (r"(?<![A-Za-z0-9-])(?P<y>20\d\d)(?P<m>0[1-9]|1[0-2])(?P<d>[0-2]\d|3[01])(?![A-Za-z0-9-])", _compact),
    (rf"(?<![\d十二])(?:(?P<y>{'|'.join(YEARS)})的?\s*)?(?P<m>{MONTH})\s*月份?\s*(?P<d>{_D})\s*(?:[日号]{_NOT_PLACE}|(?![\d个分天年月]))", _full, "year"),
    (r"(?<![A-Za-z\d./:-])(?P<y>(?!))?(?P<m>1[0-2]|0?[1-9])(?:/|-)(?P<d>[0-2]?\d|3[01])(?![A-Za-z0-9/:-]|\.\d|\s*[日号])", _full, "year"),
    (_DOTTED, _dotted, "year"),
    (rf"(?P<s>(?<!一)下下|下|本|这|当|上)个?月的?初?\s*(?P<d>{_D})\s*[日号]?", _in_month),
    (rf"(?:(?P<y>{'|'.join(YEARS)})?(?P<m>{MONTH})月份?的?|(?P<s>(?<!一)下下|下|本|这|当|上)?个?月的?)(?:底|末|最后一天)", _end),
    (rf"(?<![A-Za-z0-9第月十百零一二三四五六七八九./:路街巷弄-])(?<!大道)(?P<d>{_D})\s*(?:号{_NOT_PLACE}|日(?![后之以内前]))", lambda m, t: cal.day_only(_int(m["d"]), t), "month"),
    ("|".join(sorted(_RELATIVE, key=len, reverse=True)), lambda m, t: t + timedelta(_RELATIVE[m[0]])),
    (r"(?P<r>[今明后昨前])(?P<p>晚上|夜里|晚|夜|早上|早晨|早|晨)(?!点|饭)", lambda m, t: (t + timedelta(_FUSED[m["r"]]), m["p"])),
    (rf"(?:再?过|再等)?(?P<n>{_N}|半)个?(?P<u>天|日|周|星期|礼拜|月|年)(?P<w>之后|以后|过后|后|之前|以前|前)(?!面|台|天|边|来)", _later),
    (rf"(?:再?过)(?P<n>{_N}|半)个?(?P<u>天|周|星期|礼拜|月|年)(?P<w>(?!))?", _later),
    (r"(?P<s>上上|上|本|这|(?<!一)下下|(?<![^周期拜十]一)下)?个?(?:周|星期|礼拜)的?(?:周|星期|礼拜)?(?P<d>[一二三四五六日天]|[1-7](?!\d))(?![个月年天周])", _week, "week"),
    (rf"(?:(?P<y>{'|'.join(YEARS)})的?)?(?<![零一二三四五六七八九十百]){_HOLIDAY}(?:节)?(?:当天|那天|那一天)?", _holiday, "year"),
    (rf"(?:(?P<y>{'|'.join(YEARS)})的?)?(?P<h>{_HOLIDAYS})节?的?(?P<w>之?[前后])(?P<n>[一二两三1-3])[天日]", _beside_holiday),
    (r"(?:农历|阴历|旧历)的?(?P<m>十[一二]|[正冬腊一二三四五六七八九十])月(?P<d>初[一二三四五六七八九十]|二?十[一二三四五六七八九]?|廿[一二三四五六七八九]?|三十)", _lunar),
    (r"(?P<m>十[一二]|[正冬腊二三四五六七八九十])月(?P<d>初[一二三四五六七八九十])(?!号)", _lunar),
    (r"(?P<m>[冬腊])月(?P<d>二?十[一二三四五六七八九]?|廿[一二三四五六七八九]?|三十)", _lunar),
    (rf"(?:(?P<m>{MONTH})月份?|(?P<s>(?<!一)下下|下|本|这|上)?个?月)的?(?:第(?P<n>[一二三四1-4])|最后一)个?(?:周|星期|礼拜)(?P<d>[一二三四五六日天])", _nth_weekday),
)  # fmt: skip


@lru_cache(maxsize=1)
def _compiled() -> tuple[Rule, ...]:
    return cal.compiled(_ROWS)


def find(text: str, today: date, past: bool = False) -> Iterator[Day]:
    """All dates in the folded text, overlapping ones too; with `past`, those left open lie behind (see `calendar.scan`)."""
    return cal.scan(_compiled(), text, today, past)
