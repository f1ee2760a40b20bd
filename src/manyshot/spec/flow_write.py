"""A flow -> the text of its YAML file. The one rule: reading the text gives the same flow again."""

from __future__ import annotations

from collections.abc import Iterable

from manyshot.flow.steps import Ask, Branch, CallTool, End, Flow, FlowSlot, Handoff, Say, Step
from manyshot.spec.yamldoc import write_yaml
from manyshot.types import Json


def write_flow(flow: Flow, notes: Iterable[str] = ()) -> str:
    """The file's text; notes stand as comments at its top."""
    row: Json = {"about": flow.about} if flow.about else {}
    if flow.steps[0].id != flow.start:
        row["start"] = flow.start
    if flow.given:
        row["given"] = list(flow.given)
    if flow.slots:
        row["slots"] = {name: _slot(slot) for name, slot in flow.slots.items()}
    row["steps"] = {step.id: _step(step) for step in flow.steps}
    head = "".join(f"# {' '.join(note.split())}\n" for note in notes)
    return head + write_yaml(row)


def _slot(slot: FlowSlot) -> str | Json:
    if not slot.values and not slot.judged:
        return slot.about
    row: Json = {"about": slot.about} if slot.about else {}
    if slot.values:
        row["values"] = list(slot.values)
    return row | ({"judged": True} if slot.judged else {})


def _step(step: Step) -> Json:
    match step:
        case Say():
            return {"say": step.text, "next": step.next}
        case Ask():
            asked = list(step.slots) if len(step.slots) > 1 else step.slots[0]
            return {"ask": asked, **({"text": step.text} if step.text else {}), "next": step.next}
        case CallTool():
            row: Json = {"call": step.tool, "with": step.arguments}
            row |= {"fills": step.fills} if step.fills else {}
            return row | {"next": step.next} | ({"failed": step.failed} if step.failed else {})
        case Branch():
            arms = [{"else": arm.go} if arm.when is None else {"if": arm.when, "go": arm.go} for arm in step.arms]
            return {"branch": arms}
        case End():
            return {"end": step.outcome}
        case Handoff():
            return {"handoff": step.reason}
