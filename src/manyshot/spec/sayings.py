"""sayings.yaml -> how customers say things, as experts heard it.

The one rule: a saying names a flow, one of its questions (or its opening) and slots that exist, so that it is used only
where it fits:

    fault_repair:
      opening:
        - when: {danger: 否}
          says: ["{problem}，咋办", "家里{problem}了"]
      ask_solved:
        - when: {solved: 否}
          says: [还是老样子, 没用]
    complaint:
      opening:
        - when: {insists: 否}
          tells: [complaint]     # in words of its own
          says: [师傅乱收费]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from manyshot.flow.steps import PLACE, Ask, Flow
from manyshot.spec.documents import Document, Key, check_keys
from manyshot.spec.faults import Findings, near, show
from manyshot.spec.yamldoc import read_yaml
from manyshot.types import Saying

FILE = "sayings.yaml"
OPENING = "opening"


def read_sayings(folder: Path, flows: Sequence[Flow], findings: Findings) -> list[Saying]:
    """The sound entries; [] when there is no such file."""
    if not (folder / FILE).exists():
        return []
    document = read_yaml(folder, FILE, findings)
    if document is None or document.value is None:
        return []
    return list(_flows(document, {flow.name: flow for flow in flows}, findings))


def _flows(document: Document, flows: dict[str, Flow], findings: Findings) -> Iterator[Saying]:
    if not isinstance(document.value, dict):
        findings.fault(FILE, 1, f"wanted flow: {{question: [sayings]}}, found {show(document.value)}")
        return
    for name, places in document.value.items():
        line = document.line(name)
        if name not in flows:
            findings.fault(FILE, line, f"{show(name)} names no flow; {near(str(name), flows)}")
        elif not isinstance(places, dict):
            findings.fault(FILE, line, f"wanted question: [sayings], found {show(places)}")
        else:
            for at, entries in places.items():
                yield from _place(document, flows[name], str(at), entries, findings)


def _place(document: Document, flow: Flow, at: str, entries: Any, findings: Findings) -> Iterator[Saying]:
    asks = [step.id for step in flow.steps if isinstance(step, Ask)]
    line = document.line(flow.name, at)
    if at not in (OPENING, *asks):
        findings.fault(FILE, line, f'"{at}" is no question of {flow.name}; {near(at, (OPENING, *asks))}')
    elif not isinstance(entries, list):
        findings.fault(FILE, line, f"wanted a list of entries with says, found {show(entries)}")
    else:
        for n, entry in enumerate(entries):
            before = len(findings.faults)
            for message, *path in _wrong(flow, entry):
                findings.fault(FILE, document.line(flow.name, at, n, *path), message)
            if len(findings.faults) == before:
                yield Saying(
                    flow=flow.name,
                    at="" if at == OPENING else at,
                    when=entry.get("when") or {},
                    tells=tuple(entry.get("tells") or ()),
                    says=tuple(str(text) for text in entry["says"]),
                )


def _wrong(flow: Flow, entry: Any) -> Iterator[tuple[Any, ...]]:
    """(message, path within the entry) of what is wrong with one."""
    if not isinstance(entry, dict):
        yield (f"wanted when and says, found {show(entry)}",)
        return
    for key, message in check_keys(entry, ("says",), ("when", "tells"), "an entry"):
        yield message, key
    yield from _wrong_when(flow, entry.get("when"))
    tells = entry.get("tells")
    if tells is not None and not isinstance(tells, list):
        yield f"wanted tells as a list of slots, found {show(tells)}", "tells"
    elif strange := [slot for slot in tells or () if slot not in flow.slots]:
        yield f"{show(strange[0])} is no slot of {flow.name}; {near(str(strange[0]), flow.slots)}", "tells"
    says = entry.get("says")
    if "says" in entry and (not isinstance(says, list) or not says):
        yield f"wanted says as a list of sentences, found {show(says)}", "says"
        return
    for n, text in enumerate(says or ()):
        if not isinstance(text, str | int) or isinstance(text, bool) or not str(text).strip():
            yield f"wanted a sentence, found {show(text)}; put it in quotes", "says", n
            continue
        for slot in PLACE.findall(str(text)):
            if slot not in flow.slots:
                yield f'"{{{slot}}}" is no slot of {flow.name}; {near(slot, flow.slots)}', "says", n


def _wrong_when(flow: Flow, when: Any) -> Iterator[tuple[str, Key] | tuple[str, Key, Key]]:
    if when is not None and not isinstance(when, dict):
        yield f"wanted when as slot: value, found {show(when)}", "when"
        return
    for slot, value in (when or {}).items():
        if slot not in flow.slots:
            yield f"{show(slot)} is no slot of {flow.name}; {near(str(slot), flow.slots)}", "when", slot
        elif not flow.slots[slot].values:
            yield f'"{slot}" has no list of values in the flow; write its value into the sentence', "when", slot
        elif value not in flow.slots[slot].values:
            allowed = ", ".join(map(show, flow.slots[slot].values))
            yield f"{show(value)} is no value of {slot}; choose from {allowed}", "when", slot
