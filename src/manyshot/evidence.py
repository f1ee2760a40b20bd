"""What code alone reads in an action: ids, phone numbers, dates, amounts, choices called by their own words.

The one rule: readers of values are far surer than a small model. In the corpus, of the dates, ids and phone numbers
that stand just once in a sentence, all were what its writer meant (docs/log.md). So such a field is only ever given
words that stand in the action, and one that the model overlooked is filled where one reading is left. Where a reader
may miss what people say (nine o'clock as "at nine", a mail address in words) the model is left free.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from manyshot.data.slots import Path, Slot, ToolSlots, resolve
from manyshot.render import fold
from manyshot.values import Field, Kind, heads, moments, units
from manyshot.values.kinds import FREE
from manyshot.values.text import Span
from manyshot.values.text import fold as half_lower

#: What reading strange words may raise: huge numbers and deep nesting are as unreadable as nonsense.
UNREADABLE = (ValueError, TypeError, KeyError, ArithmeticError, RecursionError)
#: Letters and digits of an id that tells tools apart; a room's or a card's last digits may as well be a year or a part.
SHORTEST_MARK = 5

NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.DURATION})
MOMENTS = frozenset({Kind.DATE, Kind.TIME, Kind.DATETIME})
#: Kinds of values that a tool must have a field for; a day and an hour are alike in this.
_MARKS = {
    Kind.PHONE: "phone",
    Kind.EMAIL: "email",
    Kind.PLATE: "plate",
    Kind.ID: "id",
    **dict.fromkeys(MOMENTS, "moment"),
    Kind.NUMBER: "amount",
    Kind.DURATION: "amount",
}
#: Mail addresses and numbers in words that no reader spots.
_MAIL_IN_WORDS = re.compile(r"@|艾特|\bat\b.*\bdot\b|点\s*com", re.IGNORECASE)
_NUMBER_IN_WORDS = re.compile(r"\b(?:both|couple|pair|dozen|half|single|double|twice)\b|[俩仨双对半]", re.IGNORECASE)
#: What turns the choice after it into the one that is not meant.
_NOT = re.compile(
    r"(?:不是|不要|不用|别|不|没|非|勿)$|\b(?:not|no|without|never|than|n't)\s+(?:(?:the|an?)\s+)?$", re.IGNORECASE
)
#: What says that a value named after it is not the one that is meant.
_OTHER_MEANT = re.compile(
    r"(?:不是|不要|别|并非|而非)\s*$"
    r"|\b(?:not|isn't|instead of|rather than)\s+(?:(?:the|on|at|for|order|booking|ticket|number)\s+){0,2}$",
    re.IGNORECASE,
)
#: What stands between a value and the one that takes its place.
_CORRECTED = re.compile(
    r"\b(?:no|nope)\b(?!\s+(?:more|less|later|earlier|need|problem)\b)"
    r"|\b(?:actually|wait|sorry|oops|i mean|i meant|make (?:it|that)|scratch that|correction|or rather|hang on|hold on"
    r"|on second thoughts?)\b|不对|不不|说错|记错|错了|应该是|更正|[哦啊]不|等等|还是改|算了",
    re.IGNORECASE,
)
#: Signs between the two at most.
_SOON = 40
#: What stands before a value that something is moved away from, and, in few signs, between it and the one it is moved
#: to.
_SHORT = 14
_MOVED_FROM = re.compile(
    r"(?:由|从|把|将|原来?[是在定约]?|本来|之前|现在)[^，,。]{0,8}$"
    r"|\b(?:mov|chang|push|bring|brought|shift|swap|switch|resched|postpon|rebook)[^,.;]*\bfrom\b[^,.;]{0,20}$",
    re.IGNORECASE,
)
_MOVED_TO = re.compile(r"[改挪换推提延调移转变][^，,。]{0,2}[到至成为]|->|→|\bto\b", re.IGNORECASE)
#: What stands right before the day or hour that takes another one's place.
_NEW = re.compile(r"(?:改[成到为在去]?|换[成到]|[挪延推调移][到至成]|改期到|推迟到|延期到|提前到|延后到)\s*$")
#: What denies a thing that is named after it, with at most three words or signs between, or before it.
_DENIED_BEFORE = re.compile(
    r"(?:不是|不要|不用|不必|不需要|不想|无需|别|甭|不|没有|没|非|勿|免|未|莫)[^，,。;；!！?？ ]{0,3}$"
    r"|(?:\bnot?\b|\bwithout\b|\bnever\b|n't\b|\bskip\b)(?:[^\w,.;!?]+\w+){0,3}[^\w,.;!?]+$"
)
_DENIED_AFTER = re.compile(
    r"[^，,。;；!！?？\s]{0,4}(?:就?不用|就?不要|不需要|不必|免了|否|关掉|就?算了)|[:：]\s*(?:无|没有|否|no\b)|\w*(?:\s+\w+)?\s*[:=]\s*no\b"
)
#: Fields that count people, and words that do.
_PEOPLE = re.compile(
    r"\b(?:people|guests?|visitors?|adults?|passengers?|persons?|party|headcount|attendees|diners?|travell?ers?)\b"
    r"|人数|几人|几位|多少人",
    re.IGNORECASE,
)
_CHILDREN = re.compile(r"child|kid|infant|baby|儿童|小孩|孩子|婴", re.IGNORECASE)
_HEADS = (
    r"\s*(?:个人|位|人|口人|个(?=大人|朋友|客人|同事)"
    r"|(?:people|persons?|guests?|of us|of them|visitors?|passengers?|adults?|grown-?ups?)\b)"
)
#: Words of a field's name or description that tell nothing of it.
_EMPTY_EN = frozenset(
    ["with", "need", "needs", "want", "wants", "have", "this", "that", "flag", "name", "text", "value", "type", "only"]
)
_EMPTY_ZH = re.compile(r"是否|需要|要不要|有无|能否|可否|客户|用户|的|\s+")
_TWO_ZH = re.compile("[\u4e00-\u9fff]{2}")
#: A sign that says what is counted, as a description names it: 台 in 台数, 几台, (单位:台).
_COUNTER_ZH = r"{0}数|(?:几|多少){0}|单位[是为:： ]*{0}"
_ONE_ZH = re.compile("[\u4e00-\u9fff]")
#: A number as people say sums of money: 五百八, 三千, 1万2.
_SUM_ZH = re.compile("[百千万]")
#: The one or two words after a number, and the word before it with a colon.
_WORDS_AFTER = re.compile(r"[ -]+([a-z]{3,})(?: ([a-z]{3,}))?")
_LABEL_BEFORE = re.compile(r"([a-z]{3,})\s*[:=]\s*$")
#: Beginnings of words that say only that something is counted, or how.
_COUNT_EN = frozenset(
    ["numb", "coun", "amou", "many", "tota", "much", "the", "for", "and", "with", "defa", "opti", "from"]
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the values in an action fit one tool."""

    #: Required fields that code reads and for which nothing stands in the action.
    missing: int
    #: Required fields for which something does.
    filled: int
    #: Kinds of values that stand in the action and that the tool has no field for.
    strangers: int
    #: Choices of the tool that the action names.
    named: int


