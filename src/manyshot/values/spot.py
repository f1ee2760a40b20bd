# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Where values stand in a text. The one rule: `spot` shows what is sure and longest, `find` everything that reads as the value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from manyshot.values import choices, ids, moments, signs, units
from manyshot.values.kinds import FREE, Kind
from manyshot.values.numbers import EN_NUMBER, ZH_NUMBER, read_en, read_zh
from manyshot.values.read import written
from manyshot.values.text import Span, fold

if TYPE_CHECKING:
    from manyshot.values.fields import Field

_TEMPORAL = (Kind.DATE, Kind.TIME, Kind.DATETIME)
_NUMERIC = (Kind.INTEGER, Kind.NUMBER, Kind.DURATION)


def longest(spans: Iterable[Span]) -> list[Span]:
    """Without those that overlap a longer (then an earlier) one, in order of the text."""
    kept: list[Span] = []
    for span in sorted(set(spans), key=lambda s: (s.start - s.end, s.start)):
        if all(span.end <= k.start or span.start >= k.end for k in kept):
            kept.append(span)
    return sorted(kept)


def spot(field: Field, text: str) -> list[Span]:
    """All places that say some value of the field's kind; [] for free text, booleans, arrays and objects."""
    return longest(span for span, _ in _valued(field, text))


def find(field: Field, text: str, value: Any) -> list[Span]:
    """All places that resolve to `value`, the longest first, then from the left."""
    hits = {span for span, found in _valued(field, text) if _same(found, value)}
    if not isinstance(value, bool | list | dict) and value is not None:
        hits |= {span for span in _literal(text, str(value)) if _reads(field, span.surface, value)}
    return sorted(hits, key=lambda s: (s.start - s.end, s.start))


