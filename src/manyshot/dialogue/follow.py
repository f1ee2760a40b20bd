"""Which way through a flow a dialogue takes.

The one rule: calls decide. A dialogue follows a walk when its calls are those of the walk, in order, with the values
that the flow gives them and with the outcomes that its branches need; which question belongs to which step is then
told by order and by words, and serves only to show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from manyshot.dialogue.company import field_of_answer
from manyshot.dialogue.lay import lay
from manyshot.flow.conditions import holds, parse, slots_of
from manyshot.flow.paths import Path, Walk
from manyshot.flow.steps import ELSE, FAILED, PLACE, Ask, Branch, CallTool, End, Handoff, Say, Step, places
from manyshot.flow.words import held
from manyshot.oneline import show
from manyshot.types import Call, Json, Observation, Trajectory

#: What it costs to leave a step of a kind out: customers often answer a question before it is asked. A call never is.
_SKIP: Mapping[type[Step], float] = {Ask: 0.5, Say: 0.4, End: 0.0, Handoff: 0.2}
#: What it costs when a step takes one more Action, as when two things of one step are asked one after the other.
_MORE = 0.1


@dataclass(frozen=True, slots=True)
class Act:
    """Something the assistant does: the turn of its Action (or of a reply without one), and what comes of it."""

    turn: int
    line: int
    words: str
    call: Call | None = None
    answered: Observation | None = None
    #: The customer speaks next.
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """Where a dialogue leaves a walk. `line` of the Action that does."""

    line: int
    message: str


@dataclass(slots=True)
class Followed:
    """A walk with the dialogue laid beside it."""

    path: Path
    walk: Walk
    #: Index of an act -> index of its step in the walk.
    steps: Mapping[int, int]
    conflicts: list[Conflict] = field(default_factory=list)
    #: What is known of the slots at the end.
    values: Json = field(default_factory=dict)
    likeness: float = 0.0


def acts_of(one: Trajectory) -> list[Act]:
    """The assistant's acts in order."""
    found: list[Act] = []
    turns = one.turns
    for n, turn in enumerate(turns):
        if turn.role not in ("action", "reply") or (turn.role == "reply" and n and turns[n - 1].role == "action"):
            continue
        after, words = n + 1, turn.text
        if after < len(turns) and turns[after].role == "reply" and turn.role == "action":
            after, words = after + 1, f"{words}\n{turns[after].text}"
        then = turns[after] if after < len(turns) else None
        seen = then.answered if then is not None and then.role == "observation" and turn.call is not None else None
        asks = then is not None and (then.role == "user" or (then.role == "observation" and turn.call is None))
        found.append(Act(n, turn.line, words, turn.call, seen, asks))
    return found


def follow(one: Trajectory, found: Iterable[Path]) -> Followed | None:
    """The walk that fits best, of these paths; None when none makes the dialogue's calls."""
    acts = acts_of(one)
    ways = [_check(way, acts) for path in found for walk in path.walks if (way := _align(path, walk, acts)) is not None]
    return min(ways, key=lambda way: (len(way.conflicts), -way.likeness), default=None)


# which act belongs to which step


def _align(path: Path, walk: Walk, acts: Sequence[Act]) -> Followed | None:
    """Acts laid beside the steps in order; None when the calls are others."""
    if _runs(map(_tool, acts)) != _runs(step.tool if isinstance(step, CallTool) else "" for step in walk.steps):
        return None
    places = [n for n, step in enumerate(walk.steps) if not isinstance(step, Branch)]

    def fit(first: int, last: int, place: int) -> float | None:
        step, run = walk.steps[places[place]], acts[first : last + 1]
        if not _takes(step, walk.labels[places[place]], run):
            return None
        return sum(_likeness(act, step) for act in run) - _MORE * (last - first)

    def skip(place: int) -> float | None:
        return _SKIP.get(type(walk.steps[places[place]]))

    found = lay(len(acts), len(places), fit, skip)
    if found is None:
        return None
    return Followed(path, walk, {act: places[place] for act, place in found[1].items()}, likeness=found[0])


def _runs(tools: Iterable[str]) -> list[str]:
    """The tools that are called, each run of one tool once: most walks are told apart by this alone."""
    return [tool for tool, _ in groupby(tool for tool in tools if tool)]


