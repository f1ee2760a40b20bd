"""tools.json -> Tools. The one rule: a Tool that leaves here has a name of its own and a plain, valid schema."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from manyshot.errors import SpecError
from manyshot.spec.documents import Document, check_keys, read_json
from manyshot.spec.faults import Findings, kind, show
from manyshot.spec.flatten import flatten, local_resolver
from manyshot.spec.schemas import check_schema, suspect
from manyshot.types import NO_TOOL, Json, Tool

FILE = "tools.json"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NOTHING: Json = {"type": "object", "properties": {}}


def read_tools(folder: Path, findings: Findings) -> tuple[list[Tool], dict[str, int]]:
    """The sound tools of tools.json, and the line of each name; faults go into `findings`."""
    document = read_json(folder, FILE, findings)
    if document is None:
        return [], {}
    rows = document.value
    if not isinstance(rows, list):
        inside = next((k for k in ("tools", "functions") if isinstance(rows, dict) and k in rows), None)
        advice = f'keep only the list under "{inside}"' if inside else "write [ ... ]"
        findings.fault(FILE, 1, f"wanted a list of tools, found {kind(rows)}; {advice}")
        return [], {}
    if not rows:
        findings.fault(FILE, 1, "the domain has no tools; add at least one")
    tools: list[Tool] = []
    lines: dict[str, int] = {}
    for index, row in enumerate(rows):
        before = len(findings.faults)
        tool = _tool(row, index, document, findings)
        if tool is None:
            continue
        line = document.line(index)
        if tool.name in lines:
            findings.fault(FILE, line, f'the tool "{tool.name}" stands already on line {lines[tool.name]}; rename one')
        elif len(findings.faults) == before:
            tools.append(tool)
        lines.setdefault(tool.name, line)
    return tools, lines


def _tool(row: Any, index: int, document: Document, findings: Findings) -> Tool | None:
    line = document.line(index)
    if not isinstance(row, dict):
        findings.fault(FILE, line, f"wanted a tool as an object, found {kind(row)} {show(row)}")
        return None
    path: tuple[int | str, ...] = (index,)
    body, wrapped = row, isinstance(row.get("function"), dict)
    if wrapped:
        body, path = row["function"], (index, "function")
        for key, message in check_keys(row, ("type", "function"), (), "a tool"):
            findings.fault(FILE, document.line(index, key), message)
    for key, message in check_keys(body, ("name",), ("description", "parameters", "strict", "type"), "a function"):
        findings.fault(FILE, document.line(*path, key), message)
    if (wrapped or "type" in body) and row.get("type", "function") != "function":
        findings.fault(FILE, document.line(index, "type"), f'wanted "type": "function", found {show(row["type"])}')
    name, description = body.get("name"), body.get("description", "")
    if problem := name_problem(name) if "name" in body else "":
        findings.fault(FILE, document.line(*path, "name"), problem)
    if not isinstance(description, str):
        line = document.line(*path, "description")
        findings.fault(FILE, line, f"wanted text as description, found {kind(description)}")
        description = ""
    elif not description.strip():
        findings.hint(FILE, document.line(*path), f"{show(name)} has no description; the model knows only its name")
    parameters = _parameters(body.get("parameters", _NOTHING), (*path, "parameters"), document, findings)
    if not isinstance(name, str) or parameters is None:
        return None
    return Tool(name=name, description=description, parameters=parameters)


def name_problem(name: Any) -> str:
    """Why a function cannot have this name; "" when it can."""
    if not isinstance(name, str):
        return f"wanted a name as text, found {show(name)}"
    if not _NAME.fullmatch(name):
        return f"{show(name)} is no name for a function: 1 to 64 of the letters A-Z a-z, digits and _ . -; rename it"
    if name == NO_TOOL:
        return f'"{NO_TOOL}" means that no tool fits, so no tool may have this name; rename it'
    return ""


def _parameters(schema: Any, path: tuple[int | str, ...], document: Document, findings: Findings) -> Json | None:
    if schema == {}:
        return _NOTHING
    problems = list(check_schema(schema))
    for inner, message in problems:
        findings.fault(FILE, document.line(*path, *inner), f"{_within(inner)}{message}")
    if problems:
        return None
    try:
        plain: Json = flatten(schema, local_resolver(schema))
    except SpecError as error:
        findings.fault(FILE, document.line(*path), str(error))
        return None
    if not isinstance(plain, dict) or plain.get("type") != "object":
        there = show(plain.get("type")) if isinstance(plain, dict) else kind(plain)
        findings.fault(FILE, document.line(*path), f'wanted parameters of "type": "object", found {there}')
        return None
    for inner, message in suspect(schema):
        findings.hint(FILE, document.line(*path, *inner), f"{_within(inner)}{message}")
    return plain if "properties" in plain else {**plain, "properties": {}}


def _within(path: tuple[int | str, ...]) -> str:
    """The parameter that a path inside a schema belongs to, as a prefix of a message."""
    names = [str(path[i + 1]) for i, word in enumerate(path[:-1]) if word == "properties"]
    return f'"{".".join(names)}": ' if names else ""
