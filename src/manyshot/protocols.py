"""The plug points, each a Protocol of a few methods. The one rule: no third-party name appears here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote. `tokens_in` counts the whole prompt, `tokens_cached` the part that was not read again."""

    text: str
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    ms: float
    finish_reason: Literal["stop", "length"]


class Model(Protocol):
    """Continues a prompt. Safe to call from several threads."""

    def complete(
        self,
        prompt: str | Sequence[int],
        *,
        grammar: str | None,
        max_tokens: int,
        temperature: float = 0.0,
        adapter: str | None = None,
        stop: Sequence[str] = (),
        seed: int = 0,
    ) -> Completion:
        """Write at most `max_tokens` after `prompt` (text, or ids with every special id in place), held to `grammar`.

        adapter: one of those the model was opened with, None for the base. Raises ModelError.
        """
        ...

    def tokenize(self, text: str) -> list[int]:
        """Ids of plain text: nothing is added in front, and special tokens' names in it are plain text too."""
        ...

    def close(self) -> None:
        """Free the model; completing afterwards is a ModelError."""
        ...
