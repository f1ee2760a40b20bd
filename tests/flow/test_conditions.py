"""The language of branches: what it reads, what it refuses, what contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.flow.conditions import MAX_DEPTH, ConditionError, holds, parse, possible, slots_of, write_value


@pytest.mark.parametrize(
    ("text", "values", "true"),
    [
        ("solved == 是", {"solved": "是"}, True),
        ("solved != 是", {"solved": "否"}, True),
        ("solved != 是", {}, True),
        ("solved == 是", {}, False),
        ("count >= 3 and count < 5", {"count": 3}, True),
        ("count >= 3 and count < 5", {"count": 5}, False),
        ("count > 3", {"count": "4"}, False),
        ("flag == true", {"flag": 1}, False),
        ("flag == true", {"flag": True}, True),
        ("level in [gold, 'very new']", {"level": "very new"}, True),
        ("level not in [gold, 2]", {"level": 2.0}, False),
        ("day < 2024-10-12", {"day": "2024-10-11"}, True),
        ("names contains 张", {"names": "张伟"}, True),
        ("names contains 张伟", {"names": ["张伟", "李娜"]}, True),
        ("found is empty", {"found": []}, True),
        ("found is filled", {"found": 0}, True),
        ("not (a == 1 or b == 1) and c == 1", {"c": 1}, True),
        ("a == 1 or a == 2 and b == 1", {"a": 1}, True),
        (r'say == "a \"word\""', {"say": 'a "word"'}, True),
    ],
)
def test_holds(text: str, values: dict[str, Any], true: bool) -> None:
    assert holds(parse(text), values) is true


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the condition is empty"),
        ("a", "wanted ==, !=, <, <=, >, >=, in, contains or is, found the end"),
        ("a = 1", "write == for is equal to"),
        ("a == very new", "quote text of several words"),
        ("a == and", "quote it if it is text"),
        ("a is 3", "for a value write =="),
        ("(a == 1", "wanted ), found the end"),
        ("a in [", "wanted a value"),
        ("a in 1", "wanted [, found 1"),
        ("3 == a", "wanted a slot, found 3"),
        ("a == 'x", "cannot read"),
        ("__import__('os')", "found ("),
        ("(" * 500 + "a == 1", f"nested deeper than {MAX_DEPTH}"),
        ("a == 1 or " * 300, "split the branch"),
    ],
)
def test_refuses(text: str, said: str) -> None:
    with pytest.raises(ConditionError) as error:
        parse(text)
    assert said in str(error.value)


_PIECES = ["a", "b", "==", "!=", "<", "in", "[", "]", "(", ")", ",", "not", "and", "or", "is", "filled", "1", "'x'"]


@given(st.text(max_size=60) | st.lists(st.sampled_from(_PIECES)).map(" ".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        condition = parse(text)
    except ConditionError:
        return
    assert slots_of(condition)
    assert holds(condition, {}) in (True, False)


@given(
    st.text(max_size=20)
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(-1e6, 1e6).map(lambda f: round(f, 3))
)
def test_a_written_value_is_read_back(value: str | bool | int | float) -> None:
    assert holds(parse(f"a == {write_value(value)}"), {"a": value}) is (value != "")


@pytest.mark.parametrize(
    ("facts", "values", "can"),
    [
        ([("a == x", True), ("a == y", True)], {}, False),
        ([("a == x", False), ("a == y", False)], {"a": ["x", "y"]}, False),
        ([("a == x", False), ("a == y", False)], {}, True),
        ([("n > 3", True), ("n < 4", True)], {}, True),
        ([("n > 3", True), ("n <= 3", True)], {}, False),
        ([("a is empty", True), ("a == x", True)], {}, False),
        ([("a is empty", False), ("a == x", False)], {}, True),
        ([("a == x or b == x", True), ("a == x", False), ("b == x", False)], {}, False),
        ([("d > 2024-10-10", True), ("d < 2024-10-11", True)], {}, True),
        ([("t contains a", True), ("t contains b", False), ("t contains c", True)], {}, True),
        ([("t contains a", True), ("t == b", True)], {}, False),
        ([(f"s{n} == 1", True) for n in range(12)], {}, True),
        ([("a == 1", True), ("a == true", False)], {}, True),
        ([("a == true", True), ("a == 1", False)], {}, True),
        ([(f"s{n} == x or s{n + 1} == x", True) for n in range(30)], {}, True),
    ],
)
def test_possible(facts: list[tuple[str, bool]], values: dict[str, list[str]], can: bool) -> None:
    read = [(parse(text), truth) for text, truth in facts]
    row = possible(read, values)
    assert (row is not None) is can
    if row:
        assert all(holds(condition, row) is truth for condition, truth in read)
