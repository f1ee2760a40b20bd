"""Questions of public benchmarks must never be trained on: is a text one of them, or nearly?

One rule: the questions are not in this package, only hashes of them (`guard_bfcl.gz`, made by bench/guard_hashes.py). A
text is one of them where it equals it but for case, punctuation and digits, or where most of the runs of words that
stand for a question are in it: so also where a word was changed, or where the question is part of a longer text.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar

from manyshot.errors import DataError
from manyshot.types import CallPair, Trajectory

R = TypeVar("R", CallPair, Trajectory)

FILE = Path(__file__).with_name("guard_bfcl.gz")
#: Words in a run; runs that stand for a question, at most and at least; how many of them make a text nearly equal.
RUN, SKETCH, FEWEST_RUNS = 5, 6, 3
ENOUGH = 2 / 3  # and FEWEST_RUNS
#: Words and bytes below which a text is everyday speech that anyone may say, as "where is my order".
FEWEST, SHORTEST = 6, 30
#: A word; signs of languages that put no spaces between words count one by one.
_APART = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_APART}]|[^\W_{_APART}]+")
_DIGITS = re.compile(r"\d+")
#: As _WORD has it for ASCII, in a quarter of the time: letters small, what is no letter or digit a space.
_ASCII = bytes(ord(chr(i).lower()) if i < 128 and chr(i).isalnum() else 32 for i in range(256))
_ASCII_DIGITS = re.compile(rb"\d+")


class _Known(NamedTuple):
    """Hash of a question -> its entry; hash of a run -> (entry, how many runs stand for it) of each that has it."""

    whole: dict[int, str]
    runs: dict[int, list[tuple[str, int]]]


def question_in(text: str) -> str | None:
    """The entry whose question a text equals or nearly equals, as "BFCL simple_python_7"; some 10 µs a sentence."""
    words, known = words_of(text), _known()
    if not says_something(words):
        return None
    if entry := known.whole.get(zlib.crc32(b" ".join(words))):
        return entry
    found = known.runs.keys() & runs_of(words)
    if len(found) < FEWEST_RUNS:
        return None
    (entry, runs), count = Counter(one for run in found for one in known.runs[run]).most_common(1)[0]
    return entry if count >= max(FEWEST_RUNS, ENOUGH * runs) else None


def benchmark_in(one: CallPair | Trajectory) -> str | None:
    """`question_in` of what the customer says in a record."""
    if isinstance(one, CallPair):
        return question_in(one.action)
    return next(filter(None, (question_in(turn.text) for turn in one.turns if turn.role == "user")), None)


def guarded(records: Iterable[tuple[str, R]]) -> Iterator[R]:
    """The records of (place, record), handed on. Raises DataError at one that is a benchmark's question."""
    for place, one in records:
        if entry := benchmark_in(one):
            raise DataError(f"{place}: {refusal(entry)}; remove it, or what it was made from")
        yield one


def refusal(entry: str) -> str:
    """What is wrong with a row, in words."""
    return f"equals or nearly equals the question of {entry}, a benchmark, which must not be trained on"


def words_of(text: str) -> list[bytes]:
    """What is compared: words without case, punctuation, and which digits."""
    if text.isascii():
        return _ASCII_DIGITS.sub(b"0", text.encode().translate(_ASCII)).split()
    plain = _DIGITS.sub("0", unicodedata.normalize("NFKC", text).casefold())
    return [word.encode("utf-8", "replace") for word in _WORD.findall(plain)]


def says_something(words: Sequence[bytes]) -> bool:
    """Whether it is long enough to be guarded."""
    return len(words) >= FEWEST and sum(map(len, words)) + len(words) > SHORTEST


def runs_of(words: Sequence[bytes]) -> set[int]:
    """A hash of each run of RUN words that begins with a word whose last byte says so, a third of them; dates and other
    figures alone say nothing."""
    runs = (words[start : start + RUN] for start, first in enumerate(words[: 1 - RUN]) if not first[-1] & 3)
    return {zlib.crc32(b" ".join(run)) for run in runs if run.count(b"0") < 2}


def hashed(questions: Iterable[tuple[str, str]]) -> Iterator[str]:
    """(entry, question) -> the lines of FILE: the entry, the hash of its question, those of its runs. A question that
    came before, or that is too short to say anything, is left out."""
    seen: set[bytes] = set()
    for entry, text in questions:
        words = words_of(text)
        joined = b" ".join(words)
        if joined in seen or not says_something(words):
            continue
        seen.add(joined)
        runs = sorted(runs_of(words))[:SKETCH]
        kept = [zlib.crc32(joined), *(runs if len(runs) >= FEWEST_RUNS else ())]
        yield f"{entry} {' '.join(f'{one:08x}' for one in kept)}\n"


@cache
def _known() -> _Known:
    known = _Known({}, defaultdict(list))
    with gzip.open(FILE, "rt", encoding="ascii") as lines:
        for line in lines:
            entry, whole, *runs = line.split()
            known.whole[int(whole, 16)] = f"BFCL {entry}"
            for one in runs:
                known.runs[int(one, 16)].append((f"BFCL {entry}", len(runs)))
    return known
