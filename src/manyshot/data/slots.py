"""A tool's parameters, flattened to the places a person's words can fill.

The one rule: an array is one slot (people say a list in one breath), an object is its properties.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyshot.data import lexicon
from manyshot.types import Context, Domain, Json, Tool
from manyshot.values import Field, Kind, field_for

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """One place to fill. `required`: the call is refused without it (an optional object's inner fields are not)."""

    path: Path
    field: Field
    required: bool
    items: tuple[Slot, ...] = ()
    #: The parts of a date-time, for people who say day and time apart: (day, time of day).
    parts: tuple[Field, Field] | None = None

    @property
    def name(self) -> str:
        return self.path[-1] if self.path else self.field.name

    @property
    def description(self) -> str:
        """What the schema says of it; "" when nothing."""
        return str(self.field.schema.get("description", ""))

    @property
    def chosen(self) -> bool:
        """Whether its value is chosen from what the schema lists, which any words may imply, instead of copied."""
        if self.field.kind is Kind.ARRAY:
            return len(self.items) == 1 and not self.items[0].path and self.items[0].chosen
        return self.field.kind in (Kind.BOOLEAN, Kind.ENUM)


@dataclass(frozen=True, slots=True)
class ToolSlots:
    """A tool with its slots in schema order."""

    tool: Tool
    slots: tuple[Slot, ...]

    def slot(self, path: Path) -> Slot:
        return next(s for s in self.slots if s.path == path)

    @property
    def required(self) -> tuple[Slot, ...]:
        return tuple(s for s in self.slots if s.required)


def enum_synonyms(schema: Json, context: Context) -> dict[str, tuple[str, ...]]:
    """Ways to say each enum value, from the language's lexicon and from hints in the description."""
    out: dict[str, tuple[str, ...]] = {}
    for value in schema.get("enum", ()):
        token = str(value).lower().replace("-", "_").replace(" ", "_")
        said = [w for entry in lexicon.load(context.language).enum_synonyms if token in entry.keys for w in entry.say]
        out[str(value)] = tuple(dict.fromkeys(said))
    return out


def slots_of(tool: Tool, context: Context, examples: Mapping[Path, Sequence[Any]] | None = None) -> ToolSlots:
    """Flatten a tool; `examples` (values seen in shots, by path) tell the written form of dates and ids."""
    return ToolSlots(tool, tuple(_walk(tool.parameters, (), True, context, examples or {})))


def _walk(
    schema: Json, path: Path, inside: bool, context: Context, examples: Mapping[Path, Sequence[Any]]
) -> Iterator[Slot]:
    for name, inner in schema.get("properties", {}).items():
        here, required = (*path, name), inside and name in schema.get("required", ())
        if _is_object(inner):
            yield from _walk(inner, here, required, context, examples)
        else:
            yield _slot(name, inner, here, required, context, examples)


def _is_object(schema: Json) -> bool:
    """An object of named fields, also one that may be null: leaving it out says the same."""
    return schema.get("type") in ("object", ["object"], ["object", "null"], ["null", "object"]) and bool(
        schema.get("properties")
    )


def _slot(
    name: str, schema: Json, path: Path, required: bool, context: Context, examples: Mapping[Path, Sequence[Any]]
) -> Slot:
    seen = examples.get(path, ())
    field = field_for(name, schema, context, seen, synonyms=enum_synonyms(schema, context))
    if field.kind is Kind.DATETIME:
        day = field_for("date", {"type": "string", "format": "date"}, context)
        clock = field_for("time", {"type": "string", "description": "HH:MM"}, context)
        return Slot(path, field, required, parts=(day, clock))
    if field.kind is not Kind.ARRAY:
        return Slot(path, field, required)
    item = schema.get("items", {})
    flat = [x for value in seen if isinstance(value, list) for x in value]
    if _is_object(item):
        by_key: dict[Path, list[Any]] = {
            (k,): [x[k] for x in flat if isinstance(x, dict) and k in x] for k in item["properties"]
        }
        return Slot(path, field, required, tuple(_walk(item, (), True, context, by_key)))
    described = {"description": schema.get("description", ""), **item}
    return Slot(path, field, required, (_slot(name, described, (), True, context, {(): flat}),))


def resolve(slot: Slot, surface: Any) -> Any:
    """Words (or a list of them) to the slot's final value. Raises ValueError when they cannot be read."""
    if slot.parts and isinstance(surface, str):
        return _moment(slot, slot.parts, surface)
    if slot.field.kind is not Kind.ARRAY or not slot.items:
        return slot.field.resolve(surface)
    if not isinstance(surface, list):
        raise ValueError(f"{slot.name}: wanted a list, got {type(surface).__name__}")
    read = [_item(slot, said) for said in surface]
    # Nobody chooses a thing twice: none of 962 lists of the corpus does, models do.
    return list(dict.fromkeys(read)) if slot.chosen else read


def _item(slot: Slot, said: Any) -> Any:
    if len(slot.items) == 1 and not slot.items[0].path:
        return resolve(slot.items[0], said)
    inner = {s.path: resolve(s, get(said, s.path)) for s in slot.items if get(said, s.path) is not None}
    for item in slot.items:
        if item.required and "default" in item.field.schema:
            inner.setdefault(item.path, item.field.schema["default"])
    return nest(inner, slot.items)


def _moment(slot: Slot, parts: tuple[Field, Field], surface: str) -> Any:
    """A date-time in one breath, or else the one day and the one time of day among the words copied."""
    try:
        return slot.field.resolve(surface)
    except ValueError:
        days, clocks = ([s.surface for s in part.spot(surface)] for part in parts)
        if len(days) != 1 or len(clocks) != 1:
            raise
        return slot.field.resolve(f"{days[0]} {clocks[0]}")


def get(arguments: Json, path: Path) -> Any:
    """The value at a path, or None."""
    here: Any = arguments
    for key in path:
        if not isinstance(here, dict) or key not in here:
            return None
        here = here[key]
    return here


def nest(values: Mapping[Path, Any], order: Sequence[Slot]) -> Json:
    """Flat values to nested arguments, keys in schema order."""
    out: Json = {}
    for slot in order:
        if slot.path in values:
            here = out
            for key in slot.path[:-1]:
                here = here.setdefault(key, {})
            here[slot.path[-1]] = values[slot.path]
    return out


def domain_slots(domain: Domain) -> dict[str, ToolSlots]:
    """Every tool's slots, with written forms learned from the domain's shots."""
    out = {}
    for tool in domain.tools:
        seen: dict[Path, list[Any]] = {}
        calls = [s.call for s in domain.shots if s.call and s.call.name == tool.name]
        for path in (s.path for s in slots_of(tool, domain.context).slots):
            seen[path] = [v for c in calls if (v := get(c.arguments, path)) is not None]
        out[tool.name] = slots_of(tool, domain.context, seen)
    return out
