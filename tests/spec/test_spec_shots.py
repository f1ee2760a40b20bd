"""shots/calls.jsonl and tests/calls.jsonl: calls that cannot be made, and answers that contradict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from manyshot.errors import SpecError
from manyshot.spec.check import check
from manyshot.spec.load import load_domain, load_tests
from tests.spec.desk import SHOT, Desk

Said = Callable[[], list[str]]


def _book(**arguments: Any) -> dict[str, Any]:
    return {"action": "a", "call": {"name": "Book", "arguments": {"day": "2024-10-11", "guests": 2, **arguments}}}


def _part(ask: list[str], **arguments: Any) -> dict[str, Any]:
    return {"action": "a", "call": {"name": "Book", "arguments": arguments}, "ask": ask}


def _deep(levels: int) -> dict[str, Any]:
    return {"a": _deep(levels - 1)} if levels else {}


def test_an_ask_back_may_say_what_is_known_already(desk: Desk, said: Said) -> None:
    desk.shots([SHOT, _part(["guests"], day="2024-10-11")])
    assert said() == []
    shot = load_domain(desk.folder).shots[1]
    assert (shot.ask, shot.call and shot.call.arguments) == (("guests",), {"day": "2024-10-11"})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"action": "a", "cal": None}, 'unknown key "cal" in a shot; did you mean "call"?'),
        ({"action": "a"}, 'a shot has no "call"; add it'),
        ({"action": " ", "call": None}, "wanted the customer's words as action"),
        ({"action": 3, "call": None}, "wanted the customer's words as action, found 3"),
        ({"action": "a", "call": "Book"}, "wanted a call as {"),
        ({"action": "a", "call": {"name": "Bok"}}, 'unknown tool "Bok"; did you mean "Book"?'),
        ({"action": "a", "call": {"name": "Book", "args": {}}}, 'unknown key "args" in a call; did you mean'),
        ({"action": "a", "call": {"name": "Book", "arguments": []}}, "wanted arguments as an object, found array"),
        ({"action": "a", "call": {"name": "Book"}}, 'Book: "day", "guests" is required and missing'),
        (_book(guests="2"), 'Book: "guests": wanted integer, was "2" (string)'),
        (_book(guests=30), 'Book: "guests": wanted at most 20, was 30'),
        (_book(day="11 Oct"), 'Book: "day": wanted a date as 2024-10-11, was "11 Oct"'),
        (_book(day="2024-02-30"), 'Book: "day": wanted a date as'),
        (_book(area="terace"), 'wanted one of ["inside", "terrace"], was "terace"; did you mean "terrace"?'),
        (_book(wine={}), '"wine.colour" is required and missing'),
        (_book(guest=2), 'Book: unknown parameter "guest"; did you mean "guests"?'),
        (
            {"action": "a", "call": {"name": "Cancel", "arguments": {"id": "B1", "fee": 0}}},
            "text that matches ^B\\d{3}$",
        ),
        ({"action": "a", "call": None, "ask": "day"}, 'wanted ask as a list of field names, found "day"'),
        ({"action": "a", "call": None, "ask": ["dya"]}, 'ask names "dya", which no tool has; did you mean "day"?'),
        ({"action": "a", "call": None, "ask": ["area"]}, 'ask names "area", which no tool requires'),
        ({"action": "a", "call": None, "ask": ["day", "day"]}, 'ask names "day" twice'),
        ({**_book(), "ask": ["day"]}, "Book: beside these arguments nothing is missing, so ask must name just that"),
        (_part(["day"]), 'Book: beside these arguments "day", "guests" is missing'),
        (_part(["day", "guests"], area="terace"), 'wanted one of ["inside", "terrace"], was "terace"'),
        (_part(["day", "guests"], wine=1), "wine"),
        ({**SHOT, "call": None}, "the action of line 1 again with another answer; keep one"),
        (_part(["day", "guests"], wine=_deep(20)), "these arguments cannot be written as a call"),
        (_book(guests=10**400), "these arguments cannot be written as a call"),
    ],
)
def test_shot_faults(desk: Desk, said: Said, row: dict[str, Any], expected: str) -> None:
    desk.shots([SHOT, row])
    assert any(f.startswith("shots/calls.jsonl:2: ") and expected in f for f in said()), said()


def test_no_shots(desk: Desk, said: Said) -> None:
    desk.write("shots/calls.jsonl", "\n\n")
    assert said() == [
        'shots/calls.jsonl:1: the domain has no shots; write one JSON object a line: {"action": "...", "call": {...}}'
    ]


def test_ids_follow_the_action_not_the_line(desk: Desk) -> None:
    other = {"action": "nothing", "call": None}
    desk.shots([SHOT, other, SHOT])
    first = load_domain(desk.folder).shots
    desk.shots([other, SHOT])
    second = load_domain(desk.folder).shots
    assert [s.id for s in first] == [s.id for s in second][::-1]
    assert all(len(s.id) == 10 and s.id.startswith("s-") for s in first)
    assert str(second[1].source) == "shots/calls.jsonl:2"
    desk.shots([SHOT, SHOT])
    assert any("the same shot stands on line 1" in str(h) for h in check(desk.folder).hints)


def test_nested_fields_can_be_asked_for(desk: Desk) -> None:
    desk.shots(
        [{"action": "a", "call": None, "ask": ["wine.colour"]}, {"action": "b", "call": None, "ask": ["colour"]}]
    )
    assert [s.ask for s in load_domain(desk.folder).shots] == [("wine.colour",), ("colour",)]


def _test(**arguments: Any) -> dict[str, Any]:
    return {"id": "t", "action": "a", "expected": [{"name": "Book", "arguments": {"day": ["2024-10-11"], **arguments}}]}


def _refused(**change: Any) -> dict[str, Any]:
    return {
        **_test(guests=[2]),
        "history": [{"call": {"name": "Book", "arguments": {"guests": 99}}, "error": "no", **change}],
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({**_test(guests=[2]), "expectd": []}, 'unknown key "expectd" in a test; did you mean "expected"?'),
        ({"action": "a", "expected": []}, 'a test has no "id"; add it'),
        ({"id": 3, "action": "a", "expected": []}, "wanted an id as text, found 3; put it into quotes"),
        ({"id": "t", "action": "a", "expected": {}}, "wanted expected as a list of calls, found object"),
        ({"id": "t", "action": "a", "expected": ["Book"]}, "wanted an expected call as {"),
        ({"id": "t", "action": "a", "expected": [{"name": "Bok"}]}, 'unknown tool "Bok"; did you mean "Book"?'),
        ({**_test(guests=[2]), "ask": ["day"]}, 'both "expected" and "ask"'),
        (_test(), 'Book: "guests" is required, so a call without it is impossible; list its values'),
        (_test(guests=[""]), 'Book: "guests" is required, so a call without it is impossible'),
        (_test(guests=2), 'Book: "guests" wants a list of allowed values, found 2'),
        (_test(guests=[]), 'Book: "guests" wants a list of allowed values, found []'),
        (_test(guests=[99]), "no allowed value of guests fits its schema, so the call is impossible"),
        (_test(guests=[2], gests=[2]), 'Book: unknown parameter "gests"; did you mean "guests"?'),
        (_refused(error=""), "wanted the API's words as error in history"),
        (_refused(eror="x"), 'unknown key "eror" in an entry of history; did you mean "error"?'),
        (_refused(call={"name": "X"}), 'history: unknown tool "X"'),
        ({**_test(guests=[2]), "history": "no"}, "wanted history as a list"),
        ({"id": "t", "action": "a", "expected": [], "ask": ["nix"]}, 'ask names "nix", which no tool has'),
        ({**_test(guests=[2]), "id": "first"}, 'the id "first" stands already on line 1; give another'),
        ({"id": "t", "action": "first", "expected": []}, "the action of line 1 again with another answer"),
    ],
)
def test_test_faults(desk: Desk, said: Said, row: dict[str, Any], expected: str) -> None:
    desk.tests([{**_test(guests=[1]), "id": "first", "action": "first"}, row])
    assert any(f.startswith("tests/calls.jsonl:2: ") and expected in f for f in said()), said()
    with pytest.raises(SpecError, match=r"tests/calls\.jsonl:2: "):
        load_tests(desk.folder)
    assert load_domain(desk.folder).shots  # tests are no part of the domain


def test_possible_tests(desk: Desk, said: Said) -> None:
    desk.tests(
        [
            _test(guests=[2, 3], area=["", "inside"], wine=[{"colour": "red"}]),
            {"id": "u", "action": "b", "expected": [{"name": "Cancel", "arguments": {"id": ["B001"]}}]},
            {"id": "v", "action": "c", "expected": [], "ask": ["id"]},
            {"id": "w", "action": "d", "expected": []},
            {**_refused(), "id": "x"},
        ]
    )
    assert not said()
    tests = load_tests(desk.folder)
    assert [t.id for t in tests] == ["t", "u", "v", "w", "x"]
    assert tests[4].history[0].call.arguments == {"guests": 99}
    assert str(tests[4].source) == "tests/calls.jsonl:5"


def test_values_that_do_not_fit_alone_do_not_hide_those_that_do(desk: Desk, said: Said) -> None:
    names = "abcde"
    tool = {
        "name": "Add",
        "parameters": {
            "type": "object",
            "properties": {n: {"type": "integer", "maximum": 9} for n in names},
            "required": list(names),
        },
    }
    desk.tools([tool])
    desk.shots([{"action": "1", "call": {"name": "Add", "arguments": dict.fromkeys(names, 1)}}])
    allowed = {n: [99, 1] if n == "a" else [1, 2, 3, 4] for n in names}
    desk.tests([{"id": "t", "action": "a", "expected": [{"name": "Add", "arguments": allowed}]}])
    assert said() == []


def test_values_that_fit_alone_but_not_together(desk: Desk, said: Said) -> None:
    tool = {
        "name": "Pay",
        "parameters": {
            "type": "object",
            "properties": {"cash": {"type": "boolean"}, "card": {"type": "string"}},
            "oneOf": [{"required": ["cash"]}, {"required": ["card"]}],
        },
    }
    desk.tools([tool])
    desk.shots([{"action": "cash", "call": {"name": "Pay", "arguments": {"cash": True}}}])
    expected = {"cash": [True], "card": ["x"]}
    desk.tests([{"id": "t", "action": "a", "expected": [{"name": "Pay", "arguments": expected}]}])
    assert said() == [
        "tests/calls.jsonl:1: Pay: the schema refuses every combination of the allowed values; correct them"
    ]
    expected["card"].append("")
    desk.tests([{"id": "t", "action": "a", "expected": [{"name": "Pay", "arguments": expected}]}])
    assert not said()


def test_a_domain_without_tests(desk: Desk) -> None:
    assert load_tests(desk.folder) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gests: [1]\n", 'values.yaml:1: "gests" names no field; did you mean "guests"?'),
        ("area: [inside]\nguests:\n  - 2\n  - 99\n", 'values.yaml:4: "guests": wanted at most 20, was 99'),
        ("guests: 3\n", 'values.yaml:1: "guests" wants a list of values, found 3; write [value, ...]'),
        ("guests: []\n", 'values.yaml:1: "guests" wants a list of values'),
        ("[1]\n", "values.yaml:1: wanted field: [values]"),
        ("Cancel.day: [2024-10-10]\n", 'values.yaml:1: "Cancel.day" names no field'),
        ("guests: [1\n", "values.yaml:2: bad YAML"),
        ("wine.colour: [3]\n", '"wine.colour": wanted string, was 3 (integer); put it into quotes'),
    ],
)
def test_values_faults(desk: Desk, said: Said, text: str, expected: str) -> None:
    desk.write("values.yaml", text)
    assert len(said()) == 1
    assert expected in said()[0]


def test_values_are_read(desk: Desk) -> None:
    desk.write("values.yaml", "# fields\nBook.day: [2024-10-12]\nwine.colour: [red]\ncolour: [white]\nguests: [1, 2]\n")
    assert load_domain(desk.folder).values == {
        "Book.day": ["2024-10-12"], "wine.colour": ["red"], "colour": ["white"], "guests": [1, 2],
    }  # fmt: skip
    desk.write("values.yaml", "# nothing yet\n")
    assert load_domain(desk.folder).values == {}
