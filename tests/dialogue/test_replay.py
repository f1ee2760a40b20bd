"""A dialogue is played again: the true one passes, and every planted lie is found on its line."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.config import find_domain
from manyshot.dialogue.changes import changes, expected_of, snapshot, unexpected
from manyshot.dialogue.company import Company
from manyshot.dialogue.markdown import parse
from manyshot.dialogue.replay import Replay, replay
from manyshot.dialogue.writing import write
from manyshot.shotbook import Shotbook, open_book
from manyshot.types import Setup
from manyshot.world.opening import opener
from tests.dialogue.inn import Inn, inn

GOOD = """## evening-1
flow: table
expected: {"created": [{"table": "bookings", "guest": ["Ann Lee"], "day": ["2024-10-15"], "guests": [4]}]}

**User**: Hi, I'd like a table for the 13th.

**Think**: First see what is free.
**Action**: See what is free on October 13.
`FreeTables{"day":"2024-10-13"}`
**Observation**: {"times": []}

**Think**: That day is full.
**Action**: Say that the day is full and ask for another one.
Sorry, we are full on the 13th. Would another day do?

**User**: Then 2024-10-15 please.

**Think**: Look again.
**Action**: See what is free on 2024-10-15.
`FreeTables{"day":"2024-10-15"}`
**Observation**: Tables are free at 18:00 and at 20:30.
`{"times": ["18:00", "20:30"]}`

**Think**: Who comes?
**Action**: Ask for the name and how many.
Yes, that works. What name, and how many are you?

**User**: Ann Lee, four of us.

**Think**: All is known.
**Action**: Book a table for Ann Lee, 4 guests, on 2024-10-15.
`Book{"guest":"Ann Lee","day":"2024-10-15","guests":4}`
**Observation**: {"id": "B100002"}

**Think**: Booked; tell the number.
**Action**: Tell the customer the number of the booking.
Done. Your number is B100002.
"""
FAILING = """## down-1
faults: [{"call": "FreeTables", "kind": "timeout"}, {"call": "FreeTables", "nth": 2, "kind": "error"}]

**User**: A table for 2024-10-15, please.

**Think**: See what is free.
**Action**: See what is free on 2024-10-15.
`FreeTables{"day":"2024-10-15"}`
**Observation**: timeout

**Think**: No answer; once more.
**Action**: See again what is free on 2024-10-15.
`FreeTables{"day":"2024-10-15"}`
**Observation**: 503 {"error": "try again later"}

