"""Flows built by hand, in as few words as a test needs."""

from __future__ import annotations

from manyshot.flow.steps import Arm, Ask, Branch, CallTool, End, Flow, FlowSlot, Handoff, Say, Step


def flow(*steps: Step, name: str = "f", given: tuple[str, ...] = (), **slots: tuple[str, ...]) -> Flow:
    """A flow that begins at its first step; slots by name with their values, () for any."""
    made = {slot: FlowSlot(values=values) for slot, values in slots.items()}
    return Flow(name=name, start=steps[0].id, given=given, slots=made, steps=steps)


def say(id: str, next: str, text: str = "hello") -> Say:
    return Say(id=id, text=text, next=next)


def ask(id: str, slot: str, next: str) -> Ask:
    return Ask(id=id, slots=(slot,), next=next)


def call(id: str, next: str, failed: str = "", tool: str = "Book", **arguments: object) -> CallTool:
    return CallTool(id=id, tool=tool, arguments=arguments, next=next, failed=failed)


def branch(id: str, *arms: tuple[str, str]) -> Branch:
    """Arms as (condition, step); the condition "" is else."""
    return Branch(id=id, arms=tuple(Arm(when=when or None, go=go) for when, go in arms))


def end(id: str = "end", outcome: str = "done") -> End:
    return End(id=id, outcome=outcome)


def person(id: str = "person", reason: str = "wanted") -> Handoff:
    return Handoff(id=id, reason=reason)
