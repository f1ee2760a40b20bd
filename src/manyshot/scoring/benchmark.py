"""The leaderboard's own data -> cases to ask: questions, the functions offered, the possible answers.

One rule: the data are read where a person put them and go nowhere else, least of all into training.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyshot.bfcl import CATEGORIES
from manyshot.errors import EvalError, at
from manyshot.scoring.strictly import JSON_TYPES
from manyshot.types import Json, Tool

#: The version whose rules `manyshot.bfcl` reproduces.
VERSION = "2026.3.23"
FETCH = f"pip download --no-deps bfcl-eval=={VERSION} -d DIR"
_FILE = "BFCL_v4_{}.json"
_WHEEL = re.compile(r"bfcl_eval-([\w.]+?)(?:-.*\.whl|\.dist-info)")
#: Languages whose values are written as texts of their own syntax.
_SYNTAX = {"simple_java": "Java", "simple_javascript": "JavaScript"}


@dataclass(frozen=True, slots=True)
class Case:
    """One entry of the benchmark."""

    id: str
    category: str
    #: [{"role", "content"}], as a chat model is given them.
    messages: tuple[Json, ...]
    functions: list[Json]
    #: [] for relevance and irrelevance.
    possible_answer: list[Json]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What a folder or a wheel holds. `version` "": it does not say."""

    version: str
    cases: Mapping[str, Sequence[Case]]


def read_benchmark(place: Path, categories: Sequence[str] = tuple(CATEGORIES)) -> Benchmark:
    """Read categories from an unpacked bfcl-eval, its wheel, or a folder in which the wheel lies.

    Raises EvalError with the command that fetches it, or with file and line.
    """
    for name in categories:
        if name not in CATEGORIES:
            raise EvalError(f"unknown category {name!r}; known: {', '.join(CATEGORIES)}")
    wheel = place if place.suffix == ".whl" else next(iter(sorted(place.glob("bfcl_eval-*.whl"))), None)
    if wheel is not None and not _data_folder(place):
        return Benchmark(_version(wheel.name), {name: tuple(_cases(_Zipped(wheel), name)) for name in categories})
    folder = _data_folder(place)
    if folder is None:
        there = "it is not there" if not place.exists() else "found no bfcl_eval/data with BFCL_v4_*.json"
        raise EvalError(f"{place}: wanted an unpacked bfcl-eval or its wheel, {there}; fetch it with: {FETCH}")
    marks = [path.name for above in (place, *folder.parents[:2]) for path in above.glob("bfcl_eval-*.dist-info")]
    version = _version(marks[0]) if marks else ""
    return Benchmark(version, {name: tuple(_cases(_Folder(folder), name)) for name in categories})


def offered(case: Case, *, dots: bool = True) -> list[Tool]:
    """The functions as a model is shown them: JSON Schema's types, and for Java and JavaScript texts of that language.

    dots: keep those in names; many endpoints take none, and the rules then expect underscores.
    """
    syntax = _SYNTAX.get(case.category)
    return [
        Tool(
            name=function["name"] if dots else function["name"].replace(".", "_"),
            description=f"{function.get('description', '')} ({syntax or 'Python'} syntax)".strip(),
            parameters={**_shown(function.get("parameters") or {}, syntax), "type": "object"},
        )
        for function in case.functions
    ]


class _Folder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> tuple[bytes, Path]:
        path = self.folder / name
        return path.read_bytes(), path


class _Zipped:
    def __init__(self, wheel: Path) -> None:
        self.wheel = wheel

    def read(self, name: str) -> tuple[bytes, Path]:
        try:
            with zipfile.ZipFile(self.wheel) as archive:
                return archive.read(f"bfcl_eval/data/{name}"), self.wheel / name
        except zipfile.BadZipFile:
            raise EvalError(f"{self.wheel}: is no whole wheel; fetch it again with: {FETCH}") from None


def _data_folder(place: Path) -> Path | None:
    """The folder with the questions: `place`, or where the package keeps it."""
    for folder in (place / "bfcl_eval" / "data", place / "data", place):
        if any(folder.glob("BFCL_v4_*.json")):
            return folder
    return None


def _version(name: str) -> str:
    found = _WHEEL.match(name)
    return found[1] if found else ""


def _cases(source: _Folder | _Zipped, category: str) -> Iterator[Case]:
    """Question and answer stand in the same place of two files."""
    questions = _rows(source, _FILE.format(category))
    anything = CATEGORIES[category].shape in ("relevance", "irrelevance")
    answers = [] if anything else _rows(source, f"possible_answer/{_FILE.format(category)}")
    if not anything and len(answers) != len(questions):
        raise EvalError(
            f"{category}: wanted an answer a question, got {len(answers)} for {len(questions)}; fetch it anew: {FETCH}"
        )
    for number, (where, row) in enumerate(questions):
        try:
            answer = [] if anything else answers[number][1]["ground_truth"]
            yield Case(row["id"], category, tuple(row["question"][0]), row["function"], answer)
        except (LookupError, TypeError):
            raise EvalError(
                f"{where}: wanted id, question and function, and its answer; fetch it anew: {FETCH}"
            ) from None


def _rows(source: _Folder | _Zipped, name: str) -> list[tuple[str, Json]]:
    try:
        data, path = source.read(name)
    except (FileNotFoundError, KeyError):
        raise EvalError(f"wanted {name} of bfcl-eval, it is not there; fetch it with: {FETCH}") from None
    rows: list[tuple[str, Json]] = []
    for number, raw in enumerate(data.split(b"\n"), 1):
        if not raw.strip():
            continue
        try:
            row: Any = json.loads(raw)
        except ValueError as error:
            raise EvalError(f"{at(path, number)}: bad JSON ({error}); fetch it anew: {FETCH}") from None
        rows.append((at(path, number), row))
    return rows


def _shown(schema: Json, syntax: str | None) -> Json:
    properties = schema.get("properties") or {}
    shown = {name: _as_text(one, syntax) if syntax else _typed(one) for name, one in properties.items()}
    return {**schema, "properties": shown}


def _as_text(schema: Json, syntax: str) -> Json:
    """A parameter whose value is written in the language's own syntax, as a text."""
    kind = schema.get("type", "any")
    items = (schema.get("items") or {}).get("type")
    inner = f" of {items}" if items else ""
    parts = schema.get("properties")
    more = f", with the parts {json.dumps(parts)}" if parts else ""
    about = f"{schema.get('description', '')} ({syntax} {kind}{inner}, written as {syntax} source text{more})".strip()
    return {
        **{key: value for key, value in schema.items() if key not in ("items", "properties")},
        "type": "string",
        "description": about,
    }


def _typed(given: Any) -> Json:
    """JSON Schema's names of types, inside too; what has none is a text, as with the reference."""
    schema: Json = dict(given) if isinstance(given, dict) else {}
    kind = schema.get("type")
    schema["type"] = (JSON_TYPES.get(kind) or "string") if isinstance(kind, str) else "string"
    if kind == "float":
        schema["format"] = "float"
    if schema["type"] == "object" and isinstance(schema.get("properties"), dict):
        schema["properties"] = {name: _typed(one) for name, one in schema["properties"].items()}
    if schema["type"] == "array" and "items" in schema:
        schema["items"] = _typed(schema["items"])
    return schema
