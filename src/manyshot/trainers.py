"""Trainers by name: our own step, LLaMA-Factory, TRL, a service that fine-tunes. Each fits manyshot.protocols.Trainer.

The one rule: all of them see the same samples, those that our own training takes from the data folder, and leave the
same card.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, Protocol

from manyshot import pipeline, single, thinking
from manyshot.config import override, secret
from manyshot.errors import DataError, TrainError
from manyshot.parts import Parts
from manyshot.plugs.bases import Base, check_tokenizer
from manyshot.plugs.trainers.course import Course, Made, Role, Sample, Tell
from manyshot.plugs.trainers.lora import LoraConfig
from manyshot.progress import Screen
from manyshot.protocols import Trainer
from manyshot.records import write_aside
from manyshot.render import Tokenizer, branch_text, opening_ids, prefix_text, sample, target_text
from manyshot.spec.load import load_domain
from manyshot.train import stage
from manyshot.train.settings import TrainConfig
from manyshot.transcript import Piece, pieces
from manyshot.types import Domain, Json, Manifest, Record

TrainerName = Literal["peft", "llamafactory", "trl", "openai"]
#: What a training by another trainer was begun with, by which it is known when it is gone on with.
BEGUN = "trainer.json"
#: Settings that may change when a stopped training is gone on with.
_FREE = ("python", "poll")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a training is opened with, beside the trainer's own settings. `seconds`: time it may take, None for any."""

    domain: Path
    parts: Parts
    screen: Screen
    epochs: int = 1
    seconds: float | None = None
    start: pipeline.StartName = "generalist"
    resume: bool = False


def open_trainer(name: TrainerName, words: Sequence[str], file: Path | None, terms: Terms) -> Trainer:
    """A trainer with its settings from a TOML file and key=value words. Raises SpecError, TrainError."""
    if name == "peft":
        return Peft(override(pipeline.TRAINING, words, file), terms)
    config, make = _OTHERS[name](words, file, terms)
    return Other(name, config, make, terms)


@dataclass(frozen=True, slots=True)
class Peft:
    """Our own step (manyshot.train), which writes adapters in PEFT's form."""

    config: TrainConfig
    terms: Terms

    def train(self, data: Path, out: Path) -> Manifest:
        t = self.terms
        return single.train_domain(
            self.config, t.domain, data, out, t.parts, t.screen,
            epochs=t.epochs, seconds=t.seconds, start=t.start, resume=t.resume,
        )  # fmt: skip


class Maker(Protocol):
    """The third-party part of a trainer: manyshot.plugs.trainers."""

    def make(self, course: Course, out: Path, tell: Tell) -> Made: ...


@dataclass(frozen=True, slots=True)
class Other:
    """A trainer that is not ours: it gets a course and leaves an adapter or the name of a model."""

    name: str
    config: Record
    maker: Maker
    terms: Terms

    def train(self, data: Path, out: Path) -> Manifest:
        t = self.terms
        domain = load_domain(t.domain)
        source = single.begin_training(data, out, BEGUN, resume=t.resume)
        find = t.parts.find_weights or t.parts.find_base
        base = find(domain.base)
        check_tokenizer(base.folder)
        course = course_of(domain, base, t.parts.tokenizer(base), data, source)
        self._begin(out, source, base)
        with t.screen.bar(f"training with {self.name}") as bar:
            made = self.maker.make(course, out, bar.update)
        if made.adapter is not None and base.gguf is not None and getattr(self.config, "form", "prompts") == "prompts":
            t.parts.convert(base, out, out / stage.LORA)
        job = stage.Job(domain.name, base, (), len(course.samples), source.id, epochs=t.epochs, role=course.role)
        settings = self.config.model_dump(mode="json", exclude=set(_FREE))
        return stage.close(out, job, settings, self._numbers(made, course), trainer=self.name, model=made.model)

    def _begin(self, out: Path, source: Manifest, base: Base) -> None:
        """Put down what the training is, or see that the one in `out` is the same. Raises TrainError."""
        about: Json = {
            "trainer": self.name,
            "data": source.id,
            "base": base.sha256,
            "epochs": self.terms.epochs,
            **self.config.model_dump(mode="json", exclude=set(_FREE)),
        }
        path = out / BEGUN
        if path.exists():
            try:
                found = dict(json.loads(path.read_text("utf-8")).items())
            except (ValueError, AttributeError):
                raise TrainError(f"{path}: damaged; choose another --out") from None
            if other := [key for key in about if found.get(key) != about[key]]:
                raise TrainError(f"{path}: a training with another {', '.join(other)}; choose another --out")
        with write_aside(path) as stream:
            stream.write(json.dumps(about, ensure_ascii=False, indent=1) + "\n")

    def _numbers(self, made: Made, course: Course) -> Json:
        n = made.numbers
        seen = n.get("samples", len(course.samples) * self.terms.epochs)
        if isinstance(self.config, LoraConfig) and "steps" in n:
            seen = min(seen, n["steps"] * self.config.batch * self.config.accumulate) if self.config.steps else seen
        seconds = float(n.get("seconds") or 0.0)
        return {
            "pairs" if course.role == "acting" else "dialogues": len(course.samples),
            "loss_token": None,
            "loss_sample": None,
            "steps": None,
            **n,
            "samples": seen,
            "seconds": round(seconds, 1),
            "samples_per_second": round(seen / seconds, 2) if seconds else 0.0,
        }


