"""Outputs whose verdict is known by how they were made: right ones, and right ones with one thing spoiled.

Every alternative of a text parameter is a random word, so that a spoiled word is no other alternative's, not
even without case, blanks and punctuation. bench/fuzz_score.py makes a million of them: several of one right entry,
since making the entry costs more than judging it.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from manyshot.formats import Format
from manyshot.scoring.entries import Entry
from manyshot.types import Json

LETTERS = "bcdfghklmnprstvw"
Output = list[Any]


class Mutant(NamedTuple):
    """An entry with its output, the verdict it must get, and what was done."""

    entry: Entry
    right: bool
    how: str


def word(rng: random.Random, length: int = 6) -> str:
    return "".join(rng.choices(LETTERS, k=length))


class _Parameter(NamedTuple):
    schema: Json
    alternatives: list[Any]
    optional: bool


def _values(kind: str, rng: random.Random) -> tuple[Json, list[Any]]:
    """A schema, in the leaderboard's names, and some values of it."""
    count = rng.randint(1, 3)
    if kind == "enum":
        choices = [word(rng) for _ in range(3)]
        return {"type": "string", "enum": choices}, choices[:count]
    if kind == "array":
        return {"type": "array", "items": {"type": "string"}}, [
            [word(rng) for _ in range(rng.randint(2, 4))] for _ in range(count)
        ]
    if kind == "dict":
        inner = {"a": {"type": "integer"}, "b": {"type": "string"}}
        return {"type": "dict", "properties": inner}, [{"a": [rng.randint(0, 99)], "b": [word(rng)]}]
    make: Callable[[], Any] = {
        "string": lambda: word(rng),
        "integer": lambda: rng.randint(-999, 999),
        "float": lambda: rng.randint(-999, 999) + 0.5,
        "boolean": lambda: True,
    }[kind]
    return {"type": kind}, [make() for _ in range(count)]


KINDS = ("string", "integer", "float", "boolean", "enum", "array", "dict")


def _parameters(rng: random.Random) -> dict[str, _Parameter]:
    found = {}
    for number in range(rng.randint(1, 5)):
        schema, alternatives = _values(rng.choice(KINDS), rng)
        found[f"p{number}"] = _Parameter(schema, alternatives, optional=number > 0 and rng.random() < 0.4)
    return found


def _flat(value: Any) -> Any:
    """An alternative as a value: the first of each part of an object."""
    return {key: parts[0] for key, parts in value.items()} if isinstance(value, dict) else copied(value)


def copied(value: Any) -> Any:
    """A copy of JSON, in a fifth of the time of copy.deepcopy."""
    if isinstance(value, dict):
        return {key: copied(one) for key, one in value.items()}
    return [copied(one) for one in value] if isinstance(value, list) else value


def right_entry(rng: random.Random) -> tuple[Entry, dict[str, dict[str, _Parameter]]]:
    """An entry of one or several calls, all right, and the parameters by function."""
    count = rng.choice((1, 1, 1, 2, 3))
    made = {f"{word(rng, 4)}.{word(rng, 4)}": _parameters(rng) for _ in range(count)}
    functions, answer, output = [], [], []
    for name, parameters in made.items():
        properties = {p: one.schema for p, one in parameters.items()}
        required = [p for p, one in parameters.items() if not one.optional]
        functions.append({"name": name, "parameters": {"type": "dict", "properties": properties, "required": required}})
        answer.append(
            {name: {p: [*o.alternatives, ""] if o.optional else o.alternatives for p, o in parameters.items()}}
        )
        given = {
            p: _flat(rng.choice(one.alternatives))
            for p, one in parameters.items()
            if not one.optional or rng.random() < 0.6
        }
        output.append({name: dict(rng.sample(list(given.items()), len(given)))})
    category = "simple_python" if len(made) == 1 else "parallel_multiple"
    rng.shuffle(output)
    return Entry(word(rng), category, functions, answer, output, "mutant:1"), made


def spoil(output: Output, made: dict[str, dict[str, _Parameter]], rng: random.Random) -> str:
    """Change the output in place so that it is wrong under both rule sets; returns how."""
    call = rng.choice(output)
    ((name, given),) = call.items()
    how = rng.choice(tuple(_SPOILERS))
    if how in ("value", "type", "monster"):
        parameter = rng.choice(list(given))
        given[parameter] = _SPOILERS[how](given[parameter], made[name][parameter], rng)
        return f"{how} of {parameter}"
    _SPOILERS[how](output, call, name)
    return how


