"""Conditions of branches: a tiny language of its own, parsed, never evaluated as code.

    solved == 是          found is empty        count >= 3 and not (level in [gold, "very new"])

A test has a slot on its left and plain values on its right; a value is a number, true, false, a bare word or quoted
text. `and`, `or`, `not` and brackets join tests. The one rule: a condition can be judged with nothing but the values of
its slots, so that `possible` can tell, before any dialogue, which ways through a flow contradict themselves.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

Value = str | bool | int | float
#: Brackets nested deeper than this are refused, so that no later recursion can overflow.
MAX_DEPTH = 20
MAX_LENGTH = 2_000
#: Values that are tried before a set of conditions is taken to be possible.
MAX_TRIES = 5_000
WORDS = ("and", "or", "not", "in", "is", "contains", "true", "false")
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>==|!=|<=|>=|<|>|=|[()\[\],])"""
    r"""|(?P<word>[^\s()\[\],"'<>=!]+))"""
)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
#: A text that no condition names; stands for all others when values are tried.
_OTHER: Final = "\x02other"
_NO_MORE: Final = object()


class ConditionError(ValueError):
    """A condition cannot be read; the message says what was wanted, what was there and what to write."""


@dataclass(frozen=True, slots=True)
class Test:
    """A slot against plain values. Signs: == < > <= >= in contains filled; the others are written as `Not`."""

    slot: str
    sign: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


@dataclass(frozen=True, slots=True)
class Both:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple[Condition, ...]


Condition = Test | Not | Both | Either
#: A condition, and whether it was found to hold.
Fact = tuple[Condition, bool]


@lru_cache(4096)
def parse(text: str) -> Condition:
    """A condition from its text. Raises ConditionError."""
    return _Parser(text).whole()


class _Parser:
    """Recursive descent over the tokens; every method leaves `at` behind what it read."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.at = 0
        if len(text) > MAX_LENGTH:
            raise ConditionError(f"the condition has {len(text)} characters, at most {MAX_LENGTH}; split the branch")
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise ConditionError(f"cannot read {text[at:].strip()[:20]!r}; write as: slot == value")
            self.tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
            at = found.end()

    def whole(self) -> Condition:
        if not self.tokens:
            raise ConditionError("the condition is empty; write as: slot == value")
        found = self._either(0)
        if self.at < len(self.tokens):
            raise ConditionError(f"wanted and, or or the end, found {self._there()}; quote text of several words")
        return found

    def _either(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise ConditionError(f"brackets nested deeper than {MAX_DEPTH}; make it flatter")
        parts = [self._both(depth)]
        while self._take("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self, depth: int) -> Condition:
        parts = [self._single(depth)]
        while self._take("and"):
            parts.append(self._single(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _single(self, depth: int) -> Condition:
        negated = False
        while self._take("not"):
            negated = not negated
        if self._take("("):
            inner = self._either(depth + 1)
            self._want(")")
        else:
            inner = self._test()
        return Not(inner) if negated else inner

    def _test(self) -> Condition:
        kind, slot = self._next("a slot")
        if kind != "word" or slot in WORDS or not slot.isidentifier():
            raise ConditionError(f"wanted a slot, found {slot}; write as: slot == value")
        _, sign = self._next("==, !=, <, <=, >, >=, in, contains or is")
        if sign == "is":
            _, what = self._next("filled or empty")
            if what not in ("filled", "empty"):
                raise ConditionError(f"wanted filled or empty after is, found {what}; for a value write ==")
            return Test(slot, "filled") if what == "filled" else Not(Test(slot, "filled"))
        if sign == "not":
            self._want("in")
            return Not(Test(slot, "in", self._list()))
        if sign == "in":
            return Test(slot, "in", self._list())
        if sign == "!=":
            return Not(Test(slot, "==", (self._value(),)))
        if sign in ("==", "<", "<=", ">", ">=", "contains"):
            return Test(slot, sign, (self._value(),))
        hint = "; write == for is equal to" if sign == "=" else ""
        raise ConditionError(f"wanted ==, !=, <, <=, >, >=, in, contains or is after {slot}, found {sign}{hint}")

    def _list(self) -> tuple[Value, ...]:
        self._want("[")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._want("]")
        return tuple(values)

    def _value(self) -> Value:
        kind, text = self._next("a value")
        if kind == "quoted":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "sign" or (text in WORDS and text not in ("true", "false")):
            raise ConditionError(f"wanted a value, found {text}; quote it if it is text")
        return _plain(text)

    def _next(self, wanted: str) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise ConditionError(f"wanted {wanted}, found the end; write as: slot == value")
        self.at += 1
        return self.tokens[self.at - 1]

    def _take(self, text: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] in (("word", text), ("sign", text)):
            self.at += 1
            return True
        return False

    def _want(self, text: str) -> None:
        if not self._take(text):
            raise ConditionError(f"wanted {text}, found {self._there()}; add it")

    def _there(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else "the end"


def _plain(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


def write_value(value: Value) -> str:
    """A value as conditions have it: bare where it can stand bare, else quoted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        found = _TOKEN.fullmatch(value)
        if found and found["word"] == value and value not in WORDS and _plain(value) == value:
            return value
        return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
    return repr(value) if _NUMBER.fullmatch(repr(value)) else format(value, "f")


def slots_of(condition: Condition) -> frozenset[str]:
    """Names of the slots that it tests."""
    return frozenset(test.slot for test in tests_of(condition))


