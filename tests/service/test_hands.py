"""A simulated company after a restart: built again from the dialogue, and no call of it is made twice."""

from __future__ import annotations

from collections.abc import Sequence

from manyshot.service.hands import SimulatedHands
from manyshot.types import Call, Observation, Setup, Turn
from tests.dialogue.inn import Inn

BOOK = Call(name="Book", arguments={"guest": "Ann Lee", "day": "2024-10-15", "guests": 2})


def dialogue(*made: tuple[Call, Observation]) -> list[Turn]:
    turns = [Turn(role="user", text="a table")]
    for call, answered in made:
        turns += [Turn(role="action", text="book", call=call), Turn(role="observation", text="", answered=answered)]
    return turns


def test_a_company_that_is_built_again_is_the_same_one() -> None:
    opened: list[Setup] = []

    def open_world(setup: Setup) -> Inn:
        opened.append(setup)
        return Inn(setup)

    def call(hands: SimulatedHands, turns: Sequence[Turn]) -> Observation:
        return hands.call(BOOK, conversation="a", customer="1", key="k", turns=turns)

    first = SimulatedHands(open_world)
    one = call(first, dialogue())
    two = call(first, dialogue((BOOK, one)))
    assert one.ok
    assert one != two
    assert len(opened) == 1
    again = SimulatedHands(open_world)
    assert call(again, dialogue((BOOK, one))) == two
    # A call was carried out, but its answer never came to the dialogue: it left nothing behind.
    assert call(again, dialogue((BOOK, one))) == two
    assert [setup == opened[0] for setup in opened] == [True] * 3
