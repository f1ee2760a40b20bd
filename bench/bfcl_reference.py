"""Our `bfcl` rules beside the reference checker, in one process on the same decoded rows: speed, then agreement.

    pip download --no-deps bfcl-eval==2026.3.23 --dest /tmp/bfcl && unzip -q /tmp/bfcl/*.whl -d /tmp/bfcl/reference
    python bench/bfcl_reference.py --reference /tmp/bfcl/reference --rows conformance.jsonl.gz --mutants 20000

Rows are {category, functions, possible_answer, output} a line. Mutants are rows with one value of the output changed,
half of them Java and JavaScript. Exit code 1 when a verdict differs. The strict rules are timed on the same calls. The
reference's table of models is replaced by one entry: it would import the clients of a hundred services, and the checker
asks it only whether dots become underscores.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import random
import statistics
import sys
import time
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from manyshot.bfcl import Verdict, check, well_formed
from manyshot.score import score
from manyshot.scoring.entries import Entry
from manyshot.scoring.strictly import prepare

Row = dict[str, Any]
Checker = Callable[[Row], Any]
#: What is planted into texts: what the forms of Java and JavaScript hang on.
PIECES = (
    *"[]{}()<>,:;'\"\n\t .-+",
    "new ",
    "add(",
    'put("',
    "}}",
    "{{",
    "true",
    "1",
    "2L",
    "3f",
    "4n",
    "null",
    "é",
    "０",
)


def reference_checker(folder: Path) -> Checker:
    """The reference, as the leaderboard calls it: form first, then the rules. A crash is returned as such."""
    sys.path.insert(0, str(folder))
    models = types.ModuleType("bfcl_eval.constants.model_config")
    models.MODEL_CONFIG_MAPPING = {"any": types.SimpleNamespace(underscore_to_dot=False)}  # type: ignore[attr-defined]
    sys.modules[models.__name__] = models
    from bfcl_eval.constants.enums import Language
    from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker

    languages = {"simple_java": Language.JAVA, "simple_javascript": Language.JAVASCRIPT}

    def judge(row: Row) -> Any:
        language = languages.get(row["category"], Language.PYTHON)
        return ast_checker(row["functions"], row["output"], row["possible_answer"], language, row["category"], "any")

    return judge


def ours(row: Row) -> Verdict:
    return check(row["functions"], row["output"], row["possible_answer"], row["category"])


def strict(prepared: Any) -> Any:
    calls, case, tools = prepared
    return score(calls, None, case, tools)


def rates(checkers: dict[str, tuple[Checker, Sequence[Any]]], rounds: int) -> list[dict[str, float]]:
    """Entries a second of CPU time of each, one after another in every round."""
    found = []
    for _ in range(rounds):
        speed = {}
        for name, (checker, rows) in checkers.items():
            began = time.process_time()
            for row in rows:
                checker(row)
            speed[name] = len(rows) / (time.process_time() - began)
        found.append(speed)
    return found


def mutant(row: Row, rng: random.Random) -> Row:
    """The row with one value of its output changed."""
    output = copy.deepcopy(row["output"])
    arguments = next(iter(rng.choice(output).values()))
    if not arguments:
        return row
    name = rng.choice(list(arguments))
    value = arguments[name]
    if isinstance(value, str) and rng.random() < 0.9:
        for _ in range(rng.randint(1, 4)):
            at = rng.randint(0, len(value))
            value = value[:at] + rng.choice(PIECES) + value[at + rng.randint(0, 2) :]
        arguments[name] = value
    else:
        arguments[name] = rng.choice(
            [None, True, 0, 1, 1.0, "", "1", [], [value], {}, {"a": value}, str(value), [1, "a"]]
        )
    return {**row, "output": output}


def differences(judge: Checker, rows: Sequence[Row], count: int, seed: int) -> list[str]:
    """Mutants on which the verdicts differ. Those of whole rows come first."""
    rng = random.Random(seed)
    usable = [row for row in rows if row["output"]]
    languages = [row for row in usable if row["category"] in ("simple_java", "simple_javascript")]
    mutants = (mutant(rng.choice(languages if i % 2 else usable), rng) for i in range(count))
    found = []
    for row in (*rows, *mutants):
        mine = ours(row)
        try:
            theirs = judge(row)
            expected = (theirs["valid"], None if theirs["valid"] else theirs["error_type"])
        except Exception as error:  # whatever it is: the reference stopped
            expected = (None, f"EXCEPTION:{type(error).__name__}")
        if (mine.valid, mine.error_type) != expected:
            found.append(f"{row['output']}: wanted {expected}, got {mine.valid}, {mine.error_type}")
    return found


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--reference", type=Path, required=True, help="folder of the unpacked wheel")
    words.add_argument("--rows", type=Path, required=True, help="conformance.jsonl.gz")
    words.add_argument("--rounds", type=int, default=25)
    words.add_argument("--mutants", type=int, default=20_000)
    words.add_argument("--seed", type=int, default=0)
    chosen = words.parse_args()
    with gzip.open(chosen.rows, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if well_formed(row["output"])]  # as the leaderboard does
    judge = reference_checker(chosen.reference)
    keys = ("id", "category", "functions", "possible_answer", "output")
    prepared = [prepare(Entry(*(row[key] for key in keys), where="")) for row in rows]
    speeds = rates({"reference": (judge, rows), "bfcl": (ours, rows), "strict": (strict, prepared)}, chosen.rounds)
    for name in speeds[0]:
        every = sorted(speed[name] for speed in speeds)
        print(f"{name:>10} {statistics.median(every):>10,.0f} entries/s (median; {every[0]:,.0f} to {every[-1]:,.0f})")
    for name in ("bfcl", "strict"):
        times = sorted(speed[name] / speed["reference"] for speed in speeds)
        print(
            f"{name} is {statistics.median(times):.2f} times the reference (median; {times[0]:.2f} to {times[-1]:.2f})"
        )
    found = differences(judge, rows, chosen.mutants, chosen.seed)
    print(f"{len(rows)} rows and {chosen.mutants} mutants: {len(found)} verdicts differ")
    print(*found[:20], sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
