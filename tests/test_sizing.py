"""The formulas of `manyshot plan`, held to published sizes and to runs that were measured (docs/log.md)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from manyshot.errors import SpecError
from manyshot.sizing import (
    SHAPES,
    Lengths,
    Machine,
    Way,
    estimate,
    flops,
    memory,
    reached,
    read_machine,
    read_shape,
    scaled_shape,
)

#: As the makers count them, in millions, without parts for pictures.
PUBLISHED = {
    "gemma-3-270m": 268.1, "gemma-3-1b": 999.9, "gemma-3-4b": 3880, "gemma-3-12b": 11766, "gemma-3-27b": 27009,
    "qwen2.5-0.5b": 494, "qwen2.5-1.5b": 1544, "qwen2.5-3b": 3086, "qwen2.5-7b": 7616, "qwen2.5-14b": 14770,
    "qwen2.5-32b": 32764, "qwen2.5-72b": 72706, "qwen3-0.6b": 596, "qwen3-1.7b": 1721, "qwen3-4b": 4022,
    "qwen3-8b": 8191, "qwen3-14b": 14768, "qwen3-32b": 32762, "llama-3.2-1b": 1236, "llama-3.2-3b": 3213,
    "llama-3.1-8b": 8030, "llama-3.1-70b": 70554, "llama-3.1-405b": 405853, "smollm2-135m": 134.5,
    "smollm2-360m": 361.8, "smollm2-1.7b": 1711,
}  # fmt: skip
GEMMA = SHAPES["gemma-3-270m"]
#: The samples of the measured runs: a system text with a function list, and one call.
CALLS = Lengths(shared=473, own=81, loss=47, samples=1000)


def host(peak: float) -> Machine:
    return Machine("host", 24e9, peak * 1e9, cpu=True)


def test_published_sizes() -> None:
    assert set(PUBLISHED) == set(SHAPES)
    for name, millions in PUBLISHED.items():
        assert SHAPES[name].parameters / 1e6 == pytest.approx(millions, rel=0.01), name


@pytest.mark.parametrize(
    ("peak", "batch", "ids", "samples_per_second"),
    [
        # 2026-11-22, a host with matrix units (bf16 826 GFLOP/s): exact head, then the ids that occur
        (826, 16, 0, 3.9),
        (826, 16, 8192, 5.6),
        (826, 32, 8192, 7.1),
        (826, 64, 8192, 8.1),
        # sixth session, bf16 at 1,000 to 1,500
        (1250, 16, 0, 4.7),
        # seventh session, AVX-512 bf16 without matrix units
        (414, 64, 0, 3.38),
        (414, 64, 8000, 5.50),
        # fourth session, fp32
        (118, 64, 0, 1.18),
    ],
)
def test_our_step_as_measured(peak: float, batch: int, ids: int, samples_per_second: float) -> None:
    way, lengths = Way(sharing=True, rank=16), replace(CALLS, ids=ids)
    rate = batch * reached(host(peak), way) / flops(GEMMA, lengths, way, batch)
    assert rate == pytest.approx(samples_per_second, rel=0.15)


@pytest.mark.parametrize(("peak", "samples_per_second"), [(826, 0.20), (414, 0.13), (118, 0.047)])
def test_an_ordinary_trainer_as_measured(peak: float, samples_per_second: float) -> None:
    """TRL and LLaMA-Factory at batch 2, on three hosts."""
    way = Way(sharing=False, rank=16)
    rate = 2 * reached(host(peak), way) / flops(GEMMA, CALLS, way, 2)
    assert rate == pytest.approx(samples_per_second, rel=0.35)


def test_memory_as_measured() -> None:
    """Batch 64 in fp32 held 9 GB (400 shared tokens), in bf16 6.3 GB; an ordinary batch of 8 passed 26 GB."""
    ours = Way(sharing=True, weights="fp32", rank=16)
    assert memory(GEMMA, replace(CALLS, shared=400), ours, 64, cpu=True) == pytest.approx(9e9, rel=0.2)
    assert memory(GEMMA, CALLS, replace(ours, weights="bf16"), 64, cpu=True) == pytest.approx(6.3e9, rel=0.2)
    ordinary = Way(sharing=False, weights="fp32", rank=16)
    assert memory(GEMMA, CALLS, ordinary, 8, cpu=True) > 24e9
    assert memory(GEMMA, CALLS, ordinary, 2, cpu=True) < 12e9


@pytest.mark.parametrize("kind", ["gemma3", "llama", "qwen3"])
def test_operations_are_those_that_torch_counts(kind: str, tmp_path: Path) -> None:
    """Of transformers with peft, forward and backward, one sample of 24 tokens with loss on all."""
    from torch.utils.flop_counter import FlopCounterMode

    from manyshot.train.adapter import Adapter
    from manyshot.train.arch import freeze
    from manyshot.train.plain import loss_and_grad, with_lora
    from manyshot.train.tree import Branch, Pass
    from tests.train.tiny import tiny_model

    model = tiny_model(kind, window=512)
    model.config.save_pretrained(tmp_path)
    wrapped = with_lora(model, 4, 8, Adapter(freeze(model, torch.float32), 4, 8, 0).state())
    with FlopCounterMode(display=False) as counter:
        loss_and_grad(wrapped, Pass([1], [Branch(list(range(2, 25)))]))
    lengths = Lengths(shared=0, own=24, loss=24, samples=1)
    assert flops(read_shape(tmp_path), lengths, Way(sharing=False, rank=4), 1) == pytest.approx(
        counter.get_total_flops(), rel=0.12
    )


def test_sharing_pays_by_the_length_of_what_is_shared() -> None:
    way, plain = Way(sharing=True), Way(sharing=False)
    gain = [
        flops(GEMMA, replace(CALLS, shared=s), plain, 16) / flops(GEMMA, replace(CALLS, shared=s), way, 16)
        for s in (0, 473, 2000)
    ]
    assert gain == sorted(gain)
    alone = replace(CALLS, shared=0, loss=CALLS.own)
    assert flops(GEMMA, alone, plain, 16) == pytest.approx(flops(GEMMA, alone, way, 16))


def test_cost_grows_with_own_tokens() -> None:
    way = Way(sharing=True)
    seconds = [estimate(GEMMA, replace(CALLS, samples=n), way, host(400)).seconds for n in (100, 1000, 10_000)]
    assert seconds[1] / seconds[0] == pytest.approx(10)
    assert seconds[2] / seconds[1] == pytest.approx(10)


def test_a_large_base_on_gpus() -> None:
    llama = SHAPES["llama-3.1-70b"]
    one, eight = read_machine("h100:price=2.5"), read_machine("h100:count=8,price=2.5,share=0.4")
    lora, qlora = Way(sharing=False, checkpointing=True), Way(sharing=False, weights="nf4", checkpointing=True)
    assert estimate(llama, CALLS, lora, one).batch == 0  # 141 GB of weights alone
    assert 40e9 < estimate(llama, CALLS, qlora, one).memory < 80e9
    made = estimate(llama, CALLS, lora, eight)
    assert made.batch > 0
    assert made.price == pytest.approx(made.seconds / 3600 * 20)
    assert estimate(llama, CALLS, replace(lora, sharing=True), eight).rate > made.rate


def test_a_number_of_parameters_gives_a_shape_of_that_size() -> None:
    for parameters in (3e8, 7e9, 70e9, 1e12):
        assert scaled_shape(parameters).parameters == pytest.approx(parameters, rel=0.15)


def test_a_config_is_read_as_transformers_writes_it(tmp_path: Path) -> None:
    from tests.train.tiny import tiny_model

    for kind in ("gemma3", "llama", "qwen3"):
        model = tiny_model(kind, window=8)
        folder = tmp_path / kind
        model.config.save_pretrained(folder)
        shape = read_shape(folder)
        norms = sum(p.numel() for name, p in model.named_parameters() if "norm" in name)
        assert shape.parameters == sum(p.numel() for p in model.parameters()) - norms
        assert (shape.window, shape.sliding) == ((0, 0) if kind == "llama" else (8, 2))


def test_adapter_size_is_that_of_peft(tmp_path: Path) -> None:
    from manyshot.train.adapter import Adapter
    from manyshot.train.arch import freeze
    from tests.train.tiny import tiny_model

    model = tiny_model("llama")
    model.config.save_pretrained(tmp_path)
    assert read_shape(tmp_path).adapter(4) == len(Adapter(freeze(model, torch.float32), 4, 8, 0).flat)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("abacus", "no memory and tflops; known by name are t4"),
        ("x:memory=80", "no tflops"),
        ("h100:price=free", "got 'price=free'"),
        ("h100:share=2", "share of at most 1"),
        ("h100:memory=-1", "numbers above 0"),
        ("h100:colour=3", "got 'colour=3'"),
        ("h100:count=1.5", "whole count"),
    ],
)
def test_hardware_that_is_none(word: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        read_machine(word)


@pytest.mark.parametrize("row", [{}, {"hidden_size": "wide"}, [], {"hidden_size": 1, "num_attention_heads": 0}])
def test_a_config_that_is_none(tmp_path: Path, row: object) -> None:
    (tmp_path / "config.json").write_text(json.dumps(row))
    with pytest.raises(SpecError, match=r"wanted the config.json of a base"):
        read_shape(tmp_path)
