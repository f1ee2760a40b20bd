# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Numbers, amounts and measures in words. The one rule: offers only; `say.surfaces` checks that each reads as the value."""

from __future__ import annotations

import random

from manyshot.values.numbers import EN_SMALL, Number, tidy
from manyshot.values.units import Unit, words

_ZH = "零一二三四五六七八九"
#: Dimensions in which people say a value in another unit than the form asks for.
_SWITCHED = ("time", "month", "length", "mass", "volume")
_EN = {v: k for k, v in EN_SMALL.items()}


def zh_words(value: int, counting: bool = False) -> str:
    """An integer in Chinese words; `counting` says 两 for a lone 2."""
    if value < 0:
        return "负" + zh_words(-value, counting)
    if value == 2 and counting:
        return "两"
    if value < 10:
        return _ZH[value]
    for base, name in ((100_000_000, "亿"), (10_000, "万"), (1000, "千"), (100, "百"), (10, "十")):
        if value >= base:
            head, rest = divmod(value, base)
            start = "" if base == 10 and head == 1 else zh_words(head, base > 10)
            gap = "零" if rest and rest < base // 10 else ""
            tail = zh_words(rest) if rest else ""
            if 10 <= rest < 20 and base > 10:
                tail = "一" + tail
            return start + name + gap + tail
    raise AssertionError(value)


def en_words(value: int, joined: str = " and ") -> str:
    """An integer in English words."""
    if value < 0:
        return "minus " + en_words(-value, joined)
    if value in _EN:
        return _EN[value]
    if value < 100:
        return f"{_EN[value // 10 * 10]}-{_EN[value % 10]}"
    for base, name in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= base:
            head, rest = divmod(value, base)
            link = (joined if rest < 100 else " ") if rest else ""
            return f"{en_words(head, joined)} {name}{link}{en_words(rest, joined) if rest else ''}"
    raise AssertionError(value)


def en_ordinal(value: int) -> str:
    """1st, 2nd, 11th."""
    tail = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{tail}"


def plain(value: Number, language: str) -> list[str]:
    """A number without a unit. Measure words (个, 条) are left to the sentence around it."""
    text = str(tidy(value))
    out = [text]
    if isinstance(value, float) and value != int(value):
        whole, _, digits = text.lstrip("-").partition(".")
        minus = ("负", "minus ") if value < 0 else ("", "")
        if language == "zh":
            out.append(f"{minus[0]}{zh_words(int(whole))}点{''.join(_ZH[int(d)] for d in digits)}")
            out += ["一半"] if value == 0.5 else []
        elif whole.isdigit():
            out.append(f"{minus[1]}{en_words(int(whole))} point {' '.join(_EN[int(d)] for d in digits)}")
            out += (
                ["half"]
                if value == 0.5
                else [f"{en_words(int(whole))} and a half"]
                if digits == "5" and whole != "0"
                else []
            )
        return out
    number = int(value)
    if abs(number) < 10**8:
        out += _zh_plain(number) if language == "zh" else _en_plain(number)
    return out


