"""A chat model behind any OpenAI-compatible endpoint, with functions to call (see plugs.endpoint).

The one rule: an endpoint that is down is no wrong answer. It stops the work, and what was answered is kept.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import openai

from manyshot.errors import ModelError, RefusedError, SlowError, TeacherError
from manyshot.plugs.endpoint import CALL_SECONDS, Endpoint
from manyshot.protocols import Asked, ChatReply, Usage
from manyshot.types import Json, Tool


class OpenAIChat:
    """Fits manyshot.protocols.Chat. Answers are as repeatable as the endpoint lets them be (temperature 0, a seed)."""

    def __init__(
        self, base_url: str, model: str, key: str = "", key_env: str = "", where: str = "", *,
        temperature: float = 0.0, seconds: float = CALL_SECONDS,
    ) -> None:  # fmt: skip
        """Nothing is asked yet. `key_env`: the name of the key, `where`: what named the endpoint; for messages.

        seconds: that one call may take.
        """
        options = {"temperature": temperature, "seed": 0}
        self._there = Endpoint(base_url, model, key, key_env, where or base_url, options, seconds)

    @property
    def usage(self) -> Usage:
        return self._there.usage

    def reply(self, messages: Sequence[Json], tools: Sequence[Tool], *, seed: int = 0) -> ChatReply:
        """See protocols.Chat."""
        request: Json = {"messages": list(messages)}
        if seed:
            request["seed"] = seed
        if tools:
            request["tools"] = [{"type": "function", "function": _function(tool)} for tool in tools]
        try:
            return self._there.patiently(lambda: self._once(request))
        except RefusedError:
            raise
        except TeacherError as error:
            if isinstance(error.__cause__, openai.APITimeoutError):
                raise SlowError(f"{error}; what was answered is kept, the same command goes on") from None
            raise ModelError(f"{error}; what was answered is kept, the same command goes on") from None

    def close(self) -> None:
        self._there.close()

    def _once(self, request: Json) -> ChatReply:
        while True:
            began = time.perf_counter()
            try:
                if "seed" not in self._there.options:
                    request.pop("seed", None)
                message, used = self._there.ask(**request)
            except openai.APIStatusError as error:
                if self._there.without_option(error):
                    continue
                raise
            ms = round((time.perf_counter() - began) * 1000, 1)
            text = getattr(message, "content", None)
            return ChatReply(
                text if isinstance(text, str) else "",
                tuple(_asked(call) for call in getattr(message, "tool_calls", None) or ()),
                used.prompt_tokens if used else 0,
                used.completion_tokens if used else 0,
                ms,
            )


def _function(tool: Tool) -> Json:
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def _asked(call: Any) -> Asked:
    function = getattr(call, "function", None)
    name, arguments = getattr(function, "name", None), getattr(function, "arguments", None)
    return Asked(str(getattr(call, "id", "") or ""), str(name or ""), arguments if isinstance(arguments, str) else "")
