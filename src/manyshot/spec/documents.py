"""Files of a domain folder -> text, JSON values and their places.

The one rule: whatever a file holds (nothing, another encoding, a gigabyte, bad JSON), the answer is a value or a
fault with its line, never an exception.
"""

from __future__ import annotations

import bisect
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from json import decoder
from pathlib import Path
from typing import Any, NoReturn

from manyshot.spec.faults import Findings, kind, near

Key = str | int
Lines = dict[tuple[Key, ...], int]

#: Above this a hand-written file is surely the wrong file.
MAX_BYTES = 64 * 2**20
#: JSON and YAML nested deeper than this are refused, so that no later recursion can overflow.
MAX_DEPTH = 60


@dataclass(frozen=True)
class Document:
    """A parsed file that knows on which line each of its values stands."""

    file: str
    value: Any
    find_lines: Callable[[], Lines] = field(repr=False, default=dict)

    @cached_property
    def lines(self) -> Lines:
        return self.find_lines()

    def line(self, *path: Key) -> int:
        """Line of the value at a path, or of the nearest value around it."""
        for end in range(len(path), -1, -1):
            if (found := self.lines.get(path[:end])) is not None:
                return found
        return 1


def read_text(folder: Path, file: str, findings: Findings) -> str | None:
    """The text of a file with line ends as \\n and without a byte order mark; None after a fault."""
    path = folder / file
    try:
        if path.is_dir():
            findings.fault(file, 0, "wanted a file, found a folder; put a file of this name here")
            return None
        if not path.is_file():
            missing = "found something that is no regular file" if path.exists() else "it is not there; create it"
            findings.fault(file, 0, f"wanted this file, {missing}")
            return None
        if (size := path.stat().st_size) > MAX_BYTES:
            findings.fault(file, 0, f"too large: {size >> 20} MiB, at most {MAX_BYTES >> 20}; split or thin it")
            return None
        return _decode(path.read_bytes(), file, findings)
    except OSError as error:
        findings.fault(file, 0, f"cannot be read: {error.strerror or error}; check its permissions")
        return None


def _decode(data: bytes, file: str, findings: Findings) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        findings.fault(file, 1, "wanted UTF-8 text, found UTF-16; save the file as UTF-8")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        findings.fault(file, line, f"wanted UTF-8 text, found byte 0x{data[error.start]:02x}; save the file as UTF-8")
        return None
    return text.replace("\r\n", "\n")


class _BadValue(ValueError):
    """JSON that Python reads but the standard does not know."""


def _refuse_constant(word: str) -> NoReturn:
    raise _BadValue(f"{word} is not JSON; write a number or null")


def _finite(text: str) -> float:
    if math.isinf(value := float(text)):
        raise _BadValue(f"the number {text} is too large")
    return value


def parse_json(text: str) -> tuple[Any, int, int, str]:
    """(value, 0, 0, "") or (None, line, column, what is wrong and what to do); line and column count from 1."""
    twice: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        row = dict(items)
        if len(row) < len(items):
            names = [name for name, _ in items]
            twice.append(next(n for n in names if names.count(n) > 1))
        return row

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        return None, error.lineno, error.colno, f"bad JSON: {_plain(error, text)}"
    except RecursionError:
        return None, 1, 1, "bad JSON: nested too deep"
    except ValueError as error:
        message = str(error) if isinstance(error, _BadValue) else "a number has too many digits"
        return None, 1, 1, f"bad JSON: {message}"
    if problem := unfit(value):
        return None, 1, 1, problem
    if twice:
        json_lines(text, doubled := list[int]())
        return None, doubled[0], 1, f'the key "{twice[0]}" stands twice in one object; keep one'
    return value, 0, 0, ""


def _plain(error: json.JSONDecodeError, text: str) -> str:
    there = text[error.pos : error.pos + 1]
    advice = ""
    if there == "'":
        advice = "; use double quotes"
    elif there in "}]" and there and text[: error.pos].rstrip().endswith(","):
        advice = "; remove the comma before it"
    elif error.msg.startswith("Illegal trailing comma"):
        advice = "; remove the comma"
    elif error.msg.startswith("Extra data"):
        advice = "; only one value may stand here"
    elif not there:
        advice = "; the text ends too early"
    return f"{error.msg[0].lower()}{error.msg[1:]}{advice}"


