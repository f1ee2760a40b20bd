"""Registry files for tests, and the tools that they open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manyshot.registry.live import Live, open_live
from manyshot.registry.load import Registry, read_registry
from manyshot.spec.faults import Findings
from manyshot.types import Call, Observation, Tool

TEXT = {"type": "string"}


def tool(called: str, required: Sequence[str] = (), /, **properties: Any) -> Tool:
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return Tool(name=called, parameters=schema)


def written(folder: Path, text: str) -> Path:
    file = folder / "tools.toml"
    file.write_text(text, "utf-8")
    return file


def read(folder: Path, text: str, tools: Sequence[Tool] | None = None) -> tuple[Registry, list[str]]:
    """The registry and its faults as lines."""
    findings = Findings()
    found = read_registry(written(folder, text), tools, findings)
    return found, [str(fault) for fault in sorted(findings.faults)]


@contextmanager
def opened(folder: Path, text: str, *tools: Tool) -> Iterator[Live]:
    live = open_live(written(folder, text), tools)
    try:
        yield live
    finally:
        live.close()


def ask(live: Live, called: str, /, customer: str = "1", key: str = "k1", **arguments: Any) -> Observation:
    return live.call(Call(name=called, arguments=arguments), customer=customer, key=key)
