"""Stage: training passes -> an adapter with its card.

One rule: `out` may hold a killed run of the same config, which is gone on with; the manifest is written last.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from manyshot.errors import DataError, ModelError, TrainError
from manyshot.plugs.bases import Base
from manyshot.records import digest, write_aside, write_jsonl, write_manifest
from manyshot.render import Values
from manyshot.train.settings import TrainConfig
from manyshot.types import CallPair, Json, Manifest

if TYPE_CHECKING:
    from manyshot.train.loop import Step, TrainResult
    from manyshot.train.tree import Pass

#: Files of a finished adapter's folder.
LORA, LOG, CARD = "adapter.gguf", "log.jsonl", "card.json"
#: Samples that were too long to be trained on, a line each: id, why.
SET_ASIDE = "set_aside.jsonl"
#: Groups of 100 whose pairs are kept out of training, to see how well what was never seen is answered.
HELD_BACK = 3


class Loop(Protocol):
    """Trains an adapter into `out`; train.loop.train is the one that is used."""

    def __call__(
        self,
        base: Base,
        passes: Sequence[Pass],
        config: TrainConfig,
        out: Path,
        *,
        progress: Callable[[Step], None] | None,
        deadline: float | None,
        start: Path | None,
    ) -> TrainResult: ...


class Converter(Protocol):
    """Writes the PEFT adapter in a folder as a GGUF LoRA for a base; plugs.gguf_lora.write_lora for real bases."""

    def __call__(self, base: Base, folder: Path, out: Path) -> Path: ...


@dataclass(frozen=True, slots=True)
class Start:
    """An adapter that training begins from: its folder in PEFT's format, and the id of its manifest."""

    folder: Path
    id: str


#: acting: turns an Action into a call; thinking: follows the flow and writes the Actions.
Role = Literal["acting", "thinking"]
_DOES: dict[Role, str] = {
    "acting": "Turns what a customer says into one call of the tools of",
    "thinking": "Thinks, asks and acts step by step along the flows of",
}


@dataclass(frozen=True, slots=True)
class Job:
    """What is trained: on which base, on which passes. `data` is the id of the data's manifest, `samples` how many of
    it there are to see."""

    domain: str
    base: Base
    passes: Sequence[Pass]
    samples: int
    data: str
    start: Start | None = None
    epochs: int = 1
    values: Values = "span"
    role: Role = "acting"


def held_back(pair: CallPair) -> bool:
    """Whether a generated pair is kept out of training. Decided by its group, so no wording is on both sides.

    The experts' own sentences, also those with fresh values, are all trained on.
    """
    return (
        pair.kind not in ("shot", "refill") and int(sha256(pair.group.encode()).hexdigest()[:8], 16) % 100 < HELD_BACK
    )


def split(pairs: Iterable[CallPair]) -> tuple[list[CallPair], list[CallPair]]:
    """(pairs to train on, pairs held back)."""
    sides: tuple[list[CallPair], list[CallPair]] = ([], [])
    for pair in pairs:
        sides[held_back(pair)].append(pair)
    return sides


def run(
    config: TrainConfig,
    job: Job,
    out: Path,
    train: Loop,
    convert: Converter,
    *,
    seconds: float | None = None,
    progress: Callable[[Step], None] | None = None,
) -> Manifest:
    """Train on `job.passes`, or for `seconds` if that is shorter. Raises TrainError, DataError."""
    from safetensors import SafetensorError

    if not job.passes:
        raise DataError(f"{out}: nothing to train on; generate data first (manyshot data, manyshot dialogues)")
    out.mkdir(parents=True, exist_ok=True)
    made, gone = within(job.passes, config.limit or context_of(job.base), out)
    config = config.model_copy(update={"steps": max(1, math.ceil(len(made) / config.accumulate))})
    left = None if seconds is None else max(1.0, seconds * (1 - progress_made(out)))
    began = time.monotonic()
    start = job.start.folder if job.start else None
    try:
        result = train(job.base, made, config, out, progress=progress, deadline=left, start=start)
    except SafetensorError as error:  # how safetensors says that the disk is full
        raise TrainError(f"{out}: the adapter cannot be written ({error}); free some space and run again") from None
    convert(job.base, out, out / LORA)
    numbers = _numbers(result, job, time.monotonic() - began) | ({"set_aside": gone} if gone else {})
    return close(out, job, config.model_dump(mode="json"), numbers)


def context_of(base: Base) -> int:
    """Tokens that a base was made for; 0 where its folder does not say."""
    try:
        return int(json.loads((base.folder / "config.json").read_text("utf-8"))["max_position_embeddings"])
    except (OSError, ValueError, LookupError, TypeError):
        return 0


