"""A dialogue in the lesson's form -> a proposal with calls, roles and Actions that name their values.

The lesson's Actions call nothing and name no values ("summarise and submit the ticket"), and its customers answer in
Observations. The one rule: a proposal takes its values from the dialogue; what is not there is a gap that is named, not
filled.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from manyshot.data.slots import Slot
from manyshot.dialogue.company import Company, written_out
from manyshot.dialogue.follow import Act, acts_of
from manyshot.dialogue.lay import lay
from manyshot.dialogue.wording import complete, said_before
from manyshot.flow.paths import Path, Walk
from manyshot.flow.steps import PLACE, Ask, Branch, CallTool, End, Handoff, Say, Step
from manyshot.flow.words import held
from manyshot.types import Call, Json, Trajectory, Turn
from manyshot.values import Kind
from manyshot.values.kinds import FREE

#: Fewest signs in common between an Action and what was said for them to be a value.
_SHORTEST = 2
#: What it costs to pass over a step of a path.
_SKIP = 0.3


@dataclass(slots=True)
class Proposal:
    """What a dialogue could become, the path it seems to follow, and what only the expert can add."""

    trajectory: Trajectory
    path: Path | None = None
    gaps: list[str] = field(default_factory=list)


def propose(one: Trajectory, company: Company, actions: Mapping[str, Sequence[str]]) -> Proposal:
    """A proposal for a dialogue; one that calls something already only gets its Actions completed.

    actions: how experts worded calls, by tool.
    """
    calls = any(turn.call for turn in one.turns)
    laid = None if calls else _lay(one, company, actions)
    if laid is None:
        return Proposal(_completed(one, one.turns, company))
    path, walk, by_act = laid
    made = Proposal(one, path)
    turns = list(one.turns)
    values: Json = {}
    heard = _heard(one, walk, by_act)
    for n, act in enumerate(acts_of(one)):
        step = walk.steps[by_act[n]] if n in by_act else None
        if isinstance(step, CallTool):
            call = _call(step, act, heard, company, values, made)
            turns[act.turn] = turns[act.turn].model_copy(update={"call": call})
    named = one.model_copy(update={"flow": path.flow, "path": path.id})
    made.trajectory = _spoken(_completed(named, turns, company), walk, by_act, company)
    return made


def _completed(one: Trajectory, turns: Sequence[Turn], company: Company) -> Trajectory:
    out = list(turns)
    for n, turn in enumerate(out):
        if turn.role == "action" and turn.call is not None and turn.call.name in company.tools:
            text = complete(turn.text, turn.call, company, said_before(one, n))
            out[n] = turn.model_copy(update={"text": text})
    return one.model_copy(update={"turns": tuple(out)})


def _spoken(one: Trajectory, walk: Walk, by_act: Mapping[int, int], company: Company) -> Trajectory:
    """Questions are spoken, and their answers are the customer's own turns."""
    asked = {act.turn: walk.steps[by_act[n]] for n, act in enumerate(acts_of(one)) if n in by_act and act.asks}
    out: list[Turn] = []
    for n, turn in enumerate(one.turns):
        before = one.turns[n - 1] if n else None
        if turn.role == "observation" and before is not None and before.role == "action" and before.call is None:
            step = asked.get(n - 1)
            out.append(Turn(role="reply", text=_question(step, before.text, company), line=before.line))
            out.append(turn.model_copy(update={"role": "user"}))
        else:
            out.append(turn)
    return one.model_copy(update={"turns": tuple(out)})


def _question(step: Step | None, action: str, company: Company) -> str:
    """What the customer may be asked, where the dialogue only says that something is asked."""
    if not isinstance(step, Ask):
        return action
    if step.text and not PLACE.search(step.text):
        return step.text
    flow = next(flow for flow in company.flows.values() if flow.by_id.get(step.id) == step)
    zh = company.context.language == "zh"
    about = ("、" if zh else ", ").join(flow.slots[slot].about or slot for slot in step.slots)
    return f"请问{about}？" if zh else f"May I have {about}?"


# which Action belongs to which step, by words alone


def _lay(
    one: Trajectory, company: Company, actions: Mapping[str, Sequence[str]]
) -> tuple[Path, Walk, dict[int, int]] | None:
    """The path whose steps are most like the Actions, and the step of each act; None when there is none."""
    acts = acts_of(one)
    names = [one.flow] if one.flow in company.flows else list(company.flows)
    best: tuple[float, Path, Walk, dict[int, int]] | None = None
    for name in names:
        for path in company.paths[name].values():
            if one.path not in ("", path.id):
                continue
            for walk in path.walks:
                found = _best(walk, acts, company, actions)
                if found is not None and (best is None or found[0] > best[0]):
                    best = (found[0], path, walk, found[1])
    return best[1:] if best else None


