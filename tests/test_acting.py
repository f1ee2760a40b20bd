"""What the model wrote becomes a call, a question back or nothing; which one, is decided here and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.acting import Answer, Reader
from manyshot.data.slots import Path, ToolSlots, nest, resolve, slots_of
from manyshot.parse import write_call
from manyshot.types import Call, Context, Json, Tool

CONTEXT = Context(today=datetime(2024, 10, 10, tzinfo=UTC), language="en")
WHERE = {
    "type": "object",
    "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
    "required": ["lat", "lon"],
}
ITEM = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "count": {"type": "integer", "default": 1}, "note": {"type": "string"}},
    "required": ["name", "count"],
}


def tool(name: str, required: list[str], **properties: Json) -> Tool:
    return Tool(name=name, parameters={"type": "object", "properties": properties, "required": required})


def listed(items: Json) -> Json:
    return {"type": "array", "items": items}


TOOLS = [
    tool(
        "Climb",
        ["height"],
        height={"type": "integer", "minimum": 1, "maximum": 120},
        speed={"type": "integer", "minimum": 1, "maximum": 70},
        mode={"type": "string", "enum": ["slow", "fast"]},
        lights={"type": "boolean"},
    ),
    tool("FlyTo", ["where"], where=WHERE, via={**WHERE, "required": ["lat"]}),
    tool("Order", ["items"], items=listed(ITEM), tags=listed({"enum": ["gift", "rush"]})),
    tool(
        "Visit",
        ["when"],
        when={"type": "string", "description": "YYYY-MM-DD HH:MM"},
        days=listed({"type": "string", "format": "date"}),
    ),
    tool("RejectRequest", []),
]
SLOTS: dict[str, ToolSlots] = {t.name: slots_of(t, CONTEXT) for t in TOOLS}
DEFAULTS: dict[str, dict[Path, Any]] = {"Climb": {("speed",): 10}}


def read(action: str, name: str, surfaces: Json, reject: str | None = "RejectRequest") -> Answer:
    return Reader(SLOTS, DEFAULTS, reject, "span").read(" " + write_call(name, surfaces), action)


def call(name: str, **arguments: Any) -> Answer:
    return Answer(calls=(Call(name=name, arguments=arguments),))


def test_words_become_typed_values_and_defaults_fill() -> None:
    said = {"height": "sixty metres", "mode": "fast", "lights": True}
    assert read("up to sixty metres, fast, with lights", "Climb", said) == call(
        "Climb", height=60, speed=10, mode="fast", lights=True
    )
    assert read("30 up at speed 20", "Climb", {"height": "30", "speed": "20"}) == call("Climb", height=30, speed=20)


def test_arguments_stand_in_the_order_of_the_schema() -> None:
    (made,) = read("lights on, 30 up", "Climb", {"lights": True, "height": "30"}).calls
    assert list(made.arguments) == ["height", "speed", "lights"]


def test_what_is_missing_is_asked() -> None:
    assert read("climb fast", "Climb", {"mode": "fast"}) == Answer(ask=("height",))
    # Also what was copied but cannot be read.
    assert read("climb to the clouds", "Climb", {"height": "the clouds"}) == Answer(ask=("height",))


def test_words_that_nobody_said_do_not_count() -> None:
    assert read("climb", "Climb", {"height": "60"}) == Answer(ask=("height",))
    assert read("two cups", "Order", {"items": [{"name": "plates", "count": "two"}]}) == Answer(ask=("items",))
    # Choices are no copies.
    assert read("go up 5, calmly", "Climb", {"height": "5", "mode": "slow"}) == call(
        "Climb", height=5, speed=10, mode="slow"
    )


def test_a_choice_that_is_none_is_left_out() -> None:
    assert read("up 5", "Climb", {"height": "5", "mode": "sideways", "lights": "perhaps"}) == call(
        "Climb", height=5, speed=10
    )


@pytest.mark.parametrize("height", ["0", "121", "five hundred"])
def test_out_of_bounds_goes_to_the_reject_tool_when_there_is_one(height: str) -> None:
    assert read(f"climb to {height}", "Climb", {"height": height}) == call("RejectRequest")
    assert read(f"climb to {height}", "Climb", {"height": height}, reject=None).calls != (Call(name="RejectRequest"),)


def test_missing_comes_before_impossible() -> None:
    assert read("speed 500", "Climb", {"speed": "500"}) == Answer(ask=("height",))


def test_what_is_impossible_is_no_call_where_nothing_rejects() -> None:
    reader = Reader(SLOTS, DEFAULTS, None, "span")
    assert reader.read(' Climb{"height":"500"}', "climb to 500") == Answer()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Climb",
        "Climb{",
        'Climb{"height":60}}',
        '{"height":60}',
        "Sing{}",
        "climb{}",
        'Climb{"a":1,"a":2}',
        "Climb[]",
        "\x00",
    ],
)
def test_garbage_is_no_call_and_says_why(text: str) -> None:
    answer = Reader(SLOTS, DEFAULTS, "RejectRequest", "span").read(text, "climb 60")
    assert not answer.calls
    assert answer.ask is None
    assert answer.fault


def test_no_tool_is_no_fault() -> None:
    assert read("sing a song", "none", {}) == Answer()
    assert read("sing a song", "RejectRequest", {}) == call("RejectRequest")


@given(st.text(), st.text())
def test_no_text_raises(text: str, action: str) -> None:
    for values in ("span", "final"):
        Reader(SLOTS, DEFAULTS, None, values).read(text, action)


inner_keys = st.sampled_from(["lat", "lon", "name", "count"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(inner_keys, inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["height", "mode", "lights", "where", "via", "items", "tags", "when", "days", "?"])


@given(
    st.sampled_from(sorted(SLOTS)), st.dictionaries(keys, json_values, max_size=4), st.sampled_from(["span", "final"])
)
def test_no_arguments_raise(name: str, arguments: Json, values: Any) -> None:
    try:
        text = write_call(name, arguments)
    except ValueError:
        return
    answer = Reader(SLOTS, DEFAULTS, "RejectRequest", values).read(text, text)
    assert bool(answer.calls) + bool(answer.ask) + bool(answer.fault) == 1


def test_nested_objects() -> None:
    action = "fly to 48.5, 2.25 by way of 47"
    assert read(action, "FlyTo", {"where": {"lat": "48.5", "lon": "2.25"}}) == call(
        "FlyTo", where={"lat": 48.5, "lon": 2.25}
    )
    both = {"where": {"lat": "48.5", "lon": "2.25"}, "via": {"lat": "47"}}
    assert read(action, "FlyTo", both) == call("FlyTo", where={"lat": 48.5, "lon": 2.25}, via={"lat": 47})


def test_missing_inside_objects() -> None:
    # Nothing of it was said: the object is asked for; a part was said: the rest of it.
    assert read("fly there", "FlyTo", {}).ask == ("where",)
    assert read("fly to latitude 48.5", "FlyTo", {"where": {"lat": "48.5"}}).ask == ("lon",)
    # An optional object needs its inner fields only when one was given.
    whole = {"where": {"lat": "48.5", "lon": "2.25"}}
    assert read("to 48.5, 2.25 via longitude 3", "FlyTo", {**whole, "via": {"lon": "3"}}).ask == ("lat",)


def test_arrays_of_objects_and_of_choices() -> None:
    action = "two cups and a plate, gift-wrapped, no hurry"
    items = [{"name": "cups", "count": "two"}, {"name": "plate"}]
    assert read(action, "Order", {"items": items, "tags": ["gift"]}) == call(
        "Order", items=[{"name": "cups", "count": 2}, {"name": "plate", "count": 1}], tags=["gift"]
    )
    assert read(action, "Order", {"items": "two cups"}) == Answer(ask=("items",))
    assert read(action, "Order", {"items": [{"name": "cups", "count": "plate"}]}) == Answer(ask=("items",))


def test_arrays_of_dates() -> None:
    said = {"when": "tomorrow at 3 pm", "days": ["tomorrow", "this Saturday"]}
    assert read("tomorrow at 3 pm, else this Saturday", "Visit", said) == call(
        "Visit", when="2024-10-11 15:00", days=["2024-10-11", "2024-10-12"]
    )


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("tomorrow at 3 pm", "2024-10-11 15:00"),
        ("Saturday works, say half past three pm", "2024-10-12 15:30"),
        ("October 15th would be good, preferably 9:15", "2024-10-15 09:15"),
        ("on Friday: 9:00, no, 10:00", "2024-10-11 10:00"),
    ],
)
def test_a_day_and_a_time_said_apart(said: str, value: str) -> None:
    assert resolve(SLOTS["Visit"].slot(("when",)), said) == value
    assert read(f"Come {said}.", "Visit", {"when": said}) == call("Visit", when=value)


@pytest.mark.parametrize("said", ["tomorrow or Saturday, maybe at 3 pm", "soon", "on Friday: 9:00 or 10:00"])
def test_two_days_or_none_are_no_moment(said: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        resolve(SLOTS["Visit"].slot(("when",)), said)
    assert read(said, "Visit", {"when": said}) == Answer(ask=("when",))


def test_a_part_of_an_only_date_is_read_as_the_whole() -> None:
    assert read("Come on October 15 at 9:15 please", "Visit", {"when": "October 15 at 9"}) == call(
        "Visit", when="2024-10-15 09:15"
    )


@pytest.mark.parametrize(
    ("action", "written", "arguments"),
    [
        ("It's K 1 2 3, call +1 555 010 4477", "{}", {"ref": "K123", "phone": "+15550104477"}),
        ("move k123 to ours, I'm on 555-010-4477", '{"ref":"k123"}', {"ref": "K123", "phone": "5550104477"}),
        ("not K123 but K456", "{}", {"ref": "K456"}),
        # Two could be meant, or the words serve another field: nothing is filled in.
        ("K123 or K456", "{}", None),
        ("K123, the note says L9", '{"note":"K123, the note says L9"}', None),
    ],
)
def test_what_only_one_field_can_take_is_not_overlooked(action: str, written: str, arguments: Json | None) -> None:
    asked = tool(
        "Track",
        ["ref"],
        ref={"type": "string", "pattern": r"^K\d{3}$"},
        phone={"type": "string", "description": "phone number"},
        note={"type": "string"},
    )
    answer = Reader({"Track": slots_of(asked, CONTEXT)}, {}, None, "span").read(f" Track{written}", action)
    if arguments is None:
        assert answer == Answer(ask=("ref",))
    else:
        assert [c.arguments for c in answer.calls] == [arguments]


def test_final_values_are_taken_as_they_are() -> None:
    reader = Reader(SLOTS, DEFAULTS, "RejectRequest", "final")
    assert reader.read('Climb{"height":60}', "whatever") == call("Climb", height=60, speed=10)
    assert reader.read('Climb{"height":600}', "whatever") == call("RejectRequest")
    assert reader.read("Climb{}", "whatever") == Answer(ask=("height",))
    assert reader.read('Climb{"height":6,"wings":2}', "whatever") == call("Climb", height=6, speed=10)


def test_line_breaks_in_the_action_do_not_matter() -> None:
    assert read("climb\nto sixty\n\nmetres", "Climb", {"height": "sixty metres"}) == call("Climb", height=60, speed=10)


def test_nest_is_the_inverse_of_paths() -> None:
    slots = SLOTS["FlyTo"].slots
    assert nest({("via", "lat"): 2, ("where", "lon"): 1}, slots) == {"where": {"lon": 1}, "via": {"lat": 2}}
    assert nest({}, slots) == {}


@pytest.mark.parametrize(
    ("action", "copied", "when"),
    [
        ("the 14th suits me best, half past three", "half past three", "2024-10-14 15:30"),
        ("the 14th suits me best, half past three in the afternoon", "the 14th", "2024-10-14 15:30"),
        ("come at 9 am", "9 am", "2024-10-10 09:00"),
        ("come Friday evening at 8", "at 8", "2024-10-11 20:00"),
        ("call me in two hours, not on Friday", "in two hours", "2024-10-10 02:00"),
    ],
)
def test_an_hour_takes_the_one_day_that_is_said_and_a_day_its_one_hour(action: str, copied: str, when: str) -> None:
    assert read(action, "Visit", {"when": copied}) == call("Visit", when=when)