def _takes(step: Step, label: str, run: Sequence[Act]) -> bool:
    """Whether a step can take these acts. A call that failed may be made again before it counts."""
    if not isinstance(step, CallTool):
        return all(act.call is None for act in run)
    if any(_tool(act) != step.tool for act in run) or any(_ok(act) for act in run[:-1]):
        return False
    return _ok(run[-1]) == (label != FAILED)


def _tool(act: Act) -> str:
    return act.call.name if act.call else ""


def _ok(act: Act) -> bool:
    return act.answered is not None and act.answered.ok


def _likeness(act: Act, step: Step) -> float:
    words = held(words_of(step), act.words)
    if isinstance(step, CallTool):
        return words
    return words + (1.0 if act.asks == isinstance(step, Ask) else 0.25)


def words_of(step: Step) -> str:
    """A step's own words, without the slots in them; "" for one that says nothing."""
    match step:
        case Say() | Ask():
            return PLACE.sub(" ", step.text)
        case End():
            return step.outcome
        case Handoff():
            return step.reason
    return ""


# whether the values agree


def _check(way: Followed, acts: Sequence[Act]) -> Followed:
    """Go along the walk with what is known of its slots; what contradicts it is added to `way`."""
    by_step = {step: acts[act] for act, step in way.steps.items()}  # of several acts of a step the last counts
    values: Json = {}
    line = 0
    for n, (step, label) in enumerate(zip(way.walk.steps, way.walk.labels, strict=True)):
        act = by_step.get(n)
        line = act.line if act is not None else line
        if isinstance(step, Branch):
            way.conflicts += [Conflict(line, said) for said in _wrong_way(step, label, values)]
        elif isinstance(step, CallTool) and act is not None and act.call is not None:
            way.conflicts += [Conflict(line, said) for said in _wrong_values(step, act.call, values)]
            if label != FAILED and act.answered is not None:
                values |= {slot: field_of_answer(act.answered.body, path) for slot, path in step.fills.items()}
        elif isinstance(step, Ask):
            for slot in step.slots:
                values.pop(slot, None)
    way.values = values
    return way


def _wrong_values(step: CallTool, call: Call, values: Json) -> Iterator[str]:
    """What is wrong with a call's arguments; slots that were not known yet are from now on."""
    for name, template in step.arguments.items():
        if name not in call.arguments:
            yield f'{call.name} lacks "{name}", which the flow\'s step {step.id} gives'
            continue
        for wanted, got, slot in _pairs(template, call.arguments[name]):
            if slot is None or slot in values:
                right = wanted if slot is None else values[slot]
                if right != got or isinstance(right, bool) != isinstance(got, bool):
                    what = f"the {slot} known here is" if slot else "the flow gives"
                    yield f"{call.name} has {name} = {show(got)}, but {what} {show(right)}"
            else:
                values[slot] = got
    for name in call.arguments.keys() - step.arguments.keys():
        yield f'{call.name} has "{name}", which the flow does not give at {step.id}; remove it, or add it there'


def _pairs(template: Any, got: Any) -> Iterator[tuple[Any, Any, str | None]]:
    """(wanted, got, slot or None) for every part of an argument; texts with a slot inside are passed over."""
    if isinstance(template, str) and (whole := PLACE.fullmatch(template)):
        yield None, got, whole[1]
    elif isinstance(template, dict) and isinstance(got, dict) and template.keys() == got.keys():
        for key, part in template.items():
            yield from _pairs(part, got[key])
    elif isinstance(template, list) and isinstance(got, list) and len(template) == len(got):
        for part, there in zip(template, got, strict=True):
            yield from _pairs(part, there)
    elif not any(places(template)):
        yield template, got, None


def _wrong_way(step: Branch, label: str, values: Json) -> Iterator[str]:
    """What is known and contradicts the arm that the walk takes."""
    for arm in step.arms:
        taken = (ELSE if arm.when is None else arm.when) == label
        if arm.when is not None:
            condition = parse(arm.when)
            slots = slots_of(condition)
            if slots <= values.keys() and holds(condition, values) != taken:
                known = ", ".join(f"{slot} is {show(values[slot])}" for slot in sorted(slots))
                yield f'the path takes "{label}" at {step.id}, but {known}'
        if taken:
            return
