"""TRL's SFTTrainer: the samples as ids with a mask, and a script that needs nothing but them and TRL.

The one rule: the ids are ours, so nothing is tokenised again. By hand, on any machine with `pip install trl`:
python train.py in the folder; `manyshot train --resume` then takes the adapter over.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path

from manyshot.errors import TrainError
from manyshot.plugs.trainers.apart import begin_anew, has_module, run_apart, told_by
from manyshot.plugs.trainers.course import Course, Made, Tell, within
from manyshot.plugs.trainers.lora import TARGETS, WEIGHTS, LoraConfig, interpreter, results, take_over
from manyshot.records import write_aside, write_jsonl

#: Inside the adapter's folder: what TRL is given, and what it leaves.
FOLDER, RUN, DATA, SETTINGS, SCRIPT, LOG = "trl", "run", "train.jsonl", "settings.json", "train.py", "train.log"


class Trl:
    """Makes an adapter with TRL."""

    def __init__(self, config: LoraConfig, epochs: int, seconds: float | None) -> None:
        self.config, self._epochs, self._seconds = config, epochs, seconds

    def make(self, course: Course, out: Path, tell: Tell) -> Made:
        """Write data, settings and script into `out`/trl, run it, take its adapter over into `out`."""
        folder = out / FOLDER
        course, gone = self.write(course, folder)
        made = folder / RUN
        if not (made / WEIGHTS).is_file():
            python = interpreter(self.config.python, sys.executable)
            if not has_module(python, "trl"):
                raise TrainError(
                    f"TRL is not installed ({python}): pip install trl there, or name another interpreter with "
                    f"python=PATH. Or, where it is: python {SCRIPT} in {folder}, then the same command with --resume"
                )
            begin_anew(made)
            look = told_by(made / "log.jsonl", tell, "step", "steps")
            run_apart((python, SCRIPT), folder, folder / LOG, deadline=self._seconds, look=look)
        take_over(made, out, course.base)
        return Made(out, {"set_aside": gone, **results(made)})

    def write(self, course: Course, folder: Path) -> tuple[Course, int]:
        """Samples, settings and script. Returns the course as it is trained on, and how many were set aside."""
        folder.mkdir(parents=True, exist_ok=True)
        course, gone = within(course, self.config.limit, folder)
        prefix = list(course.prefix_ids)
        rows = (
            {
                "id": one.record.id,
                "input_ids": [*prefix, *one.ids],
                "completion_mask": [0] * len(prefix) + [int(on) for on in one.loss],
            }
            for one in course.samples
        )
        write_jsonl(folder / DATA, rows)
        settings = {**self.config.model_dump(exclude={"python"}), "epochs": self._epochs, "targets": TARGETS,
                    "base": str(course.folder.resolve())}  # fmt: skip
        with write_aside(folder / SETTINGS) as stream:
            stream.write(json.dumps(settings, ensure_ascii=False, indent=1) + "\n")
        with write_aside(folder / SCRIPT) as stream:
            stream.write(files("manyshot.plugs.trainers").joinpath("trl_script.py").read_text("utf-8"))
        return course, gone
