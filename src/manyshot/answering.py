"""A domain and a model -> what answers actions. One rule: predict, eval and chat are all put together here.

The reader's defaults, the reject tool and the examples come from the shots through the same code that makes the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from manyshot.acting import Answer, Reader
from manyshot.choice import ToolChoice
from manyshot.data.build import Builder
from manyshot.data.slots import ToolSlots
from manyshot.presence import Presence
from manyshot.protocols import Model
from manyshot.render import Tokenizer, Values, target_text
from manyshot.serve.predictor import MAX_TOKENS, Mode, Predictor
from manyshot.types import CallPair, Domain, Expected, Source, TestCase

#: The adapters' names in the model: the acting one, and the one that thinks.
TUNED, THINKING = "tuned", "thinking"
#: Examples before an action when a run did not choose a number by trial.
SHOTS = 8


@dataclass(frozen=True, slots=True)
class Answering:
    """A domain made ready for answering."""

    domain: Domain
    reader: Reader
    slots: Mapping[str, ToolSlots]
    examples: tuple[CallPair, ...]
    reject: str | None
    copy_spans: bool = True
    held_out: tuple[str, ...] = ()
    values: Values = "span"

    def mode(self, name: str, *, grammar: bool = True, shots: int = SHOTS, room: int = MAX_TOKENS) -> Mode:
        """base, fewshot or tuned as the predictor's mode, with `room` tokens to write. Raises KeyError."""
        kept = Mode(
            name,
            grammar=grammar,
            copy=self.copy_spans and grammar,
            values=self.values,
            max_tokens=min(room, MAX_TOKENS),
        )
        modes = {
            "base": kept,
            "fewshot": replace(kept, shots=shots),
            "tuned": replace(kept, name="tuned+grammar" if grammar else "tuned", adapter=TUNED),
        }
        return modes[name]

    def predictor(self, model: Model, tokenizer: Tokenizer, without: Sequence[CallPair] = ()) -> Predictor:
        """An assistant on `model`; `without`: examples that it must neither be shown nor learn a tool's words from."""
        gone, language = {pair.id for pair in without}, self.domain.context.language
        shown = [pair for pair in self.examples if pair.id not in gone]
        unseen = {shot for pair in without for shot in pair.shots}
        known = [
            shot
            for shot in self.domain.shots
            if shot.id not in unseen and not (shot.call and shot.call.name in self.held_out)
        ]
        choice = ToolChoice(self.slots, known, language, self.reject)
        presence = Presence(self.slots, known, language)
        return Predictor(model, tokenizer, self.domain.tools, language, self.reader, choice, presence, shown)

    def case(self, pair: CallPair) -> TestCase:
        """A pair as a test: the right answer is what the reader makes of the pair's own target."""
        gold = self.gold(pair)
        expected = tuple(Expected(name=c.name, arguments={k: [v] for k, v in c.arguments.items()}) for c in gold.calls)
        source = Source(file="pairs", line=0)
        return TestCase(
            id=pair.id, action=pair.action, expected=expected, ask=gold.ask or (), history=pair.history, source=source
        )

    def gold(self, pair: CallPair) -> Answer:
        return self.reader.read(target_text(pair.call, pair.surfaces, self.values), pair.action)

    def room(self, tokenizer: Tokenizer) -> int:
        """Tokens that an untuned model may write: half as many again as the longest right answer among the shots has.
        It would fill any room with repetitions, and what is longer is not right."""
        targets = (target_text(p.call, p.surfaces, self.values) for p in self.examples)
        longest = max((len(tokenizer.encode(text, add_special_tokens=False)) for text in targets), default=MAX_TOKENS)
        return min(MAX_TOKENS, max(64, longest * 3 // 2))


def answering_of(
    domain: Domain, copy_spans: bool = True, held_out: Sequence[str] = (), values: Values = "span"
) -> Answering:
    """Make a domain ready; takes about a second. `copy_spans`: the grammar lets free text only be copied; `held_out`:
    tools whose shots teach nothing; `values`: as the model was trained to write them."""
    builder = Builder(domain, 0)
    reader = Reader(builder.slots, builder.defaults, builder.reject, values)
    shots = tuple(builder.shot_pairs)
    return Answering(domain, reader, builder.slots, shots, builder.reject, copy_spans, tuple(held_out), values)
