"""Training samples as the model sees them. One rule: what is shown comes out of the renderer that training uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from manyshot.dataset.spans import Reading, pair_spans
from manyshot.render import Values, prefix_ids
from manyshot.types import CallPair, Language, Tool


def preview(
    tokenizer: Reading, tools: Sequence[Tool], language: Language, pairs: Sequence[CallPair], values: Values = "span"
) -> Iterator[RenderableType]:
    """The shared prefix once, then each pair: tokens with loss in colour between marks, and how many there are."""
    prefix = prefix_ids(tokenizer, tools, language)
    yield _heading(f"prefix, shared by all samples: {len(prefix)} tokens, no loss")
    yield Text(tokenizer.decode(prefix), style="dim")
    for pair in pairs:
        asked, answer = pair_spans(tokenizer, pair, values)
        asks = f", asks back for {', '.join(pair.ask)}" if pair.ask else ""
        own = (asked.tokens or 0) + (answer.tokens or 0)
        yield _heading(f"{pair.kind} pair {pair.id}{asks}: {own} own tokens, {answer.tokens} with loss")
        text = Text(asked.text.lstrip("\n"))
        text.append("⟦", style="bold")
        for number, piece in enumerate(answer.pieces):
            text.append(piece, style="black on green" if number % 2 else "black on bright_green")
        text.append("⟧", style="bold")
        yield text


def _heading(text: str) -> Text:
    return Text(f"--- {text}", style="bold")