def _other_value(value: Any, parameter: _Parameter, rng: random.Random) -> Any:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return value + rng.choice((1000, 10**30)) * 2
    if isinstance(value, float):
        return rng.choice((value + 0.25, -math.inf, math.nan))
    if isinstance(value, str):  # the leaderboard takes "" for an optional text
        return rng.choice((value + "z", "z" + value, "z" if parameter.optional else "", "z" * 4000))
    if isinstance(value, list):
        return rng.choice((value[:-1], [*value, "z"], [*value[:-1], value[-1] + "z"], [value[0] + "z", *value[1:]]))
    return rng.choice(({**value, "a": -1}, {**value, "b": value["b"] + "z"}, {**value, "c": 1}, {"a": value["a"]}))


def _other_type(value: Any, _: _Parameter, rng: random.Random) -> Any:
    wrong: list[Any] = [None, {"z": value}, [[value]], "z"]
    if not isinstance(value, str):
        wrong.append(json.dumps(value))
    if isinstance(value, bool):
        wrong.append(1)
    return rng.choice([one for one in wrong if type(one) is not type(value)])


def _monster(_: Any, __: _Parameter, rng: random.Random) -> Any:
    nested: Any = "z"
    for _n in range(rng.choice((20, 500, 2000))):
        nested = [nested] if rng.random() < 0.5 else {"z": nested}
    return rng.choice(
        (nested, 10**4000, "\ud800z", "z\x00", "z" * 4096, ["z"] * 1000, {f"k{n}": n for n in range(300)})
    )


def _drop(_: Output, call: Json, name: str) -> None:
    call[name].pop("p0")  # always required


def _extra(_: Output, call: Json, name: str) -> None:
    call[name]["zz"] = 1


def _misname(_: Output, call: Json, name: str) -> None:
    call[name + "z"] = call.pop(name)


def _once_more(output: Output, call: Json, _: str) -> None:
    output.append(copied(call))


def _once_less(output: Output, call: Json, _: str) -> None:
    output.remove(call)


def _two_names(_: Output, call: Json, __: str) -> None:
    call["zz"] = {}


def _no_arguments(_: Output, call: Json, name: str) -> None:
    call[name] = None


_SPOILERS: dict[str, Callable[..., Any]] = {
    "value": _other_value,
    "type": _other_type,
    "monster": _monster,
    "drop": _drop,
    "extra": _extra,
    "misname": _misname,
    "once more": _once_more,
    "once less": _once_less,
    "two names": _two_names,
    "no arguments": _no_arguments,
}


def mutant(rng: random.Random) -> Mutant:
    """A right entry, or, four times in five, one that is spoiled."""
    entry, made = right_entry(rng)
    if rng.random() < 0.2:
        return Mutant(entry, True, "right")
    return Mutant(entry, False, spoil(entry.output, made, rng))


def family(rng: random.Random, size: int = 5) -> Iterator[Mutant]:
    """A right entry, then others of it that are spoiled, each in one thing."""
    entry, made = right_entry(rng)
    yield Mutant(entry, True, "right")
    for _ in range(size - 1):
        output = copied(entry.output)
        how = spoil(output, made, rng)
        yield Mutant(replace(entry, output=output), False, how)


def as_text(output: Output, form: Format) -> str | None:
    """The output as a model of that form would write it, None where the form has no way to."""
    pairs = [(name, arguments) for call in output for name, arguments in call.items()]
    if form == "python":
        return _as_python(pairs)
    try:
        bodies = [json.dumps(arguments, ensure_ascii=False) for _, arguments in pairs]
    except (RecursionError, ValueError):
        return None
    objects = [
        f'{{"name": {json.dumps(name)}, "arguments": {body}}}' for (name, _), body in zip(pairs, bodies, strict=True)
    ]
    if form == "json":
        return "[" + ", ".join(objects) + "]"
    if form == "hermes":
        return "\n".join(f"<tool_call>\n{one}\n</tool_call>" for one in objects)
    if form == "mistral":
        return "".join(f"[TOOL_CALLS]{name}[ARGS]{body}" for (name, _), body in zip(pairs, bodies, strict=True))
    if form == "llama":
        return "; ".join(objects)
    if form == "name":
        return "\n".join(f"{name}{body}" for (name, _), body in zip(pairs, bodies, strict=True))
    return None


def _as_python(pairs: list[tuple[str, Any]]) -> str | None:
    if not all(isinstance(arguments, dict) for _, arguments in pairs):
        return None
    try:
        calls = [f"{name}({', '.join(f'{key}={value!r}' for key, value in own.items())})" for name, own in pairs]
    except (RecursionError, ValueError):
        return None
    return f"[{', '.join(calls)}]"


def damaged(text: str, rng: random.Random) -> str:
    """The text with a few characters put in, changed or taken away."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice("\"'{}[](),:\\ue0 z9-.\n<>\ud800") + text[at + rng.randint(0, 2) :]
    return text
