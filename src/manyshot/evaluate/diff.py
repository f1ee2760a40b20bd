"""What was wanted beside what came, cut into equal and different pieces. One rule: nothing is hidden, only coloured."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from manyshot.alike import read
from manyshot.evaluate.records import Row
from manyshot.oneline import show
from manyshot.score import same_value, show_call
from manyshot.types import Alike, Call, Expected

Status = Literal["same", "wrong", "missing", "extra"]

# A run of letters, a run of digits, or any one character (so that Chinese is compared character by character).
_TOKEN = re.compile(r"[A-Za-z]+|\d+|\s+|.", re.S)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; `odd` when the other side does not have it."""

    text: str
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One field of a call, or the choice itself (`name` is then empty)."""

    name: str
    status: Status
    wanted: tuple[Piece, ...]
    got: tuple[Piece, ...]
    others: tuple[str, ...] = ()
    """Further values that would have been right."""
    asks: tuple[bool, bool] = (False, False)
    """Whether the wanted, and the given, answer is a question back for the fields named."""


def pieces(wanted: str, got: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts, cut where they differ."""
    left, right = _TOKEN.findall(wanted), _TOKEN.findall(got)
    a: list[Piece] = []
    b: list[Piece] = []
    for op, i, j, k, m in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if i < j:
            a.append(Piece("".join(left[i:j]), op != "equal"))
        if k < m:
            b.append(Piece("".join(right[k:m]), op != "equal"))
    return tuple(a), tuple(b)


def lines(row: Row) -> tuple[Line, ...]:
    """The difference of one failed row: the choice first, then the fields where one call stands against one."""
    if len(row.expected) == 1 and len(row.calls) == 1 and not row.ask:
        expected, call = row.expected[0], row.calls[0]
        if expected.name == call.name:
            return (Line("", "same", (Piece(call.name),), (Piece(call.name),)), *_fields(expected, call))
    asks = bool(row.expected_ask), bool(row.ask) and not row.calls
    if all(asks):
        left, right = _asked(row.expected_ask, row.ask), _asked(row.ask, row.expected_ask)
        return (Line("", "wrong", left, right, asks=asks),)
    wanted = ", ".join(row.expected_ask) or " + ".join(map(_expected_line, row.expected))
    got = " + ".join(map(show_call, row.calls)) or ", ".join(row.ask)
    return (Line("", "wrong", _whole(wanted), _whole(got), asks=asks),)


def _fields(expected: Expected, call: Call) -> list[Line]:
    names = [*expected.arguments, *(n for n in call.arguments if n not in expected.arguments)]
    allowed, alike, given = expected.arguments, expected.alike, call.arguments
    return [_field(n, allowed.get(n, [""]), n in given, given.get(n), alike.get(n, ())) for n in names]


def _field(name: str, allowed: Sequence[Any], present: bool, value: Any, alike: Sequence[Alike]) -> Line:
    given = [a for a in allowed if a != ""]
    may_be_absent = "" in allowed
    if not present:
        status: Status = "same" if may_be_absent else "missing"
        wanted = (Piece(show(given[0]), True),) if given and not may_be_absent else ()
        return Line(name, status, wanted, (), tuple(map(show, given[1:])) if wanted else ())
    got = show(value)
    if not given:
        return Line(name, "extra", (), (Piece(got, True),))
    if any(same_value(a, value) or (alike and same_value(read(a, alike), read(value, alike))) for a in given):
        return Line(name, "same", (Piece(got),), (Piece(got),))
    nearest = max(given, key=lambda a: difflib.SequenceMatcher(None, show(a), got, autojunk=False).ratio())
    others = tuple(show(a) for a in given if a is not nearest)
    if show(nearest) == got:  # "3" and 3: alike on paper, so the type is what is wrong
        return Line(name, "wrong", (_typed(nearest),), (_typed(value),), others)
    return Line(name, "wrong", *pieces(show(nearest), got), others)


def _typed(value: Any) -> Piece:
    return Piece(f'"{show(value)}"' if isinstance(value, str) else show(value), True)


def _asked(names: Sequence[str], others: Sequence[str]) -> tuple[Piece, ...]:
    out: list[Piece] = []
    for name in names:
        part = Piece(name, name not in others)
        out += [Piece(", "), part] if out else [part]
    return tuple(out)


def _whole(text: str) -> tuple[Piece, ...]:
    return (Piece(text, True),) if text else ()


def _expected_line(expected: Expected) -> str:
    fields = [f"{k}={show(v[0])}" for k, v in expected.arguments.items() if v and "" not in v]
    return f"{expected.name}({', '.join(fields)})"
