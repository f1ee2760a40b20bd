"""flows/*.yaml -> Flows.

The one rule: a flow that leaves here names only steps, slots and tools that exist; whether it also makes sense as a
whole (no dead ends, no loops without an exit) is `flow_check`'s part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyshot.flow.conditions import ConditionError, parse, slots_of
from manyshot.flow.steps import (
    KINDS,
    PLACE,
    Arm,
    Ask,
    Branch,
    CallTool,
    End,
    Flow,
    FlowSlot,
    Handoff,
    Say,
    Step,
    places,
)
from manyshot.spec.documents import Document, Key, check_keys
from manyshot.spec.faults import Findings, near, show
from manyshot.spec.schemas import fits
from manyshot.spec.yamldoc import read_yaml
from manyshot.types import Json, Source, Tool

FOLDER = "flows"
#: Keys of a step by kind, the kind's own first; those in the second tuple may be left out.
STEP_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "say": (("say", "next"), ()),
    "ask": (("ask", "next"), ("text",)),
    "call": (("call", "next"), ("with", "fills", "failed")),
    "branch": (("branch",), ()),
    "end": (("end",), ()),
    "handoff": (("handoff",), ()),
}
Tools = Mapping[str, Tool]


def read_flows(folder: Path, tools: Tools, findings: Findings) -> list[Flow]:
    """The sound flows of a domain folder by name; [] when it has none."""
    flows: list[Flow] = []
    place = Path(folder) / FOLDER
    if not place.is_dir():
        return flows
    for path in sorted(p for p in place.iterdir() if not p.name.startswith(".")):
        file = f"{FOLDER}/{path.name}"
        if path.suffix == ".yaml" and not path.name.endswith(".dify.yaml"):
            flow = read_flow(Path(folder), file, tools, findings)
            flows += [flow] if flow is not None else []
        elif path.is_file() and not (place / f"{path.name.split('.')[0]}.yaml").exists():
            findings.hint(file, 0, f"not read; convert it: manyshot import {path} --into {folder}")
    return flows


def read_flow(folder: Path, file: str, tools: Tools, findings: Findings) -> Flow | None:
    """One flow, named after its file; None after a fault."""
    before = len(findings.faults)
    name = Path(file).stem
    if not name.isidentifier():
        findings.fault(file, 0, f'wanted a name of letters, digits and _, found "{name}"; rename the file')
    document = read_yaml(folder, file, findings)
    if document is None:
        return None
    if not isinstance(document.value, dict):
        findings.fault(file, 1, f"wanted a mapping with steps, found {show(document.value)}; see docs/flows.md")
        return None
    flow = _Reader(document, tools, findings).flow(name)
    return flow if len(findings.faults) == before else None


@dataclass(slots=True)
class _Reader:
    """Reads one document; every method adds what it finds and gives back what can still be used."""

    document: Document
    tools: Tools
    findings: Findings

    def fault(self, message: str, *path: Key) -> None:
        self.findings.fault(self.document.file, self.document.line(*path), message)

    def flow(self, name: str) -> Flow | None:
        value: Json = self.document.value
        for key, message in check_keys(value, ("steps",), ("about", "start", "given", "slots"), "a flow"):
            self.fault(message, key)
        slots = self._slots(value.get("slots"))
        given = self._given(value.get("given"), slots)
        steps = value.get("steps")
        if not isinstance(steps, dict) or not steps:
            if "steps" in value:
                self.fault(f"wanted steps as id: step, found {show(steps)}; add at least one", "steps")
            return None
        start = value.get("start", next(iter(steps)))
        if not isinstance(start, str) or start not in steps:
            self.fault(f"start names no step: {show(start)}; {near(str(start), steps)}", "start")
        read = [self._step(str(key), steps[key], slots, list(steps)) for key in steps]
        if not isinstance(start, str) or start not in steps or any(step is None for step in read):
            return None
        return Flow(
            name=name, about=self._text(value.get("about", ""), "about", empty=True), start=start, given=given,
            slots=slots, steps=tuple(step for step in read if step is not None), source=self._source("steps"),
        )  # fmt: skip

    def _source(self, *path: Key) -> Source:
        return Source(file=self.document.file, line=self.document.line(*path))

    def _text(self, value: Any, *path: Key, empty: bool = False) -> str:
        if isinstance(value, str) and (value.strip() or empty):
            return value.strip()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        self.fault(f"wanted text as {path[-1]}, found {show(value)}; write it in words", *path)
        return ""

    # slots

    def _slots(self, value: Any) -> dict[str, FlowSlot]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.fault(f"wanted slots as name: what it is, found {show(value)}", "slots")
            return {}
        return {name: self._slot(name, row) for name, row in value.items() if self._names_a_slot(name)}

    def _names_a_slot(self, name: str) -> bool:
        if PLACE.fullmatch("{" + name + "}"):
            return True
        self.fault(f'wanted a slot name of letters, digits and _, found "{name}"; rename it', "slots", name)
        return False

    def _slot(self, name: str, row: Any) -> FlowSlot:
        at = ("slots", name)
        if row is None or isinstance(row, str):
            return FlowSlot(about=row or "")
        if not isinstance(row, dict):
            self.fault(f"wanted what {name} is, in words, or about, values and judged, found {show(row)}", *at)
            return FlowSlot()
        for key, message in check_keys(row, (), ("about", "values", "judged"), "a slot"):
            self.fault(message, *at, key)
        values, judged = row.get("values", []), row.get("judged", False)
        if not isinstance(values, list) or ("values" in row and not values):
            self.fault(f"wanted values as [value, ...], found {show(values)}", *at, "values")
            values = []
        for index, one in enumerate(values):
            if not isinstance(one, str | bool | int | float) or one == "":
                self.fault(f"wanted text, a number, true or false, found {show(one)}", *at, "values", index)
                values = []
        if not isinstance(judged, bool):
            self.fault(f"wanted true or false, found {show(judged)}", *at, "judged")
        about = self._text(row.get("about", ""), *at, "about", empty=True)
        return FlowSlot(about=about, values=tuple(values), judged=judged is True)

    def _given(self, value: Any, slots: Mapping[str, FlowSlot]) -> tuple[str, ...]:
        return tuple(self._slot_names(value, slots, "given")) if value is not None else ()

    def _slot_names(self, value: Any, slots: Mapping[str, FlowSlot], *path: Key) -> Iterator[str]:
        """The names in one name or in a list of names, those that exist; the others are faults."""
        names = value if isinstance(value, list) else [value]
        if not names:
            self.fault(f"{path[-1]} is empty; name at least one slot", *path)
        for index, name in enumerate(names):
            at = (*path, index) if isinstance(value, list) else path
            if not isinstance(name, str):
                self.fault(f"wanted the name of a slot, found {show(name)}", *at)
            elif name not in slots:
                self._no_slot(name, slots, *at)
            else:
                yield name

    def _no_slot(self, name: str, slots: Mapping[str, FlowSlot], *path: Key) -> None:
        self.fault(f'there is no slot "{name}"; add it under slots; {near(name, slots)}', *path)

    def _known_places(self, value: Any, slots: Mapping[str, FlowSlot], *path: Key) -> None:
        for name in places(value):
            if name not in slots:
                self._no_slot(name, slots, *path)

    # steps

    def _step(self, name: str, row: Any, slots: Mapping[str, FlowSlot], ids: list[str]) -> Step | None:
        at = ("steps", name)
        if not isinstance(row, dict):
            self.fault(f"wanted a step as {', '.join(KINDS)}: ..., found {show(row)}", *at)
            return None
        kinds = [key for key in row if key in KINDS]
        if len(kinds) != 1:
            found = " and ".join(kinds) if kinds else ", ".join(str(key) for key in row) or "nothing"
            hint = "split it into steps" if kinds else near(str(next(iter(row), "")), KINDS)
            self.fault(f'wanted one of {", ".join(KINDS)} in the step "{name}", found {found}; {hint}', *at)
            return None
        before = len(self.findings.faults)
        if not name.isidentifier():
            self.fault(f'wanted an id of letters, digits and _, found "{name}"; rename the step', *at)
        needed, optional = STEP_KEYS[kinds[0]]
        for key, message in check_keys(row, needed, optional, f"the {kinds[0]} step"):
            if key == "next" and key not in row:
                message = f'the dialogue stops at "{name}": add next: STEP, or make it an end or a handoff'
            self.fault(message, *at, *((key,) if key in row else ()))
        for key in ("next", "failed"):
            if key in row:
                self._goes(row[key], ids, *at, key)
        made = _MAKERS[kinds[0]](self, name, row, slots, ids)
        return made if len(self.findings.faults) == before else None

    def _goes(self, value: Any, ids: list[str], *path: Key) -> str:
        if value not in ids:
            self.fault(f"there is no step {show(value)}; {near(str(value), ids)}", *path)
        return str(value)

    def say(self, name: str, row: Json, slots: Mapping[str, FlowSlot], _: list[str]) -> Step:
        text = self._text(row["say"], "steps", name, "say")
        self._known_places(text, slots, "steps", name, "say")
        return Say(id=name, source=self._source("steps", name), text=text, next=str(row.get("next")))

    def ask(self, name: str, row: Json, slots: Mapping[str, FlowSlot], _: list[str]) -> Step:
        asked = tuple(dict.fromkeys(self._slot_names(row["ask"], slots, "steps", name, "ask")))
        for slot in asked:
            if slots[slot].judged:
                self.fault(f'"{slot}" is judged, so nobody is asked for it; remove judged or the step',
                           "steps", name, "ask")  # fmt: skip
        text = self._text(row.get("text", ""), "steps", name, "text", empty=True)
        self._known_places(text, slots, "steps", name, "text")
        return Ask(id=name, source=self._source("steps", name), slots=asked, text=text, next=str(row.get("next")))

    def call(self, name: str, row: Json, slots: Mapping[str, FlowSlot], _: list[str]) -> Step:
        at = ("steps", name)
        tool = self.tools.get(row["call"]) if isinstance(row["call"], str) else None
        if tool is None:
            self.fault(f"there is no tool {show(row['call'])}; {near(str(row['call']), self.tools)}", *at, "call")
        arguments = self._arguments(name, row, tool, slots) if tool is not None else {}
        fills = row.get("fills", {})
        if not isinstance(fills, dict):
            self.fault(f"wanted fills as slot: field of the answer, found {show(fills)}", *at, "fills")
            fills = {}
        for slot, path in fills.items():
            if slot not in slots:
                self._no_slot(slot, slots, *at, "fills", slot)
            fills[slot] = self._text(path, *at, "fills", slot)
        return CallTool(
            id=name, source=self._source(*at), tool=str(row["call"]), arguments=arguments, fills=fills,
            next=str(row.get("next")), failed=str(row.get("failed", "")),
        )  # fmt: skip

    def _arguments(self, name: str, row: Json, tool: Tool, slots: Mapping[str, FlowSlot]) -> Json:
        at = ("steps", name, "with")
        if "with" not in row:
            for field in tool.required:
                if field not in slots:
                    self.fault(f"{tool.name} needs {field}; add a slot of this name, or with: {{{field}: ...}}", *at)
            return {field: f"{{{field}}}" for field in tool.required}
        given = row["with"]
        if not isinstance(given, dict):
            self.fault(f'wanted with as field: value or "{{slot}}", found {show(given)}', *at)
            return {}
        for field, value in given.items():
            if field not in tool.properties:
                self.fault(f'{tool.name} has no field "{field}"; {near(field, tool.properties)}', *at, field)
            elif not any(places(value)) and not fits(tool.properties[field], value):
                self.fault(f"{show(value)} does not fit {field} of {tool.name}; a slot is written \"{{slot}}\"",
                           *at, field)  # fmt: skip
            self._known_places(value, slots, *at, field)
        for field in tool.required:
            if field not in given:
                self.fault(f'{tool.name} needs "{field}"; add it', *at)
        return dict(given)

    def branch(self, name: str, row: Json, slots: Mapping[str, FlowSlot], ids: list[str]) -> Step:
        at = ("steps", name, "branch")
        arms = row["branch"]
        if not isinstance(arms, list) or not arms:
            self.fault(
                f"wanted branch as a list of {{if: condition, go: STEP}} and {{else: STEP}}, found {show(arms)}", *at
            )
            arms = []
        read = [self._arm(arm, slots, ids, *at, index) for index, arm in enumerate(arms)]
        for index, arm in enumerate(read[:-1]):
            if arm is not None and arm.when is None:
                self.fault("else stands before other conditions, which are never looked at; put it last", *at, index)
        return Branch(id=name, source=self._source("steps", name), arms=tuple(arm for arm in read if arm is not None))

    def _arm(self, arm: Any, slots: Mapping[str, FlowSlot], ids: list[str], *at: Key) -> Arm | None:
        if not isinstance(arm, dict):
            self.fault(f"wanted {{if: condition, go: STEP}} or {{else: STEP}}, found {show(arm)}", *at)
            return None
        if "else" in arm:
            for key, message in check_keys(arm, ("else",), (), "the else of a branch"):
                self.fault(message, *at, key)
            return Arm(when=None, go=self._goes(arm["else"], ids, *at, "else"))
        missing = [message for key, message in check_keys(arm, ("if", "go"), (), "an arm of a branch")]
        for message in missing:
            self.fault(message, *at)
        if missing:
            return None
        when = arm["if"]
        if not isinstance(when, str):
            self.fault(f"wanted a condition as: slot == value, found {show(when)}", *at, "if")
            return None
        try:
            named = slots_of(parse(when.strip()))
        except ConditionError as error:
            self.fault(f"{error} (in: {show(when)})", *at, "if")
            return None
        for slot in sorted(named - slots.keys()):
            self._no_slot(slot, slots, *at, "if")
        return Arm(when=when.strip(), go=self._goes(arm["go"], ids, *at, "go"))

    def end(self, name: str, row: Json, *_: Any) -> Step:
        return End(id=name, source=self._source("steps", name), outcome=self._text(row["end"], "steps", name, "end"))

    def handoff(self, name: str, row: Json, *_: Any) -> Step:
        reason = self._text(row["handoff"], "steps", name, "handoff")
        return Handoff(id=name, source=self._source("steps", name), reason=reason)


_MAKERS: Mapping[str, Callable[[_Reader, str, Json, Mapping[str, FlowSlot], list[str]], Step]] = {
    "say": _Reader.say,
    "ask": _Reader.ask,
    "call": _Reader.call,
    "branch": _Reader.branch,
    "end": _Reader.end,
    "handoff": _Reader.handoff,
}
