"""A domain folder -> `Domain` and its tests and flows.

The one rule: reading collects every fault of the folder; a Domain comes out only when there is none. Tests are read by
a function of their own, which only `evaluate` and `check` call, so nothing that trains can see them.
Flows are read apart too: calls can be learned without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from manyshot.errors import SpecError
from manyshot.flow.steps import Flow
from manyshot.spec.dialogues import read_approvals, read_dialogues
from manyshot.spec.faults import Fault, Findings
from manyshot.spec.flow_check import check_flow
from manyshot.spec.flow_files import read_flows
from manyshot.spec.rules import check_rules
from manyshot.spec.sayings import read_sayings
from manyshot.spec.scenarios import read_scenarios
from manyshot.spec.settings import FILE as SETTINGS
from manyshot.spec.settings import Settings, check_weights, read_settings
from manyshot.spec.shots import read_shots, read_tests
from manyshot.spec.tools import FILE as TOOLS
from manyshot.spec.tools import read_tools
from manyshot.spec.values_file import read_values
from manyshot.spec.weights import Route, read_weights
from manyshot.types import Approval, Domain, Saying, Scenario, TestCase, Tool, Trajectory

T = TypeVar("T")

#: Names under which an API description is looked for.
API_FILES = tuple(f"{name}.{ending}" for name in ("openapi", "swagger") for ending in ("yaml", "yml", "json"))


def read_domain(folder: Path) -> tuple[Domain | None, list[Fault]]:
    """The domain, or None and all faults of everything but its tests."""
    findings = Findings()
    return read_into(folder, findings), findings.faults


def read_into(folder: Path, findings: Findings) -> Domain | None:
    """As `read_domain`, with hints too; `findings` may hold faults already, which are not counted."""
    before = len(findings.faults)
    if not _is_folder(folder, findings):
        return None
    settings = read_settings(folder, findings)
    found = len(findings.faults)
    tools, routes = read_any_tools(folder, findings)
    by_name = {t.name: t for t in tools}
    # With a broken tool left out, every call of it would be a fault of its own and hide the cause.
    if len(findings.faults) > found or not tools:
        _note_unread(findings, found)
        return None
    shots = read_shots(folder, by_name, findings)
    values = read_values(folder, by_name, findings)
    weights = _weights(folder, settings, by_name, routes, findings) if settings else {}
    if settings is not None:
        check_rules(settings.rules, by_name, SETTINGS, findings)
    if settings is None or len(findings.faults) > before:
        return None
    return Domain(
        name=settings.name, folder=folder, context=settings.context, base=settings.base, tools=tuple(tools),
        shots=tuple(shots), values=values, shares=settings.shares, weights=weights,
        require_approval=settings.require_approval, teacher=settings.teacher,
        strength=settings.strength, rules=tuple(rule for rule, _ in settings.rules),
        dialogue_shares=settings.dialogue_shares,
    )  # fmt: skip


def _is_folder(folder: Path, findings: Findings) -> bool:
    try:
        if folder.is_dir():
            return True
        there = "found a file; name the folder that holds it" if folder.exists() else "there is nothing of this name"
    except OSError as error:
        there = f"cannot be looked at: {error.strerror or error}"
    findings.fault("", 0, f"wanted a domain folder, {there}")
    return False


def _note_unread(findings: Findings, before: int) -> None:
    if len(findings.faults) == before:
        findings.fault(TOOLS, 0, "the domain has no tools; add at least one")
    findings.hint("shots/calls.jsonl", 0, "not checked, because the tools have faults; correct those and check again")


def read_any_tools(folder: Path, findings: Findings) -> tuple[list[Tool], list[Route]]:
    """Tools from tools.json or from the one API description, with the routes of the latter."""
    apis = [name for name in API_FILES if (folder / name).exists()]
    if (folder / TOOLS).exists():
        if apis:
            findings.fault(apis[0], 0, f"wanted either {TOOLS} or {apis[0]}, found both; remove one")
        return read_tools(folder, findings)[0], []
    if len(apis) > 1:
        findings.fault(apis[1], 0, f"wanted one API description, found {' and '.join(apis)}; remove one")
    if apis:
        from manyshot.spec.openapi import read_openapi

        operations = read_openapi(folder, apis[0], findings)
        return [o.tool for o in operations], [Route(o.tool.name, o.method, o.path) for o in operations]
    findings.fault(TOOLS, 0, "the domain has no tools: write tools.json (OpenAI's list) or put an openapi.yaml here")
    return [], []


def _weights(
    folder: Path, settings: Settings, tools: dict[str, Tool], routes: list[Route], findings: Findings
) -> dict[str, float]:
    if settings.weights_file is None:
        check_weights(settings, list(tools), findings)
        return settings.weights
    line = settings.lines.get(("weights", "file"), settings.lines.get(("weights",), 1))
    return read_weights(folder, settings.weights_file, list(tools), routes, findings, line)


def stop(folder: Path, faults: list[Fault]) -> SpecError:
    """The error for a folder with faults: the first, and how many more there are."""
    more = len(faults) - 1
    rest = f" (and {more} more: manyshot check {folder})" if more else ""
    return SpecError(f"{faults[0].within(folder)}{rest}")


def load_domain(folder: Path) -> Domain:
    """The domain; SpecError with the first fault when the folder has any."""
    folder = Path(folder)
    domain, faults = read_domain(folder)
    if domain is None or faults:
        raise stop(folder, faults)
    return domain


def load_tests(folder: Path) -> tuple[TestCase, ...]:
    """The tests of a domain, () when it has none; SpecError with the first fault of the tools or the tests."""
    return _read_beside_tools(folder, read_tests)


def load_flows(folder: Path) -> tuple[Flow, ...]:
    """The flows of a domain, () when it has none; SpecError with the first fault of the tools or the flows."""
    return _read_beside_tools(folder, read_checked_flows)


def load_dialogues(folder: Path) -> tuple[tuple[Trajectory, ...], tuple[Approval, ...]]:
    """The dialogues of a domain and what people said of them; SpecError with the first fault of these files.

    They are what somebody wrote: whether they are true, `dialogue.replay` says; which may be used, `dialogue.approval`.
    """
    folder, findings = Path(folder), Findings()
    found, said = read_dialogues(folder, findings), read_approvals(folder, findings)
    if findings.faults:
        raise stop(folder, sorted(findings.faults))
    return tuple(found), tuple(said)


def load_sayings(folder: Path, flows: Sequence[Flow]) -> tuple[Saying, ...]:
    """How customers say things at places of `flows`, () when nobody wrote it down; SpecError with the first fault."""
    folder, findings = Path(folder), Findings()
    found = read_sayings(folder, flows, findings)
    if findings.faults:
        raise stop(folder, findings.faults)
    return tuple(found)


def load_scenarios(path: Path, domain: Path) -> tuple[Scenario, ...]:
    """The scenarios of a file, held against a domain's tools and flows; SpecError with the first fault."""
    path, findings = Path(path), Findings()
    if not path.is_file():
        raise SpecError(f"{path}: wanted a file of scenarios, there is none")
    tools = _read_beside_tools(domain, lambda _, tools, __: tools.values())
    found = read_scenarios(path.parent, tools, load_flows(domain), findings, path.name)
    if not found and not findings.faults:
        findings.fault(path.name, 0, "wanted one scenario a line, found none")
    if findings.faults:
        raise stop(path.parent, findings.faults)
    return tuple(found)


def _read_beside_tools(
    folder: Path, read: Callable[[Path, Mapping[str, Tool], Findings], Iterable[T]]
) -> tuple[T, ...]:
    """What `read` finds in a domain folder with its tools."""
    folder, findings = Path(folder), Findings()
    found: tuple[T, ...] = ()
    if _is_folder(folder, findings):
        tools, _ = read_any_tools(folder, findings)
        if not findings.faults:
            found = tuple(read(folder, {tool.name: tool for tool in tools}, findings))
    if findings.faults:
        raise stop(folder, findings.faults)
    return found


def read_checked_flows(folder: Path, tools: Mapping[str, Tool], findings: Findings) -> list[Flow]:
    """The flows of a domain folder that name what exists and make sense as a whole; [] when it has none."""
    flows = []
    for flow in read_flows(folder, tools, findings):
        before = len(findings.faults)
        check_flow(flow, findings)
        flows += [flow] if len(findings.faults) == before else []
    return flows


__all__ = [
    "load_dialogues",
    "load_domain",
    "load_flows",
    "load_sayings",
    "load_scenarios",
    "load_tests",
    "read_checked_flows",
    "read_domain",
    "read_into",
]
