"""Tools that talk rubbish: an assistant neither goes on with it nor makes anything up, and one that does is caught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest

from manyshot.assistants import workflow_of
from manyshot.config import find_domain
from manyshot.protocols import World
from manyshot.scenario.grade import Verdict
from manyshot.scenario.play import Stage, play
from manyshot.scenario.spoil import LEFT, Spoil, SpoiltWorld
from manyshot.shotbook import open_book
from manyshot.simulate import told
from manyshot.spec.load import load_domain, load_flows, load_scenarios
from manyshot.types import Call, Observation, Scenario, Setup, Turn
from manyshot.world.opening import opener
from tests.dialogue.inn import Inn, inn, inn_folder
from tests.scenario.test_play import GOOD, assistant
from tests.test_agent import BOOK, LOOK, TELL

DESK = find_domain("ticket_desk")
TOLD_AT_ONCE = Scenario.model_validate({**GOOD, "opening": "A table for 2024-10-15, please; Ann Lee, 2"})


class Careless:
    """Books a table whatever the tools say, and tells a number of its own."""

    def __init__(self, world: World) -> None:
        self.world, self.turns, self.over = world, list[Turn](), ""

    def hear(self, said: str) -> Sequence[Turn]:
        call = Call(name="Book", arguments={"guest": "Ann Lee", "day": "2024-10-15", "guests": 2})
        answered = self.world.call(call)
        self.turns += [
            Turn(role="user", text=said),
            Turn(role="action", text="Book a table.", call=call),
            Turn(role="observation", text=str(answered.body), answered=answered),
            Turn(role="reply", text="Your number is B100002."),
        ]
        self.over = "ended"
        return self.turns


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The inn, all of whose calls are spoilt."""
    folder = tmp_path_factory.mktemp("inn") / "inn"
    inn_folder(folder)
    return Stage("en", load_flows(folder), load_domain(folder).tools, Inn, Spoil(1.0, inn(folder)))


def test_fixed_rules_hand_over_and_make_nothing_up() -> None:
    read, flows = load_domain(DESK), load_flows(DESK)
    desk = open_book(DESK, partial(opener, trust=True)).company
    there = Stage("zh", flows, read.tools, opener(read, flows), Spoil(0.5, desk))
    scenarios = load_scenarios(DESK / "tests" / "scenarios.jsonl", DESK)[::3]
    rows = [row for one in scenarios if (row := play(one, there, workflow_of(DESK)))["spoilt"]]
    assert len(rows) >= 5
    assert not [row["violations"] for row in rows if row["violations"]]
    assert all(row["handoff"] for row in rows)


def test_who_goes_on_and_tells_what_nobody_said_is_caught(stage: Stage) -> None:
    row = play(TOLD_AT_ONCE, stage, lambda world, _: Careless(world))
    assert row["spoilt"] == 1
    assert not row["final_state"].get("created")
    assert row["violations"] == [
        "invented: the reply names 100002, which neither the customer nor a true answer said",
        "called Book before FreeTables",
        LEFT,
    ]
    assert told([row], 1)[1].startswith("1 with spoilt calls: 1 invented values, 0 handed over to a person, 1 neither")


def test_a_conversation_in_which_nothing_was_spoilt_is_judged_as_usual(stage: Stage) -> None:
    assert stage.spoil is not None
    seldom = replace(stage, spoil=replace(stage.spoil, share=1e-9))
    for thoughts in ([LOOK, BOOK, TELL], [TELL]):
        usual = play(TOLD_AT_ONCE, replace(stage, spoil=None), assistant(*thoughts))
        assert play(TOLD_AT_ONCE, seldom, assistant(*thoughts)) == {**usual, "spoilt": 0}


@pytest.mark.parametrize(
    ("reply", "invented"),
    [
        ("下午2:00、晚上6点半，您定哪个？", []),
        ("We have 2:00 and 6 pm.", []),
        ("下午3:00，您定哪个？", ["3"]),
        ("有2个工单。", ["2"]),
    ],
)
def test_an_hour_may_be_named_by_a_clock_of_twelve(stage: Stage, reply: str, invented: list[str]) -> None:
    assert stage.spoil is not None
    free = Observation(body={"times": ["14:00", "18:30"]})
    turns = [Turn(role="observation", text='{"times": ["14:00", "18:30"]}', answered=free)]
    turns.append(Turn(role="reply", text=reply))
    good = Verdict(passed=True, final_state={}, violations=(), handoff=False, turns=1)
    world = SpoiltWorld(Inn(Setup()), 1.0, "", said=["None"])
    found = stage.spoil.judge(good, turns, world).violations
    assert [said.split("names ")[1].split(",")[0] for said in found] == invented
