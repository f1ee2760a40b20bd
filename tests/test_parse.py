"""Reading and writing one call: what is written reads back, what is damaged is refused with its place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.parse import MAX_CHARS, MAX_DEPTH, read_call, write_call

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.\-]{0,30}", fullmatch=True) | st.sampled_from(["订房", "café.book"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(LEAVES, lambda v: st.lists(v, max_size=4) | st.dictionaries(TEXT, v, max_size=4), max_leaves=12)
ARGUMENTS = st.dictionaries(TEXT, JSON, max_size=5)


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(NAMES, ARGUMENTS.filter(lambda a: depth(a) <= MAX_DEPTH))
def test_what_is_written_reads_back(name, arguments):
    text = write_call(name, arguments)
    back = read_call(f" {text}\n")
    assert back == (name, arguments)
    assert json.dumps(back[1]) == json.dumps(arguments)  # 1, 1.0 and true differ, and so do orders of keys


@given(NAMES, ARGUMENTS.filter(lambda a: depth(a) <= MAX_DEPTH))
def test_json_with_spaces_reads_the_same(name, arguments):
    assert read_call(name + json.dumps(arguments, indent=1)) == (name, arguments)


@given(st.text(alphabet='{}[]":,\\u0n1-.eE tfals', max_size=60))
def test_any_text_is_a_call_or_a_value_error(noise):
    for text in (noise, "a{" + noise, 'a{"x":' + noise + "}"):
        try:
            name, arguments = read_call(text)
        except ValueError:
            continue
        assert json.loads(text[text.index("{") :]) == arguments
        assert name == text[: text.index("{")].strip()


@given(NAMES, ARGUMENTS.filter(lambda a: depth(a) <= MAX_DEPTH), st.data())
def test_a_call_cut_short_is_refused(name, arguments, data):
    text = write_call(name, arguments)
    with pytest.raises(ValueError, match="wanted"):
        read_call(text[: data.draw(st.integers(0, len(text) - 1))])


@pytest.mark.parametrize(
    ("text", "at", "wanted"),
    [
        ("", 0, "a function name"),
        ("  ", 2, "a function name"),
        ("{}", 0, "a function name"),
        ("none", 4, '"{"'),
        ("none {}", 4, '"{"'),
        ("none{", 5, "a key"),
        ("none{} none{}", 7, "the end"),
        ('a{"x":1,"x":2}', 8, "each key once"),
        ('a{"x":1,}', 8, "a key"),
        ("a{x:1}", 2, "a key"),
        ('a{"x" 1}', 6, '":"'),
        ('a{"x":01}', 6, "a JSON number"),
        ('a{"x":1.}', 6, "a JSON number"),
        ('a{"x":NaN}', 6, "a JSON value"),
        ('a{"x":-Infinity}', 6, "a JSON value"),
        ('a{"x":1e999}', 6, "a number that a double can hold"),
        ('a{"x":' + "9" * 400 + "}", 6, "a JSON number"),
        ('a{"x":"\n"}', 7, "a whole JSON string"),
        ('a{"x":"\\ud800"}', 6, "a string without lone surrogates"),
        ('a{"x":truex}', 10, '"," or "}"'),
        ('a{"x":[1 2]}', 9, '"," or "]"'),
        ("a{\"x\":__import__('os')}", 6, "a JSON value"),
        ('a{"x":' + "[" * 5000, 6 + MAX_DEPTH - 1, f"at most {MAX_DEPTH} levels"),
        ("a" * (MAX_CHARS + 1), MAX_CHARS, "at most"),
    ],
)
def test_damage_is_refused_with_its_place(text, at, wanted):
    with pytest.raises(ValueError, match=f"^at {at}: wanted ") as caught:
        read_call(text)
    assert wanted in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a{", 'a"', "a\n", "a,b"])
def test_a_name_that_cannot_be_read_back_is_not_written(name):
    with pytest.raises(ValueError, match="wanted a name"):
        write_call(name, {})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1: 2}, (1, 2), object(), {1}, 10**400])
def test_what_json_cannot_hold_is_not_written(value):
    with pytest.raises(ValueError, match="wanted"):
        write_call("a", {"x": value})


def test_the_trained_form():
    call = {"date": "大后天", "count": "三个", "isVIP": True, "tags": ['a "b"']}
    assert write_call("book", call) == 'book{"date":"大后天","count":"三个","isVIP":true,"tags":["a \\"b\\""]}'
    assert write_call("none", {}) == "none{}"
