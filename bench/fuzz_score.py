"""Mutated outputs through both rule sets and all readers of text: no crash, no hang, no wrong "valid".

    python bench/fuzz_score.py --mutants 1000000

Mutants are those of tests/mutants.py, so their verdict is known by how they were made. Every one is judged as calls,
every tenth also as text, whole and damaged. Then inputs of --megabytes each: as calls, as text in every form, and as
lines of a file. Exit code 1 when a verdict is wrong or an input takes longer than LIMIT.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.mutants import as_text, damaged, mutant

from manyshot.formats import Format, read_calls
from manyshot.scoring import score_file
from manyshot.scoring.entries import Entry, Judged
from manyshot.scoring.judges import RULES

#: Seconds that one input may take.
LIMIT = 20
TOOL = {
    "name": "f",
    "parameters": {
        "type": "dict",
        "properties": {
            "s": {"type": "string"},
            "i": {"type": "integer"},
            "a": {"type": "array", "items": {"type": "string"}},
            "d": {"type": "dict"},
        },
        "required": [],
    },
}
ANSWER = [{"f": {"s": ["x", ""], "i": [1, ""], "a": [["x"], ""], "d": [{"k": ["x"]}, ""]}}]


class Hang(Exception):
    """An input took longer than LIMIT."""


@contextmanager
def limited() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise Hang(f"longer than {LIMIT} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)


def judge_mutants(count: int, seed: int) -> tuple[collections.Counter[str], list[str]]:
    """How many got which verdict, and what was wrong."""
    rng, seen, faults = random.Random(seed), collections.Counter[str](), []
    for number in range(count):
        made = mutant(rng)
        with limited():
            for name, judge in RULES.items():
                got = judge(made.entry)
                got.message.encode()
                seen[f"{name} {'right' if got.valid else got.stage or 'not judged'}"] += 1
                if (got.valid is True) != made.right:
                    faults.append(f"{name} {number} {made.how}: wanted {made.right}, got {got}")
            if number % 10 == 0:
                faults += judge_as_text(made.entry, made.right, rng, seen)
    return seen, faults


def judge_as_text(entry: Entry, right: bool, rng: random.Random, seen: collections.Counter[str]) -> list[str]:
    faults = []
    for form in get_args(Format):
        text = as_text(entry.output, form)
        if text is None:
            continue
        for tried in (text, damaged(text, rng)):
            try:
                calls = read_calls(tried, form).calls
            except ValueError:
                seen[f"{form} refused"] += 1
                if right and tried == text:
                    faults.append(f"{form} refused {text!r}")
                continue
            seen[f"{form} read"] += 1
            read = replace(entry, output=[{call.name: call.arguments} for call in calls])
            for name, judge in RULES.items():
                got = judge(read)
                if tried == text and (got.valid is True) != right:
                    faults.append(f"{form} {name}: wanted {right}, got {got}: {text!r}")
    return faults


def large_values(size: int) -> dict[str, Callable[[], Any]]:
    """Values of `size` characters or as many parts; made when asked for, since each takes much memory."""

    def nested(depth: int, wrap: Callable[[Any], Any]) -> Any:
        value: Any = "x"
        for _ in range(depth):
            value = wrap(value)
        return value

    return {
        "text": lambda: "x" * size,
        "blanks": lambda: " " * size + "y",
        "surrogates": lambda: "\ud800" * size,
        "zero bytes": lambda: "\0" * size,
        "marks": lambda: "<tool_call>" * (size // 11),
        "quotes": lambda: "'\"" * (size // 2),
        "brackets": lambda: "[" * size,
        "huge integer": lambda: 1 << (size * 3),
        "NaN": lambda: [float("nan")] * (size // 8),
        "texts": lambda: ["x"] * (size // 5),
        "keys": lambda: {f"k{n}": "x" for n in range(size // 15)},
        "lists in lists": lambda: nested(size // 100, lambda v: [v]),
        "objects in objects": lambda: nested(size // 100, lambda v: {"k": v}),
        "Java list": lambda: "new ArrayList<>(Arrays.asList(" * (size // 30),
        "JavaScript table": lambda: "[[1]," + "[1]," * (size // 4),
    }


def judge_large(size: int) -> tuple[int, list[str]]:
    """Every large value in every parameter, under all rules, then as text and as lines."""
    count, faults = 0, []

    def run(what: str, step: Callable[[], Any]) -> None:
        nonlocal count
        count += 1
        began = time.monotonic()
        try:
            with limited():
                found = step()
        except Exception as error:  # whatever it is, it is what is looked for
            faults.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")
            return
        if isinstance(found, Judged) and found.valid:
            faults.append(f"{what}: called valid")
        if (spent := time.monotonic() - began) > 2:
            print(f"  {what}: {spent:.1f} s")

    for name, make in large_values(size).items():
        value = make()
        for parameter in TOOL["parameters"]["properties"]:  # type: ignore[index]
            for category in ("simple_python", "simple_java", "simple_javascript", "parallel"):
                entry = Entry("1", category, [TOOL], ANSWER, [{"f": {parameter: value}}], "large:1")
                for rules, judge in RULES.items():
                    run(f"{name} as {parameter}, {category}, {rules}", lambda j=judge, e=entry: j(e))  # type: ignore[misc]
        for form in get_args(Format):
            text = value if isinstance(value, str) else large_text(value)
            for tried in (text, f'<tool_call>{{"name": "f", "arguments": {{"s": "{text}'):
                run(f"{name} as {form}", lambda t=tried, f=form: refuse(t, f))  # type: ignore[misc]
    run("lines", lambda: large_file(size))
    return count, faults


def large_text(value: Any) -> str:
    try:
        return json.dumps(value)
    except (RecursionError, ValueError):
        return "[" * 1000 + "9" * 1_000_000


def refuse(text: str, form: Format) -> None:
    try:
        found = read_calls(text, form)
    except ValueError:
        return
    if found.calls:
        raise AssertionError("read as calls")


def large_file(size: int) -> None:
    """Lines that no reader of JSON takes, beside one that is right."""
    entry = {"category": "simple_python", "functions": [TOOL], "possible_answer": ANSWER}
    right = json.dumps({"id": "right", **entry, "output": [{"f": {"s": "x"}}]})
    head = json.dumps({"id": "large", **entry})[:-1] + ', "output": '
    bodies = (
        "[" * size,
        "9" * size,
        '"' + "x" * size,
        '[{"f": {"s": "' + "\\ud800" * (size // 6) + '"}}]',
        "NaN" * 3,
        "\0",
    )
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.jsonl"
        source.write_text("".join(f"{head}{body}}}\n" for body in bodies) + right + "\n", "utf-8")
        for rules in RULES:
            scored = score_file(source, Path(folder) / "out.jsonl", rules, lambda _: None)
            if (scored.right, scored.judged, scored.faults) != (1, 2, len(bodies) - 1):
                raise AssertionError(f"{rules}: {scored}")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--mutants", type=int, default=20_000)
    words.add_argument("--megabytes", type=float, default=10)
    words.add_argument("--seed", type=int, default=0)
    chosen = words.parse_args()
    began = time.monotonic()
    seen, faults = judge_mutants(chosen.mutants, chosen.seed)
    print(f"{chosen.mutants} mutants in {time.monotonic() - began:.0f} s: {len(faults)} wrong")
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(seen.items())))
    began = time.monotonic()
    count, more = judge_large(round(chosen.megabytes * 1_000_000))
    print(f"{count} checks on inputs of {chosen.megabytes:g} MB in {time.monotonic() - began:.0f} s: {len(more)} wrong")
    print(*(faults + more)[:20], sep="\n")
    sys.exit(bool(faults or more))


if __name__ == "__main__":
    main()
