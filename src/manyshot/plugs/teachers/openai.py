"""A teacher behind any OpenAI-compatible endpoint (manyshot.plugs.endpoint says which calls are made again).

The one rule: nothing is taken but lines in the form that was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import openai

from manyshot.errors import TeacherError
from manyshot.plugs.endpoint import Endpoint, hopeless
from manyshot.plugs.teachers.prompts import instructions_prompt, read_answer, values_prompt
from manyshot.protocols import Lesson, Usage, Wish
from manyshot.types import Language, TeacherConfig

#: Enough for other words each time, too little for nonsense.
TEMPERATURE = 0.8


class OpenAITeacher:
    """Fits manyshot.protocols.Teacher."""

    def __init__(self, config: TeacherConfig, key: str = "") -> None:
        """Connect and see whether the endpoint takes key and model. Raises ModelError; being down is no error yet."""
        self._there = Endpoint(
            config.base_url, config.model, key, config.key_env, "domain.toml [teacher]",
            {"temperature": TEMPERATURE, "seed": 0},
        )  # fmt: skip
        self._greet()

    @property
    def usage(self) -> Usage:
        return self._there.usage

    def instructions(self, lessons: Sequence[Lesson], language: Language, seed: int) -> list[list[str]]:
        return self._lines(instructions_prompt(lessons, language), len(lessons), seed)

    def values(self, wishes: Sequence[Wish], language: Language, seed: int) -> list[list[str]]:
        return self._lines(values_prompt(wishes, language), len(wishes), seed)

    def _greet(self) -> None:
        """One small call, again without the options that the endpoint does not take."""
        while True:
            try:
                self._call("Answer with the word ok.", 0)
            except openai.APIStatusError as error:
                if self._there.without_option(error):
                    continue
                if hopeless(error):
                    raise self._there.never(error) from None
            except (openai.OpenAIError, ValueError, TeacherError):
                pass  # the first lesson will tell
            return

    def _lines(self, prompt: str, count: int, seed: int) -> list[list[str]]:
        answer = read_answer(self._there.patiently(lambda: self._call(prompt, seed)), count)
        if not any(answer):
            raise TeacherError(f"{self._there.model} wrote no line of JSON as wanted")
        return answer

    def _call(self, prompt: str, seed: int) -> str:
        seeded = {"seed": seed} if "seed" in self._there.options else {}
        message, _ = self._there.ask(messages=[{"role": "user", "content": prompt}], **seeded)
        text = getattr(message, "content", None)
        return text if isinstance(text, str) else ""
