"""A base's tokenizer straight from its folder, without transformers: ready in two seconds, no torch.

One rule: it gives the ids that transformers gives with add_special_tokens=False (a test compares them).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from manyshot.errors import ModelError


class FolderTokenizer:
    """Fits manyshot.render.Tokenizer."""

    def __init__(self, folder: Path) -> None:
        """Read tokenizer.json and tokenizer_config.json in `folder`. Raises ModelError."""
        from tokenizers import Tokenizer

        self._folder = folder
        try:
            self._inner: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._inner.encode_special_tokens = True  # the name of a special token in a customer's words is words
            settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        except Exception as error:  # tokenizers raises plain Exception for a damaged file
            raise ModelError(f"{folder}: wanted tokenizer.json and tokenizer_config.json, got: {error}") from None
        eos = self._special(settings, "eos_token")
        if eos is None:
            raise ModelError(f"{folder / 'tokenizer_config.json'}: wanted eos_token, found none")
        self.bos_token_id: int | None = self._special(settings, "bos_token")
        self.eos_token_id: int = eos

    def _special(self, settings: dict[str, Any], key: str) -> int | None:
        token = settings.get(key)
        text = token.get("content") if isinstance(token, dict) else token
        return None if text is None else self._inner.token_to_id(text)

    def encode(self, text: str, *, add_special_tokens: bool = False) -> list[int]:
        return list(self._inner.encode(text, add_special_tokens=add_special_tokens).ids)

    def decode(self, ids: list[int]) -> str:
        """Text of ids, special tokens shown by their names."""
        return str(self._inner.decode(ids, skip_special_tokens=False))
