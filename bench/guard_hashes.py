"""Hashes of the Berkeley leaderboard's questions, for the guard that keeps them out of training.

    pip download --no-deps bfcl-eval==2026.3.23 --dest /tmp/bfcl && unzip -q /tmp/bfcl/*.whl -d /tmp/bfcl/reference
    python bench/guard_hashes.py --data /tmp/bfcl/reference            # writes src/manyshot/guard_bfcl.gz
    python bench/guard_hashes.py --data /tmp/bfcl/reference --check    # says what the guard catches, and its speed

Every message of a user counts, of all categories that the package holds, those it no longer asks included.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manyshot import guard


def questions(data: Path) -> Iterator[tuple[str, str]]:
    """(entry, question), the scored categories first."""
    folder = data / "bfcl_eval" / "data"
    files = [*sorted(folder.glob("BFCL_v4_*.json")), *sorted(folder.glob("unused_datasets/question/*.json"))]
    for file in files:
        if file.stem == "BFCL_v4_format_sensitivity":  # a list of other files' entries
            continue
        for number, line in enumerate(filter(None, file.read_text("utf-8").split("\n"))):
            row: Any = json.loads(line)
            entry = row.get("id") or f"{file.stem.removeprefix('BFCL_v4_')}_{number}"
            yield from ((entry, text) for text in said(row.get("question", ())))


def said(part: Any) -> Iterator[str]:
    """What a user says in a question: a text, messages, or turns of messages."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        if part.get("role") == "user":
            yield part["content"]
    else:
        for one in part:
            yield from said(one)


def check(data: Path, seed: int) -> None:
    rng = random.Random(seed)
    found = [(entry, text) for entry, text in questions(data) if guard.says_something(guard.words_of(text))]
    kinds = {
        "as it is": lambda text: text,
        "other case and punctuation": lambda text: text.upper().replace(".", "!").replace(",", " "),
        "other numbers": lambda text: "".join(rng.choice("123456789") if c.isdigit() else c for c in text),
        "within a longer text": lambda text: f"Answer this, please. {text} Thank you very much for it.",
        "one word changed": lambda text: changed(text, rng),
    }
    for name, change in kinds.items():
        caught = [guard.question_in(change(text)) is not None for _, text in found]
        print(f"{name}: {sum(caught)} of {len(caught)} caught")
    began = time.perf_counter()
    for _, text in found:
        guard.question_in(text)
    print(f"{(time.perf_counter() - began) / len(found) * 1e6:.0f} µs a question")


def changed(text: str, rng: random.Random) -> str:
    words = text.split()
    words[rng.randrange(len(words))] = "zebra"
    return " ".join(words)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--data", type=Path, required=True, help="folder of the unpacked wheel")
    words.add_argument("--check", action="store_true")
    words.add_argument("--seed", type=int, default=0)
    chosen = words.parse_args()
    if chosen.check:
        check(chosen.data, chosen.seed)
        return
    lines = list(guard.hashed(questions(chosen.data)))
    guard.FILE.write_bytes(gzip.compress("".join(lines).encode("ascii"), mtime=0))
    print(f"{guard.FILE}: {len(lines)} questions, {guard.FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
