"""What code alone reads in an action: ids, phone numbers, dates, amounts, choices called by their own words.

The one rule: nothing here guesses. Readers of values are far surer than a small model: in the corpus, of the dates, ids
and phone numbers that stand just once in a sentence, all were what its writer meant (docs/log.md). So such a field is
only ever given words that stand in the action, and one that the model overlooked is filled where one reading is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from manyshot.data.slots import Path, Slot, ToolSlots, resolve
from manyshot.values import Kind, units
from manyshot.values.kinds import FREE
from manyshot.values.text import fold

#: What reading strange words may raise: huge numbers and deep nesting are as unreadable as nonsense.
UNREADABLE = (ValueError, TypeError, KeyError, ArithmeticError, RecursionError)
#: Letters and digits of an id that tells tools apart; a room's or a card's last digits may as well be a year or a part.
SHORTEST_MARK = 5

_NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.DURATION})
#: Kinds that are never said without being found; plates of far countries are.
_FOUND = frozenset({Kind.PHONE, Kind.EMAIL, Kind.DATE, Kind.TIME, Kind.DATETIME, *_NUMBERS})


#: Words of a field's name or description that tell nothing of it.
_EMPTY_EN = frozenset(
    ["with", "need", "needs", "want", "wants", "have", "this", "that", "flag", "name", "text", "value", "type"]
)
_EMPTY_ZH = re.compile("是否|需要|要不要|有无|能否|可否|客户|用户|的")
_APART = re.compile(r"[,，。;；!！?？)）]")
_TWO_ZH = re.compile("[\u4e00-\u9fff]{2}")
#: Kinds of values that a tool must have a field for; a day and an hour are alike in this.
_KINDS = {
    Kind.PHONE: "phone",
    Kind.EMAIL: "email",
    Kind.PLATE: "plate",
    Kind.ID: "id",
    Kind.DATE: "moment",
    Kind.DATETIME: "moment",
    Kind.TIME: "moment",
    Kind.NUMBER: "amount",
    Kind.DURATION: "amount",
}


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
    own = {name: _by_kind(tool, can[name]) for name, tool in tools.items()}
    said: dict[str, set[str]] = {}
    for kinds in own.values():
        for kind, words in kinds.items():
            said.setdefault(kind, set()).update(words)
    out: dict[str, Reading] = {}
    for name, tool in tools.items():
        missing = sum(slot.required and can[name].get(slot.path) == () for slot in tool.slots)
        filled = sum(slot.required and bool(can[name].get(slot.path)) for slot in tool.slots)
        named = sum(slot.field.kind is Kind.ENUM and bool(can[name].get(slot.path)) for slot in tool.slots)
        strangers = sum(_strange(words, own[name].get(kind, set())) for kind, words in said.items())
        if said.get("id") and _takes_any_id(tool):
            strangers -= _strange(said["id"], own[name].get("id", set()))
        out[name] = Reading(missing, filled, strangers, named)
    return out


def choices(tool: ToolSlots, action: str) -> dict[Path, tuple[Any, ...]]:
    """Field -> all that can be written for it: words of the action, or values of an enum that it names.

    An empty tuple: nothing in the action can be meant. A field that is not among the keys may take anything.
    """
    out: dict[Path, tuple[Any, ...]] = {}
    for slot in tool.slots:
        if not _read_by_code(slot):
            continue
        words = [span.surface for span in slot.field.spot(action)]
        if slot.field.kind in _NUMBERS:  # a number with the field's unit is meant before any without
            words = [w for w in words if _with_unit(slot, w)] or words
        said = [resolve(slot, w) for w in words] if slot.field.kind is Kind.ENUM else words
        if said or slot.field.kind in _FOUND or slot.field.kind is Kind.ID:
            out[slot.path] = tuple(dict.fromkeys(said))
    return out


def walls(tool: ToolSlots, action: str) -> list[tuple[int, int]]:
    """Stretches of the action that no free text reaches into: the one value that code reads for a required field, and
    every phone number, mail address and plate. In the corpus 8 of 1,900 lay inside one."""
    out: list[tuple[int, int]] = []
    for slot in tool.slots:
        kind = slot.field.kind
        if not _read_by_code(slot) or kind is Kind.ENUM or kind in _NUMBERS:
            continue
        spans = slot.field.spot(action)
        alone = slot.required and len({span.surface for span in spans}) == 1
        if alone or kind in (Kind.PHONE, Kind.EMAIL, Kind.PLATE):
            # A day and an hour said in two places are one reading, but what stands between them is free.
            out += [(span.start, span.end) for span in spans if not _APART.search(span.surface)]
    return out


def names(tool: ToolSlots) -> dict[Path, frozenset[str]]:
    """Optional fields that words are copied or a yes or no is chosen for -> beginnings of words that only they have.

    They come from the field's name and the first clause of its description, without those of the tool and of its
    other fields. In the corpus, 801 of 832 such fields that a sentence calls by name were given a value.
    """
    own = {slot.path: _name_words(slot) for slot in tool.slots}
    of_tool = _plain(f"{tool.tool.name} {tool.tool.description}")
    out: dict[Path, frozenset[str]] = {}
    for slot in tool.slots:
        if not slot.required and (slot.field.kind is Kind.BOOLEAN or slot.field.kind in FREE):
            others = _plain(
                " ".join(f"{s.name} {s.field.schema.get('description', '')}" for s in tool.slots if s is not slot)
            )
            out[slot.path] = frozenset(w for w in own[slot.path] if w not in of_tool and w not in others)
    return out


def called(names: Mapping[Path, frozenset[str]], action: str) -> frozenset[Path]:
    """The fields that an action calls by name."""
    text = action.lower()
    return frozenset(path for path, words in names.items() if any(word in text for word in words))


def overlooked(
    tool: ToolSlots, surfaces: dict[str, Any], values: Mapping[Path, Any], action: str
) -> Iterator[tuple[Path, Any]]:
    """Values of fields that the model left out although the action says just one.

    Words that it copied for another field, or that another empty field could take, do not count; nor does a bare
    number for an optional field, which may count anything.
    """
    taken = [words for words in _leaves(surfaces) if words in action]
    empty = [s for s in tool.slots if s.path not in values and _read_by_code(s)]
    found = {s.path: {span.surface for span in s.field.spot(action)} for s in empty}
    for slot in empty:
        others = set().union(*(found[s.path] for s in empty if s is not slot))
        free = {w for w in found[slot.path] if w not in others and not any(w in t or t in w for t in taken)}
        if slot.field.kind in _NUMBERS and not slot.required:
            free = {w for w in free if _with_unit(slot, w)}
        said: list[Any] = []
        for words in free:
            with suppress(*UNREADABLE):
                said.append(resolve(slot, words))
        if said and all(value == said[0] for value in said):
            yield slot.path, said[0]


def _with_unit(slot: Slot, words: str) -> bool:
    """Whether the words hold a unit that the field's own is measured in."""
    measure = units.read(fold(words), slot.field.context.language)
    unit = slot.field.unit
    return measure is not None and unit is not None and any(u.dimension == unit.dimension for u in measure.units)


