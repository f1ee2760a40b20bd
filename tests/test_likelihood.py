"""What a model found likely is read from the tokens it looked at, wherever the texts part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.likelihood import UNLIKELY, key_odds, nats, undecided, value_nats
from manyshot.protocols import Place

HALF = math.log(0.5)


def places(steps: Sequence[tuple[str, Mapping[str, float]]]) -> list[Place]:
    return [Place(token.encode(), {t.encode(): p for t, p in likely.items()}) for token, likely in steps]


def sure(*tokens: str) -> list[Place]:
    return places([(token, {token: 0.0}) for token in tokens])


def test_an_option_is_followed_along_the_walk_until_it_leaves_it() -> None:
    steps = places(
        [
            (" Book", {" Book": HALF, " B": -3.0}),
            ("Room", {"Room": HALF, "Table": -2.0, "Tab": -2.0}),
            ("{", {'{"': -0.1, "{": -9.0}),
        ]
    )
    assert nats(" BookRoom{", steps) == pytest.approx(2 * HALF + math.log(math.exp(-0.1) + math.exp(-9)))
    assert nats(" BookTable{", steps) == pytest.approx(HALF + math.log(2 * math.exp(-2)))
    assert nats(" none{", steps) == UNLIKELY
    assert nats(" Bring{", steps) == pytest.approx(-3.0)


def test_what_a_model_did_not_think_of_is_no_likelier_than_what_it_was_forced_to() -> None:
    forced = places([(" Book", {"\n": -0.1, "I": -3.0, " Book": -15.0}), ("{", {'{"': -0.1, "{": -9.0})])
    assert nats(" Cancel{", forced) <= nats(" Book{", forced)


def test_options_that_leave_a_walk_together_are_not_told_apart_by_it() -> None:
    steps = places([(" none", {" none": HALF, " Ticket": -1.0, " Rate": -2.0}), ("{", {"{": 0.0})])
    tools = [" TicketMake{", " TicketEnd{", " Rate{", " none{"]
    assert undecided(tools, steps) == [tools[:2]]
    assert undecided(tools[2:], steps) == []
    on_the_way = places([(" Ticket", {" Ticket": 0.0}), ("Make", {"Make": -0.1, "End": -2.3}), ("{", {"{": 0.0})])
    assert undecided(tools, on_the_way) == []


@pytest.mark.parametrize("joined", [True, False])
def test_keys_are_weighed_where_they_could_have_come(joined: bool) -> None:
    """A string's closing quote may be part of a token with what comes after it."""
    after_a = [('","', {'","': math.log(0.8), '"}': math.log(0.2)})]
    if not joined:
        after_a = [('"', {'"': 0.0}), (',"', {',"': math.log(0.8), "}": math.log(0.2)})]
    steps = [
        *sure(" T", '{"', "a", '":"', "x y"),
        *places(after_a),
        *places([("c", {"b": HALF, "c": HALF})]),
        *sure('":', "true"),
        *places([("}", {"}": math.log(0.9), ',"': math.log(0.1)})]),
    ]
    odds = key_odds(steps, ["a", "b", "c", "d"])
    assert odds["a"] > 10
    assert odds["b"] == pytest.approx(math.log(0.4 / 0.6), abs=1e-3)
    assert odds["c"] == pytest.approx(math.log(0.4 / 0.2), abs=1e-3)
    assert odds["d"] == pytest.approx(math.log(0.1 / 0.9), abs=1e-3)


def test_choices_are_weighed_where_one_was_written() -> None:
    """Whatever tokens hold the marks around the choice."""
    likely = {"la": math.log(0.6), "small": math.log(0.3), "?": math.log(0.1)}
    apart = [*sure(' T{"a":1,', '"', "b", '"', ":", '"'), *places([("la", likely)]), *sure("rge", '"}')]
    joined = [*sure(' T{"a":1,"b":"'), *places([("la", likely)]), *sure('rge"}')]
    for steps in (apart, joined):
        told = value_nats(steps, "b", ["a", "b"], ["large", "small", "tiny"])
        assert told["large"] == pytest.approx(math.log(2 / 3), abs=1e-3)
        assert told["small"] == pytest.approx(math.log(1 / 3), abs=1e-3)
        assert told["tiny"] < told["small"] - 5
        assert value_nats(steps, "c", ["a", "b", "c"], ["x", "y"]) == {}
    assert value_nats(sure(' T{"n":30}'), "n", ["n"], [30, 3])[30] > -0.1


def test_a_token_may_end_inside_a_character() -> None:
    text = ' T{"a":"桩","b":1}'.encode()
    cut = text.index("桩".encode()) + 1
    steps = [Place(part, {part: 0.0}) for part in (text[:cut], text[cut:])]
    assert min(key_odds(steps, ["a", "b"]).values()) > 10


@pytest.mark.parametrize("text", ["", " none", ' T{"a":', ' T{"z":1}', ' T{"a":1', " T{a}"])
def test_what_is_no_call_with_these_keys_tells_nothing(text: str) -> None:
    assert key_odds(sure(text), ["a"]) == {}


@given(st.lists(st.text(max_size=8), max_size=6))
def test_any_text_is_read_without_fault(tokens: list[str]) -> None:
    key_odds(sure(*(t for t in tokens if t)), ["a", "b"])
