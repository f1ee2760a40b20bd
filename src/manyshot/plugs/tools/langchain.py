"""LangChain tools as tools: any BaseTool -> a Tool, and its calls.

The one rule: what a tool raises is told by its kind; only a ToolException's words are meant for a model.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Iterable
from typing import Any

from langchain_core.tools import BaseTool, ToolException
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ValidationError

from manyshot.errors import SpecError, WorldError
from manyshot.plugs.tools.background import Background
from manyshot.registry.answers import UnreadableError, let_through, plain, said, too_long
from manyshot.registry.routes import Made, Route
from manyshot.types import Observation, Tool
from manyshot.world.answers import refused


def tool_of(tool: BaseTool) -> Tool:
    """A Tool with the name, description and parameters that LangChain shows a model (injected ones are not shown)."""
    function = convert_to_openai_tool(tool)["function"]
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    return Tool(name=function["name"], description=function.get("description", ""), parameters=parameters)


def import_tools(where: str, wanted_by: str) -> dict[str, BaseTool]:
    """The tools that "package.module:NAME" names: one, a list of them, or a function that returns them. This runs the
    module. Raises SpecError."""
    module, _, name = where.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SpecError(f"{wanted_by}: tools {where}: cannot be imported ({error})") from None
    if callable(found) and not isinstance(found, BaseTool):
        found = found()
    tools = [found] if isinstance(found, BaseTool) else list(found) if isinstance(found, Iterable) else []
    if not tools or not all(isinstance(one, BaseTool) for one in tools):
        raise SpecError(
            f"{wanted_by}: tools {where}: wanted a BaseTool or a list of them, found {type(found).__name__}"
        )
    return {one.name: one for one in tools}


class LangChainBackend:
    """Fits registry.routes.Backend."""

    def __init__(self, tools: dict[str, BaseTool], background: Background) -> None:
        self._tools, self._background = tools, background

    def tools(self) -> list[Tool]:
        return [tool_of(one) for one in self._tools.values()]

    def close(self) -> None:
        """Nothing is held open."""

    def send(self, route: Route, made: Made, key: str) -> Observation:  # noqa: ARG002
        """See registry.routes.Backend. Such tools know no idempotency keys, so `key` is not sent."""
        tool = self._tools.get(route.operation)
        if tool is None:
            return refused(404, f"there is no {route.operation}")
        return self._background.run(self._send(tool, route, made), 2 * route.timeout + 5)

    async def _send(self, tool: BaseTool, route: Route, made: Made) -> Observation:
        try:
            async with asyncio.timeout(route.timeout):
                value = await tool.ainvoke(made.body or {})
        except ValidationError as error:
            if error.title != getattr(tool.args_schema, "__name__", ""):
                return _unknown(route, "failed (ValidationError)", 500)  # not of the arguments: it had begun
            first = error.errors(include_url=False, include_input=False)[0]
            return refused(422, first["msg"].lower(), ".".join(map(str, first["loc"])))
        except ToolException as error:
            words, name = said(plain(str(error)))
            return refused(422, words or "the call was refused", name)
        except TimeoutError:
            return _unknown(route, f"gave no answer in {route.timeout:g} s", 0)
        except Exception as error:  # anything may come out of somebody's tool
            return _unknown(route, f"failed ({type(error).__name__})", 500)
        return _read(route, value)


def _unknown(route: Route, why: str, status: int) -> Observation:
    """Nobody knows what became of the call."""
    if not route.reads:
        raise WorldError(f"{route.tool}: {route.operation} {why}; nobody knows whether it was carried out")
    return Observation(status=0) if status == 0 else refused(status, "the service failed")


def _read(route: Route, value: Any) -> Observation:
    if isinstance(value, str):
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            read = None
        value = read if isinstance(read, dict | list) else {"text": value}
    try:
        text = json.dumps(value, ensure_ascii=False, default=str, allow_nan=False)
        if len(text) > route.max_bytes:
            return too_long(route)
        shown = let_through(plain(json.loads(text)), route)
    except (UnreadableError, ValueError, TypeError, RecursionError):
        return _unknown(route, "gave an answer that cannot be read", 502)
    return Observation(body=shown if shown is not None else {})
