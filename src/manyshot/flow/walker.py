"""Where a conversation stands in a flow, and what comes next.

The one rule: it knows nothing of words. What the customer said comes in as slots, what a tool answered as the outcome
of its call; out comes the next step at which the assistant has to speak, to call or to stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from manyshot.flow.conditions import holds, parse
from manyshot.flow.steps import ELSE, FAILED, Ask, Branch, CallTool, End, Flow, Handoff, Say
from manyshot.types import Json

#: Steps between two messages of the customer; more is a flow that goes round in circles.
STEPS = 40


class LostError(ValueError):
    """The flow leads nowhere from here."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The step at which something has to be done, and how the walk came there from the last one."""

    step: Ask | CallTool | End | Handoff
    #: Steps that tell the customer something on the way.
    told: tuple[Say, ...] = ()
    #: "id=label" of the branches on the way.
    branches: tuple[str, ...] = ()
    #: How often the walk came to this step, this time too.
    round: int = 1
    #: Whether it was asked here just before.
    again: bool = False
    #: Slots of a question that are not known.
    missing: frozenset[str] = frozenset()


@dataclass(slots=True)
class Walker:
    """One walk through one flow."""

    flow: Flow
    at: str = ""
    values: Json = field(default_factory=dict)
    #: Slot -> the customer's message, counted, in which it was told last.
    since: dict[str, int] = field(default_factory=dict)
    heard: int = 0
    #: Questions and calls, by how often the walk came there; and the questions that were put and not answered yet.
    rounds: dict[str, int] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    #: Question -> the message, counted, at which it was answered last.
    passed: dict[str, int] = field(default_factory=dict)
    #: "id=label" of the call that was answered last.
    last: str = ""

    def __post_init__(self) -> None:
        self.at = self.at or self.flow.start

    def fork(self) -> Walker:
        """A walk of its own from here."""
        other = copy(self)
        other.values, other.since = dict(self.values), dict(self.since)
        other.rounds, other.asked, other.passed = dict(self.rounds), set(self.asked), dict(self.passed)
        return other

    def save(self) -> Json:
        """All of it as JSON."""
        return {
            "flow": self.flow.name,
            "at": self.at,
            "values": dict(self.values),
            "since": dict(self.since),
            "heard": self.heard,
            "rounds": dict(self.rounds),
            "asked": sorted(self.asked),
            "passed": dict(self.passed),
            "last": self.last,
        }

    @classmethod
    def load(cls, flow: Flow, saved: Json) -> Walker:
        """The walk that was saved. ValueError where the flow has no such step (any more)."""
        if saved["at"] not in flow.by_id:
            raise ValueError(f"flow {flow.name} has no step {saved['at']!r} any more")
        own = {key: value for key, value in saved.items() if key not in ("flow", "asked")}
        return cls(flow, **own, asked=set(saved["asked"]))

    def hear(self) -> None:
        """The customer speaks."""
        self.heard += 1

    def put(self, slot: str, value: Any) -> None:
        """The customer told a slot, or the assistant judged it."""
        self.values[slot], self.since[slot] = value, self.heard

    def next(self) -> Stop:
        """Go on to the next step at which something has to be done. Raises LostError."""
        told: list[Say] = []
        branches: list[str] = []
        for _ in range(STEPS):
            step = self.flow.by_id[self.at]
            match step:
                case Say():
                    told.append(step)
                    self.at = step.next
                case Branch():
                    arm = next((a for a in step.arms if a.when is None or holds(parse(a.when), self.values)), None)
                    if arm is None:
                        raise LostError(f"no way on at {step.id}")
                    branches.append(f"{step.id}={ELSE if arm.when is None else arm.when}")
                    self.at = arm.go
                case Ask():
                    missing = self._missing(step)
                    if missing:
                        return self._stop(step, told, branches, missing)
                    if step.id not in self.asked:
                        self.rounds[step.id] = self.rounds.get(step.id, 0) + 1
                    self.asked.discard(step.id)
                    self.passed[step.id] = self.heard
                    self.at = step.next
                case CallTool() | End() | Handoff():
                    return self._stop(step, told, branches, frozenset())
        raise LostError("the flow goes round in circles")

    def asks(self) -> tuple[str, ...]:
        """The slots that are asked for here; () where nothing is."""
        step = self.flow.by_id[self.at]
        return tuple(slot for slot in step.slots if slot in self._missing(step)) if isinstance(step, Ask) else ()

    def answered(self, step: CallTool, values: Json | None) -> None:
        """A call was answered with the values of the slots that it fills; None: it failed for good."""
        for slot, value in (values or {}).items():
            self.put(slot, value)
        self.at = step.next if values is not None else step.failed
        self.last = f"{step.id}={'' if values is not None else FAILED}"
        if not self.at:
            raise LostError(f"the flow says nothing about a failure of {step.tool}")

    def _missing(self, step: Ask) -> frozenset[str]:
        """Slots of a question that are to be asked: unknown ones, and those that an earlier round was answered with."""
        since = self.passed.get(step.id, -1)
        return frozenset(s for s in step.slots if s not in self.values or self.since.get(s, 0) <= since)

    def _stop(
        self,
        step: Ask | CallTool | End | Handoff,
        told: Sequence[Say],
        branches: Sequence[str],
        missing: frozenset[str],
    ) -> Stop:
        again = step.id in self.asked
        if not again:
            self.rounds[step.id] = self.rounds.get(step.id, 0) + 1
        if isinstance(step, Ask):
            self.asked.add(step.id)
        return Stop(step, tuple(told), tuple(branches), self.rounds[step.id], again, missing)
