"""A log of API calls -> how often each tool is wanted. The one rule: the log is streamed and only counts are kept.

Three forms: a table (.csv, .tsv) with a header, JSON lines, and common access-log lines whose method and path are
matched with the routes of the domain's OpenAPI file.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

from manyshot.spec.faults import Findings, near, show

#: Columns and keys that name the tool, and those that hold a number of calls; compared without case, _ and -.
_TOOL = ("tool", "operation", "operationid", "function", "toolname", "name", "api", "endpoint", "call")
_COUNT = ("count", "calls", "requests", "hits", "n", "number")
_REQUEST = re.compile(r'"?\b(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+(\S+)')
#: A tool that the log hardly holds keeps this part of the mean, so that it is still learned.
FLOOR = 0.05


@dataclass(frozen=True, slots=True)
class Route:
    """Where an OpenAPI operation is called: method in upper case, path with {names}."""

    tool: str
    method: str
    path: str

    def matches(self, method: str, path: str) -> bool:
        pattern = re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(self.path))
        # The log may hold the server's base path in front.
        return method == self.method and re.fullmatch(f"(?:/.*)?{pattern}/?", path) is not None


def read_weights(
    folder: Path, file: str, tools: Sequence[str], routes: Sequence[Route], findings: Findings, line: int = 0
) -> dict[str, float]:
    """Weights with a mean of 1 over all tools; {} after a fault. `line` of domain.toml names the file."""
    try:
        path = (folder / file).resolve()
        if not path.is_relative_to(folder.resolve()):
            findings.fault("domain.toml", line, f"the log {show(file)} is outside of the domain folder; copy it there")
            return {}
        if not path.is_file():
            findings.fault("domain.toml", line, f"the log {show(file)} is not there; correct the name")
            return {}
        counts, unknown = _count(path, tools, routes)
    except (OSError, ValueError, csv.Error) as error:
        findings.fault(file, 0, f"cannot be read as a log: {error}")
        return {}
    if unknown:
        names = ", ".join(f"{show(n, 40)} ({c})" for n, c in unknown.most_common(3))
        findings.hint(file, 0, f"{sum(unknown.values())} calls of no tool of this domain were left out: {names}")
    total = sum(counts.values())
    if not total:
        hint = near(next(iter(unknown)), tools) if unknown else f"a column or key {', '.join(_TOOL[:4])} names it"
        findings.fault(file, 1, f"no line names a tool of this domain; {hint}")
        return {}
    mean = total / len(tools)
    return {name: max(counts[name] / mean, FLOOR) for name in tools}


def _count(path: Path, tools: Sequence[str], routes: Sequence[Route]) -> tuple[Counter[str], Counter[str]]:
    folded = {_fold(name): name for name in tools}
    counts: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for name, number in _calls(file, path.suffix.lower(), routes):
            known = folded.get(_fold(name))
            if known:
                counts[known] += number
            elif name and (name in unknown or len(unknown) < 1000):
                unknown[name] += number
    return counts, unknown


def _fold(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _calls(file: TextIO, suffix: str, routes: Sequence[Route]) -> Iterator[tuple[str, int]]:
    """(tool or path, number of calls) for every line that says so."""
    first = file.readline()
    file.seek(0)
    if first.lstrip().startswith("{"):
        yield from (found for line in file if (found := _from_json(line, routes)))
    elif suffix in (".csv", ".tsv") and not _REQUEST.search(first):
        yield from _from_table(file, "\t" if suffix == ".tsv" or first.count("\t") > first.count(",") else ",", routes)
    else:
        for line in file:
            if request := _REQUEST.search(line):
                yield _routed(request[1], request[2], routes), 1


def _routed(method: str, target: str, routes: Iterable[Route]) -> str:
    try:
        path = unquote(urlsplit(target).path)
    except ValueError:
        path = target
    # A fixed path (/tickets/open) goes before one with names (/tickets/{id}).
    fitting = [r for r in routes if r.matches(method.upper(), path)]
    if not fitting:
        return f"{method} {path}"
    return max(fitting, key=lambda r: (len(re.sub(r"\{.*?\}", "", r.path)), r.path)).tool


def _from_row(row: Mapping[str, Any], routes: Sequence[Route]) -> tuple[str, int] | None:
    folded = {_fold(str(k)): v for k, v in row.items() if k is not None}
    number = next((_number(folded[c]) for c in _COUNT if c in folded), 1)
    for column in _TOOL:
        if isinstance(name := folded.get(column), str) and name.strip():
            return name.strip(), number
    method, path = folded.get("method"), folded.get("path") or folded.get("url") or folded.get("uri")
    if isinstance(method, str) and isinstance(path, str):
        return _routed(method, path, routes), number
    return None


def _number(value: Any) -> int:
    try:
        return max(0, int(float(value)))
    except (TypeError, ValueError, OverflowError):
        return 0


def _from_json(line: str, routes: Sequence[Route]) -> tuple[str, int] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return _from_row(row, routes) if isinstance(row, dict) else None


def _from_table(file: TextIO, delimiter: str, routes: Sequence[Route]) -> Iterator[tuple[str, int]]:
    reader = csv.DictReader(file, delimiter=delimiter)
    known = {_fold(n) for n in reader.fieldnames or ()}
    if not known & {*_TOOL, "path", "url", "uri"}:
        raise ValueError(f"its header {show(list(reader.fieldnames or ()))} has no column tool or operation; add one")
    for row in reader:
        if found := _from_row(row, routes):
            yield found
