"""`manyshot check DOMAIN`: everything that is wrong in a folder, and what would train badly.

The one rule: it reads all of the folder, tests and flows too, and never raises for what a person wrote.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from manyshot.data.slots import domain_slots
from manyshot.dialogue import approval
from manyshot.dialogue.company import OpenerOf, company
from manyshot.dialogue.replay import replay
from manyshot.errors import WorldError
from manyshot.flow.paths import paths
from manyshot.flow.steps import Flow
from manyshot.spec.dialogues import check_approvals, read_approvals, read_dialogues
from manyshot.spec.faults import Fault, Findings
from manyshot.spec.hints import add_hints
from manyshot.spec.load import read_any_tools, read_checked_flows, read_into
from manyshot.spec.sayings import read_sayings
from manyshot.spec.scenarios import misplaced, read_scenarios
from manyshot.spec.shots import read_tests
from manyshot.types import Domain, Json, TestCase

#: Hints printed; the rest is counted.
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found, in order of file and line. `counts`: tools, shots, asks, nones, tests;
    flows and paths where there are flows; dialogues and approved where there are dialogues.
    """

    folder: Path
    faults: tuple[Fault, ...]
    hints: tuple[Fault, ...]
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.faults


def check(folder: Path, world: OpenerOf | None = None) -> Report:
    """All faults and hints of a domain folder.

    world: how worlds of the domain are opened; without it dialogues are read, but not played again.
    """
    folder, findings = Path(folder), Findings()
    domain = read_into(folder, findings)
    tests, flows = _tests(folder, domain, findings), _flows(folder, findings)
    if domain is not None:
        add_hints(domain, tests, findings)
    counts = _counts(domain, tests) | (_flow_counts(flows) if flows else {})
    counts |= _dialogues(folder, domain, flows, world, findings)
    counts |= _scenarios(folder, domain, flows, world, findings)
    counts |= _sayings(folder, flows, findings)
    return Report(folder, tuple(_sorted(findings.faults)), tuple(_sorted(findings.hints)), counts)


def check_flows(folder: Path) -> Report:
    """All faults and hints of a domain's flows, and of the tools that they name."""
    folder, findings = Path(folder), Findings()
    read_any_tools(folder, findings)
    flows = _flows(folder, findings)
    return Report(folder, tuple(_sorted(findings.faults)), tuple(_sorted(findings.hints)), _flow_counts(flows))


def _flows(folder: Path, findings: Findings) -> list[Flow]:
    tools, _ = read_any_tools(folder, again := Findings())
    # Flows that call tools with faults would only repeat those.
    return [] if again.faults else read_checked_flows(folder, {t.name: t for t in tools}, findings)


def _flow_counts(flows: list[Flow]) -> dict[str, int]:
    return {"flows": len(flows), "paths": sum(len(paths(flow)) for flow in flows)}


def _dialogues(
    folder: Path, domain: Domain | None, flows: list[Flow], world: OpenerOf | None,
    findings: Findings,
) -> dict[str, int]:  # fmt: skip
    """Read and play the dialogues again; how many there are, and how many are approved."""
    found, said = read_dialogues(folder, findings), read_approvals(folder, findings)
    if not found:
        return {}
    check_approvals(found, said, findings)
    counts = {"dialogues": len(found), "approved": len(approval.approved(found, said))}
    if domain is None or world is None:
        why = "the domain has faults" if domain is None else "no world was opened"
        findings.hint("shots", 0, f"dialogues are read, but not played again, because {why}")
        return counts
    try:
        desk = company(domain.context, flows, domain_slots(domain), world(domain, flows))
    except WorldError as error:
        findings.hint("shots", 0, f"dialogues are read, but not played again: {error}")
        return counts
    for one in found:
        for problem in replay(one, desk).problems:
            findings.fault(one.source.file if one.source else "", problem.line, problem.message)
    return counts


def _sorted(found: list[Fault]) -> list[Fault]:
    order = ["", "domain.toml", "tools.json"]
    return sorted(set(found), key=lambda f: (order.index(f.file) if f.file in order else len(order), f))


