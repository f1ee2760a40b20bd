"""Which form is which, by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal

from manyshot.dataset import alpaca, fireact, openai, pairs, sharegpt
from manyshot.dataset.forms import Form
from manyshot.errors import DataError
from manyshot.types import CallPair, Json, Trajectory

FormName = Literal["openai", "sharegpt", "alpaca", "fireact", "parquet"]
DIALOGUES: Final[Mapping[str, Form[Trajectory]]] = {
    form.name: form for form in (openai.OPENAI, sharegpt.SHAREGPT, alpaca.ALPACA, fireact.FIREACT, openai.TABLE)
}
PAIRS: Final[Mapping[str, Form[CallPair]]] = {
    form.name: form for form in (pairs.OPENAI, pairs.SHAREGPT, pairs.ALPACA, pairs.TABLE)
}
#: Forms that LLaMA-Factory finds by an entry in dataset_info.json: (name, file, columns of the rows) -> the entry.
INFO: Final[Mapping[str, Callable[[str, str, Collection[str]], Json]]] = {
    "sharegpt": sharegpt.dataset_info,
    "alpaca": alpaca.dataset_info,
}


def pair_form(name: str) -> Form[CallPair]:
    """The form of that name for call pairs. Raises DataError."""
    if name not in PAIRS:
        raise DataError(f"call pairs have no form {name}; wanted one of {', '.join(PAIRS)}")
    return PAIRS[name]
