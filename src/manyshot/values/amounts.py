# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Where numbers may stand in a text. The one rule: the digits of a date, a time, a phone or an id are no amount."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from manyshot.values import ids, moments, named, signs, units, years
from manyshot.values.kinds import Kind
from manyshot.values.numbers import EN_NUMBER, EN_ORDINALS, EN_SMALL, ZH_NUMBER, read_en, read_zh
from manyshot.values.text import Span, fold, fold_amount

if TYPE_CHECKING:
    from manyshot.values.fields import Field

#: A04-2, RE-2026-118, wj_27746.
_CODE = re.compile(r"(?<![a-z0-9])[a-z]+[-_]?\d+[a-z0-9_]*(?:-[a-z0-9]*\d[a-z0-9]*)*")
_CODES = re.compile(rf"\d+(?:[-/:]\d+)+|{_CODE.pattern}|\d+[-_][a-z0-9_]+|\d+[x×*]\d[a-z0-9]*")
_SIGNED = re.compile(
    r"[$¥￥€£]\s*\d+(?:,\d{3})*(?![\d,]*\d)(?:\.\d+)?(?:k\b)?|百分之[零一二三四五六七八九十百点\d.]+"
    r"|\b(?:an?\s+(?:full|whole|extra|additional|further)|an?|another|half an?|a quarter of an)\s+[a-z]+(?:\s+and a half)?"
)
#: A number written together with its unit: 15m, 5ml.
_TOGETHER = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?(?!(?:st|nd|rd|th|d)\b)(?=[a-z°%℃]{1,6}(?!\w))")
_SHARE = re.compile(r"[一二两三四五六七八九十\d]成半?|一半|(?<=\b(?:to|at|by) )half\b(?!\s+(?:an?|past|the)\b)")
_ARTICLE = re.compile(r"an?\s+")
#: 3x tea, 在校证明x5; a BMW X5 or 2x4 is none.
_TIMES = re.compile(
    r"(?<![\w.×*-])(\d{1,3})\s?[x×](?=\s|$)|(?:(?<=[,\d] )|(?<=[\u4e00-\u9fff》」”)])|(?<=[\u4e00-\u9fff》」”)] ))[x×*]\s?(\d{1,3})(?![\w.×*])"
)
#: 一下 and the like count nothing, and what begins with a nought (room 0933) is a name.
_NO_NUMBER = re.compile(r"一(?:[下些直定般共切旦边会]|起(?![事案]))|0\d{2,}(?![\d.])")
_STOREY = re.compile(rf"\b(\d{{1,2}}(?:st|nd|rd|th)|{'|'.join(EN_ORDINALS)})(?=\s+(?:floor|level|storey|story)\b)")
#: Numbers that name a place: 12栋3单元602室, flat 4, gate 7. A field for a storey may want them.
_PLACE = re.compile(
    r"(?:[a-z]?\d+|[零〇一二三四五六七八九十]+)(?:号?楼|栋|幢|单元|号院|弄|巷|号航站楼)(?:[零〇一二三四五六七八九十\d]{2,}(?!个|人|位))?"
    r"|(?<=[路街道巷里弄])\d+号|[\d零〇一二三四五六七八九]{3,}(?:室|房)"
    r"|\b(?:room|flat|apartment|apt|unit|suite|gate|platform|building|block|terminal|bay|desk)\.?\s+#?\d+[a-z]?\b"
)
_STOREY_NAME = re.compile(r"floor|level|storey|\bstory\b|楼层")
#: What a field is called that wants the number of a place, and the word beside the number in the text.
_PLACE_NAMES = (
    (re.compile(r"楼栋|栋|幢|楼号|building|block"), re.compile(r"栋|幢|号?楼|(?:building|block)\.?\s+")),
    (re.compile(r"单元|\bunit\b"), re.compile(r"单元|unit\.?\s+")),
    (re.compile(r"gate|登机口"), re.compile(r"gate\.?\s+")),
    (re.compile(r"platform|站台"), re.compile(r"platform\.?\s+")),
    (re.compile(r"\bdesk\b"), re.compile(r"desk\.?\s+")),
    (re.compile(r"\bbay\b"), re.compile(r"bay\.?\s+")),
)
#: 一打 is twelve; 打印, 打包 and the like are verbs.
_DOZEN = re.compile(r"打(?![印折扫包算车的球字磨蜡针招听点开电个])")
#: Before the best mark there is: three out of ten.
_SCALE = re.compile(rf"\b(?:\d+|{'|'.join(EN_SMALL)}) out of $")
#: After a mark: call it a nine, a three out of ten.
_MARK_END = re.compile(r"\s*(?:$|[,.;!?)]|out of\b)")
#: 1.5w, 5k.
_THOUSANDS = re.compile(r"[kw](?![a-z\d])")


def places(field: Field, text: str) -> Iterator[tuple[int, int]]:
    """Numbers, with their unit where the field has one, and with the words of direction that the description knows."""
    about = str(field.schema.get("description", ""))
    folded = fold_amount(text)
    found = _numbers(field, text, folded)
    yield from _directed(folded, list(found)) if signs.has_rules(about) else found
    yield from named.spans(folded, about)
    if years.wanted(field.schema):
        yield from years.places(field, folded)


