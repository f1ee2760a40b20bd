"""Short ways to ask the readers in tests: `read` a surface, `seen` in a text, `found` in a text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from manyshot.types import Context
from manyshot.values import Field, field_for


def a_field(language: str, today: str, name: str, description: str = "", **schema: Any) -> Field:
    """A field of a desk that lives on `today`; a string unless the schema says otherwise."""
    full = {"type": "string", "description": description, **schema}
    return field_for(name, full, Context(today=datetime.fromisoformat(today + "T09:15:00+00:00"), language=language))


def read(field: Field, surface: str) -> Any:
    """What the surface resolves to; None where it is refused."""
    try:
        return field.resolve(surface)
    except ValueError:
        return None


def seen(field: Field, text: str) -> dict[str, Any]:
    """The surfaces that `spot` shows, with what they resolve to."""
    return {s.surface: field.resolve(s.surface) for s in field.spot(text)}


def found(field: Field, text: str, value: Any) -> str | None:
    """The longest place of the value; it must resolve to the value again."""
    spans = field.find(text, value)
    assert all(field.resolve(s.surface) == value for s in spans)
    return spans[0].surface if spans else None