def read(tools: Mapping[str, ToolSlots], action: str) -> dict[str, Reading]:
    """How the values in `action` fit each tool."""
    text = fold(action)
    can = {name: choices(tool, text) for name, tool in tools.items()}
    marks = {name: _marks(tool, can[name]) for name, tool in tools.items()}
    said: dict[str, set[str]] = {}
    for kinds in marks.values():
        for kind, words in kinds.items():
            said.setdefault(kind, set()).update(words)
    out: dict[str, Reading] = {}
    for name, tool in tools.items():
        own = set().union(*marks[name].values()) if marks[name] else set()
        if _takes_any_id(tool):
            own |= said.get("id", set())
        missing = sum(slot.required and can[name].get(slot.path) == () for slot in tool.slots)
        filled = sum(slot.required and bool(can[name].get(slot.path)) for slot in tool.slots)
        named = sum(slot.field.kind is Kind.ENUM and bool(can[name].get(slot.path)) for slot in tool.slots)
        strangers = sum(any(_strange(w, own) for w in words) for words in said.values())
        out[name] = Reading(missing, filled, strangers, named)
    return out


def choices(tool: ToolSlots, action: str) -> dict[Path, tuple[Any, ...]]:
    """Field -> all that can be written for it: words of the action, values of an enum that it names, no for a yes-no
    that it calls by name and denies.

    An empty tuple: nothing in the action can be meant. A field that is not among the keys may take anything. Numbers of
    the items of a list stand under the list's path and their own.
    """
    out: dict[Path, tuple[Any, ...]] = {}
    calls = names(tool)
    for slot in tool.slots:
        for item in slot.items if slot.field.kind is Kind.ARRAY else ():
            if item.path and item.field.kind in NUMBERS and not item.field.others:
                numbers = tuple(dict.fromkeys(span.surface for span in _sure(item, action)))
                if numbers or _surely_absent(item, action):
                    out[(*slot.path, *item.path)] = numbers
        if slot.path in calls and slot.field.kind is Kind.BOOLEAN and denied(calls[slot.path], action):
            out[slot.path] = (False,)
        if not _read_by_code(slot):
            continue
        words = [span.surface for span in _in_tool(tool, slot, action)]
        said = [resolve(slot, w) for w in words] if slot.field.kind is Kind.ENUM else words
        if said or _surely_absent(slot, action):
            out[slot.path] = tuple(dict.fromkeys(said))
    return out


