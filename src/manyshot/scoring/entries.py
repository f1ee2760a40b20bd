"""Lines {"id", "category", "functions", "possible_answer", "output"} -> entries; faults are told by line.

One rule: a bad line spoils no other. Further keys are passed over, so that a benchmark's own files can be read.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, get_args

from manyshot.bfcl import CATEGORIES
from manyshot.errors import EvalError, at
from manyshot.oneline import show
from manyshot.types import Alike, Json

_KEYS = ("id", "category", "functions", "possible_answer", "output")
_ALIKE = get_args(Alike)
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Entry:
    """One output to be judged."""

    id: str | int
    category: str
    #: [{"name", "parameters"}], the tools that were offered.
    functions: list[Json]
    #: [{name: {parameter: [alternative, ...]}}]; [] where any call or none is right.
    possible_answer: list[Json]
    #: [{name: {parameter: value}}], or text to be read; anything else is wrong in form.
    output: Any
    #: file:line
    where: str
    #: function -> parameter -> names of `manyshot.alike`; of the strict rules alone.
    alike: Mapping[str, Mapping[str, Sequence[Alike]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be judged, in words that begin with file:line."""

    message: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict as the output file has it. `valid` None: it could not be judged, and `message` says why."""

    valid: bool | None
    #: decode, count, function, required, extra, type, value
    stage: str | None = None
    #: The reference's name under `bfcl`; None under `strict`.
    error_type: str | None = None
    message: str = ""


def read_entries(path: Path) -> Iterator[Entry | Fault]:
    """Read a JSONL file, also one compressed with gzip (by its first bytes, not its name), line by line.

    A damaged line, an unknown category, an id that was there before, or the end of a truncated gzip is a Fault.

    Raises:
        EvalError: the file cannot be read at all.
    """
    seen: dict[str | int, int] = {}
    number = 0
    try:
        with _open(path) as lines:
            for number, raw in enumerate(lines, 1):
                if not raw.strip():
                    continue
                entry = _entry(raw, at(path, number))
                if isinstance(entry, Entry):
                    first = seen.setdefault(entry.id, number)
                    if first != number:
                        entry = Fault(f"{entry.where}: id {show(entry.id)} stands in line {first}; give each its own")
                yield entry
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield Fault(f"{at(path, number + 1)}: damaged gzip, nothing can be read from here on ({error}); copy it again")
    except FileNotFoundError:
        raise EvalError(f"{path}: no such file; give JSON lines with {', '.join(_KEYS)}") from None
    except OSError as error:
        raise EvalError(f"{path}: cannot be read ({error.strerror or error})") from None


def _open(path: Path) -> gzip.GzipFile | IO[bytes]:
    with path.open("rb") as start:
        compressed = start.read(2) == _GZIP
    return gzip.open(path) if compressed else path.open("rb")


def _entry(raw: bytes, where: str) -> Entry | Fault:
    try:
        row = json.loads(raw)
    except UnicodeDecodeError as error:
        return Fault(f"{where}: not UTF-8 text ({error.reason})")
    except RecursionError:
        return Fault(f"{where}: nested too deeply to be read")
    except ValueError as error:
        return Fault(f"{where}: bad JSON: {show(str(error))}")
    if not isinstance(row, dict):
        return Fault(f"{where}: wanted an object with {', '.join(_KEYS)}, got {type(row).__name__}")
    if problem := _problem(row):
        return Fault(f"{where}: {problem}")
    answers, alike = row.get("possible_answer") or [], row.get("alike") or {}
    return Entry(row["id"], row["category"], row["functions"], answers, row["output"], where, alike)


def _problem(row: Json) -> str:
    category = row.get("category")
    if not isinstance(category, str) or category not in CATEGORIES:
        got = show(category) if "category" in row else "none"
        return f"unknown category {got}; known: {', '.join(CATEGORIES)}"
    anything = CATEGORIES[category].shape in ("relevance", "irrelevance")
    missing = [key for key in _KEYS if key not in row and not (anything and key == "possible_answer")]
    if missing:
        return f"no {missing[0]!r}; wanted {', '.join(_KEYS)}"
    if isinstance(row["id"], bool) or not isinstance(row["id"], str | int):
        return f"wanted text or a number for 'id', got {show(row['id'])}"
    if any("\ud800" <= c <= "\udfff" for c in str(row["id"])):
        return "half of a surrogate pair in 'id' is no text; write the character itself"
    for key in ("functions", "possible_answer"):
        rows = row.get(key) or []
        if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
            return f"wanted a list of objects for {key!r}, got {show(row[key])}"
        if not rows and not anything:
            return f"{key!r} is empty, so nothing can be right"
    return _alike_problem(row.get("alike") or {})


def _alike_problem(alike: Any) -> str:
    if isinstance(alike, dict) and all(isinstance(one, dict) for one in alike.values()):
        rules = [named for one in alike.values() for named in one.values()]
        if all(isinstance(named, list) and all(rule in _ALIKE for rule in named) for named in rules):
            return ""
    return f"wanted {{function: {{parameter: [{', '.join(_ALIKE)}]}}}} for 'alike', got {show(alike)}"
