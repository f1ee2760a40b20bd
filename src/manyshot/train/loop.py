"""The training loop: passes in, a LoRA adapter out; can be killed at any moment and resumed.

One rule: everything that decides the next step is in the checkpoint, so a resumed run without deadline ends with the
same weights. The step itself is `tree.py`; the same loop with nothing hidden is `plain.py`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from manyshot.errors import TrainError
from manyshot.plugs.bases import Base
from manyshot.records import write_jsonl
from manyshot.train.adapter import Adapter
from manyshot.train.arch import Frozen, load_frozen
from manyshot.train.checkpoint import dtype_of, load_checkpoint, save_checkpoint
from manyshot.train.compute import compute_dtype
from manyshot.train.optim import AdamW
from manyshot.train.settings import TrainConfig
from manyshot.train.tree import Engine, Pass, PassLoss

Passes = Callable[[int], Pass] | Sequence[Pass]
#: The samples at which a training stopped because a loss or a gradient was no number.
BAD_BATCH = "bad_batch.jsonl"


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step, as it is logged: losses in nats, rates per second of this step, `seconds` since the start."""

    step: int
    loss_token: float
    loss_sample: float
    samples: int
    tokens: int
    samples_per_second: float
    tokens_per_second: float
    lr: float
    norm: float
    seconds: float
    progress: float


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a finished run left: the adapter's folder, the last step, and totals, those before a stop included."""

    folder: Path
    steps: int
    samples: int
    seconds: float
    last: Step | None
    dtype: str


