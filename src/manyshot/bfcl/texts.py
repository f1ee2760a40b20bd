"""What Java and JavaScript share: values are texts of expressions, read by the schema's type before they are judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from manyshot.bfcl.alternatives import judge

#: Characters of a collection that is read; the longest of the leaderboard's own has some 200.
LONGEST = 4096
_INTEGER = re.compile(r"-?\d+$")


@dataclass(frozen=True, slots=True)
class Language:
    """How a language's texts become values."""

    #: The schema's types -> Python's.
    types: Mapping[str, type]
    #: Types whose schema names the type of their items.
    with_items: Collection[str]
    #: The name of the error of a value that is no text.
    no_text: str
    #: (text, type, type of the items) -> the value, or the text where it is none.
    convert: Callable[[str, str, str | None], Any]


def fault(language: Language, schema: dict[str, Any], value: Any, allowed: Any) -> str | None:
    """The name of the error of one value, None when right."""
    kind = schema["type"]
    wanted, inner, items = language.types[kind], None, None
    if type(value) is not str:
        return language.no_text
    if kind in language.with_items:
        items = schema["items"]["type"]
        inner = language.types[items]
    return judge(language.convert(value, kind, items), allowed, wanted, inner)


def integer(text: str, _items: str | None) -> int | str:
    """Raises ValueError for more digits than Python reads."""
    return int(text) if _INTEGER.match(text) else text


def boolean(text: str, _items: str | None) -> bool | str:
    """true or false, in small letters."""
    return text == "true" if text in ("true", "false") else text


def as_it_is(text: str, _items: str | None) -> str:
    """A type whose values are texts."""
    return text
