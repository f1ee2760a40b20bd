"""Faults and hints: what is wrong in a domain folder, collected rather than raised.

The one rule: reading never stops at the first fault. Every reader adds what it finds to one `Findings` and goes on,
so that a person sees all of it at once.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyshot.errors import at


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One line: what was wanted, what was there, what to do. `file` is relative to the domain folder, `line` from 1."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{at(self.file, self.line or None)}: {self.message}"

    def within(self, folder: Path) -> str:
        """The same line with the file as it can be opened from here."""
        return f"{at(folder / self.file if self.file else folder, self.line or None)}: {self.message}"


@dataclass(slots=True)
class Findings:
    """What reading a folder brought up. A hint never stops a run; a fault always does."""

    faults: list[Fault] = field(default_factory=list)
    hints: list[Fault] = field(default_factory=list)

    def fault(self, file: str, line: int, message: str) -> None:
        self.faults.append(Fault(file, line, _one_line(message)))

    def hint(self, file: str, line: int, message: str) -> None:
        self.hints.append(Fault(file, line, _one_line(message)))


def _one_line(message: str) -> str:
    # Lone surrogates come from damaged JSON escapes and cannot be printed.
    return " ".join(message.encode("utf-8", "backslashreplace").decode("utf-8").split())


def near(word: str, known: Iterable[str]) -> str:
    """A hint to add to "unknown X": the nearest known name, or all of them when none is near."""
    names = list(known)
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(name.lower(), name)
    close = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{folded[close[0]]}"?'
    return f"known: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}" if names else "none is known"


def show(value: Any, width: int = 60) -> str:
    """A value as JSON, cut to be read in a message."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        text = repr(type(value))
    return text if len(text) <= width else text[: width - 3] + "..."


def kind(value: Any) -> str:
    """The JSON Schema name of a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for types, name in (((int,), "integer"), ((float,), "number"), ((str,), "string"), ((list, tuple), "array")):
        if isinstance(value, types):
            return name
    return "object" if isinstance(value, dict) else type(value).__name__
