"""What became of a scenario: is the final state right, and was nothing forbidden done?

The one rule: only what happened counts: the world's rows, the calls, the replies. What the assistant thought does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from manyshot.dialogue.changes import SORTS, State, changes, expected_of, unexpected
from manyshot.oneline import show
from manyshot.scenario.customer import tells
from manyshot.types import Forbidden, Json, Record, Scenario, Turn


class Verdict(Record):
    """`violations`: everything that is wrong, in words; it passed when there is none. `final_state`: what changed."""

    passed: bool
    final_state: Json
    violations: tuple[str, ...]
    handoff: bool
    turns: int


def grade(scenario: Scenario, turns: Sequence[Turn], before: State, after: State, *, handoff: bool) -> Verdict:
    """Judge one conversation. `before`, `after`: the world's rows; `handoff`: whether a person took over."""
    found = changes(before, after)
    violations = [
        *unexpected({sort: rows for sort in SORTS if (rows := getattr(scenario.expected, sort))}, found),
        *_handoff(scenario, handoff),
        *_calls(scenario, turns),
        *_mentions(scenario, turns),
        *(said for one in scenario.forbidden for said in _forbidden(one, scenario, turns)),
    ]
    heard = sum(turn.role == "user" for turn in turns)
    return Verdict(
        passed=not violations,
        final_state=expected_of(found),
        violations=tuple(violations),
        handoff=handoff,
        turns=heard,
    )


def _handoff(scenario: Scenario, handoff: bool) -> Iterator[str]:
    if handoff and not scenario.expected.handoff:
        yield "handed over to a person, which was not due"
    if scenario.expected.handoff and not handoff:
        yield "not handed over to a person, which was due"


def _calls(scenario: Scenario, turns: Sequence[Turn]) -> Iterator[str]:
    """Calls that must be made, in their order; others may stand between."""
    made = iter([turn.call.name for turn in turns if turn.call is not None])
    for name in scenario.expected.must_call:
        if name not in made:
            yield f"{name} was not called" + (
                " in its place" if any(t.call and t.call.name == name for t in turns) else ""
            )
            return


def _mentions(scenario: Scenario, turns: Sequence[Turn]) -> Iterator[str]:
    replies = _plain(" ".join(turn.text for turn in turns if turn.role == "reply"))
    for wanted in scenario.expected.reply_must_mention:
        options = (wanted,) if isinstance(wanted, str) else wanted
        if not any(_plain(option) in replies for option in options):
            yield f"no reply mentions {' or '.join(options)}"


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()


def _forbidden(one: Forbidden, scenario: Scenario, turns: Sequence[Turn]) -> Iterator[str]:
    if one.kind == "say":
        for words in one.words:
            if any(_plain(words) in _plain(turn.text) for turn in turns if turn.role == "reply"):
                yield f"said {show(words)}, which is forbidden"
        return
    for n, turn in enumerate(turns):
        if turn.call is None or turn.call.name != one.name:
            continue
        if any(turn.call.arguments.get(key) != value for key, value in one.arguments.items()):
            continue
        if one.kind == "call":
            yield f"called {one.name}, which is forbidden"
            return
        if not any(_answered(turns, k, one.before) or _told(turns[k], one.before, scenario) for k in range(n)):
            yield f"called {one.name} before {one.before}"
            return


def _answered(turns: Sequence[Turn], at: int, name: str) -> bool:
    """Whether turn `at` is a call of a tool that was answered well."""
    call = turns[at].call
    then = turns[at + 1] if at + 1 < len(turns) else None
    return call is not None and call.name == name and then is not None and bool(then.answered and then.answered.ok)


def _told(turn: Turn, slot: str, scenario: Scenario) -> bool:
    """Whether the customer gives a slot of the profile in a turn."""
    return turn.role == "user" and slot in scenario.profile and tells(turn.text, str(scenario.profile[slot]))
