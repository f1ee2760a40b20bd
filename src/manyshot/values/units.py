# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Units of measure and numbers that carry them. The one rule: convert within a dimension, refuse between dimensions.

A field's unit comes from its name or description (duration_minutes, "in metres", "单位：秒"); a said unit is converted
to it. Where a field states no unit, a said unit or measure word is dropped.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from manyshot.values import heads
from manyshot.values.numbers import (
    EN_DIGIT,
    EN_NUMBER,
    EN_TWO_DIGITS,
    ZH_NUMBER,
    Number,
    read_en,
    read_ordinal,
    read_zh,
    tidy,
)


class Unit(NamedTuple):
    """A unit: its dimension, how many base units it is, and the words for it (first the zh, then the en one said most)."""

    dimension: str
    factor: float
    zh: str
    en: str


_TABLE = """
time 1 秒|秒钟 second|seconds|sec|secs|s
time 60 分钟|分|min minute|minutes|min|mins|m
time 900 刻钟 -
time 3600 小时|个小时|钟头|个钟头|h hour|hours|hr|hrs|h
time 86400 天|日|d day|days
time 604800 周|星期|个星期|礼拜|个礼拜 week|weeks
time 1209600 - fortnight|fortnights
month 1 个月|月 month|months
month 3 个季度|季度 -
month 12 年 year|years|yr|yrs
night 1 晚|晚上|夜 night|nights
length 0.001 毫米|mm millimetre|millimetres|millimeter|millimeters|mm
length 0.01 厘米|公分|cm centimetre|centimetres|centimeter|centimeters|cm
length 1 米|公尺|m metre|metres|meter|meters|m
length 1000 公里|千米|km kilometre|kilometres|kilometer|kilometers|km|kms
length 10000000 万公里 -
length 500 里|里地|里路 -
length 0.0254 英寸|寸 inch|inches
length 0.3048 英尺 foot|feet|ft
length 0.9144 - yard|yards|yd
length 1609.344 英里 mile|miles|mi
mass 0.000001 毫克|mg milligram|milligrams|mg|mgs
mass 0.000000001 微克|mcg microgram|micrograms|mcg
mass 0.001 克|g gram|grams|g
mass 1 公斤|千克|kg kilogram|kilograms|kilo|kilos|kg|kgs
mass 0.5 斤 -
mass 10000000 万吨 -
mass 1000 吨|t ton|tons|tonne|tonnes|t
mass 6.35029318 - stone
mass 0.45359237 磅 pound|pounds|lb|lbs
mass 0.0283495231 盎司 ounce|ounces|oz
speed 1 米每秒|米/秒|m/s metres a second|metres per second|meters a second|meters per second|m/s|mps
speed 1/3.6 公里每小时|千米每小时|公里/小时|千米/小时|km/h|迈|码 kilometres per hour|kilometres an hour|kilometers per hour|kilometers an hour|km/h|kmh|kph|km per hour
speed 0.44704 英里每小时|mph miles per hour|miles an hour|mph
celsius 1 摄氏度|度|℃|°c degrees celsius|degree celsius|degrees|degree|celsius|°c|c|°
fahrenheit 1 华氏度|℉ degrees fahrenheit|fahrenheit|°f|f
angle 1 度|° degrees|degree|deg|°
percent 1 %|个百分点 percent|per cent|%|percentage points|pct
CNY 1 元|块|块钱|元钱|元人民币|人民币|圆|rmb yuan|rmb|cny|kuai
CNY 0.1 角|毛|毛钱 -
CNY 10000 万元|万块|万块钱 -
USD 1 美元|美金|刀 dollars|dollar|bucks|buck|usd|us dollars
USD 0.01 美分 cents|cent
EUR 1 欧元|欧 euros|euro|eur
GBP 1 英镑 pounds|pound|quid|gbp
volume 1 升|公升|l litre|litres|liter|liters|l
volume 0.001 毫升|ml millilitre|millilitres|milliliter|milliliters|ml
data 1 兆|mb mb|megabyte|megabytes|megs
data 1024 g|gb gb|gig|gigs|gigabyte|gigabytes
data 1048576 tb tb|terabyte|terabytes
area 1 平方米|平米|平方|㎡ square metres|square meters|sqm
area 666.6666667 亩 -
power 1 瓦|w watt|watts|w
power 1000 千瓦|kw kilowatt|kilowatts|kw
energy 1 千瓦时|度电|度|kwh kilowatt hours|kwh
"""
_SIGNS = {"$": "USD", "us$": "USD", "¥": "CNY", "￥": "CNY", "€": "EUR", "£": "GBP"}
# Words that follow a number and say what is counted: dropped where the field states no unit.
_COUNTED = "星分个位名人件条瓶张间套台辆部只支份盒箱袋包杯碗盘桶卷双对副把块片根顶床本册场次趟遍回层楼页行单笔批号口组项路盏枚颗粒棵扇架艘株封道种样级班等轮桌"
_COUNTED_EN = [
    "people",
    "persons",
    "person",
    "guests",
    "guest",
    "adults",
    "adult",
    "kids",
    "children",
    "passengers",
    "passenger",
    "pieces",
    "piece",
    "pcs",
    "items",
    "item",
    "units",
    "unit",
    "bottles",
    "bottle",
    "bags",
    "bag",
    "boxes",
    "box",
    "times",
    "time",
    "copies",
    "copy",
    "tickets",
    "ticket",
    "rooms",
    "room",
    "seats",
    "seat",
    "tables",
    "cups",
    "pairs",
    "pair",
    "sets",
    "set",
    "cans",
    "packs",
    "pack",
    "packages",
    "package",
    "towels",
    "chairs",
    "orders",
    "of",
    "us",
    "more",
]


