"""Training samples as the model sees them. One rule: what is shown comes out of the renderer that training uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from rich.console import RenderableType
from rich.text import Text

from manyshot.render import Tokenizer, Values, prefix_ids, sample
from manyshot.types import CallPair, Language, Tool


class Reading(Tokenizer, Protocol):
    """A tokenizer that can also show what ids mean."""

    def decode(self, ids: list[int]) -> str: ...


def preview(
    tokenizer: Reading, tools: Sequence[Tool], language: Language, pairs: Sequence[CallPair], values: Values = "span"
) -> Iterator[RenderableType]:
    """The shared prefix once, then each pair: tokens with loss in colour between marks, and how many there are."""
    prefix = prefix_ids(tokenizer, tools, language)
    yield _heading(f"prefix, shared by all samples: {len(prefix)} tokens, no loss")
    yield Text(tokenizer.decode(prefix), style="dim")
    for pair in pairs:
        made = sample(tokenizer, pair.action, pair.call, pair.surfaces, pair.history, values)
        loss = len(made.ids) - made.loss_from
        asks = f", asks back for {', '.join(pair.ask)}" if pair.ask else ""
        yield _heading(f"{pair.kind} pair {pair.id}{asks}: {len(made.ids)} own tokens, {loss} with loss")
        text = Text(tokenizer.decode(made.ids[: made.loss_from]).lstrip("\n"))
        text.append("⟦", style="bold")
        for number, piece in enumerate(pieces(tokenizer, made.ids[made.loss_from :])):
            text.append(piece, style="black on green" if number % 2 else "black on bright_green")
        text.append("⟧", style="bold")
        yield text


def _heading(text: str) -> Text:
    return Text(f"--- {text}", style="bold")


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
