"""A flow and its steps as records.

The one rule: a step holds only what its kind can have, and says by itself where it leads (`exits`), which slots it
needs (`needs`) and which it fills (`fills_on`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from manyshot.flow.conditions import parse, tests_of
from manyshot.types import Json, Record, Source

#: {slot} in a text or in an argument: the slot's value stands there.
PLACE = re.compile(r"\{([^\W\d]\w*)\}")
#: The exit of a call that the API answered with an error, or not at all.
FAILED = "failed"
#: The exit of a branch none of whose conditions hold.
ELSE = "else"
Scalar = str | bool | int | float


class Exit(NamedTuple):
    """A way out of a step: its label ("" for the usual one) and the id of the step it leads to."""

    label: str
    go: str


class FlowSlot(Record):
    """Something to know in a flow. `judged`: nobody is asked, the assistant decides it from what it has seen."""

    about: str = ""
    values: tuple[Scalar, ...] = ()
    judged: bool = False


class _Step(Record):
    id: str
    source: Source = Source(file="")

    @property
    def exits(self) -> tuple[Exit, ...]:
        """Where it leads; () for a step that closes the dialogue."""
        return ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Slots that must be known before it."""
        return ()

    def fills_on(self, label: str) -> tuple[str, ...]:  # noqa: ARG002
        """Slots that are known when it is left by the exit with this label."""
        return ()


class Say(_Step):
    """The assistant tells the customer something."""

    kind: Literal["say"] = "say"
    text: str
    next: str

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (Exit("", self.next),)

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(places(self.text))


class Ask(_Step):
    """The assistant asks the customer for slots; `text` is a proposed wording."""

    kind: Literal["ask"] = "ask"
    slots: tuple[str, ...]
    text: str = ""
    next: str

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (Exit("", self.next),)

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(places(self.text))

    def fills_on(self, label: str) -> tuple[str, ...]:  # noqa: ARG002
        return self.slots


class CallTool(_Step):
    """A tool is called. `arguments`: parameter -> constant or text with {slot}; `fills`: slot -> path in the answer."""

    kind: Literal["call"] = "call"
    tool: str
    arguments: Json = Field(default_factory=dict)
    fills: dict[str, str] = Field(default_factory=dict)
    next: str
    #: Where to go when the call fails for good; "" when the flow says nothing about it.
    failed: str = ""

    @property
    def exits(self) -> tuple[Exit, ...]:
        usual = Exit("", self.next)
        return (usual, Exit(FAILED, self.failed)) if self.failed else (usual,)

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(places(self.arguments))

    def fills_on(self, label: str) -> tuple[str, ...]:
        return () if label == FAILED else tuple(self.fills)


class Arm(Record):
    """One way out of a branch: a condition as it is written (see `conditions`), None for else."""

    when: str | None
    go: str


class Branch(_Step):
    """The first arm whose condition holds is taken."""

    kind: Literal["branch"] = "branch"
    arms: tuple[Arm, ...]

    @property
    def exits(self) -> tuple[Exit, ...]:
        return tuple(Exit(ELSE if arm.when is None else arm.when, arm.go) for arm in self.arms)

    @property
    def needs(self) -> tuple[str, ...]:
        return _tested(tuple(arm.when for arm in self.arms if arm.when))


@cache
def _tested(conditions: tuple[str, ...]) -> tuple[str, ...]:
    """The slots that conditions look at; plans ask for them all the time."""
    return tuple(dict.fromkeys(test.slot for condition in conditions for test in tests_of(parse(condition))))


class End(_Step):
    """The dialogue is over; `outcome` is what became of it, in a word or two."""

    kind: Literal["end"] = "end"
    outcome: str


class Handoff(_Step):
    """A person takes over."""

    kind: Literal["handoff"] = "handoff"
    reason: str


Step = Annotated[Say | Ask | CallTool | Branch | End | Handoff, Field(discriminator="kind")]
KINDS: tuple[str, ...] = ("say", "ask", "call", "branch", "end", "handoff")


class Flow(Record):
    """One business process. `given`: slots that are known before the first step, from the opening or the line."""

    name: str
    about: str = ""
    start: str
    given: tuple[str, ...] = ()
    slots: dict[str, FlowSlot] = Field(default_factory=dict)
    steps: tuple[Step, ...]
    source: Source = Source(file="")

    @property
    def by_id(self) -> dict[str, Step]:
        return {step.id: step for step in self.steps}

    @property
    def known(self) -> frozenset[str]:
        """Slots that need no step to be known: given ones and judged ones."""
        return frozenset(self.given) | {name for name, slot in self.slots.items() if slot.judged}


def places(value: Any) -> Iterator[str]:
    """Names of the {slot}s in a text, or anywhere in an argument; each once, in order."""
    found: dict[str, None] = {}
    stack = [value]
    while stack:
        here = stack.pop()
        if isinstance(here, str):
            found.update(dict.fromkeys(PLACE.findall(here)))
        elif isinstance(here, dict):
            stack.extend(reversed(list(here.values())))
        elif isinstance(here, list):
            stack.extend(reversed(here))
    yield from found
