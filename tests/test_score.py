"""Gold answers pass; every planted mutation fails in its own stage."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import manyshot
from manyshot.oneline import show
from manyshot.score import CALL_STAGES, match, same_value, score, score_call
from manyshot.types import Call, Expected, Json, Source, TestCase, Tool

PLACE = Source(file="tests/calls.jsonl", line=1)
TICKET = Tool(
    name="Ticket",
    parameters={
        "type": "object",
        "properties": {
            "who": {"type": "string", "minLength": 1},
            "when": {"type": "string", "format": "date"},
            "pieces": {"type": "integer", "minimum": 1, "maximum": 9},
            "score": {"type": "number"},
            "vip": {"type": "boolean"},
            "size": {"type": "string", "enum": ["small", "large"], "default": "small"},
            "spot": {
                "type": "object",
                "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
                "required": ["x", "y"],
                "additionalProperties": False,
            },
            "tags": {"type": "array", "items": {"type": "string"}},
            "goods": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["who", "size"],
        "additionalProperties": False,
    },
)
OTHER = Tool(name="Other")
TOOLS = {t.name: t for t in (TICKET, OTHER)}
WRONG_TYPE: Json = {
    "who": 5,
    "when": "12th of May",
    "pieces": True,
    "score": "4",
    "vip": "true",
    "spot": [],
    "tags": "a",
}


def case(*expected: Expected, ask: tuple[str, ...] = ()) -> TestCase:
    return TestCase(id="t", action="do it", expected=expected, ask=ask, source=PLACE)


def ticket(**allowed: list[Any]) -> Expected:
    return Expected(name="Ticket", arguments={"who": ["Li"], "size": ["large"], **allowed})


def call(**arguments: Any) -> Call:
    return Call(name="Ticket", arguments={"who": "Li", "size": "large", **arguments})


WORD = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda s: s.strip() != "" and same_value(s, s)
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "who": WORD,
    "when": st.dates().map(lambda d: d.isoformat()),
    "pieces": st.integers(1, 9),
    "score": st.floats(-100, 100),
    "vip": st.booleans(),
    "size": st.sampled_from(["small", "large"]),
    "spot": st.fixed_dictionaries({"x": st.integers(-9, 9), "y": st.floats(-9, 9)}),
    "tags": st.lists(WORD, max_size=3),
}


@st.composite
def gold(draw: st.DrawFn) -> tuple[Expected, Call]:
    """An expected call with alternatives, and a call that it allows."""
    names = ["who", "size", *draw(st.lists(st.sampled_from(sorted(set(VALUES) - {"who", "size"})), unique=True))]
    allowed: dict[str, list[Any]] = {}
    given_: Json = {}
    for name in names:
        allowed[name] = draw(st.lists(VALUES[name], min_size=1, max_size=3))
        optional = name not in TICKET.required and draw(st.booleans())
        if optional:
            allowed[name] = [*allowed[name], ""]
        if not (optional and draw(st.booleans())):
            given_[name] = draw(st.sampled_from([a for a in allowed[name] if a != ""]))
    return Expected(name="Ticket", arguments=allowed), Call(name="Ticket", arguments=given_)


@given(gold())
def test_gold_passes(pair: tuple[Expected, Call]) -> None:
    expected, answer = pair
    assert score([answer], None, case(expected), TOOLS).right
    assert score([answer], (), case(expected), {}).right  # without schemas, too


@given(gold(), st.data())
def test_each_mutation_fails_in_its_stage(pair: tuple[Expected, Call], data: st.DataObject) -> None:
    expected, answer = pair
    stage = data.draw(st.sampled_from(CALL_STAGES))
    arguments = dict(answer.arguments)
    name = data.draw(st.sampled_from(sorted(arguments)))
    allowed = expected.arguments[name]
    wrong = answer
    if stage == "function":
        wrong = answer.model_copy(update={"name": data.draw(st.sampled_from(["Other", "ticket", "Ticket2", ""]))})
    elif stage == "required":
        name = data.draw(st.sampled_from([n for n in arguments if "" not in expected.arguments[n]]))
        del arguments[name]
    elif stage == "extra":
        free = [n for n in VALUES if n not in expected.arguments] + ["invented"]
        name = data.draw(st.sampled_from(free))
        arguments[name] = data.draw(VALUES.get(name, WORD))
    elif stage == "type":
        arguments[name] = data.draw(st.sampled_from([None, WRONG_TYPE.get(name, ["x"])]))
    else:
        other = data.draw(VALUES[name].filter(lambda v: not any(same_value(a, v) for a in allowed)))
        arguments[name] = other
    if stage != "function":
        wrong = answer.model_copy(update={"arguments": arguments})
        expected_name = name
        assert expected_name in score([wrong], None, case(expected), TOOLS).detail
    got = score([wrong], None, case(expected), TOOLS)
    assert (got.right, got.stage) == (False, stage), got.detail
    assert got.detail
    assert "\n" not in got.detail


@given(st.lists(gold(), min_size=2, max_size=5), st.randoms())
def test_several_calls_in_any_order(pairs: list[tuple[Expected, Call]], random: Any) -> None:
    answers = [a for _, a in pairs]
    random.shuffle(answers)
    assert score(answers, None, case(*(e for e, _ in pairs)), TOOLS).right
    fewer = score(answers[1:], None, case(*(e for e, _ in pairs)), TOOLS)
    assert fewer.stage == "function"


def test_overlapping_answers_are_matched_optimally() -> None:
    wide, narrow = ticket(pieces=[1, 2]), ticket(pieces=[1])
    for expected in ([wide, narrow], [narrow, wide]):
        for answers in ([call(pieces=1), call(pieces=2)], [call(pieces=2), call(pieces=1)]):
            assert score(answers, None, case(*expected), TOOLS).right
    got = score([call(pieces=2), call(pieces=2)], None, case(wide, narrow), TOOLS)
    assert (got.stage, got.detail) == ("value", "pieces: wanted 1, got 2")


def test_stages_come_in_order() -> None:
    expected = ticket(pieces=[3])
    assert score_call(call(vip=True), expected, TICKET).stage == "required"
    assert score_call(call(pieces="x", vip=True), expected, TICKET).stage == "extra"
    assert score_call(call(pieces=99, who="Wang"), expected, TICKET).stage == "type"
    assert score_call(call(pieces=3, who="Wang"), expected, TICKET).detail == "who: wanted Li, got Wang"


def test_left_out_or_not() -> None:
    may, must = ticket(when=["2024-10-13", ""]), ticket(when=[""])
    for expected, arguments, stage in [
        (may, {}, None),
        (may, {"when": "2024-10-13"}, None),
        (may, {"when": "2024-10-14"}, "value"),
        (may, {"when": ""}, "type"),  # an explicit empty text is not the same as leaving out
        (must, {}, None),
        (must, {"when": "2024-10-13"}, "extra"),
        (ticket(), {"when": "2024-10-13"}, "extra"),
        (ticket(tags=["a", ""]), {"tags": ""}, "type"),
    ]:
        assert score_call(call(**arguments), expected, TICKET).stage == stage, (expected, arguments)
    assert score_call(call(note=""), ticket(note=["x", ""]), None).stage == "value"


def test_a_required_default_may_be_left_out_or_stated_when_the_test_is_silent() -> None:
    silent = Expected(name="Ticket", arguments={"who": ["Li"]})
    for arguments, stage in [
        ({}, None),
        ({"size": "small"}, None),
        ({"size": "large"}, "value"),
        ({"size": 1}, "type"),
    ]:
        assert score_call(Call(name="Ticket", arguments={"who": "Li", **arguments}), silent, TICKET).stage == stage
    optional = TICKET.model_copy(update={"parameters": {**TICKET.parameters, "required": ["who"]}})
    assert score_call(Call(name="Ticket", arguments={"who": "Li", "size": "small"}), silent, optional).stage == "extra"
    assert score_call(Call(name="Ticket"), Expected(name="Ticket"), TICKET).stage == "required"


def test_asking_back() -> None:
    asks = case(ask=("who", "when"))
    assert score([], ["when", "who"], asks, TOOLS).right
    for calls, ask in [([], ["who"]), ([], ["who", "when", "vip"]), ([], None), ([call()], None), ([call()], ["who"])]:
        assert score(calls, ask, asks, TOOLS).stage == "ask"
    got = score([], ["who"], case(ticket()), TOOLS)
    assert (got.stage, got.detail) == ("required", "wanted Ticket, asked back for who")
    assert score([call()], ["who"], case(ticket()), TOOLS).stage == "required"


def test_no_tool() -> None:
    assert score([], None, case(), TOOLS).right
    assert score([], [], case(), TOOLS).right
    assert score([call()], None, case(), TOOLS).stage == "no_tool"
    assert score([], ["who"], case(), TOOLS).stage == "no_tool"
    got = score([], None, case(ticket()), TOOLS)
    assert (got.stage, got.detail) == ("function", "wanted Ticket, called nothing")


@pytest.mark.parametrize(
    ("wanted", "got", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (True, True, True),
        (1, "1", False),
        (None, None, True),
        (None, False, False),
        ("A座 902", "A座 902", True),
        (" x ", "x", True),
        ("x y", "xy", False),
        ("VIP", "vip", False),
        ([1, 2], [2, 1], False),
        ([1, 2], [1, 2.0], True),
        ([{"n": "a", "q": 1}, {"n": "b", "q": 2}], [{"q": 2, "n": "b"}, {"q": 1.0, "n": "a"}], True),
        ([{"n": "a"}, {"n": "a"}], [{"n": "a"}, {"n": "b"}], False),
        ([{"n": "a"}], [{"n": "a"}, {"n": "a"}], False),
        ({"x": 1}, {"x": 1, "y": 2}, False),
        ({"x": {"y": [1]}}, {"x": {"y": [1]}}, True),
        (float("nan"), float("nan"), False),
    ],
)
def test_equality(wanted: Any, got: Any, same: bool) -> None:
    assert same_value(wanted, got) is same
    assert same_value(got, wanted) is same


def test_unique_items_have_no_order() -> None:
    assert same_value([1, 2], [2, 1], {"uniqueItems": True})
    nested = {"properties": {"days": {"uniqueItems": True}}}
    assert same_value({"days": ["Mo", "Tu"]}, {"days": ["Tu", "Mo"]}, nested)


def test_types_follow_json_schema() -> None:
    expected = ticket(pieces=[5], spot=[{"x": 1, "y": 2}])
    assert score_call(call(pieces=5.0, spot={"x": 1.0, "y": 2}), expected, TICKET).right
    got = score_call(call(pieces=5, spot={"x": "1", "y": 2}), expected, TICKET)
    assert (got.stage, got.detail) == ("type", "spot.x: wanted type number, got 1")
    assert score_call(call(pieces=5, spot={"x": 1}), expected, TICKET).stage == "type"


def test_references_and_rules_across_fields_are_checked() -> None:
    tool = Tool(
        name="T",
        parameters={
            "type": "object",
            "$defs": {"word": {"type": "string", "maxLength": 3}},
            "properties": {"a": {"$ref": "#/$defs/word"}, "b": {"type": ["integer", "null"]}},
            "not": {"required": ["a", "b"]},
        },
    )
    only_a = Expected(name="T", arguments={"a": ["abc"]})
    assert score_call(Call(name="T", arguments={"a": "abc"}), only_a, tool).right
    assert score_call(Call(name="T", arguments={"a": "abcd"}), only_a, tool).stage == "type"
    both = Expected(name="T", arguments={"a": ["abc"], "b": [None]})
    assert score_call(Call(name="T", arguments={"a": "abc", "b": None}), both, tool).stage == "type"


def test_hostile_values_are_wrong_without_a_crash() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    tool = Tool(name="T", parameters={"type": "object", "properties": {"n": {"type": "number", "multipleOf": 0.5}}})
    expected = Expected(name="T", arguments={"n": [1.5]})
    for value in (float("nan"), float("inf"), 10**5000, deep, "\ud800", "x" * 10_000_000, {"n": deep}):
        got = score([Call(name="T", arguments={"n": value})], None, case(expected), {"T": tool})
        assert not got.right
        assert len(got.detail) < 400
        got.detail.encode()
    assert show("\ud800") == "?"


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), max_size=4))
def test_matching_is_maximum(edges: list[list[bool]]) -> None:
    owner = match(lambda left, right: edges[left][right], len(edges), 4)
    taken = [(left, right) for right, left in enumerate(owner) if left is not None]
    assert all(edges[left][right] for left, right in taken)
    assert len({left for left, _ in taken}) == len(taken)
    ways = itertools.permutations(range(4), len(edges))
    best = max(sum(edges[left][right] for left, right in enumerate(way)) for way in ways)
    assert len(taken) == best


def test_more_to_match_than_there_is_room_for() -> None:
    assert match(lambda *_: True, 2, 1) == [0]
    assert match(lambda *_: True, 0, 2) == [None, None]


@pytest.mark.parametrize("name", ["ticket_desk", "drone"])
def test_gold_of_the_shipped_domains_passes(name: str) -> None:
    folder = Path(manyshot.__file__).parent / "domains" / name
    tools = {
        t["function"]["name"]: Tool(**t["function"]) for t in json.loads((folder / "tools.json").read_text("utf-8"))
    }
    lines = (folder / "tests/calls.jsonl").read_text("utf-8").splitlines()
    assert len(lines) >= 120
    for n, line in enumerate(lines, 1):
        row = json.loads(line)
        test = TestCase(**row, source=Source(file="tests/calls.jsonl", line=n))
        for pick in (0, -1):
            calls = [
                Call(name=e.name, arguments={k: v[pick] for k, v in e.arguments.items() if v[pick] != ""})
                for e in test.expected
            ]
            assert score(calls, test.ask, test, tools).right, row["id"]
