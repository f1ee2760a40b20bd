"""Each form as its models write it, back and forth; what is not exactly the form is refused, however long it is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.formats import FORMATS, Format, read_calls
from manyshot.parse import write_call
from manyshot.types import Call, Json
from tests.shared import shared_rows

WEATHER = [("get_weather", {"city": "Paris", "days": 3})]
TWO = [*WEATHER, ("clock.set", {"at": [7, 30], "on": True, "who": None, "where": {"x": -1.5}})]
AS_WRITTEN: list[tuple[Format, str, list[tuple[str, Json]]]] = [
    ("json", '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}', WEATHER),
    ("json", '[{"name": "get_weather", "parameters": {"city": "Paris", "days": 3}}]', WEATHER),
    ("json", "[]", []),
    ("name", 'get_weather{"city":"Paris","days":3}', WEATHER),
    ("python", 'get_weather(city="Paris", days=3)', WEATHER),
    (
        "python",
        "[get_weather(city='Paris', days=3), clock.set(at=[7, 30], on=True, who=None, where={'x': -1.5})]",
        TWO,
    ),
    ("python", "[]", []),
    (
        "hermes",
        '<think>\nRain?\n</think>\n\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}\n'
        "</tool_call><|im_end|>",
        WEATHER,
    ),
    ("hermes", "It is seven.", []),
    ("llama", '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris", "days": 3}}<|eom_id|>', WEATHER),
    ("llama", '{"type": "function", "name": "get_weather", "parameters": {"city": "Paris", "days": 3}}', WEATHER),
    ("llama", '<function=get_weather>{"city": "Paris", "days": 3}</function><|eot_id|>', WEATHER),
    ("llama", '<|python_start|>[get_weather(city="Paris", days=3)]<|python_end|>', WEATHER),
    ("llama", "It is seven.<|eot_id|>", []),
    ("mistral", '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}]</s>', WEATHER),
    ("mistral", '[TOOL_CALLS]get_weather[CALL_ID]a1B2c3D4e[ARGS]{"city": "Paris", "days": 3}</s>', WEATHER),
    ("mistral", '[TOOL_CALLS]get_weather{"city": "Paris", "days": 3}', WEATHER),
    (
        "gemma",
        "<start_function_call>call:get_weather{city:<escape>Paris<escape>,days:3}<end_function_call>"
        "<start_function_response>",
        WEATHER,
    ),
    (
        "gemma",
        '<|tool_call>call:get_weather{city:<|"|>Paris<|"|>,days:3}<tool_call|><|tool_call>call:clock.set{at:[7,30],'
        "on:true,who:null,where:{x:-1.5}}<tool_call|><turn|>",
        TWO,
    ),
    ("gemma", '```tool_code\nget_weather(city="Paris", days=3)\n```', WEATHER),
    ("gemma", '{"name": "get_weather", "parameters": {"city": "Paris", "days": 3}}<end_of_turn>', WEATHER),
    ("gemma", "It is seven.<end_of_turn>", []),
]


def calls(pairs: list[tuple[str, Json]]) -> tuple[Call, ...]:
    return tuple(Call(name=name, arguments=arguments) for name, arguments in pairs)


@pytest.mark.parametrize(("form", "text", "wanted"), AS_WRITTEN)
def test_a_form_is_read_as_its_models_write_it(form: Format, text: str, wanted: list[tuple[str, Json]]) -> None:
    assert read_calls(text, form) == (calls(wanted), ())
    assert read_calls(text, form, repair=True) == (calls(wanted), ())


@pytest.mark.parametrize(
    ("form", "text", "repair"),
    [
        ("json", '```json\n{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}\n```', "code fence"),
        ("json", '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}} ok?', "text behind the calls"),
        (
            "json",
            r'{"name": "get_weather", "arguments": "{\"city\": \"Paris\", \"days\": 3}"}',
            "arguments within a JSON string",
        ),
        ("python", "```python\nget_weather(city='Paris', days=3)\n```", "code fence"),
        (
            "hermes",
            '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}',
            "no </tool_call>",
        ),
        (
            "hermes",
            'Sure. <tool_call>{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}</tool_call>',
            "text before the calls",
        ),
        ("mistral", 'Sure. [TOOL_CALLS]get_weather{"city": "Paris", "days": 3}', "text before the calls"),
        (
            "gemma",
            "<start_function_call>call:get_weather{city:<escape>Paris<escape>,days:3}",
            "no <end_function_call>",
        ),
    ],
)
def test_a_repair_is_an_error_unless_asked_for(form: Format, text: str, repair: str) -> None:
    with pytest.raises(ValueError, match=r"at \d|wanted"):
        read_calls(text, form)
    assert read_calls(text, form, repair=True) == (calls(WEATHER), (repair,))


NAMES = st.from_regex(r"[a-z][a-z_0-9]{0,5}", fullmatch=True).filter(lambda s: s not in PYTHON_WORDS)
PYTHON_WORDS = {"if", "in", "is", "or", "as", "not", "and", "def", "del", "for", "try", "elif", "else", "from", "None"}
PYTHON_WORDS |= {"pass", "with", "async", "await", "break", "class", "raise", "while", "yield", "lambda", "import"}
PYTHON_WORDS |= {"assert", "except", "global", "return", "finally"}
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda s: "<" not in s)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
ARGUMENTS = st.dictionaries(NAMES, VALUES, max_size=3)


def as_gemma(value: Any, quote: str) -> str:
    if isinstance(value, str):
        return quote + value + quote
    if isinstance(value, list):
        return "[" + ",".join(as_gemma(one, quote) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{as_gemma(one, quote)}" for key, one in value.items()) + "}"
    return json.dumps(value)


def as_objects(pairs: list[tuple[str, Json]], key: str = "arguments") -> list[str]:
    return [json.dumps({"name": name, key: arguments}, ensure_ascii=False) for name, arguments in pairs]


def as_python(pairs: list[tuple[str, Json]]) -> str:
    shown = (f"{name}({', '.join(f'{k}={v!r}' for k, v in arguments.items())})" for name, arguments in pairs)
    return "[" + ", ".join(shown) + "]"


WRITERS: dict[Format, Callable[[list[tuple[str, Json]]], str]] = {
    "json": lambda pairs: "[" + ", ".join(as_objects(pairs)) + "]",
    "name": lambda pairs: "\n".join(write_call(name, arguments) for name, arguments in pairs),
    "python": as_python,
    "hermes": lambda pairs: "\n".join(f"<tool_call>\n{one}\n</tool_call>" for one in as_objects(pairs)),
    "llama": lambda pairs: "; ".join(as_objects(pairs, "parameters")),
    "mistral": lambda pairs: "".join(f"[TOOL_CALLS]{name}[ARGS]{json.dumps(args)}" for name, args in pairs),
    "gemma": lambda pairs: "".join(
        f"<start_function_call>call:{name}{as_gemma(arguments, '<escape>')}<end_function_call>"
        for name, arguments in pairs
    ),
}


@given(st.sampled_from(get_args(Format)), st.lists(st.tuples(NAMES, ARGUMENTS), min_size=1, max_size=3))
def test_what_is_written_is_read_back(form: Format, pairs: list[tuple[str, Json]]) -> None:
    assert read_calls(WRITERS[form](pairs), form).calls == calls(pairs)


@given(st.sampled_from(get_args(Format)), st.lists(st.tuples(NAMES, ARGUMENTS), min_size=1, max_size=2), st.data())
def test_damaged_text_is_refused_or_read_but_never_breaks(
    form: Format, pairs: list[tuple[str, Json]], data: st.DataObject
) -> None:
    text = WRITERS[form](pairs)
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :]
    for repair in (False, True):
        try:
            found = read_calls(text, form, repair=repair)
        except ValueError:
            continue
        assert all(isinstance(call, Call) for call in found.calls)
        json.dumps([call.model_dump() for call in found.calls], allow_nan=False).encode()


MANY = 90_000
HOSTILE = [
    "[" * MANY, "{" * MANY, "(" * MANY, '{"a":' * (MANY // 5), "f(x=" + "[" * MANY, "f(x=" + "-" * MANY + "1)", "\0",
    "f(x=" + "9" * 5000 + ")", "f(x=1e999)", "f(x='\\ud800')", "\ud800", "f(x=" + "not " * (MANY // 4) + "1)",
    "a." * (MANY // 2) + "f()", "f" + "()" * (MANY // 2), "f(x=__import__('os').system('true'))", "f(x=1+1)", "f(5)",
    "f(**{'a': 1})", "f(x=1, x=2)", "f(x={1})", "f(x={1: 2})", "f(x=b'a')", "f(x=2j)", "f(x=f'{1}')", "f(x=y)",
    '{"name": "f", "arguments": {"x": NaN}}', '{"name": "f", "arguments": {"x": 1e999}}', '{"name": "f"}',
    '{"name": "f", "arguments": {}, "parameters": {}}', '{"name": "f", "arguments": {}, "more": 1}', "lambda: 1",
    '{"name": "f", "arguments": {"x": ' + "9" * 5000 + "}}", '{"name": "f", "arguments": {"x": 1, "x": 2}}',
    "f(x=" + "1," * (MANY // 2), "<tool_call>" * (MANY // 11), "[TOOL_CALLS]" * (MANY // 12), "x" * 10_000_000,
    "<start_function_call>call:f{a:" + "[" * MANY, "<start_function_call>call:f{a:<escape>",
    "<function=" * (MANY // 10),
    "<|tool_call>call:f{a:1,a:2}<tool_call|>", '<start_function_call>call:f{a:"b"}<end_function_call>',
]  # fmt: skip


def refused(text: str, form: Format, *, repair: bool) -> str:
    """Why, or "" where a text without marks is no call."""
    try:
        found = read_calls(text, form, repair=repair)
    except ValueError as error:
        return str(error)
    assert found.calls == ()
    return ""


@pytest.mark.parametrize("form", FORMATS)
def test_hostile_text_is_refused_quickly(form: Format) -> None:
    for text in HOSTILE:
        for repair in (False, True):
            began = time.process_time()
            assert len(refused(text, form, repair=repair)) < 500
            assert time.process_time() - began < 1, text[:40]


def test_python_calls_are_read_as_the_leaderboard_reads_them() -> None:
    rows = [r for r in shared_rows("bfcl/decode.jsonl.gz") if r["format"] == "python" and r["note"] == "gt_text"]
    different = []
    for row in rows:
        found = [{call.name: call.arguments} for call in read_calls(row["raw"], "python").calls]
        if found != row["decoded"]:
            different.append((row["raw"], found, row["decoded"]))
    assert len(rows) > 400
    assert not different, different[:3]


def test_an_unknown_form_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="wanted a form among json, name, python"):
        read_calls("", "xml")  # type: ignore[arg-type]
