# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Numbers in digits and in words, Chinese and English. The one rule: a whole string is one exact number, or None.

Approximate numbers (三四个, 二十来个, three or four) are not exact and give None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

Number = int | float

#: No number that is said is as large.
_MOST = 1e40
_MINUS, _EN_MINUS = ("负", "零下", "-"), ("minus", "negative")

_ZH = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "幺": 1, "俩": 2, "仨": 3}
_ZH_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000, "k": 1000, "w": 10_000}
_ZH_TOKEN = re.compile(r"\d+(?:\.\d+)?|[零〇一二两三四五六七八九十百千万亿廿kw]")
_DIGITS = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+")
#: Where a Chinese number may stand in a text; `read_zh` decides.
ZH_NUMBER = re.compile(
    r"一半|(?:负|零下|-)?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[十百千万亿]+(?:[零〇一二三四五六七八九十百千万]*))?"
    r"|[零〇一二两三四五六七八九十百千万亿廿幺]+(?:点[零〇一二三四五六七八九]+)?|[俩仨])|半"
)

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = {
    w: i * 10 for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
EN_SMALL = {w: i for i, w in enumerate(_ONES)} | _TENS
_SCALES = {"hundred": 100, "thousand": 1000, "grand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_ORD = {"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12} | {
    f"{w}th": v for w, v in EN_SMALL.items() if w not in ("one", "two", "three", "five", "eight", "nine", "twelve")
}
EN_ORDINALS = {w: v for w, v in _ORD.items() if v and v < 20} | {f"{w[:-1]}ieth": v for w, v in _TENS.items()}
_PARTS = {"half": 0.5, "quarter": 0.25, "third": 1 / 3}
_WORD = "|".join(sorted([*EN_SMALL, *_SCALES, "dozen", "dozens", "half", "quarters?", "couple", "pair", "point", "minus",
                         "negative", "oh", "once", "single", "twice"], key=len, reverse=True))  # fmt: skip
#: Regular expressions of words for 1 to 9, and for 10 to 99.
EN_DIGIT = "(?:" + "|".join(_ONES[1:10]) + ")"
EN_TWO_DIGITS = rf"(?:(?:{'|'.join(_TENS)})(?:[\s-]{EN_DIGIT})?|{'|'.join(sorted(_ONES[10:], key=len, reverse=True))})"
#: Where an English number may stand in a text; `read_en` decides, the reader trims words from the right.
EN_NUMBER = re.compile(
    rf"(?<![\w.])(?:[-+]?(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?k?|(?:an?\s+)?(?:{_WORD}))"
    rf"(?:[\s-]+(?:(?:and|an?|of)\s+){{0,2}}(?:{_WORD}))*(?![\w])"
)


def tidy(value: float) -> Number:
    """An int where the value is whole, else the float without binary dust."""
    value = round(value, 9)
    return int(value) if value == int(value) else value


def _zh_digits(text: str) -> Number | None:
    """幺三零六, 二零二四: read digit by digit; two digits without a zero are an approximation (三四)."""
    spelled = len(text) >= 3 or (len(text) == 2 and bool(set(text) & set("零〇幺")))
    if spelled and all(c in _ZH and c not in "俩仨" for c in text):
        return int("".join(str(_ZH[c]) for c in text))
    return None


def _zh_whole(text: str) -> Number | None:
    total, section, current, last, zero = 0.0, 0.0, None, 0, False
    tokens = _ZH_TOKEN.findall(text)
    if "".join(tokens) != text or not tokens:
        return None
    for token in tokens:
        if token in _ZH_UNITS:
            unit = _ZH_UNITS[token]
            if unit >= 10_000:
                section += current or 0
                if not section and not total:
                    return None
                total, section = (total + section) * unit if unit > 10_000 else total + section * unit, 0
            else:
                if current is None and unit != 10:
                    return None
                section += (1 if current is None else current) * unit
            current, last, zero = None, unit, False
        elif token == "廿":
            section, last = section + 20, 10
        elif token in "零〇" and last:
            if current is not None:
                return None
            zero = True
        elif current is not None:
            return None
        else:
            current = _ZH[token] if token in _ZH else float(token)
    if current is not None:
        short = last >= 100 and not zero and current < 10 and current == int(current)
        section += current * last / 10 if short else current
    return total + section


def _in_digits(text: str, sign: int = 1) -> Number:
    """1,200.5 and the like; whole numbers exactly."""
    plain = text.replace(",", "")
    return sign * int(plain) if plain.isdigit() else tidy(sign * float(plain))


def _bounded(read: Callable[[str], Number | None], text: str) -> Number | None:
    """What `read` makes of a text; None for more than anybody counts, so that no unit carries it out of a float."""
    try:
        value = read(text.strip())
    except (ValueError, OverflowError):
        return None
    return None if value is None or abs(value) >= _MOST else value


@lru_cache(maxsize=4096)
def read_zh(text: str) -> Number | None:
    """A Chinese (or plain digit) number, folded text: 一百二 is 120, 两千五 is 2500, 三点五 is 3.5, 一半 is 0.5."""
    return _bounded(_zh, text)


def _zh(text: str) -> Number | None:
    if text in ("一半", "半", "半数"):
        return 0.5
    if text in ("俩", "仨"):
        return _ZH[text]
    for sign in _MINUS:
        if text.startswith(sign):
            rest = text[len(sign) :].lstrip()
            value = None if rest.startswith(_MINUS) else read_zh(rest)
            return None if value is None else -value
    if _DIGITS.fullmatch(text):
        return _in_digits(text)
    if "点" in text:
        whole, _, rest = text.partition("点")
        head = read_zh(whole)
        if head is None or not rest or any(c not in _ZH for c in rest):
            return None
        return tidy(float(f"{head}.{''.join(str(_ZH[c]) for c in rest)}"))
    if (value := _zh_digits(text)) is not None:
        return value
    whole_value = _zh_whole(text.replace(",", ""))
    return None if whole_value is None else tidy(whole_value)


def _en_small(words: list[str]) -> Number | None:
    """Cardinals below a scale word and with scale words: one thousand two hundred and five."""
    total, section, seen = 0.0, 0.0, False
    room = 0  # the largest number that may still be added to the section
    for i, word in enumerate(words):
        if word in EN_SMALL:
            value = EN_SMALL[word]
            if seen and value >= room:
                return None
            section, seen = section + value, True
            room = 10 if value >= 20 else 0
        elif word in ("a", "an") and i + 1 < len(words) and words[i + 1] in _SCALES and not section:
            section, seen = 1, True
        elif word in _SCALES and seen:
            if _SCALES[word] == 100:
                section, room = section * 100, 100
            else:
                total, section, room = total + section * _SCALES[word], 0, 1000
        elif word == "and" and seen and i + 1 < len(words) and room >= 10 and words[i - 1] in _SCALES:
            continue
        elif _DIGITS.fullmatch(word) and not seen:
            section, seen, room = float(word.replace(",", "")), True, 0
        else:
            return None
    return total + section if seen else None


def _en_fraction(words: list[str]) -> Number | None:
    """half, a quarter, three quarters, two and a half, half a dozen."""
    if len(words) > 3 and words[-1] in _SCALES and words[-4:-1] in (["and", "a", "half"], ["and", "one", "half"]):
        head = _en_value(words[:-4])
        return None if head is None else (head + 0.5) * _SCALES[words[-1]]
    if len(words) > 2 and words[-3:-1] in (["and", "a"], ["and", "one"]) and words[-1] in _PARTS:
        head = _en_value(words[:-3])
        return None if head is None else head + _PARTS[words[-1]]
    core = [w for w in words if w not in ("a", "an", "of", "one")]
    if len(core) == 1 and core[0] in ("half", "quarter"):
        return _PARTS[core[0]]
    if len(core) == 2 and core[1] == "quarters" and core[0] in EN_SMALL:
        return EN_SMALL[core[0]] * 0.25
    if len(core) == 2 and core[0] == "half" and core[1] in ("dozen", "hundred", "thousand", "million"):
        return 6 if core[1] == "dozen" else _SCALES[core[1]] / 2
    return None


def _en_value(words: list[str]) -> Number | None:
    if not words:
        return None
    if words[0] in _EN_MINUS:
        value = None if words[1:2] and words[1] in _EN_MINUS else _en_value(words[1:])
        return None if value is None else -value
    if words[-1] == "of":
        words = words[:-1]
    if words in (["couple"], ["a", "couple"], ["pair"], ["a", "pair"], ["twice"]):
        return 2
    if words in (["once"], ["single"], ["a", "single"]):
        return 1
    if (part := _en_fraction(words)) is not None:
        return part
    if words[-1] in ("dozen", "dozens"):
        head = 1 if words[:-1] in ([], ["a"]) else _en_small(words[:-1])
        return None if head is None else head * 12
    if "point" in words:
        cut = words.index("point")
        head, digits = (_en_small(words[:cut]) if cut else 0), [EN_SMALL.get(w, 99) for w in words[cut + 1 :]]
        if head is None or not digits or max(digits) > 9:
            return None
        return float(f"{int(head)}.{''.join(map(str, digits))}")
    return _en_small(words)


@lru_cache(maxsize=4096)
def read_en(text: str) -> Number | None:
    """An English (or plain digit) number, folded text: a hundred and twenty, 2.5k, half a dozen, minus five."""
    return _bounded(_en, text)


def _en(text: str) -> Number | None:
    sign = -1 if text.startswith(("-", "−", "–")) else 1
    text = text.lstrip("+-−–").strip()
    if _DIGITS.fullmatch(text):
        return _in_digits(text, sign)
    if match := re.fullmatch(r"([\d.,]+)\s?k", text):
        return tidy(sign * float(match[1].replace(",", "")) * 1000)
    if match := re.fullmatch(r"(?:(\d+) )?(\d)/(\d)", text):
        return tidy(sign * (int(match[1] or 0) + int(match[2]) / int(match[3]))) if match[3] != "0" else None
    value = _en_value(text.replace("-", " ").split())
    return None if value is None else tidy(sign * value)


def read_ordinal(text: str) -> int | None:
    """22nd, twenty-second, third, 第三: an ordinal as a number."""
    if match := re.fullmatch(r"(\d{1,4})(?:st|nd|rd|th)", text):
        return int(match[1])
    if text.startswith("第"):
        value = read_zh(text[1:])
        return value if isinstance(value, int) else None
    head, _, last = text.replace("-", " ").rpartition(" ")
    if last not in EN_ORDINALS:
        return None
    if not head:
        return EN_ORDINALS[last]
    return EN_SMALL[head] + EN_ORDINALS[last] if head in _TENS and EN_ORDINALS[last] < 10 else None