class Measure(NamedTuple):
    """A number with the units that its words can mean (m: minutes or metres)."""

    value: Number
    units: tuple[Unit, ...]


@lru_cache(maxsize=1)
def words() -> dict[str, tuple[Unit, ...]]:
    """Every word for a unit, with what it can mean."""
    out: dict[str, tuple[Unit, ...]] = {}
    for line in _TABLE.strip().splitlines():
        dimension, factor, zh, en = line.split(" ", 3)
        top, _, under = factor.partition("/")
        unit = Unit(
            dimension,
            float(top) / float(under or 1),
            "" if zh == "-" else zh.split("|")[0],
            "" if en == "-" else en.split("|")[0],
        )
        for word in dict.fromkeys([*zh.split("|"), *en.split("|")]):
            if word != "-":
                out[word] = (*out.get(word, ()), unit)
    return out


@lru_cache(maxsize=1)
def pattern() -> str:
    """All unit words, longest first; words of Latin letters end where a word ends."""
    names = sorted(words(), key=len, reverse=True)
    return "|".join(re.escape(n) + (r"(?![a-z])" if n[-1].isascii() and n[-1].isalpha() else "") for n in names)


_IN = re.compile(
    r"(?:\bin|单位[:：是为]?|以|按|measured in|units?[:：]?)\s*(?:us\s+)?(?P<u>[a-z/℃°㎡%]+(?: (?:per|an?) [a-z]+)?|[^\s,，。;；)）]{1,6})"
)
_BRACKET = re.compile(r"[(（]\s*(?:单位[:：]?\s*)?(?P<u>[^)）\s]{1,16}(?: [a-z]+)?)\s*[)）]")
_NUMBER_OF = re.compile(
    r"(?:number of|how many|多少|几)\s*(?P<u>[a-z]+|[天晚米秒周元块斤吨升]|小时|分钟|公斤|千克|万?公里|万[元吨])"
)
_COUNT_ZH = re.compile(r"(?P<u>天|晚|秒|周|月|小时|分钟)数")
_LAST = re.compile(r"[,，、]\s*(?P<u>[^\s,，。、;；]{1,6})(?:[\s。.;；]|$)")
_PERCENT = re.compile(r"percent|百分比|百分数|%")


def _named(text: str) -> Unit | None:
    known = words()
    for length in range(len(text), 0, -1):
        if (units := known.get(text[:length])) and not (
            length < len(text) and text[length].isascii() and text[length].isalpha()
        ):
            return units[0]
    return None


