"""What a LoRA training takes: memory, time and money, from the shape of a base, the lengths of the samples, a machine.

The one rule: each figure follows from the formulas in docs/plan.md, whose constants come from measured runs; tests hold
them to those runs. Nothing is measured here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from manyshot.errors import SpecError

#: bf16 and fp32: the base as it is; nf4: its linear layers in 4 bits (QLoRA, Dettmers et al. 2023).
Weights = Literal["bf16", "fp32", "nf4"]
#: Bytes a weight of a linear layer takes; nf4 with double quantisation: 4.127 bits.
BYTES: Final[Mapping[Weights, float]] = {"bf16": 2.0, "fp32": 4.0, "nf4": 4.127 / 8}
#: Weight, gradient and two moments of an adapter's parameter, in fp32.
ADAPTER_BYTES = 16
#: What is slower than products in our step on a CPU, as if it were products at this rate, in GFLOP/s.
CPU_REST = 600.0
#: Share of the peak that ordinary trainers reach on a CPU.
CPU_ORDINARY = 0.2
#: Share of a GPU's bf16 peak where nobody says another.
GPU_SHARE = 0.35
#: Longer steps of QLoRA, since each product unpacks its weights.
NF4_TIME = 1.3
#: Bytes a logit costs an ordinary trainer: itself, in fp32, its log soft-max, and the gradients.
LOGIT_BYTES = 16
#: Room of buffers that only grow, and memory of a process with torch and transformers, or of a CUDA context.
POOL_ROOM, PROCESS, CONTEXT = 1.125, 0.5e9, 1.0e9
#: Logits of a slice of our head.
SLICE = 1 << 25
#: Most bytes of attention weights that our step keeps for the backward pass (train.attend.KEEP_BYTES).
KEPT_ATTENTION = 3 << 30
#: Share of the memory that a plan may fill.
FILL = 0.92


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder of the Llama kind. `kv`: heads of keys and values; `dim`: of a head; `tied`: the head is the embedding;
    `window`: of sliding layers, `sliding`: how many of the layers slide."""

    name: str
    layers: int
    width: int
    ffn: int
    heads: int
    kv: int
    dim: int
    vocab: int
    tied: bool = True
    window: int = 0
    sliding: int = 0

    @property
    def linear(self) -> int:
        """Weights of the linear layers, all of which carry adapters."""
        attention = self.width * self.dim * (2 * self.heads + 2 * self.kv)
        return self.layers * (attention + 3 * self.width * self.ffn)

    @property
    def embedding(self) -> int:
        """Weights of the embedding, and of the head where it is another matrix."""
        return self.vocab * self.width * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """All weights but those of norms and biases (some thousandths)."""
        return self.linear + self.embedding

    def adapter(self, rank: int) -> int:
        """Parameters of LoRA of this rank on all linear layers."""
        q, kv = self.heads * self.dim, self.kv * self.dim
        sides = 2 * (self.width + q) + 2 * (self.width + kv) + 3 * (self.width + self.ffn)
        return self.layers * rank * sides


