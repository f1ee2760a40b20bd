"""A tokenizer on which a seam that moved would show. One rule: it joins what it can, up to three characters an id."""

from __future__ import annotations


class Pieces:
    """Fits manyshot.render.Tokenizer: texts that are joined before they are encoded get other ids than apart."""

    bos_token_id: int | None = 1
    eos_token_id = 2

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        ids = [self.known.setdefault(text[i : i + 3], len(self.known) + 3) for i in range(0, len(text), 3)]
        return [1, *ids] if add_special_tokens else ids

    def decode(self, ids: list[int]) -> str:
        words = {i: w for w, i in self.known.items()}
        return "".join(words[i] for i in ids if i > 2)
