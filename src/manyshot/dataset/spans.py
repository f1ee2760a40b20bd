"""A sample as pieces of text with their roles, and whether loss falls on them. One rule: loss is taken on what the
model writes, never on what the customer or a tool says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from manyshot.dataset import blocks
from manyshot.parse import write_call
from manyshot.render import Tokenizer, Values, sample
from manyshot.types import CallPair, Role, Trajectory

#: prompt: what the acting model is asked; call: what it answers, in its own sample only with loss.
Kind = Role | Literal["prompt", "call"]
#: Turns that the thinking model writes.
LEARNED: Final[frozenset[Role]] = frozenset(("think", "action", "reply"))


class Reading(Tokenizer, Protocol):
    """A tokenizer that can also show what ids mean."""

    def decode(self, ids: list[int]) -> str: ...


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a sample. `tokens`: how many it has, None where nobody counted."""

    kind: Kind
    text: str
    loss: bool
    tokens: int | None = None
    #: The text by tokens, where it is known.
    pieces: tuple[str, ...] = ()


def pair_spans(tokenizer: Reading, pair: CallPair, values: Values = "span") -> list[Span]:
    """A pair's own tokens as training has them: the question, and the answer with loss."""
    made = sample(tokenizer, pair.action, pair.call, pair.surfaces, pair.history, values)
    asked, answer = made.ids[: made.loss_from], made.ids[made.loss_from :]
    return [
        Span("prompt", tokenizer.decode(asked), False, len(asked)),
        Span("call", tokenizer.decode(answer), True, len(answer), tuple(pieces(tokenizer, answer))),
    ]


def dialogue_spans(one: Trajectory, tokenizer: Tokenizer | None = None) -> list[Span]:
    """A dialogue turn by turn; the call of an Action is the acting model's, so there is no loss on it here."""
    spans = []
    for turn in one.turns:
        said = turn.model_copy(update={"call": None})
        spans.append(_span(turn.role, blocks.write([said], None), turn.role in LEARNED, tokenizer))
        if turn.call is not None:
            spans.append(_span("call", write_call(turn.call.name, turn.call.arguments), False, tokenizer))
    return spans


def _span(kind: Kind, text: str, loss: bool, tokenizer: Tokenizer | None) -> Span:
    count = None if tokenizer is None else len(tokenizer.encode(text, add_special_tokens=False))
    return Span(kind, text, loss, count)


def pieces(tokenizer: Reading, ids: Sequence[int]) -> Iterator[str]:
    """Text of each token; tokens that are only part of a character are shown together."""
    held: list[int] = []
    for one in ids:
        held.append(one)
        text = tokenizer.decode(held)
        if not text.endswith("\ufffd"):
            yield text
            held = []
    if held:
        yield tokenizer.decode(held)
