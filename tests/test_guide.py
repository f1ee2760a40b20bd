"""The flows tell from the calls so far what may come next; what they cannot know they leave open."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from manyshot.agent import Agent, Limits
from manyshot.config import find_domain
from manyshot.dialogue.approval import approved
from manyshot.flow.paths import paths
from manyshot.guide import Guide, Moves
from manyshot.spec.load import load_dialogues, load_flows
from manyshot.transcript import Thought, steps
from manyshot.types import Call, Observation, Turn
from tests.dialogue.inn import inn_folder
from tests.test_agent import ASK, BOOK, GIVE_UP, LOOK, TELL, Acting, Script, Watched

Made = tuple[str, dict[str, Any], int, Any]


@pytest.fixture
def guide(tmp_path: Path) -> Guide:
    inn_folder(tmp_path / "inn")
    return Guide(path for flow in load_flows(tmp_path / "inn") for path in paths(flow))


def made(*calls: Made) -> list[Turn]:
    """A dialogue in which these calls were made: tool, arguments, status, answer."""
    turns = [Turn(role="user", text="hello")]
    for name, arguments, status, body in calls:
        turns.append(Turn(role="action", text="x", call=Call(name=name, arguments=arguments)))
        turns.append(Turn(role="observation", text="", answered=Observation(status=status, body=body)))
    return turns


DAY = {"day": "2024-10-15"}
FREE: Made = ("FreeTables", DAY, 200, {"times": ["18:00"]})
FULL: Made = ("FreeTables", DAY, 200, {"times": []})
DOWN: Made = ("FreeTables", DAY, 503, {"error": "down"})
BOOKED: Made = ("Book", {"guest": "Ann", "day": "2024-10-15", "guests": 2}, 200, {"id": "B100002"})
FIRST = frozenset(("FreeTables", "Cancel"))


def test_at_the_beginning_every_flow_is_open_and_nobody_is_handed_over(guide: Guide) -> None:
    moves = guide.moves(made())
    assert moves == Moves(FIRST, handoff=False, end=False)
    assert moves.allow("call")
    assert moves.allow("reply")
    assert not moves.allow("handoff")


@pytest.mark.parametrize("said", ["Never mind, bye", "算了，不办了", "That's all, thanks"])
def test_who_wants_nothing_more_may_be_let_go(guide: Guide, said: str) -> None:
    moves = guide.moves([*made(FREE), Turn(role="reply", text="who?"), Turn(role="user", text=said)])
    assert moves is not None
    assert moves.end


def test_who_says_yes_is_not_let_go(guide: Guide) -> None:
    moves = guide.moves([*made(FREE), Turn(role="reply", text="who?"), Turn(role="user", text="Yes, Ann Lee")])
    assert moves is not None
    assert not moves.end


def test_an_answer_decides_the_branch(guide: Guide) -> None:
    free, full = guide.moves(made(FREE)), guide.moves(made(FULL))
    assert free is not None
    assert full is not None
    assert free.calls == {"Book"}
    assert full.calls == {"FreeTables"}  # another day may do, which only the customer knows


def test_a_failure_leads_to_a_person_and_one_that_was_made_good_does_not_count(guide: Guide) -> None:
    down = guide.moves(made(DOWN))
    assert down is not None
    assert (down.handoff, down.calls) == (True, frozenset())
    again = guide.moves(made(DOWN, FREE))
    assert again is not None
    assert (again.handoff, set(again.calls)) == (False, {"Book"})


@pytest.mark.parametrize(
    "answer",
    [
        (0, None),
        (200, "<html></html>"),
        (200, {"times": ["18:00"], "day": "2024-10-16"}),
        (200, {"times": ["2024-13-45"]}),
    ],
)
def test_a_person_may_take_over_after_an_answer_that_cannot_be_meant(guide: Guide, answer: tuple[int, Any]) -> None:
    odd, sound = guide.moves(made(("FreeTables", DAY, *answer))), guide.moves(made(FREE))
    assert odd is not None
    assert sound is not None
    assert (odd.handoff, sound.handoff) == (True, False)


@pytest.mark.parametrize(("said", "may"), [("I'd rather not say.", True), ("不方便透露", True), ("Ann Lee", False)])
def test_a_person_may_take_over_from_a_customer_who_does_not_tell(guide: Guide, said: str, may: bool) -> None:
    moves = guide.moves([*made(FREE), Turn(role="reply", text="who?"), Turn(role="user", text=said)])
    assert moves is not None
    assert moves.handoff is may


def test_a_call_that_was_refused_as_wrong_may_be_made_again_once(guide: Guide) -> None:
    wrong: Made = ("FreeTables", DAY, 422, {"error": "day was not accepted"})
    once, twice = guide.moves(made(wrong)), guide.moves(made(wrong, wrong))
    assert once is not None
    assert twice is not None
    assert (set(once.calls), once.handoff) == ({"FreeTables"}, True)
    assert (twice.calls, twice.handoff) == (frozenset(), True)


def test_who_was_served_may_come_with_something_else(guide: Guide) -> None:
    served = guide.moves(made(FREE, BOOKED))
    assert served == Moves(frozenset(), handoff=False, end=True, anew=FIRST)
    assert served.allow("call")
    other = guide.moves(made(FREE, BOOKED, ("Cancel", {"id": "B100002"}, 404, {"error": "no"})))
    assert other is not None
    assert other.handoff
    assert other.anew == frozenset()


def test_a_dialogue_that_left_the_flows_is_free(guide: Guide) -> None:
    assert guide.moves(made(BOOKED)) == guide.moves(made())  # nothing begins like this: the next call begins anew
    nowhere = Guide(())
    assert nowhere.moves(made()) is None


# The agent under a guide.


def agent(guide: Guide, thoughts: Sequence[Thought], world: Watched) -> Agent:
    return Agent(Script(thoughts), Acting(), world, "en", Limits(tries=3), guide=guide)


def test_a_thought_that_the_flows_do_not_leave_open_is_thought_again(guide: Guide) -> None:
    world = Watched()
    one = agent(guide, [GIVE_UP, BOOK, LOOK, ASK], world)
    one.hear("A table for Ann Lee on 2024-10-15, two of us")
    assert [call.name for call in world.calls] == ["FreeTables"]
    assert one.over == ""


def test_a_served_customers_next_request_is_taken_up(guide: Guide) -> None:
    world = Watched()
    cancel = Thought("t", 'Cancel{"id":"B100002"}', "call")
    one = agent(guide, [LOOK, BOOK, TELL, cancel, cancel, cancel, TELL], world)
    one.hear("A table for Ann Lee on 2024-10-15, two of us")
    one.hear("Oh no, cancel it again")
    assert [call.name for call in world.calls] == ["FreeTables", "Book", "Cancel"]
    assert one.over == "ended"


# The shipped desk.


@cache
def _shipped() -> Guide:
    return Guide(path for flow in load_flows(find_domain("ticket_desk")) for path in paths(flow))


def test_every_thought_of_every_expert_is_left_open() -> None:
    guide = _shipped()
    for one in approved(*load_dialogues(find_domain("ticket_desk"))):
        starts = [n for n, turn in enumerate(one.turns) if turn.role == "think"]
        for n, (_, thought) in zip(starts, steps(one.turns), strict=True):
            moves = guide.moves(one.turns[:n])
            assert moves is not None, one.id
            assert moves.allow(thought.then), (one.id, n, thought)
            call = next((turn.call for turn in one.turns[n : n + 2] if turn.call), None)
            assert call is None or call.name in moves.calls, (one.id, n, call)