def unfit(value: Any) -> str:
    """Why a parsed value cannot be used although it parsed: too deep, or text that is no Unicode. "" when it can."""
    stack = [(value, 0)]
    while stack:
        here, depth = stack.pop()
        if depth > MAX_DEPTH:
            return f"nested deeper than {MAX_DEPTH} levels; make it flatter"
        if isinstance(here, str) and any("\ud800" <= c <= "\udfff" for c in here):
            return "a text holds half of a character (\\ud800 to \\udfff); write the whole character"
        if isinstance(here, dict):
            stack.extend((part, depth + 1) for pair in here.items() for part in pair)
        elif isinstance(here, list):
            stack.extend((part, depth + 1) for part in here)
    return ""


#: (text, position after the quote) -> (string, position after its end); the part of json that typeshed does not list.
_string: Callable[[str, int], tuple[str, int]] = getattr(decoder, "scanstring")  # noqa: B009
_BLANK = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^\s,\]}]+")


def json_lines(text: str, duplicates: list[int] | None = None) -> Lines:
    """Line of every value of a valid JSON text; for a value in an object, the line of its key.

    `duplicates`, when given, receives the lines of keys that an object holds a second time. The libraries that do this
    (json-source-map) are no longer kept up, and the standard scanner does not tell positions.
    """
    ends = [i for i, c in enumerate(text) if c == "\n"]
    lines: Lines = {}

    def value(pos: int, path: tuple[Key, ...]) -> int:
        pos = _skip(text, pos)
        lines.setdefault(path, bisect.bisect_left(ends, pos) + 1)
        if text[pos] == '"':
            return _string(text, pos + 1)[1]
        if text[pos] not in "{[":
            found = _SCALAR.match(text, pos)
            return found.end() if found else pos + 1
        return members(_skip(text, pos + 1), path, text[pos] == "{")

    def members(pos: int, path: tuple[Key, ...], named: bool) -> int:
        index = 0
        while text[pos] not in "}]":
            key: Key = index
            if named:
                start = pos
                key, pos = _string(text, pos + 1)
                line = bisect.bisect_left(ends, start) + 1
                if (*path, key) in lines and duplicates is not None:
                    duplicates.append(line)
                lines[(*path, key)] = line
                pos = _skip(text, pos) + 1
            pos = _skip(text, value(pos, (*path, key)))
            if text[pos] == ",":
                pos = _skip(text, pos + 1)
            index += 1
        return pos + 1

    value(0, ())
    return lines


def _skip(text: str, pos: int) -> int:
    found = _BLANK.match(text, pos)
    return found.end() if found else pos


def read_json(folder: Path, file: str, findings: Findings) -> Document | None:
    """A JSON file as a document; None after a fault."""
    text = read_text(folder, file, findings)
    if text is None:
        return None
    if not text.strip():
        findings.fault(file, 0, "the file is empty; it must hold JSON")
        return None
    value, line, column, problem = parse_json(text)
    if problem:
        findings.fault(file, line, f"{problem} (column {column})")
        return None
    return Document(file, value, lambda: json_lines(text))


def read_rows(folder: Path, file: str, findings: Findings) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, object) for every line of a JSONL file that holds one; blank lines are skipped, others are faults."""
    text = read_text(folder, file, findings)
    # Not splitlines(): U+2028 and others are ordinary characters inside a JSON string.
    for number, line in enumerate(text.split("\n") if text else [], 1):
        if not line.strip():
            continue
        value, _, column, problem = parse_json(line)
        if problem:
            findings.fault(file, number, f"{problem} (column {column}); each line must be one JSON object")
        elif not isinstance(value, dict):
            findings.fault(file, number, f"wanted a JSON object in one line, found {kind(value)}")
        else:
            yield number, value


def check_keys(
    row: dict[str, Any], needed: tuple[str, ...], optional: tuple[str, ...], what: str
) -> Iterator[tuple[str, str]]:
    """(key, message) for every unknown and every missing key of an object."""
    known = (*needed, *optional)
    for key in row:
        if key not in known:
            yield key, f'unknown key "{key}" in {what}; {near(key, known)}'
    for key in needed:
        if key not in row:
            yield key, f'{what} has no "{key}"; add it'
