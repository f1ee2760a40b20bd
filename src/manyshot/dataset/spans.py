"""A sample as pieces of text with their roles, and whether loss falls on them. One rule: loss is taken on what the
model writes, never on what the customer or a tool says.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal, Protocol

from manyshot.parse import write_call
from manyshot.render import Tokenizer, Values, sample
from manyshot.transcript import MARKS, NEXT, parted, said_line, thought_lines, thought_of
from manyshot.types import CallPair, Role, Trajectory

#: prompt: what a model is asked, or begins with; call: what the acting model answers, in its own sample only with loss.
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


def dialogue_spans(one: Trajectory, tokenizer: Reading | None = None) -> list[Span]:
    """A dialogue as training has it (manyshot.transcript), taken apart by who speaks.

    The call behind an Action is the acting model's: it is shown, but is no part of the sample and has no tokens. Nor is
    what is said after the last thought, which is not shown.
    """
    spans: list[Span] = []
    for said, own, after in parted(one.turns):
        spans += _spans([*((turn.role, said_line(turn)) for turn in said), ("prompt", NEXT)], tokenizer, loss=False)
        think, action, last = thought_lines(thought_of(own, after))
        written: list[tuple[Kind, str]] = [("think", think), ("action", action)]
        if last.rstrip() == MARKS["call"]:
            written[1] = ("action", action + last)
        else:
            written.append(("reply", last))
        spans += _spans(written, tokenizer, loss=True)
        spans += [Span("call", write_call(t.call.name, t.call.arguments), loss=False) for t in own if t.call]
    return spans


def _spans(parts: Sequence[tuple[Kind, str]], tokenizer: Reading | None, *, loss: bool) -> list[Span]:
    """The parts of one piece of a transcript. It is encoded as a whole; a token belongs where it begins."""
    if tokenizer is None:
        return [Span(kind, text, loss) for kind, text in parts]
    ids = tokenizer.encode("".join(text for _, text in parts), add_special_tokens=False)
    ends = list(accumulate(len(text) for _, text in parts))
    counts, shown = [0] * len(parts), [list[str]() for _ in parts]
    at = 0
    for text, tokens in _grouped(tokenizer, ids):
        n = min(bisect_right(ends, at), len(parts) - 1)
        counts[n] += tokens
        shown[n].append(text)
        at += len(text)
    return [Span(kind, text, loss, counts[n], tuple(shown[n]) if loss else ()) for n, (kind, text) in enumerate(parts)]


def pieces(tokenizer: Reading, ids: Sequence[int]) -> Iterator[str]:
    """Text of each token; tokens that are only part of a character are shown together."""
    return (text for text, _ in _grouped(tokenizer, ids))


def _grouped(tokenizer: Reading, ids: Sequence[int]) -> Iterator[tuple[str, int]]:
    """(text, number of tokens), one token each but for those that are only part of a character."""
    held: list[int] = []
    for one in ids:
        held.append(one)
        text = tokenizer.decode(held)
        if not text.endswith("\ufffd"):
            yield text, len(held)
            held = []
    if held:
        yield tokenizer.decode(held), len(held)
