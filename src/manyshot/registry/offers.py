"""What the sources of a registry file offer, as tools for a domain."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from manyshot.errors import SpecError, WorldError
from manyshot.plugs.tools.background import Background
from manyshot.registry.live import open_source
from manyshot.registry.load import read_registry
from manyshot.registry.routes import Api, Source
from manyshot.spec.faults import Findings, near
from manyshot.spec.flatten import flatten, local_resolver
from manyshot.spec.schemas import check_schema
from manyshot.spec.tools import name_problem
from manyshot.types import Json, Tool


def offers(file: Path, only: str = "") -> list[Tool]:
    """The tools of all sources, or of one, each with a plain schema. Servers are started for it, and ended.

    Raises SpecError for faults in the file, for a source that does not answer, and for a name that two of them have.
    """
    findings = Findings()
    registry = read_registry(file, None, findings)
    if findings.faults:
        raise SpecError(sorted(findings.faults)[0].within(file.parent))
    if only and only not in registry.sources:
        raise SpecError(f"--source {only}: there is none of this name in {file}; {near(only, registry.sources)}")
    background = Background()
    found: dict[str, Tool] = {}
    try:
        for name, source in registry.sources.items():
            if only in ("", name):
                for tool in _offered(source, registry.described.get(name, ()), background, file):
                    if tool.name in found:
                        raise SpecError(f"{file}: two sources offer {tool.name}; take one after the other by --source")
                    found[tool.name] = tool
    finally:
        background.close()
    return list(found.values())


def _offered(source: Source, described: tuple[Tool, ...], background: Background, file: Path) -> list[Tool]:
    if isinstance(source, Api):
        return list(described)
    backend = open_source(source, background, file)
    try:
        listed = cast(list[Tool], backend.tools())  # type: ignore[attr-defined]
    except WorldError as error:
        raise SpecError(f"{file}: {error}; start it, or correct how it is reached") from None
    finally:
        backend.close()
    return [_plain(tool, f"{file}: {source.name} offers {tool.name!r}") for tool in listed]


def _plain(tool: Tool, where: str) -> Tool:
    """The tool in the form that domains have; SpecError where there is none."""
    if problem := name_problem(tool.name):
        raise SpecError(f"{where}: {problem}")
    problems = list(check_schema(tool.parameters))
    if problems:
        raise SpecError(f"{where}: {'/'.join(map(str, problems[0][0]))}: {problems[0][1]}")
    schema: Json = flatten(tool.parameters, local_resolver(tool.parameters))
    kept = {key: value for key, value in schema.items() if key not in ("$defs", "$schema", "definitions", "title")}
    return tool.model_copy(update={"parameters": {"type": "object", "properties": {}, **kept}})