def _scenarios(
    folder: Path, domain: Domain | None, flows: list[Flow], world: OpenerOf | None, findings: Findings
) -> dict[str, int]:
    """Read the scenarios, and set their worlds up; how many there are."""
    if domain is None or not (found := read_scenarios(folder, domain.tools, flows, findings)):
        return {}
    try:
        opened = world(domain, flows) if world else None
        for one in found if opened else ():
            assert opened is not None
            assert one.source is not None
            try:
                state = opened(one.setup).state()
            except WorldError as error:
                findings.fault(one.source.file, one.source.line, str(error))
                continue
            for message in misplaced(one, state):
                findings.fault(one.source.file, one.source.line, message)
    except WorldError:
        pass  # said already of the dialogues, or nothing to be set up
    return {"scenarios": len(found)}


def _sayings(folder: Path, flows: list[Flow], findings: Findings) -> dict[str, int]:
    found = sum(len(one.says) for one in read_sayings(folder, flows, findings)) if flows else 0
    return {"sayings": found} if found else {}


def _tests(folder: Path, domain: Domain | None, findings: Findings) -> list[TestCase]:
    if domain is not None:
        return read_tests(folder, {t.name: t for t in domain.tools}, findings)
    if not folder.is_dir():
        return []
    # The tools' own faults are already reported; the tests are judged only by sound tools.
    again = Findings()
    tools, _ = read_any_tools(folder, again)
    return [] if again.faults else read_tests(folder, {t.name: t for t in tools}, findings)


def _counts(domain: Domain | None, tests: list[TestCase]) -> dict[str, int]:
    if domain is None:
        return {}
    asks = sum(bool(s.ask) for s in domain.shots)
    nones = sum(s.call is None and not s.ask for s in domain.shots)
    calls = len(domain.shots) - asks - nones
    return {"tools": len(domain.tools), "shots": calls, "asks": asks, "nones": nones, "tests": len(tests)}


def row(report: Report) -> Json:
    """The report as `manyshot flow check --json` prints it."""
    found = {"faults": report.faults, "hints": report.hints}
    lines = {
        name: [{"file": f.file, "line": f.line, "message": f.message} for f in part] for name, part in found.items()
    }
    return {"ok": report.ok, **report.counts, **lines}


def format_report(report: Report, width: int = 80) -> str:
    """The report as lines of at most `width` columns where words allow it; no trailing line break."""
    out = [*_block(report.folder, report.faults, width)]
    if report.hints:
        out += ["hints (nothing stops for these):", *_block(report.folder, report.hints[:_SHOWN], width)]
        if len(report.hints) > _SHOWN:
            out.append(f"  ... and {len(report.hints) - _SHOWN} more")
    return "\n".join([*out, *textwrap.wrap(_summary(report), width, break_on_hyphens=False)])


def _summary(report: Report) -> str:
    if report.faults:
        return f"{_many(len(report.faults), 'fault')} in {report.folder}; nothing runs until they are corrected"
    c = report.counts
    flows = [f"{_many(c['flows'], 'flow')} with {_many(c['paths'], 'path')}"] if "flows" in c else []
    flows += [f"{_many(c['dialogues'], 'dialogue')}, {c['approved']} of them approved"] if "dialogues" in c else []
    flows += [_many(c[f"{what}s"], what) for what in ("scenario", "saying") if f"{what}s" in c]
    if "tools" not in c:
        return f"{report.folder} is sound: {flows[0]}"
    tests = ", ".join([_many(c["tests"], "test"), *flows])
    return (
        f"{report.folder} is sound: {_many(c['tools'], 'tool')}, {_many(c['shots'], 'shot')} with a call, "
        f"{c['asks']} that ask back, {c['nones']} that no tool fits, {tests}"
    )


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _block(folder: Path, found: tuple[Fault, ...], width: int) -> list[str]:
    """One paragraph each: the place on a line of its own, so that an editor can open it, then the message."""
    lines: list[str] = []
    for fault in found:
        place = fault.within(folder).removesuffix(f": {fault.message}")
        lines.append(f"{place}:")
        lines += textwrap.wrap(
            fault.message, width, initial_indent="  ", subsequent_indent="  ", break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
    return lines


__all__ = ["Report", "check", "check_flows", "format_report", "row"]
