"""The assistant's loop on scripted thoughts in a real world: whatever is thought, it ends in words or with a person."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from manyshot.acting import Answer
from manyshot.agent import Agent, Limits
from manyshot.errors import WorldError
from manyshot.parse import read_call
from manyshot.protocols import Assistant
from manyshot.transcript import Thought, read_thought
from manyshot.types import Call, CallFault, Language, Observation, Refusal, Setup, Turn
from tests.dialogue.inn import Inn

LOOK = Thought("See what is free.", 'FreeTables{"day":"2024-10-15"}', "call")
BOOK = Thought("Book it.", 'Book{"guest":"Ann Lee","day":"2024-10-15","guests":2}', "call")
TELL = Thought("Booked.", "Tell the number.", "end", "Your number is B100002.")
ASK = Thought("Who comes?", "Ask for the name.", "reply", "What name, please?")
GIVE_UP = Thought("It is down.", "Hand over to a person: the system is down.", "handoff", "A colleague takes over.")


@dataclass
class Script:
    """Thinks what it is told to, in this order; a text is what a model wrote. Keeps what it was shown."""

    thoughts: Sequence[Thought | str]
    seen: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, turns: Sequence[Turn], attempt: int) -> Thought:
        self.seen.append((len(turns), attempt))
        next_one = self.thoughts[min(len(self.seen), len(self.thoughts)) - 1]
        return read_thought(next_one) if isinstance(next_one, str) else next_one


@dataclass
class Acting:
    """Reads an Action that is a call already; anything else is no call of any tool."""

    history: list[list[Refusal]] = field(default_factory=list)

    def __call__(self, action: str, refused: Sequence[Refusal]) -> Answer:
        self.history.append(list(refused))
        if "{" not in action:
            return Answer(ask=("day",))
        name, arguments = read_call(action)
        return Answer(calls=(Call(name=name, arguments=arguments),))


class Watched(Inn):
    """An inn that keeps the calls that reach it."""

    def __init__(self, setup: Setup | None = None) -> None:
        super().__init__(setup or Setup())
        self.calls: list[Call] = []

    def call(self, call: Call) -> Observation:
        self.calls.append(call)
        return super().call(call)


def agent(
    think: Callable[[Sequence[Turn], int], Thought], world: Any = None, *, language: Language = "en", **limits: int
) -> Agent:
    return Agent(think, Acting(), world or Watched(), language, Limits(**limits))


def roles(turns: Sequence[Turn]) -> list[str]:
    return [turn.role for turn in turns]


def test_it_thinks_and_acts_until_it_speaks() -> None:
    world = Watched()
    made = agent(Script([LOOK, ASK, BOOK, TELL]), world)
    assistant: Assistant = made
    new = assistant.hear("A table for 2024-10-15")
    assert roles(new) == ["user", "think", "action", "observation", "think", "action", "reply"]
    assert new[2].call == Call(name="FreeTables", arguments={"day": "2024-10-15"})
    assert new[3].answered == Observation(body={"times": ["18:00", "20:30"]})
    assert (new[-1].text, assistant.over) == ("What name, please?", "")
    new = assistant.hear("Ann Lee, two of us")
    assert assistant.over == "ended"
    assert new == assistant.turns[7:]
    assert [call.name for call in world.calls] == ["FreeTables", "Book"]
    assert len(world.bookings) == 2


def test_a_customer_who_goes_on_is_heard_again() -> None:
    made = agent(Script([TELL, ASK]))
    made.turns.append(Turn(role="observation", text='{"id": "B100002"}'))
    over = []
    for said in ("Thanks", "One more thing"):
        made.hear(said)
        over.append(made.over)
    assert over == ["ended", ""]


def test_a_person_takes_over_where_the_thought_says_so() -> None:
    made = agent(Script([GIVE_UP]))
    assert made.hear("Help")[-1].text == GIVE_UP.reply
    assert made.over == "handoff"


@pytest.mark.parametrize(
    "bad",
    [
        "no thought at all",
        " half a thought\nAction: and no more",
        Thought("t", 'Cancel{"id":"B999999"}', "call"),
        Thought("t", "Tell the number.", "reply", "Your number is B777777."),
        Thought("t", "Tell the phone.", "reply", "Call 555 0123 4567."),
        Thought("t", "Ask for the name.", "reply", "-"),
    ],
)
def test_what_cannot_be_read_or_was_never_said_is_thought_again(bad: Thought | str) -> None:
    world, script = Watched(), Script([bad, ASK])
    made = agent(script, world)
    assert made.hear("Hello, about B100001")[-1].text == ASK.reply
    assert [attempt for _, attempt in script.seen] == [0, 1]
    assert world.calls == []


def test_an_id_that_nobody_said_never_reaches_a_call() -> None:
    world, script = Watched(), Script([Thought("t", 'Cancel{"id":"B100002"}', "call")])
    made = agent(script, world, tries=3)
    new = made.hear("Cancel B100001, please")
    assert (world.calls, len(script.seen)) == ([], 3)
    assert made.over == "handoff"
    assert roles(new) == ["user", "think", "action", "reply"]
    assert new[2].text.startswith("Hand over to a person: ")


def test_an_id_that_a_tool_said_may_be_used() -> None:
    made = agent(Script([BOOK, TELL]))
    assert made.hear("Ann Lee, two, on 2024-10-15")[-1].text == TELL.reply


def test_an_error_goes_back_as_an_observation() -> None:
    setup = Setup(faults=(CallFault(call="FreeTables", kind="error"),))
    made = agent(Script([LOOK, LOOK, ASK]), Watched(setup))
    new = made.hear("2024-10-15")
    assert [turn.answered.status for turn in new if turn.answered] == [503, 200]
    assert new[3].text == '503 {"error": "try again later"}'
    acting = made.act
    assert isinstance(acting, Acting)
    refusal = Refusal(call=Call(name="FreeTables", arguments={"day": "2024-10-15"}), error=new[3].text)
    assert acting.history == [[], [refusal]]


def test_an_action_that_makes_no_call_is_answered_as_an_api_would() -> None:
    made = agent(Script([Thought("t", "See what is free.", "call"), ASK]), tries=1)
    new = made.hear("A table")
    observed = next(turn for turn in new if turn.role == "observation")
    assert observed.answered == Observation(status=422, body={"error": "day is required", "field": "day"})
    assert new[2].call is None
    assert made.over == ""


def test_a_call_that_was_answered_is_not_made_again_until_the_customer_speaks() -> None:
    world, script = Watched(), Script([BOOK, BOOK, ASK, BOOK, TELL])
    made = agent(script, world)
    made.hear("Ann Lee, two, on 2024-10-15")
    assert [call.name for call in world.calls] == ["Book"]
    made.hear("And the same once more, please")
    assert [call.name for call in world.calls] == ["Book", "Book"]

    endless, bookings = agent(Script([BOOK])), Watched()
    endless.world = bookings
    assert endless.hear("Ann Lee, two, on 2024-10-15")[-1].role == "reply"
    assert (endless.over, len(bookings.calls)) == ("handoff", 1)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_failures_and_endless_thinking_end_with_a_person(language: Language) -> None:
    down = Setup(faults=tuple(CallFault(call="FreeTables", nth=n, kind="timeout") for n in range(1, 9)))
    made = agent(Script([LOOK]), Watched(down), language=language, failures=3)
    new = made.hear("2024-10-15")
    assert made.over == "handoff"
    assert sum(turn.role == "observation" for turn in new) == 3
    assert ("转人工" if language == "zh" else "person") in new[-2].text

    script = Script([Thought("t", f'FreeTables{{"day":"2024-11-{n:02}"}}', "call") for n in range(1, 30)])
    round_and_round = agent(script, language=language, steps=5)
    new = round_and_round.hear(" ".join(f"2024-11-{n:02}" for n in range(1, 30)))
    assert round_and_round.over == "handoff"
    assert sum(turn.role == "observation" for turn in new) == 5


def test_a_broken_world_ends_with_a_person() -> None:
    class Broken(Watched):
        def call(self, call: Call) -> Observation:
            raise WorldError(f"{call.name} cannot be called")

    made = agent(Script([LOOK]), Broken())
    assert made.hear("2024-10-15")[-1].role == "reply"
    assert made.over == "handoff"


def test_put_away_between_any_two_steps_it_goes_on_the_same() -> None:
    """Also when tries and failures count: they are told from the dialogue."""
    said, thoughts = ("A table for 2024-10-15", "Ann Lee, two of us"), [LOOK, ASK, BOOK, TELL]
    whole = agent(Script(thoughts))
    for text in said:
        whole.hear(text)
    script, world = Script(thoughts), Watched()
    saved: dict[str, Any] | None = None

    def again() -> Agent:
        one = agent(script, world)
        if saved is not None:
            one.load(json.loads(json.dumps(saved)))
        return one

    for text in said:
        one = again()
        call = one.listen(text)
        saved = one.save()
        while call is not None:
            one = again()
            call = one.observe(world.call(call))
            saved = one.save()
    assert again().turns == whole.turns
    assert again().over == "ended"


def test_a_person_between_is_part_of_the_dialogue() -> None:
    made = agent(Script([GIVE_UP, ASK]))
    made.hear("Help")
    made.join("Are you there?", "")
    made.join("", "I am Li Na.")
    assert made.over == ""
    made.hear("Thanks")
    assert roles(made.turns[-6:]) == ["user", "reply", "user", "think", "action", "reply"]