def _name_words(slot: Slot) -> set[str]:
    """Beginnings of the words of a field's name, five letters long; in Chinese, pairs of signs of its description."""
    said = re.split(r"[,，。;；(（:：\s、/]", str(slot.field.schema.get("description", "")), maxsplit=1)[0]
    if slot.field.context.language == "zh":
        parts = _EMPTY_ZH.split(said)
        return {p[i : i + 2] for p in parts for i in range(len(p) - 1) if _TWO_ZH.fullmatch(p[i : i + 2])}
    return {w[:5] for w in _plain(slot.name).split() if len(w) >= 4 and w not in _EMPTY_EN}


def _plain(text: str) -> str:
    """fooBar and foo_bar as words in lower case."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text).lower()


def _by_kind(tool: ToolSlots, can: Mapping[Path, tuple[Any, ...]]) -> dict[str, set[str]]:
    """The words in an action that a tool has fields for, by the kinds that tell tools apart."""
    out: dict[str, set[str]] = {}
    for slot in tool.slots:
        kind = _KINDS.get(slot.field.kind)
        words = set(map(str, can.get(slot.path, ())))
        if kind == "id":
            words = {w for w in words if sum(map(str.isalnum, w)) >= SHORTEST_MARK}
        elif kind == "amount":
            words = {w for w in words if _with_unit(slot, w)}
        if kind is not None:
            out.setdefault(kind, set()).update(words)
    return out


def _strange(said: set[str], own: set[str]) -> bool:
    """Whether some of the words said are no part of any that a tool takes."""
    return any(not any(words in w or w in words for w in own) for words in said)


def _takes_any_id(tool: ToolSlots) -> bool:
    return any(s.field.kind is Kind.ID and not _shaped(s) for s in tool.slots)


def _read_by_code(slot: Slot) -> bool:
    return slot.field.kind in _FOUND or slot.field.kind in (Kind.PLATE, Kind.ENUM) or _shaped(slot)


def _shaped(slot: Slot) -> bool:
    """Whether it is an id that is told from other words by its shape."""
    field = slot.field
    return field.kind is Kind.ID and field.pattern is not None and field.schema.get("type") == "string"


def _leaves(surfaces: Any) -> Iterator[str]:
    """All words that the model copied."""
    if isinstance(surfaces, dict | list):
        for inner in surfaces.values() if isinstance(surfaces, dict) else surfaces:
            yield from _leaves(inner)
    elif isinstance(surfaces, str) and surfaces:
        yield surfaces
