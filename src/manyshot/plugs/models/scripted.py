"""A model that answers from a table or a function: for tests, examples and dry runs, in no time and without weights.

One rule: it is a real Model. It reads the same prompt that the renderer makes for every other model.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence

from manyshot.errors import ModelError
from manyshot.protocols import Completion

#: (the last question's text, the adapter's name or None) -> what stands after "Call:".
Script = Callable[[str, str | None], str]


#: What an option is given that the script does not choose.
FLOOR = -30.0


class ByteTokenizer:
    """Fits manyshot.render.Tokenizer: one id a UTF-8 byte, 256 begins and 257 ends a text."""

    bos_token_id: int | None = 256
    eos_token_id: int = 257

    def encode(self, text: str, *, add_special_tokens: bool = False) -> list[int]:
        ids = list(text.encode("utf-8"))
        return [256, *ids] if add_special_tokens else ids

    def decode(self, ids: Sequence[int]) -> str:
        return bytes(i for i in ids if i < 256).decode("utf-8", "replace")


class Scripted:
    """Fits manyshot.protocols.Model, on ByteTokenizer's ids."""

    def __init__(self, script: Script | Mapping[str, str], default: str = " none{}") -> None:
        """script: a function of (action, adapter), or a table from action to answer with `default` for the others."""
        table = script if isinstance(script, Mapping) else None
        self._answer: Script = (lambda action, _: table.get(action, default)) if table is not None else script  # type: ignore[assignment]
        self._tokenizer = ByteTokenizer()
        self._open = True

    def complete(
        self,
        prompt: str | Sequence[int],
        *,
        grammar: str | None,  # noqa: ARG002
        max_tokens: int,
        temperature: float = 0.0,  # noqa: ARG002
        adapter: str | None = None,
        stop: Sequence[str] = (),
        seed: int = 0,  # noqa: ARG002
        places: bool = False,  # noqa: ARG002
    ) -> Completion:
        """See protocols.Model; the grammar is the script's own business."""
        if not self._open:
            raise ModelError("the scripted model is closed")
        began = time.perf_counter()
        text = prompt if isinstance(prompt, str) else self._tokenizer.decode(prompt)
        answer = self._answer(_question(text), adapter)
        for mark in stop:
            answer = answer.split(mark)[0]
        kept = self.tokenize(answer)[:max_tokens]
        ms = (time.perf_counter() - began) * 1000
        return Completion(self._tokenizer.decode(kept), len(self.tokenize(text)), 0, len(kept), ms, "stop")

    def weigh(
        self, prompt: str | Sequence[int], options: Sequence[str], *, adapter: str | None = None
    ) -> tuple[float, ...]:
        """See protocols.Model: the option that the script's answer begins with is sure, the others are at the floor."""
        answer = self.complete(prompt, grammar=None, max_tokens=sys.maxsize, adapter=adapter).text
        return tuple(0.0 if answer.startswith(option) else FLOOR for option in options)

    def tokenize(self, text: str) -> list[int]:
        return self._tokenizer.encode(text)

    def close(self) -> None:
        self._open = False


def _question(prompt: str) -> str:
    """The action of the last question in a prompt."""
    last = prompt.rpartition("Action: ")[2]
    return last.partition("\n")[0]
