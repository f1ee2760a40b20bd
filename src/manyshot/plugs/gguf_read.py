"""Reads a GGUF file and writes it as a Hugging Face folder: bf16 safetensors, config, tokenizer.

One rule: weights go straight from the file's blocks to bf16, a slice at a time, so memory stays near the size of the
result. Own header reader because gguf-py's spends 19 s on the vocabulary arrays. Format: ggml's docs/gguf.md, v3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyshot.errors import ModelError

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig

Meta = dict[str, Any]
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
#: Rows are dequantised in slices of this many values (fp32, so 32 MB each).
_SLICE = 1 << 23


@dataclass(frozen=True, slots=True)
class TensorAt:
    """Where a tensor lies: `shape` is (rows, columns) or (size,), `offset` in bytes from the start of the file."""

    shape: tuple[int, ...]
    kind: int
    offset: int


@dataclass(frozen=True, slots=True)
class Header:
    """Metadata (arrays by their length), tensors; in bytes: where each value lies and where the metadata end."""

    meta: Meta
    tensors: dict[str, TensorAt]
    value_at: dict[str, int]
    meta_end: int


def read_header(path: Path) -> Header:
    """Read the header of the GGUF file at `path`. Raises ModelError when it is none."""
    with path.open("rb") as file:
        data = file.read(64 << 20)  # vocabularies of 262,144 pieces take 7 MB
    if data[:4] != b"GGUF":
        raise ModelError(f"{path}: a GGUF file was expected, it starts with {data[:4]!r}; fetch the file again")
    version, tensor_count, meta_count = struct.unpack_from("<IQQ", data, 4)
    if version < 2:
        raise ModelError(f"{path}: GGUF version 2 or 3 was expected, this is {version}; convert it with llama.cpp")
    pos, meta, value_at = 24, {}, {}
    for _ in range(meta_count):
        key, pos = _string(data, pos)
        (kind,) = struct.unpack_from("<I", data, pos)
        value_at[key] = pos + 4
        meta[key], pos = _value(data, pos + 4, kind)
    meta_end = pos
    places: list[tuple[str, tuple[int, ...], int, int]] = []
    for _ in range(tensor_count):
        name, pos = _string(data, pos)
        (dims,) = struct.unpack_from("<I", data, pos)
        *shape, kind, offset = struct.unpack_from(f"<{dims}QIQ", data, pos + 4)
        pos += 4 + 8 * dims + 12
        places.append((name, tuple(reversed(shape)), kind, offset))
    align = int(meta.get("general.alignment", 32))
    start = -(-pos // align) * align
    tensors = {name: TensorAt(shape, kind, start + offset) for name, shape, kind, offset in places}
    return Header(meta, tensors, value_at, meta_end)


def _string(data: bytes, pos: int) -> tuple[str, int]:
    (size,) = struct.unpack_from("<Q", data, pos)
    return data[pos + 8 : pos + 8 + size].decode("utf-8"), pos + 8 + size


def _value(data: bytes, pos: int, kind: int) -> tuple[Any, int]:
    if kind == _STRING:
        return _string(data, pos)
    if kind != _ARRAY:
        code = "<" + _SCALARS[kind]
        return struct.unpack_from(code, data, pos)[0], pos + struct.calcsize(code)
    inner, count = struct.unpack_from("<IQ", data, pos)
    pos += 12
    if inner == _STRING:
        for _ in range(count):
            pos += 8 + int.from_bytes(data[pos : pos + 8], "little")
        return count, pos
    if inner == _ARRAY:
        raise ModelError("nested arrays in GGUF metadata are not read")
    return count, pos + count * struct.calcsize("<" + _SCALARS[inner])


_BLOCK = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
}
_NORMS = {
    "gemma3": {
        "post_attention_norm": "post_attention_layernorm",
        "ffn_norm": "pre_feedforward_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    },
    "llama": {"ffn_norm": "post_attention_layernorm"},
    "qwen2": {"ffn_norm": "post_attention_layernorm"},
    "qwen3": {"ffn_norm": "post_attention_layernorm"},
}
_OUTER = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


def hf_name(arch: str, name: str) -> str | None:
    """Translate a GGUF tensor's name for `arch`; None for tensors that transformers computes (rope factors)."""
    if name in _OUTER:
        return _OUTER[name]
    if not name.startswith("blk."):
        return None
    _, layer, part, end = name.split(".")
    inner = {**_BLOCK, **_NORMS[arch]}.get(part)
    return None if inner is None else f"model.layers.{layer}.{inner}.{end}"


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Dequantise all weights of `path` to bf16 under their Hugging Face names."""
    import numpy as np

    head = read_header(path)
    arch = str(head.meta["general.architecture"])
    if arch not in _NORMS:
        raise ModelError(f"{path}: architecture {arch!r} is not known here (known: {', '.join(sorted(_NORMS))})")
    blob = np.memmap(path, mode="r", dtype=np.uint8)
    state: dict[str, torch.Tensor] = {}
    for name, place in head.tensors.items():
        if target := hf_name(arch, name):
            state[target] = _fix(arch, head.meta, target, _tensor(blob, place))
    return state


def _tensor(blob: Any, place: TensorAt) -> torch.Tensor:
    import torch
    from gguf import GGMLQuantizationType
    from gguf.constants import GGML_QUANT_SIZES
    from gguf.quants import dequantize

    kind = GGMLQuantizationType(place.kind)
    values, size = GGML_QUANT_SIZES[kind]
    width = place.shape[-1]
    rows = 1 if len(place.shape) == 1 else place.shape[0]
    row_bytes = width // values * size
    raw = blob[place.offset : place.offset + rows * row_bytes].reshape(rows, row_bytes)
    dtype = torch.float32 if len(place.shape) == 1 else torch.bfloat16  # norms keep fp32 until their offset is gone
    out = torch.empty(rows, width, dtype=dtype)
    step = max(1, _SLICE // width)
    for first in range(0, rows, step):
        part = dequantize(raw[first : first + step], kind)
        out[first : first + step] = torch.from_numpy(part.reshape(-1, width).copy())
    return out.reshape(place.shape)


def _fix(arch: str, meta: Meta, name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Undo what llama.cpp's converter did: Gemma's norms hold 1 + w, Llama's q and k interleave rope pairs."""
    import torch

    if arch == "gemma3" and name.endswith("norm.weight"):
        tensor = tensor - 1.0
    if arch == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
        key = "head_count" if "q_proj" in name else "head_count_kv"
        heads = int(meta[f"llama.attention.{key}"])
        rows, width = tensor.shape
        tensor = tensor.reshape(heads, rows // heads // 2, 2, width).transpose(1, 2).reshape(rows, width)
    return tensor.to(torch.bfloat16).contiguous()


def read_config(path: Path) -> PretrainedConfig:
    """The transformers config of the GGUF at `path`, with dtype bfloat16 (else trainers load fp32)."""
    from transformers import Gemma3TextConfig, LlamaConfig, Qwen2Config, Qwen3Config

    head = read_header(path)
    meta, arch = head.meta, str(head.meta["general.architecture"])
    classes = {"gemma3": Gemma3TextConfig, "llama": LlamaConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config}
    heads = int(meta[f"{arch}.attention.head_count"])
    hidden = int(meta[f"{arch}.embedding_length"])
    theta = float(meta[f"{arch}.rope.freq_base"])
    common: Meta = {
        "vocab_size": int(meta["tokenizer.ggml.tokens"]),
        "hidden_size": hidden,
        "intermediate_size": int(meta[f"{arch}.feed_forward_length"]),
        "num_hidden_layers": int(meta[f"{arch}.block_count"]),
        "num_attention_heads": heads,
        "num_key_value_heads": int(meta[f"{arch}.attention.head_count_kv"]),
        "head_dim": int(meta.get(f"{arch}.attention.key_length", hidden // heads)),
        "max_position_embeddings": int(meta[f"{arch}.context_length"]),
        "rms_norm_eps": float(f"{meta[f'{arch}.attention.layer_norm_rms_epsilon']:.6g}"),
        "bos_token_id": meta.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": meta.get("tokenizer.ggml.eos_token_id"),
        "pad_token_id": meta.get("tokenizer.ggml.padding_token_id"),
        "tie_word_embeddings": "output.weight" not in head.tensors,
        "dtype": "bfloat16",
    }
    if arch == "gemma3":
        # The GGUF names one base frequency; Gemma 3's sliding layers always use 10,000 (technical report, section 2).
        full = {"rope_theta": theta, "rope_type": "default"}
        common["rope_parameters"] = {"full_attention": full, "sliding_attention": {**full, "rope_theta": 10_000.0}}
        common["sliding_window"] = int(meta["gemma3.attention.sliding_window"])
    else:
        common["rope_parameters"] = {"rope_theta": theta, "rope_type": "default"}
    config: PretrainedConfig = classes[arch](**common)
    config.architectures = [classes[arch].__name__.replace("TextConfig", "Config").replace("Config", "ForCausalLM")]
    return config


def convert(gguf: Path, folder: Path) -> None:
    """Write `gguf` into `folder` as model.safetensors, config.json and tokenizer files (25 s for gemma-3-270m)."""
    from safetensors.torch import save_file
    from transformers import AutoTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    save_file(read_state(gguf), folder / "model.safetensors", metadata={"format": "pt"})
    read_config(gguf).save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)
