"""A dialogue is played again in a fresh world: is it true?

The one rule: nothing that stands in a dialogue is believed. Its calls are made again, and every answer, number and
change must be what comes of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from manyshot.data.slots import get
from manyshot.dialogue.changes import Change, changes, unexpected
from manyshot.dialogue.company import Company, invented_numbers, says
from manyshot.dialogue.exact import write_observation
from manyshot.dialogue.follow import Followed, acts_of, follow
from manyshot.dialogue.markdown import Problem
from manyshot.dialogue.sound import unsound
from manyshot.errors import WorldError
from manyshot.flow.paths import Path, Walk
from manyshot.flow.steps import FAILED, Ask, CallTool, Handoff
from manyshot.flow.words import hands_over, held
from manyshot.oneline import show
from manyshot.schema_fit import misfit
from manyshot.types import LEAVES, REFUSES, UNSOUND, Call, Observation, Trajectory, Turn
from manyshot.values import Kind
from manyshot.values.kinds import FREE

#: What the assistant may put into words of its own ("is broken" becomes "fault"), where so much of them was said.
_OWN_WORDS = FREE - {Kind.PERSON, Kind.ADDRESS, Kind.AREA}
_SAID = 0.5
#: Where a person takes over although the flow does not say so.
_PERSON = Handoff(id="person", reason="")
_DIGITS = re.compile(r"\d+")


@dataclass(slots=True)
class Replay:
    """What playing a dialogue again showed."""

    #: The dialogue with the world's answers in it.
    trajectory: Trajectory
    problems: list[Problem] = field(default_factory=list)
    followed: Followed | None = None
    changes: list[Change] = field(default_factory=list)

    @property
    def true(self) -> bool:
        return not self.problems

    @property
    def path(self) -> str:
        """Id of the path that it follows; "" when it follows none."""
        return self.followed.path.id if self.followed else ""

    def step_of(self, turn: int) -> str:
        """Id of the flow's step that an Action belongs to; "" when none is known."""
        if self.followed is None:
            return ""
        act = next((n for n, act in enumerate(acts_of(self.trajectory)) if act.turn == turn), None)
        at = self.followed.steps.get(act) if act is not None else None
        return self.followed.walk.steps[at].id if at is not None else ""


def replay(one: Trajectory, company: Company) -> Replay:
    """Play a dialogue again. What is wrong becomes problems with the lines of its turns."""
    found = Replay(one)
    _order(found)
    _make_calls(found, company)
    if not found.problems:
        _values(found, company)
        _walk(found, company)
        found.problems += [Problem(_line(one), said) for said in _final(one, found)]
    found.problems = sorted(set(found.problems))
    return found


def _line(one: Trajectory) -> int:
    return one.source.line if one.source else 0


def _order(found: Replay) -> None:
    """Who speaks when: the customer opens, the assistant closes, an Observation follows an Action."""
    turns = found.trajectory.turns
    say = found.problems.append
    if not any(turn.call for turn in turns) and (seen := [turn for turn in turns if turn.role == "observation"]):
        say(Problem(seen[0].line, "an Observation, but no Action of this dialogue calls a tool; manyshot shots propose "
                                  "lays calls beside its Actions"))  # fmt: skip
    if turns[0].role != "user":
        say(Problem(turns[0].line, f"the customer speaks first; found {turns[0].role}, begin with **User**: ..."))
    if turns[-1].role != "reply":
        say(Problem(turns[-1].line, f"the last word is the assistant's reply; found {turns[-1].role}, add a reply"))
    for before, turn, after in zip((None, *turns), turns, (*turns[1:], None), strict=False):
        if turn.role == "observation" and (before is None or before.role != "action"):
            say(Problem(turn.line, "an Observation without an Action above it; add the Action, or make it a User"))
        elif turn.role == "observation" and turn.answered is not None and before is not None and before.call is None:
            say(Problem(turn.line, "the answer of a tool, but the Action above calls none; write its call under it"))
        if turn.call is not None and (after is None or after.role != "observation"):
            say(Problem(turn.line, "a call without an Observation below it; add **Observation**:"))


def _make_calls(found: Replay, company: Company) -> None:
    """Run every call in a fresh world and hold its answer against the Observation."""
    one = found.trajectory
    try:
        world = company.open(one.setup)
        before = company.begun(one.setup)
    except WorldError as error:
        found.problems.append(Problem(_line(one), str(error)))
        return
    turns = list(one.turns)
    for n, turn in enumerate(turns):
        if turn.call is None:
            continue
        if (said := unfit(turn.call, company)) and not _corrected(turns, n):
            found.problems.append(Problem(turn.line, said))
        try:
            answer = world.call(turn.call)
        except WorldError as error:
            found.problems.append(Problem(turn.line, str(error)))
            return
        if n + 1 < len(turns) and turns[n + 1].role == "observation":
            seen, exact = turns[n + 1], write_observation(answer)
            if said := _untrue(seen, answer, turn.call):
                found.problems.append(Problem(seen.line, said))
            text = exact if seen.answered is None or seen.text == write_observation(seen.answered) else seen.text
            turns[n + 1] = seen.model_copy(update={"text": text, "answered": answer})
    found.changes = changes(before, world.state())
    found.trajectory = one.model_copy(update={"turns": tuple(turns)})


