"""What is to be learnt, in a form that any trainer can take.

The one rule: the ids of a sample are those that training, evaluation and service of ours have for it. A trainer that
reads text gets it in pieces, and a sample whose pieces it would read as other ids is set aside with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from manyshot.errors import ModelError, TrainError
from manyshot.records import write_jsonl
from manyshot.transcript import Piece
from manyshot.types import CallPair, Json, Tool, Trajectory

#: Samples that cannot be trained on as they are, a line each: id, why.
SET_ASIDE = "set_aside.jsonl"
Role = Literal["acting", "thinking"]
#: Told the share that is done, 0 to 1, and a few words.
Tell = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample. `pieces`: what is asked (no loss) and what is answered (loss), by turns, an answer last; `ids` and
    `loss` are as long as each other, without the shared beginning; an acting sample ends with the end-of-text id."""

    record: CallPair | Trajectory
    pieces: tuple[Piece, ...]
    ids: tuple[int, ...]
    loss: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """The samples of one domain. `folder`: the base's Hugging Face folder; `prefix` and its ids stand before each."""

    name: str
    role: Role
    base: str
    folder: Path
    prefix: str
    prefix_ids: tuple[int, ...]
    samples: tuple[Sample, ...]
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What a trainer left. `adapter`: a folder with an adapter in PEFT's form, None where it stays with a service;
    `model`: the service's name for it; `numbers`: steps, samples, seconds, loss and what else is known."""

    adapter: Path | None
    numbers: Json
    model: str = ""


def within(course: Course, limit: int, out: Path, reads: Callable[[Sample], str] | None = None) -> tuple[Course, int]:
    """The course without samples of more than `limit` tokens, prefix included, and without those that `reads` has a
    reason against; and how many went. They stand in set_aside.jsonl in `out`.

    Raises TrainError when none is left.
    """
    kept: list[Sample] = []
    gone: list[Json] = []
    for one in course.samples:
        tokens = len(course.prefix_ids) + len(one.ids)
        why = f"{tokens} tokens, the limit is {limit}" if tokens > limit else reads(one) if reads else ""
        if why:
            gone.append({"id": one.record.id, "why": why})
        else:
            kept.append(one)
    write_jsonl(out / SET_ASIDE, gone)
    if not kept:
        first = gone[0]["why"] if gone else "there are none"
        raise TrainError(f"{course.name}: none of {len(course.samples)} samples can be trained on ({first}); see {out}")
    return replace(course, samples=tuple(kept)), len(gone)


class TextReader:
    """Reads text as transformers' tokenizers do, for whom the name of a special token in a text is that token."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds tokenizer.json. Raises ModelError."""
        from tokenizers import Tokenizer

        try:
            self._inner: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises plain Exception for a damaged file
            raise ModelError(f"{folder / 'tokenizer.json'}: cannot be read ({error})") from None

    def name(self, token: int | None) -> str:
        """How a special token is written in a text; "" for none."""
        return "" if token is None else str(self._inner.id_to_token(token))

    def ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._inner.encode(text, add_special_tokens=False).ids) if text else ()
