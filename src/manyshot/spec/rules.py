"""[[rules]] of domain.toml: what may stand together in a call.

The one rule: a rule that leaves here names a tool, its top-level fields and values that their schemas allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from manyshot.schema_fit import misfit
from manyshot.spec.documents import check_keys
from manyshot.spec.faults import Findings, near, show
from manyshot.types import Rule, Tool

_HEADING = re.compile(r"\s*\[\[\s*rules\s*\]\]")


def read_rules(given: Any, text: str, file: str, findings: Findings) -> tuple[tuple[Rule, int], ...]:
    """(rule, line) for each sound one."""
    starts = [number for number, line in enumerate(text.split("\n"), 1) if _HEADING.match(line)] or [1]
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        findings.fault(file, starts[0], f"wanted [[rules]] with tool, if and then, found {show(given)}")
        return ()
    found = []
    for n, one in enumerate(given):
        line = starts[min(n, len(starts) - 1)]
        problems = [message for _, message in check_keys(one, ("tool", "if", "then"), (), "a rule")]
        for part in ("if", "then"):
            if part in one and not (isinstance(one[part], dict) and one[part]):
                problems.append(f"wanted {part} as {{field = value}} or {{field = [values]}}, found {show(one[part])}")
        for message in problems:
            findings.fault(file, line, message)
        if not problems:
            found.append((Rule(tool=str(one["tool"]), when=_lists(one["if"]), then=_lists(one["then"])), line))
    return tuple(found)


def _lists(fields: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {name: value if isinstance(value, list) else [value] for name, value in fields.items()}


def check_rules(rules: tuple[tuple[Rule, int], ...], tools: Mapping[str, Tool], file: str, findings: Findings) -> None:
    """Faults of rules that name what their tools do not have."""
    for rule, line in rules:
        for message in _problems(rule, tools):
            findings.fault(file, line, message)


def _problems(rule: Rule, tools: Mapping[str, Tool]) -> Iterator[str]:
    if rule.tool not in tools:
        yield f'unknown tool "{rule.tool}" in a rule; {near(rule.tool, tools)}'
        return
    tool = tools[rule.tool]
    for name, values in [*rule.when.items(), *rule.then.items()]:
        if name not in tool.properties:
            yield f'{rule.tool} has no field "{name}"; {near(name, tool.properties)}'
            continue
        for value in values:
            if value == Rule.LEFT_OUT:
                if name in tool.required:
                    yield f'{rule.tool}.{name} is required, so a rule cannot leave it out ("")'
            elif misfit({name: value}, {"type": "object", "properties": {name: tool.properties[name]}}) is not None:
                yield f"{rule.tool}.{name} cannot be {show(value)}"


__all__ = ["check_rules", "read_rules"]
