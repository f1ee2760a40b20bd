"""An action -> an answer, with a loaded model: the one way that `predict`, `eval` and `chat` go.

Prompt and reading are those of training (manyshot.render, manyshot.acting); the prefix of the tools is read once and
cached by the model.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from rapidfuzz import fuzz, process

from manyshot.acting import Reader
from manyshot.choice import ToolChoice, choose
from manyshot.data.slots import Path
from manyshot.grammar import for_tools
from manyshot.presence import Presence
from manyshot.protocols import Completion, Model
from manyshot.render import Tokenizer, Values, branch_ids, fold, prefix_ids, target_text
from manyshot.types import CallPair, Language, Prediction, Refusal, Tool

#: Longest answer in tokens; a call with every field filled stays far below it.
MAX_TOKENS = 320
#: Nats below the likeliest tool from which on the model is not asked about another.
FARTHEST = 7.0


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
        choice: ToolChoice,
        presence: Presence,
        examples: Sequence[CallPair] = (),
    ) -> None:
        self._model, self._tokenizer, self._reader = model, tokenizer, reader
        self._choice, self._presence = choice, presence
        self._tools, self._examples = {t.name: t for t in tools}, {e.action: e for e in examples}
        self._prefix = prefix_ids(tokenizer, tools, language)

    def predict(self, case: str, action: str, mode: Mode, history: Sequence[Refusal] = ()) -> Prediction:
        """Answer one action; `case` becomes the prediction's id. Raises ModelError, never for what the model writes."""
        began = time.perf_counter()
        prompt = [*self._prefix, *self._shown(action, mode), *branch_ids(self._tokenizer, action, history)]
        done = self._written(prompt, action, mode)
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

    def _tool(self, prompt: Sequence[int], action: str, mode: Mode) -> Tool | None:
        """The tool that the action is about, by the evidence in it and by the model together; None when none fits."""
        evidence = self._choice.evidence(action)
        best = max(evidence.values())
        near = [name for name, nats in evidence.items() if nats > best - FARTHEST]
        if len(near) == 1:
            return self._tools.get(near[0])
        told = self._model.weigh(prompt, [f" {name}{{" for name in near], adapter=mode.adapter)
        return self._tools.get(choose(evidence, dict(zip(near, told, strict=True)), self._choice.reject))

    def _written(self, prompt: Sequence[int], action: str, mode: Mode) -> Completion:
        """What the model writes; again where evidence says that fields are given which it left out, or the reverse, or
        that another choice is meant."""
        write = partial(self._model.complete, prompt, max_tokens=mode.max_tokens, adapter=mode.adapter, stop=("\n",))
        if not mode.grammar:
            return write(grammar=None)
        tool = self._tool(prompt, action, mode)
        if tool is None or mode.values == "final":
            return write(grammar=for_tools([tool] if tool else [], values=mode.values, none=tool is None))
        can = self._reader.choices(tool.name, action)
        stated = self._reader.stated(tool.name, action, can)
        done = write(grammar=self._grammar(tool, action, mode, can, stated), places=True)
        given = self._presence.decide(tool.name, action, done, can, stated)
        meant = self._presence.options.decide(tool.name, action, done, can, given)
        meant |= self._presence.listed.decide(tool.name, action, done.text, given)
        if not (given or meant):
            return done
        can |= {path: () for path, is_given in given.items() if not is_given}
        can |= {path: (value,) for path, value in meant.items()}
        stated |= {path for path, is_given in given.items() if is_given}
        again = write(grammar=self._grammar(tool, action, mode, can, stated))
        if nowhere := self._presence.borrowed(tool.name, done, again):
            can |= dict.fromkeys(nowhere, ())
            again = write(grammar=self._grammar(tool, action, mode, can, stated - nowhere))
        return replace(again, tokens_in=done.tokens_in, tokens_out=done.tokens_out + again.tokens_out)

    def _grammar(
        self, tool: Tool, action: str, mode: Mode, can: Mapping[Path, Sequence[Any]], stated: Collection[Path]
    ) -> str:
        """The calls of a tool that may answer the action, with values that stand in it."""
        return for_tools(
            [tool],
            values="span",
            none=False,
            spans_of=fold(action) if mode.copy and action.strip() else None,
            walls=self._reader.walls(tool.name, action),
            choices={tool.name: can},
            stated={tool.name: stated},
        )

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
