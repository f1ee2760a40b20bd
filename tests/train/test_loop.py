"""The loop: schedule, resume after kill -9, deadline, errors, PEFT's format, checkpoints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from manyshot.errors import TrainError
from manyshot.train.adapter import Adapter
from manyshot.train.arch import freeze
from manyshot.train.checkpoint import dtype_of
from manyshot.train.loop import BAD_BATCH, Run, Step, learning_rate, train_frozen
from manyshot.train.settings import TrainConfig
from manyshot.train.tree import Branch, Engine, Pass, PassLoss
from tests.train.tiny import random_pass, tiny_model

CONFIG = TrainConfig(rank=4, alpha=8, lr=5e-3, steps=12, checkpoint_every=3, dtype="fp32", seed=3)

CHILD = """
import sys, time, torch
from pathlib import Path
from tests.train.test_loop import CONFIG, passes, base
from manyshot.train.loop import train_frozen
torch.set_num_threads(1)
slow = float(sys.argv[2])
train_frozen(base(), "tiny", passes, CONFIG, Path(sys.argv[1]), lambda step: time.sleep(slow))
"""


def base(kind: str = "gemma3"):  # type: ignore[no-untyped-def]
    return freeze(tiny_model(kind), torch.float32)


def passes(number: int) -> Pass:
    return random_pass(100 + number)


def _child(out: Path, slow: float) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}", "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen([sys.executable, "-c", CHILD, str(out), str(slow)], env=env, cwd=root)


def _steps(out: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (out / "log.jsonl").read_text("utf-8").splitlines()]


def test_resume_after_kill_is_identical(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert _child(whole, 0).wait(120) == 0
    victim = _child(broken, 0.2)
    until = time.monotonic() + 120
    while time.monotonic() < until and (not (broken / "log.jsonl").exists() or len(_steps(broken)) < 5):
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait(30) == -signal.SIGKILL
    assert not (broken / "adapter_model.safetensors").exists()
    assert _child(broken, 0).wait(120) == 0
    assert _steps(broken) == list(range(1, 13))
    wanted, got = (load_file(folder / "adapter_model.safetensors") for folder in (whole, broken))
    assert all(torch.equal(wanted[name], got[name]) for name in wanted)


def test_loss_falls_and_is_logged(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"steps": 40, "lr": 2e-2, "checkpoint_every": 0})
    seen: list[Step] = []
    result = train_frozen(base(), "tiny", [passes(0)], config, tmp_path, seen.append)
    assert seen[-1].loss_token < 0.5 * seen[0].loss_token
    assert result.steps == 40
    assert _steps(tmp_path) == list(range(1, 41))
    assert not (tmp_path / "checkpoint").exists()


def test_deadline_anneals_and_ends(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"steps": 100_000})
    seen: list[Step] = []
    began = time.monotonic()
    train_frozen(base(), "tiny", passes, config, tmp_path, seen.append, deadline=1.5)
    assert time.monotonic() - began < 10
    assert seen[-1].lr < 0.2 * max(step.lr for step in seen)


def test_schedule_ends() -> None:
    config = TrainConfig(lr=1.0, warmup=0.1, steps=100)
    rates = [learning_rate(i / 100, config.peak(adapting=False), config) for i in range(101)]
    assert max(rates) == pytest.approx(1.0)
    assert rates[0] == pytest.approx(0.01 / 0.11)
    assert rates[-1] == pytest.approx(0.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_accumulation_is_the_mean() -> None:
    frozen = base()
    adapter = Adapter(frozen, 4, 8, 0)
    engine = Engine(frozen, adapter)
    engine.loss_and_grad(passes(0))
    first = adapter.grad.clone()
    adapter.grad.zero_()
    engine.loss_and_grad(passes(0), scale=0.5)
    engine.loss_and_grad(passes(0), scale=0.5)
    assert torch.allclose(adapter.grad, first, rtol=1e-4, atol=1e-7)


def test_peft_loads_the_adapter(tmp_path: Path) -> None:
    from peft import PeftModel

    model = tiny_model("gemma3")
    frozen = freeze(model, torch.float32)
    train_frozen(frozen, "tiny", passes, CONFIG, tmp_path)
    adapter = Adapter(frozen, 4, 8, 0)
    adapter.load_state(load_file(tmp_path / "adapter_model.safetensors"))
    batch = random_pass(5)
    mine = Engine(frozen, adapter).loss_and_grad(Pass(batch.prefix, [Branch(batch.branches[0].ids)]), backward=False)
    ids = torch.tensor([[*batch.prefix, *batch.branches[0].ids]])
    bare = model(ids).logits
    logits = PeftModel.from_pretrained(model, tmp_path)(ids).logits[0]
    assert not torch.allclose(bare[0], logits, atol=1e-3)
    start = len(batch.prefix)
    loss = torch.nn.functional.cross_entropy(logits[start - 1 : -1], ids[0, start:], reduction="sum")
    assert mine.total == pytest.approx(float(loss.detach()), rel=1e-5)


def test_other_config_or_damage_is_refused(tmp_path: Path) -> None:
    train_frozen(base(), "tiny", passes, CONFIG, tmp_path)
    with pytest.raises(TrainError, match="another lr"):
        train_frozen(base(), "tiny", passes, CONFIG.model_copy(update={"lr": 1e-3}), tmp_path)
    (tmp_path / "checkpoint" / "state.safetensors").write_bytes(b"torn")
    with pytest.raises(TrainError, match="damaged"):
        train_frozen(base(), "tiny", passes, CONFIG, tmp_path)


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no training passes"):
        train_frozen(base(), "tiny", [], CONFIG, tmp_path / "a")
    with pytest.raises(TrainError, match="no token with loss"):
        train_frozen(base(), "tiny", [Pass([1, 2], [Branch([3], loss_from=1)])], CONFIG, tmp_path / "b")
    wild = base()
    wild.embedding.fill_(float("nan"))
    with pytest.raises(TrainError, match="lower lr") as error:
        train_frozen(wild, "tiny", passes, CONFIG, tmp_path / "c")
    assert str(tmp_path / "c" / BAD_BATCH) in str(error.value)
    rows = [json.loads(row) for row in (tmp_path / "c" / BAD_BATCH).read_text().splitlines()]
    assert [row["ids"] for row in rows] == [list(branch.ids) for branch in passes(0).branches]
    assert all(row["prefix"] == list(passes(0).prefix) and row["step"] == 1 for row in rows)
    assert not (tmp_path / "c" / "adapter_model.safetensors").exists()


def test_bf16_is_near() -> None:
    model = tiny_model("gemma3")
    exact, rough = (Engine(f, Adapter(f, 4, 8, 0)) for f in (freeze(model, t) for t in (torch.float32, torch.bfloat16)))
    wanted, got = exact.loss_and_grad(passes(0)), rough.loss_and_grad(passes(0))
    assert got.objective == pytest.approx(wanted.objective, rel=2e-2)
    assert float((rough.adapter.grad - exact.adapter.grad).norm() / exact.adapter.grad.norm()) < 0.1


def test_weights_that_are_not_kept_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = base("qwen3")
    kept, again = (Engine(frozen, Adapter(frozen, 4, 8, 0)) for _ in range(2))
    kept.loss_and_grad(passes(0))
    monkeypatch.setattr("manyshot.train.tree.KEEP_BYTES", 0)
    again.loss_and_grad(passes(0))
    assert torch.equal(kept.adapter.grad, again.adapter.grad)


def test_training_begins_from_a_finished_adapter(tmp_path: Path) -> None:
    first = train_frozen(base(), "tiny", passes, CONFIG, tmp_path / "first")
    still = CONFIG.model_copy(update={"steps": 1, "lr": 1e-12})
    train_frozen(base(), "tiny", passes, still, tmp_path / "second", start=first.folder)
    before, after = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("first", "second"))
    assert all(torch.allclose(before[k], after[k], atol=1e-9) for k in before)
    with pytest.raises(TrainError, match="set rank=4 alpha=8"):
        train_frozen(
            base(), "tiny", passes, still.model_copy(update={"rank": 8}), tmp_path / "third", start=first.folder
        )
    with pytest.raises(TrainError, match="not an adapter of this base"):
        train_frozen(base(), "tiny", passes, still, tmp_path / "fourth", start=tmp_path)


def test_a_blend_lies_between_what_was_known_and_what_was_learnt(tmp_path: Path) -> None:
    first = train_frozen(base(), "tiny", passes, CONFIG, tmp_path / "first").folder
    whole = train_frozen(base(), "tiny", passes, CONFIG, tmp_path / "whole", start=first).folder
    config = CONFIG.model_copy(update={"blend": 0.25})
    mixed = train_frozen(base(), "tiny", passes, config, tmp_path / "mixed", start=first).folder
    again = train_frozen(base(), "tiny", passes, config, tmp_path / "mixed", start=first).folder  # blended once
    before, after, between = (load_file(one / "adapter_model.safetensors") for one in (first, whole, again))
    assert mixed == again
    assert any(not torch.equal(before[key], after[key]) for key in before)
    for key in before:
        torch.testing.assert_close(between[key], 0.75 * before[key] + 0.25 * after[key])


def test_a_stopped_run_goes_on_in_its_own_type_and_counts_all_its_samples(tmp_path: Path) -> None:
    run = Run(base(), "tiny", passes, CONFIG, tmp_path)
    assert dtype_of(tmp_path / "checkpoint") is None
    for _ in range(2):
        run.log(run.step())
    run.save_checkpoint()
    assert dtype_of(tmp_path / "checkpoint") is torch.float32
    again = Run(base(), "tiny", passes, CONFIG, tmp_path)
    again.resume()
    assert again.samples == run.samples > 0
    assert again.spent > 0
    assert again.finish().seconds > again.spent


def test_a_deadline_after_a_stop_goes_on_in_the_schedule(tmp_path: Path) -> None:
    run = Run(base(), "tiny", passes, CONFIG.model_copy(update={"steps": 1000}), tmp_path, 100.0)
    run.started -= 60.0
    run.step()
    run.save_checkpoint()
    again = Run(base(), "tiny", passes, CONFIG.model_copy(update={"steps": 1000}), tmp_path, 40.0)
    again.resume()
    assert again.share == pytest.approx(0.6, abs=0.05)
    again.started -= 20.0
    assert again.share == pytest.approx(0.8, abs=0.05)


def test_a_gradient_that_is_no_number_stops_with_its_samples_saved(tmp_path: Path) -> None:
    """fp32 holds the loss but not the square of a huge gradient."""
    run = Run(base(), "tiny", passes, CONFIG.model_copy(update={"accumulate": 2}), tmp_path)
    gradient = run.engine.loss_and_grad

    def huge(batch: Pass, **how: Any) -> PassLoss:
        loss = gradient(batch, **how)
        run.adapter.grad.mul_(1e30)
        return loss

    run.engine.loss_and_grad = huge  # type: ignore[method-assign]
    with pytest.raises(TrainError, match="gradient not finite"):
        run.step()
    rows = [json.loads(row) for row in (tmp_path / BAD_BATCH).read_text().splitlines()]
    assert len(rows) == len(passes(0).branches) + len(passes(1).branches)
