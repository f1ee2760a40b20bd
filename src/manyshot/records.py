"""Records on disk: JSON lines and manifests.

The one rule: nothing half-written can be taken for whole. Files are written aside and renamed; a stage's manifest is
written last, so a folder with a manifest is complete and one without is not.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import ValidationError

from manyshot import __version__
from manyshot.errors import DataError, at
from manyshot.types import Json, Manifest, Record

R = TypeVar("R", bound=Record)
_MANIFEST = "manifest.json"


@contextmanager
def write_aside(path: Path) -> Iterator[IO[str]]:
    """Open a text file that appears under its name only when the block ends well. OSErrors become DataErrors."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written ({error.strerror}); free some space or choose another folder"
        ) from None
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def line(row: Record | Json) -> str:
    """One JSON line without its line break."""
    data = row.model_dump(mode="json") if isinstance(row, Record) else row
    return json.dumps(data, ensure_ascii=False, separators=(", ", ": "))


def write_jsonl(path: Path, rows: Iterable[Record | Json]) -> int:
    """Write rows, streaming; returns how many."""
    count = 0
    with write_aside(path) as stream:
        for row in rows:
            stream.write(line(row) + "\n")
            count += 1
    return count


def read_jsonl(path: Path, kind: type[R]) -> Iterator[R]:
    """Read records, streaming; a damaged line is a DataError with its number."""
    return (one for _, one in read_numbered(path, kind))


def read_numbered(path: Path, kind: type[R]) -> Iterator[tuple[int, R]]:
    """As `read_jsonl`, with the number of each line from 1."""
    for number, row in read_rows(path):
        try:
            yield number, kind.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(p) for p in first["loc"])
            raise DataError(f"{at(path, number)}: not a {kind.__name__}: {where}: {first['msg']}") from None


def read_rows(path: Path) -> Iterator[tuple[int, Json]]:
    """Read plain JSON objects with their line numbers from 1; empty lines are passed over."""
    try:
        with path.open(encoding="utf-8") as stream:
            for number, text in enumerate(stream, 1):
                if not text.strip():
                    continue
                try:
                    row = json.loads(text)
                except json.JSONDecodeError as error:
                    raise DataError(f"{at(path, number)}: bad JSON, {error.msg} (column {error.colno})") from None
                if not isinstance(row, dict):
                    raise DataError(f"{at(path, number)}: wanted a JSON object, got {type(row).__name__}")
                yield number, row
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error})") from None


def digest(value: Any) -> str:
    """Short, stable hash of anything JSON can hold: the id of what it determines."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def write_manifest(folder: Path, stage: str, inputs: dict[str, str], config: Json, numbers: Json) -> Manifest:
    """Close a stage's folder. The id depends on stage, inputs and configuration, not on time or machine."""
    manifest = Manifest(
        stage=stage,
        id=digest({"stage": stage, "inputs": inputs, "config": config}),
        made=datetime.now(UTC),
        build=__version__,
        inputs=inputs,
        config=config,
        numbers=numbers,
    )
    with write_aside(folder / _MANIFEST) as stream:
        stream.write(json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n")
    return manifest


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a finished stage, or None when the folder is not (yet) complete."""
    path = folder / _MANIFEST
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise DataError(
            f"{path}: not a manifest of this version ({error.__class__.__name__}); run the stage again"
        ) from None
