"""values.yaml -> sample values. The one rule: a key names a field and each value fits a schema of that name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from manyshot.spec.faults import Findings, near, show
from manyshot.spec.schemas import breaks, fits
from manyshot.spec.yamldoc import read_yaml
from manyshot.types import Json, Tool

FILE = "values.yaml"


def fields_of(tools: Mapping[str, Tool]) -> dict[str, list[Json]]:
    """Every key that values.yaml may use, with the schemas that it names.

    A field is named by its own name, its dotted path, or that path after the tool's name: `name`, `items.name`,
    `Deliver.items.name`. Items of an array are named without a number.
    """
    fields: dict[str, list[Json]] = {}
    for tool in tools.values():
        for path, schema in _leaves(tool.parameters, ()):
            for key in dict.fromkeys((path[-1], ".".join(path), ".".join((tool.name, *path)))):
                fields.setdefault(key, []).append(schema)
    return fields


def _leaves(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Json]]:
    if not isinstance(schema, dict):
        return
    for name, inner in schema.get("properties", {}).items():
        if isinstance(inner, dict):
            yield (*path, name), inner
            yield from _leaves(inner, (*path, name))
    for part in (schema.get("items"), *schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _leaves(part, path)


def read_values(folder: Path, tools: Mapping[str, Tool], findings: Findings) -> dict[str, list[Any]]:
    """The sound entries; {} when there is no such file."""
    if not (folder / FILE).exists():
        return {}
    document = read_yaml(folder, FILE, findings)
    if document is None or document.value is None:
        return {}
    if not isinstance(document.value, dict):
        findings.fault(FILE, 1, f"wanted field: [values], found {show(document.value)}")
        return {}
    fields = fields_of(tools)
    good: dict[str, list[Any]] = {}
    for key, values in document.value.items():
        line = document.line(key)
        if key not in fields:
            findings.fault(FILE, line, f'"{key}" names no field; {near(key, fields)}')
        elif not isinstance(values, list) or not values:
            findings.fault(FILE, line, f'"{key}" wants a list of values, found {show(values)}; write [value, ...]')
        else:
            good[key] = values
            for index, value in enumerate(values):
                if not any(fits(schema, value) for schema in fields[key]):
                    why = breaks({"type": "object", "properties": {key: fields[key][0]}}, {key: value})
                    message = why[0] if why else f"{show(value)} does not fit {key}"
                    findings.fault(FILE, document.line(key, index), message)
    return good
