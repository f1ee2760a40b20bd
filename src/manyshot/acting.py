"""From the acting model's words to an answer: a final call, a question back, or nothing.

The model chooses and copies; this code reads the copied words into typed values, fills defaults, finds what is missing
or impossible. `predict`, `eval` and the service all answer through here.

Which answer is right, in this order: a default fills the field; else a missing required field is asked back; else a
declared reject tool takes what is impossible; else no call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from manyshot.data.slots import Path, Slot, ToolSlots, get, nest, resolve
from manyshot.parse import read_call
from manyshot.render import Values, fold
from manyshot.types import NO_TOOL, Call
from manyshot.values import Kind
from manyshot.values.spot import longest
from manyshot.values.text import Span

#: What reading strange words may raise: huge numbers and deep nesting are as unreadable as nonsense.
UNREADABLE = (ValueError, TypeError, KeyError, ArithmeticError, RecursionError)


#: Letters and digits of an id that tells tools apart; a room's or a card's last digits may as well be a year or a part.
SHORTEST_MARK = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `fault` says what was wrong with the model's text when it could not be used."""

    calls: tuple[Call, ...] = ()
    ask: tuple[str, ...] | None = None
    fault: str = ""


class Reader:
    """Reads the model's text for one domain."""

    def __init__(
        self,
        slots: Mapping[str, ToolSlots],
        defaults: Mapping[str, Mapping[Path, Any]],
        reject: str | None,
        values: Values,
    ) -> None:
        self._slots, self._defaults, self._reject, self._values = slots, defaults, reject, values

    def able(self, action: str) -> tuple[str, ...]:
        """Names of the tools that can take every id and e-mail address in the action; all where no tool takes all.

        Such values are told by their form alone, so a tool without a field for one of them is not the one that is
        meant, however alike it sounds. The reject tool is always among them.
        """
        text = fold(action)
        found = {name: _marks(tool, text) for name, tool in self._slots.items()}
        marks = set(longest(span for spans in found.values() for span in spans))
        able = [n for n, t in self._slots.items() if marks <= set(found[n]) or n == self._reject or _takes_any_id(t)]
        return tuple(able) if any(n != self._reject for n in able) else tuple(self._slots)

    def read(self, text: str, action: str) -> Answer:
        """Model text (after "Call:") to an answer to `action`; never raises for what a model wrote."""
        try:
            name, surfaces = read_call(text.strip())
        except ValueError as error:
            return Answer(fault=str(error))
        if name == NO_TOOL:
            return Answer()
        if name not in self._slots:
            return Answer(fault=f"no tool is called {name}")
        tool = self._slots[name]
        if self._values == "span":
            values = _typed(tool, surfaces, fold(action))
            values.update(_overlooked(tool, surfaces, values, fold(action)))
        else:
            values = _flat(surfaces, tool)
        for path, value in self._defaults.get(name, {}).items():
            values.setdefault(path, value)
        if missing := _missing(tool, values):
            return Answer(ask=missing)
        if name != self._reject and any(_impossible(tool.slot(p), v) for p, v in values.items()):
            return Answer(calls=(Call(name=self._reject),) if self._reject else ())
        return Answer(calls=(Call(name=name, arguments=nest(values, tool.slots)),))


def _typed(tool: ToolSlots, surfaces: dict[str, Any], action: str) -> dict[Path, Any]:
    """Values of the words that were copied; words that do not stand in the action were invented and do not count."""
    values: dict[Path, Any] = {}
    for slot in tool.slots:
        surface = get(surfaces, slot.path)
        if surface is None or not _stands(slot, surface, action):
            continue
        try:
            values[slot.path] = resolve(slot, _whole(slot, surface, action))
        except UNREADABLE:
            continue
    return values


def _stands(slot: Slot, surface: Any, action: str) -> bool:
    """Whether copied words stand in the action; choices (enum, boolean) are not copied."""
    if slot.field.kind in (Kind.ENUM, Kind.BOOLEAN):
        return True
    if isinstance(surface, list):
        return all(_stands(slot, item, action) for item in surface)
    if isinstance(surface, dict):
        inner = {s.name: s for s in slot.items}
        return all(_stands(inner[k], v, action) for k, v in surface.items() if k in inner)
    if slot.items and not slot.items[0].path and slot.items[0].field.kind is Kind.ENUM:
        return True
    return str(surface) in action


