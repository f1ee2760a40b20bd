"""A run's assistant as a chat model of LangChain, over `manyshot serve`.

    from manyshot.plugs.langchain import ChatManyshot

    model = ChatManyshot(model="my_run", base_url="http://127.0.0.1:8080/v1", customer="42")

With tools bound (`bind_tools`, an agent) the caller makes the calls; without, the assistant makes them itself. It
streams, and works async, as LangChain has that. Needs the extra `langchain`. The one rule: it is LangChain's own OpenAI
model, only its defaults are ours.
"""

from __future__ import annotations

from typing import Any

from langchain_openai import ChatOpenAI
from pydantic import SecretStr

#: Where `manyshot serve` listens when nobody says otherwise.
HERE = "http://127.0.0.1:8080/v1"


class ChatManyshot(ChatOpenAI):  # type: ignore[misc]
    """Fits LangChain's BaseChatModel. Replies must come back as they were: a conversation is found by them."""

    def __init__(
        self, *, model: str, base_url: str = HERE, api_key: str = "none", customer: str = "", **more: Any
    ) -> None:
        """model: as /v1/models names it; customer: for whom the calls are made; more: as ChatOpenAI has it."""
        whose = {"user": customer} if customer else {}
        super().__init__(
            model=model,
            base_url=base_url,
            api_key=SecretStr(api_key),
            use_responses_api=False,
            model_kwargs={**more.pop("model_kwargs", {}), **whose},
            **more,
        )

    @property
    def _llm_type(self) -> str:
        return "manyshot"