def unfit(call: Call, company: Company) -> str:
    """Why a call cannot be made; "" when it can."""
    tool = company.tools.get(call.name)
    if tool is None:
        return f'there is no tool "{call.name}"; known: {", ".join(company.tools)}'
    try:
        wrong = misfit(call.arguments, tool.tool.parameters)
    except (ArithmeticError, ValueError, RecursionError) as error:
        return f"{call.name}: these arguments cannot be checked: {error}"
    if wrong is None:
        return ""
    where = ".".join(map(str, wrong.path))
    place = f"{call.name}.{where}" if where else call.name
    return f"{place}: wanted {wrong.keyword} {show(wrong.wanted)}, found {show(wrong.got)}"


def _corrected(turns: Sequence[Turn], at: int) -> bool:
    """Whether the same tool is called again at once: then the first call may be wrong, and the API says so."""
    first, then = turns[at], next((turn for turn in turns[at + 1 :] if turn.role in ("action", "user")), None)
    return then is not None and bool(then.call and first.call and then.call.name == first.call.name)


def _untrue(seen: Turn, answer: Observation, call: Call) -> str:
    """Why an Observation is not what the world answers; "" when it is."""
    exact = write_observation(answer)
    if seen.answered is None:
        return f"no exact answer; the world says {exact}: manyshot shots fill writes it" if seen.text else (
            f"an empty Observation; the world says {exact}: manyshot shots fill writes it"
        )  # fmt: skip
    if seen.answered != answer:
        return f"the world answers {exact}, found {show(write_observation(seen.answered))}; correct one of them"
    if seen.text != exact and seen.text != write_observation(seen.answered):
        known = _numbers(f"{exact} {show(call.arguments)}")
        if strange := [number for number in _numbers(seen.text) if number not in known]:
            return f"the words name {', '.join(strange)}, which the answer below them does not: {exact}"
    return ""


def _numbers(text: str) -> dict[str, None]:
    return dict.fromkeys(found.lstrip("0") or "0" for found in _DIGITS.findall(text))


def _values(found: Replay, company: Company) -> None:
    """Nothing is made up: calls take their values from what was said or seen before, and their Actions name them."""
    before: list[str] = []
    for n, turn in enumerate(found.trajectory.turns):
        if turn.role == "reply":
            found.problems += [Problem(turn.line, said) for said in _invented_ids(turn.text, before)]
        if turn.call is not None and turn.call.name in company.tools:
            # What the API refused, naming the field, may be a wrong value; it is made again with the right one.
            right = _without(turn.call, _refused_field(found.trajectory.turns, n))
            found.problems += [Problem(turn.line, said) for said in invented(right, before, company)]
            if unsaid := [f"{slot.name} = {show(value)}" for slot, value in company.unsaid(right, turn.text)]:
                found.problems.append(
                    Problem(turn.line, f"the Action does not name {', '.join(unsaid)}; the acting model sees only the "
                                       "Action: manyshot shots propose completes it")
                )  # fmt: skip
        if turn.role in ("user", "observation"):
            before.append(turn.text)
            if turn.answered is not None:
                before.append(write_observation(turn.answered))


def _refused_field(turns: Sequence[Turn], at: int) -> str:
    """The field that the API named when it refused a call which is corrected at once; "" for other calls."""
    answered = turns[at + 1].answered if at + 1 < len(turns) else None
    if answered is None or not 400 <= answered.status < 500 or not _corrected(turns, at):
        return ""
    return str(answered.body.get("field", "")) if isinstance(answered.body, dict) else ""


def _without(call: Call, field: str) -> Call:
    if field not in call.arguments:
        return call
    return Call(name=call.name, arguments={name: value for name, value in call.arguments.items() if name != field})


def invented(call: Call, before: Sequence[str], company: Company) -> Iterator[str]:
    """Values of a call that neither the customer nor a tool said `before`."""
    seen = "\n".join(before)
    for slot in company.tools[call.name].slots:
        value = get(call.arguments, slot.path)
        # Of a long text the moments may lie too far apart to be told, so each turn is looked at alone; values that
        # stand in several turns are told from all of them.
        if value is None or any(says(slot, text, value) for text in reversed(before)) or says(slot, seen, value):
            continue
        if not (slot.field.kind in _OWN_WORDS and held(str(value), seen) >= _SAID):
            yield f"{call.name} has {slot.name} = {show(value)}, which neither the customer nor a tool said before"


