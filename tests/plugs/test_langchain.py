"""ChatManyshot against a real service: with an agent, alone, as a stream and async."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

pytest.importorskip("langchain_openai", reason="the plug needs manyshot[langchain]")

from manyshot.plugs.langchain import ChatManyshot
from tests.service.conftest import home, hotel
from tests.service.hotel import House

__all__ = ["home", "hotel"]


@pytest.fixture
def model(home: str) -> ChatManyshot:
    clients: Any = {
        "http_client": httpx.Client(trust_env=False),
        "http_async_client": httpx.AsyncClient(trust_env=False),
    }
    return ChatManyshot(model="hotel", base_url=f"{home}/v1", customer="42", max_retries=0, **clients)


def test_an_agent_makes_the_calls_and_is_answered(model: ChatManyshot, hotel: House) -> None:
    from langchain.agents import create_agent
    from langchain_core.tools import tool

    made: list[int] = []

    @tool
    def Make(a: int) -> str:
        """Make a ticket."""
        made.append(a)
        return '{"ticketId": "X7654321"}'

    agent: Any = create_agent(model, [Make])
    said = agent.invoke({"messages": [("user", 'Make{"a":5}')]})["messages"]
    assert [type(one).__name__ for one in said] == ["HumanMessage", "AIMessage", "ToolMessage", "AIMessage"]
    assert said[-1].content == 'It is done: {"ticketId": "X7654321"}'
    assert made == [5]
    assert hotel.tools.calls == []


def test_without_tools_the_assistant_makes_them_as_a_stream_and_async(model: ChatManyshot, hotel: House) -> None:
    said: list[Any] = [("user", 'Make{"a":1}')]
    text = "".join(str(chunk.content) for chunk in model.stream(said))
    assert text == 'It is done: {"ticketId": "T20241000", "status": "open"}'
    answer = asyncio.run(model.ainvoke([*said, ("assistant", text), ("user", "hello")]))
    assert answer.content == "You said: hello"
    assert [customer for _, customer, _ in hotel.tools.calls] == ["42"]