def walls(tool: ToolSlots, action: str) -> list[tuple[int, int]]:
    """Stretches of the action that no free text reaches into: the one value that code reads for a required field, and
    every phone number, mail address and plate. In the corpus 8 of 1,900 lay inside one.

    None for tools with lists or ids of any shape, which are copied as free text is and may hold such values.
    """
    if any(slot.field.kind in (Kind.ARRAY, Kind.OBJECT, Kind.URL) for slot in tool.slots) or _takes_any_id(tool):
        return []
    out: list[tuple[int, int]] = []
    for slot in tool.slots:
        kind = slot.field.kind
        if not _read_by_code(slot) or kind is Kind.ENUM or kind in NUMBERS:
            continue
        alone = slot.required and len({span.surface for span in _spots(slot.field, action)}) == 1
        if alone or kind in (Kind.PHONE, Kind.EMAIL, Kind.PLATE):
            # What stands between a day and an hour said apart is free.
            out += [(s.start, s.end) for field in slot.parts or (slot.field,) for s in _spots(field, action)]
    return out


def names(tool: ToolSlots) -> dict[Path, re.Pattern[str]]:
    """Optional fields that words are copied or a yes or no is chosen for -> beginnings of words that only they have.

    They come from the field's name, in Chinese from the first clause of its description, without those of the tool
    and of its other fields. In the corpus, 801 of 832 such fields that a sentence calls by name were given a value.
    """
    of_tool = _plain(f"{tool.tool.name} {tool.tool.description}")
    out: dict[Path, re.Pattern[str]] = {}
    for slot in tool.slots:
        if slot.required or not (slot.field.kind is Kind.BOOLEAN or slot.field.kind in FREE):
            continue
        others = _plain(" ".join(f"{s.name} {s.description}" for s in tool.slots if s is not slot))
        own = sorted(w for w in _name_words(slot) if w not in of_tool and w not in others)
        if own:
            out[slot.path] = re.compile("|".join((r"(?<![a-z])" if w.isascii() else "") + re.escape(w) for w in own))
    return out


def called(names: Mapping[Path, re.Pattern[str]], action: str) -> frozenset[Path]:
    """The fields that an action calls by name."""
    text = action.lower()
    return frozenset(path for path, words in names.items() if words.search(text))


def chosen(tool: ToolSlots, can: Mapping[Path, Sequence[Any]]) -> frozenset[Path]:
    """The fields of which an action names a choice outright. In the corpus, 99 of 100 of them were given.

    One choice that two fields could take (the one port that is named, from or to?) says nothing of either.
    """
    named = [s for s in tool.slots if s.field.kind is Kind.ENUM and can.get(s.path)]
    return frozenset(s.path for s in named if not any(one_for_both(s, o, can) for o in named if o is not s))


