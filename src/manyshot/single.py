"""One stage on its own, as the commands data, train, predict, chat and preview need it.

One rule: the same stage functions as in a whole run, on folders the user names.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from manyshot import thinking
from manyshot.answering import SHOTS, TUNED, answering_of
from manyshot.errors import DataError, TrainError
from manyshot.parts import Parts, embedded, teacher_of
from manyshot.pipeline import StartName, settings_of, train_folder
from manyshot.progress import Screen
from manyshot.records import read_jsonl, read_manifest, read_rows
from manyshot.runfolder import RunFolder
from manyshot.serve.predictor import Mode, Predictor
from manyshot.train.settings import TrainConfig
from manyshot.trial import sample
from manyshot.types import CallPair, Manifest

if TYPE_CHECKING:
    from rich.console import RenderableType


def data_folder(domain: Path, out: Path, count: int, seed: int, held_out: tuple[str, ...], *, force: bool) -> Manifest:
    """Write training pairs into `out`, which must be new unless `force` or left by a killed try."""
    from manyshot.data import stage
    from manyshot.pipeline import check_held_out
    from manyshot.spec.load import load_domain

    read = load_domain(domain)
    check_held_out(held_out, read)
    ours = {"pairs.jsonl", "rejects.jsonl", "manifest.json"}
    if out.is_dir() and (
        strange := sorted(p.name for p in out.iterdir() if p.name not in ours and ".part" not in p.name)
    ):
        raise DataError(f"{out}: wanted a new or empty folder, found {strange[0]}; choose another --out")
    if read_manifest(out) is not None and not force:
        raise DataError(f"{out}: holds finished data; choose another --out, or --force to make it again")
    teacher = teacher_of(read)  # before anything is removed: it may refuse the key
    shutil.rmtree(out, ignore_errors=True)
    return stage.run(read, out, count=count, seed=seed, held_out=held_out, teacher=teacher)


def train_domain(
    config: TrainConfig,
    domain: Path,
    data: Path,
    out: Path,
    parts: Parts,
    screen: Screen,
    *,
    epochs: int,
    seconds: float | None,
    start: StartName,
    resume: bool,
) -> Manifest:
    """Train on the data in `data`: pairs, or dialogues, which make a thinking adapter and know no `start`.

    A stopped training is gone on with only when `resume` says so.
    """
    from manyshot.spec.load import load_domain

    read = load_domain(domain)
    source = begin_training(data, out, "log.jsonl", resume=resume)
    held_out = tuple(source.config.get("held_out", ()))
    base = parts.find_base(read.base)
    if source.stage == "dialogues":
        found = thinking.matter_of(read)
        if found is None:
            raise DataError(f"{domain}: has no flows with approved dialogues, so it is not what {data} was made from")
        return thinking.train_folder(
            config, found, base, data, out, parts, screen, epochs=epochs, seconds=seconds, held_out=held_out
        )
    return train_folder(
        config, read, base, data, out, parts, screen, held_out=held_out, epochs=epochs, seconds=seconds, start=start
    )


def begin_training(data: Path, out: Path, mark: str, *, resume: bool) -> Manifest:
    """The manifest of the data, when `out` may be trained into. mark: file by which a stopped training is known.

    Raises DataError, TrainError.
    """
    source = read_manifest(data)
    if source is None:
        raise DataError(f"{data}: wanted finished training data, there is no manifest.json; make it with manyshot data")
    if read_manifest(out) is not None:
        raise TrainError(f"{out}: holds a finished adapter; choose another --out")
    if out.is_dir() and any(out.iterdir()):
        if not resume:
            raise TrainError(f"{out}: is not empty; choose another --out, or --resume to go on with a stopped training")
        if not (out / mark).exists():
            raise TrainError(f"{out}: holds no stopped training; choose another --out")
    return source


@contextmanager
def assistant(
    place: RunFolder, mode: Literal["base", "fewshot", "tuned"], *, grammar: bool, parts: Parts | None = None
) -> Iterator[tuple[Predictor, Mode]]:
    """The assistant of a run, loaded; closed at the end. `parts`: the real ones without it."""
    from manyshot.spec.load import load_domain

    config = settings_of(place)
    parts = parts or embedded(config.weights)
    if mode == "tuned" and not place.trained:
        raise DataError(f"{place.path}: its training is not finished; go on with manyshot run, or use --mode base")
    answering = answering_of(load_domain(place.domain), config.copy_spans, config.held_out)
    base, shots = parts.find_base(answering.domain.base), chosen_shots(place)
    model = parts.open_model(base, {TUNED: place.adapter} if mode == "tuned" else {})
    try:
        predictor, how = (
            answering.predictor(model, parts.tokenizer(base)),
            answering.mode(mode, grammar=grammar, shots=shots),
        )
        predictor.predict("warm", "", how)  # reads the tools into the cache, so that the first answer is no slower
        yield predictor, how
    finally:
        model.close()


def chosen_shots(place: RunFolder) -> int:
    """The number of examples that a run chose by trial."""
    made = read_manifest(place.eval)
    chosen = made.numbers.get("fewshot") if made else None
    return int(chosen["shots"]) if chosen else SHOTS


def preview(
    domain: Path, data: Path | None, number: int, seed: int, parts: Parts | None = None
) -> Iterator[RenderableType]:
    """`number` samples of the data in `data`, or fresh ones, as training renders them."""
    from manyshot.data.build import Builder
    from manyshot.spec.load import load_domain
    from manyshot.train.preview import preview as show

    read = load_domain(domain)
    parts = parts or embedded()
    tokenizer = parts.tokenizer(parts.find_base(read.base))
    pairs: Sequence[CallPair]
    if data is None:
        pairs = list(islice(Builder(read, seed).pairs(number), number))
    else:
        count = sum(1 for _ in read_rows(data / "pairs.jsonl"))
        chosen = set(sample(range(count), number, seed))
        pairs = [p for i, p in enumerate(read_jsonl(data / "pairs.jsonl", CallPair)) if i in chosen]
    yield from show(tokenizer, read.tools, read.context.language, pairs)
