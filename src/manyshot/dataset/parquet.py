"""Rows <-> Parquet, as `datasets.load_dataset("parquet", data_files=...)` and TRL read it. pyarrow is an extra.

One rule: every row has the same columns; what a row does not have is null there, and is gone again when it is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from manyshot.errors import DataError
from manyshot.types import Json

#: Rows of a row group.
_BATCH = 2000


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError("Parquet needs pyarrow, which is not installed: pip install 'manyshot[parquet]'") from None
    return pyarrow, pyarrow.parquet


def _schema(arrow: Any) -> Any:
    text = arrow.string()
    function = arrow.struct([("name", text), ("arguments", text)])
    call = arrow.struct([("id", text), ("type", text), ("function", function)])
    message = arrow.struct(
        [("role", text), ("content", text), ("tool_calls", arrow.list_(call)), ("tool_call_id", text)]
    )
    return arrow.schema([("messages", arrow.list_(message)), ("tools", text), ("meta", text)])


def write(path: Path, rows: Iterable[Json]) -> None:
    """Write rows with `messages`, `tools` and `meta`, streaming, aside and renamed. Raises DataError."""
    arrow, parquet = _arrow()
    schema = _schema(arrow)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    rows = iter(rows)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with parquet.ParquetWriter(aside, schema, compression="zstd") as writer:
            while batch := list(islice(rows, _BATCH)):
                writer.write_table(arrow.Table.from_pylist(batch, schema=schema))
        aside.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error}); free some space or choose another folder") from None
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def read(path: Path) -> Iterator[tuple[int, Json]]:
    """Rows with their numbers from 1, without what is null. Raises DataError."""
    arrow, parquet = _arrow()
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield number, _without_nulls(row)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, arrow.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as Parquet ({error})") from None


def _without_nulls(row: Json) -> Json:
    """Null is "not there", but for the content of a message, where OpenAI's form has null beside calls."""
    kept = {key: value for key, value in row.items() if value is not None}
    if isinstance(found := kept.get("messages"), list):
        kept["messages"] = [
            {key: value for key, value in one.items() if value is not None or key == "content"} for one in found
        ]
    return kept
