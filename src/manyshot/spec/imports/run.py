"""`manyshot import FILE --into DOMAIN`: a chart becomes a flow file of the domain.

The one rule: nothing is dropped unsaid. What was proposed and what could not be carried over stands in the answer and
at the top of the new file; a file that is there already is not overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from manyshot.errors import SpecError, at
from manyshot.flow.steps import Flow
from manyshot.records import write_aside
from manyshot.spec.faults import Fault, Findings, near
from manyshot.spec.flow_check import check_flow
from manyshot.spec.flow_files import FOLDER, read_flow
from manyshot.spec.flow_write import write_flow
from manyshot.spec.imports.dify import import_dify
from manyshot.spec.imports.guess import Desk
from manyshot.spec.imports.mermaid import import_mermaid
from manyshot.spec.imports.names import identifier
from manyshot.spec.load import read_any_tools, stop
from manyshot.spec.shots import read_shots

#: A larger file is no chart that somebody drew.
MAX_BYTES = 1 << 20
Reader = Callable[[Path, str, str, Desk, Findings], Flow | None]
#: Readers by the ending of a file's name; the longest ending that fits counts.
READERS: Mapping[str, Reader] = {
    ".mmd": import_mermaid,
    ".mermaid": import_mermaid,
    ".yml": import_dify,
    ".yaml": import_dify,
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import made: the new file, notes on the chart, and what `manyshot flow check` still says of the file."""

    path: Path
    notes: tuple[Fault, ...]
    left: tuple[Fault, ...]


def import_flow(file: Path, domain: Path, name: str = "") -> Imported:
    """Write `domain`/flows/NAME.yaml from a chart. Raises SpecError; nothing is written then."""
    ending, reader = _reader(file)
    name = name or identifier(file.name.removesuffix(ending).removesuffix(".dify"), "flow")
    if not name.isidentifier():
        raise SpecError(f'--name {name}: wanted letters, digits and _; write "{identifier(name)}"')
    target = domain / FOLDER / f"{name}.yaml"
    if target.exists():
        raise SpecError(f"{target}: there is a flow of this name; choose another with --name, or remove it")
    if file.is_file() and file.stat().st_size > MAX_BYTES:
        raise SpecError(f"{at(file)}: larger than {MAX_BYTES >> 20} MiB, so surely no chart; name another file")
    desk, findings = _desk(domain), Findings()
    flow = reader(file.parent, file.name, name, desk, findings)
    if flow is None or findings.faults:
        raise stop_at(file, findings.faults)
    notes = tuple(sorted(dict.fromkeys(findings.hints)))
    with write_aside(target) as stream:
        stream.write(write_flow(flow, [f"Imported from {file.name}.", *map(str, notes)]))
    return Imported(target, notes, _checked(domain, target, desk))


def _reader(file: Path) -> tuple[str, Reader]:
    for ending in sorted(READERS, key=len, reverse=True):
        if file.name.endswith(ending):
            return ending, READERS[ending]
    raise SpecError(
        f"{at(file)}: wanted a Mermaid chart (.mmd) or a Dify workflow (.yml), found {file.suffix or 'no ending'}; "
        f"{near(file.suffix, READERS)}"
    )


def stop_at(file: Path, faults: list[Fault]) -> SpecError:
    """The error for a chart with faults; all of them stand in one file, so the first is enough to go on."""
    return SpecError(f"{faults[0].within(file.parent)}")


def _desk(domain: Path) -> Desk:
    """The tools of the domain and the actions of its shots. Raises SpecError for tools with faults."""
    findings = Findings()
    tools, routes = read_any_tools(domain, findings)
    if findings.faults:
        raise stop(domain, findings.faults)
    by_name = {tool.name: tool for tool in tools}
    actions: dict[str, list[str]] = {}
    # Shots only help to guess; their own faults are the check's business.
    for shot in read_shots(domain, by_name, Findings()):
        if shot.call is not None and not shot.ask:
            actions.setdefault(shot.call.name, []).append(shot.action)
    return Desk(by_name, actions, tuple(routes))


def _checked(domain: Path, target: Path, desk: Desk) -> tuple[Fault, ...]:
    findings = Findings()
    flow = read_flow(domain, f"{FOLDER}/{target.name}", desk.tools, findings)
    if flow is not None:
        check_flow(flow, findings)
    return tuple(sorted(set(findings.faults)))
