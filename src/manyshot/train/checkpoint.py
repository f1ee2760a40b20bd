"""What a run needs to go on: parameters, moments, counters. One rule: one file, renamed when it is complete."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from manyshot.errors import TrainError
from manyshot.train.optim import AdamW
from manyshot.train.settings import TrainConfig

_FILE = "state.safetensors"


def save_checkpoint(
    folder: Path, config: TrainConfig, number: int, share: float, flat: Tensor, optimiser: AdamW, dtype: torch.dtype
) -> None:
    """Write the state after step `number`, at `share` of the run, computed in `dtype`; the previous one stays until the
    new one is whole."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{_FILE}.part"
    tensors = {"flat": flat, "first": optimiser.first, "second": optimiser.second}
    meta = {
        "step": str(number),
        "share": repr(share),
        "count": str(optimiser.count),
        "dtype": str(dtype).removeprefix("torch."),
        "config": config.model_dump_json(),
    }
    save_file(tensors, aside, metadata=meta)
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(folder / _FILE)


def dtype_of(folder: Path) -> torch.dtype | None:
    """The type in which a stopped run computes; None when there is none. Raises TrainError for a damaged checkpoint."""
    from safetensors import SafetensorError, safe_open

    path = folder / _FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            name = (file.metadata() or {}).get("dtype", "")
    except SafetensorError as error:
        raise TrainError(f"{path}: damaged ({error}); remove the folder {folder} to start again") from error
    return {"bfloat16": torch.bfloat16, "float32": torch.float32}.get(name)


def load_checkpoint(folder: Path, config: TrainConfig, flat: Tensor, optimiser: AdamW) -> tuple[int, float]:
    """Put the saved state into `flat` and `optimiser`; returns the step it was made after and the share of the run that
    was done, zeros when there is none.

    Raises TrainError when it was made with another config.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / _FILE
    if not path.is_file():
        return 0, 0.0
    try:
        with safe_open(path, framework="pt") as file:
            meta = file.metadata()
            made = TrainConfig.model_validate_json(meta["config"])
            if made != config:
                changed = [k for k in TrainConfig.model_fields if getattr(made, k) != getattr(config, k)]
                raise TrainError(f"{path}: made with another {', '.join(changed)}; give another folder or remove it")
            if file.get_slice("flat").get_shape() != list(flat.shape):
                raise TrainError(f"{path}: made for another base; give another folder or remove it")
            flat.copy_(file.get_tensor("flat"))
            optimiser.first.copy_(file.get_tensor("first"))
            optimiser.second.copy_(file.get_tensor("second"))
    except (SafetensorError, KeyError, ValueError) as error:
        raise TrainError(f"{path}: damaged ({error}); remove the folder {folder} to start again") from error
    optimiser.count = int(meta["count"])
    return int(meta["step"]), float(meta["share"])
