# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Where values stand in a text. The one rule: `spot` shows what is sure and longest, `find` everything that reads as the value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from manyshot.values import amounts, choices, forms, ids, moments, months
from manyshot.values.kinds import FREE, Kind
from manyshot.values.read import written
from manyshot.values.text import Span, fold, half

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
    hits = {span for span, found in _valued(field, text, told=True) if _same(found, value)}
    if not isinstance(value, bool | list | dict) and value is not None:
        spans = (s for s in _literal(text, str(value)) if field.kind not in _NUMERIC or not amounts.in_code(text, s))
        hits |= {span for span in spans if _reads(field, span.surface, value)}
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


def _valued(field: Field, text: str, *, told: bool = False) -> Iterator[tuple[Span, Any]]:
    """Candidate places with the values they read as. told: the value is known, so that what may be another counts."""
    if field.kind in FREE or field.kind in (Kind.BOOLEAN, Kind.ARRAY, Kind.OBJECT):
        return
    if field.kind in _TEMPORAL:
        yield from _moments(field, text, told=told)
        return
    if field.kind is Kind.ENUM:
        yield from _choices(field, text)
        return
    places = amounts.places(field, text) if field.kind in _NUMERIC else _words(field, text)
    found = list(_resolved(field, text, dict.fromkeys(places)))
    if field.kind is Kind.ID and field.pattern is not None:
        # An id without its letters is only one where none has them.
        whole = [one for one in found if not ids.lacks_letters(half(one[0].surface), field.pattern)]
        found = whole or found
    yield from found


def _resolved(field: Field, text: str, places: Iterable[tuple[int, int]]) -> Iterator[tuple[Span, Any]]:
    for start, end in places:
        surface = text[start:end]
        try:
            yield Span(start, end, surface), field.resolve(surface)
        except ValueError:
            continue


def _moments(field: Field, text: str, *, told: bool) -> Iterator[tuple[Span, Any]]:
    folded, context = fold(text), field.context
    source = months if forms.is_month(field.form) else moments
    found = list(source.candidates(folded, context.today, context.language, field.sense.past))
    if field.kind is Kind.DATETIME and (
        whole := moments.apart(folded, context.today, context.language, field.sense.past)
    ):
        found.append(whole)
    for m in found:
        bare = m.weak and field.kind is Kind.TIME and moments.said_as_hour(folded, m)
        sure = not m.weak or (bare and (told or not moments.either_half(m)))
        if sure and (value := written(field, m)) is not None:
            yield Span(m.start, m.end, text[m.start : m.end]), value


def _forms(word: str) -> Iterator[str]:
    """A word of a choice, with blanks for dashes, and of one and of several: gluten-free, router, cables."""
    for plain in (word, re.sub(r"(?<=[A-Za-z])[_-](?=[A-Za-z])", " ", word)):
        yield plain
        if len(plain) > 3 and re.fullmatch(r"[a-z][a-z ]*[a-rt-z]", plain):
            yield plain + "s"
        elif len(plain) > 4 and re.fullmatch(r"[a-z][a-z ]*[a-rt-z]s", plain):
            yield plain[:-1]


def _choices(field: Field, text: str) -> Iterator[tuple[Span, Any]]:
    for value in field.values:
        words = (str(value), *field.synonyms.get(str(value), ()))
        for said in dict.fromkeys(w for word in words for w in _forms(word)):
            for span in _literal(text, said):
                try:
                    found = choices.read_enum(field.values, field.synonyms, span.surface)
                except ValueError:
                    continue
                if _same(found, value):
                    yield span, value


#: Longest stretch of numbers in words that is taken apart at its commas.
_LONGEST_SPOKEN = 160


def _pieces(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """A stretch of numbers; or, where what stands before or after one of its commas is a phone number alone, that."""
    commas = list(re.finditer(r"\s*,\s*", match[0])) if len(match[0]) <= _LONGEST_SPOKEN else []
    cuts = [span for c in commas for span in ((0, c.start()), (c.end(), len(match[0])))]
    alone = [(a, b) for a, b in cuts if 10 <= len(ids.spoken_digits(match[0][a:b]) or "") <= 11]
    for start, end in alone or [(0, len(match[0])), *cuts]:
        yield match.start() + start, match.start() + end


def _words(field: Field, text: str) -> Iterator[tuple[int, int]]:
    """Where mail addresses, links, plates, phones and ids may stand."""
    rules = {Kind.EMAIL: (ids.EMAIL,), Kind.URL: (ids.URL,), Kind.PLATE: (ids.PLATE, ids.PLATE_UK)}.get(field.kind)
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
            # A number said before it may stand beside it: in March 2001, three one two five five five ...
            for start, end in _pieces(match):
                beside = any(a < end and start < b for a, b in plain)
                if not beside and len(ids.spoken_digits(folded[start:end]) or "") >= 7:
                    yield start, end
        return
    if field.pattern is not None:
        yield from ids.spots(half(text), field.context.language)
    else:
        yield from (
            m.span() for m in re.finditer(r"(?<![A-Za-z0-9])(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9][A-Za-z0-9_-]{2,}", text)
        )