def of_field(name_words: tuple[str, ...], description: str) -> Unit | None:
    """The unit that a number's name or description states, or None."""
    text, known = description.lower(), words()
    for rule in (_IN, _BRACKET, _COUNT_ZH, _NUMBER_OF, _LAST):
        for match in rule.finditer(text):
            if unit := _named(match["u"].strip()):
                return _degrees(unit, name_words, text)
    for place, word in enumerate(reversed(name_words)):
        if word == "min" and place:  # minQuantity is no minutes, duration_min is
            continue
        if len(word) > 2 and word in known:
            return _degrees(known[word][0], name_words, text)
    if _PERCENT.search(text) or {"percent", "percentage"} & set(name_words):
        return known["%"][0]
    first = re.match(r"[a-z/°]+", text)
    if first and len(first[0]) > 2 and first[0] in known:
        return _degrees(known[first[0]][0], name_words, text)
    # A unit word of three letters or two characters, anywhere, but not as a rate ("per day") or an aside ("a minute is 60").
    for match in re.finditer(r"(?<!per )(?<!a )(?<!an )(?<!every )(?<![a-z])(?:km/h|m/s|mph|metres|meters|kilometres|kilometers|degrees|seconds|minutes|hours|dollars|euros|yuan|kg|公里|小时|分钟|摄氏度|公斤|人民币|美元|千米|平方米|毫升|厘米)(?![a-z])", text):  # fmt: skip
        return _degrees(known[match[0]][0], name_words, text)
    return None


def _degrees(unit: Unit, name_words: tuple[str, ...], text: str) -> Unit:
    """度 and degrees are of an angle unless the field is about warmth."""
    if unit.dimension == "celsius" and unit.en != "celsius":
        warm = re.search(r"celsius|摄氏|温|℃|temperature", text + " " + " ".join(name_words))
        return unit if warm else words()["deg"][0]
    return unit


def price(text: str, target: Unit | None) -> Number | None:
    """Twelve fifty in a field of money: 12.5; None for anything else."""
    match = PRICE.fullmatch(text) if target is not None and target.dimension in MONEY else None
    parts = (read_en(match["whole"]), read_en(match["part"])) if match else (None, None)
    return None if parts[0] is None or parts[1] is None else tidy(parts[0] + parts[1] / 100)


def understood(measure: Measure, text: str, target: Unit | None) -> Measure:
    """A bare number as the field means it: 八万 in a field of 万元 is money, half in one of percent is fifty."""
    if target is not None and target.dimension in MONEY and re.fullmatch(r"[\d.]+w", text):  # 1.5w is 万, not watts
        return Measure(read_zh(text) or measure.value, ())
    if target is None or measure.units:
        return measure
    if target.dimension == "percent" and text in ("一半", "半", "half", "a half"):
        return Measure(measure.value * 100, words()["%"])
    if target.zh.startswith("万") and "万" in text:
        return Measure(measure.value, words()[target.zh.removeprefix("万")])
    return measure


#: Seconds; a week has seven nights.
_WEEK = 604_800


def convert(measure: Measure, target: Unit | None) -> Number:
    """The number in the target unit. ValueError where the dimensions differ."""
    if target is None or not measure.units:
        return tidy(measure.value)
    for unit in measure.units:
        if unit.dimension == target.dimension:
            return tidy(round(measure.value * unit.factor / target.factor, 6))
        if target.dimension == "night" and unit.dimension == "time" and unit.factor % _WEEK == 0:
            return tidy(measure.value * 7 * unit.factor / _WEEK / target.factor)
    said = measure.units[0].zh or measure.units[0].en
    raise ValueError(f"a value in {target.en or target.zh} was wanted, {said} was said")


_ABOUT = re.compile(
    r"^(?:大概|大约|约|差不多|一共|总共|共|就|只要|只有|要|整|~|≈)\s*(?=\S)"
    r"|^(?:just|about|around|approximately|roughly|only|exactly|at|to|by|for)\s+(?=\S)"
)
_AFTER = re.compile(r"\s*(?:左右|上下|整|吧|啊|呢|哈|的|就行|就好|or so|please|only|exactly)$")
_MINUS = re.compile(r"(?:minus|negative)\s+|[负-]|零下")


def _zh_part(text: str, unit: re.Pattern[str]) -> tuple[Measure, int] | None:
    """One number with its unit at the start of the text: 一个半小时, 半小时, 三块五, 一分半."""
    half_only = re.match(r"半个?", text)
    head = re.match(ZH_NUMBER.pattern, text) if not half_only else None
    value: Number | None
    if half_only:
        value, pos = 0.5, half_only.end()
    elif head and (value := read_zh(head[0])) is not None:
        pos = head.end()
        if more := re.match(r"\s*个半", text[pos:]):
            value, pos = value + 0.5, pos + more.end()
    else:
        return None
    named = unit.match(text, pos)
    if not named:
        return None
    word, pos = named["u"], named.end()
    units = words()[word]
    if tail := re.match(r"半(?!个)", text[pos:]):
        return Measure(value + 0.5, units), pos + tail.end()
    tail = re.match(r"([一二三四五六七八九\d]{1,2})(?![\d一二三四五六七八九十个天小分时秒])(?:钱)?", text[pos:])
    ends = tail is not None and not re.match(r"\w", text[pos + tail.end() :])
    if (
        tail
        and "." not in (head[0] if head else "")
        # 五斤三袋 is two amounts, so what is weighed or felt has its tenths only where nothing is counted behind them.
        and (word in ("块", "元", "米", "毛") or (ends and word in ("吨", "斤", "公斤", "度")))
    ):
        digits = "".join(str(read_zh(c)) for c in tail[1])
        return Measure(tidy(value + float(f"0.{digits}") * 1), units), pos + tail.end()
    return Measure(value, units), pos


