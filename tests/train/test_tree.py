"""The shared-prefix step against transformers + peft, one sample at a time: every LoRA gradient."""

from __future__ import annotations

import pytest
import torch

from manyshot.train import plain
from manyshot.train.adapter import Adapter
from manyshot.train.arch import freeze
from manyshot.train.pool import Pool
from manyshot.train.tree import Engine
from tests.train.tiny import KINDS, random_pass, tiny_model


def _adapter(model: object) -> tuple[Engine, Adapter]:
    base = freeze(model, torch.float32)
    adapter = Adapter(base, rank=4, alpha=8, seed=1)
    generator = torch.Generator().manual_seed(5)
    adapter.flat.add_(torch.randn(adapter.flat.shape, generator=generator) * 0.1)
    adapter.refresh()
    return Engine(base, adapter), adapter


def _compare(kind: str, window: int | None, prefix: int, loss_norm: str = "token", seen: bool = False) -> None:
    model = tiny_model(kind, window)
    engine, adapter = _adapter(model)
    batch = random_pass(11, prefix=prefix)
    ids = torch.tensor(sorted({i for b in batch.branches for i in b.ids})) if seen else None
    got = engine.loss_and_grad(batch, loss_norm=loss_norm, seen=ids)  # type: ignore[arg-type]
    twin = plain.with_lora(model, 4, 8, adapter.state())
    loss, grads = plain.loss_and_grad(twin, batch, loss_norm, ids)  # type: ignore[arg-type]
    assert got.objective == pytest.approx(loss, rel=2e-6)
    assert len(grads) == len(adapter.places)
    for place in adapter.places:
        name = f"base_model.model.model.{place.name}.lora_{place.matrix}.weight"
        mine, wanted = adapter.view(place, adapter.grad), grads[name]
        error = float((mine - wanted).norm() / wanted.norm())
        assert error <= 1e-5, f"{kind} window {window} prefix {prefix}: {name} differs by {error:.2e}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prefix", [0, 1, 23])
def test_gradients_full_attention(kind: str, prefix: int) -> None:
    _compare(kind, None, prefix)


@pytest.mark.parametrize("kind", ["gemma3", "qwen2", "qwen3"])
@pytest.mark.parametrize("window", [4, 9, 30])
def test_gradients_sliding_window(kind: str, window: int) -> None:
    """4 bites inside branches, 9 in branches and prefix, 30 only where they meet."""
    _compare(kind, window, 23)


@pytest.mark.parametrize("loss_norm", ["token", "sample"])
@pytest.mark.parametrize("seen", [False, True])
def test_loss_forms(loss_norm: str, seen: bool) -> None:
    _compare("gemma3", 9, 23, loss_norm, seen)


def test_memory_of_a_step_is_never_uninitialised() -> None:
    """The bf16 product of some CPUs reads past a row's end: a NaN left by an earlier owner would reach a gradient."""
    shape = (300, 1000)
    torch.full(shape, float("nan"), dtype=torch.bfloat16)  # freed at once: the allocator hands this memory out again
    assert bool((Pool().take("x", shape, torch.bfloat16) == 0).all())
