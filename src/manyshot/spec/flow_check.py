"""Whether a flow makes sense as a whole.

The one rule: a fault is something that no dialogue could follow, or that would leave a customer without an answer; what
can never happen but does no harm is a hint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from manyshot.flow.conditions import Fact, Test, Value, parse, possible, tests_of, write_value
from manyshot.flow.graph import endless, idle_loop, in_order, known_before, reached
from manyshot.flow.paths import TooManyPaths, paths
from manyshot.flow.steps import Branch, Flow
from manyshot.spec.faults import Findings, near, show

#: Steps that a message names before it says "and others".
_NAMED = 6


def check_flow(flow: Flow, findings: Findings) -> None:
    """Add all that is wrong with a flow whose steps, slots and tools exist."""
    before = len(findings.faults)
    seen = reached(flow)
    for step in flow.steps:
        if step.id not in seen:
            findings.fault(
                step.source.file, step.source.line,
                f'no way from the start leads to "{step.id}"; lead to it from another step, or remove it',
            )  # fmt: skip
    _check_loops(flow, findings)
    _check_known(flow, findings)
    for step in flow.steps:
        if isinstance(step, Branch):
            _check_branch(flow, step, findings)
    if len(findings.faults) == before:
        _check_paths(flow, findings)


def _check_loops(flow: Flow, findings: Findings) -> None:
    if stuck := in_order(flow, endless(flow)):
        names = ", ".join(step.id for step in stuck[:_NAMED]) + (" and others" if len(stuck) > _NAMED else "")
        findings.fault(
            stuck[0].source.file, stuck[0].source.line,
            f"a loop without an exit: from {names} no end and no handoff can be reached; lead out of it",
        )  # fmt: skip
    elif loop := idle_loop(flow):
        step = flow.by_id[loop[0]]
        findings.fault(
            step.source.file, step.source.line,
            f"nothing is asked or called in the loop {' > '.join(loop)}, so it would go round for ever; "
            "ask or call something in it, or lead out",
        )  # fmt: skip


def _check_known(flow: Flow, findings: Findings) -> None:
    known = known_before(flow)
    for step in in_order(flow, known):
        for slot in step.needs:
            if slot not in known[step.id]:
                findings.fault(
                    step.source.file, step.source.line,
                    f'"{step.id}" uses {slot} before it is known on every way there; ask for it or fill it first, '
                    "or list it under given",
                )  # fmt: skip


def _values(flow: Flow) -> dict[str, Sequence[Value]]:
    return {name: slot.values for name, slot in flow.slots.items() if slot.values}


def _check_branch(flow: Flow, step: Branch, findings: Findings) -> None:
    def say(message: str, *, fault: bool) -> None:
        (findings.fault if fault else findings.hint)(step.source.file, step.source.line, message)

    values, before = _values(flow), list[Fact]()
    for arm in step.arms:
        if arm.when is None:
            if possible(before, values) is None:
                say(f'the else of "{step.id}" can never be taken: its conditions cover every value', fault=False)
            return
        condition = parse(arm.when)
        for test in tests_of(condition):
            _check_values(flow, step, test, findings)
        if possible([*before, (condition, True)], values) is None:
            say(f'"{arm.when}" in "{step.id}" can never be taken; correct or remove it', fault=False)
        before.append((condition, False))
    left = possible(before, values)
    if left is not None:
        case = " and ".join(f"{slot} is {_said(value)}" for slot, value in left.items()) or "none of them holds"
        say(f'"{step.id}" has no else and does not say where to go when {case}; add else: STEP', fault=True)


def _said(value: Any) -> str:
    if value is None:
        return "empty"
    return "something else" if isinstance(value, str) and not value.isprintable() else write_value(value)


def _check_values(flow: Flow, step: Branch, test: Test, findings: Findings) -> None:
    allowed = flow.slots[test.slot].values
    for value in test.values if allowed and test.sign in ("==", "in") else ():
        if value not in allowed:
            findings.fault(
                step.source.file, step.source.line,
                f'"{step.id}" compares {test.slot} with {show(value)}, which is none of its values; '
                f"{near(str(value), map(str, allowed))}",
            )  # fmt: skip


def _check_paths(flow: Flow, findings: Findings) -> None:
    try:
        found = paths(flow)
    except TooManyPaths as error:
        findings.fault(flow.source.file, flow.source.line, str(error))
        return
    walked = {taken for path in found for walk in path.walks for taken in walk.taken}
    for step in flow.steps:
        for way in step.exits:
            if (step.id, way.label) not in walked:
                way_out = f'no path takes the way "{way.label or "next"}" out of "{step.id}"'
                findings.hint(step.source.file, step.source.line, f"{way_out}: what comes before contradicts it")
