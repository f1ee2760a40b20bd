"""Hints on a sound domain: what will train badly. The one rule: a hint never stops anything."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from manyshot.spec.faults import Findings, show
from manyshot.spec.shots import SHOTS, TESTS
from manyshot.types import Context, Domain, Json, Shot, TestCase

#: Fewer shots than this teach a tool's wording poorly.
FEW = 8
Seen = dict[tuple[str, tuple[str, ...]], list[Any]]


def add_hints(domain: Domain, tests: Sequence[TestCase], findings: Findings) -> None:
    counts = Counter(s.call.name for s in domain.shots if s.call and not s.ask)
    for tool in domain.tools:
        if counts[tool.name] < FEW:
            findings.hint(
                SHOTS, 0, f"{tool.name} has {counts[tool.name]} shots; write {FEW} or more, each in other words"
            )
    if domain.reject is None and not any(s.call is None and not s.ask for s in domain.shots):
        findings.hint(SHOTS, 0, "no shot shows a request that no tool fits (call null); add some")
    if any(t.required for t in domain.tools) and not any(s.ask for s in domain.shots):
        findings.hint(SHOTS, 0, "no shot shows what to ask back when something is missing (ask); add some")
    seen = _seen(domain)
    for shot in domain.shots:
        for name, value in unfound(shot, domain, seen):
            message = f"{name} {show(value)} cannot be read back from the action; say it there, or make it the default"
            findings.hint(SHOTS, shot.source.line, message)
    actions = {s.action: s.source.line for s in domain.shots}
    for test in tests:
        if test.action in actions:
            message = f"this test is the shot on line {actions[test.action]} of {SHOTS}; a test must be new, reword it"
            findings.hint(TESTS, test.source.line, message)


def unfound(shot: Shot, domain: Domain, seen: Seen) -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of each argument that cannot be read back from the action.

    Chosen values (enum, const, boolean) and schema defaults may be implied, so they are never named.
    """
    if shot.call is None:
        return
    for name, schema, value in _leaves(domain.tool(shot.call.name).parameters, shot.call.arguments, ()):
        if "default" in schema and schema["default"] == value:
            continue
        if isinstance(value, str | int | float) and not isinstance(value, bool) and not _chosen(schema):
            examples = seen[(shot.call.name, name)]
            if not _stands(shot.action, name[-1], schema, value, domain.context, examples):
                yield ".".join(name), value


def _seen(domain: Domain) -> Seen:
    """All values that the shots give a field: they tell how its dates and ids are written."""
    seen: Seen = defaultdict(list)
    for shot in domain.shots:
        if shot.call is not None:
            for name, _, value in _leaves(domain.tool(shot.call.name).parameters, shot.call.arguments, ()):
                seen[(shot.call.name, name)].append(value)
    return seen


def _chosen(schema: Json) -> bool:
    parts = [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return any(isinstance(p, dict) and ("enum" in p or "const" in p) for p in parts)


def _leaves(schema: Json, value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Json, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(schema.get("properties", {}).get(key, {}), inner, (*path, key))
    elif isinstance(value, list):
        items = schema.get("items", {})
        for inner in value:
            yield from _leaves(items if isinstance(items, dict) else {}, inner, path)
    elif path:
        yield path, schema, value


def _stands(action: str, name: str, schema: Json, value: Any, context: Context, seen: Sequence[Any]) -> bool:
    from manyshot.values import field_for

    try:
        return bool(field_for(name, schema, context, seen).find(action, value))
    except ValueError:
        return False
