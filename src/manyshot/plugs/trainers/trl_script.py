"""LoRA with TRL's SFTTrainer on samples that are tokenised already. Run: python train.py, in the folder with
settings.json and train.jsonl. It goes on from its last checkpoint; the adapter is run/, in PEFT's form.

This file stands alone: it needs trl (1.16 was tried) and what that brings, and bitsandbytes with bits 4 or 8.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

HERE = Path(__file__).parent


class Log(TrainerCallback):  # type: ignore[misc]
    """A line of log.jsonl a step: step, steps, loss."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        row = {"step": state.global_step, "steps": state.max_steps, **(logs or {})}
        with (HERE / "run" / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def main() -> None:
    s = json.loads((HERE / "settings.json").read_text("utf-8"))
    rows = [json.loads(line) for line in (HERE / "train.jsonl").read_text("utf-8").splitlines()]
    dtype = torch.bfloat16 if s["dtype"] == "bf16" else torch.float32
    how: dict[str, Any] = {"dtype": dtype}
    if s["bits"] < 16:
        from transformers import BitsAndBytesConfig

        how["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=s["bits"] == 4, load_in_8bit=s["bits"] == 8, bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=dtype, bnb_4bit_use_double_quant=True,
        )  # fmt: skip
    run = HERE / "run"
    config = SFTConfig(
        output_dir=str(run),
        per_device_train_batch_size=s["batch"],
        gradient_accumulation_steps=s["accumulate"],
        learning_rate=s["lr"],
        lr_scheduler_type="cosine",
        warmup_steps=s["warmup"],  # below 1: a share of the steps
        num_train_epochs=s["epochs"],
        max_steps=s["steps"] or -1,
        bf16=dtype == torch.bfloat16,
        gradient_checkpointing=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        completion_only_loss=True,
        max_length=None,
        logging_steps=1,
        save_steps=s["checkpoint_every"],
        seed=s["seed"],
        report_to=[],
    )
    keys = ("input_ids", "completion_mask")
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(s["base"], **how),
        args=config,
        train_dataset=Dataset.from_dict({key: [row[key] for row in rows] for key in keys}),
        peft_config=LoraConfig(
            r=s["rank"], lora_alpha=s["alpha"], lora_dropout=0.0, target_modules=s["targets"], task_type="CAUSAL_LM"
        ),
        processing_class=AutoTokenizer.from_pretrained(s["base"]),
        callbacks=[Log()],
    )
    made = trainer.train(resume_from_checkpoint=any(run.glob("checkpoint-*")) or None)
    trainer.save_metrics("train", made.metrics)
    trainer.save_state()
    trainer.save_model()


if __name__ == "__main__":
    main()
