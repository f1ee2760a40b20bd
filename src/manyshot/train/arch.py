"""Reads a transformers decoder into the plain tensors and the few facts that our own step needs.

One rule: an architecture is a description (`Arch`), not code; Gemma 3, Llama, Qwen2.5 and Qwen3 differ only there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from manyshot.errors import TrainError

#: The linear layers that carry an adapter, in PEFT's names, by the fused product that computes them.
FUSED: dict[str, tuple[str, ...]] = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}


@dataclass(frozen=True, slots=True)
class Arch:
    """What distinguishes one decoder family from another. `window[i]` is layer i's sliding window, None for full."""

    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    scale: float
    eps: float
    norm_offset: float
    qk_norm: bool
    sandwich: bool
    activation: Literal["gelu", "silu"]
    embed_scale: float
    window: tuple[int | None, ...]
    rope: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fused:
    """Frozen linear layers that share an input: weight (sum of `outs`, inputs), bias or None, the parts' names."""

    names: tuple[str, ...]
    outs: tuple[int, ...]
    weight: Tensor
    bias: Tensor | None


@dataclass(frozen=True, slots=True)
class Layer:
    """One decoder layer: its fused products by the keys of FUSED, and its norms (fp32, offset included) by name."""

    products: dict[str, Fused]
    norms: dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Frozen:
    """A base model as plain tensors in one compute dtype, norms in fp32. `head` may be the embedding itself."""

    arch: Arch
    layers: tuple[Layer, ...]
    embedding: Tensor
    head: Tensor
    final_norm: Tensor
    rotary: Any
    config: Any

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.dtype

    def rope_tables(self, positions: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """cos and sin, each (positions, head_dim) fp32, for every kind of layer."""
        like = torch.zeros(1, dtype=torch.float32)
        tables = {}
        for kind in sorted(set(self.arch.rope)):
            args = (kind,) if kind != "all" else ()
            cos, sin = self.rotary(like, positions[None], *args)
            tables[kind] = (cos[0].contiguous(), sin[0].contiguous())
        return tables


def load_frozen(folder: Path, dtype: torch.dtype) -> Frozen:
    """Load the Hugging Face model in `folder` as plain tensors of `dtype`."""
    from transformers import AutoModelForCausalLM

    return freeze(AutoModelForCausalLM.from_pretrained(folder, dtype=dtype), dtype)


def freeze(model: Any, dtype: torch.dtype) -> Frozen:
    """Take the weights out of a transformers causal language model. Raises TrainError for an unknown architecture."""
    arch = describe(model.config)
    body = model.model
    layers = tuple(_layer(module, arch, dtype) for module in body.layers)
    return Frozen(
        arch=arch,
        layers=layers,
        embedding=body.embed_tokens.weight.detach().to(dtype),
        head=model.lm_head.weight.detach().to(dtype),
        final_norm=_norm(body.norm, arch),
        rotary=body.rotary_emb,
        config=model.config,
    )


def describe(config: Any) -> Arch:
    """The description of a transformers config. Raises TrainError when its kind is not one of ours."""
    kind = config.model_type
    if kind not in ("gemma3_text", "llama", "qwen2", "qwen3"):
        raise TrainError(f"base of type {kind!r}: the built-in trainer knows gemma3_text, llama, qwen2 and qwen3")
    gemma = kind == "gemma3_text"
    for refused in ("attn_logit_softcapping", "final_logit_softcapping", "use_bidirectional_attention"):
        if getattr(config, refused, None):
            raise TrainError(f"base of type {kind!r}: {refused} is set, which the built-in trainer does not compute")
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    types: Sequence[str] = getattr(config, "layer_types", None) or ["full_attention"] * config.num_hidden_layers
    window = getattr(config, "sliding_window", None)
    act = config.hidden_activation if gemma else config.hidden_act
    if act not in ("gelu_pytorch_tanh", "silu"):
        raise TrainError(f"base of type {kind!r}: activation {act!r} is not computed by the built-in trainer")
    return Arch(
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_dim=head_dim,
        scale=float(config.query_pre_attn_scalar if gemma else head_dim) ** -0.5,
        eps=config.rms_norm_eps,
        norm_offset=1.0 if gemma else 0.0,
        qk_norm=gemma or kind == "qwen3",
        sandwich=gemma,
        activation="silu" if act == "silu" else "gelu",
        embed_scale=config.hidden_size**0.5 if gemma else 1.0,
        window=tuple(window if t == "sliding_attention" else None for t in types),
        rope=tuple(types) if gemma else ("all",) * len(types),
    )


def _norm(module: Any, arch: Arch) -> Tensor:
    weight: Tensor = module.weight.detach().float()
    return weight + arch.norm_offset


def _layer(module: Any, arch: Arch, dtype: torch.dtype) -> Layer:
    products = {}
    for key, names in FUSED.items():
        parts = [module.get_submodule(name) for name in names]
        weight = torch.cat([p.weight.detach() for p in parts]).to(dtype)
        biases = [torch.zeros(p.out_features) if p.bias is None else p.bias.detach() for p in parts]
        bias = torch.cat(biases).to(dtype) if any(p.bias is not None for p in parts) else None
        products[key] = Fused(names, tuple(p.out_features for p in parts), weight, bias)
    norms = {"attn_in": module.input_layernorm}
    if arch.sandwich:
        norms["attn_out"] = module.post_attention_layernorm
        norms["mlp_in"] = module.pre_feedforward_layernorm
        norms["mlp_out"] = module.post_feedforward_layernorm
    else:
        norms["mlp_in"] = module.post_attention_layernorm
    if arch.qk_norm:
        norms["q"], norms["k"] = module.self_attn.q_norm, module.self_attn.k_norm
    return Layer(products, {name: _norm(norm, arch) for name, norm in norms.items()})
