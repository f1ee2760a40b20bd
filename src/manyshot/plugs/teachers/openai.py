"""A teacher behind any OpenAI-compatible endpoint (manyshot.plugs.endpoint says which calls are made again).

The one rule: nothing is taken but lines in the form that was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import openai

from manyshot.errors import GarbledError, TeacherError
from manyshot.journal import Answers
from manyshot.plugs.endpoint import Endpoint, hopeless
from manyshot.plugs.teachers.prompts import dialogue_prompt, instructions_prompt, read_answer, values_prompt
from manyshot.plugs.token_budget import TokenBudget
from manyshot.protocols import Lesson, Script, Usage, Wish
from manyshot.records import digest
from manyshot.types import Language, TeacherConfig

#: Enough for other words each time, too little for nonsense.
TEMPERATURE = 0.8
#: Tokens of an answer under a budget, at most: to a greeting, to what is not measured by its lines, and what an answer
#: may have beside its lines and for each.
_GREETING, _ANSWER, _BESIDE, _LINE = 16, 4096, 512, 40


class OpenAITeacher:
    """Fits manyshot.protocols.Teacher."""

    def __init__(
        self, config: TeacherConfig, key: str = "", answers: Answers | None = None, budget: int | None = None
    ) -> None:
        """Connect and see whether the endpoint takes key and model. Raises ModelError; being down is no error yet.

        answers: kept ones, which are not asked for again. budget: tokens that all of it may cost, kept answers too; no
        call is made that might cost more than is left.
        """
        self._answers = answers
        self._there = Endpoint(
            config.base_url, config.model, key, config.key_env, "domain.toml [teacher]",
            {"temperature": TEMPERATURE, "seed": 0}, budget=None if budget is None else TokenBudget(budget),
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
                self._call("Answer with the word ok.", 0, _GREETING)
            except openai.APIStatusError as error:
                if self._there.without_option(error):
                    continue
                if hopeless(error):
                    raise self._there.never(error) from None
            except (openai.OpenAIError, ValueError, TeacherError):
                pass  # the first lesson will tell
            return

    def dialogue(self, script: Script, language: Language, seed: int) -> list[str]:
        prompt, numbers = dialogue_prompt(script, language)
        most = _BESIDE + sum(_LINE + 2 * len(line.text) for line in script.lines if line.open)
        found = self._lines(prompt, len(script.lines), seed, most)
        return [found[n - 1][0] if found[n - 1] else "" for n in numbers]

    def _lines(self, prompt: str, count: int, seed: int, most: int = _ANSWER) -> list[list[str]]:
        text = self._answer(prompt, seed, most)
        answer = read_answer(text, count)
        if not any(answer):
            raise GarbledError(
                f"{self._there.model} wrote no line of JSON as wanted, but: {' '.join(text.split())[:80]}"
            )
        return answer

    def _answer(self, prompt: str, seed: int, most: int) -> str:
        """The text behind a prompt: the kept one, else a new one, which is kept with what it cost."""
        key = digest([self._there.base_url, self._there.model, prompt, seed])
        if self._answers is not None and (kept := self._answers.get(key)) is not None:
            self._there.count(kept["tokens_in"], kept["tokens_out"], kept=1)
            return str(kept["text"])
        failed: list[str] = []
        text, tokens_in, tokens_out = self._there.patiently(lambda: self._call(prompt, seed, most), failed)
        if self._answers is not None:
            self._answers.put(
                key, {"text": text, "tokens_in": tokens_in, "tokens_out": tokens_out, "made_again_for": failed}
            )
        return text

    def _call(self, prompt: str, seed: int, most: int) -> tuple[str, int, int]:
        seeded = {"seed": seed} if "seed" in self._there.options else {}
        message, used = self._there.ask(most=most, messages=[{"role": "user", "content": prompt}], **seeded)
        text = getattr(message, "content", None)
        tokens = (used.prompt_tokens, used.completion_tokens) if used else (0, 0)
        return (text if isinstance(text, str) else "", *tokens)
