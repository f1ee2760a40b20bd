"""Which tool an action is about: evidence is weighed, and whoever shows little is not ruled out."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from manyshot.choice import FEWEST_SHOTS, ToolChoice, choose
from manyshot.data.slots import slots_of
from manyshot.types import NO_TOOL, Call, Context, Json, Shot, Source, Tool

CONTEXT = Context(today=datetime(2024, 10, 10, tzinfo=UTC), language="en")
REF: Json = {"type": "string", "pattern": r"^AB\d{5}$"}
MAIL: Json = {"type": "string", "format": "email"}


def tool(name: str, **properties: Json) -> Tool:
    return Tool(name=name, parameters={"properties": properties, "required": list(properties)})


SLOTS = {
    t.name: slots_of(t, CONTEXT)
    for t in (tool("Cancel", ref=REF), tool("Send", ref=REF, to=MAIL), tool("Rate", stars={"type": "integer"}))
}
SAID = {
    "Cancel": ["cancel AB12345", "please call off AB20202", "I no longer need AB30303, cancel it"],
    "Send": ["send AB12345 to a@example.org", "mail AB20202 to b@example.org", "AB40404 to c@example.org, send it"],
    "Rate": ["four stars", "I give it 3 stars", "rate it five"],
}
SHOTS = [
    Shot(id=f"{name}{i}", action=action, call=Call(name=name), source=Source(file="shots", line=i))
    for name, actions in SAID.items()
    for i, action in enumerate(actions)
]


def best(choice: ToolChoice, action: str) -> str:
    nats = choice.evidence(action)
    return max((n for n in nats if n != NO_TOOL), key=nats.__getitem__)


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("call AB55555 off please", "Cancel"),
        ("three stars from me", "Rate"),
        ("AB77777 should go to d@example.org", "Send"),
    ],
)
def test_words_and_values_tell_the_tool(action: str, name: str) -> None:
    nats = ToolChoice(SLOTS, SHOTS, "en", None).evidence(action)
    assert max(nats, key=nats.__getitem__) == name
    assert math.fsum(math.exp(v) for n, v in nats.items() if n != NO_TOOL) == pytest.approx(1)


def test_values_outweigh_words() -> None:
    """cancel is a word of Cancel, but it has nothing to do with a mail address."""
    choice = ToolChoice(SLOTS, SHOTS, "en", None)
    assert best(choice, "cancel what I said, AB12345 to e@example.org") == "Send"


def test_what_nothing_speaks_for_is_likelier_to_fit_no_tool() -> None:
    choice = ToolChoice(SLOTS, SHOTS, "en", None)
    far, near = choice.evidence("what is the weather like"), choice.evidence("cancel AB12345")
    assert far[NO_TOOL] > near[NO_TOOL] + 1
    assert near[NO_TOOL] < -2


def test_a_tool_without_shots_is_not_ruled_out_by_words() -> None:
    shots = [s for s in SHOTS if s.call and s.call.name != "Send"]
    assert best(ToolChoice(SLOTS, shots, "en", None), "AB12345 to e@example.org") == "Send"
    few = shots + [s for s in SHOTS if s.call and s.call.name == "Send"][: FEWEST_SHOTS - 1]
    assert best(ToolChoice(SLOTS, few, "en", None), "AB12345 to e@example.org") == "Send"


def test_without_shots_only_the_values_count() -> None:
    assert best(ToolChoice(SLOTS, (), "en", None), "something with AB12345 for e@example.org") == "Send"


def test_the_reject_tool_is_known_by_its_shots_too() -> None:
    slots = SLOTS | {"Reject": slots_of(Tool(name="Reject"), CONTEXT)}
    shots = [*SHOTS, *(
        Shot(id=f"r{i}", action=action, call=Call(name="Reject"), source=Source(file="shots", line=i))
        for i, action in enumerate(["what is the weather", "tell me a joke", "who won the match"])
    )]  # fmt: skip
    nats = ToolChoice(slots, shots, "en", "Reject").evidence("tell me who won the race")
    assert max(nats, key=nats.__getitem__) == "Reject"


def test_a_domain_of_one_tool_or_of_none_but_the_reject_tool_is_answered() -> None:
    one = {"Rate": SLOTS["Rate"]}
    assert ToolChoice(one, SHOTS, "en", None).evidence("4 stars")["Rate"] == pytest.approx(0)
    assert set(ToolChoice(one, SHOTS, "en", "Rate").evidence("4 stars")) == {"Rate", NO_TOOL}
    assert ToolChoice({}, (), "en", None).evidence("4 stars") == {NO_TOOL: 0.0}


def test_how_many_tools_there_are_says_nothing_about_whether_one_fits() -> None:
    many = {f"T{i}": slots_of(Tool(name=f"T{i}"), CONTEXT) for i in range(20)}
    assert ToolChoice(many, (), "en", None).evidence("anything")[NO_TOOL] < 0


def test_tools_that_are_alike_do_not_make_no_tool_the_likeliest() -> None:
    """Each of three has a third of what speaks for any."""
    evidence = dict.fromkeys(SLOTS, math.log(1 / 3)) | {NO_TOOL: -0.9}
    told = dict.fromkeys(SLOTS, math.log(0.2)) | {NO_TOOL: math.log(0.4)}
    assert choose(evidence, told) in SLOTS
    assert choose(evidence | {NO_TOOL: 0.9}, told) == NO_TOOL
    assert choose(evidence, told | {NO_TOOL: 3.0}, "Rate") in ("Rate", NO_TOOL)
    assert choose({NO_TOOL: 0.0, "Rate": 1.0}, {"Rate": 0.0}, "Rate") == "Rate"


def test_what_is_like_a_shot_that_no_tool_fits_is_likelier_to_fit_none() -> None:
    none = [
        Shot(id=f"none{i}", action=action, call=None, source=Source(file="shots", line=50 + i))
        for i, action in enumerate(["undo the cancellation of AB50505", "bring AB60606 back to life"])
    ]
    without, beside = ToolChoice(SLOTS, SHOTS, "en", None), ToolChoice(SLOTS, [*SHOTS, *none], "en", None)
    asked, said = "undo the cancellation of AB71717", "please call off AB71717, I no longer need it"
    raised = beside.evidence(asked)[NO_TOOL] - without.evidence(asked)[NO_TOOL]
    assert raised > 1
    assert raised > beside.evidence(said)[NO_TOOL] - without.evidence(said)[NO_TOOL]
    assert beside.none_signs(asked).closer > 0 > beside.none_signs(said).closer