def course_of(domain: Domain, base: Base, tokenizer: Tokenizer, data: Path, source: Manifest) -> Course:
    """The samples of a data folder under the domain's own list of tools. Raises DataError."""
    if source.stage == "dialogues":
        return _thinking_course(domain, base, tokenizer, data, source)
    held_out = tuple(source.config.get("held_out", ()))
    tools = tuple(tool for tool in domain.tools if tool.name not in held_out)
    prefix = prefix_text(tools, domain.context.language)
    samples = []
    for pair in pipeline.learnt(data):
        made = sample(tokenizer, pair.action, pair.call, pair.surfaces, pair.history, "span")
        loss = tuple(n >= made.loss_from for n in range(len(made.ids)))
        asked = Piece(branch_text(pair.action, pair.history), learned=False)
        answer = Piece(target_text(pair.call, pair.surfaces, "span"), learned=True)
        samples.append(Sample(pair, (asked, answer), tuple(made.ids), loss))
    return _course(domain, "acting", base, tokenizer, prefix, samples, data)


def _thinking_course(domain: Domain, base: Base, tokenizer: Tokenizer, data: Path, source: Manifest) -> Course:
    found = thinking.matter_of(domain)
    if found is None:
        raise DataError(
            f"{domain.folder}: has no flows with approved dialogues, so it is not what {data} was made from"
        )
    samples = []
    for one in thinking.learnt(data, tuple(source.config.get("held_out", ()))):
        parts = tuple(pieces(one.turns))
        ids = [tokenizer.encode(piece.text, add_special_tokens=False) for piece in parts]
        loss = chain.from_iterable([piece.learned] * len(own) for piece, own in zip(parts, ids, strict=True))
        if any(piece.learned for piece in parts):
            samples.append(Sample(one, parts, tuple(chain.from_iterable(ids)), tuple(loss)))
    return _course(domain, "thinking", base, tokenizer, found.prefix, samples, data)


def _course(
    domain: Domain, role: Role, base: Base, tokenizer: Tokenizer, prefix: str, samples: Sequence[Sample], data: Path
) -> Course:
    if not samples:
        raise DataError(f"{data}: nothing to train on; make more data")
    ids = tuple(opening_ids(tokenizer, prefix))
    return Course(domain.name, role, base.name, base.folder, prefix, ids, tuple(samples), domain.tools)


_Opened = tuple[Record, Maker]


def _llamafactory(words: Sequence[str], file: Path | None, terms: Terms) -> _Opened:
    from manyshot.plugs.trainers.llamafactory import LlamaFactory, LlamaFactoryConfig

    config = override(LlamaFactoryConfig(), words, file)
    return config, LlamaFactory(config, terms.epochs, terms.seconds)


def _trl(words: Sequence[str], file: Path | None, terms: Terms) -> _Opened:
    from manyshot.plugs.trainers.trl import Trl

    config = override(LoraConfig(), words, file)
    return config, Trl(config, terms.epochs, terms.seconds)


def _openai(words: Sequence[str], file: Path | None, terms: Terms) -> _Opened:
    try:
        from manyshot.plugs.trainers.hosted import Hosted, HostedConfig
    except ImportError as error:
        raise TrainError(
            f"--trainer openai needs the package {error.name}, which is not installed: pip install 'manyshot[teacher]'"
        ) from None
    config = override(HostedConfig(), words, file)
    key = secret(config.key_env, "--trainer openai") if config.key_env else ""
    return config, Hosted(config, key, terms.epochs, terms.seconds)


_OTHERS: dict[str, Callable[[Sequence[str], Path | None, Terms], _Opened]] = {
    "llamafactory": _llamafactory,
    "trl": _trl,
    "openai": _openai,
}
