"""An action -> an answer, with a loaded model: the one way that `predict`, `eval` and `chat` go.

Prompt and reading are those of training (manyshot.render, manyshot.acting); the prefix of the tools is read once and
cached by the model.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from manyshot.acting import Reader
from manyshot.grammar import for_tools
from manyshot.protocols import Model
from manyshot.render import Tokenizer, Values, branch_ids, fold, prefix_ids, target_text
from manyshot.types import CallPair, Language, Prediction, Refusal, Tool

#: Longest answer in tokens; a call with every field filled stays far below it.
MAX_TOKENS = 320


@dataclass(frozen=True, slots=True)
class Mode:
    """How a question is put. `shots`: that many nearest examples stand before it; `adapter`: a LoRA by name."""

    name: str
    adapter: str | None = None
    grammar: bool = True
    shots: int = 0
    copy: bool = False
    values: Values = "span"
    max_tokens: int = MAX_TOKENS


class Predictor:
    """Answers actions of one domain with one model."""

    def __init__(
        self,
        model: Model,
        tokenizer: Tokenizer,
        tools: Sequence[Tool],
        language: Language,
        reader: Reader,
        examples: Sequence[CallPair] = (),
    ) -> None:
        self._model, self._tokenizer, self._reader = model, tokenizer, reader
        self._tools, self._examples = tuple(tools), {e.action: e for e in examples}
        self._prefix = prefix_ids(tokenizer, tools, language)
        self._grammars: Mapping[Values, str] = {v: for_tools(tools, values=v) for v in ("span", "final")}

    def predict(self, case: str, action: str, mode: Mode, history: Sequence[Refusal] = ()) -> Prediction:
        """Answer one action; `case` becomes the prediction's id. Raises ModelError, never for what the model writes."""
        began = time.perf_counter()
        prompt = [*self._prefix, *self._shown(action, mode), *branch_ids(self._tokenizer, action, history)]
        grammar = self._grammar(action, mode) if mode.grammar else None
        room, name = mode.max_tokens, mode.adapter
        done = self._model.complete(prompt, grammar=grammar, max_tokens=room, adapter=name, stop=("\n",))
        answer = self._reader.read(done.text, action)
        return Prediction(
            id=case,
            calls=answer.calls,
            ask=answer.ask,
            fault=answer.fault,
            ms=round((time.perf_counter() - began) * 1000, 1),
            raw=done.text,
            tokens_in=done.tokens_in,
            tokens_out=done.tokens_out,
        )

    def _grammar(self, action: str, mode: Mode) -> str:
        able = self._reader.able(action)
        copied = fold(action) if mode.copy and mode.values == "span" and action.strip() else None
        if copied is None and len(able) == len(self._tools):
            return self._grammars[mode.values]
        return for_tools([t for t in self._tools if t.name in able], values=mode.values, spans_of=copied)

    def _shown(self, action: str, mode: Mode) -> list[int]:
        """Ids of the examples nearest to the action, the nearest last."""
        if not mode.shots:
            return []
        near = process.extract(action, list(self._examples), scorer=fuzz.token_set_ratio, limit=mode.shots)
        ids: list[int] = []
        for text, *_ in reversed(near):
            shown = self._examples[text]
            ids += branch_ids(self._tokenizer, shown.action, shown.history)
            answer = target_text(shown.call, shown.surfaces, mode.values)
            ids += self._tokenizer.encode(answer, add_special_tokens=False)
        return ids
