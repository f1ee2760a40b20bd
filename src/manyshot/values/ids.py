# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Ids, phones, mail addresses, plates and links as they are said. The one rule: what a pattern refuses is not returned.

Without a pattern in the schema the shape of example values takes its place (`shape_of`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import rstr

from manyshot.values.numbers import read_zh
from manyshot.values.spelling import windows
from manyshot.values.text import bare, half_width

_SPOKEN_ZH = dict(zip("零〇洞一幺二两三四五六七拐八九", "000112234567789", strict=True))
_SPOKEN_EN = {
    w: str(i) for i, w in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
} | {
    "oh": "0",
    "o": "0",
    "nought": "0",
}
_TEENS = {
    w: str(i)
    for i, w in enumerate(
        ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"],
        10,
    )
}
_TENS = {
    w: str(i) for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_LABEL = re.compile(
    r"^(?:(?:房间号|房号|房间?|客房|单号|订单号?|编号|工号|号码|电话|手机号?|航班号?|车牌号?|邮编|邮箱|尾号|id|no\.?|number|num|room|flight|order|unit|suite|"
    r"phone|ref|reference|code|zip|ticket|account|#)\s*(?:no\.?|number|id|#)?\s*(?:[:：是为]|is)?\s*)+",
    re.IGNORECASE,
)
_TAIL = re.compile(r"(?:号?房间?|号?客房|号楼|号桌|号机|号|室|房)$")
#: A dash in words.
_DASH = re.compile(r"\s*\b(?:dash|hyphen)\b\s*|\s*横?杠\s*", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s\-_./,，、·•()（）]+")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
URL = re.compile(r"(?:https?://|www\.)[A-Za-z0-9\-._~:/?#\[\]@!$&'*+,;=%]+[A-Za-z0-9/=]")
PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Za-z][·•\s.-]?"
    r"(?:[A-Za-z0-9]{5,6}|[A-Za-z0-9]{2}[ -][A-Za-z0-9]{3,4}|[A-Za-z0-9]{3}[ -][A-Za-z0-9]{2,3})(?![A-Za-z0-9])"
)
#: AB12 CDE; in small letters only in one word.
PLATE_UK = re.compile(r"(?<![A-Za-z0-9-])(?:[A-Z]{2}\d{2} [A-Z]{3}|[A-Za-z]{2}\d{2}[A-Za-z]{3})(?![A-Za-z0-9-])")
PHONE = re.compile(
    r"(?<![A-Za-z0-9])(?:\+?86[\s-]?)?1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}(?!\d)|(?<![A-Za-z0-9])0\d{2,3}[\s-]?\d{7,8}(?!\d)|(?<![A-Za-z0-9])400[\s-]?\d{3}[\s-]?\d{4}(?!\d)"
)
PHONE_EN = re.compile(
    r"(?<![\w])\+?(?:\d{1,3}[\s.-]?)?\(?\d{3}\)?[\s.-]\d{3}[\s.-]\d{4}(?!\d)|(?<![\w])\+\d[\d\s.-]{7,15}\d(?!\d)|(?<!\w)0\d{2,4}[\s.-]\d{3,4}[\s.-]\d{3,4}(?![\d-])|(?<![\w-])\d{7,12}(?![\w-])|(?<![\w])\d{3}[\s.-]\d{4}(?![\d-])"
)
SPOKEN_ZH = re.compile(r"[零〇洞一幺二两三四五六七拐八九\d](?:[\s，,、-]?[零〇洞一幺二两三四五六七拐八九\d])+")
_SPOKEN_WORD = "|".join([*_SPOKEN_EN, *_TEENS, *_TENS, "double", "triple"])
SPOKEN_EN = re.compile(rf"\b(?:{_SPOKEN_WORD}|\d+)(?:[\s,-]+(?:dash\s+)?(?:{_SPOKEN_WORD}|\d+))+\b")


def spoken_digits(text: str) -> str | None:
    """幺三八 or "five five oh double seven" as digits, digits kept; None where another word stands in it."""
    compact = _SEPARATORS.sub("", text)
    if compact and all(c in _SPOKEN_ZH or c.isdigit() for c in compact):
        return "".join(_SPOKEN_ZH.get(c, c) for c in compact)
    out, times = "", 1
    tens = ""
    for word in _SEPARATORS.sub(" ", text.lower()).split():
        if word in ("double", "triple"):
            times = 2 if word == "double" else 3
            continue
        digit = _SPOKEN_EN.get(word)
        if tens:  # twenty five is 25, twenty alone is 20
            out += tens if digit and digit != "0" else tens + "0"
            tens = ""
        if word in _TENS:
            tens = _TENS[word]
            continue
        piece = digit or _TEENS.get(word) or (word if word.isdigit() else None)
        if piece is None:
            return None
        out, times = out + piece * times, 1
    return (out + (tens + "0" if tens else "")) or None


