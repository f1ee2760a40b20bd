"""The heavy parts a run is made of, by what they do. One rule: the pipeline takes them from here and names none itself.

`embedded()` gives the real ones, each imported when it is first used; a test or another engine gives its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from manyshot.config import cache_folder, secret
from manyshot.dataset.spans import Reading
from manyshot.errors import ModelError
from manyshot.journal import Answers
from manyshot.plugs.bases import Base
from manyshot.protocols import Model, Teacher
from manyshot.train.stage import Converter, Loop
from manyshot.types import Domain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manyshot.train.loop import Step, TrainResult
    from manyshot.train.settings import TrainConfig
    from manyshot.train.tree import Pass

#: In what form the base runs: as it comes (4-bit for the embedded one), or unpacked from it.
Weights = Literal["own", "q8_0", "bf16"]
#: Room for the tools, a question with examples before it, and the answer.
CONTEXT_TOKENS = 6144


class Opener(Protocol):
    """Opens a base for inference, with GGUF adapters by name."""

    def __call__(self, base: Base, adapters: Mapping[str, Path]) -> Model: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that is third-party or slow."""

    find_base: Callable[[str], Base]
    tokenizer: Callable[[Base], Reading]
    open_model: Opener
    train: Loop
    convert: Converter
    #: As find_base, for a base that nothing runs here: it need not be there as GGUF. None: find_base does.
    find_weights: Callable[[str], Base] | None = None


def embedded(weights: Weights = "own") -> Parts:
    """torch for training, llama.cpp for inference; `weights` says in what form the base runs."""

    def find_base(name: str) -> Base:
        return _served(_find_base(name), weights)

    return Parts(find_base, _tokenizer, _open_model, _train, _convert, _find_weights)


def _find_weights(name: str) -> Base:
    from manyshot.plugs.bases import locate

    base = locate(name, cache_folder())
    if base.gguf is not None:
        return base
    found = sorted(base.folder.glob("*.gguf"))
    return replace(base, gguf=found[0]) if len(found) == 1 else base


def _find_base(name: str) -> Base:
    base = _find_weights(name)
    if base.gguf is None:
        raise ModelError(
            f"{base.folder}: wanted one .gguf of this base beside its weights, found "
            f"{len(list(base.folder.glob('*.gguf')))}; "
            "convert it with llama.cpp's convert_hf_to_gguf.py into this folder"
        )
    return base


def _served(base: Base, weights: Weights) -> Base:
    """The base with a GGUF in the wanted form, made once beside the one it has."""
    if weights == "own":
        return base
    from filelock import FileLock

    from manyshot.plugs.gguf_lora import build_gguf

    made = base.folder / f"served-{weights}" / "model.gguf"
    with FileLock(base.folder / ".served.lock"):
        if not made.exists():
            build_gguf(_gguf(base), None, made, weights)
    return replace(base, gguf=made)


def _gguf(base: Base) -> Path:
    if base.gguf is None:
        raise ModelError(f"base {base.name!r}: wanted a GGUF to run it, there is none")
    return base.gguf


def _tokenizer(base: Base) -> Reading:
    from manyshot.plugs.tokenizer import FolderTokenizer

    return FolderTokenizer(base.folder)


def _open_model(base: Base, adapters: Mapping[str, Path]) -> Model:
    from manyshot.plugs.models.llamacpp import LlamaCpp

    return LlamaCpp(_gguf(base), adapters=adapters, context_tokens=CONTEXT_TOKENS)


def _train(
    base: Base,
    passes: Sequence[Pass],
    config: TrainConfig,
    out: Path,
    *,
    progress: Callable[[Step], None] | None,
    deadline: float | None,
    start: Path | None = None,
) -> TrainResult:
    from transformers.utils import logging

    from manyshot.train.loop import train

    logging.disable_progress_bar()  # it would draw over ours
    return train(base, passes, config, out, progress=progress, deadline=deadline, start=start)


def _convert(base: Base, folder: Path, out: Path) -> Path:
    from manyshot.plugs.gguf_lora import write_lora

    return write_lora(_gguf(base), folder, out)


def teacher_opener(domain: Domain) -> Callable[[Answers, int | None], Teacher] | None:
    """Connects the domain's teacher to kept answers and a budget of tokens; None for a domain without one."""
    if domain.teacher is None:
        return None

    def opened(answers: Answers, budget: int | None) -> Teacher:
        found = teacher_of(domain, answers, budget)
        assert found is not None
        return found

    return opened


def teacher_of(domain: Domain, answers: Answers | None = None, budget: int | None = None) -> Teacher | None:
    """The domain's teacher, if it has one, connected; kept `answers` are not asked for again. budget: tokens that it
    may cost in all.

    Raises SpecError without its key, ModelError when refused.
    """
    if domain.teacher is None:
        return None
    key_env = domain.teacher.key_env
    key = secret(key_env, f"{domain.folder / 'domain.toml'}: [teacher] key_env") if key_env else ""
    try:
        from manyshot.plugs.teachers.openai import OpenAITeacher
    except ImportError as error:
        raise ModelError(
            f"[teacher] needs the package {error.name}, which is not installed: pip install openai stamina"
        ) from None
    return OpenAITeacher(domain.teacher, key, answers, budget)
