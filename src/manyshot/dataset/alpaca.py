"""Dialogues in the Alpaca form: `instruction`, `input`, `output`, and what came before as `history`. One rule: what
the customer and the tools say stands on the asking side, so that no loss falls on it.

Files that hold a whole ReAct dialogue in one `output`, as FireAct's, are read too; they are never written.

Source: stanford_alpaca; AlpacaDatasetConverter of LLaMA-Factory (history, and the line break between the two inputs).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from manyshot.dataset import blocks
from manyshot.dataset.forms import META, Form, Setting, leave, texts
from manyshot.dataset.sharegpt import functions, pairs_of
from manyshot.types import Json, Trajectory, Turn


def _write(one: Trajectory, setting: Setting) -> Json:
    said = [blocks.write(group, "reply" if n % 2 else "user") for n, group in enumerate(pairs_of(one.turns))]
    *history, last = [list(pair) for pair in zip(said[::2], said[1::2], strict=True)]
    row: Json = {"instruction": last[0], "input": "", "output": last[1], "history": history}
    return {**row, "tools": functions(setting)} if setting.tools else row  # all rows of a file, or none


def read(row: Json, left: list[str]) -> Json:
    """A row's dialogue. Raises ValueError."""
    leave(row, ("instruction", "input", "output", "history", "tools", META), left)
    return {"turns": list(_turns(row))}


def _turns(row: Json) -> Iterator[Turn]:
    asked, answer = texts({"input": "", **row}, "instruction", "output")
    if row.get("input"):
        asked = f"{asked}\n{texts(row, 'input')[0]}" if asked else texts(row, "input")[0]
    said = [*_history(row.get("history")), (asked, answer)]
    for n, (question, reply) in enumerate(said):
        if question or n:
            yield from blocks.read(question, "user")
        yield from blocks.read(reply, "reply")


def _history(found: Any) -> Sequence[tuple[str, str]]:
    pairs = found or []
    if not isinstance(pairs, list):
        raise ValueError(f"history: wanted a list of pairs, found {str(found)[:80]}")
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise ValueError(f"history: wanted pairs of texts, found {str(pair)[:80]}")
    return [(pair[0], pair[1]) for pair in pairs]


def dataset_info(name: str, file: str, columns: Collection[str]) -> Json:
    """The entry of LLaMA-Factory's dataset_info.json; it may name no column that the rows do not have."""
    known = {"prompt": "instruction", "query": "input", "response": "output", "history": "history", "tools": "tools"}
    there = {key: column for key, column in known.items() if column in columns}
    return {name: {"file_name": file, "formatting": "alpaca", "columns": there}}


ALPACA = Form("alpaca", Trajectory, _write, read)