def _invented_ids(text: str, before: Sequence[str]) -> Iterator[str]:
    for number in invented_numbers(text, before):
        yield f"the reply names {number}, which neither the customer nor a tool said before"


def _walk(found: Replay, company: Company) -> None:
    one = found.trajectory
    line = _line(one)
    if said := _wrong_name(one, company):
        found.problems.append(Problem(line, said))
        return
    ways = {name: way for name in _flows(one, company) if (way := follow(one, _paths(one, name, company)))}
    if not ways:
        found.problems.append(Problem(line, f"{_where(one)} makes these calls: {_calls(one)}; see manyshot flow paths"))
        return
    way = min(ways.values(), key=lambda way: (len(way.conflicts), -way.likeness))
    found.followed = way
    found.problems += [Problem(conflict.line, conflict.message) for conflict in way.conflicts]
    if not one.path and not way.conflicts:
        _one_path_only(found, company)
    _outcome(found)
    if one.kind in UNSOUND and not any(
        unsound(act.call, act.answered) for act in acts_of(one) if act.call and act.answered
    ):
        found.problems.append(Problem(line, f"a dialogue of the kind {one.kind}, but all answers can be meant"))


def _wrong_name(one: Trajectory, company: Company) -> str:
    if one.flow and one.flow not in company.flows:
        return f'there is no flow "{one.flow}"; known: {", ".join(company.flows) or "none"}'
    if one.path and not any(one.path in company.paths[name] for name in _flows(one, company)):
        return f'there is no path "{one.path}"{" in " + one.flow if one.flow else ""}; see manyshot flow paths'
    return ""


def _flows(one: Trajectory, company: Company) -> list[str]:
    return [one.flow] if one.flow else list(company.flows)


def _paths(one: Trajectory, name: str, company: Company) -> Iterable[Path]:
    known: Mapping[str, Path] = company.paths[name]
    found = known.values() if not one.path else [known[one.path]] if one.path in known else []
    return (_broken_off(path, one.kind) for path in found) if one.kind in (LEAVES, REFUSES, *UNSOUND) else found


def _broken_off(path: Path, kind: str) -> Path:
    """A path of whose walks any may stop at a question, or where an answer cannot be meant; mostly a person takes over.

    After a timeout the whole of a walk is a way too: flows say what to do when a call fails.
    """
    ends = list(path.walks) if kind == "timeout" else []
    for walk in path.walks:
        for n, step in enumerate(walk.steps):
            if isinstance(step, CallTool if kind in UNSOUND else Ask):
                own = walk.labels[n] if kind not in UNSOUND else FAILED if kind == "timeout" else ""
                steps, labels = walk.steps[: n + 1], (*walk.labels[:n], own)
                ends.append(Walk(steps, labels) if kind == LEAVES else Walk((*steps, _PERSON), (*labels, "")))
    by_way = {tuple((step.id, label) for step, label in zip(w.steps, w.labels, strict=True)): w for w in ends}
    return replace(path, walks=tuple(by_way.values()))


def _where(one: Trajectory) -> str:
    return f"the path {one.path} never" if one.path else f"no path of {one.flow or 'any flow'}"


def _calls(one: Trajectory) -> str:
    made = [
        f"{act.call.name}{'' if act.answered and act.answered.ok else ' (failed)'}" for act in acts_of(one) if act.call
    ]
    return ", ".join(made) or "none"


def _one_path_only(found: Replay, company: Company) -> None:
    """Without a path of its own, only one path may fit."""
    one = found.trajectory
    fitting = [
        path.id
        for name in _flows(one, company)
        for path in _paths(one, name, company)
        if (way := follow(one, [path])) is not None and not way.conflicts
    ]
    if len(fitting) > 1:
        found.problems.append(
            Problem(_line(one), f"it fits {len(fitting)} paths: {', '.join(fitting)}; write the one that is meant as "
                                "path: ID under its heading")
        )  # fmt: skip


def _outcome(found: Replay) -> None:
    """A person takes over exactly where the path says so."""
    assert found.followed is not None
    last, act = found.followed.walk.steps[-1], acts_of(found.trajectory)[-1]
    if isinstance(last, Handoff) and not hands_over(act.words):
        found.problems.append(
            Problem(
                act.line,
                f'the path ends with a hand-over ("{last.reason}"), but the last Action and reply do not say so',
            )
        )
    elif not isinstance(last, Handoff) and hands_over(found.trajectory.turns[act.turn].text):
        found.problems.append(
            Problem(act.line, "the last Action hands over to a person, but the path ends without one")
        )


def _final(one: Trajectory, found: Replay) -> Iterator[str]:
    if one.expected or not found.changes:
        yield from unexpected(one.expected, found.changes)
    else:
        yield "the dialogue changes the world (" + "; ".join(map(str, found.changes)) + ") and does not say that it " \
              "should; manyshot shots fill writes it as expected: ..., to be looked over"  # fmt: skip


__all__ = ["Replay", "invented", "replay", "unfit"]
