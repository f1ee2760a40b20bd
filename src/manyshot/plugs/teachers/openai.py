"""A teacher behind any OpenAI-compatible endpoint: OpenAI, Zhipu, DeepSeek, vLLM, Ollama.

The one rule: no call is repeated unseen. Rate limits, timeouts and the server's own faults are tried again and counted;
what no repetition can mend (a wrong key, an unknown model) is a ModelError at once, the rest a TeacherError.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

import openai
import stamina

from manyshot.errors import ModelError, TeacherError
from manyshot.plugs.teachers.prompts import instructions_prompt, read_answer, values_prompt
from manyshot.protocols import Lesson, Usage, Wish
from manyshot.types import Language, TeacherConfig

#: Enough for other words each time, too little for nonsense.
TEMPERATURE = 0.8
#: Seconds for one call, and for one with all its repetitions.
CALL_SECONDS, WHOLE_SECONDS = 120.0, 240.0
ATTEMPTS = 5
#: The longest wait, in seconds, that an endpoint may ask for between two attempts.
_LONGEST_WAIT = 30.0
#: Answers that say: never, as long as domain.toml and the key are what they are.
_NEVER = (401, 403, 404)

# Retries are counted and reported; stamina's own lines on stderr would only say that there was one.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class OpenAITeacher:
    """Fits manyshot.protocols.Teacher."""

    def __init__(self, config: TeacherConfig, key: str = "") -> None:
        """Connect and see whether the endpoint takes key and model. Raises ModelError; being down is no error yet."""
        self.usage = Usage()
        self._config, self._key, self._lock = config, key, threading.Lock()
        self._client = openai.OpenAI(
            api_key=key or "none", base_url=config.base_url, timeout=CALL_SECONDS, max_retries=0
        )
        self._options: dict[str, Any] = {"temperature": TEMPERATURE, "seed": 0}
        self._greet()

    def instructions(self, lessons: Sequence[Lesson], language: Language, seed: int) -> list[list[str]]:
        return self._lines(instructions_prompt(lessons, language), len(lessons), seed)

    def values(self, wishes: Sequence[Wish], language: Language, seed: int) -> list[list[str]]:
        return self._lines(values_prompt(wishes, language), len(wishes), seed)

    def _greet(self) -> None:
        """One small call. Reasoning models take no temperature, some endpoints no seed: those go without."""
        while True:
            try:
                self._call("Answer with the word ok.", 0)
            except openai.APIStatusError as error:
                if error.status_code == 400 and error.param in self._options:
                    del self._options[error.param]
                    self.usage.retries += 1
                    continue
                if _again(error) is False:
                    raise self._never(error) from None
            except (openai.OpenAIError, ValueError, TeacherError):
                pass  # the first lesson will tell
            return

    def _lines(self, prompt: str, count: int, seed: int) -> list[list[str]]:
        answer = read_answer(self._ask(prompt, seed), count)
        if not any(answer):
            raise TeacherError(f"{self._config.model} wrote no line of JSON as wanted")
        return answer

    def _ask(self, prompt: str, seed: int) -> str:
        try:
            for attempt in stamina.retry_context(on=_again, attempts=ATTEMPTS, timeout=WHOLE_SECONDS):
                with attempt:
                    if attempt.num > 1:
                        with self._lock:
                            self.usage.retries += 1
                    return self._call(prompt, seed)
        except openai.APIStatusError as error:
            if error.status_code in _NEVER:
                raise self._never(error) from None
            raise TeacherError(f"{self._config.base_url} answered {error.status_code}: {self._said(error)}") from None
        except openai.OpenAIError as error:
            raise TeacherError(f"{self._config.base_url}: {self._said(error)}") from None
        except ValueError:
            raise TeacherError(f"{self._config.base_url} answered with something that is not JSON") from None
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _call(self, prompt: str, seed: int) -> str:
        """One call of the endpoint, counted. Raises what the client raises, ValueError for bad JSON, TeacherError."""
        with self._lock:
            self.usage.calls += 1
        options = {**self._options, "seed": seed} if "seed" in self._options else self._options
        answer = self._client.chat.completions.create(
            model=self._config.model, messages=[{"role": "user", "content": prompt}], **options
        )
        try:  # the client passes on whatever JSON came, in the form of the type it should have
            text = answer.choices[0].message.content
            used = answer.usage
            with self._lock:
                self.usage.tokens_in += used.prompt_tokens if used else 0
                self.usage.tokens_out += used.completion_tokens if used else 0
        except (AttributeError, LookupError, TypeError):
            raise TeacherError(f"{self._config.base_url} answered with something that is no chat completion") from None
        return text if isinstance(text, str) else ""

    def _never(self, error: openai.APIStatusError) -> ModelError:
        key = f"the key in {self._config.key_env}" if self._config.key_env else "whether it needs a key (key_env)"
        check = {401: key, 403: key, 404: "base_url and model"}.get(error.status_code, "model and base_url")
        return ModelError(
            f"domain.toml [teacher]: wanted answers of {self._config.model} at {self._config.base_url}, got "
            f"{error.status_code} ({self._said(error)}); check {check}"
        )

    def _said(self, error: openai.OpenAIError) -> str:
        """An error in a few words, never with the key in it."""
        text = " ".join(str(error).split())
        return (text.replace(self._key, "***") if self._key else text)[:200]


def _again(error: Exception) -> bool | float:
    """Whether to try again, or the seconds after which to."""
    if isinstance(error, openai.RateLimitError):
        if error.code == "insufficient_quota":  # no money left: waiting does not help
            return False
        wait = error.response.headers.get("retry-after", "")
        return min(float(wait), _LONGEST_WAIT) if wait.replace(".", "", 1).isdecimal() else True
    return isinstance(error, openai.APITimeoutError | openai.InternalServerError)
