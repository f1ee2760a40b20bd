"""Calls of any OpenAI-compatible endpoint: OpenAI, Zhipu, DeepSeek, vLLM, SGLang, Ollama.

The one rule: no call is repeated unseen. Rate limits, timeouts and the server's own faults are tried again and counted;
what no repetition can mend (a wrong key, an unknown model) is a ModelError at once, the rest a TeacherError.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import openai
import stamina

from manyshot.errors import ModelError, RefusedError, TeacherError
from manyshot.plugs.token_budget import TokenBudget
from manyshot.protocols import Usage

T = TypeVar("T")
#: Seconds for one call, and for one with all its repetitions.
CALL_SECONDS, WHOLE_SECONDS = 120.0, 240.0
ATTEMPTS = 5
#: The longest wait, in seconds, that an endpoint may ask for between two attempts.
_LONGEST_WAIT = 30.0
#: Tokens of a request's form beside its words, at most; no word has more tokens than bytes.
_FORM = 64
#: Answers that say: never, as long as settings and key are what they are.
_NEVER = (401, 403, 404)
#: Answers that say: not this request.
_NOT_THIS = (400, 413, 422)

# Retries are counted and reported; stamina's own lines on stderr would only say that there was one.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class Endpoint:
    """One model behind an endpoint. `where`: what settings name it, for messages. Safe to use from several threads."""

    def __init__(
        self, base_url: str, model: str, key: str, key_env: str, where: str, options: dict[str, Any],
        seconds: float = CALL_SECONDS, budget: TokenBudget | None = None,
    ) -> None:  # fmt: skip
        """seconds: for one call; twice as long for one with all its repetitions. budget: what all calls may cost."""
        self.budget, self._limit = budget, "max_tokens"
        self.base_url, self.model, self.options = base_url, model, dict(options)
        self.usage = Usage()
        self._key, self._key_env, self._where = key, key_env, where
        self._lock = threading.Lock()
        self._whole = WHOLE_SECONDS / CALL_SECONDS * seconds
        self._client = openai.OpenAI(api_key=key or "none", base_url=base_url, timeout=seconds, max_retries=0)

    def ask(self, *, most: int = 0, **request: Any) -> Any:
        """One chat completion, counted, not repeated: its first choice's message and its usage. most: tokens that its
        answer may have under a budget.

        Raises what the client raises, ValueError for bad JSON, TeacherError for what is no chat completion, BudgetError
        for a call that the budget does not hold.
        """
        answer = self._made(most, request) if self.budget else self._create(request)
        try:  # the client passes on whatever JSON came, in the form of the type it should have
            message, used = answer.choices[0].message, answer.usage
            if used:
                self.count(used.prompt_tokens, used.completion_tokens)
            assert message is not None
        except (AssertionError, AttributeError, LookupError, TypeError):
            raise TeacherError(f"{self.base_url} answered with something that is no chat completion") from None
        return message, used

    def _create(self, request: dict[str, Any]) -> Any:
        with self._lock:
            self.usage.calls += 1
        return self._client.chat.completions.create(model=self.model, **{**self.options, **request})

    def _made(self, most: int, request: dict[str, Any]) -> Any:
        """The answer to a call whose cost was held back before. Of a lost answer nobody knows what it cost: all that
        was held back counts. An error costs nothing."""
        assert self.budget is not None
        held = _FORM + len(json.dumps(request, ensure_ascii=False).encode()) + most
        self.budget.hold(held)
        spent = held
        try:
            answer = self._create({**request, self._limit: most})
            used = getattr(answer, "usage", None)
            spent = used.prompt_tokens + used.completion_tokens if used else held
        except openai.APIStatusError:
            spent = 0
            raise
        except openai.APIConnectionError as error:
            spent = 0 if _never_sent(error) else held
            raise
        finally:
            self.budget.settle(held, spent)
        return answer

    def count(self, tokens_in: int, tokens_out: int, *, kept: int = 0) -> None:
        """Add to the usage; `kept`: answers that were not asked for again."""
        with self._lock:
            self.usage.tokens_in += tokens_in
            self.usage.tokens_out += tokens_out
            self.usage.kept += kept
        if kept and self.budget:
            self.budget.settle(0, tokens_in + tokens_out)

    def without_option(self, error: openai.APIStatusError) -> bool:
        """Whether a refusal was about an option that can be left out from now on: reasoning models take no temperature,
        some endpoints no seed; the limit of an answer has two names."""
        with self._lock:
            if error.status_code == 400 and error.param == self._limit == "max_tokens":
                self._limit = "max_completion_tokens"
                self.usage.retries += 1
                return True
            if error.status_code != 400 or error.param not in self.options:
                return False
            del self.options[error.param]
            self.usage.retries += 1
        return True

    def patiently(self, call: Callable[[], T], failed: list[str] | None = None) -> T:
        """What `call` returns, tried again where that may help. `failed` is told why each earlier try failed.

        Raises ModelError, TeacherError, RefusedError.
        """
        reasons = [] if failed is None else failed

        def again(error: Exception) -> bool | float:
            if (decided := _again(error)) is not False:
                reasons.append(_reason(error))
            return decided

        try:
            for attempt in stamina.retry_context(on=again, attempts=ATTEMPTS, timeout=self._whole):
                with attempt:
                    if attempt.num > 1:
                        with self._lock:
                            self.usage.retries += 1
                            self.usage.again[reasons[-1]] = self.usage.again.get(reasons[-1], 0) + 1
                    return call()
        except openai.APIStatusError as error:
            if error.status_code in _NEVER:
                raise self.never(error) from None
            kind = RefusedError if error.status_code in _NOT_THIS else TeacherError
            raise kind(f"{self.base_url} answered {error.status_code}: {self._said(error)}") from None
        except openai.OpenAIError as error:
            raise TeacherError(f"{self.base_url}: {self._said(error)}") from error
        except ValueError:
            raise TeacherError(f"{self.base_url} answered with something that is not JSON") from None
        raise AssertionError("unreachable: the last attempt returns or raises")

    def never(self, error: openai.APIStatusError) -> ModelError:
        """The error for a refusal that settings or key must be changed for."""
        key = f"the key in {self._key_env}" if self._key_env else "whether it needs a key (key_env)"
        check = {401: key, 403: key, 404: "base_url and model"}.get(error.status_code, "model and base_url")
        return ModelError(
            f"{self._where}: wanted answers of {self.model} at {self.base_url}, got "
            f"{error.status_code} ({self._said(error)}); check {check}"
        )

    def close(self) -> None:
        self._client.close()

    def _said(self, error: openai.OpenAIError) -> str:
        """An error in a few words, never with the key in it."""
        text = " ".join(str(error).split())
        return (text.replace(self._key, "***") if self._key else text)[:200]


def hopeless(error: Exception) -> bool:
    """Whether no repetition can help."""
    return _again(error) is False


def _never_sent(error: BaseException | None) -> bool:
    """Whether a call failed because nobody listens there, by its causes: each HTTP library has a class of its own."""
    while error is not None and not isinstance(error, ConnectionRefusedError | socket.gaierror):
        error = error.__cause__ or error.__context__
    return error is not None


def _again(error: Exception) -> bool | float:
    """Whether to try again, or the seconds after which to."""
    if isinstance(error, openai.RateLimitError):
        if error.code == "insufficient_quota":  # no money left: waiting does not help
            return False
        wait = error.response.headers.get("retry-after", "")
        return min(float(wait), _LONGEST_WAIT) if wait.replace(".", "", 1).isdecimal() else True
    return isinstance(error, openai.APITimeoutError | openai.InternalServerError)


def _reason(error: Exception) -> str:
    """Why a call failed, in a word or two."""
    if isinstance(error, openai.APIStatusError):
        return str(error.status_code)
    return "timeout" if isinstance(error, openai.APITimeoutError) else type(error).__name__
