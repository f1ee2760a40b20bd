"""A base and a PEFT adapter -> one Hugging Face folder: W + scale x B A, in the base's type.

The one rule: the folder appears under its name when it is whole, and an adapter that does not fit is refused before
anything is written.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyshot.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
_HEAD = "base_model.model."


def read_adapter(folder: Path) -> tuple[dict[str, dict[str, Tensor]], float]:
    """Module (model.layers.0.mlp.up_proj) -> its A (rank, in) and B (out, rank), and the scale. Raises ModelError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_text("utf-8"))
        state = load_file(folder / WEIGHTS)
        rank = int(config["r"])
        scale = float(config["lora_alpha"]) / (math.sqrt(rank) if config.get("use_rslora") else rank)
    except (OSError, ValueError, LookupError, TypeError, SafetensorError) as error:
        raise ModelError(f"{folder}: wanted an adapter in PEFT's form, got: {error}") from None
    refused = ("use_dora", "alpha_pattern", "rank_pattern", "modules_to_save", "lora_bias", "fan_in_fan_out")
    if config.get("peft_type") != "LORA" or (other := [key for key in refused if config.get(key)]):
        what = config.get("peft_type") if config.get("peft_type") != "LORA" else ", ".join(other)
        raise ModelError(f"{folder / CONFIG}: wanted plain LoRA, found {what}; merge it with peft itself")
    halves: dict[str, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        module, _, half = key.removeprefix(_HEAD).removesuffix(".weight").rpartition(".lora_")
        if half not in ("A", "B"):
            raise ModelError(f"{folder / WEIGHTS}: wanted only lora_A and lora_B, found {key}")
        halves.setdefault(module, {})[half] = tensor.float()
    return halves, scale


def merge(base: Path, adapter: Path, out: Path) -> Path:
    """Write the base in `base` with the adapter merged into the new folder `out`; returns it. Raises ModelError."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    halves, scale = read_adapter(adapter)
    files = sorted(base.glob("*.safetensors"))
    _check(base, adapter, files, halves)
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        for file in files:
            state: dict[str, Tensor] = {}
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118  no dict
                    state[name] = tensor = opened.get_tensor(name)
                    if half := halves.get(name.removesuffix(".weight")):
                        state[name] = (tensor.float() + scale * (half["B"] @ half["A"])).to(tensor.dtype)
            save_file(state, aside / file.name, metadata={"format": "pt"})
        for path in base.iterdir():
            if path.suffix in (".json", ".jinja", ".model", ".txt") and path.name != "manifest.json":
                shutil.copyfile(path, aside / path.name)
        aside.chmod(0o755)
        if out.exists():
            out.rmdir()  # an empty one; what has anything in it stays, with an OSError
        aside.rename(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return out


def _check(base: Path, adapter: Path, files: list[Path], halves: dict[str, dict[str, Tensor]]) -> None:
    """Raise ModelError when a part of the adapter has no place in the base, or another size."""
    from safetensors import SafetensorError, safe_open

    shapes: dict[str, list[int]] = {}
    try:
        for file in files:
            with safe_open(file, framework="pt") as opened:
                shapes |= {name: opened.get_slice(name).get_shape() for name in opened.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ModelError(f"{base}: its weights are damaged ({error}); fetch it again") from None
    for module, half in halves.items():
        there = shapes.get(f"{module}.weight")
        if set(half) != {"A", "B"} or [half["B"].shape[0], half["A"].shape[1]] != there:
            wanted = {key: tuple(tensor.shape) for key, tensor in half.items()}
            raise ModelError(
                f"{adapter}: is for another base than {base}: {module} has {wanted}, the base {there or 'none'} there"
            )
