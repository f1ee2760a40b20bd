"""The thinking model: a dialogue so far -> the assistant's next thought.

The one rule: the prompt is the transcript of training (manyshot.transcript), and the text is held to its grammar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from manyshot.protocols import Model
from manyshot.render import Tokenizer, opening_ids
from manyshot.transcript import GRAMMAR, Thought, question_ids, read_thought, render
from manyshot.types import Trajectory, Turn

#: Longest thought in tokens; those of ticket_desk's experts have 20 to 120.
MAX_TOKENS = 240
#: What a repeated try is drawn with; the first takes the likeliest words.
WARMTH = 0.7


@dataclass(slots=True)
class Thinker:
    """Thinks for one desk with one model; fits agent.Think.

    prefix: transcript.prefix_text of the desk. adapter: the thinking LoRA's name, None for the base. examples: shots of
    which the `shots` nearest by their opening stand before the dialogue.
    """

    model: Model
    tokenizer: Tokenizer
    prefix: str
    adapter: str | None = None
    examples: Sequence[Trajectory] = ()
    shots: int = 0
    grammar: bool = True

    def __call__(self, turns: Sequence[Turn], attempt: int = 0) -> Thought:
        """The next thought. ValueError when what the model wrote is none; raises ModelError."""
        prompt = [*opening_ids(self.tokenizer, self.prefix), *self._shown(turns), *question_ids(self.tokenizer, turns)]
        done = self.model.complete(
            prompt,
            grammar=GRAMMAR if self.grammar else None,
            max_tokens=MAX_TOKENS,
            temperature=WARMTH if attempt else 0.0,
            adapter=self.adapter,
            stop=() if self.grammar else ("\nUser:", "\nObservation:"),
            seed=attempt,
        )
        return read_thought(done.text)

    def _shown(self, turns: Sequence[Turn]) -> list[int]:
        """Ids of whole dialogues of experts, the one with the nearest opening last."""
        if not self.shots:
            return []
        openings = {n: one.turns[0].text for n, one in enumerate(self.examples) if one.turns}
        near = process.extract(turns[0].text, openings, scorer=fuzz.token_set_ratio, limit=self.shots)
        return [i for _, _, n in reversed(near) for i in render(self.tokenizer, self.examples[n].turns).ids]