def _zh_plain(number: int) -> list[str]:
    out = [zh_words(number, True)]
    for base, last in ((100, "百"), (1000, "千"), (10_000, "万")):
        if base <= number < base * 10 and number % base and number % (base // 10) == 0:
            out.append(f"{zh_words(number // base, True)}{last}{_ZH[number % base // (base // 10)]}")
    if number >= 10_000 and number % 1000 == 0:
        out.append(f"{tidy(number / 10_000)}万")
    return out


def _en_plain(number: int) -> list[str]:
    out = [en_words(number), en_words(number, " ")]
    if number in (100, 1000) or 100 < number < 200 or 1000 < number < 2000:
        out.append(en_words(number).replace("one ", "a ", 1))
    if number >= 1000:
        out += [f"{number:,}"] + ([f"{tidy(number / 1000)}k"] if number % 100 == 0 and number < 10**6 else [])
    if number > 1000 and number % 100 == 0 and number < 10_000 and number % 1000:
        out.append(f"{en_words(number // 100)} hundred")
    return out + {12: ["a dozen"], 6: ["half a dozen"], 24: ["two dozen"], 2: ["a couple"]}.get(number, [])


def _other_units(unit: Unit, language: str) -> list[Unit]:
    """The units of the same dimension that are said, the own one first."""
    others = {
        u
        for us in words().values()
        for u in us
        if u.dimension == unit.dimension and (u.zh if language == "zh" else u.en)
    }
    return [unit, *sorted(others - {unit}, key=lambda u: u.factor)]


def measured(value: Number, unit: Unit, language: str, rng: random.Random) -> list[str]:
    """A number with its unit: in the unit itself (digits, words), in a larger or smaller one, with halves and parts."""
    if unit.dimension == "percent":
        core = plain(value, language)
        zh = [f"百分之{core[-1]}", f"{core[0]}%"] + (
            [f"{zh_words(int(value) // 10)}成"] if value % 10 == 0 and 0 < value < 100 else []
        )
        return zh if language == "zh" else [f"{core[0]}%", f"{core[-1]} percent", f"{core[0]} percent"]
    out: list[str] = []
    for other in _other_units(unit, language):
        amount = tidy(round(value * unit.factor / other.factor, 6))
        neat = amount == int(amount) or amount * 2 == int(amount * 2)
        if (other != unit and unit.dimension not in _SWITCHED) or (other.zh == "刻钟" and amount not in (1, 3)):
            continue
        if other != unit and not (neat and 0.5 <= abs(amount) < 1000):
            continue
        out += _zh_measured(amount, other) if language == "zh" else _en_measured(amount, other)
    if unit.dimension == "time" and language == "zh" and value * unit.factor > 3600 and value * unit.factor % 60 == 0:
        hours, minutes = divmod(int(value * unit.factor) // 60, 60)
        out += [f"{zh_words(hours, True)}小时{zh_words(minutes)}分钟", f"{hours}小时{minutes}分钟"] if minutes else []
    if unit.dimension == "time" and language == "en" and value * unit.factor > 3600 and value * unit.factor % 60 == 0:
        hours, minutes = divmod(int(value * unit.factor) // 60, 60)
        out += (
            [f"{en_words(hours)} hour{'s' * (hours > 1)} and {en_words(minutes)} minutes", f"{hours}h{minutes:02d}m"]
            if minutes
            else []
        )
    rng.shuffle(out)
    return [*out, *plain(value, language)]


def _zh_measured(amount: Number, unit: Unit) -> list[str]:
    name = unit.zh.removeprefix("个")
    loose = "个" if unit.zh in ("小时", "星期", "个月") else ""
    if unit.zh in ("%", "角", "里") or not unit.zh:
        return []
    if isinstance(amount, float):
        if amount == 0.5:
            return [f"半{loose}{name}"] if unit.dimension in ("time", "month") and name not in ("分钟", "秒") else []
        whole = zh_words(int(amount), True)
        halves = [f"{whole}{loose}半{name}"] if loose else [f"{whole}{name}半"] if name in ("天", "年") else []
        return [f"{amount}{name}", *halves] if amount * 2 == int(amount * 2) else [f"{amount}{name}"]
    said = [name, loose + name] if loose and unit.zh != "个月" else ["个月"] if unit.zh == "个月" else [name]
    said += {"元": ["块", "块钱"], "公里": ["千米"], "小时": ["个钟头"], "公斤": ["千克"], "周": ["个星期"]}.get(
        unit.zh, []
    )
    return [f"{n}{s}" for s in said for n in dict.fromkeys((str(amount), zh_words(amount, True)))]


def _en_measured(amount: Number, unit: Unit) -> list[str]:
    name = unit.en
    if not name:
        return []
    short = {
        "minute": "min",
        "hour": "h",
        "metre": "m",
        "kilometre": "km",
        "second": "s",
        "kilogram": "kg",
        "gram": "g",
    }.get(name)
    plural = (
        name
        if name.endswith(("s", "celsius", "yuan", "percent")) or " " in name
        else "feet"
        if name == "foot"
        else name + "s"
        if name != "inch"
        else "inches"
    )
    article = "an" if name[0] in "aeio" or name == "hour" else "a"
    if isinstance(amount, float):
        whole = int(amount)
        if amount == 0.5:
            return [f"half {article} {name}"]
        if amount * 2 != int(amount * 2):
            return [f"{amount} {plural}"]
        more = [f"{article} {name} and a half"] if whole == 1 else [f"{en_words(whole)} and a half {plural}"]
        return [f"{amount} {plural}", *more]
    one = amount == 1 and not name.endswith("s")
    out = [f"{amount} {name if one else plural}", f"{en_words(amount)} {name if one else plural}"] + (
        [f"{article} {name}"] if one else []
    )
    if unit.dimension in ("USD", "EUR", "GBP") and unit.factor == 1:
        out.append({"USD": "$", "EUR": "€", "GBP": "£"}[unit.dimension] + f"{amount:,}")
    return out + ([f"{amount} {short}"] if short else [])
