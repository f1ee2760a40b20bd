"""A trained PEFT adapter -> files for llama.cpp: a small GGUF LoRA beside its base, or a whole merged GGUF.

The one rule: written aside and renamed, so a file that is there is whole. Merging starts from the weights that were
trained on: the base's GGUF dequantised and rounded to bf16 (see plugs.bases), plus scale * B A in float32.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from manyshot.errors import ModelError
from manyshot.plugs.gguf_read import Header, read_header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Dtype = Literal["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "bf16", "f16", "f32"]
#: Rows that are dequantised at a time.
_ROWS = 8192
_KEY = re.compile(r"(?:base_model\.model\.)?(.+)\.lora_(A|B)\.(?:default\.)?weight")


@dataclass(frozen=True, slots=True)
class Pair:
    """One adapted matrix: weight += scale * b @ a, with a [rank, in] and b [out, rank], both float32."""

    a: NDArray[np.float32]
    b: NDArray[np.float32]
    scale: float


def write_lora(base: Path, adapter_folder: Path, out: Path) -> Path:
    """Write the PEFT adapter in `adapter_folder` as a GGUF LoRA in float32 for the base GGUF `base`; returns `out`.

    Raises ModelError for adapters that llama.cpp cannot apply (DoRA, biases, whole saved modules, another base).
    """
    import gguf

    head = read_header(base)
    pairs = read_pairs(head, adapter_folder)
    with _aside(out) as path:
        writer = gguf.GGUFWriter(path, head.meta["general.architecture"])
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        # llama.cpp multiplies by alpha / rank; what differs from that goes into B, so any rank a matrix is right.
        alpha = float(max(pair.scale * pair.a.shape[0] for pair in pairs.values()))
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
        for name, pair in pairs.items():
            writer.add_tensor(f"{name}.lora_a", pair.a)
            writer.add_tensor(f"{name}.lora_b", pair.b * (pair.scale * pair.a.shape[0] / alpha))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return out


def build_gguf(base: Path, adapter_folder: Path | None, out: Path, dtype: Dtype = "q8_0") -> Path:
    """Write a whole GGUF: `base` dequantised, with the adapter (if any) merged, matrices in `dtype`; returns `out`.

    Matrices that are already in `dtype` and not adapted are copied bit for bit. Raises ModelError as write_lora does.
    """
    import gguf
    import numpy as np

    head = read_header(base)
    pairs = read_pairs(head, adapter_folder) if adapter_folder else {}
    kind = gguf.GGMLQuantizationType[dtype.upper()]
    blob = np.memmap(base, mode="r", dtype=np.uint8)
    kinds = {n: kind if len(at.shape) > 1 else gguf.GGMLQuantizationType(at.kind) for n, at in head.tensors.items()}
    file_type = gguf.LlamaFileType["ALL_F32" if dtype == "f32" else f"MOSTLY_{dtype.upper()}"]
    with _aside(out) as path, path.open("wb") as file:
        file.write(_front(blob, head, kinds, file_type))
        for name, at in head.tensors.items():
            raw = blob[at.offset : at.offset + _size(at.shape, at.kind)].reshape(-1, _size(at.shape[-1:], at.kind))
            file.write(bytes(-file.tell() % _align(head)))
            if at.kind == kinds[name] and name not in pairs:
                file.write(raw.data)
                continue
            for first in range(0, len(raw), _ROWS):
                rows = slice(first, first + _ROWS)
                weight = _round_bf16(gguf.quants.dequantize(raw[rows], gguf.GGMLQuantizationType(at.kind)))
                if name in pairs:
                    weight = weight + pairs[name].scale * (pairs[name].b[rows] @ pairs[name].a)
                file.write(gguf.quants.quantize(weight, kinds[name]).data)
    return out


def read_pairs(head: Header, adapter_folder: Path) -> dict[str, Pair]:
    """Read a PEFT adapter by the tensor names of the GGUF `head`, rows in the GGUF's order. Raises ModelError."""
    config = _config(adapter_folder)
    halves = _halves(adapter_folder / "adapter_model.safetensors")
    name_of = _name_map(head)
    pairs: dict[str, Pair] = {}
    for module, half in halves.items():
        name = name_of(module) or module
        shape = head.tensors[name].shape if name in head.tensors else None
        if set(half) != {"A", "B"} or (half["B"].shape[0], half["A"].shape[1]) != shape:
            there = f"{ {k: v.shape for k, v in half.items()} } for {name} of shape {shape}"
            raise ModelError(f"{adapter_folder}: wanted A and B that fit the base for {module}, got {there}")
        rank = half["A"].shape[0]
        scale = config["lora_alpha"] / (math.sqrt(rank) if config.get("use_rslora") else rank)
        pairs[name] = Pair(half["A"], _permuted(head, name, half["B"]), scale)
    if not pairs:
        raise ModelError(f"{adapter_folder}: wanted LoRA matrices in adapter_model.safetensors, found none")
    return pairs


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "adapter_config.json"
    if not path.is_file():
        raise ModelError(f"{path}: wanted a PEFT adapter's settings, found no file")
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for key in ("use_dora", "alpha_pattern", "modules_to_save", "lora_bias", "fan_in_fan_out", "layer_replication"):
        if config.get(key):
            raise ModelError(f"{path}: llama.cpp cannot apply {key}={config[key]!r}; train with plain LoRA")
    if config.get("peft_type") != "LORA" or config.get("bias", "none") != "none":
        there = f"{config.get('peft_type')} with bias {config.get('bias')}"
        raise ModelError(f"{path}: wanted peft_type LORA with bias none, got {there}")
    return config


