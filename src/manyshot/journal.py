"""Rows of a long piece of work, kept one by one as they come, so that a stop costs one row.

One rule: a row counts when its whole line is there; what a kill left of a last one does not.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from manyshot.errors import DataError
from manyshot.records import line, write_aside
from manyshot.types import Json, Record


def whole_rows(path: Path) -> list[Json]:
    """The rows of a file up to the first that is not whole; none where there is no such file."""
    try:
        texts = path.read_text("utf-8", errors="replace").split("\n")[:-1]
    except OSError:
        return []
    rows: list[Json] = []
    for text in texts:
        try:
            row = json.loads(text)
        except ValueError:
            break
        if not isinstance(row, dict):
            break
        rows.append(row)
    return rows


@contextmanager
def going_on(path: Path, kept: list[Json]) -> Iterator[Callable[[Json | Record], None]]:
    """A function that adds a row to `path`, behind those `kept` of an earlier try. Raises DataError."""
    with write_aside(path) as stream:  # without the half line of a kill
        stream.writelines(line(row) + "\n" for row in kept)
    with path.open("a", encoding="utf-8", newline="\n") as stream:

        def add(row: Json | Record) -> None:
            try:
                stream.write(line(row).encode("utf-8", "replace").decode() + "\n")
                stream.flush()
            except OSError as error:
                raise DataError(
                    f"{path}: cannot be written ({error.strerror}); free some space and give the same command again"
                ) from None

        yield add


class Answers:
    """What was answered to what, by a key of the content of a request. Safe to use from several threads."""

    def __init__(self, kept: list[Json], add: Callable[[Json], None]) -> None:
        self._kept = {str(row.get("key")): row for row in kept}
        self._add, self._lock = add, threading.Lock()

    def get(self, key: str) -> Json | None:
        """The row of an earlier answer; None when this was never answered."""
        return self._kept.get(key)

    def put(self, key: str, row: Json) -> None:
        """Keep an answer, on disk before this returns."""
        with self._lock:
            self._kept[key] = {"key": key, **row}
            self._add(self._kept[key])


@contextmanager
def kept_answers(path: Path) -> Iterator[Answers]:
    """The answers in a file, which those that come now are added to. Raises DataError."""
    rows = whole_rows(path)
    with going_on(path, rows) as add:
        yield Answers(rows, add)
