"""A flow as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html).

The one rule: the chart says all that the flow says, so that importing it gives the same flow again. Steps are nodes
with exact words (`ask: slot`, `call: Tool`); what has no place in a node stands in comments, which Mermaid passes over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from manyshot.flow.conditions import write_value
from manyshot.flow.steps import FAILED, Ask, Branch, CallTool, End, Flow, Handoff, Say, Step

#: Words that mean something to Mermaid's lexer where a node's id may stand; such ids get an underscore.
RESERVED = (
    "end", "graph", "flowchart", "subgraph", "style", "linkStyle", "classDef", "class", "click", "call", "href",
    "default", "direction", "interpolate",
)  # fmt: skip
_RESERVED = re.compile(rf"(?:{'|'.join(RESERVED)})_*")
#: Between a field of a tool's answer and the slot that it fills.
ARROW = " → "
_ENTITIES = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "`": "#96;", "{": "#123;", "}": "#125;"}


def draw(flow: Flow) -> str:
    """The chart, with a line break at its end."""
    steps = sorted(flow.steps, key=lambda step: step.id != flow.start)  # the first node is where the flow starts
    nodes = [f"    {node_id(step.id)}{_shape(step)}" for step in steps]
    edges = [
        f"    {node_id(step.id)} {_arrow(step, way.label)} {node_id(way.go)}" for step in steps for way in step.exits
    ]
    return "\n".join([*_comments(flow), "flowchart TD", *nodes, *edges]) + "\n"


def _comments(flow: Flow) -> Iterator[str]:
    yield f"%% flow: {flow.name}"
    if flow.about:
        yield f"%% about: {_quoted(flow.about, braces=True)}"
    if flow.given:
        yield f"%% given: {', '.join(flow.given)}"
    for name, slot in flow.slots.items():
        parts = [slot.about, *map(literal, slot.values)]
        kind = "judged" if slot.judged else "slot"
        yield f"%% {kind} {name}: {' | '.join(_quoted(part, braces=True) for part in parts)}".rstrip()


def node_id(name: str) -> str:
    """A step's id as a node's: itself, but for words that Mermaid keeps for itself."""
    return f"{name}_" if _RESERVED.fullmatch(name) else name


def step_id(name: str) -> str:
    """The reverse of `node_id`."""
    return name[:-1] if name.endswith("_") and _RESERVED.fullmatch(name) else name


def _shape(step: Step) -> str:
    match step:
        case Say():
            return f'["say: {_quoted(step.text)}"]'
        case Ask():
            words = f"ask: {', '.join(step.slots)}" + (f"\n{step.text}" if step.text else "")
            return f'[/"{_quoted(words)}"/]'
        case CallTool():
            lines = [f"call: {step.tool}"]
            lines += [f"{field} = {literal(value)}" for field, value in step.arguments.items()]
            lines += [f"{field}{ARROW}{slot}" for slot, field in step.fills.items()]
            return f'["{_quoted(chr(10).join(lines))}"]'
        case Branch():
            return f'{{"{_quoted(", ".join(step.needs))}?"}}'
        case End():
            return f'(["end: {_quoted(step.outcome)}"])'
        case Handoff():
            return f'[["handoff: {_quoted(step.reason)}"]]'


def _arrow(step: Step, label: str) -> str:
    if isinstance(step, CallTool) and label == FAILED:
        return f'-. "{FAILED}" .->'
    return f'-->|"{_quoted(label)}"|' if label else "-->"


def literal(value: Any) -> str:
    """A value in one line: as conditions write it where it can stand bare, else as JSON."""
    if isinstance(value, str | bool | int | float) and not (text := write_value(value)).startswith('"'):
        return text
    return json.dumps(value, ensure_ascii=False)


def _quoted(text: str, *, braces: bool = False) -> str:
    """Text as it may stand in a quoted label, or, with `braces`, in a comment."""
    signs = [sign for sign in _ENTITIES if braces or sign not in "{}"]
    out = re.sub(f"[{''.join(signs)}]", lambda found: _ENTITIES[found[0]], text)
    return out.replace("|", "#124;").replace("\n", "<br/>") if braces else out.replace("\n", "<br/>")