def _best(
    walk: Walk, acts: Sequence[Act], company: Company, actions: Mapping[str, Sequence[str]]
) -> tuple[float, dict[int, int]] | None:
    places = [n for n, step in enumerate(walk.steps) if not isinstance(step, Branch)]

    def fit(first: int, last: int, place: int) -> float | None:
        step = walk.steps[places[place]]
        if isinstance(step, CallTool) and last > first:
            return None
        return sum(_likeness(act, step, company, actions) for act in acts[first : last + 1])

    def skip(place: int) -> float | None:
        step = walk.steps[places[place]]
        return None if isinstance(step, CallTool) else _SKIP if isinstance(step, Ask | Say) else 0.0

    found = lay(len(acts), len(places), fit, skip)
    return (found[0], {act: places[place] for act, place in found[1].items()}) if found else None


def _likeness(act: Act, step: Step, company: Company, actions: Mapping[str, Sequence[str]]) -> float:
    """How much an Action is like a step: words of a tool, or a question and its answer."""
    if isinstance(step, CallTool):
        tool = company.tools[step.tool].tool
        return 2 * max(held(act.words, text) for text in (tool.description, *actions.get(step.tool, ())))
    spoken = {Say: "text", Ask: "text", End: "outcome", Handoff: "reason"}
    words = str(getattr(step, spoken[type(step)]))
    return held(act.words, words) + (0.3 if isinstance(step, Ask) == act.asks else 0.0)


# values


@dataclass(frozen=True, slots=True)
class _Heard:
    """Who said what, once every Action has its step."""

    one: Trajectory
    #: Index of each thing the customer says -> slots that it answers; () where nothing was asked.
    customer: Mapping[int, tuple[str, ...]]

    def candidates(self, slot: Slot, name: str, act: Act, others: Sequence[Slot]) -> Iterator[Any]:
        """Values for a slot of a flow, the likeliest first: what was said before the call, the last first."""
        near = sorted(self.customer, key=lambda turn: (turn > act.turn, abs(turn - act.turn)))
        if slot.field.kind not in FREE:
            for turn in near:
                for span in slot.field.spot(self.one.turns[turn].text):
                    with suppress(ValueError):
                        yield slot.field.resolve(span.surface)
        elif slot.field.kind in (Kind.ADDRESS, Kind.PERSON):
            for turn in near:
                text = self.one.turns[turn].text.strip()
                # An answer that is nothing else: an address has a number in it, a name has none.
                numbered = any(map(str.isdigit, text)) == (slot.field.kind is Kind.ADDRESS)
                if name in self.customer[turn] and numbered and not _read_by(others, text):
                    yield text
        else:
            heard = [turn.text for turn in self.one.turns if turn.role in ("user", "observation", "reply")]
            shared = [_shared(self.one.turns[act.turn].text, text) for text in heard]
            if longest := max(shared, key=len, default=""):
                yield longest


def _heard(one: Trajectory, walk: Walk, by_act: Mapping[int, int]) -> _Heard:
    customer: dict[int, tuple[str, ...]] = {n: () for n, turn in enumerate(one.turns) if turn.role == "user"}
    for n, act in enumerate(acts_of(one)):
        step = walk.steps[by_act[n]] if n in by_act else None
        answer = next((m for m in range(act.turn + 1, len(one.turns)) if one.turns[m].role != "reply"), None)
        spoken = answer is not None and one.turns[answer].role in ("user", "observation")
        if answer is not None and spoken and not isinstance(step, CallTool):
            customer[answer] = step.slots if isinstance(step, Ask) else ()
    return _Heard(one, customer)


def _call(step: CallTool, act: Act, heard: _Heard, company: Company, values: Json, made: Proposal) -> Call:
    """The call of a step with the values that the dialogue shows; what it does not show is a gap."""
    slots = {slot.path: slot for slot in company.tools[step.tool].slots}
    for name, template in step.arguments.items():
        whole = PLACE.fullmatch(template) if isinstance(template, str) else None
        slot = slots.get((name,))
        if whole is None or slot is None or whole[1] in values:
            continue
        others = [other for other in slots.values() if other.field.kind not in FREE]
        found = next(heard.candidates(slot, whole[1], act, others), None)
        if found is None:
            made.gaps.append(
                f'{step.tool}: nothing in the dialogue says "{name}"; let the customer say it, and add it to the call'
            )
        else:
            values[whole[1]] = found
    arguments = {name: value for name, value in written_out(step.arguments, values).items() if value is not None}
    return Call(name=step.tool, arguments=arguments)


def _read_by(slots: Iterable[Slot], text: str) -> bool:
    """Whether most of a text is a value of one of these slots."""
    return any(2 * len(span.surface) > len(text) for slot in slots for span in slot.field.spot(text))


def _shared(one: str, other: str) -> str:
    """The longest stretch that two texts share."""
    found = difflib.SequenceMatcher(None, one, other, autojunk=False).find_longest_match()
    text = one[found.a : found.a + found.size].strip(" ，。,.的")
    return text if len(text) >= _SHORTEST else ""
