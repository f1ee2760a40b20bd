"""The thinking model: a dialogue so far -> the assistant's next thought.

The one rule: the prompt is the transcript of training (manyshot.transcript), and the text is held to its grammar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from manyshot.protocols import Model
from manyshot.render import Tokenizer, opening_ids
from manyshot.transcript import Piece, Thought, grammar, question, read_thought, render
from manyshot.types import Trajectory, Turn

#: Longest thought in tokens; those of ticket_desk's experts have 20 to 120.
MAX_TOKENS = 240
#: What a repeated try is drawn with; the first takes the likeliest words.
WARMTH = 0.7


@dataclass(slots=True)
class Thinker:
    """Thinks for one desk with one model; fits agent.Think.

    prefix: transcript.prefix_text of the desk. adapter: the thinking LoRA's name, None for the base. examples: shots of
    which the `shots` nearest by their opening stand before the dialogue. room: tokens of a prompt at most; of a longer
    dialogue the oldest part is not shown. None for no limit.
    """

    model: Model
    tokenizer: Tokenizer
    prefix: str
    adapter: str | None = None
    examples: Sequence[Trajectory] = ()
    shots: int = 0
    grammar: bool = True
    room: int | None = None

    def __call__(self, turns: Sequence[Turn], attempt: int = 0) -> Thought:
        """The next thought. ValueError when what the model wrote is none; raises ModelError."""
        done = self.model.complete(
            self._prompt(turns),
            grammar=grammar(turns) if self.grammar else None,
            max_tokens=MAX_TOKENS,
            temperature=WARMTH if attempt else 0.0,
            adapter=self.adapter,
            stop=() if self.grammar else ("\nUser:", "\nObservation:"),
            seed=attempt,
        )
        return read_thought(done.text)

    def weigh(self, turns: Sequence[Turn], beginnings: Sequence[str]) -> tuple[float, ...]:
        """Log of how likely each of these is the beginning of the next thought, in nats; raises ModelError."""
        return self.model.weigh(self._prompt(turns), beginnings, adapter=self.adapter)

    def _prompt(self, turns: Sequence[Turn]) -> list[int]:
        prompt = [*opening_ids(self.tokenizer, self.prefix), *self._shown(turns)]
        return prompt + self._asked(question(turns), None if self.room is None else self.room - len(prompt))

    def _asked(self, pieces: Sequence[Piece], room: int | None) -> list[int]:
        """Ids of the pieces. Of those that do not fit the oldest are left out, a thought with what it was about."""
        ids = [self.tokenizer.encode(piece.text, add_special_tokens=False) for piece in pieces]
        while room is not None and len(ids) > 2 and sum(map(len, ids)) > room:
            ids = ids[2:]
        return [i for piece in ids for i in piece]

    def _shown(self, turns: Sequence[Turn]) -> list[int]:
        """Ids of whole dialogues of experts, the one with the nearest opening last."""
        if not self.shots:
            return []
        openings = {n: one.turns[0].text for n, one in enumerate(self.examples) if one.turns}
        near = process.extract(turns[0].text, openings, scorer=fuzz.token_set_ratio, limit=self.shots)
        return [i for _, _, n in reversed(near) for i in render(self.tokenizer, self.examples[n].turns).ids]
