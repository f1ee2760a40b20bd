# ruff: noqa: ARG001
"""Typed functions as tools."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict

import pytest
from pydantic import BaseModel, Field

from manyshot.errors import SpecError
from manyshot.spec.functions import tool_from_function


class Area(enum.Enum):
    INSIDE = "inside"
    TERRACE = "terrace"


@dataclass
class Point:
    x: float
    y: float = 0.0


class Dish(TypedDict):
    name: str
    hot: NotRequired[bool]


class Guest(BaseModel):
    """Somebody."""

    name: str = Field(description="Full name")
    friends: list[Guest] = []


def google(day: date, area: Area, guests: int = 2, wine: Optional[Literal["red", "white"]] = None) -> str:  # noqa: UP045
    """Books a table.

    The table is kept for an hour.

    Args:
        day: The day of the visit.
        area (Area): Where to sit.
        guests: How many
            come.

    Returns:
        The number.
    """
    return ""


def numpy_style(at: datetime, where: Point, extra: dict[str, int]) -> None:
    """Goes there.

    Parameters
    ----------
    at : datetime
        When.
    where
        Where to.
    """


def sphinx_style(dishes: list[Dish], who: Guest, note: Annotated[str, "In own words"] = "", n: int | str = 1) -> None:
    """Orders.

    :param dishes: What to eat
    :param who: Who eats
    """


def test_google() -> None:
    tool = tool_from_function(google)
    assert (tool.name, tool.description) == ("google", "Books a table. The table is kept for an hour.")
    assert tool.properties == {
        "day": {"type": "string", "format": "date", "description": "The day of the visit."},
        "area": {"type": "string", "enum": ["inside", "terrace"], "description": "Where to sit."},
        "guests": {"type": "integer", "default": 2, "description": "How many come."},
        "wine": {"type": "string", "enum": ["red", "white"]},
    }
    assert tool.required == ("day", "area")
    assert tool.parameters["additionalProperties"] is False


def test_numpy() -> None:
    tool = tool_from_function(numpy_style)
    assert tool.properties == {
        "at": {"type": "string", "format": "date-time", "description": "When."},
        "where": {
            "type": "object",
            "properties": {"x": {"type": "number"}, "y": {"type": "number", "default": 0.0}},
            "required": ["x"],
            "description": "Where to.",
        },
        "extra": {"type": "object", "additionalProperties": {"type": "integer"}},
    }


def test_sphinx() -> None:
    tool = tool_from_function(sphinx_style, name="Order")
    assert tool.name == "Order"
    dish = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "hot": {"type": "boolean"}},
        "required": ["name"],
    }
    assert tool.properties["dishes"] == {"type": "array", "items": dish, "description": "What to eat"}
    assert tool.properties["who"]["description"] == "Who eats"
    assert tool.properties["who"]["properties"]["name"] == {"type": "string", "description": "Full name"}
    assert tool.properties["note"] == {"type": "string", "default": "", "description": "In own words"}
    assert tool.properties["n"] == {"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 1}


def test_methods_and_awkward_names() -> None:
    class Desk:
        def ping(self) -> None:
            """Pings."""

        def send(self, schema: str, json: bool, title: Annotated[int, Field(ge=1, description="T")]) -> None: ...

    assert tool_from_function(Desk.ping).parameters == {
        "type": "object", "properties": {}, "additionalProperties": False,
    }  # fmt: skip
    assert tool_from_function(Desk().send).properties["title"] == {"type": "integer", "minimum": 1, "description": "T"}
    assert tool_from_function(Desk.send).required == ("schema", "json", "title")


def _untyped(a, b: int): ...  # type: ignore[no-untyped-def]


def _many(*args: int) -> None: ...


class _Odd: ...


def _strange(a: _Odd) -> None: ...


def _unknown(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def none(a: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (_untyped, 'the parameter "a" has no type; annotate it'),
        (_many, "*args has no names that a model could fill"),
        (_strange, "a type has no JSON Schema"),
        (_unknown, "a type cannot be read: name 'Nowhere' is not defined"),
        (none, '"none" means that no tool fits'),
        (lambda a: a, "is no name for a function"),
    ],
)
def test_faults_name_file_and_line(function: Any, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        tool_from_function(function)
    assert expected in str(caught.value)
    assert f"test_spec_functions.py:{function.__code__.co_firstlineno}: " in str(caught.value)
