"""LLaMA-Factory: a data set with dataset_info.json, a YAML for LoRA SFT, a run in an environment of its own.

The one rule: what it reads is what our training reads. Rows are in ShareGPT's form in any case: its reader of OpenAI's
form drops the text of a turn that has tool_calls (OpenAIDatasetConverter, 0.9.3 to 0.9.5). By hand, on any machine:
llamafactory-cli train train.yaml, in the folder with the YAML; `manyshot train --resume` then takes the adapter over.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from manyshot.dataset.files import INFO_FILE
from manyshot.dataset.forms import Setting
from manyshot.dataset.pairs import SHAREGPT as PAIRS
from manyshot.dataset.sharegpt import SHAREGPT, dataset_info
from manyshot.errors import TrainError
from manyshot.plugs.trainers.apart import begin_anew, has_module, run_apart, told_by
from manyshot.plugs.trainers.course import Course, Made, Sample, Tell, TextReader, within
from manyshot.plugs.trainers.lora import TARGETS, WEIGHTS, LoraConfig, interpreter, results, take_over
from manyshot.plugs.trainers.texts import Messages
from manyshot.records import line, write_aside
from manyshot.types import CallPair, Json

#: Inside the adapter's folder: what LLaMA-Factory is given, and what it leaves.
FOLDER, RUN, YAML, LOG = "llamafactory", "run", "train.yaml", "train.log"
USUAL = ".venv-llamafactory/bin/python"


class LlamaFactoryConfig(LoraConfig):
    """Settings of a training with LLaMA-Factory."""

    form: Literal["prompts", "chat"] = Field(
        "prompts", description="prompts: as our assistant reads them; chat: a chat template with tools"
    )
    template: str = Field("", description="LLaMA-Factory's name of the base's chat template, for form=chat")


class LlamaFactory:
    """Makes an adapter with LLaMA-Factory."""

    def __init__(self, config: LlamaFactoryConfig, epochs: int, seconds: float | None) -> None:
        if (config.form == "chat") != bool(config.template):
            raise TrainError(
                "form=chat wants LLaMA-Factory's name of the base's template, as template=qwen; form=prompts wants none"
            )
        self.config, self._epochs, self._seconds = config, epochs, seconds

    def make(self, course: Course, out: Path, tell: Tell) -> Made:
        """Write what LLaMA-Factory needs into `out`/llamafactory, run it, take its adapter over into `out`."""
        folder = out / FOLDER
        course, gone = self.write(course, folder)
        made = folder / RUN
        if not (made / WEIGHTS).is_file():
            python = interpreter(self.config.python, USUAL)
            if not has_module(python, "llamafactory"):
                raise TrainError(
                    f"LLaMA-Factory is not installed ({python}); make llamafactory installs it. Or, where it is: "
                    f"llamafactory-cli train {YAML} in {folder}, then the same command with --resume takes {RUN}/ over"
                )
            begin_anew(made)
            look = told_by(made / "trainer_log.jsonl", tell, "current_steps", "total_steps")
            command = (python, "-m", "llamafactory.cli", "train", YAML)
            run_apart(command, folder, folder / LOG, deadline=self._seconds, look=look)
        take_over(made, out, course.base)
        return Made(out, {"set_aside": gone, **results(made)})

    def write(self, course: Course, folder: Path) -> tuple[Course, int]:
        """Data set, dataset_info.json and YAML. Returns the course as it is trained on, and how many were set aside."""
        folder.mkdir(parents=True, exist_ok=True)
        prompts = Messages(course) if self.config.form == "prompts" else None
        if not prompts:
            check_template(course.folder, self.config.template)
        reads = (
            prompts.misread if prompts else partial(_unwritable, course, self.config.limit, TextReader(course.folder))
        )
        course, gone = within(course, self.config.limit, folder, reads)
        name = f"{course.name}_{course.role}"
        setting = Setting(course.tools)
        with write_aside(folder / f"{name}.json") as stream:
            stream.write("[")
            for n, one in enumerate(course.samples):
                row = {"conversations": prompts.of(one)} if prompts else chat_row(one, setting)
                stream.write((",\n" if n else "\n") + line(row))
            stream.write("\n]\n")
        info = dataset_info(name, f"{name}.json", ())
        if prompts:
            del info[name]["columns"]["tools"]
        with write_aside(folder / INFO_FILE) as stream:
            stream.write(json.dumps(info, ensure_ascii=False, indent=2) + "\n")
        with write_aside(folder / YAML) as stream:
            stream.write(yaml.safe_dump(self._yaml(course, name), sort_keys=False, allow_unicode=True))
        return course, gone

    def _yaml(self, course: Course, name: str) -> Json:
        config = self.config
        row: Json = {
            "model_name_or_path": str(course.folder.resolve()),
            "stage": "sft",
            "do_train": True,
            "finetuning_type": "lora",
            "lora_rank": config.rank,
            "lora_alpha": config.alpha,
            "lora_dropout": 0.0,
            "lora_target": ",".join(TARGETS),
            "dataset_dir": ".",
            "dataset": name,
            "template": config.template or "empty",
            "cutoff_len": config.limit,
            "overwrite_cache": True,
            "output_dir": RUN,
            "per_device_train_batch_size": config.batch,
            "gradient_accumulation_steps": config.accumulate,
            "learning_rate": config.lr,
            "lr_scheduler_type": "cosine",
            "warmup_ratio": config.warmup,
            "num_train_epochs": float(self._epochs),
            "bf16": config.dtype == "bf16",
            "logging_steps": 1,
            "save_steps": config.checkpoint_every,
            "plot_loss": False,
            "report_to": "none",
            "seed": config.seed,
        }
        if config.steps:
            row["max_steps"] = config.steps
        if config.bits < 16:
            row |= {"quantization_bit": config.bits, "quantization_method": "bnb"}
        return row


def chat_row(one: Sample, setting: Setting) -> Json:
    """A sample as messages with calls, for a base that has a chat template."""
    record = one.record
    return PAIRS.write(record, setting) if isinstance(record, CallPair) else SHAREGPT.write(record, setting)


#: A token that a template of LLaMA-Factory is written with -> beginnings of the names of those templates. With another
#: base it would be added to the tokenizer, with random weights.
_NEEDS = {
    "<|im_start|>": ("qwen", "chatml", "smollm", "yi", "intern2"),
    "<|start_header_id|>": ("llama3",),
    "<start_of_turn>": ("gemma",),
}
#: Tokens that a template may add to a message, and to a list of tools.
_AROUND, _TOOLS_AROUND = 16, 300


def check_template(folder: Path, template: str) -> None:
    """Raise TrainError where the base's tokenizer does not have what the template is written with."""
    reader = TextReader(folder)
    for token, names in _NEEDS.items():
        if template.startswith(names) and len(reader.ids(token)) != 1:
            raise TrainError(
                f"{folder}: template={template} is written with {token}, which this base's tokenizer does not have; "
                "name the base's own template, or form=prompts"
            )


def _unwritable(course: Course, limit: int, reader: TextReader, one: Sample) -> str:
    """Why a sample has no place in the chat form, "" when it has. LLaMA-Factory cuts what is longer than its limit, and
    only it knows its templates, so their part is counted generously."""
    try:
        row = chat_row(one, Setting(course.tools))
    except ValueError as error:
        return " ".join(str(error).split())
    said = [message["value"] for message in row["conversations"]]
    tokens = len(reader.ids(row["tools"])) + _TOOLS_AROUND + sum(len(reader.ids(text)) + _AROUND for text in said)
    return f"some {tokens} tokens with tools and template, the limit is {limit}" if tokens > limit else ""
