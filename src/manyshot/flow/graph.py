"""A flow as a graph: what can be reached, what never ends, what is known where.

The one rule: only the shape counts here; whether conditions can hold together is `conditions.possible`'s part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from manyshot.flow.steps import Ask, CallTool, Flow, Step

Ids = frozenset[str]


def reached(flow: Flow, start: str = "") -> Ids:
    """Ids of the steps that some way from a step (else from the flow's start) leads to, itself too."""
    steps = flow.by_id
    found, waiting = {start or flow.start}, [start or flow.start]
    while waiting:
        for way in steps[waiting.pop()].exits:
            if way.go not in found:
                found.add(way.go)
                waiting.append(way.go)
    return frozenset(found)


def endless(flow: Flow) -> Ids:
    """Ids of the loops from which no end and no handoff can be reached."""
    back: dict[str, list[str]] = {step.id: [] for step in flow.steps}
    for step in flow.steps:
        for way in step.exits:
            back[way.go].append(step.id)
    found = {step.id for step in flow.steps if not step.exits}
    waiting = list(found)
    while waiting:
        for before in back[waiting.pop()]:
            if before not in found:
                found.add(before)
                waiting.append(before)
    return _without_lead(flow, back.keys() - found)


def _without_lead(flow: Flow, stuck: Set[str]) -> Ids:
    """Of steps that never end, those that a loop comes back to: the ones that only lead into it are taken off."""
    left = set(stuck)
    while True:
        entered = {way.go for step in flow.steps if step.id in left for way in step.exits}
        if left <= entered:
            return frozenset(left)
        left &= entered


def idle_loop(flow: Flow) -> tuple[str, ...]:
    """Ids of a loop in which nobody is asked and nothing is called, so that every round is like the last; or ()."""
    steps = {step.id: step for step in flow.steps if not isinstance(step, Ask | CallTool)}
    done: set[str] = set()
    for first in steps:
        trail: list[str] = []
        open_ways = [(first, iter(steps[first].exits))] if first not in done else []
        trail += [first] if open_ways else []
        while open_ways:
            here, ways = open_ways[-1]
            way = next(ways, None)
            if way is None:
                open_ways.pop()
                trail.pop()
                done.add(here)
            elif way.go in trail:
                return tuple(trail[trail.index(way.go) :])
            elif way.go in steps and way.go not in done:
                open_ways.append((way.go, iter(steps[way.go].exits)))
                trail.append(way.go)
    return ()


def known_before(flow: Flow) -> Mapping[str, Ids]:
    """For each step that can be reached, the slots that are known there whichever way was taken."""
    steps = flow.by_id
    known: dict[str, Ids] = {flow.start: flow.known}
    waiting = [flow.start]
    while waiting:
        step = steps[waiting.pop()]
        for way in step.exits:
            after = known[step.id].union(step.fills_on(way.label))
            # A slot counts as known only if every way brings it, so the sets only shrink and this comes to an end.
            both = known[way.go] & after if way.go in known else after
            if known.get(way.go) != both:
                known[way.go] = both
                waiting.append(way.go)
    return known


def in_order(flow: Flow, ids: Iterable[str]) -> list[Step]:
    """The steps with these ids, in the order of the file."""
    wanted = set(ids)
    return [step for step in flow.steps if step.id in wanted]
