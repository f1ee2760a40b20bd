"""A flow that is being made from a chart.

The one rule: whatever the chart holds, names come out as names (letters, digits, _) that stand for one thing each, and
everything that was guessed or could not be carried over is said with the chart's line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from manyshot.flow.graph import known_before, reached
from manyshot.flow.steps import Arm, Ask, Branch, CallTool, Flow, FlowSlot, Scalar, Step, places
from manyshot.spec.faults import Findings
from manyshot.spec.weights import Route
from manyshot.types import Json, Tool

#: So much of the words of a node must stand in a tool's description or in one of its shots for it to be proposed.
ALIKE = 0.5
_PIECES = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[\u3400-\u9fff]+")
#: Words of a last step by which a person takes over.
_PERSON = (
    "handoff",
    "hand over",
    "human",
    "person",
    "agent",
    "escalate",
    "transfer to",
    "人工",
    "转接",
    "专员",
    "专人",
)
#: Words that say nothing about which tool is meant.
_EMPTY = frozenset(("the", "a", "of", "for", "to", "in", "on", "at", "and", "or", "is", "by", "客户", "进行", "一下"))


@dataclass(frozen=True, slots=True)
class Desk:
    """What an importer may know of the domain: its tools, and how experts word their calls (actions by tool)."""

    tools: Mapping[str, Tool]
    actions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Where the operations of an OpenAPI domain are called.
    routes: tuple[Route, ...] = ()

    def nearest_tool(self, words: str) -> str | None:
        """The tool whose description or shots hold most of these words; None when no one stands out."""
        scores = {name: max(_held(words, text) for text in self._texts(name)) for name in self.tools}
        ranked = sorted(scores, key=lambda name: -scores[name])
        if not ranked or scores[ranked[0]] < ALIKE:
            return None
        alone = len(ranked) == 1 or scores[ranked[1]] < scores[ranked[0]]
        return ranked[0] if alone else None

    def _texts(self, name: str) -> list[str]:
        return [name, self.tools[name].description, *self.actions.get(name, ())]

    def nearest_field(self, words: str) -> str | None:
        """The field of any tool whose name or description holds most of these words; None when there is none."""
        fields = {field: str(schema.get("description", "")) for field, schema in self.fields().items()}
        best = max(fields, key=lambda name: max(_held(words, name), _held(words, fields[name])), default=None)
        if best is None or max(_held(words, best), _held(words, fields[best])) < ALIKE:
            return None
        return best

    def fields(self) -> dict[str, Json]:
        """Every field of every tool by name; the first tool that has it counts."""
        found: dict[str, Json] = {}
        for tool in self.tools.values():
            for name, schema in tool.properties.items():
                found.setdefault(name, schema if isinstance(schema, dict) else {})
        return found


def _held(words: str, text: str) -> float:
    """The part of the words that stands in a text: pairs of Chinese characters, words of other languages."""
    wanted = _grams(words)
    return len(wanted & _grams(text)) / len(wanted) if wanted else 0.0


def _grams(text: str) -> set[str]:
    found: set[str] = set()
    for piece in _PIECES.findall(text):
        if "\u3400" <= piece[0] <= "\u9fff":
            found.update(piece[n : n + 2] for n in range(max(1, len(piece) - 1)))
        else:
            found.add(piece.lower())
    return found - _EMPTY


def hands_over(words: str) -> bool:
    """Whether the words of a last step say that a person takes over."""
    folded = words.lower()
    return any(word in folded for word in _PERSON)


def identifier(words: str, otherwise: str = "step") -> str:
    """A name made of words: other signs become _, a leading digit gets one in front."""
    if words.isidentifier():
        return words
    name = re.sub(r"\W+", "_", words).strip("_") or re.sub(r"\W+", "_", otherwise).strip("_") or "step"
    name = name if not name[0].isdigit() else f"_{name}"
    return name if name.isidentifier() else "step"


class Draft:
    """Collects slots and steps; `flow` gives the whole."""

    def __init__(self, file: str, desk: Desk, findings: Findings) -> None:
        self.file, self.desk, self.findings = file, desk, findings
        self.about = ""
        self.given: list[str] = []
        self.slots: dict[str, FlowSlot] = {}
        self.steps: dict[str, Step] = {}
        self._taken: set[str] = set()

    def proposed(self, line: int, message: str) -> None:
        self.findings.hint(self.file, line, f"proposed: {message}")

    def lost(self, line: int, message: str) -> None:
        self.findings.hint(self.file, line, f"not carried over: {message}")

    def fresh(self, words: str, otherwise: str = "step") -> str:
        """A step id that is not taken yet, and now is."""
        name = base = identifier(words, otherwise)
        number = 1
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name

    def add(self, step: Step) -> None:
        self.steps[step.id] = step
        for slot in places(step.model_dump(exclude={"source"})):
            self.slot(slot)

    def put_first(self, name: str, since: int) -> None:
        """Put a step before those that were added for it; `since` is how many steps there were before them."""
        for other in list(self.steps)[since:]:
            if other != name:
                self.steps[other] = self.steps.pop(other)

    def slot(
        self,
        words: str,
        about: str = "",
        values: Iterable[Scalar] = (),
        *,
        judged: bool = False,
        otherwise: str = "slot",
    ) -> str:
        """The name of a slot, which is declared; values join those that it has. Fields are described by their tool."""
        name = identifier(words, otherwise)
        schema = self.desk.fields().get(name, {})
        old = self.slots.get(name, FlowSlot(about=str(schema.get("description", "")), judged=judged))
        # By their looks: true and 1 are the same key to a dict and not the same value.
        merged = tuple({repr(value): value for value in (*old.values, *values)}.values())
        self.slots[name] = old.model_copy(update={"about": old.about or about, "values": merged})
        return name

    def flow(self, name: str, start: str) -> Flow:
        """The flow with the steps that the start leads to; the others are named as not carried over."""
        flow = Flow(
            name=name, about=self.about, start=start, given=tuple(dict.fromkeys(self.given)), slots=self.slots,
            steps=tuple(self.steps.values()),
        )  # fmt: skip
        seen = reached(flow)
        for step in flow.steps:
            if step.id not in seen:
                self.lost(step.source.line, f'"{step.id}", which no way from the start leads to')
        kept = flow.model_copy(update={"steps": tuple(step for step in flow.steps if step.id in seen)})
        return self._asking(kept)

    def _asking(self, flow: Flow) -> Flow:
        """The flow with an ask step put before each call whose values are not known on every way to it."""
        for step in flow.steps:
            known = known_before(flow)
            missing = tuple(slot for slot in step.needs if slot not in known[step.id])
            if not isinstance(step, CallTool) or not missing:
                continue
            ask = Ask(id=self.fresh(f"ask_{step.id}"), source=step.source, slots=missing, next=step.id)
            self.proposed(
                step.source.line, f"the customer is asked for {', '.join(missing)} before {step.tool} is called"
            )
            others = [_redirected(one, step.id, ask.id) for one in flow.steps]
            place = next(n for n, one in enumerate(others) if one.id == step.id)
            start = ask.id if flow.start == step.id else flow.start
            flow = flow.model_copy(update={"start": start, "steps": (*others[:place], ask, *others[place:])})
        return flow


def _redirected(step: Step, old: str, new: str) -> Step:
    """A step whose ways to one step lead to another."""
    if isinstance(step, Branch):
        arms = tuple(Arm(when=arm.when, go=new if arm.go == old else arm.go) for arm in step.arms)
        return step.model_copy(update={"arms": arms})
    changed = {name: new for name in ("next", "failed") if getattr(step, name, None) == old}
    return step.model_copy(update=changed)
