"""Mutated outputs through both rule sets and all readers of text: no crash, no hang, no wrong "valid".

    python bench/fuzz_score.py --mutants 1000000 --out /tmp/fuzz.jsonl --minutes 50

Mutants are those of tests/mutants.py, so their verdict is known by how they were made. Every one is judged as calls,
every 53rd also as text in six forms, whole and damaged. Then inputs of --megabytes each: as calls, right and all but
right, as text in every form, and as lines of a file. What is done stands in --out, a row a piece: the same command goes
on after a stop, as long as the code that is tried is the same. --profile says where the time of a block goes.

Exit code 1 when a verdict is wrong or an input takes longer than LIMIT, 3 when the minutes are over before the work.
"""

from __future__ import annotations

import argparse
import collections
import cProfile
import faulthandler
import json
import pstats
import random
import resource
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

from tests import mutants as mutating
from tests.mutants import Mutant, as_text, copied, damaged, family

import manyshot
from manyshot.formats import Format, read_calls
from manyshot.journal import going_on, whole_rows
from manyshot.records import digest
from manyshot.scoring import score_file
from manyshot.scoring.entries import Entry, Judged
from manyshot.scoring.judges import RULES

#: Seconds of CPU time that one input may take; of wall time for a piece of the work, after which the process shows
#: where it is and ends itself: some code heeds no signal.
LIMIT, DEAD = 20, 1800
#: Mutants of a block, and those that are made of one right entry.
BLOCK, FAMILY = 5000, 5
#: What is tried: the run of another version is not gone on with.
TRIED = ("score.py", "schema_fit.py", "alike.py", "oneline.py", "parse.py", "types.py", "scoring", "bfcl", "formats")
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
Row = dict[str, Any]


class Hang(BaseException):
    """An input took longer than LIMIT. No Exception: what judges must not take it for a fault of the input's."""


@contextmanager
def limited() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise Hang(f"longer than {LIMIT} s")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def judge_mutants(block: int, seed: int, count: int) -> Row:
    """How many of a block got which verdict, and what was wrong."""
    rng = random.Random(f"{seed} {block}")
    seen, faults, number = collections.Counter[str](), list[str](), 0
    while number < count:
        try:
            with limited():
                for made in family(rng, min(FAMILY, count - number)):
                    number += 1
                    judge_mutant(made, rng, seen, faults, in_text=number % 53 == 0)
        except (Exception, Hang) as error:  # whatever it is, it is what is looked for
            faults.append(f"block {block}, mutant {number}: {type(error).__name__}: {str(error)[:200]}")
            number += 1
    return {"mutants": count, "seen": dict(seen), "faults": faults}


def judge_mutant(
    made: Mutant, rng: random.Random, seen: collections.Counter[str], faults: list[str], *, in_text: bool
) -> None:
    for name, judge in RULES.items():
        got = judge(made.entry)
        got.message.encode()
        seen[f"{name} {'right' if got.valid else got.stage or 'not judged'}"] += 1
        # under the strict rules null is for entries without a right answer, and each of these has one
        if (got.valid is True) != made.right or (got.valid is None and name == "strict"):
            faults.append(f"{name} {made.how}: wanted {made.right}, got {got}: {str(made.entry)[:500]}")
    if in_text:
        faults += judge_as_text(made.entry, made.right, rng, seen)


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


def judge_large(name: str, size: int) -> Row:
    """One large value in every parameter, under all rules, then right and nearly right, then as text."""
    count, faults, slow = 0, list[str](), list[str]()

    def run(what: str, step: Callable[[], Any], *, right: bool = False) -> None:
        nonlocal count
        count += 1
        began = time.monotonic()
        try:
            with limited():
                found = step()
        except (Exception, Hang) as error:  # whatever it is, it is what is looked for
            faults.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")
            return
        if isinstance(found, Judged) and (found.valid is True) != right:
            faults.append(f"{what}: called {found.valid}")
        if (spent := time.monotonic() - began) > 2:
            slow.append(f"{what}: {spent:.1f} s")

    value = large_values(size)[name]() if name != "lines" else None
    if name == "lines":
        run("lines", lambda: large_file(size))
        return {"checks": count, "slow": slow, "faults": faults}
    for parameter in TOOL["parameters"]["properties"]:  # type: ignore[index]
        for category in ("simple_python", "simple_java", "simple_javascript", "parallel"):
            entry = Entry("1", category, [TOOL], ANSWER, [{"f": {parameter: value}}], "large:1")
            for rules, judge in RULES.items():
                run(f"{name} as {parameter}, {category}, {rules}", lambda j=judge, e=entry: j(e))  # type: ignore[misc]
    for near, right in nearly(value):
        parameter = {str: "s", int: "i", list: "a", dict: "d"}[type(value)]
        allowed = {key: [one] for key, one in value.items()} if parameter == "d" else value
        entry = Entry("1", "simple_python", [TOOL], [{"f": {parameter: [allowed]}}], [{"f": {parameter: near}}], "l:1")
        for rules, judge in RULES.items():
            what = f"{name} as {parameter}, wanted so, {'the same' if right else 'nearly'}, {rules}"
            run(what, lambda j=judge, e=entry: j(e), right=right)  # type: ignore[misc]
    for form in get_args(Format):
        text = value if isinstance(value, str) else large_text(value)
        for tried in (text, f'<tool_call>{{"name": "f", "arguments": {{"s": "{text}'):
            run(f"{name} as {form}", lambda t=tried, f=form: refuse(t, f))  # type: ignore[misc]
    return {"checks": count, "slow": slow, "faults": faults}


