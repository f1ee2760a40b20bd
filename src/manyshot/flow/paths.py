"""All paths through a flow.

A walk is one way from the start to an end or a handoff. Each loop is gone round at most once, and a walk whose
conditions contradict each other does not exist. The one rule: two walks are the same path when they make the same calls
and come to the same outcome; a path's id is a hash of just that, so it stays when wording, step names or other parts
of the flow change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from manyshot.flow.conditions import Effort, Fact, parse, possible, slots_of
from manyshot.flow.steps import ELSE, FAILED, Ask, Branch, CallTool, End, Exit, Flow, Handoff, Say, Step
from manyshot.records import digest
from manyshot.types import Json, Record

#: A step may stand in a walk this often: once, and once more where a loop comes back to it.
VISITS = 2
#: A flow with more walks than this cannot be looked over by anybody.
MAX_WALKS = 5_000
#: Values tried in search of contradictions; reached only where the conditions of many slots hang together.
MAX_EFFORT = 200_000
#: Steps tried while walks are searched; reached only where nearly all ways contradict themselves.
MAX_TRIED = 200_000


class TooManyPaths(ValueError):
    """A flow has so many ways through it that they are not listed."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The steps of one way through a flow with the label of the exit taken from each; "" at the last."""

    steps: tuple[Step, ...]
    labels: tuple[str, ...]

    @property
    def taken(self) -> Iterator[tuple[str, str]]:
        """(step id, label) of every exit that was taken."""
        return zip((step.id for step in self.steps[:-1]), self.labels, strict=False)

    @property
    def key(self) -> Json:
        """What makes it a path of its own: its calls, and what becomes of it."""
        last = self.steps[-1]
        outcome = last.outcome if isinstance(last, End) else last.reason if isinstance(last, Handoff) else ""
        calls = [
            {"tool": step.tool, "with": step.arguments, "failed": label == FAILED}
            for step, label in zip(self.steps, self.labels, strict=True)
            if isinstance(step, CallTool)
        ]
        return {"calls": calls, last.kind: outcome}


class PathStep(Record):
    """A step as a list of paths shows it. `kind` says what the words are: said, asked for, called, decided, reached."""

    id: str
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Path:
    """Walks with the same calls and the same outcome; the first of them is the shortest, and shown for all."""

    id: str
    flow: str
    walks: tuple[Walk, ...]

    @property
    def steps(self) -> tuple[PathStep, ...]:
        walk = self.walks[0]
        return tuple(
            PathStep(id=step.id, kind=step.kind, words=_words(step, label))
            for step, label in zip(walk.steps, walk.labels, strict=True)
        )

    @property
    def row(self) -> Json:
        """As `manyshot flow paths --json` prints it."""
        return {"flow": self.flow, "path": self.id, "steps": [step.model_dump() for step in self.steps]}


def _words(step: Step, label: str) -> str:
    match step:
        case Say():
            return step.text
        case Ask():
            return ", ".join(step.slots)
        case CallTool():
            return f"{step.tool} ({FAILED})" if label == FAILED else step.tool
        case End():
            return step.outcome
        case Handoff():
            return step.reason
    return label


def paths(flow: Flow) -> tuple[Path, ...]:
    """All paths, in the order in which the file leads to them. Raises TooManyPaths."""
    grouped: dict[str, list[Walk]] = {}
    for walk in walks(flow):
        grouped.setdefault(digest(walk.key), []).append(walk)
    short = Counter(key[:8] for key in grouped)
    return tuple(
        # Eight digits tell paths apart; longer where two would be taken for one.
        Path(id=f"{flow.name}-{key[:8] if short[key[:8]] == 1 else key}", flow=flow.name, walks=_shortest_first(found))
        for key, found in grouped.items()
    )


def _shortest_first(found: list[Walk]) -> tuple[Walk, ...]:
    return tuple(sorted(found, key=lambda walk: len(walk.steps)))