#: A number behind a unit that counts its smaller ones: 3 metres 10, 6 foot 2; not 2 metres 10 boxes.
SMALLER = rf"\s(?:\d{{1,2}}|{EN_TWO_DIGITS}|{EN_DIGIT})(?![\w.,-])(?!\s+[a-z]+s\b)"
#: Twelve fifty: pounds and pence, dollars and cents.
PRICE = re.compile(rf"(?P<whole>{EN_TWO_DIGITS}|{EN_DIGIT})[\s-](?P<part>{EN_TWO_DIGITS})(?![\w.,-])")
#: The dimensions of money.
MONEY = frozenset(_SIGNS.values())
_PARTS_OF = {
    **dict.fromkeys(("metre", "metres", "meter", "meters", "m"), 100),
    **dict.fromkeys(("foot", "feet", "ft"), 12),
    **dict.fromkeys(("pounds", "pound", "quid", "dollars", "dollar", "bucks", "euros", "euro"), 100),
}
_EN_HALF = re.compile(r"half\s+(?:an?|of\s+an?)\s+")
_EN_QUARTER = re.compile(r"(?P<n>an?|one|three)\s+quarters?\s+of\s+an?\s+")


#: Two more nights, three extra weeks.
_MORE = re.compile(r"\s+(?:more|extra|additional|further|full|whole)(?=\s)")


def _en_part(text: str, unit: re.Pattern[str]) -> tuple[Measure, int] | None:
    """One number with its unit at the start of the text: half an hour, an hour and a half, two and a half hours, 90s."""
    value: Number | None = None
    pos = 0
    if match := _EN_HALF.match(text):
        value, pos = 0.5, match.end()
    elif match := _EN_QUARTER.match(text):
        value, pos = (0.75 if match["n"] == "three" else 0.25), match.end()
    elif (match := re.match(r"([-−+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?=[a-z°%℃-])", text)) and not re.match(
        r"k\b", text[match.end() :]
    ):
        value, pos = read_en(match[1]), match.end()
    elif match := EN_NUMBER.match(text):
        said = match[0]
        while said and (value := read_en(said)) is None:
            said = said.rpartition(" ")[0]
        pos = len(said)
    if value is None and (
        match := re.match(r"(?:an?|another)\s+(?:(?:full|whole|extra|additional|further)\s+)?", text)
    ):
        value, pos = 1, match.end()
    if value is None:
        return None
    if more := _MORE.match(text, pos):
        pos = more.end()
    named = unit.match(text, pos) or (unit.match(text, pos + 1) if text[pos : pos + 1] == "-" else None)
    if not named:
        return None
    pos, units = named.end(), words()[named["u"]]
    if tail := re.match(r"\s+and\s+a\s+(half|quarter)\b", text[pos:]):
        value, pos = value + (0.5 if tail[1] == "half" else 0.25), pos + tail.end()
    elif (tail := re.match(SMALLER, text[pos:])) and (parts := _PARTS_OF.get(named["u"])):
        value, pos = tidy(value + (read_en(tail[0].strip()) or 0) / parts), pos + tail.end()
    return Measure(value, units), pos


@lru_cache(maxsize=1)
def _unit_at() -> re.Pattern[str]:
    return re.compile(rf"\s*(?P<u>{pattern()})")


#: What makes a month before it that of a date.
_OF_A_DAY = re.compile(r"\s*(?:\d{1,2}|[一二三四五六七八九十]{1,3})\s*[号日]|[份底初末中上下]")