def one_for_both(slot: Slot, other: Slot, can: Mapping[Path, Sequence[Any]]) -> bool:
    """Whether two fields of the same choices could only be given the same one, which an action names."""
    said = can.get(slot.path)
    return (
        slot.field.values == other.field.values and said is not None and len(said) == 1 and said == can.get(other.path)
    )


def strayed(tool: ToolSlots, slot: Slot, words: Any, action: str) -> bool:
    """Whether free text is no more than a piece of what code reads for another field: a day taken for a place. In the
    corpus, 1 of 2,989 was meant."""
    if slot.field.kind not in FREE or not isinstance(words, str):
        return False
    others = (o for o in tool.slots if o is not slot and _read_by_code(o))
    return any(words in span.surface for other in others for span in _spots(other.field, action))


def overlooked(
    tool: ToolSlots, surfaces: dict[str, Any], values: Mapping[Path, Any], action: str
) -> Iterator[tuple[Path, Any]]:
    """Values of fields that the model left out although the action says just one.

    Words that it copied for another field, or that another empty field could take, do not count; nor does a bare
    number for an optional field, which may count anything.
    """
    taken = [words for words in leaves(surfaces) if words in action]
    empty = [s for s in tool.slots if s.path not in values and _read_by_code(s)]
    found = {s.path: {span.surface for span in _in_tool(tool, s, action)} for s in empty}
    for slot in empty:
        if slot.field.kind in NUMBERS and not slot.required:
            found[slot.path] = {s.surface for s in _sure(slot, action) if fitting(slot, s, action)}
    for slot in empty:
        others = set().union(*(found[s.path] for s in empty if s is not slot))
        free = {w for w in found[slot.path] if w not in others and not any(w in t or t in w for t in taken)}
        said: list[Any] = []
        for words in free:
            with suppress(*UNREADABLE):
                said.append(resolve(slot, words))
        if said and all(value == said[0] for value in said):
            yield slot.path, said[0]


def spots(slot: Slot, action: str) -> list[Span]:
    """The places of an action that may be meant for a field, if it is of a kind that code reads."""
    return _sure(slot, action) if _read_by_code(slot) else []


def _sure(slot: Slot, action: str) -> list[Span]:
    """The places that may be meant for a field: numbers with its unit before those without, choices named outright."""
    spans = list(_spots(slot.field, action))
    if slot.field.kind in NUMBERS:
        spans = _beside_moments(slot, spans, action)
        if _of_whom(slot) and (people := heads.spots(action)):
            spans = [*people, *(s for s in spans if _of_people(slot, s.surface, action))]
    if slot.field.kind is Kind.ENUM:
        spans = [s for s in spans if _outright(s, action)]
    spans = _meant(spans, action)
    if slot.field.kind in NUMBERS:  # after that: "75 litres, sorry no, 95" says the unit with what is taken back
        spans = [s for s in spans if _measured(slot, s, action)] or spans
    return spans


def _in_tool(tool: ToolSlots, slot: Slot, action: str) -> list[Span]:
    """The places that may be meant for a field: where something is moved (from the 12th to the 14th; 改到14号) and only
    this field is of its kind, where it is moved to. In the corpus, that was meant 12 and 27 times, always."""
    spans, kind = _sure(slot, action), slot.field.kind
    if kind in NUMBERS:
        codes = [code for s in tool.slots if _code(s) for code in _spots(s.field, action)]
        spans = [span for span in spans if not any(c.start <= span.start and span.end <= c.end for c in codes)]
    apart = len({span.surface for span in spans})
    if apart < 2 or any(_like(kind, s.field.kind) for s in tool.slots if s is not slot):
        return spans
    old, new = spans[0], spans[-1]
    if kind in MOMENTS and _NEW.search(action[: new.start]):
        return [new]
    between = action[old.end : new.start]
    near = apart == 2 and len(between) <= _SHORT
    return [new] if near and _MOVED_TO.search(between) and _MOVED_FROM.search(action[: old.start]) else spans


def _code(slot: Slot) -> bool:
    """Whether its values are codes, of which no part is a number: MC 118 340."""
    return _shaped(slot) or slot.field.kind in (Kind.PHONE, Kind.EMAIL, Kind.PLATE)