def tests_of(condition: Condition) -> Iterable[Test]:
    """Every test in it."""
    if isinstance(condition, Test):
        yield condition
    elif isinstance(condition, Not):
        yield from tests_of(condition.part)
    else:
        for part in condition.parts:
            yield from tests_of(part)


def holds(condition: Condition, values: Mapping[str, Any]) -> bool:
    """Whether it is true of these values; a slot that is missing, None, "" or an empty list is empty."""
    if isinstance(condition, Not):
        return not holds(condition.part, values)
    if isinstance(condition, Both):
        return all(holds(part, values) for part in condition.parts)
    if isinstance(condition, Either):
        return any(holds(part, values) for part in condition.parts)
    value = values.get(condition.slot)
    filled = value is not None and value != "" and value != [] and value != {}
    if condition.sign == "filled":
        return filled
    return filled and _SIGNS[condition.sign](value, condition.values)


def _same(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _ordered(left: Any, right: Any) -> bool:
    """Numbers compare with numbers and text with text (dates are written so that their order is that of their text)."""
    numbers = all(isinstance(side, int | float) and not isinstance(side, bool) for side in (left, right))
    return numbers or (isinstance(left, str) and isinstance(right, str))


def _contains(value: Any, part: Value) -> bool:
    if isinstance(value, str):
        return isinstance(part, str) and part in value
    return isinstance(value, list) and any(_same(one, part) for one in value)


_SIGNS: Mapping[str, Callable[[Any, tuple[Value, ...]], bool]] = {
    "==": lambda value, to: _same(value, to[0]),
    "in": lambda value, to: any(_same(value, one) for one in to),
    "<": lambda value, to: _ordered(value, to[0]) and value < to[0],
    "<=": lambda value, to: _ordered(value, to[0]) and value <= to[0],
    ">": lambda value, to: _ordered(value, to[0]) and value > to[0],
    ">=": lambda value, to: _ordered(value, to[0]) and value >= to[0],
    "contains": lambda value, to: _contains(value, to[0]),
}


@dataclass(slots=True)
class Effort:
    """How many values may still be tried by several calls of `possible` together."""

    left: int


def possible(
    facts: Sequence[Fact], values: Mapping[str, Sequence[Value]], effort: Effort | None = None
) -> dict[str, Any] | None:
    """Values of slots under which all facts are as they say, or None when there are none.

    `values` lists what a slot may hold where that is known; any other slot may also be empty. {} stands for "too many
    to try", which counts as possible. What was tried is taken off `effort`.
    """
    tests = [test for condition, _ in facts for test in tests_of(condition)]
    choices: dict[str, Sequence[Any]] = {}
    for slot in dict.fromkeys(test.slot for test in tests):
        choices[slot] = values.get(slot) or _candidates([test for test in tests if test.slot == slot])
        if not choices[slot]:
            return {}
    # A fact is looked at as soon as its last slot has a value, so that most combinations are never made.
    order = {slot: place for place, slot in enumerate(choices)}
    due: list[list[Fact]] = [[] for _ in choices]
    for condition, truth in facts:
        due[max(order[slot] for slot in slots_of(condition))].append((condition, truth))
    row, tries = _search(list(choices.items()), due)
    if effort is not None:
        effort.left -= tries
    return row


def _search(
    choices: Sequence[tuple[str, Sequence[Any]]], due: Sequence[Sequence[Fact]]
) -> tuple[dict[str, Any] | None, int]:
    """(the first row of values that meets what is due at each slot, values tried); {} and None as for `possible`."""
    row: dict[str, Any] = {}
    ways = [iter(values) for _, values in choices[:1]]
    tries = 0
    while ways:
        place = len(ways) - 1
        value = next(ways[-1], _NO_MORE)
        if value is _NO_MORE:
            ways.pop()
            continue
        if (tries := tries + 1) > MAX_TRIES:
            return {}, tries
        row[choices[place][0]] = value
        if all(holds(condition, row) == truth for condition, truth in due[place]):
            if place + 1 == len(choices):
                return row, tries
            ways.append(iter(choices[place + 1][1]))
    return (None if choices else row), tries


def _candidates(tests: Sequence[Test]) -> list[Any]:
    """Values of a free slot that tell apart all that its tests can tell apart; [] when that would be too many."""
    # By their looks: true and 1 are the same key to a dict and not the same value.
    named = list({repr(value): value for test in tests for value in test.values}.values())
    parts = list(dict.fromkeys(test.values[0] for test in tests if test.sign == "contains"))
    compared = [test.values[0] for test in tests if test.sign in ("<", "<=", ">", ">=")]
    if parts and (compared or len(parts) > 6 or not all(isinstance(part, str) for part in parts)):
        return []
    numbers = sorted({v for v in compared if isinstance(v, int | float) and not isinstance(v, bool)})
    texts = sorted({v for v in compared if isinstance(v, str)})
    found: list[Any] = [*named, None, _OTHER]
    if numbers:
        found += [numbers[0] - 1, numbers[-1] + 1, *((a + b) / 2 for a, b in itertools.pairwise(numbers))]
    if texts:
        found += ["\x01", *(text + "\x01" for text in texts)]
    for size in range(2, len(parts) + 1):
        found += ["".join(map(str, some)) for some in itertools.combinations(parts, size)]
    if parts:
        found += [f"{_OTHER}{part}" for part in parts]
    return found
