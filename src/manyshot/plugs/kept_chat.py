"""A chat model whose answers are kept by the content of what was asked, so that nothing is asked or paid for twice.

One rule: an answer is another's only where model, messages, functions and seed are the same to the letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from manyshot.journal import Answers
from manyshot.oneline import storable
from manyshot.protocols import Asked, Chat, ChatReply
from manyshot.records import digest
from manyshot.types import Json, Tool


class KeptChat:
    """Fits manyshot.protocols.Chat. `who`: names the model behind `chat` and how it draws."""

    def __init__(self, chat: Chat, answers: Answers, who: str) -> None:
        self._chat, self._answers, self._who = chat, answers, who

    def reply(self, messages: Sequence[Json], tools: Sequence[Tool], *, seed: int = 0) -> ChatReply:
        """See protocols.Chat. What was refused or came too late is asked again another time."""
        key = digest([self._who, list(messages), [tool.model_dump(mode="json") for tool in tools], seed])
        if (kept := self._answers.get(key)) is not None:
            asked = tuple(Asked(*row) for row in kept["asked"])
            return ChatReply(kept["text"], asked, kept["tokens_in"], kept["tokens_out"], kept["ms"])
        made = self._chat.reply(messages, tools, seed=seed)
        made = replace(made, text=storable(made.text))  # else what was kept would be another text
        row: Json = {"text": made.text, "asked": [[one.id, one.name, one.arguments] for one in made.asked]}
        self._answers.put(key, {**row, "tokens_in": made.tokens_in, "tokens_out": made.tokens_out, "ms": made.ms})
        return made

    def close(self) -> None:
        """See protocols.Chat."""
        self._chat.close()
