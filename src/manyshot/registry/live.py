"""The tools of a domain, live: each call by its route, through the source that it belongs to.

One rule: whatever a source does, the model gets an Observation without secrets, or the caller a WorldError that names
the tool and no value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from manyshot.errors import SpecError
from manyshot.oneline import show
from manyshot.registry.load import load_registry
from manyshot.registry.request import make
from manyshot.registry.routes import Api, Backend, Consent, LangChainTools, McpServer, Route, Source
from manyshot.types import Call, Observation, Tool
from manyshot.world.answers import refused

_KEY = re.compile(r"[!-~]{1,200}")


class Live:
    """Fits protocols.LiveTools."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        backends: Mapping[str, Backend],
        close: Callable[[], None],
        declines: Collection[str] = (),
    ) -> None:
        """declines: tools that only say no to the customer, for which nobody is asked."""
        self._routes, self._backends, self._close, self._declines = routes, backends, close, frozenset(declines)

    def call(self, call: Call, *, customer: str, key: str) -> Observation:
        """See protocols.LiveTools."""
        route = self._routes.get(call.name)
        if route is None:
            return (
                Observation(body={"ok": True})
                if call.name in self._declines
                else refused(404, f"there is no {show(call.name)}")
            )
        made = make(route, call, customer)
        if isinstance(made, Observation):
            return made
        return self._backends[route.source].send(route, made, _usable(key))

    def repeatable(self, call: Call) -> bool:
        """See protocols.LiveTools. A call of no known tool does nothing, so it may be made again."""
        route = self._routes.get(call.name)
        return route is None or route.repeatable

    def consent(self, call: Call) -> Consent:
        """See protocols.LiveTools."""
        route = self._routes.get(call.name)
        return route.consent if route is not None else ""

    def close(self) -> None:
        for backend in self._backends.values():
            backend.close()
        self._close()


def _usable(key: str) -> str:
    """A key that fits into a header; the same for the same."""
    return key if not key or _KEY.fullmatch(key) else sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def open_live(file: Path, tools: Sequence[Tool]) -> Live:
    """The tools of a domain as a registry file reaches them. Raises SpecError: a fault in the file, a variable that is
    not set, a tool without a call, a package that is missing. Nothing is asked yet."""
    from manyshot.plugs.tools.background import Background

    registry = load_registry(file, tools)
    used = {route.source for route in registry.routes.values()}
    background = Background()
    backends: dict[str, Backend] = {}
    try:
        for name in sorted(used):
            backends[name] = open_source(registry.sources[name], background, file)
    except BaseException:
        for backend in backends.values():
            backend.close()
        background.close()
        raise
    return Live(registry.routes, backends, background.close, registry.declines)


def open_source(source: Source, background: object, file: Path) -> Backend:
    """What makes the calls of a source. Raises SpecError."""
    from manyshot.plugs.tools.background import Background

    assert isinstance(background, Background)
    try:
        match source:
            case Api():
                from manyshot.plugs.tools.http import HttpApi

                return HttpApi(source, background)
            case McpServer():
                from manyshot.plugs.tools.mcp import McpTools

                return McpTools(source, background, file.parent)
            case LangChainTools():
                from manyshot.plugs.tools.langchain import LangChainBackend, import_tools

                return LangChainBackend(import_tools(source.where, f"{file}: [langchain.{source.name}]"), background)
    except ModuleNotFoundError as error:
        extra = {"Api": "serve", "McpServer": "mcp", "LangChainTools": "langchain"}[type(source).__name__]
        raise SpecError(
            f"{file}: {source.name} needs the package {error.name}; pip install 'manyshot[{extra}]'"
        ) from None
