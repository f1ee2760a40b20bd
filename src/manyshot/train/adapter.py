"""The LoRA parameters: one flat fp32 vector, seen as A and B of every linear layer, and PEFT's file format.

One rule: the flat vector is the truth; the compute copies (`Product.wide`, `Product.down`) are refreshed from it.
LoRA: Hu et al. 2021, arXiv:2106.09685; y = x W' + (alpha / r) (x A') B'.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from manyshot.errors import TrainError
from manyshot.records import write_aside
from manyshot.train.arch import Frozen, Fused


@dataclass(slots=True)
class Product:
    """A fused linear layer with its adapters, ready to multiply.

    `wide` (outs, inputs + R) = [W | s B], so that base and adapter are one product over [x | x A'];
    `down` (R, inputs) stacks the parts' A; R = rank x parts, B's blocks lie on the diagonal.
    """

    wide: Tensor
    down: Tensor
    bias: Tensor | None
    outs: tuple[int, ...]
    inputs: int
    rank: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where one adapter matrix lies in the flat vector."""

    layer: int
    product: str
    part: int
    matrix: str  # "A" (rank, inputs) or "B" (out, rank)
    name: str  # "layers.3.self_attn.q_proj"
    start: int
    shape: tuple[int, int]


class Adapter:
    """LoRA on all linear layers of `base`. A starts uniform as PEFT's (Kaiming, a = sqrt 5), B at zero."""

    def __init__(self, base: Frozen, rank: int, alpha: float, seed: int) -> None:
        self.rank, self.alpha, self.scale = rank, alpha, alpha / rank
        self.places = _places(base, rank)
        last = self.places[-1]
        self.flat = torch.zeros(last.start + last.shape[0] * last.shape[1])
        self.grad = torch.zeros_like(self.flat)
        self.products = [{key: _product(fused, rank) for key, fused in layer.products.items()} for layer in base.layers]
        generator = torch.Generator().manual_seed(seed)
        for place in self.places:
            if place.matrix == "A":
                bound = place.shape[1] ** -0.5
                self.view(place).uniform_(-bound, bound, generator=generator)
        self.refresh()

    def view(self, place: Place, of: Tensor | None = None) -> Tensor:
        """The matrix at `place` as a view of the parameters, or of another flat vector (as `grad`)."""
        flat = self.flat if of is None else of
        return flat[place.start : place.start + place.shape[0] * place.shape[1]].view(place.shape)

    def places_of(self, layer: int) -> dict[str, list[dict[str, Place]]]:
        """A layer's places by product, part and matrix."""
        found: dict[str, list[dict[str, Place]]] = {}
        for place in self.places:
            if place.layer == layer:
                parts = found.setdefault(place.product, [])
                if place.part == len(parts):
                    parts.append({})
                parts[place.part][place.matrix] = place
        return found

    def refresh(self) -> None:
        """Copy the parameters into the compute tensors. Call after every change of `flat`."""
        for place in self.places:
            product = self.products[place.layer][place.product]
            rows, cols = _block(product, place.part)
            if place.matrix == "A":
                product.down[cols].copy_(self.view(place))
            else:
                columns = slice(product.inputs + cols.start, product.inputs + cols.stop)
                product.wide[rows, columns].copy_(self.view(place) * self.scale)

    def state(self) -> dict[str, Tensor]:
        """The parameters under PEFT's names, contiguous fp32."""
        head = "base_model.model.model"
        return {f"{head}.{p.name}.lora_{p.matrix}.weight": self.view(p).clone() for p in self.places}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take parameters saved under PEFT's names."""
        for place in self.places:
            self.view(place).copy_(state[f"base_model.model.model.{place.name}.lora_{place.matrix}.weight"])
        self.refresh()

    def load(self, folder: Path) -> None:
        """Take the parameters of an adapter that `save` wrote. Raises TrainError when it does not fit."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
            state = load_file(folder / "adapter_model.safetensors")
            if (config["r"], config["lora_alpha"]) != (self.rank, self.alpha):
                raise TrainError(
                    f"{folder}: an adapter of rank {config['r']} and alpha {config['lora_alpha']}; training is set to "
                    f"rank {self.rank} and alpha {self.alpha}; set rank={config['r']} alpha={config['lora_alpha']}, "
                    "or begin from the base alone (--start base)"
                )
            self.load_state(state)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise TrainError(f"{folder}: not an adapter of this base ({error})") from None

    def blend(self, folder: Path, share: float) -> None:
        """Average with the adapter in `folder`, `share` being ours: what was learnt counts less, what was known more.

        Weights between those before and after fine-tuning do better than either on data unlike that of training
        (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
        """
        ours = self.flat.detach().clone()
        self.load(folder)
        with torch.no_grad():
            self.flat.mul_(1 - share).add_(ours, alpha=share)
        self.refresh()

    def save(self, folder: Path, base_name: str) -> None:
        """Write adapter_model.safetensors and adapter_config.json as PEFT reads them, each whole or not at all."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / ".adapter_model.safetensors.part"
        try:
            save_file(self.state(), aside, metadata={"format": "pt"})
            aside.replace(folder / "adapter_model.safetensors")
        finally:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
        targets = sorted({place.name.rsplit(".", 1)[1] for place in self.places})
        config = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": base_name,
            "r": self.rank,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            "fan_in_fan_out": False,
            "inference_mode": True,
            "target_modules": targets,
        }
        with write_aside(folder / "adapter_config.json") as stream:
            stream.write(json.dumps(config, indent=1))


def _places(base: Frozen, rank: int) -> list[Place]:
    places, start = [], 0
    for number, layer in enumerate(base.layers):
        for key, fused in layer.products.items():
            for part, (name, out) in enumerate(zip(fused.names, fused.outs, strict=True)):
                for matrix, shape in (("A", (rank, fused.weight.shape[1])), ("B", (out, rank))):
                    places.append(Place(number, key, part, matrix, f"layers.{number}.{name}", start, shape))
                    start += shape[0] * shape[1]
    return places


def _product(fused: Fused, rank: int) -> Product:
    outs, inputs = fused.weight.shape
    width = rank * len(fused.outs)
    wide = torch.zeros(outs, inputs + width, dtype=fused.weight.dtype)
    wide[:, :inputs] = fused.weight
    down = torch.zeros(width, inputs, dtype=fused.weight.dtype)
    return Product(wide, down, fused.bias, fused.outs, inputs, rank)


def _block(product: Product, part: int) -> tuple[slice, slice]:
    """Rows of the outputs and columns of the rank that belong to a part."""
    first = sum(product.outs[:part])
    return slice(first, first + product.outs[part]), slice(part * product.rank, (part + 1) * product.rank)