def _same(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _reads(field: Field, surface: str, value: Any) -> bool:
    try:
        return _same(field.resolve(surface), value)
    except ValueError:
        return False


def _literal(text: str, value: str) -> Iterator[Span]:
    """The value itself, in any case and width; a number or word not as a part of a longer one."""
    wanted, folded = fold(value), fold(text)
    at = folded.find(wanted) if wanted else -1
    while at >= 0:
        end = at + len(wanted)
        left, right = folded[at - 1 : at], folded[end : end + 1]
        cut = (_ascii(left) and _ascii(wanted[0])) or (_ascii(right) and _ascii(wanted[-1]))
        if not cut:
            yield Span(at, end, text[at:end])
        at = folded.find(wanted, at + 1)


def _ascii(char: str) -> bool:
    return bool(char) and char.isascii() and char.isalnum()


def _valued(field: Field, text: str) -> Iterator[tuple[Span, Any]]:
    """Candidate places with the values they read as."""
    if field.kind in FREE or field.kind in (Kind.BOOLEAN, Kind.ARRAY, Kind.OBJECT):
        return
    if field.kind in _TEMPORAL:
        yield from _moments(field, text)
        return
    if field.kind is Kind.ENUM:
        yield from _choices(field, text)
        return
    places = _numbers(field, text) if field.kind in _NUMERIC else _words(field, text)
    if field.kind in _NUMERIC and signs.has_rules(str(field.schema.get("description", ""))):
        places = _directed(fold(text), list(places))
    for start, end in dict.fromkeys(places):
        surface = text[start:end]
        try:
            yield Span(start, end, surface), field.resolve(surface)
        except ValueError:
            continue


def _moments(field: Field, text: str) -> Iterator[tuple[Span, Any]]:
    folded, context = fold(text), field.context
    for m in moments.candidates(folded, context.today, context.language):
        if not m.weak and (value := written(field, m)) is not None:
            yield Span(m.start, m.end, text[m.start : m.end]), value


def _choices(field: Field, text: str) -> Iterator[tuple[Span, Any]]:
    for value in field.values:
        for said in (str(value), str(value).replace("_", " "), *field.synonyms.get(str(value), ())):
            for span in _literal(text, said):
                try:
                    found = choices.read_enum(field.values, field.synonyms, span.surface)
                except ValueError:
                    continue
                if _same(found, value):
                    yield span, value


_GLUED = re.compile(r"[A-Za-z0-9_]|[-/:.](?=\d)|(?<=\d)[-/:.]")


def _numbers(field: Field, text: str) -> Iterator[tuple[int, int]]:
    """Numbers, with their unit where the field has one; not the digits of a date, a time, a phone or an id."""
    folded = fold(text)
    taken = [m.span() for rule in (ids.PHONE, ids.EMAIL, ids.PLATE) for m in rule.finditer(folded)]
    taken += [
        m.span()
        for m in re.finditer(r"\d+(?:[-/:]\d+)+|(?<![a-z0-9])[a-z]+[-_]?\d+[a-z0-9_]*|\d+[-_][a-z0-9_]+", folded)
    ]
    now, language = field.context.today, field.context.language
    # A clock or a day of the month is no count; but 一点五分 may be a score, and "in three days" a duration.
    if field.kind is Kind.INTEGER:
        taken += [m[:2] for m in moments.candidates(folded, now, language) if not m.weak]
    zh = language == "zh"
    for match in (ZH_NUMBER if zh else EN_NUMBER).finditer(folded):
        start, end = match.span()
        if any(a < end and start < b for a, b in taken):
            continue
        while end > start and (read_zh if zh else read_en)(folded[start:end]) is None:
            end = max(start, folded.rfind(" ", start, end)) if not zh else end - 1
        if zh and end == start:
            continue
        if field.unit is not None:
            yield from _with_unit(folded, start, max(end, match.end()))
        elif end > start and not re.match(r"[个点]?半", folded[end : end + 2]):
            yield start, end
        if zh and field.unit is None and folded[end : end + 2] in ("星半", "分半", "个半"):
            yield start, end + 2
        if field.unit is not None and end > start:
            yield start, end
    if field.unit is not None:
        for match in re.finditer(
            r"[$¥￥€£]\s*[\d,]+(?:\.\d+)?|百分之[零一二三四五六七八九十百点\d.]+|\b(?:an?|half an?|a quarter of an)\s+[a-z]+(?:\s+and a half)?",
            folded,
        ):
            yield match.span()


def _directed(folded: str, places: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The places, and each with the words around it that say a direction: 45 degrees to the left, 向下30度."""
    yield from places
    for start, end in places:
        for match in (signs.AFTER.match(folded, end), signs.before(folded, start)):
            if match:
                yield min(start, match.start()), max(end, match.end())


def _with_unit(folded: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """From a number on: the longest stretches that read as a measure."""
    limit = min(len(folded), end + 28)
    stop = re.search(r"[，。；！？,;!?\n、]", folded[end:limit])
    limit = end + stop.start() if stop else limit
    for unit in units.unit_spans(folded, start, limit):
        if units.read(folded[start:unit], "zh") is not None and folded[unit - 1] != " ":
            yield start, unit


def _words(field: Field, text: str) -> Iterator[tuple[int, int]]:
    """Where mail addresses, links, plates, phones and ids may stand."""
    rules = {Kind.EMAIL: (ids.EMAIL,), Kind.URL: (ids.URL,), Kind.PLATE: (ids.PLATE,)}.get(field.kind)
    if rules:
        for rule in rules:
            yield from (m.span() for m in rule.finditer(text))
        return
    folded = fold(text)
    if field.kind is Kind.PHONE:
        for rule in (
            (ids.PHONE, ids.PHONE_EN) if field.context.language == "en" or field.pattern is None else (ids.PHONE,)
        ):
            yield from (m.span() for m in rule.finditer(folded))
        plain = [m.span() for rule in (ids.PHONE, ids.PHONE_EN) for m in rule.finditer(folded)]
        spoken = ids.SPOKEN_ZH if field.context.language == "zh" else ids.SPOKEN_EN
        for match in spoken.finditer(folded):
            beside = any(a < match.end() and match.start() < b for a, b in plain)
            if not beside and len(ids.spoken_digits(match[0]) or "") >= 7:
                yield match.span()
        return
    if field.pattern is not None:
        yield from ids.spots(folded, field.context.language)
    else:
        yield from (
            m.span() for m in re.finditer(r"(?<![A-Za-z0-9])(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9][A-Za-z0-9_-]{2,}", text)
        )
