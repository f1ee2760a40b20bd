"""The terminal shows what the assistant did, in its order; who was handed over begins anew in the same company."""

from __future__ import annotations

from manyshot.agent import Agent
from manyshot.serve.talk import AGAIN, shown, talk
from manyshot.transcript import Thought
from manyshot.types import Call, Observation, Turn
from tests.test_agent import ASK, BOOK, GIVE_UP, LOOK, TELL, Acting, Script, Watched


def talked(lines: list[str], thoughts: list[Thought]) -> tuple[list[tuple[str, str]], list[Agent], Watched]:
    said: list[tuple[str, str]] = []
    opened: list[Agent] = []
    world, script = Watched(), Script(thoughts)

    def open_assistant() -> Agent:
        opened.append(Agent(script, Acting(), world, "en"))
        return opened[-1]

    heard = talk(open_assistant, lines, lambda text, style: said.append((text, style)))
    assert heard == len([line for line in lines if line.strip() and line != AGAIN])
    return said, opened, world


def test_it_shows_thought_action_call_answer_and_reply() -> None:
    said, _, _ = talked(["a table for 2024-10-15", "", "Ann Lee, two"], [LOOK, ASK, BOOK, TELL])
    lines = [text for text, _ in said]
    assert lines[:8] == [
        "  think    See what is free.",
        f"  action   {LOOK.action}",
        "  call     FreeTables",
        "    day = 2024-10-15",
        '  answer   {"times": ["18:00", "20:30"]}',
        "  think    Who comes?",
        "  action   Ask for the name.",
        "What name, please?",
    ]
    assert "    guests = 2" in lines
    assert lines[-1].endswith(" s, the conversation is closed)")
    assert dict(said)["  think    See what is free."] == "dim"
    assert dict(said)["What name, please?"] == "bold"


def test_after_a_hand_over_and_on_demand_a_new_conversation_begins_in_the_same_company() -> None:
    lines = ["Ann Lee, two, on 2024-10-15", "help", AGAIN, "2024-10-15", "   "]
    said, opened, world = talked(lines, [BOOK, TELL, GIVE_UP, LOOK, ASK])
    assert len(opened) == 3
    assert [turn.text for turn in opened[0].turns if turn.role == "user"] == ["Ann Lee, two, on 2024-10-15", "help"]
    assert any(text.endswith("a person takes over)") for text, _ in said)
    assert opened[1].turns == []
    assert "B100002" in world.bookings


def test_values_stand_as_they_are() -> None:
    call = Call(name="Book", arguments={"guest": "安妮", "ids": ["a", 1], "sure": True})
    turns = [Turn(role="action", text="book", call=call), Turn(role="observation", text="{}", answered=Observation())]
    assert [text for text, _ in shown(turns)] == [
        "  action   book",
        "  call     Book",
        "    guest = 安妮",
        '    ids = ["a", 1]',
        "    sure = true",
        "  answer   {}",
    ]


def test_a_broken_character_does_not_end_the_talk() -> None:
    said, _, _ = talked(["a table \ud800"], [ASK])
    assert said[-2][0] == "What name, please?"