def shape_of(values: Iterable[Any]) -> re.Pattern[str] | None:
    """A pattern that all examples share: runs of digits and letters with their separators; None where they differ."""
    shapes: list[list[tuple[str, int]]] = []
    for value in values:
        if not isinstance(value, str) or not value or not value.isascii():
            return None
        runs = re.findall(r"\d+|[A-Z]+|[a-z]+|[^\dA-Za-z]", value)
        shapes.append(
            [("d" if r[0].isdigit() else "U" if r[0].isupper() else "l" if r[0].islower() else r, len(r)) for r in runs]
        )
    if len(shapes) < 2 or len({tuple(k for k, _ in s) for s in shapes}) != 1 or not any(k == "d" for k, _ in shapes[0]):
        return None
    parts = []
    for column in zip(*shapes, strict=True):
        kind, low, high = column[0][0], min(n for _, n in column), max(n for _, n in column)
        base = {"d": r"\d", "U": "[A-Z]", "l": "[a-z]"}.get(kind, re.escape(kind))
        parts.append(base if low == high == 1 else f"{base}{{{low}}}" if low == high else f"{base}+")
    return re.compile("^" + "".join(parts) + "$")


_GROUP = r"(?:\d+|[零〇一二两三四五六七八九十百]+)"
_PLACE = r"(?:号?[栋幢楼座]|单元|区|层|号院|号|排|-|—)"
_PARTS = re.compile(rf"{_GROUP}(?:{_PLACE}{_GROUP}){{1,3}}[室号座]?")


def _parts(text: str) -> str | None:
    """14栋2单元904 (or 十四栋二单元九零四) as 14-2-904; None where it is not numbers with names of places between."""
    if not _PARTS.fullmatch(text):
        return None
    out = []
    for group in re.findall(_GROUP, text):
        said = read_zh(group) if re.search("[十百]", group) else spoken_digits(group)
        out.append(str(said))
    return "-".join(out)


def _in_digits(text: str) -> str:
    """五排七座 as 5排7座."""

    def digits(match: re.Match[str]) -> str:
        value = read_zh(match[0])
        return match[0] if value is None else str(value)

    return re.sub(_GROUP, digits, text)


#: RB three five; B W three four.
_LETTERS_FIRST = (re.compile(r"([A-Za-z]+)[\s-]*(.+)$"), re.compile(r"((?:[A-Za-z][\s-]+){2,4})(.+)$"))


def readings(surface: str) -> Iterator[str]:
    """What a said id can be, the most literal first: as is, capitals, without separators, without labels, spoken."""
    literal = half_width(surface).strip()
    clean = bare(_DASH.sub("-", literal))
    stripped = _TAIL.sub("", _LABEL.sub("", clean)).strip() or clean
    yield literal
    for text in dict.fromkeys((clean, stripped)):
        compact = _SEPARATORS.sub("", text)
        yield from (text, text.upper(), text.lower(), compact, compact.upper(), compact.lower())
        joined = re.sub(r"\s+", "", text)
        yield from (joined, joined.upper())
        dashed = re.sub(r"[\s_]+", "-", text)
        yield from (dashed, dashed.upper())
        if (digits := spoken_digits(text)) is not None:
            yield digits
        for rule in _LETTERS_FIRST:
            letters = rule.match(text)
            if letters and (digits := spoken_digits(letters[2])) is not None:
                head = re.sub(r"[\s-]", "", letters[1]).upper()
                yield head + digits
                yield head + "-" + digits
        if (parts := _parts(text)) is not None:
            yield from (parts, parts.replace("-", ""), _in_digits(text))
        value = read_zh(text)
        if isinstance(value, int) and not text.isdigit():
            yield str(value)


#: Examples of a pattern that show where its separators stand.
_EXAMPLES = 12