def within(passes: Sequence[Pass], limit: int, out: Path) -> tuple[list[Pass], int]:
    """The passes without samples of more than `limit` tokens (0: any), prefix included, and how many those are.

    They are never cut: set_aside.jsonl in `out` names them. Raises DataError when none is left.
    """
    kept: list[Pass] = []
    gone: dict[tuple[str, int], Json] = {}
    for one in passes:
        fits = []
        for branch in one.branches:
            if not limit or (tokens := len(one.prefix) + len(branch.ids)) <= limit:
                fits.append(branch)
            else:
                gone[branch.id, tokens] = {"id": branch.id, "why": f"{tokens} tokens, the limit is {limit}"}
        if fits:
            kept.append(one if len(fits) == len(one.branches) else replace(one, branches=fits))
    if gone:
        write_jsonl(out / SET_ASIDE, gone.values())
    if not kept:
        raise DataError(f"{out}: all samples are longer than {limit} tokens, see {SET_ASIDE}; shorten tools or samples")
    return kept, len({name for name, _ in gone})


def close(out: Path, job: Job, settings: Json, numbers: Json, *, trainer: str = "", model: str = "") -> Manifest:
    """Write the card, then the manifest: the adapter in `out` is finished. `trainer`: who made it, where it was not our
    own step; `model`: its name at the service that keeps it."""
    settings = {**settings, "values": job.values, "epochs": job.epochs, **({"trainer": trainer} if trainer else {})}
    _write_card(out, job, settings, numbers, model)
    return write_manifest(out, "train", _inputs(job), settings, numbers)


def refuse_other_base(folder: Path, card: Json, base: Base) -> None:
    """Raise ModelError where the adapter in `folder` was made for other weights than those of `base`."""
    made_for = card.get("base", {})
    if made_for.get("sha256") != base.sha256:
        raise ModelError(
            f"{folder}: was made for {made_for.get('name')} with sha256 {str(made_for.get('sha256'))[:12]}, "
            f"{base.name} here has {base.sha256[:12]}; an adapter fits no other base: get that one, or train again"
        )


def _inputs(job: Job) -> dict[str, str]:
    """Ids of what the adapter is made from."""
    return {"data": job.data, "base": job.base.sha256, **({"start": job.start.id} if job.start else {})}


def progress_made(out: Path) -> float:
    """Share 0..1 that a killed run in `out` had reached at its last checkpoint; 0 for a new one."""
    if not (out / "checkpoint").is_dir():
        return 0.0
    try:
        rows = [json.loads(row) for row in (out / LOG).read_text("utf-8").splitlines()]
        return min(1.0, float(rows[-1]["progress"]))
    except (OSError, ValueError, LookupError):
        return 0.0


def _numbers(result: TrainResult, job: Job, seconds: float) -> Json:
    last = result.last
    return {
        "pairs" if job.role == "acting" else "dialogues": job.samples,
        "steps": result.steps,
        "samples": result.samples,
        "seconds": round(max(seconds, result.seconds), 1),
        "samples_per_second": round(result.samples / max(result.seconds, 1e-9), 2),
        "loss_token": last.loss_token if last else None,
        "loss_sample": last.loss_sample if last else None,
        "dtype": result.dtype,
    }


def _write_card(out: Path, job: Job, settings: Json, numbers: Json, model: str) -> None:
    """card.json for programs and README.md for people: what the adapter is, from what, and how good."""
    card: Json = {
        "id": digest({**_inputs(job), "config": settings}),
        "domain": job.domain,
        "role": job.role,
        "base": {"name": job.base.name, "sha256": job.base.sha256},
        "data": job.data,
        "start": job.start.id if job.start else None,
        "config": settings,
        "numbers": numbers,
        **({"model": model} if model else {}),
    }
    with write_aside(out / CARD) as stream:
        stream.write(json.dumps(card, ensure_ascii=False, indent=1) + "\n")
    with write_aside(out / "README.md") as stream:
        stream.write(_readme(job, settings, numbers, str(card["id"]), model))


def _readme(job: Job, settings: Json, numbers: Json, card: str, model: str) -> str:
    rows = [
        ("adapter", card),
        *([("model", model)] if model else []),
        ("domain", job.domain),
        ("base", f"{job.base.name} (sha256 {job.base.sha256})"),
        ("data", job.data),
        ("start", job.start.id if job.start else "the base alone"),
        *((key, str(value)) for key, value in numbers.items()),
    ]
    table = "\n".join(f"| {key} | {value} |" for key, value in rows)
    config = ", ".join(f"{key}={value}" for key, value in settings.items())
    where = (
        "The weights stay with the service; its name for the model is below."
        if model
        else f"`adapter_model.safetensors` is in PEFT's form, `{LORA}` the same for llama.cpp."
    )
    return (
        f"---\nlibrary_name: peft\nbase_model: {job.base.name}\ntags: [lora, function-calling, manyshot]\n---\n"
        f"# {job.domain}: {job.role} adapter\n\n{_DOES[job.role]} `{job.domain}`.\n"
        f"Made by manyshot. {where}\n\n"
        f"| | |\n|---|---|\n{table}\n\nSettings: {config}.\n"
    )
