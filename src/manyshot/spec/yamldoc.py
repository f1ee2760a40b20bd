"""YAML files -> plain JSON values with their lines, and back.

The one rule: only true/false are booleans, only plain decimal numbers are numbers, nothing is a date: what an expert
writes as `on`, `0402` or `2024-10-10` stays the text it looks like (YAML 1.1 would make True, 258 and a date of them).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

from manyshot.spec.documents import MAX_DEPTH, Document, Key, Lines, read_text, unfit
from manyshot.spec.faults import Findings

#: Aliases repeat what they name; a file that grows beyond this many values by them is refused.
MAX_NODES = 1_000_000

_RESOLVERS = (
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("tag:yaml.org,2002:int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)",
        list("-+0123456789"),
    ),
    ("tag:yaml.org,2002:merge", r"<<", ["<"]),
)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes only; its own resolvers replace those of YAML 1.1."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


for _tag, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})$"), _first)


class _Dumper(yaml.SafeDumper):
    """Writes text plain wherever `_Loader` reads it back as text."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def write_yaml(value: Any) -> str:
    """YAML text of a JSON value that `read_yaml` reads back as the same value; keys keep their order."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


class _Refused(Exception):
    def __init__(self, node: yaml.Node, message: str) -> None:
        super().__init__(message)
        self.line: int = node.start_mark.line + 1


class _Builder:
    """Node tree -> value and lines."""

    def __init__(self) -> None:
        self.lines: Lines = {}
        self.count = 0

    def build(self, node: yaml.Node, path: tuple[Key, ...]) -> Any:
        self.count += 1
        self.lines.setdefault(path, node.start_mark.line + 1)
        if self.count > MAX_NODES or len(path) > MAX_DEPTH:
            raise _Refused(node, "too large or nested too deep; aliases may repeat it, write it out")
        if isinstance(node, yaml.SequenceNode):
            return [self.build(part, (*path, i)) for i, part in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: tuple[Key, ...]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged |= self._merged(value, path)
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise _Refused(key, "a key must be plain text")
            if key.value in out:
                raise _Refused(key, f'the key "{key.value}" stands twice; keep one')
            self.lines[(*path, key.value)] = key.start_mark.line + 1
            out[key.value] = self.build(value, (*path, key.value))
        return merged | out

    def _merged(self, node: yaml.Node, path: tuple[Key, ...]) -> dict[str, Any]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        out: dict[str, Any] = {}
        for part in reversed(parts):
            if not isinstance(part, yaml.MappingNode):
                raise _Refused(part, "<< wants a mapping")
            out |= self._mapping(part, path)
        return out


def _scalar(node: yaml.Node) -> Any:
    tag, text = node.tag.removeprefix("tag:yaml.org,2002:"), str(node.value)
    if tag in ("str", "null"):
        return None if tag == "null" else text
    try:
        if tag == "bool":
            return {"true": True, "false": False}[text.lower()]
        if tag in ("int", "float"):
            return int(text) if tag == "int" else float(text)
    except (ValueError, KeyError):
        raise _Refused(node, f"{text[:40]!r} is no {tag}; quote it if it is text") from None
    raise _Refused(node, f"the tag {node.tag[:60]} is not known here; remove it")


def read_yaml(folder: Path, file: str, findings: Findings) -> Document | None:
    """A YAML file as a document (value None when it is empty); None after a fault."""
    text = read_text(folder, file, findings)
    if text is None:
        return None
    builder = _Builder()
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
        value = builder.build(node, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" (column {mark.column + 1})" if mark else ""
        findings.fault(file, mark.line + 1 if mark else 1, f"bad YAML: {error.problem or error.context}{where}")
        return None
    except yaml.YAMLError as error:
        findings.fault(file, 1, f"bad YAML: {error}")
        return None
    except _Refused as error:
        findings.fault(file, error.line, str(error))
        return None
    except RecursionError:
        findings.fault(file, 1, "bad YAML: nested too deep; make it flatter")
        return None
    if problem := unfit(value):
        findings.fault(file, 1, problem)
        return None
    return Document(file, value, lambda: builder.lines)
