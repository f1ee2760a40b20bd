"""The thinking model's prompt and answer, on a scripted model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from manyshot.plugs.models.scripted import ByteTokenizer, Scripted
from manyshot.protocols import Completion
from manyshot.render import opening_ids
from manyshot.thinker import Thinker
from manyshot.transcript import Thought, question_ids, render, turns_of
from manyshot.types import Trajectory, Turn

PREFIX = "You are a service assistant.\n"
HELLO = [Turn(role="user", text="A table for 12 October, number AB12345")]
ANSWER = Thought("Who comes?", "Ask for the name.", "reply", "What name, please?")


class Watched(Scripted):
    """Keeps the last prompt and how it was asked."""

    def __init__(self, answer: str) -> None:
        super().__init__(lambda *_: answer)
        self.prompt: list[int] = []
        self.how: dict[str, object] = {}

    def complete(self, prompt: str | Sequence[int], **how: Any) -> Completion:
        assert not isinstance(prompt, str)
        self.prompt, self.how = list(prompt), how
        return super().complete(prompt, **how)


WRITTEN = " Who comes?\nAction: Ask for the name.\nReply: What name, please?\n"


def test_the_prompt_is_the_transcripts_and_the_answer_a_thought() -> None:
    model, tokenizer = Watched(WRITTEN), ByteTokenizer()
    think = Thinker(model, tokenizer, PREFIX, adapter="thinking")
    assert think(HELLO) == ANSWER
    assert model.prompt == [*opening_ids(tokenizer, PREFIX), *question_ids(tokenizer, HELLO)]
    assert model.how["adapter"] == "thinking"
    assert '"AB12345"' in str(model.how["grammar"])


def test_the_first_try_takes_no_chances_and_others_differ() -> None:
    model = Watched(WRITTEN)
    think = Thinker(model, ByteTokenizer(), PREFIX)
    asked = []
    for attempt in range(3):
        think(HELLO, attempt)
        asked.append((model.how["temperature"], model.how["seed"]))
    assert asked[0][0] == 0.0
    assert all(isinstance(warmth, float) and warmth > 0 for warmth, _ in asked[1:])
    assert len({seed for _, seed in asked}) == 3


def test_what_is_no_thought_is_refused() -> None:
    with pytest.raises(ValueError, match="wanted"):
        Thinker(Watched(" I would ask for the name"), ByteTokenizer(), PREFIX)(HELLO)


def test_the_nearest_examples_stand_before_the_dialogue() -> None:
    def shot(name: str, opening: str) -> Trajectory:
        return Trajectory(id=name, turns=(Turn(role="user", text=opening), *turns_of(ANSWER)))

    near, far = shot("near", "A table for 13 October"), shot("far", "My bill is wrong")
    model, tokenizer = Watched(WRITTEN), ByteTokenizer()
    Thinker(model, tokenizer, PREFIX, examples=[near, far], shots=1)(HELLO)
    shown = render(tokenizer, near.turns).ids
    assert model.prompt == [*opening_ids(tokenizer, PREFIX), *shown, *question_ids(tokenizer, HELLO)]


def test_a_dialogue_too_long_for_the_model_loses_its_oldest_part() -> None:
    turns: list[Turn] = []
    for n in range(9):
        turns += [Turn(role="user", text=f"message {n}"), *turns_of(ANSWER)]
    turns.append(Turn(role="user", text="and now?"))
    model, tokenizer = Watched(WRITTEN), ByteTokenizer()
    Thinker(model, tokenizer, PREFIX, room=400)(turns)
    assert len(model.prompt) <= 400
    text = tokenizer.decode(model.prompt)
    assert text.startswith(f"{PREFIX}User: message")
    assert "message 0" not in text
    assert text.endswith("User: and now?\nThink:")
