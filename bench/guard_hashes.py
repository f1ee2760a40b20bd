"""Hashes of the Berkeley leaderboard's questions, for the guard that keeps them out of training.

    pip download --no-deps bfcl-eval==2026.3.23 --dest /tmp/bfcl && unzip -q /tmp/bfcl/*.whl -d /tmp/bfcl/reference
    python bench/guard_hashes.py --data /tmp/bfcl/reference            # writes src/manyshot/guard_bfcl.gz
    python bench/guard_hashes.py --data /tmp/bfcl/reference --check    # says what the guard catches, and its speed
    python bench/guard_hashes.py --data /tmp/bfcl/reference --check --others   # 13-gram overlap and MinHash beside it

Every message of a user counts, of all categories that the package holds, those it no longer asks included.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from manyshot import guard

Way = Callable[[str], bool]


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


def check(data: Path, seed: int, others: bool) -> None:
    found = [text for _, text in questions(data) if guard.says_something(guard.words_of(text))]
    everyday = said_in_corpus()
    ways: dict[str, Way] = {"guard": lambda text: guard.question_in(text) is not None}
    if others:
        ways |= {"13 words": overlap(found), "MinHash 0.5": minhash(found, 0.5), "MinHash 0.7": minhash(found, 0.7)}
    for name, way in ways.items():
        rng, caught = random.Random(seed), []
        for kind, change in kinds(rng).items():
            hits = sum(way(change(text)) for text in found)
            caught.append(f"{kind} {hits / len(found):.1%}")
        alarms = [text for text in everyday if way(text)]
        print(f"{name}: of {len(found)} questions caught " + ", ".join(caught))
        print(f"  false alarms: {len(alarms)} of {len(everyday)} sentences of the corpus", *alarms[:5], sep="\n    ")
        for texts, what in ((found, "question"), (everyday, "sentence of the corpus")):
            began = time.process_time()
            for text in texts:
                way(text)
            print(f"  {(time.process_time() - began) / len(texts) * 1e6:.1f} µs a {what}")


def kinds(rng: random.Random) -> dict[str, Callable[[str], str]]:
    """How a question may come in another form."""
    return {
        "as it is": lambda text: text,
        "other case and punctuation": lambda text: text.upper().replace(".", "!").replace(",", " "),
        "other numbers": lambda text: "".join(rng.choice("123456789") if c.isdigit() else c for c in text),
        "within a longer text": lambda text: f"Answer this, please. {text} Thank you very much for it.",
        "one word changed": lambda text: changed(text, rng),
        "one word left out": lambda text: changed(text, rng, with_=""),
        "one word more": lambda text: changed(text, rng, with_="", before="zebra"),
        "within a longer text, one word changed": lambda text: f"Hello there! {changed(text, rng)} Thank you.",
        "two words changed": lambda text: changed(changed(text, rng), rng),
    }


def said_in_corpus() -> list[str]:
    """What customers say in all that this project ships."""
    root = Path(__file__).parents[1]
    files = [*root.glob("corpus/**/*.jsonl"), *root.glob("src/manyshot/domains/**/*.jsonl")]
    rows = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines() if line.strip()]
    return [text for row in rows if (text := row.get("action") or row.get("opening"))]


def overlap(found: list[str], size: int = 13) -> Way:
    """Contamination as it is mostly looked for: a run of 13 words in common (Brown et al. 2020)."""

    def runs(text: str) -> set[bytes]:
        words = guard.words_of(text)
        return {b" ".join(words[n : n + size]) for n in range(len(words) - size + 1)}

    known = {run for text in found for run in runs(text)}
    return lambda text: not known.isdisjoint(runs(text))


def minhash(found: list[str], threshold: float) -> Way:
    """datasketch's index of MinHash signatures of pairs of words, 128 permutations."""
    from datasketch import MinHash, MinHashLSH

    def signed(text: str) -> MinHash:
        words = guard.words_of(text)
        one = MinHash(num_perm=128, seed=1)
        one.update_batch([b" ".join(pair) for pair in itertools.pairwise(words)] or [b"-"])
        return one

    index = MinHashLSH(threshold=threshold, num_perm=128)
    with index.insertion_session() as session:
        for number, text in enumerate(found):
            session.insert(str(number), signed(text))
    return lambda text: bool(index.query(signed(text)))


def changed(text: str, rng: random.Random, with_: str = "zebra", before: str = "") -> str:
    """The text with one of its words replaced; or with one before it."""
    words = text.split()
    at = rng.randrange(len(words))
    words[at : at + 1] = [before, words[at]] if before else [with_]
    return " ".join(words)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--data", type=Path, required=True, help="folder of the unpacked wheel")
    words.add_argument("--check", action="store_true")
    words.add_argument("--others", action="store_true", help="with --check: other ways to find such texts, too")
    words.add_argument("--seed", type=int, default=0)
    chosen = words.parse_args()
    if chosen.check:
        check(chosen.data, chosen.seed, chosen.others)
        return
    lines = list(guard.hashed(questions(chosen.data)))
    guard.FILE.write_bytes(gzip.compress("".join(lines).encode("ascii"), mtime=0))
    print(f"{guard.FILE}: {len(lines)} questions, {guard.FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