def _like(kind: Kind, other: Kind) -> bool:
    return kind is other or (kind in MOMENTS and Kind.DATETIME in (kind, other) and other in MOMENTS)


def _beside_moments(slot: Slot, spans: list[Span], action: str) -> list[Span]:
    """Without numbers that are part of a day or an hour: in the corpus, none of 128 was meant for a number's field."""
    context = slot.field.context
    found = [
        m for m in moments.candidates(half_lower(action), context.today, context.language) if not m.weak and not m.edge
    ]
    return [span for span in spans if not any(m.start <= span.start and span.end <= m.end for m in found)]


def _meant(spans: list[Span], action: str) -> list[Span]:
    """Without values that are taken back (the 13th, no, the 14th) or denied (not the 13th), where others remain.

    In the corpus the later one is meant 130 times and the one before it 4 times; 119 of 121 denied ones are not.
    """
    gone = {
        span.surface
        for number, span in enumerate(spans)
        if _OTHER_MEANT.search(action[: span.start]) or _corrected(span, spans[number + 1 :], action)
    }
    return [span for span in spans if span.surface not in gone] or spans


def _corrected(span: Span, later: Sequence[Span], action: str) -> bool:
    other = next((one for one in later if one.surface != span.surface), None)
    if other is None:
        return False
    between = action[span.end : other.start]
    return len(between) <= _SOON and bool(_CORRECTED.search(between))


def _outright(span: Span, action: str) -> bool:
    """Whether words name a choice and do not merely stand there: no bare number, yes or no, or letter in small type,
    and nothing that is being denied."""
    said, before = span.surface, action[: span.start]
    if said.isdigit() or said.lower() in ("yes", "no", "on", "off") or _NOT.search(before):
        return False
    return not (len(said) == 1 and said.isascii()) or (said.isupper() and said not in "AI" and before[-1:] not in "'’")


def _surely_absent(slot: Slot, action: str) -> bool:
    """Whether a field of which no value was spotted cannot have been said in a way that the reader misses."""
    kind, text = slot.field.kind, half_lower(action)
    context = slot.field.context
    if kind in MOMENTS:  # weak ones, as in "at seven", are read only when they are copied
        return not moments.candidates(text, context.today, context.language)
    if kind is Kind.EMAIL:
        return not _MAIL_IN_WORDS.search(text)
    if kind in NUMBERS:
        return not _NUMBER_IN_WORDS.search(text)
    return kind in (Kind.PHONE, Kind.ID)


def _with_unit(slot: Slot, words: str) -> bool:
    """Whether the words hold a unit that the field's own is measured in."""
    unit = slot.field.unit
    if unit is None:
        return False
    with suppress(*UNREADABLE):
        measure = units.read(half_lower(words), slot.field.context.language)
        return measure is not None and any(u.dimension == unit.dimension for u in measure.units)
    return False


def fitting(slot: Slot, span: Span, action: str) -> bool:
    """Whether a number has the field's unit or counts what the field does. In the corpus, 624 of 656 optional fields
    with such a number were given, and 315 of 890 with another."""
    return _measured(slot, span, action) or _of_people(slot, span.surface, action)


def _measured(slot: Slot, span: Span, action: str) -> bool:
    unit = slot.field.unit
    # In the corpus, all 26 sums said without a unit beside an optional field of money were given to it.
    sum_of_money = unit is not None and unit.dimension == "CNY" and bool(_SUM_ZH.search(span.surface))
    return sum_of_money or _with_unit(slot, span.surface) or _counted(slot, span, action)


def _counted(slot: Slot, span: Span, action: str) -> bool:
    """Whether what a number counts, by the words beside it, is what the field's name or description says: 三台 for
    台数, four boxes for "number of boxes"."""
    about = slot.description
    if slot.field.context.language == "zh":
        nearby = (span.surface[-1:], action[span.end :].lstrip()[:1])
        return any(re.search(_COUNTER_ZH.format(c), about) for c in nearby if _ONE_ZH.fullmatch(c))
    own = {w[:4] for w in re.findall("[a-z]{3,}", f"{_plain(slot.name)} {about}".lower())} - _COUNT_EN
    after = _WORDS_AFTER.match(action[span.end :].lower())
    before = _LABEL_BEFORE.search(action[: span.start].lower())
    words = [
        *span.surface.lower().split()[1:],
        *(after.groups() if after else ()),
        *(before.groups() if before else ()),
    ]
    return any(word[:4] in own for word in words if word)