@lru_cache(maxsize=1024)
def _separators(pattern: re.Pattern[str]) -> frozenset[tuple[int, tuple[tuple[int, str], ...]]]:
    """Where ids of a pattern have characters that are no letters or digits: their number of those, and (place, what)."""
    made: set[tuple[int, tuple[tuple[int, str], ...]]] = set()
    draw = rstr.Rstr(random.Random(0))
    for _ in range(_EXAMPLES):
        try:
            example = draw.xeger(pattern.pattern)
        except Exception:  # it draws from most patterns, and raises whatever comes up for the others
            break
        marks = tuple((n, c) for n, c in enumerate(example) if not c.isalnum())
        made.add((len(example) - len(marks), marks))
    return frozenset(made)


def _separated(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """The letters and digits of a text with the separators that the pattern wants between: HD20240917003 as
    HD-20240917-003."""
    kept = [c for c in text if c.isalnum()]
    for length, marks in _separators(pattern) if kept else ():
        if marks and length == len(kept):
            whole = kept.copy()
            for place, mark in marks:
                whole.insert(place, mark)
            yield "".join(whole)


#: Digits of an id that are said without the letters before them: fewer might be a sum, a year or an hour, more a phone.
FEWEST_BARE, MOST_BARE = 5, 9


@lru_cache(maxsize=1024)
def _letters_before(pattern: re.Pattern[str]) -> tuple[str, int] | None:
    """What stands before the digits of all ids of a pattern (TF of TF905271), and how many these are."""
    made: set[tuple[str, int]] = set()
    draw = rstr.Rstr(random.Random(0))
    try:
        for _ in range(_EXAMPLES):
            example = draw.xeger(pattern.pattern)
            digits = len(example) - len(example.rstrip("0123456789"))
            made.add((example[: len(example) - digits], digits))
    except Exception:  # as in _separators
        return None
    head, digits = made.pop()
    return (head, digits) if not made and head.strip("-_/").isalpha() and FEWEST_BARE <= digits <= MOST_BARE else None


def _lettered(text: str, pattern: re.Pattern[str]) -> str | None:
    """905271 as TF905271, where all ids of the pattern are made so; None for what is no such digits."""
    before = _letters_before(pattern) if text.isdecimal() and text.isascii() else None
    return before[0] + text if before is not None and len(text) == before[1] else None


def lacks_letters(surface: str, pattern: re.Pattern[str]) -> bool:
    """Whether an id was said without the letters that all of its pattern begin with."""
    before = _letters_before(pattern)
    return before is not None and before[0].strip("-_/").casefold() not in re.sub(r"\W", "", surface.casefold())


def read_id(surface: str, pattern: re.Pattern[str] | None) -> str:
    """The id. With a pattern: the first reading that it takes, else ValueError; without: as said, in half-width."""
    if pattern is None:
        text = bare(half_width(surface))
        if not text:
            raise ValueError("an id was wanted, nothing was said")
        return text
    said = list(dict.fromkeys(readings(surface)))
    for text in said:
        if pattern.search(text):
            return text
    for text in (joined for one in said for joined in _separated(one, pattern)):
        if pattern.search(text):
            return text
    for text in said:
        if whole := _lettered(text, pattern):
            return whole
    raise ValueError(f"{surface!r} does not read as {pattern.pattern}")


_PHONE_SHAPES = (
    "13812345678", "138-1234-5678", "010-12345678", "0571-8765432", "4001234567", "5550104477", "555-010-4477",
    "(555) 010-4477", "+15550104477", "5550104", "555-0104", "07700900677", "447700900677", "+447700900677",
)  # fmt: skip


def takes_phones(pattern: re.Pattern[str]) -> bool:
    """Whether a pattern takes anything as long as a phone number."""
    return any(pattern.search(shape) for shape in _PHONE_SHAPES)


def read_phone(surface: str, pattern: re.Pattern[str] | None) -> str:
    """Digits (and a leading + where it is said); with a pattern also without the country code."""
    text = bare(half_width(surface))
    text = _LABEL.sub("", text).strip() or text
    if pattern is not None:
        for literal in (half_width(surface).strip(), text):
            if pattern.search(literal):
                return literal
    plus = text.startswith("+")
    digits = spoken_digits(text.lstrip("+"))
    if digits is None or not digits.isdigit() or not 3 <= len(digits) <= 16:
        raise ValueError(f"{surface!r} does not read as a phone number")
    options = [("+" + digits) if plus else digits, digits, digits.removeprefix("86"), digits.removeprefix("1")]
    if pattern is None:
        return digits[2:] if plus and re.fullmatch(r"861\d{10}", digits) else options[0]
    options += [f"{digits[:a]}-{digits[a:b]}-{digits[b:]}" for a, b in ((3, 6), (3, 7))] + [
        f"{digits[:a]}-{digits[a:]}" for a in (3, 4)
    ]
    found = next((o for o in options if pattern.search(o)), None)
    if found is None:
        raise ValueError(f"{surface!r} does not read as {pattern.pattern}")
    return found


def read_email(surface: str) -> str:
    text = bare(half_width(surface))
    if EMAIL.fullmatch(text):
        return text
    said = re.sub(r"\s*(?:\bdot\b|点)\s*", ".", re.sub(r"\s*(?:\bat\b|艾特)\s*", "@", text, count=1))
    said = re.sub(r"\s*\b(underscore)\b\s*|下划线", "_", re.sub(r"\s*\b(dash|hyphen)\b\s*", "-", said)).replace(" ", "")
    if EMAIL.fullmatch(said):
        return said
    raise ValueError(f"{surface!r} does not read as a mail address")


def read_url(surface: str) -> str:
    text = bare(half_width(surface))
    if not re.fullmatch(r"\S+[./:]\S+", text):
        raise ValueError(f"{surface!r} does not read as a link")
    return text


def read_plate(surface: str, pattern: re.Pattern[str] | None) -> str:
    """Capitals without separators, or what the pattern takes. A word without a digit is none."""
    text = bare(half_width(surface))
    if not any(map(str.isdigit, text)):
        raise ValueError(f"{surface!r} does not read as a plate")
    compact = re.sub(r"[\s·•.\-]", "", text).upper()
    for option in (text, text.upper(), compact, compact[:2] + "·" + compact[2:], compact[:-3] + " " + compact[-3:]):
        if pattern is not None and pattern.search(option):
            return option
    if pattern is not None or not re.fullmatch(r"\w{4,10}", compact):
        raise ValueError(f"{surface!r} does not read as a plate")
    return compact


#: Words before digits that are no letters of an id.
_SMALL_WORDS = frozenset(["a", "an", "as", "at", "be", "by", "for", "have", "i", "in", "is", "it", "me", "my", "no", "of", "on", "or", "so", "than", "that", "the", "then", "to", "us", "was", "with"])  # fmt: skip


_BEFORE_SPOKEN = re.compile(r"(?<![A-Za-z0-9'’])(?:[A-Za-z]{1,6}|(?:[A-Z][ -]){1,4}[A-Z])(?=(?:[ -]| dash |, )$)")


def spots(text: str, language: str) -> Iterator[tuple[int, int]]:
    """Where something id-like stands: a run with a digit, letters beside digits, digits said in words, phone numbers."""
    yield from windows(text)
    for match in PHONE_EN.finditer(text):
        yield match.span()
    for match in re.finditer(
        r"(?<![A-Za-z0-9'’])[A-Za-z]{1,6}[ -]\d[A-Za-z0-9-]*|[A-Za-z0-9][A-Za-z0-9_-]*\d[A-Za-z0-9_-]*[A-Za-z0-9]|\d[A-Za-z0-9_-]*|[A-Za-z]+\d",
        text,
    ):
        yield match.span()
        # The word before it may be no part of it: ending with 7752, seat 15A.
        if part := re.search(r"[ -](?=\d)", match[0]):
            yield match.start() + part.end(), match.end()
    for match in re.finditer("[零〇洞一幺二三四五六七八九]{3,}", text):
        yield match.span()
    for match in _PARTS.finditer(text):
        yield match.span()
    spelled = r"(?<![A-Za-z0-9'’])[A-Za-z]{1,6}[ -]?(?:\d+(?:[ -]\d+)*|[零〇幺一二三四五六七八九]{3,})"
    for match in re.finditer(spelled, text):
        yield match.span()
        if (
            text[match.end() : match.end() + 1] == "月" and match[0][-1] in _SPOKEN_ZH
        ):  # L零九七五六月二十三号: the last digit is of the day
            yield match.start(), match.end() - 1
    for match in re.finditer(r"\d+(?:[ -]\d+)+", text):
        yield match.span()
    for match in (SPOKEN_ZH if language == "zh" else SPOKEN_EN).finditer(text):
        yield match.span()
        # The letters before it: RX three zero nine one five.
        letters = _BEFORE_SPOKEN.search(text[: match.start()])
        if language == "en" and letters and letters[0].lower() not in _SMALL_WORDS:
            yield letters.start(), match.end()