def unit_spans(text: str, start: int, limit: int) -> list[int]:
    """Ends of the unit words (and of a half or digits after them) in text[start:limit], the first few."""
    ends: list[int] = []
    for match in re.finditer(
        rf"(?:{pattern()})(?P<more>半|\s+and\s+a\s+half\b|{SMALLER}|[一二三四五六七八九\d]{{1,2}}(?![\d一二三四五六七八九十]))?",
        text[start:limit],
    ):
        if match[0][0] == "月" and _OF_A_DAY.match(text, start + match.start() + 1):  # 半年 6月1号起
            continue
        if match["more"]:
            ends.append(start + match.start("more"))
        ends.append(start + match.end())
    return ends[:6]


def _money(text: str) -> Measure | None:
    match = re.fullmatch(r"(us\$|[$¥￥€£])\s*([\d.,]+k?)", text) or re.fullmatch(
        r"(rmb|cny|usd|eur|人民币)\s*([\d.,]+)", text
    )
    if not match or (value := read_en(match[2])) is None:
        return None
    code = _SIGNS.get(match[1]) or {"rmb": "CNY", "人民币": "CNY"}.get(match[1], match[1].upper())
    unit = next(u for us in words().values() for u in us if u.dimension == code and u.factor == 1)
    return Measure(value, (unit,))


def _percent(text: str) -> Measure | None:
    known = words()["%"]
    if match := re.fullmatch(r"百分之(.+)", text):
        value = 100 if match[1] == "百" else read_zh(match[1])
        return None if value is None else Measure(value, known)
    if match := re.fullmatch(r"(.+)成(半)?", text):
        value = read_zh(match[1])
        return None if value is None or value > 10 else Measure(tidy(value * 10 + (5 if match[2] else 0)), known)
    return None


def _parts(text: str, first: str) -> Measure | None:
    """Parts of one dimension in a row (1小时30分钟, one hour and twenty minutes), summed in the unit of the first."""
    for reader in (_zh_part, _en_part) if first == "zh" else (_en_part, _zh_part):
        pos, total = 0, 0.0
        units: tuple[Unit, ...] = ()
        while part := reader(text[pos:], _unit_at()):
            measure, used = part
            if not units:
                units, total = measure.units, float(measure.value)
            else:
                both = [(a, b) for a in units for b in measure.units if a.dimension == b.dimension]
                if not both or both[0][1].factor >= both[0][0].factor:
                    break
                units, total = tuple(a for a, _ in both), total + measure.value * both[0][1].factor / both[0][0].factor
            pos += used
            if pos == len(text):
                return Measure(total, units)
            if gap := re.match(r"\s*(?:,|and|零|又|,\s*and)\s*|\s+", text[pos:]):
                pos += gap.end()
    return None


@lru_cache(maxsize=8192)
def read(text: str, language: str) -> Measure | None:
    """The whole (folded, bare) surface as one number with its units; None where it is none."""
    for _ in range(2):
        text = _AFTER.sub("", _ABOUT.sub("", text)).strip()
    if match := _MINUS.match(text):
        rest = text[match.end() :]
        below = None if _MINUS.match(rest) else read(rest, language)
        return None if below is None or below.value < 0 else Measure(-below.value, below.units)
    if measure := _money(text) or _percent(text) or _parts(text, language):
        return measure
    if language == "en" and text in ("a", "an", "both"):
        return Measure(2 if text == "both" else 1, ())
    value = read_zh(text) if language == "zh" else read_en(text)
    value = (read_en(text) if language == "zh" else read_zh(text)) if value is None else value
    if value is None:
        value = _counted(text)
    if value is None:
        value = heads.read(text)
    return None if value is None else Measure(value, ())


def _counted(text: str) -> Number | None:
    """三个, 五条, 一打, 第3层, three bottles, the third: a number and what is counted, or a place in a row."""
    text = re.sub(r"^the\s+", "", text)
    if (nth := read_ordinal(re.sub(rf"[{_COUNTED}]$", "", text))) is not None:
        return nth
    if match := re.fullmatch(r"(.*?)(半)?打", text):
        value = read_zh(match[1]) if match[1] else (None if not match[2] else 0)
        return None if value is None else tidy(value * 12 + (6 if match[2] else 0))
    if text[-1:] in _COUNTED and text[:-1].strip():
        return read_zh(text[:-1].strip())
    if match := re.fullmatch(r"(.+?)(?:个|星|分)半", text):
        value = read_zh(match[1])
        return None if value is None else value + 0.5
    head, _, last = text.rpartition(" ")
    if head and last in _COUNTED_EN:
        return read_en(head) if read_en(head) is not None else _counted(head)
    return None