def _of_people(slot: Slot, words: str, action: str) -> bool:
    """Whether the words count people and the field does too."""
    return _of_whom(slot) and bool(heads.read(half_lower(words)) or re.search(re.escape(words) + _HEADS, action))


def _of_whom(slot: Slot) -> bool:
    """Whether a field counts people, though not children, who are counted beside others."""
    about = f"{_plain(slot.name)} {slot.description}"
    return bool(_PEOPLE.search(about) and not _CHILDREN.search(about))


def denied(name: re.Pattern[str], action: str) -> bool:
    """Whether an action denies what it calls by `name`: no helmet, 头盔不用."""
    for match in name.finditer(action.lower()):
        before, after = action[: match.start()].lower()[-30:], action[match.end() :].lower()[:24]
        if _DENIED_BEFORE.search(before) or _DENIED_AFTER.match(after):
            return True
    return False


def _marks(tool: ToolSlots, can: Mapping[Path, tuple[Any, ...]]) -> dict[str, set[str]]:
    """The words in an action that a tool has fields for, by the kinds that tell tools apart."""
    out: dict[str, set[str]] = {}
    for slot in tool.slots:
        kind = _MARKS.get(slot.field.kind)
        words = set(map(str, can.get(slot.path, ())))
        if kind == "id":
            words = {w for w in words if sum(map(str.isalnum, w)) >= SHORTEST_MARK}
        elif kind == "amount":
            words = {w for w in words if _with_unit(slot, w)}
        if kind is not None and words:
            out.setdefault(kind, set()).update(words)
    return out


def _strange(words: str, own: set[str]) -> bool:
    """Whether the words share nothing with those that a tool takes, in whichever of its fields."""
    return not any(words in w or w in words for w in own)


def _takes_any_id(tool: ToolSlots) -> bool:
    return any(s.field.kind is Kind.ID and not _shaped(s) for s in tool.slots)


def _read_by_code(slot: Slot) -> bool:
    kind = slot.field.kind
    known = kind in NUMBERS or kind in MOMENTS or kind in (Kind.PHONE, Kind.EMAIL, Kind.PLATE, Kind.ENUM)
    return (known and not slot.field.others) or _shaped(slot)


def _shaped(slot: Slot) -> bool:
    """Whether it is an id that is told from other words by its shape, which holds digits."""
    field = slot.field
    if field.kind is not Kind.ID or field.pattern is None or field.others:
        return False
    return bool(re.search(r"\\d|0-9|[1-9]-9", field.pattern.pattern))


@lru_cache(maxsize=4096)
def _spots(field: Field, text: str) -> tuple[Span, ...]:
    try:
        return tuple(field.spot(text))
    except UNREADABLE:
        return ()


def _name_words(slot: Slot) -> set[str]:
    """Beginnings of the words of a field's name, five letters long; in Chinese, pairs of signs of its description."""
    if slot.field.context.language == "zh":
        said = re.split(r"[,，。;；(（:：、/]", slot.description, maxsplit=1)[0]
        parts = _EMPTY_ZH.split(said)
        pairs = {p[i : i + 2] for p in parts for i in range(len(p) - 1) if _TWO_ZH.fullmatch(p[i : i + 2])}
        return pairs | {w for w in re.findall(r"[a-z]{2,}", said.lower()) if w not in _EMPTY_EN}
    return {w[:5] for w in _plain(slot.name).split() if len(w) >= 4 and w not in _EMPTY_EN}


def _plain(text: str) -> str:
    """fooBar and foo_bar as words in lower case."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text).lower()


def leaves(surfaces: Any) -> Iterator[str]:
    """All texts in nested JSON: the arguments of a call, what was copied for them, answers."""
    if isinstance(surfaces, dict | list):
        for inner in surfaces.values() if isinstance(surfaces, dict) else surfaces:
            yield from leaves(inner)
    elif isinstance(surfaces, str) and surfaces:
        yield surfaces
