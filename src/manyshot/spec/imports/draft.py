"""A flow that is being made from a chart.

The one rule: whatever the chart holds, names come out as names (letters, digits, _) that stand for one thing each, and
everything that was guessed or could not be carried over is said with the chart's line.
"""

from __future__ import annotations

from collections.abc import Iterable

from manyshot.flow.graph import known_before, reached
from manyshot.flow.steps import Arm, Ask, Branch, CallTool, Flow, FlowSlot, Scalar, Step, places
from manyshot.spec.faults import Findings
from manyshot.spec.imports.guess import Desk
from manyshot.spec.imports.names import identifier, slot_name


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
        name = slot_name(words, otherwise)
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
