"""Dify workflow DSL (YAML) -> nodes and edges, with nothing of it understood yet.

The form was read from exported files in public repositories. The one rule: an export of a version or of a mode that is
not known is refused, since a guess about a business process is worse than none; secrets of an export (environment
values, authorization) are never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyshot.spec.documents import Document
from manyshot.spec.faults import Findings, show
from manyshot.spec.yamldoc import read_yaml
from manyshot.types import Json

#: Versions that have been read; the last number only ever added what can be passed over.
KNOWN = "0.1 to 0.6"
_VERSION = re.compile(r"0\.[1-6](?:\.\d+)?")
MODES = ("workflow", "advanced-chat")
#: The exit of most nodes, and that of a node that failed.
SOURCE = ("source", "success-branch", "")
FAIL = "fail-branch"


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the canvas: its kind, its title, and all of its data."""

    id: str
    kind: str
    title: str
    data: Json = field(repr=False)
    line: int


@dataclass(frozen=True, slots=True)
class Link:
    source: str
    handle: str
    target: str
    line: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and links of the outer canvas; what lies in iterations and loops is counted, and notes are too."""

    about: str
    mode: str
    nodes: dict[str, Node]
    links: list[Link]
    inner: dict[str, int]
    notes: int
    opening: str
    line: int


def read_graph(folder: Path, file: str, findings: Findings) -> Graph | None:
    """The graph of an export; None after a fault."""
    document = read_yaml(folder, file, findings)
    if document is None:
        return None
    before = len(findings.faults)
    graph = _graph(document, findings)
    return graph if len(findings.faults) == before else None


def _graph(document: Document, findings: Findings) -> Graph | None:
    def fault(message: str, *path: str) -> None:
        findings.fault(document.file, document.line(*path), message)

    value = mapping(document.value)
    app, workflow = mapping(value.get("app")), mapping(value.get("workflow"))
    if not app or value.get("kind", "app") != "app":
        fault(f"wanted an app exported from Dify (kind: app), found {show(document.value)}; export it as DSL")
        return None
    # Dify takes an export without a version for 0.1.0, its first.
    version = str(value.get("version", "0.1.0"))
    if not _VERSION.fullmatch(version):
        fault(f"DSL version {show(version)} is not known, {KNOWN} are; export the app from a Dify of these", "version")
    mode = text(app.get("mode"))
    if mode not in MODES:
        fault(
            f"wanted an app of mode {' or '.join(MODES)}, found {show(mode)}; others have no drawn flow", "app", "mode"
        )
        return None
    drawn = mapping(workflow.get("graph"))
    rows = items(drawn.get("nodes"))
    if not rows:
        fault("the workflow has no nodes; export an app with a drawn flow", "workflow")
        return None
    return _read(document, app, workflow, rows, items(drawn.get("edges")))


def _read(document: Document, app: Json, workflow: Json, rows: list[Any], edges: list[Any]) -> Graph:
    nodes: dict[str, Node] = {}
    inner: dict[str, int] = {}
    notes = 0
    for index, row in enumerate(map(mapping, rows)):
        data = mapping(row.get("data"))
        kind, name = text(data.get("type")), text(row.get("id"))
        parent = text(row.get("parentId")) or text(data.get("iteration_id")) or text(data.get("loop_id"))
        if row.get("type") == "custom-note" or not kind:
            notes += 1
        elif parent:
            inner[parent] = inner.get(parent, 0) + 1
        elif name:
            line = document.line("workflow", "graph", "nodes", index)
            nodes[name] = Node(name, kind, text(data.get("title")) or kind, data, line)
    links = list(_links(document, edges, nodes))
    features = mapping(workflow.get("features"))
    about = text(app.get("description")) or text(app.get("name"))
    return Graph(
        about, text(app.get("mode")), nodes, links, inner, notes, text(features.get("opening_statement")),
        document.line("workflow", "features"),
    )  # fmt: skip


def _links(document: Document, edges: list[Any], nodes: dict[str, Node]) -> Iterator[Link]:
    for index, row in enumerate(map(mapping, edges)):
        source, target = text(row.get("source")), text(row.get("target"))
        if source in nodes and target in nodes:
            line = document.line("workflow", "graph", "edges", index)
            yield Link(source, text(row.get("sourceHandle")), target, line)


def mapping(value: Any) -> Json:
    """The value when it is a mapping, else an empty one: exports are read as far as they can be."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """A scalar as text; "" for none and for what is no scalar."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() if isinstance(value, str | int | float) else ""


__all__ = ["FAIL", "MODES", "SOURCE", "Graph", "Link", "Node", "items", "mapping", "read_graph", "text"]
