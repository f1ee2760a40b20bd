"""LangChain tools as tools: shown to the model as LangChain shows them, called with what is bound, faults told."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("langchain_core", reason="LangChain tools need manyshot[langchain]")

from manyshot.errors import SpecError, WorldError
from manyshot.plugs.tools.langchain import import_tools
from manyshot.registry.live import Live
from manyshot.registry.offers import offers
from manyshot.types import Observation
from tests.registry.files import ask, opened, written

MODULE = '''
import time
from typing import Annotated
from langchain_core.tools import InjectedToolArg, StructuredTool, ToolException, tool

@tool
def find_order(number: int, customer: Annotated[str, InjectedToolArg]) -> dict:
    """Find an order."""
    if number == 0:
        raise ToolException("there is no order 0")
    if number < 0:
        raise RuntimeError("password=hunter2")
    return {"number": number, "customer": customer, "margin": 3}

@tool
async def cancel_order(number: int, seconds: float = 0) -> str:
    """Cancel an order."""
    import asyncio
    await asyncio.sleep(seconds)
    if number < 0:
        raise RuntimeError("password=hunter2")
    return "done"

TOOLS = [find_order, cancel_order]
def later():
    return TOOLS
NOTHING = 3
'''
FILE = """
[langchain.orders]
tools = "our_orders:TOOLS"
timeout = 20
[tools.cancel_order]
timeout = 2
[tools.find_order]
reads = true
bound = ["customer"]
keep = ["number", "customer"]
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "our_orders.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("our_orders", None)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with opened(tmp_path, FILE, *offers(written(tmp_path, FILE))) as found:
        yield found


def test_tools_are_offered_without_what_is_injected(tmp_path: Path) -> None:
    found = {tool.name: tool for tool in offers(written(tmp_path, FILE))}
    assert found["find_order"].properties == {"number": {"type": "integer"}}
    assert found["find_order"].description == "Find an order."
    assert found["cancel_order"].required == ("number",)
    assert json.dumps(found["cancel_order"].parameters)


def test_calls_carry_the_customer_and_only_kept_fields_come_back(live: Live) -> None:
    assert ask(live, "find_order", customer="7", number=5).body == {"number": 5, "customer": "7"}
    assert ask(live, "cancel_order", number=5).body == {"text": "done"}
    assert ask(live, "find_order", number="five").body["field"] == "number"


def test_faults_of_a_tool_are_told_by_their_kind(live: Live) -> None:
    assert ask(live, "find_order", number=0) == Observation(status=422, body={"error": "there is no order 0"})
    assert ask(live, "find_order", number=-1) == Observation(status=500, body={"error": "the service failed"})
    with pytest.raises(WorldError, match=r"cancel_order failed \(RuntimeError\); nobody knows") as error:
        ask(live, "cancel_order", number=-1)
    assert "hunter2" not in str(error.value)
    with pytest.raises(WorldError, match=r"gave no answer in 2 s"):
        ask(live, "cancel_order", number=1, seconds=60)


def test_names_that_are_no_tools_are_said_in_one_line() -> None:
    assert set(import_tools("our_orders:later", "x")) == {"find_order", "cancel_order"}
    for where in ("our_orders:NOTHING", "our_orders:MISSING", "no_such_module:X"):
        with pytest.raises(SpecError, match=where):
            import_tools(where, "tools.toml")