def nearly(value: Any) -> Iterator[tuple[Any, bool]]:
    """A large value again, and with its last part changed, where it is one that a rule may call right."""
    if isinstance(value, str) and value.strip("\0 ,./-_*^'\""):
        yield from ((value[:-1] + value[-1:], True), (value[:-1] + "z", False), (value + "z", False))
    elif isinstance(value, int):
        yield from ((value + 0, True), (value + 1, False))
    elif isinstance(value, list) and all(one == "x" for one in value):
        yield from ((copied(value), True), ([*value[:-1], "z"], False), (value[:-1], False))
    elif isinstance(value, dict) and all(one == "x" for one in value.values()):
        last = next(reversed(value))
        yield from ((dict(reversed(value.items())), True), ({**value, last: "z"}, False))


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


def units(mutants: int, seed: int, size: int) -> dict[str, Callable[[], Row]]:
    """The pieces of the work by name, the large inputs first: they are few."""
    found: dict[str, Callable[[], Row]] = {}
    for name in (*large_values(1), "lines") if size else ():
        found[f"large {name}"] = lambda name=name: judge_large(name, size)  # type: ignore[misc]
    for block in range(-(-mutants // BLOCK)):
        count = min(BLOCK, mutants - block * BLOCK)
        found[f"mutants {block}"] = lambda b=block, n=count: judge_mutants(b, seed, n)  # type: ignore[misc]
    return found


def code_id() -> str:
    """Hash of the code that is tried and of what makes the mutants."""
    root = Path(manyshot.__file__).parent
    named = (root / name for name in TRIED)
    files = [file for one in named for file in ([one] if one.is_file() else sorted(one.rglob("*.py")))]
    files += [Path(__file__), Path(mutating.__file__)]
    return digest([file.read_text("utf-8") for file in files])


def fuzz(out: Path | None, work: dict[str, Callable[[], Row]], mark: Row, minutes: float) -> tuple[list[Row], bool]:
    """The rows of all pieces, and whether all were done before the minutes were over."""
    kept = whole_rows(out) if out else []
    done: dict[str, Row] = {row["unit"]: row for row in kept[1:]} if kept and kept[0] == mark else {}
    began, last = time.monotonic(), 0.0
    with going_on(out, [mark, *done.values()]) if out else nothing() as add:
        for name, step in work.items():
            if name in done:
                continue
            if time.monotonic() - began > 60 * minutes:
                return [done[one] for one in work if one in done], False
            faulthandler.dump_traceback_later(DEAD, exit=True)
            started = time.process_time()
            done[name] = {"unit": name, **step(), "seconds": round(time.process_time() - started, 2)}
            faulthandler.cancel_dump_traceback_later()
            add(done[name])
            if time.monotonic() - last > 10:
                last = time.monotonic()
                print(f"  {len(done)} of {len(work)} pieces, {totals(done.values())}", file=sys.stderr, flush=True)
    return [done[one] for one in work], True


@contextmanager
def nothing() -> Iterator[Callable[[Row], None]]:
    yield lambda _: None


def totals(rows: Any) -> str:
    rows = list(rows)
    mutants, checks = (sum(row.get(kind, 0) for row in rows) for kind in ("mutants", "checks"))
    wrong, spent = sum(len(row["faults"]) for row in rows), sum(row["seconds"] for row in rows)
    return f"{mutants:,} mutants and {checks} checks of large inputs in {spent:.0f} s of CPU time: {wrong} wrong"


def profiled(seed: int) -> None:
    """Where the time of one block goes."""
    with cProfile.Profile() as profile:
        judge_mutants(0, seed, BLOCK)
    pstats.Stats(profile).sort_stats("cumulative").print_stats(40)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--mutants", type=int, default=20_000)
    words.add_argument("--megabytes", type=float, default=10, help="size of the large inputs; 0: none")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--out", type=Path, help="file of what is done, to go on from")
    words.add_argument("--minutes", type=float, default=float("inf"))
    words.add_argument("--profile", action="store_true")
    chosen = words.parse_args()
    if chosen.profile:
        profiled(chosen.seed)
        return
    size = round(chosen.megabytes * 1_000_000)
    mark = {"fuzz": code_id(), "seed": chosen.seed, "mutants": chosen.mutants, "size": size}
    rows, whole = fuzz(chosen.out, units(chosen.mutants, chosen.seed, size), mark, chosen.minutes)
    seen = sum((collections.Counter(row.get("seen", {})) for row in rows), collections.Counter[str]())
    print(("" if whole else "NOT ALL: ") + totals(rows))
    print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(seen.items())))
    print(*(f"  slow: {one}" for row in rows for one in row.get("slow", ())), sep="\n")
    faults = [one for row in rows for one in row["faults"]]
    print(*faults[:20], sep="\n")
    sys.exit(1 if faults else 0 if whole else 3)


if __name__ == "__main__":
    main()
