"""Work of another program in an environment of its own. One rule: it ends when we do, and what it said is kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from manyshot.errors import TrainError
from manyshot.plugs.trainers.course import Tell
from manyshot.types import Json

#: Seconds between two looks at how far it is, and those it may take to end when it is told to.
LOOK, GRACE = 1.0, 20.0
#: How much of what it said last is told when it fails.
_TOLD = 300


def run_apart(
    command: Sequence[str | Path], folder: Path, log: Path, *, deadline: float | None, look: Callable[[], None]
) -> float:
    """Run `command` in `folder`, its output in `log`; `look` is called every second. Returns its seconds.

    Nothing is fetched: it is told to stay offline. Raises TrainError when it fails, or takes more than `deadline`
    seconds (None: any time); it is then told to end.
    """
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    env |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1", "WANDB_DISABLED": "true"}
    began = time.monotonic()
    with log.open("ab") as output:
        try:
            child = subprocess.Popen([str(word) for word in command], cwd=folder, env=env, stdout=output, stderr=output)
        except OSError as error:
            raise TrainError(f"{command[0]}: cannot be started ({error.strerror})") from None
        try:
            while child.poll() is None:
                if deadline is not None and time.monotonic() - began > deadline:
                    raise TrainError(
                        f"{folder}: took more than {deadline:.0f} s and was stopped; give more --minutes and --resume, "
                        "it goes on from its last checkpoint"
                    )
                time.sleep(LOOK)
                look()
        finally:
            _end(child)
    if child.returncode:
        raise TrainError(f"{folder}: training ended with code {child.returncode}: {_last(log)} (all of it: {log})")
    return time.monotonic() - began


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _last(log: Path) -> str:
    """The last line that says something, as an exception's."""
    lines = [line.strip() for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:_TOLD] if lines else "it said nothing"


def has_module(python: Path, module: str) -> bool:
    """Whether the interpreter is there and can find a module; the module itself is not imported."""
    if not python.is_file():
        return False
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def told_by(file: Path, tell: Tell, step: str, steps: str) -> Callable[[], None]:
    """A look at the last whole line of a JSONL log that counts `step` of `steps` and may have a `loss`."""

    def look() -> None:
        try:
            rows: list[Json] = [json.loads(text) for text in file.read_text("utf-8").splitlines()]
            row = next(row for row in reversed(rows) if row.get(steps))
        except (OSError, ValueError, StopIteration, AttributeError):
            return  # not there yet, or a line half written
        loss = f", loss {row['loss']:.3f}" if isinstance(row.get("loss"), float) else ""
        tell(min(1.0, row[step] / row[steps]), f"step {row[step]} of {row[steps]}{loss}")

    return look


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest `checkpoint-N` of a Hugging Face trainer that is whole enough to go on from."""
    found = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def begin_anew(folder: Path) -> None:
    """Remove what a training left that has no checkpoint to go on from."""
    if folder.exists() and latest_checkpoint(folder) is None:
        shutil.rmtree(folder)