**Think**: The system is down; a person takes over.
**Action**: Hand over to a person: the system is down.
I am putting you through to a colleague.
"""


@pytest.fixture
def house(tmp_path: Path) -> Company:
    return inn(tmp_path / "inn")


@cache
def shipped() -> Shotbook:
    return open_book(find_domain("ticket_desk"), opener)


@pytest.fixture
def desk() -> Company:
    return shipped().company


def played(text: str, house: Company) -> Replay:
    (one,), problems = parse(text, "shots/a.md")
    assert problems == []
    return replay(one, house)


def test_a_true_dialogue_has_its_path_its_steps_and_its_changes(house: Company) -> None:
    found = played(GOOD, house)
    assert found.problems == []
    assert found.path in house.paths["table"]
    steps = [step for n in range(len(found.trajectory.turns)) if (step := found.step_of(n))]
    assert steps == ["look", "ask_other", "look", "ask_who", "book", "tell"]
    assert [str(change) for change in found.changes] == [
        "bookings: created id = B100002, guest = Ann Lee, day = 2024-10-15, guests = 4, state = open"
    ]


def test_a_call_that_is_made_again_counts_once(house: Company) -> None:
    found = played(FAILING, house)
    assert found.problems == []
    assert [step.words for step in house.paths["table"][found.path].steps] == [
        "day", "FreeTables (failed)", "the system is down",
    ]  # fmt: skip


LIES = [
    ('"times": []', '"times": ["19:00"]', 10, "the world answers"),
    ('{"id": "B100002"}', '{"id": "B100007"}', 33, "the world answers"),
    ('{"id": "B100002"}', "The booking is B100002.", 33, "no exact answer"),
    ('{"id": "B100002"}', "", 33, "an empty Observation"),
    ("at 18:00 and at 20:30", "at 18:00 and at 21:45", 21, "the words name 21, 45"),
    ("number is B100002", "number is B100003", 37, "the reply names 100003"),
    ("Book a table for Ann Lee, 4 guests, on 2024-10-15.", "Book it.", 31, "the Action does not name"),
    ("Ann Lee, four of us.", "Four of us.", 31, "guest = Ann Lee, which neither"),
    ('"guests":4', '"guests":40', 31, "wanted maximum 20"),
    ('Book{"guest"', 'Bok{"guest"', 31, 'no tool "Bok"'),
    ('"guests":4}', '"guests":4,"wine":1}', 31, "wanted additionalProperties"),
    ('Book{"guest":"Ann Lee","day":"2024-10-15"', 'Book{"guest":"Ann Lee","day":"2024-10-13"', 31, "does not name day"),
    ('"day": ["2024-10-15"]', '"day": ["2024-10-16"]', 1, "expected created"),
    ("\nexpected: ", "\nauthor: ", 1, "does not say that it should"),
    ("flow: table", "flow: cancel", 1, "no path of cancel makes these calls"),
    ("flow: table", "flow: tables", 1, 'no flow "tables"'),
    ("flow: table", "flow: table\npath: table-00000000", 1, 'no path "table-00000000"'),
    ("Action**: Tell the customer the number", "Action**: Hand over to a person, with the number", 36, "hands over"),
    ("**User**: Hi, I'd", "**Reply**: Hi, I'd", 5, "the customer speaks first"),
    ("Done. Your number is B100002.", "", 36, "the last word"),
]


@pytest.mark.parametrize(("true", "lie", "line", "said"), LIES)
def test_every_lie_is_found_on_its_line(true: str, lie: str, line: int, said: str, house: Company) -> None:
    assert GOOD.count(true) >= 1
    found = played(GOOD.replace(true, lie, 1), house)
    messages = [f"{problem.line}: {problem.message}" for problem in found.problems]
    assert any(message.startswith(f"{line}: ") and said in message for message in messages), messages


def test_a_hand_over_must_be_said(house: Company) -> None:
    text = FAILING.replace("Hand over to a person: the system is down.\nI am putting you through to a colleague.",
                           "Say goodbye.\nPlease call again later.")  # fmt: skip
    assert "do not say so" in str(played(text, house).problems)


def test_a_dialogue_in_the_lessons_form_is_sent_to_propose(house: Company) -> None:
    text = "## a\n**User**: hi\n**Action**: look\n**Observation**: free\n**Action**: tell\nFree.\n"
    assert [(p.line, "manyshot shots propose" in p.message) for p in played(text, house).problems] == [(4, True)]


def test_calls_in_another_order_are_no_path(house: Company) -> None:
    blocks = GOOD.split("\n\n")
    text = "\n\n".join([*blocks[:2], blocks[8], *blocks[2:8], *blocks[9:]])
    assert any(
        "see manyshot flow paths" in p.message or "the world answers" in p.message for p in played(text, house).problems
    )


def test_the_known_values_decide_the_way(house: Company) -> None:
    """A customer who is told of a free day is not asked for another one."""
    text = GOOD.replace("the 13th", "the 16th").replace("October 13", "October 16").replace("2024-10-13", "2024-10-16")
    text = text.replace('{"times": []}', '{"times": ["18:00", "20:30"]}')
    assert any("free is" in p.message for p in played(text, house).problems)


def test_the_answers_of_the_world_are_filled_in(house: Company) -> None:
    found = played(GOOD.replace('{"id": "B100002"}', ""), house)
    assert '{"id": "B100002"}' in [turn.text for turn in found.trajectory.turns]


def test_changes_are_told_and_held_to() -> None:
    world = Inn(Setup())
    before = snapshot(world)
    world.bookings["B100001"]["state"] = "cancelled"
    found = changes(before, world.state())
    assert expected_of(found) == {"changed": [{"table": "bookings", "id": ["B100001"], "state": ["cancelled"]}]}
    assert list(unexpected(expected_of(found), found)) == []
    assert list(unexpected({"cancelled": [{"table": "bookings", "guest": {"contains": ["Ann"]}}]}, found)) == []
    assert "not expected: bookings: changed B100001" in next(unexpected({}, found))
    assert "expected created" in next(unexpected({"created": [{"table": "bookings"}]}, found))
    assert "wanted a row" in next(unexpected({"created": [{}]}, found))
    assert "expected knows" in next(unexpected({"made": []}, found))


@pytest.mark.parametrize(("said", "true"), [("我家充电桩坏了", True), ("我要报修", False)])
def test_a_fault_may_be_put_into_other_words_but_not_made_up(said: str, true: bool, desk: Company) -> None:
    text = (
        f"## a\nfaults: [{{\"call\": \"SearchSolution\", \"kind\": \"error\"}}]\n\n**User**: {said}\n\n"
        "**Action**: 查询充电桩故障的处理办法。\n`SearchSolution{\"problem\":\"充电桩故障\"}`\n"
        "**Observation**: 503 {\"error\": \"the service is not available\"}\n\n"
        "**Action**: 转人工：知识库暂时用不了。\n我帮您转接人工。\n"
    )  # fmt: skip
    found = played(text, desk)
    assert found.true == true, found.problems


@settings(max_examples=150)
@given(st.data())
def test_no_edit_of_a_shot_makes_replaying_fail(data: st.DataObject) -> None:
    """Whatever a person does to the lines of a dialogue, the answer is problems with lines, not an exception."""
    book = shipped()
    lines = write([data.draw(st.sampled_from(book.shots))]).split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        edit = data.draw(st.sampled_from(["drop", "copy", "swap", "cut"]))
        if edit == "drop" and len(lines) > 1:
            del lines[at]
        elif edit == "copy":
            lines.insert(other % len(lines), lines[at])
        elif edit == "swap":
            lines[at], lines[other % len(lines)] = lines[other % len(lines)], lines[at]
        else:
            lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
    found, _ = parse("\n".join(lines), "shots/a.md", "a")
    for one in found:
        played = replay(one, book.company)
        assert all(0 < problem.line <= len(lines) for problem in played.problems)
        for made in book.propose([played.trajectory, one]):
            assert made.trajectory.turns
