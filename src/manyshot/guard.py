"""Questions of public benchmarks, and tests that are held out, must never be trained on: is a text one, or nearly?

One rule: a benchmark's questions are not in this package, only hashes of them (`guard_bfcl.gz`, made by
bench/guard_hashes.py); held-out tests are hashed when they are named (`known_of`). A text is one of them where it
equals it but for case, punctuation and digits, or where some stretch of it does but for a word in six. What may be
one is found by a few runs of words that lie apart, of which one survives such changes; the stretch around it is then
held against the question word by word, each word being a byte.
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
#: Words in a run; runs that stand for a question at most; words at its beginning that do.
RUN, SKETCH, LONGEST = 3, 4, 64
#: A word in so many may differ; questions of fewer words than FEWEST_CHANGED must be there as they are.
CHANGED, FEWEST_CHANGED = 6, 8
#: Words and bytes below which a text is everyday speech that anyone may say, as "where is my order".
FEWEST, SHORTEST = 6, 30
#: A word; signs of languages that put no spaces between words count one by one.
_APART = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_APART}]|[^\W_{_APART}]+")
_DIGITS = re.compile(r"\d+")
#: As _WORD has it for ASCII, in a quarter of the time: letters small, what is no letter or digit a space.
_ASCII = bytes(ord(chr(i).lower()) if i < 128 and chr(i).isalnum() else 32 for i in range(256))
_ASCII_DIGITS = re.compile(rb"\d+")


class _Question(NamedTuple):
    """A question without its text: the entry's name, and a byte for each of its words."""

    entry: str
    words: bytes


class Known(NamedTuple):
    """Hash of a question -> the question; hash of a run -> (question, its place in it) of each that it stands for."""

    whole: dict[int, _Question]
    runs: dict[int, list[tuple[_Question, int]]]


def question_in(text: str, known: Known | None = None) -> str | None:
    """The entry whose question a text equals or nearly equals, as "BFCL simple_python_7"; some 10 µs a sentence.

    known: other questions than the benchmark's.
    """
    words, known = words_of(text), known or _benchmark()
    if not says_something(words):
        return None
    # one sentence in a million has the hash of a question by chance: the words must be the same, too
    whole = known.whole.get(zlib.crc32(b" ".join(words)))
    if whole is not None and whole.words == shortened(words[:LONGEST]):
        return whole.entry
    if known.runs.keys().isdisjoint(_run_hashes(words)):
        return None
    return _nearly(words, known)


def _nearly(words: Sequence[bytes], known: Known) -> str | None:
    """The first question that a stretch of the words nearly equals."""
    short = shortened(words)
    for start, run in enumerate(_run_hashes(words)):
        for question, place in known.runs.get(run, ()):
            length, spare = len(question.words), may_differ(len(question.words))
            first = start - place
            if first < -spare or first + length > len(words) + spare:
                continue
            stretch = short[max(0, first - spare) : first + length + spare]
            if _in_common(question.words, stretch) >= length - spare:
                return question.entry
    return None


def _in_common(first: bytes, second: bytes) -> int:
    """Length of the longest common subsequence."""
    from rapidfuzz.distance import LCSseq

    return int(LCSseq.similarity(first, second))


def may_differ(words: int) -> int:
    """How many words of a question of so many may be others."""
    return 0 if words < FEWEST_CHANGED else max(1, words // CHANGED)


def shortened(words: Iterable[bytes]) -> bytes:
    """A byte for each word."""
    return bytes(zlib.crc32(word) & 255 for word in words)


def benchmark_in(one: CallPair | Trajectory, known: Known | None = None) -> str | None:
    """`question_in` of what the customer says in a record."""
    if isinstance(one, CallPair):
        return question_in(one.action, known)
    return next(filter(None, (question_in(turn.text, known) for turn in one.turns if turn.role == "user")), None)


def guarded(records: Iterable[tuple[str, R]], held_out: Known | None = None) -> Iterator[R]:
    """The records of (place, record), handed on. Raises DataError at one that is a benchmark's question, or one that is
    held out."""
    for place, one in records:
        if entry := benchmark_in(one) or (held_out and benchmark_in(one, held_out)):
            raise DataError(f"{place}: {refusal(entry)}; remove it, or what it was made from")
        yield one


def refusal(entry: str) -> str:
    """What is wrong with a row, in words."""
    return f"equals or nearly equals the question of {entry}, which must not be trained on"


def words_of(text: str) -> list[bytes]:
    """What is compared: words without case, punctuation, and which digits."""
    if text.isascii():
        return _ASCII_DIGITS.sub(b"0", text.encode().translate(_ASCII)).split()
    plain = _DIGITS.sub("0", unicodedata.normalize("NFKC", text).casefold())
    return [word.encode("utf-8", "replace") for word in _WORD.findall(plain)]


def says_something(words: Sequence[bytes]) -> bool:
    """Whether it is long enough to be guarded."""
    return len(words) >= FEWEST and sum(map(len, words)) + len(words) > SHORTEST


def _run_hashes(words: Sequence[bytes]) -> Iterator[int]:
    """A hash of each run of RUN words, in their order."""
    return map(zlib.crc32, map(b" ".join, zip(words, words[1:], words[2:], strict=False)))


def hashed(questions: Iterable[tuple[str, str]]) -> Iterator[str]:
    """(entry, question) -> the lines of FILE: the entry, hash of the question, hash and place of each run, the words.

    A question that came before, or that is too short to say anything, is left out.
    """
    found: dict[bytes, tuple[str, list[bytes]]] = {}
    for entry, text in questions:
        words = words_of(text)
        if says_something(words):
            found.setdefault(b" ".join(words), (entry, words[:LONGEST]))
    often = Counter(run for _, words in found.values() for run in set(_run_hashes(words)))
    for joined, (entry, words) in found.items():
        runs = " ".join(f"{run:08x}{place:02x}" for run, place in _sketch(words, often))
        yield f"{entry} {zlib.crc32(joined):08x} {runs} {shortened(words).hex()}\n"


def _sketch(words: Sequence[bytes], often: Counter[int]) -> list[tuple[int, int]]:
    """(hash, place) of the rarest runs that share no word: one more than words may differ, at most SKETCH."""
    runs = list(enumerate(_run_hashes(words)))
    # figures alone say nothing, and which they are is not compared
    runs.sort(key=lambda run: (words[run[0] : run[0] + RUN].count(b"0") > 1, often[run[1]], run[0]))
    kept: list[tuple[int, int]] = []
    for place, run in runs:
        if len(kept) < min(SKETCH, may_differ(len(words)) + 1) and all(abs(place - p) >= RUN for _, p in kept):
            kept.append((run, place))
    return kept


@cache
def _benchmark() -> Known:
    with gzip.open(FILE, "rt", encoding="ascii") as lines:
        return _read(lines, "BFCL")


def known_of(questions: Iterable[tuple[str, str]], name: str) -> Known:
    """Questions (entry without blanks, text) to be guarded; they are told as "name entry"."""
    return _read(hashed(questions), name)


def _read(lines: Iterable[str], name: str) -> Known:
    known = Known({}, defaultdict(list))
    for line in lines:
        entry, whole, *runs, words = line.split()
        question = _Question(f"{name} {entry}", bytes.fromhex(words))
        known.whole[int(whole, 16)] = question
        for one in runs:
            known.runs[int(one[:8], 16)].append((question, int(one[8:], 16)))
    return known
