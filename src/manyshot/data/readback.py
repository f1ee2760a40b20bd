"""Words -> the values in them, for sentences that were not made here: a person's shot, a teacher's instruction.

One rule: a value counts as said only where code reads it from the words.
"""

from __future__ import annotations

from typing import Any

from manyshot.data.delex import item_places, locate
from manyshot.data.slots import Path, Slot, ToolSlots, get, nest, resolve
from manyshot.types import Json
from manyshot.values import Kind


def spoken(action: str, arguments: Json, tool: ToolSlots) -> tuple[dict[Path, Any], dict[Path, Any]]:
    """(surfaces of the values that stand in the action, values that stand nowhere in it)."""
    placed, loose = locate(action, arguments, tool)
    surfaces: dict[Path, Any] = {}
    for place in placed:
        slot = tool.slot(place.path)
        if slot.field.kind is Kind.ARRAY:
            surfaces[place.path] = _list_surface(action, slot, get(arguments, place.path))
        elif slot.field.kind is Kind.ENUM:
            surfaces[place.path] = get(arguments, place.path)
        else:
            surfaces[place.path] = action[place.start : place.end]
    return surfaces, loose


def _list_surface(action: str, slot: Slot, value: list[Any]) -> list[Any]:
    out: list[Any] = []
    for item, places in zip(value, item_places(action, slot, value) or [], strict=False):
        if len(slot.items) == 1 and not slot.items[0].path:
            enum = slot.items[0].field.kind is Kind.ENUM
            out.append(item if enum else action[places[0].start : places[0].end])
        else:
            inner = {p.path: action[p.start : p.end] for p in places}
            out.append(nest(inner, slot.items))
    return out


def reads_back(slot: Slot, surface: Any, value: Any) -> bool:
    """Whether code reads from the words the value they were made for."""
    if slot.field.kind in (Kind.BOOLEAN, Kind.ENUM):
        return bool(surface == value)
    try:
        return bool(resolve(slot, surface) == value)
    except (ValueError, TypeError):
        return False
