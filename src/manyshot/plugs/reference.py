"""What transformers itself makes of a prompt: the ids that its tokenizer gives, and a greedy answer.

The one rule: nothing of ours stands in between; it is what our own engines are compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from manyshot.errors import ModelError


class Reference:
    """A Hugging Face folder opened with transformers; the weights are loaded when an answer is asked for."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer

        self._folder = folder
        self._model: Any = None
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        except (OSError, ValueError) as error:
            raise ModelError(f"{folder}: transformers cannot read its tokenizer ({error})") from None

    def tokenize(self, text: str) -> list[int]:
        """Ids of plain text, in which names of special tokens are plain text too."""
        return list(self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

    def read(self, text: str) -> list[int]:
        """Ids as a server has them that is given the whole prompt as text."""
        return list(self._tokenizer.encode(text))

    def answer(self, prompt: Sequence[int], most: int) -> str:
        """The likeliest ids, one after another, as text; at most `most`."""
        import torch
        from transformers import AutoModelForCausalLM

        if self._model is None:
            self._model = AutoModelForCausalLM.from_pretrained(self._folder, dtype=torch.float32).eval()
        ids = torch.tensor([list(prompt)])
        with torch.inference_mode():
            made = self._model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=most, do_sample=False, top_k=None, top_p=None
            )
        return str(self._tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True))