def _gemma(name: str, layers: int, width: int, ffn: int, heads: int, kv: int, dim: int, window: int) -> Shape:
    return Shape(name, layers, width, ffn, heads, kv, dim, 262_144, True, window, layers - layers // 6)


#: Published shapes: the config.json of each base at its maker's. Gemma's text part.
SHAPES: Final[Mapping[str, Shape]] = {
    shape.name: shape
    for shape in (
        _gemma("gemma-3-270m", 18, 640, 2048, 4, 1, 256, 512),
        _gemma("gemma-3-1b", 26, 1152, 6912, 4, 1, 256, 512),
        _gemma("gemma-3-4b", 34, 2560, 10240, 8, 4, 256, 1024),
        _gemma("gemma-3-12b", 48, 3840, 15360, 16, 8, 256, 1024),
        _gemma("gemma-3-27b", 62, 5376, 21504, 32, 16, 128, 1024),
        Shape("qwen2.5-0.5b", 24, 896, 4864, 14, 2, 64, 151_936),
        Shape("qwen2.5-1.5b", 28, 1536, 8960, 12, 2, 128, 151_936),
        Shape("qwen2.5-3b", 36, 2048, 11008, 16, 2, 128, 151_936),
        Shape("qwen2.5-7b", 28, 3584, 18944, 28, 4, 128, 152_064, False),
        Shape("qwen2.5-14b", 48, 5120, 13824, 40, 8, 128, 152_064, False),
        Shape("qwen2.5-32b", 64, 5120, 27648, 40, 8, 128, 152_064, False),
        Shape("qwen2.5-72b", 80, 8192, 29568, 64, 8, 128, 152_064, False),
        Shape("qwen3-0.6b", 28, 1024, 3072, 16, 8, 128, 151_936),
        Shape("qwen3-1.7b", 28, 2048, 6144, 16, 8, 128, 151_936),
        Shape("qwen3-4b", 36, 2560, 9728, 32, 8, 128, 151_936),
        Shape("qwen3-8b", 36, 4096, 12288, 32, 8, 128, 151_936, False),
        Shape("qwen3-14b", 40, 5120, 17408, 40, 8, 128, 151_936, False),
        Shape("qwen3-32b", 64, 5120, 25600, 64, 8, 128, 151_936, False),
        Shape("llama-3.2-1b", 16, 2048, 8192, 32, 8, 64, 128_256),
        Shape("llama-3.2-3b", 28, 3072, 8192, 24, 8, 128, 128_256),
        Shape("llama-3.1-8b", 32, 4096, 14336, 32, 8, 128, 128_256, False),
        Shape("llama-3.1-70b", 80, 8192, 28672, 64, 8, 128, 128_256, False),
        Shape("llama-3.1-405b", 126, 16384, 53248, 128, 8, 128, 128_256, False),
        Shape("smollm2-135m", 30, 576, 1536, 9, 3, 64, 49_152),
        Shape("smollm2-360m", 32, 960, 2560, 15, 5, 64, 49_152),
        Shape("smollm2-1.7b", 24, 2048, 8192, 32, 32, 64, 49_152),
    )
}


def read_shape(path: Path) -> Shape:
    """The shape in a config.json, as transformers writes it, or in its folder. Raises SpecError."""
    file = path / "config.json" if path.is_dir() else path
    try:
        found: dict[str, Any] = json.loads(file.read_text("utf-8"))
        row = found.get("text_config", found)
        width, heads = int(row["hidden_size"]), int(row["num_attention_heads"])
        kinds = row.get("layer_types") or []
        shape = Shape(
            str(file.parent.name or file.name), int(row["num_hidden_layers"]), width, int(row["intermediate_size"]),
            heads, int(row.get("num_key_value_heads") or heads), int(row.get("head_dim") or width // heads),
            int(row["vocab_size"]), bool(row.get("tie_word_embeddings", found.get("tie_word_embeddings", False))),
            int(row.get("sliding_window") or 0), sum(kind == "sliding_attention" for kind in kinds),
        )  # fmt: skip
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise SpecError(f"{file}: wanted the config.json of a base ({type(error).__name__}: {error})") from None
    if min(shape.layers, shape.width, shape.ffn, shape.heads, shape.kv, shape.dim, shape.vocab) < 1:
        raise SpecError(f"{file}: wanted sizes of 1 or more")
    return shape


def scaled_shape(parameters: float) -> Shape:
    """A shape of about so many parameters: the published one that is nearest, layers and widths scaled alike."""
    near = min(SHAPES.values(), key=lambda shape: abs(math.log(shape.parameters / parameters)))
    low, high = 0.05, 20.0
    for _ in range(60):  # parameters grow with the scale, so halving finds it
        middle = math.sqrt(low * high)
        low, high = (middle, high) if _scaled(near, middle).parameters < parameters else (low, middle)
    return replace(_scaled(near, high), name=f"like {near.name}, {parameters / 1e9:.3g}B")


def _scaled(shape: Shape, by: float) -> Shape:
    def at_least_one(value: float) -> int:
        return max(1, round(value))

    return replace(
        shape, layers=at_least_one(shape.layers * by), width=at_least_one(shape.width * by / 64) * 64,
        ffn=at_least_one(shape.ffn * by / 64) * 64, heads=at_least_one(shape.heads * by),
        kv=at_least_one(shape.kv * by), sliding=round(shape.sliding * by),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lengths:
    """Mean tokens of a sample: the shared beginning, its own, those of its own with loss. `longest`: of its own;
    `ids`: different ids that occur, for a head restricted to them (0: the whole vocabulary)."""

    shared: int
    own: float
    loss: float
    samples: int
    longest: int = 0
    ids: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """How it is trained. `sharing`: our step, one beginning for a whole batch; else an ordinary trainer, which computes
    it for each sample and logits for every token. `checkpointing`: activations are made again in the backward pass."""

    sharing: bool
    weights: Weights = "bf16"
    rank: int = 32
    checkpointing: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """`memory` in bytes; `peak`: of its products in FLOP/s; `share` of it that is reached, None: by the formula for our
    step on a CPU; `price`: an hour of it, None where nobody said; `gpus` of them."""

    name: str
    memory: float
    peak: float
    share: float | None = None
    price: float | None = None
    cpu: bool = False
    gpus: int = 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes at once, samples a second, seconds, price; `batch`: samples at a time, 0 where not even one fits."""

    batch: int
    memory: float
    rate: float
    seconds: float
    price: float | None


def flops(shape: Shape, lengths: Lengths, way: Way, batch: int) -> float:
    """Floating-point operations of a step of `batch` samples, forward and backward."""
    own = lengths.own * batch
    tokens = lengths.shared + own if way.sharing else lengths.shared * batch + own
    # A frozen layer has no gradient of its weights: 2 forward and 2 backward a weight, 6 for the adapter's.
    again = 2 * shape.linear if way.checkpointing else 0
    layers = tokens * (4 * shape.linear + again + 6 * shape.adapter(way.rank))
    alone = 1 if way.sharing else batch
    pairs = _attended(shape, lengths.shared, 0) * alone + _attended(shape, lengths.own, lengths.shared) * batch
    attention = (16 if way.checkpointing else 12) * pairs * shape.heads * shape.dim
    vocab = lengths.ids if way.sharing and lengths.ids else shape.vocab
    head = 4 * shape.width * vocab * (lengths.loss * batch if way.sharing else tokens)
    return layers + attention + head


def _attended(shape: Shape, tokens: float, before: float) -> float:
    """Pairs of a token and one that it attends to, over all layers, of `tokens` that stand behind `before` others."""
    whole = tokens * (before + tokens / 2)
    if not shape.window or before + tokens <= shape.window:
        return shape.layers * whole
    cut = min(whole, tokens * shape.window)
    return (shape.layers - shape.sliding) * whole + shape.sliding * cut


def memory(shape: Shape, lengths: Lengths, way: Way, batch: int, *, cpu: bool) -> float:
    """Bytes that a step of `batch` samples holds at once."""
    size = 4 if way.weights == "fp32" else 2
    longest = max(lengths.longest, lengths.own)
    own = (lengths.own if way.sharing else longest) * batch  # an ordinary batch is padded to its longest
    tokens = lengths.shared + own if way.sharing else lengths.shared * batch + own
    weights = shape.linear * BYTES[way.weights] + shape.embedding * size
    adapter = shape.adapter(way.rank) * ADAPTER_BYTES
    if not way.sharing:
        kept = shape.layers * tokens * _kept_ordinary(shape, way.rank, size)
        if way.checkpointing:
            kept = shape.layers * tokens * shape.width * size + kept / shape.layers
        return weights + adapter + kept + tokens * shape.vocab * LOGIT_BYTES + (PROCESS if cpu else CONTEXT)
    layer = _kept_ours(shape, way.rank, size)
    kept = tokens * (shape.layers * layer if not way.checkpointing else shape.layers * 4 * shape.width + layer)
    scores = lengths.own * batch * (lengths.shared + lengths.own) * shape.heads * shape.layers * size
    scores = scores if scores <= KEPT_ATTENTION else scores / shape.layers
    # Base and adapter are one product, for which the linear layers are there a second time.
    twice = shape.linear * BYTES[way.weights] if cpu else 0
    return (
        weights + twice + adapter + POOL_ROOM * (kept + scores) + SLICE * size + (PROCESS if cpu else CONTEXT)
    )  # fmt: skip


def _kept_ours(shape: Shape, rank: int, size: int) -> float:
    """Bytes a token and layer that our step keeps: inputs and outputs of products, queries, keys; residuals in fp32."""
    q, kv = shape.heads * shape.dim, shape.kv * shape.dim
    return size * (4 * shape.width + 4 * q + 3 * kv + 3 * shape.ffn + 7 * rank) + 8 * shape.width


def _kept_ordinary(shape: Shape, rank: int, size: int) -> float:
    """Bytes a token and layer that autograd keeps: inputs of seven adapters in fp32, norms, attention, activation."""
    q, kv = shape.heads * shape.dim, shape.kv * shape.dim
    adapters = 4 * (5 * shape.width + q + shape.ffn + 7 * rank)
    return adapters + 20 * shape.width + size * (6 * q + 4 * kv + 4 * shape.ffn + 2 * shape.width)


def reached(machine: Machine, way: Way) -> float:
    """FLOP/s that a step reaches on a machine."""
    if machine.share is not None:
        rate = machine.peak * machine.share
    elif not machine.cpu:
        rate = machine.peak * GPU_SHARE
    elif way.sharing:
        rate = 1 / (1 / machine.peak + 1 / (CPU_REST * 1e9))
    else:
        rate = machine.peak * CPU_ORDINARY
    return rate * machine.gpus / (NF4_TIME if way.weights == "nf4" else 1.0)


def estimate(
    shape: Shape,
    lengths: Lengths,
    way: Way,
    machine: Machine,
    *,
    epochs: int = 1,
    batches: Iterable[int] = (64, 32, 16, 8, 4, 2, 1),
) -> Estimate:
    """Memory, time and price of a training with the first of `batches` that fits.

    Several GPUs share weights, gradients and batch (FSDP), so each holds its part. With none that fits: batch 0, and
    the memory that a single sample takes.
    """
    tried = list(batches)
    held, batch = 0.0, 0
    for batch in tried:
        held = memory(shape, lengths, way, batch, cpu=machine.cpu)
        if held <= machine.memory * machine.gpus * FILL:
            break
    else:
        return Estimate(0, held, 0.0, 0.0, None)
    rate = batch * reached(machine, way) / flops(shape, lengths, way, batch)
    seconds = lengths.samples * epochs / rate
    price = None if machine.price is None else seconds / 3600 * machine.price * machine.gpus
    return Estimate(batch, held, rate, seconds, price)


#: Memory in GB (10**9 bytes) and dense bf16 (T4: fp16) TFLOP/s from the makers' data sheets. Prices are the user's.
GPUS: Final[Mapping[str, tuple[float, float]]] = {
    "t4": (16, 65), "l4": (24, 121), "a10": (24, 125), "rtx3090": (24, 71), "rtx4090": (24, 165), "l40s": (48, 362),
    "a100-40": (40, 312), "a100-80": (80, 312), "h100": (80, 989), "h200": (141, 989), "b200": (180, 2250),
}  # fmt: skip
_KEYS = ("memory", "tflops", "share", "price", "count")


def read_machine(word: str) -> Machine:
    """A machine as NAME, or NAME:key=value,... with memory (GB), tflops, share (0..1), price (an hour), count.

    Raises SpecError.
    """
    name, _, rest = word.partition(":")
    values: dict[str, float] = {}
    known = GPUS.get(name.lower())
    if known:
        values |= {"memory": known[0], "tflops": known[1]}
    for part in filter(None, rest.split(",")):
        key, _, value = part.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if key.strip() not in _KEYS or not number > 0 or math.isinf(number):
            raise SpecError(
                f"--hardware {word}: wanted key=value of {', '.join(_KEYS)} with numbers above 0, got {part!r}"
            )
        values[key.strip()] = number
    if lacking := [key for key in ("memory", "tflops") if key not in values]:
        raise SpecError(
            f"--hardware {word}: no {' and '.join(lacking)}; known by name are {', '.join(GPUS)}, others as "
            "NAME:memory=80,tflops=312,share=0.4,price=1.9"
        )
    if values.get("share", 0) > 1 or values.get("count", 1) % 1:
        raise SpecError(f"--hardware {word}: wanted a share of at most 1 and a whole count")
    return Machine(
        name, values["memory"] * 1e9, values["tflops"] * 1e12, values.get("share"), values.get("price"),
        gpus=int(values.get("count", 1)),
    )  # fmt: skip