def train(
    base: Base,
    passes: Passes,
    config: TrainConfig,
    out: Path,
    *,
    progress: Callable[[Step], None] | None = None,
    deadline: float | None = None,
    start: Path | None = None,
) -> TrainResult:
    """Train an adapter of `base` on `passes` and write it to `out` in PEFT's format.

    `start`: folder of an adapter in PEFT's format, of the same rank and alpha, from which the training goes on.

    `passes(i)` gives pass i, or a sequence is walked round; pass i must be the same at every call. With `deadline`
    (seconds that this process may take) the schedule follows whichever is further, steps or time, and still ends at
    its lowest rate.
    `out` also gets log.jsonl (one `Step` a line) and, with `checkpoint_every`, a checkpoint that the next call with
    the same `out` and config goes on from. Raises TrainError.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    # What was measured when the run began holds for all of it: another type would give other weights.
    dtype = dtype_of(out / "checkpoint") or compute_dtype(config.dtype)
    return train_frozen(load_frozen(base.folder, dtype), base.name, passes, config, out, progress, deadline, start)


def train_frozen(
    base: Frozen,
    name: str,
    passes: Passes,
    config: TrainConfig,
    out: Path,
    progress: Callable[[Step], None] | None = None,
    deadline: float | None = None,
    start: Path | None = None,
) -> TrainResult:
    """`train` for a base that is already in memory."""
    run = Run(base, name, passes, config, out, deadline, start)
    run.resume()
    while not run.finished:
        step = run.step()
        run.log(step)
        if progress is not None:
            progress(step)
        if config.checkpoint_every and step.step % config.checkpoint_every == 0:
            run.save_checkpoint()
    return run.finish()


class Run:
    """The state of a training run: adapter, optimiser, step number."""

    def __init__(
        self,
        base: Frozen,
        name: str,
        passes: Passes,
        config: TrainConfig,
        out: Path,
        deadline: float | None = None,
        start: Path | None = None,
    ) -> None:
        if not callable(passes) and not passes:
            raise TrainError(f"{out}: there are no training passes; generate data first")
        self.peak = config.peak(adapting=start is not None)
        self.name, self.passes, self.config, self.out, self.deadline = name, passes, config, out, deadline
        self.adapter = Adapter(base, config.rank, config.alpha, config.seed)
        self.start = start
        if start is not None:
            self.adapter.load(start)
        self.engine = Engine(base, self.adapter)
        self.optimiser = AdamW(self.adapter.flat, config)
        self.number, self.samples = 0, 0
        self.done = self.spent = 0.0  # share of the run, and seconds of its steps, before this process
        self.started = time.monotonic()
        self.last: Step | None = None
        self.seen = _seen(passes, config)
        out.mkdir(parents=True, exist_ok=True)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def share(self) -> float:
        """How far the run is, 0 to 1: by steps, or by time when a deadline is nearer."""
        by_steps = self.number / self.config.steps
        if self.deadline is None:
            return by_steps
        return min(1.0, max(by_steps, self.done + (1 - self.done) * self.seconds / self.deadline))

    @property
    def finished(self) -> bool:
        return self.share >= 1.0

    def _pass(self, number: int) -> Pass:
        return self.passes(number) if callable(self.passes) else self.passes[number % len(self.passes)]

    def step(self) -> Step:
        """One optimiser step: gradients of `accumulate` passes, clipped, AdamW at the schedule's rate."""
        began, share = time.monotonic(), self.share
        lr = learning_rate(share, self.peak, self.config)
        self.adapter.grad.zero_()
        losses = [self._gradient(self.number * self.config.accumulate + i) for i in range(self.config.accumulate)]
        size = float(self.adapter.grad.norm())
        if not math.isfinite(size):
            first = self.number * self.config.accumulate
            kept = self._keep_bad(*(self._pass(first + i) for i in range(self.config.accumulate)))
            raise TrainError(
                f"step {self.number + 1}: gradient not finite; lower lr ({self.peak}) or use fp32; its samples: {kept}"
            )
        if self.config.clip and size > self.config.clip:
            self.adapter.grad.mul_(self.config.clip / size)
        self.optimiser.step(self.adapter.flat, self.adapter.grad, lr)
        self.adapter.refresh()
        self.number += 1
        samples, tokens = sum(x.samples for x in losses), sum(x.tokens for x in losses)
        self.samples += samples
        took = time.monotonic() - began
        self.last = Step(
            step=self.number,
            loss_token=sum(x.total for x in losses) / sum(x.loss_tokens for x in losses),
            loss_sample=sum(x.total for x in losses) / samples,
            samples=samples,
            tokens=tokens,
            samples_per_second=samples / took,
            tokens_per_second=tokens / took,
            lr=lr,
            norm=size,
            seconds=self.seconds,
            progress=self.share,
        )
        return self.last

    def _gradient(self, number: int) -> PassLoss:
        batch = self._pass(number)
        try:
            loss = self.engine.loss_and_grad(
                batch, loss_norm=self.config.loss_norm, seen=self.seen, scale=1.0 / self.config.accumulate
            )
        except (MemoryError, RuntimeError) as error:
            if not isinstance(error, MemoryError) and "memory" not in str(error):
                raise
            raise TrainError(
                f"pass {number} with {len(batch.branches)} samples does not fit in memory; lower batch"
            ) from error
        if not math.isfinite(loss.total):
            raise TrainError(
                f"pass {number}: the loss is not a number after {self.number} steps; lower lr ({self.peak}); "
                f"its samples: {self._keep_bad(batch)}"
            )
        return loss

    def _keep_bad(self, *batches: Pass) -> Path:
        """Save the samples at which training stopped, so that they can be looked at; returns the file."""
        rows = (
            {"step": self.number + 1, "id": branch.id, "prefix": list(batch.prefix), "ids": list(branch.ids),
             "loss": branch.targets()}
            for batch in batches
            for branch in batch.branches
        )  # fmt: skip
        path = self.out / BAD_BATCH
        write_jsonl(path, rows)
        return path

    def log(self, step: Step) -> None:
        """Append the step to log.jsonl."""
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({k: _short(v) for k, v in asdict(step).items()}) + "\n")

    def save_checkpoint(self) -> None:
        save_checkpoint(
            self.out / "checkpoint", self.config, self.number, self.share, self.adapter.flat, self.optimiser,
            self.engine.base.dtype,
        )  # fmt: skip

    def resume(self) -> None:
        """Go on from the checkpoint in `out`, if there is one; lines of the log after it are dropped."""
        folder = self.out / "checkpoint"
        number, self.done = load_checkpoint(folder, self.config, self.adapter.flat, self.optimiser)
        self.number = number
        self.adapter.refresh()
        log = self.out / "log.jsonl"
        if log.exists():
            lines = log.read_text("utf-8").splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= number]
            steps = [json.loads(line) for line in kept]
            self.samples = sum(step["samples"] for step in steps)
            self.spent = sum(step["samples"] / step["samples_per_second"] for step in steps)
            log.write_text("".join(kept), "utf-8")

    def finish(self) -> TrainResult:
        """Write the adapter and its settings."""
        if self.config.checkpoint_every:
            self.save_checkpoint()
        if self.start is not None and self.config.blend < 1:
            self.adapter.blend(self.start, self.config.blend)
        self.adapter.save(self.out, self.name)
        (self.out / "train_config.json").write_text(self.config.model_dump_json(indent=1), "utf-8")
        dtype = str(self.engine.base.dtype).removeprefix("torch.")
        return TrainResult(self.out, self.number, self.samples, self.spent + self.seconds, self.last, dtype)


def learning_rate(share: float, peak: float, config: TrainConfig) -> float:
    """Linear warm-up over the first `warmup` of the run, then a half cosine down to `final_lr` x `peak`."""
    if share < config.warmup:
        return peak * (share + 1.0 / config.steps) / (config.warmup + 1.0 / config.steps)
    done = (share - config.warmup) / (1.0 - config.warmup)
    return peak * (config.final_lr + (1.0 - config.final_lr) * 0.5 * (1.0 + math.cos(math.pi * done)))


def _seen(passes: Passes, config: TrainConfig) -> Tensor | None:
    """Sorted ids that occur anywhere in the passes, for head = "seen"."""
    if config.head == "full":
        return None
    walk = [passes(i) for i in range(config.steps * config.accumulate)] if callable(passes) else passes
    ids: set[int] = set()
    for batch in walk:
        ids.update(batch.prefix)
        for branch in batch.branches:
            ids.update(branch.ids)
    return torch.tensor(sorted(ids))


def _short(value: float | int) -> float | int:
    return float(f"{value:.6g}") if isinstance(value, float) else value
