"""Training speed: our prefix-shared step beside TRL's SFTTrainer on the same samples, same machine, one process a row.

Run: python bench/train_speed.py [--quick]. Needs `pip install -r bench/requirements-trl.txt`. The machine should be
idle. Both get LoRA r=16 on all linear layers of gemma-3-270m and samples of 473 shared and 81 own tokens, of which 47
have loss. Each side gets its best of several batch sizes and number types, TRL also packing; the ratio is best to best.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

BASE = "gemma-3-270m"
VOCAB = 262_144


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration. `batch` is samples a step."""

    who: str
    batch: int
    dtype: str
    head: str = "full"
    packing: bool = False
    steps: int = 3


OURS = [Row("manyshot", b, d, h, steps=2) for b in (16, 64) for d in ("fp32", "bf16") for h in ("full", "seen")]
PEER = [Row("trl", b, d) for b in (1, 2, 4, 8) for d in ("fp32", "bf16")] + [Row("trl", 2, "fp32", packing=True)]
QUICK = [Row("manyshot", 64, "auto", "full", steps=2), Row("manyshot", 64, "auto", "seen", steps=2)]
QUICK_PEER = [Row("trl", 2, "auto"), Row("trl", 4, "auto")]


def ours(row: Row) -> float:
    """Samples a second of the best step after the first, optimiser included."""
    from manyshot.plugs.bases import locate
    from manyshot.train.loop import Step, train
    from manyshot.train.settings import TrainConfig
    from synthetic import synthetic_pass

    passes = [synthetic_pass(i, row.batch, 8000 if row.head == "seen" else VOCAB) for i in range(row.steps + 1)]
    config = TrainConfig(steps=row.steps + 1, batch=row.batch, dtype=row.dtype, head=row.head)  # type: ignore[arg-type]
    speeds: list[Step] = []
    with tempfile.TemporaryDirectory() as folder:
        train(locate(BASE), passes, config, Path(folder), progress=speeds.append)
    return max(step.samples_per_second for step in speeds[1:])


def peer(row: Row) -> float:
    """The same for TRL: the best step after the first, by the time between the ends of steps."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from manyshot.plugs.bases import locate
    from manyshot.train.compute import compute_dtype
    from synthetic import synthetic_pass

    dtype = compute_dtype(row.dtype)  # type: ignore[arg-type]
    base = locate(BASE)
    model = AutoModelForCausalLM.from_pretrained(base.folder, dtype=dtype)
    batch = synthetic_pass(0, row.batch * (row.steps + 1) * (2 if row.packing else 1), VOCAB)
    ids = [[*batch.prefix, *b.ids] for b in batch.branches]
    masks = [[0] * (len(batch.prefix) + b.loss_from) + [1] * (len(b.ids) - b.loss_from) for b in batch.branches]
    ends: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_args: object, **_kwargs: object) -> None:
            ends.append(time.monotonic())

    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=row.batch,
            max_steps=row.steps + 1,
            learning_rate=2e-3,
            bf16=dtype == torch.bfloat16,
            gradient_checkpointing=False,
            completion_only_loss=True,
            packing=row.packing,
            max_length=1200 if row.packing else None,
            report_to=[],
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            dataloader_pin_memory=False,
        )
        names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=Dataset.from_dict({"input_ids": ids, "completion_mask": masks}),
            peft_config=LoraConfig(r=16, lora_alpha=32, target_modules=names, task_type="CAUSAL_LM"),
            processing_class=AutoTokenizer.from_pretrained(base.folder),
            callbacks=[Clock()],
        )
        trainer.train()
    best = min(later - earlier for earlier, later in itertools.pairwise(ends))
    # packed rows of up to 1200 tokens hold two samples of 530 to 570
    return row.batch * (2 if row.packing else 1) / best


def run(row: Row, timeout: float) -> float | None:
    """Measure a row in a process of its own; None when it failed or took too long."""
    root = Path(__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root / 'bench'}", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, __file__, "--row", json.dumps(asdict(row))]
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return None
    return float(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--row", help="measure one row (JSON) in this process")
    parser.add_argument("--quick", action="store_true", help="two rows a side")
    parser.add_argument("--timeout", type=float, default=300, help="seconds a row")
    args = parser.parse_args()
    if args.row:
        row = Row(**json.loads(args.row))
        print(ours(row) if row.who == "manyshot" else peer(row))
        return
    best: dict[str, float] = {}
    print("| who | batch | type | head | packing | samples/s |\n|---|---|---|---|---|---|")
    for row in QUICK + QUICK_PEER if args.quick else OURS + PEER:
        speed = run(row, args.timeout)
        shown = "failed" if speed is None else f"{speed:.2f}"
        print(f"| {row.who} | {row.batch} | {row.dtype} | {row.head} | {row.packing} | {shown} |", flush=True)
        key = f"{row.who} {row.head}"
        best[key] = max(best.get(key, 0.0), speed or 0.0)
    if best.get("trl full"):
        for key in ("manyshot full", "manyshot seen"):
            print(f"{key}: {best[key] / best['trl full']:.1f} x TRL's best")


if __name__ == "__main__":
    main()