def _halves(path: Path) -> dict[str, dict[str, NDArray[np.float32]]]:
    """module name -> {"A": [rank, in], "B": [out, rank]}."""
    from safetensors.torch import load_file

    found: dict[str, dict[str, NDArray[np.float32]]] = {}
    for key, tensor in load_file(path).items():
        match = _KEY.fullmatch(key)
        if match is None:
            raise ModelError(f"{path}: wanted only lora_A and lora_B weights, got {key}")
        found.setdefault(match.group(1), {})[match.group(2)] = tensor.float().numpy()
    return found


def _name_map(head: Header) -> Callable[[str], str | None]:
    import gguf

    architecture = head.meta["general.architecture"]
    number = next((k for k, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture), None)
    if number is None:
        raise ModelError(f"wanted a base of an architecture that gguf knows, got {architecture}")
    names = gguf.get_tensor_name_map(number, int(head.meta[f"{architecture}.block_count"]))
    return lambda module: names.get_name(f"{module}.weight", try_suffixes=(".weight",))


def _permuted(head: Header, name: str, b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Llama's GGUF has the rows of Q and K interleaved for its rotary form; other bases keep Hugging Face's order."""
    kind = name.split(".")[-2] if "." in name else ""
    if head.meta["general.architecture"] != "llama" or kind not in ("attn_q", "attn_k"):
        return b
    heads = int(head.meta["llama.attention.head_count" + ("_kv" if kind == "attn_k" else "")])
    return b.reshape(heads, 2, -1, b.shape[1]).swapaxes(1, 2).reshape(b.shape)


def _round_bf16(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    import gguf

    kind = gguf.GGMLQuantizationType.BF16
    rounded: NDArray[np.float32] = gguf.quants.dequantize(gguf.quants.quantize(weight, kind), kind)
    return rounded


def _size(shape: tuple[int, ...], kind: int) -> int:
    """Bytes of a tensor."""
    import gguf

    values, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)]
    return math.prod(shape) // int(values) * int(size)


def _align(head: Header) -> int:
    return int(head.meta.get("general.alignment", 32))


def _front(blob: NDArray[np.uint8], head: Header, kinds: Mapping[str, int], file_type: int) -> bytes:
    """Everything before the tensors' data: the base's metadata byte for byte but for the file type, new places.

    Copied, because gguf-py needs 19 s to read and write a vocabulary of 262,144 pieces.
    """
    front = bytearray(blob[: head.meta_end].tobytes())
    if "general.file_type" in head.value_at:
        struct.pack_into("<I", front, head.value_at["general.file_type"], file_type)
    offset = 0
    for name, place in head.tensors.items():
        encoded, dims = name.encode(), tuple(reversed(place.shape))
        front += struct.pack(f"<Q{len(encoded)}sI", len(encoded), encoded, len(dims))
        front += struct.pack(f"<{len(dims)}QIQ", *dims, kinds[name], offset)
        offset += -(-_size(place.shape, kinds[name]) // _align(head)) * _align(head)
    return bytes(front)


@contextmanager
def _aside(out: Path) -> Iterator[Path]:
    """A path in `out`'s folder that becomes `out` when the block ends well, and goes away when it does not."""
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    os.close(handle)
    path = Path(name)
    try:
        yield path
        path.chmod(0o644)
        path.replace(out)
    finally:
        path.unlink(missing_ok=True)
