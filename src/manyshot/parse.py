"""One line of model output <-> a call: ``Name{"param":"value",...}``, where the part in braces is JSON.

The one rule: strict and bounded. What is not exactly one call is a ValueError that says where (character from 0) and
what was wanted; nothing is repaired, guessed or evaluated, and no input can make reading slow or deep.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from manyshot.types import Json

#: Longest text read, in characters; far above any call, far below what could hurt.
MAX_CHARS = 100_000
#: Deepest nesting of objects and lists, the arguments object included.
MAX_DEPTH = 16

_NAME = re.compile(r"[^\s{}\[\]\"\\,:]+")
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,307})(\.[0-9]{1,307})?([eE][+-]?[0-9]{1,4})?")
_STRINGS = json.JSONDecoder()  # used at a quote only, so it reads one string
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def write_call(name: str, arguments: Json) -> str:
    """Write a call as the acting model should: keys in their order, no spaces, only what JSON demands escaped.

    Raises ValueError for what read_call would refuse: a bad name, a value outside JSON, NaN, lone surrogates.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"wanted a name without spaces, brackets, quotes, commas or colons, got {name!r}")
    try:
        text = name + json.dumps(arguments, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"wanted JSON arguments for {name}: {error}") from None
    read = read_call(text)
    if read != (name, arguments):
        raise ValueError(f"wanted plain JSON arguments for {name}, got {arguments!r}, which reads back as {read[1]!r}")
    return text


def read_call(text: str) -> tuple[str, Json]:
    """Read one call; white space around it and between JSON tokens is allowed, anything else is not.

    Returns the name and the arguments, untyped beyond JSON. Raises ValueError with position and expectation.
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"at {MAX_CHARS}: wanted at most {MAX_CHARS} characters, got {len(text)}")
    start = len(text) - len(text.lstrip())
    name = _NAME.match(text, start)
    if name is None:
        raise _wanted(text, start, "a function name")
    if text[name.end() : name.end() + 1] != "{":
        raise _wanted(text, name.end(), '"{" after the name')
    arguments, at = _read_object(text, name.end(), 1)
    if text[at:].strip():
        raise _wanted(text, _skip(text, at), "the end after the call")
    return name.group(), arguments


def read_json(text: str, at: int = 0) -> tuple[Any, int]:
    """Read the JSON value that starts at `at`; returns it and the place just behind it.

    As strict as a call's arguments: each key once, no lone surrogates, no NaN, at most MAX_DEPTH levels. Raises
    ValueError with position and expectation.
    """
    return _read_value(text, at, 0)


def _wanted(text: str, at: int, what: str) -> ValueError:
    there = repr(text[at : at + 20]) if at < len(text) else "the end"
    return ValueError(f"at {at}: wanted {what}, got {there}")


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _read_value(text: str, at: int, depth: int) -> tuple[Any, int]:
    """Read the JSON value that starts at `at`; the position returned is just behind it."""
    first = text[at : at + 1]
    if first == '"':
        return _read_string(text, at)
    if first in ("{", "["):
        if depth >= MAX_DEPTH:
            raise _wanted(text, at, f"at most {MAX_DEPTH} levels")
        return (_read_object if first == "{" else _read_list)(text, at, depth + 1)
    for word, value in _WORDS.items():
        if text.startswith(word, at):
            return value, at + len(word)
    return _read_number(text, at)


def _read_object(text: str, at: int, depth: int) -> tuple[Json, int]:
    found: Json = {}
    at = _skip(text, at + 1)
    if text[at : at + 1] == "}":
        return found, at + 1
    while True:
        if text[at : at + 1] != '"':
            raise _wanted(text, at, 'a key in quotes or "}"' if not found else "a key in quotes")
        key, after = _read_string(text, at)
        if key in found:
            raise _wanted(text, at, f"each key once, {key!r} again")
        at = _skip(text, after)
        if text[at : at + 1] != ":":
            raise _wanted(text, at, f'":" after the key {key!r}')
        found[key], at = _read_value(text, _skip(text, at + 1), depth)
        at = _skip(text, at)
        if text[at : at + 1] == "}":
            return found, at + 1
        if text[at : at + 1] != ",":
            raise _wanted(text, at, '"," or "}"')
        at = _skip(text, at + 1)


def _read_list(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        return found, at + 1
    while True:
        item, at = _read_value(text, at, depth)
        found.append(item)
        at = _skip(text, at)
        if text[at : at + 1] == "]":
            return found, at + 1
        if text[at : at + 1] != ",":
            raise _wanted(text, at, '"," or "]"')
        at = _skip(text, at + 1)


def _read_string(text: str, at: int) -> tuple[str, int]:
    try:
        value, end = _STRINGS.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise _wanted(text, error.pos, "a whole JSON string") from None
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        raise _wanted(text, at, "a string without lone surrogates")
    return value, end


def _read_number(text: str, at: int) -> tuple[int | float, int]:
    match = _NUMBER.match(text, at)
    if match is None:
        raise _wanted(text, at, "a JSON value")
    if text[match.end() : match.end() + 1] not in ("", ",", "}", "]", " ", "\t", "\r", "\n"):
        raise _wanted(text, at, "a JSON number")
    if match.group(1) is None and match.group(2) is None:
        return int(match.group()), match.end()
    value = float(match.group())
    if math.isinf(value):
        raise _wanted(text, at, "a number that a double can hold")
    return value, match.end()
