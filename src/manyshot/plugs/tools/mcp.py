"""Tools of an MCP server, started as a program (stdio) or at an address (streamable HTTP).

The one rule: a server is asked by this process only for what a route names, and what it answers is data. It may ask
nothing back: no sampling, no files, no questions to the customer.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import mcp_types
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from manyshot.errors import WorldError
from manyshot.plugs.tools.background import Background
from manyshot.plugs.tools.tokens import fixed_headers, secrets_of
from manyshot.registry.answers import SHORTEST_SECRET, UnreadableError, let_through, plain, said, too_long
from manyshot.registry.routes import Made, McpServer, Route
from manyshot.types import Json, Observation, Tool
from manyshot.world.answers import refused

#: Seconds to start a server and shake hands, and to list its tools.
START = 60.0
#: Pages of tools that are listed; a server that never ends is broken.
PAGES = 50
#: Errors of the protocol -> what a model is told.
_STATUS = {mcp_types.INVALID_PARAMS: 422, mcp_types.METHOD_NOT_FOUND: 404}
#: Words of the library for a session that the server does not know any more; such a call was not begun.
_FORGOTTEN = "Session terminated"
#: Seconds in which a server that did not start is not started again.
PAUSE = 5.0


class McpTools:
    """Fits registry.routes.Backend. The server is started with the first call, and again when it is gone."""

    def __init__(self, server: McpServer, background: Background, folder: Path) -> None:
        """folder: where a command's relative paths begin."""
        self._server, self._background, self._folder = server, background, folder
        self._lock = asyncio.Lock()
        self._client: Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._failed_at = -PAUSE
        found = (*secrets_of(server.auth), *(one.get_secret_value() for one in server.env.values()))
        self._secrets = [one for one in found if len(one) >= SHORTEST_SECRET]

    def __repr__(self) -> str:
        return f"McpTools({self._server.name})"

    def send(self, route: Route, made: Made, key: str) -> Observation:  # noqa: ARG002
        """See registry.routes.Backend. MCP knows no idempotency keys, so `key` is not sent."""
        return self._background.run(self._send(route, made), START + 2 * route.timeout + 10)

    def tools(self) -> list[Tool]:
        """All tools of the server, as it describes them. Raises WorldError when it cannot be asked."""
        return self._background.run(self._list(), 2 * START + 10)

    def close(self) -> None:
        """End the connection; a server that was started ends, too."""
        if not self._background.loop.is_closed():
            self._background.run(self._end(), 15)

    # -- in the loop

    async def _send(self, route: Route, made: Made) -> Observation:
        try:
            client = await self._connected()
        except WorldError:
            return refused(503, "the service cannot be reached")
        arguments: Json = made.body or {}
        try:
            async with asyncio.timeout(route.timeout):
                result = await client.call_tool(route.operation, arguments, read_timeout_seconds=route.timeout)
        except (TimeoutError, MCPError) as error:
            return await self._failed(route, error)
        except Exception as error:  # whatever a transport raises when its server goes away
            await self._end()
            return self._unknown(route, f"broke off ({type(error).__name__})", 502)
        return self._read(route, result)

    async def _failed(self, route: Route, error: TimeoutError | MCPError) -> Observation:
        code = error.code if isinstance(error, MCPError) else mcp_types.REQUEST_TIMEOUT
        if code == mcp_types.REQUEST_TIMEOUT:
            return self._unknown(route, f"gave no answer in {route.timeout:g} s", 0)
        if code in _STATUS:
            words, name = said(self._plain(str(error)))
            return refused(_STATUS[code], words or "the call was refused", name)
        if code != mcp_types.INTERNAL_ERROR:  # a server's own fault in one call is none of the connection
            await self._end()
        if str(error) == _FORGOTTEN:
            return refused(503, "the service was started anew; try again")
        return self._unknown(route, "broke off", 502)

    def _unknown(self, route: Route, why: str, status: int) -> Observation:
        """Nobody knows what became of the call."""
        if not route.reads:
            raise WorldError(f"{route.tool}: {self._server.name} {why}; nobody knows whether it was carried out")
        return Observation(status=0) if status == 0 else refused(status, "the service broke off its answer")

    def _read(self, route: Route, result: Any) -> Observation:
        value: Any = result.structured_content
        texts = [one.text for one in result.content if isinstance(one, mcp_types.TextContent)]
        if sum(map(len, texts)) > route.max_bytes:
            return too_long(route)
        if result.is_error:
            words, name = said(self._plain(_value("\n".join(texts))))
            return refused(422, words or "the call was refused", name)
        if value is None:
            value = _value("\n".join(texts))
            value = value if isinstance(value, dict | list) else {"text": value} if value else {}
        elif set(value) == {"result"}:
            value = value["result"] if isinstance(value["result"], dict | list) else value
        try:
            if len(json.dumps(value, ensure_ascii=False)) > route.max_bytes:
                return too_long(route)
            return Observation(body=let_through(plain(value, self._secrets), route))
        except (UnreadableError, ValueError, RecursionError):
            return self._unknown(route, "gave an answer that cannot be read", 502)

    def _plain(self, value: Any) -> Any:
        try:
            return plain(value, self._secrets)
        except UnreadableError:
            return ""

    async def _list(self) -> list[Tool]:
        client, cursor = await self._connected(), None
        found: list[Tool] = []
        try:
            async with asyncio.timeout(START):
                for _ in range(PAGES):
                    page = await client.list_tools(cursor=cursor)
                    found += [
                        Tool(name=t.name, description=t.description or "", parameters=dict(t.input_schema))
                        for t in page.tools
                    ]
                    cursor = page.next_cursor
                    if cursor is None:
                        return found
        except (TimeoutError, MCPError) as error:
            raise WorldError(f"{self._server.name}: does not list its tools ({type(error).__name__})") from None
        raise WorldError(f"{self._server.name}: lists tools without end")

    async def _connected(self) -> Client:
        """The client, connected by a task that also ends it: its scopes must be left where they were entered."""
        async with self._lock:
            if self._client is not None:
                return self._client
            if time.monotonic() - self._failed_at < PAUSE:
                raise WorldError(f"{self._server.name}: did not start just now")
            ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
            self._stop = asyncio.Event()
            self._task = asyncio.create_task(self._stay(ready, self._stop))
            try:
                async with asyncio.timeout(START):
                    self._client = await ready
            except Exception as error:
                self._failed_at = time.monotonic()
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
                why = "does not start" if self._server.command else "cannot be reached"
                raise WorldError(f"{self._server.name}: {why} ({type(_first(error)).__name__})") from None
            return self._client

    async def _stay(self, ready: asyncio.Future[Client], stop: asyncio.Event) -> None:
        try:
            async with self._transport() as transport, Client(transport) as client:
                ready.set_result(client)
                await stop.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error if isinstance(error, Exception) else WorldError("ended"))
            elif not isinstance(error, Exception):
                raise
        finally:
            if self._stop is stop:
                self._client = None

    @asynccontextmanager
    async def _transport(self) -> AsyncIterator[Any]:
        server = self._server
        if server.command:
            env = {name: value.get_secret_value() for name, value in server.env.items()}
            program, *words = server.command
            parameters = StdioServerParameters(command=program, args=words, env=env, cwd=self._folder)
            # A server's own words on stderr may hold anything, so they are shown to nobody.
            with open(os.devnull, "w") as silent:
                yield stdio_client(parameters, errlog=silent)
            return
        times = httpx2.Timeout(30.0, read=300.0)
        async with httpx2.AsyncClient(headers=fixed_headers(server.auth), timeout=times, trust_env=False) as client:
            yield streamable_http_client(server.url, http_client=client)

    async def _end(self) -> None:
        self._client = None
        self._stop.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=10)


def _value(text: str) -> Any:
    """What a text holds, where it is JSON; else the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error


__all__ = ["McpTools"]
