"""Files of rows in other tools' forms, out and in. One rule: a row that cannot be carried over is named and counted,
and the others are carried over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic

from manyshot.dataset import parquet
from manyshot.dataset.forms import Form, R, Setting, read_row, write_row
from manyshot.dataset.table import INFO
from manyshot.errors import DataError, at
from manyshot.guard import benchmark_in, refusal
from manyshot.records import line, read_rows, write_aside
from manyshot.types import Json, Tool

INFO_FILE = "dataset_info.json"


@dataclass(slots=True)
class Tally:
    """What became of the rows of a file."""

    rows: int = 0
    #: Field, or what stood in a row -> in how many rows it was lost.
    lost: Counter[str] = field(default_factory=Counter)
    columns: set[str] = field(default_factory=set)
    #: What was not carried over at all: (id or file:line, why).
    left_out: list[tuple[str, str]] = field(default_factory=list)


def export(records: Iterable[R], form: Form[R], setting: Setting, out: Path) -> Tally:
    """Write records into `out`: Parquet, a JSON list when it ends in .json, else JSON lines. Raises DataError."""
    tally = Tally()
    rows = _rows(records, form, setting, tally)
    if form.name == "parquet":
        parquet.write(out, rows)
    elif out.suffix == ".json":
        with write_aside(out) as stream:
            stream.write("[")
            for n, row in enumerate(rows):
                stream.write((",\n" if n else "\n") + line(row))
            stream.write("\n]\n")
    else:
        with write_aside(out) as stream:
            stream.writelines(line(row) + "\n" for row in rows)
    if form.name in INFO:
        _add_info(out, INFO[form.name](out.stem, out.name, tally.columns))
    return tally


def _rows(records: Iterable[R], form: Form[R], setting: Setting, tally: Tally) -> Iterator[Json]:
    for one in records:
        try:
            row, lost = write_row(form, one, setting)
            line(row).encode()  # half of a surrogate pair has no place in any file
        except (ValueError, RecursionError) as error:
            tally.left_out.append((one.id, " ".join(str(error).split()) or "nested too deeply"))
            continue
        tally.rows += 1
        tally.columns.update(row)
        tally.lost.update(lost)
        yield row


def _add_info(out: Path, entry: Json) -> None:
    """Put an entry into the dataset_info.json beside the file; those of other files stay."""
    path = out.with_name(INFO_FILE)
    known: Json = {}
    if path.exists():
        try:
            known = dict(json.loads(path.read_text("utf-8")).items())
        except (OSError, ValueError, AttributeError):
            raise DataError(
                f"{path}: wanted a JSON object with LLaMA-Factory's data sets; correct or remove it"
            ) from None
    with write_aside(path) as stream:
        stream.write(json.dumps({**known, **entry}, ensure_ascii=False, indent=2) + "\n")


@dataclass(slots=True)
class Import(Generic[R]):
    """A file being read; `tally` and `tools` are whole when all `records` were taken."""

    path: Path
    form: Form[R]
    tally: Tally = field(default_factory=Tally)
    tools: dict[str, Tool] = field(default_factory=dict)

    def records(self) -> Iterator[R]:
        """The records of the file, each id once. Raises DataError for what is no file of rows."""
        seen: Counter[str] = Counter()
        for number, row in _read(self.path, self.form.name):
            try:
                found = read_row(self.form, row)
                line(found.record).encode()
            except (ValueError, RecursionError) as error:
                self.tally.left_out.append((at(self.path, number), " ".join(str(error).split())))
                continue
            one = found.record
            if entry := benchmark_in(one):
                self.tally.left_out.append((at(self.path, number), refusal(entry)))
                continue
            self.tally.rows += 1
            self.tally.lost.update(dict.fromkeys(found.left, 1))
            self._take(found.tools)
            seen[one.id] += 1
            if seen[one.id] > 1:
                self.tally.lost["id (rows that are equal get numbers behind it)"] += 1
                one = one.model_copy(update={"id": f"{one.id}-{seen[one.id]}"})
            yield one

    def _take(self, tools: Sequence[Tool]) -> None:
        for tool in tools:
            if self.tools.setdefault(tool.name, tool) != tool:
                self.tally.lost[f"tools: {tool.name} is described in two ways, the first is kept"] += 1


def _read(path: Path, form: str) -> Iterator[tuple[int, Json]]:
    """(line, row): Parquet, JSON lines, or a JSON list, where the number is the row's."""
    if form == "parquet":
        yield from parquet.read(path)
        return
    try:
        with path.open(encoding="utf-8") as stream:
            listed = stream.read(200).lstrip().startswith("[")
        found = json.loads(path.read_text("utf-8")) if listed else []
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: wanted JSON lines or a JSON list ({error})") from None
    if not listed:
        yield from read_rows(path)
    for number, row in enumerate(found, 1):
        if not isinstance(row, dict):
            raise DataError(f"{path}: row {number}: wanted a JSON object, found {type(row).__name__}")
        yield number, row