def _whole(slot: Slot, surface: Any, action: str) -> Any:
    """The whole date, id or number of which only a part was copied, when just one such holds the part."""
    if not isinstance(surface, str):
        return surface
    holding = {s.surface for s in slot.field.spot(action) if surface in s.surface}
    return holding.pop() if len(holding) == 1 else surface


def _overlooked(
    tool: ToolSlots, surfaces: dict[str, Any], values: Mapping[Path, Any], action: str
) -> Iterator[tuple[Path, Any]]:
    """Values of fields that the model left out although the action names just one: a phone number, an id.

    Only kinds that are told from their form alone, where no other field of the tool could take the same words.
    """
    taken = [words for words in _leaves(surfaces) if words in action]
    empty = [s for s in tool.slots if s.path not in values and _told_by_form(s)]
    found = {s.path: {span.surface for span in s.field.spot(action)} for s in empty}
    for slot in empty:
        others = set().union(*(found[s.path] for s in empty if s is not slot))
        if len(found[slot.path]) != 1:
            continue
        (words,) = found[slot.path]
        if words not in others and not any(words in t or t in words for t in taken):
            with suppress(*UNREADABLE):
                yield slot.path, resolve(slot, words)


def _marks(tool: ToolSlots, action: str) -> list[Span]:
    """Places of the ids and e-mail addresses that the tool has fields for."""
    fields = [
        s.field for s in tool.slots if s.field.kind is Kind.EMAIL or (s.field.kind is Kind.ID and _told_by_form(s))
    ]
    spans = (span for field in fields for span in field.spot(action))
    return [span for span in spans if sum(map(str.isalnum, span.surface)) >= SHORTEST_MARK]


def _takes_any_id(tool: ToolSlots) -> bool:
    return any(s.field.kind is Kind.ID and not _told_by_form(s) for s in tool.slots)


def _told_by_form(slot: Slot) -> bool:
    if slot.field.kind is Kind.ID:
        return slot.field.pattern is not None and slot.field.schema.get("type") == "string"
    return slot.field.kind in (Kind.PHONE, Kind.EMAIL, Kind.PLATE)


def _leaves(surfaces: Any) -> Iterator[str]:
    """All words that the model copied."""
    if isinstance(surfaces, dict | list):
        for inner in surfaces.values() if isinstance(surfaces, dict) else surfaces:
            yield from _leaves(inner)
    elif isinstance(surfaces, str) and surfaces:
        yield surfaces


def _flat(arguments: dict[str, Any], tool: ToolSlots) -> dict[Path, Any]:
    return {s.path: v for s in tool.slots if (v := get(arguments, s.path)) is not None}


def _impossible(slot: Slot, value: Any) -> bool:
    """Whether a value that could be read breaks the schema's bounds."""
    return not Draft202012Validator(slot.field.schema).is_valid(value)


def _missing(tool: ToolSlots, values: Mapping[Path, Any]) -> tuple[str, ...]:
    """Required fields without a value; an object of which nothing was said is named as a whole."""
    out: list[str] = []
    for slot in tool.slots:
        if slot.path in values or not _needed(tool, slot, values):
            continue
        top = [p for p in values if p[:1] == slot.path[:1]]
        name = slot.path[0] if len(slot.path) > 1 and not top else slot.name
        if name not in out:
            out.append(name)
    return tuple(out)


def _needed(tool: ToolSlots, slot: Slot, values: Mapping[Path, Any]) -> bool:
    if slot.required:
        return True
    # A field inside an optional object is needed once another one of the object was given.
    parent = slot.path[:-1]
    if not parent or not any(p[: len(parent)] == parent for p in values):
        return False
    schema: Any = tool.tool.parameters
    for key in parent:
        schema = schema["properties"][key]
    return slot.name in schema.get("required", ())
