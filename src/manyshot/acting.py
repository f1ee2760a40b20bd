"""From the acting model's words to an answer: a final call, a question back, or nothing.

The model chooses and copies; this code reads the copied words into typed values, fills defaults, finds what is missing
or impossible. `predict`, `eval` and the service all answer through here.

Which answer is right, in this order: a default fills the field; else a missing required field is asked back; else a
declared reject tool takes what is impossible; else no call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from manyshot import evidence
from manyshot.data.slots import Path, Slot, ToolSlots, get, nest, resolve
from manyshot.parse import read_call
from manyshot.render import Values, fold
from manyshot.types import NO_TOOL, Call
from manyshot.values import Kind


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
        self._names = {name: evidence.names(tool) for name, tool in slots.items()}

    def choices(self, name: str, action: str) -> dict[Path, tuple[Any, ...]]:
        """What each field of a tool may be given for an action, as far as code reads it (see `evidence`)."""
        return evidence.choices(self._slots[name], fold(action))

    def stated(self, name: str, action: str, can: Mapping[Path, Sequence[Any]]) -> frozenset[Path]:
        """Fields of a tool that an action surely gives: it calls them by name, or names a choice (`can`) of theirs."""
        tool = self._slots[name]
        return evidence.called(self._names[name], fold(action)) | evidence.chosen(tool, can)

    def walls(self, name: str, action: str) -> list[tuple[int, int]]:
        """Stretches of the folded action that no free text of a tool reaches into."""
        return evidence.walls(self._slots[name], fold(action))

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
            values.update(evidence.overlooked(tool, surfaces, values, fold(action)))
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
    """Values of the words that were copied. Words that do not stand in the action were invented, those of a value that
    code reads for another field strayed; neither count."""
    values: dict[Path, Any] = {}
    for slot in tool.slots:
        surface = get(surfaces, slot.path)
        if surface is None or not _stands(slot, surface, action) or evidence.strayed(tool, slot, surface, action):
            continue
        try:
            values[slot.path] = resolve(slot, _whole(slot, surface, action))
        except evidence.UNREADABLE:
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
    """The whole date, id or number of which only a part was copied, when just one such holds the part; an hour with the
    one day that the action names, a day with its one hour."""
    if not isinstance(surface, str):
        return surface
    holding = {s.surface for s in slot.field.spot(action) if surface in s.surface}
    if len(holding) == 1:
        return holding.pop()
    if slot.parts:
        (days, clocks), (day, clock) = (
            [{s.surface for s in part.spot(text)} for part in slot.parts] for text in (action, surface)
        )
        if clock and not day and len(days) == 1:
            return f"{days.pop()} {surface}"
        if day and not clock and len(clocks) == 1:
            return f"{surface} {clocks.pop()}"
    return surface


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