def walks(flow: Flow) -> Iterator[Walk]:
    """Every way from the start to an end or a handoff. Raises TooManyPaths."""
    search = _Search(flow)
    for count, walk in enumerate(search.run()):
        if count >= MAX_WALKS:
            raise TooManyPaths(
                f"more than {MAX_WALKS:,} ways through {flow.name}; split it into several flows, or join branches"
            )
        yield walk


class _Search:
    """Depth first, without recursion: the walk so far lies in `trail`, with the ways still to try from each step."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.steps = flow.by_id
        self.values = {name: slot.values for name, slot in flow.slots.items() if slot.values}
        #: Many walks meet the same facts.
        self.tried: dict[tuple[Fact, ...], bool] = {}
        self.effort = Effort(MAX_EFFORT)

    def run(self) -> Iterator[Walk]:
        trail: list[tuple[Step, Iterator[tuple[Exit, tuple[Fact, ...]]]]] = []
        labels: list[str] = []
        visits: dict[str, int] = {}
        tried = 0

        def enter(name: str, facts: tuple[Fact, ...]) -> None:
            step = self.steps[name]
            visits[name] = visits.get(name, 0) + 1
            trail.append((step, self._ways(step, self._anew(step, facts) if visits[name] > 1 else facts)))

        enter(self.flow.start, ())
        while trail:
            step, ways = trail[-1]
            if not step.exits:
                yield Walk(tuple(one for one, _ in trail), (*labels, ""))
            found = next(((way, facts) for way, facts in ways if visits.get(way.go, 0) < VISITS), None)
            if found is None:
                trail.pop()
                visits[step.id] -= 1
                if labels:
                    labels.pop()
                continue
            if (tried := tried + 1) > MAX_TRIED:
                raise TooManyPaths(
                    f"{self.flow.name} has too many ways that contradict themselves; split it into several flows"
                )
            labels.append(found[0].label)
            enter(found[0].go, found[1])

    def _anew(self, step: Step, facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
        """What is still true when a loop comes back to a step: what it judges, it judges again from what is new."""
        judged = {name for name in step.needs if self.flow.slots[name].judged}
        return tuple(fact for fact in facts if not slots_of(fact[0]) & judged)

    def _ways(self, step: Step, facts: tuple[Fact, ...]) -> Iterator[tuple[Exit, tuple[Fact, ...]]]:
        """Exits that do not contradict the facts so far, with the facts after them."""
        refused: tuple[Fact, ...] = ()
        for way in step.exits:
            if not isinstance(step, Branch):
                filled = frozenset(step.fills_on(way.label))
                # What was true of a slot's old value says nothing about its new one.
                yield way, tuple(fact for fact in facts if not slots_of(fact[0]) & filled)
                continue
            new: tuple[Fact, ...] = refused
            if way.label != ELSE:
                condition = parse(way.label)
                new, refused = (*refused, (condition, True)), (*refused, (condition, False))
            after = (*facts, *new)
            if self._possible(_about(new, after)):
                yield way, after

    def _possible(self, facts: tuple[Fact, ...]) -> bool:
        if facts not in self.tried:
            self.tried[facts] = possible(facts, self.values, self.effort) is not None
            if self.effort.left < 0:
                raise TooManyPaths(
                    f"the conditions of {self.flow.name} hang together in too many ways; ask fewer slots at once, or "
                    "split it into several flows"
                )
        return self.tried[facts]


def _about(new: tuple[Fact, ...], facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The facts that share a slot with a new one, directly or through others; the rest is settled already."""
    slots = {slot for condition, _ in new for slot in slots_of(condition)}
    kept, left = list[Fact](), list(facts)
    while near := [fact for fact in left if slots_of(fact[0]) & slots]:
        kept += near
        left = [fact for fact in left if fact not in near]
        slots.update(*(slots_of(fact[0]) for fact in near))
    return tuple(kept)
