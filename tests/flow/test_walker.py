"""Where a conversation stands in a flow: questions are skipped when answered, put again when old, calls lead on."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyshot.flow.steps import Ask, CallTool, End, Flow, Handoff
from manyshot.flow.walker import LostError, Stop, Walker
from manyshot.spec.load import load_flows
from tests.dialogue.inn import inn_folder


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    inn_folder(tmp_path / "inn")
    return next(flow for flow in load_flows(tmp_path / "inn") if flow.name == "table")


def called(walker: Walker, values: dict[str, object] | None) -> Stop:
    """The stop after the call at which the walker stands was answered."""
    stop = walker.next()
    assert isinstance(stop.step, CallTool)
    walker.answered(stop.step, values)
    return walker.next()


def after_a_full_day(flow: Flow, other: str) -> Stop:
    """The stop that a customer comes to who, asked whether another day will do, says yes and names one."""
    walker = Walker(flow)
    walker.next()
    walker.hear()
    walker.put("day", "2024-10-13")
    called(walker, {"free": []})
    walker.hear()
    walker.put("agreed", "yes")
    walker.put("day", other)
    return called(walker, {"free": []})


def test_only_what_is_missing_is_asked(flow: Flow) -> None:
    walker = Walker(flow)
    assert walker.next().missing == {"day"}
    walker.hear()
    walker.put("day", "2024-10-12")
    walker.put("guest", "Ann Lee")
    stop = called(walker, {"free": ["18:00"]})
    assert isinstance(stop.step, Ask)
    assert (stop.step.id, stop.missing, stop.branches) == ("ask_who", {"guests"}, ("any=free is filled",))
    walker.hear()
    assert walker.next().again
    walker.put("guests", 2)
    stop = called(walker, {"id": "B100002"})
    assert isinstance(stop.step, End)
    assert [step.id for step in stop.told] == ["tell"]


def test_a_question_that_is_come_to_again_wants_a_newer_answer(flow: Flow) -> None:
    walker = Walker(flow)
    walker.hear()
    walker.put("day", "2024-10-13")
    assert called(walker, {"free": []}).step.id == "ask_other"
    walker.hear()
    walker.put("agreed", "yes")
    stop = walker.next()
    assert (stop.step.id, stop.missing, stop.round) == ("ask_day", {"day"}, 2)
    walker.hear()
    walker.put("day", "2024-10-15")
    assert called(walker, {"free": ["18:00"]}).step.id == "ask_who"


def test_a_new_answer_given_with_the_yes_is_not_asked_for_and_does_for_one_round(flow: Flow) -> None:
    stop = after_a_full_day(flow, "2024-10-15")
    assert (stop.step.id, stop.again, stop.round) == ("ask_other", False, 2)


def test_a_failed_call_leads_where_the_flow_says(flow: Flow) -> None:
    walker = Walker(flow)
    walker.hear()
    walker.put("day", "2024-10-12")
    assert isinstance(called(walker, None).step, Handoff)


def test_a_fork_changes_nothing_behind_it(flow: Flow) -> None:
    walker = Walker(flow)
    fork = walker.fork()
    fork.hear()
    fork.put("day", "2024-10-12")
    fork.next()
    assert walker.next().step.id == "ask_day"
    assert walker.values == {}


def test_a_failure_of_which_the_flow_says_nothing_is_told(flow: Flow) -> None:
    look = flow.by_id["look"]
    assert isinstance(look, CallTool)
    steps = tuple(step.model_copy(update={"failed": ""}) if step is look else step for step in flow.steps)
    walker = Walker(flow.model_copy(update={"steps": steps}))
    walker.hear()
    walker.put("day", "2024-10-12")
    with pytest.raises(LostError, match="FreeTables"):
        called(walker, None)
