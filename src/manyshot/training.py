"""A training under way, as people see it. One rule: the stage trains; this only tells how it goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from manyshot import facts
from manyshot.parts import Parts
from manyshot.progress import Screen
from manyshot.train import stage
from manyshot.train.settings import TrainConfig
from manyshot.types import Manifest

if TYPE_CHECKING:
    from manyshot.train.loop import Step


def trained(
    config: TrainConfig, job: stage.Job, out: Path, parts: Parts, screen: Screen, *, seconds: float | None
) -> Manifest:
    """Train what the job says into `out`, for at most `seconds`."""
    name = "training" if job.role == "acting" else f"training {job.role}"
    with screen.bar(name) as bar:

        def tell(step: Step) -> None:
            bar.update(
                step.progress, f"step {step.step}, loss {step.loss_sample:.3f}, {step.samples_per_second:.1f} samples/s"
            )

        made = stage.run(config, job, out, parts.train, parts.convert, seconds=seconds, progress=tell)
    screen.say(f"{name}: {facts.train_line(made)}")
    return made
