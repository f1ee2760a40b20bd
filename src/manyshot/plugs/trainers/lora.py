"""What trainers on Hugging Face's Trainer have in common: their settings, and the adapter that is brought back.

The one rule: an adapter is looked at before it is taken over, and it is taken over whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Literal

from pydantic import Field

from manyshot.errors import TrainError
from manyshot.types import Json, Record

#: The linear layers that carry an adapter, by the names that all bases here have for them.
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


class LoraConfig(Record):
    """Settings of one LoRA training with another trainer."""

    rank: int = Field(32, ge=1, description="LoRA rank r, on all linear layers")
    alpha: int = Field(64, ge=1, description="LoRA alpha; the update is scaled by alpha / rank")
    lr: float = Field(2e-4, gt=0, description="peak learning rate of a cosine")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the run in which the rate rises")
    batch: int = Field(2, ge=1, description="samples at a time on a device")
    accumulate: int = Field(8, ge=1, description="batches whose gradients are averaged in one step")
    steps: int = Field(0, ge=0, description="optimiser steps; 0: by the epochs")
    limit: int = Field(2048, ge=16, description="tokens; longer samples are set aside and named")
    seed: int = Field(0, ge=0, description="of order and start values")
    dtype: Literal["bf16", "fp32"] = Field("bf16", description="compute type")
    bits: Literal[4, 8, 16] = Field(16, description="4: QLoRA (nf4), 8: int8, both need a GPU; 16: the base as it is")
    checkpoint_every: int = Field(100, ge=1, description="steps between checkpoints")
    python: str = Field("", description="interpreter of its environment")


def take_over(made: Path, out: Path, base: str) -> None:
    """Copy the PEFT adapter in `made` into `out`, weights first; its config names `base` instead of a path.

    Raises TrainError when it is none, or holds what is not a number.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config: Json = json.loads((made / CONFIG).read_text("utf-8"))
        state = load_file(made / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise TrainError(f"{made}: wanted an adapter in PEFT's form, got: {error}; see its log") from None
    if config.get("peft_type") != "LORA" or not state:
        raise TrainError(f"{made / CONFIG}: wanted a LoRA adapter, found {config.get('peft_type')}")
    if bad := next((name for name, tensor in state.items() if not tensor.isfinite().all()), ""):
        raise TrainError(f"{made / WEIGHTS}: {bad} is not a number; lower lr, or train in bf16")
    aside = out / f".{WEIGHTS}.part"
    shutil.copyfile(made / WEIGHTS, aside)
    aside.replace(out / WEIGHTS)
    aside = out / f".{CONFIG}.part"
    aside.write_text(json.dumps({**config, "base_model_name_or_path": base}, indent=1), "utf-8")
    aside.replace(out / CONFIG)


def results(folder: Path) -> Json:
    """Figures of a training that Hugging Face's Trainer left in `folder`; those that it did not leave are absent."""
    found: Json = {}
    for name in ("train_results.json", "trainer_state.json"):
        try:
            row = json.loads((folder / name).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        named = {
            "train_loss": "loss_token",
            "train_runtime": "seconds",
            "train_samples_per_second": "samples_per_second",
            "global_step": "steps",
        }
        found |= {ours: row[theirs] for theirs, ours in named.items() if theirs in row}
    return found


def interpreter(given: str, usual: str) -> Path:
    """The interpreter that is meant, as a path that holds wherever the command runs."""
    return Path(os.path.abspath(Path(given or usual).expanduser()))  # not resolved: a venv's python is a link