def _numbers(field: Field, text: str, folded: str) -> Iterator[tuple[int, int]]:
    free = _masked(field, folded)
    zh, unit = field.context.language == "zh", field.unit
    for match in (ZH_NUMBER if zh else EN_NUMBER).finditer(free):
        start, end = match.span()
        if _NO_NUMBER.match(folded, start) or _SCALE.search(folded[:start]):
            continue
        article = _ARTICLE.match(free, start)  # "a seven litre pot", but "a five star hotel"
        if article and read_en(match[0]) is None:
            if unit is not None:
                yield from _with_unit(folded, article.end(), end)
                continue
            if _MARK_END.match(folded, end):
                start = article.end()
        while end > start and (read_zh if zh else read_en)(folded[start:end]) is None:
            end = max(start, folded.rfind(" ", start, end)) if not zh else end - 1
        ordinal = unit is not None and folded[match.start() - 1 : match.start()] == "第"
        share = unit is not None and unit.dimension == "percent" and folded[start:end].endswith(("half", "半"))
        if (zh and end == start) or ordinal or share:
            continue
        if unit is not None:
            yield from _with_unit(folded, start, max(end, match.end()))
        elif end > start and not re.match(r"[个点]?半", folded[end : end + 2]):
            yield start, end
        if zh and unit is None and folded[end : end + 2] in ("星半", "分半", "个半"):
            yield start, end + 2
        if end > start:
            yield from _grown(folded, start, end, unit, zh)
    if unit is not None:
        yield from _measures(unit, folded, free)
        if unit.dimension == "time":
            said = moments.lasting(folded, field.context.today, field.context.language)
            yield from ((start, end) for start, end, _ in said)
    elif field.kind is Kind.INTEGER:
        yield from _counts(field, text, folded)


def _grown(folded: str, start: int, end: int, unit: units.Unit | None, zh: bool) -> Iterator[tuple[int, int]]:
    """A number with what makes another of it: 5k, 一打; without a unit of the field's also 三百五十块五."""
    if unit is not None:
        yield start, end
    else:
        alone = units.read(folded[start:end], "zh" if zh else "en")
        for first, last in _with_unit(folded, start, end):
            whole = units.read(folded[first:last], "zh")
            if whole and alone and whole.value != alone.value:
                yield first, last
    if zh and folded[start].isdigit() and (unit is None or unit.dimension in units.MONEY):
        yield from ((start, m.end()) for m in [_THOUSANDS.match(folded, end)] if m)
    if zh and unit is None:
        yield from ((start, m.end()) for m in [_DOZEN.match(folded, end)] if m)


def in_code(text: str, span: Span) -> bool:
    """Whether the span is a part of a code of letters and digits: the 2 of A04-2."""
    return any(m.start() < span.end and span.start < m.end() for m in _CODE.finditer(fold(text)))


def _other_places(field: Field, folded: str) -> Iterator[tuple[int, int]]:
    """Numbers that name a place of another kind than the field's: of 12栋3单元602 a building's number is the 12."""
    own = [word for label, word in _PLACE_NAMES if any(map(label.search, field.labels))]
    for match in _PLACE.finditer(folded):
        noun = next((found for word in own if (found := word.search(match[0]))), None)
        if noun is None:
            yield match.span()
        elif noun.start():
            yield match.start() + noun.end(), match.end()


def _masked(field: Field, folded: str) -> str:
    """The text with _ where something else stands."""
    taken = [m.span() for rule in (ids.PHONE, ids.EMAIL, ids.PLATE) for m in rule.finditer(folded)]
    taken += [m.span() for m in _CODES.finditer(folded)]
    if not any(map(_STOREY_NAME.search, field.labels)):
        taken += _other_places(field, folded)
    # A clock or a day of the month is no count; but 一点五分 may be a score, and "in three days" a duration.
    if field.kind is Kind.INTEGER:
        for m in moments.candidates(folded, field.context.today, field.context.language):
            if not m.weak:
                # 三点五 may go on as a fraction, 下午三点五个人 does not.
                open_ = m.time is not None and not m.period and m.day is None and folded[m.end - 1] == "点"
                more = ZH_NUMBER.match(folded, m.end) if open_ else None
                taken.append((m.start, more.end() if more else m.end))
    chars = list(folded)
    for start, end in taken:
        chars[start:end] = "_" * (end - start)
    return "".join(chars)


def _measures(unit: units.Unit, folded: str, free: str) -> Iterator[tuple[int, int]]:
    for match in _SIGNED.finditer(folded):
        yield match.span()
    for match in _TOGETHER.finditer(free):
        yield from _with_unit(folded, *match.span())
    if unit.dimension in units.MONEY:
        yield from (m.span() for m in units.PRICE.finditer(folded))
    if unit.dimension == "percent":
        yield from (m.span() for m in _SHARE.finditer(folded))


def _counts(field: Field, text: str, folded: str) -> Iterator[tuple[int, int]]:
    """Digits beside a sign of times, and ordinals of a floor."""
    for match in _TIMES.finditer(text):
        yield match.span(1 if match[1] else 2)
    if any(map(_STOREY_NAME.search, field.labels)):
        yield from (m.span(1) for m in _STOREY.finditer(folded))


def _directed(folded: str, found: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The places, and each with the words around it that say a direction: 45 degrees to the left, 向下30度."""
    yield from found
    for start, end in found:
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
