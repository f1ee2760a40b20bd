"""The leaderboard's rules: every recorded verdict of the reference, and its corners one by one."""

from __future__ import annotations

from typing import Any

import pytest

from manyshot.bfcl import CATEGORIES, Verdict, check
from manyshot.bfcl.verdict import STAGES
from tests.shared import shared_rows

#: The reference knows a model's rule for dots by its name and crashes on an unknown name; we are told the rule instead.
UNKNOWN_MODEL = "quirk_162"


def function(name: str = "f", required: tuple[str, ...] = (), **properties: str | dict[str, Any]) -> dict[str, Any]:
    schemas = {key: {"type": kind} if isinstance(kind, str) else kind for key, kind in properties.items()}
    return {"name": name, "parameters": {"type": "dict", "properties": schemas, "required": list(required)}}


def simple(kind: str | dict[str, Any], allowed: list[Any], value: Any, category: str = "simple_python") -> Verdict:
    return check([function(x=kind)], [{"f": {"x": value}}], [{"f": {"x": allowed}}], category)


def test_every_recorded_verdict_and_error() -> None:
    rows = shared_rows("bfcl/conformance.jsonl.gz")
    different = []
    for row in rows:
        got = check(row["functions"], row["output"], row["possible_answer"], row["category"])
        causes = [cause.error_type for cause in got.causes]
        if (got.valid, got.error_type, causes) != (row["valid"], row["error_type"], row.get("sub_error_types", [])):
            different.append((row["id"], row["error_type"], got))
    assert len(rows) == 11_917
    assert not different, different[:5]


def test_every_verdict_on_odd_schemas_crashes_among_them() -> None:
    for row in shared_rows("bfcl/quirks.jsonl.gz"):
        if row["id"] == UNKNOWN_MODEL:
            continue
        got = check(row["functions"], row["output"], row["possible_answer"], row["category"])
        assert (got.valid, got.error_type) == (row["valid"], row["error_type"]), row


@pytest.mark.parametrize(
    ("calls", "category", "error"),
    [
        ([], "simple_python", "simple_function_checker:wrong_count"),
        ([{"f": {"x": 1}}, {"f": {"x": 1}}], "multiple", "multiple_function_checker:wrong_count"),
        ([{"f": {"x": 1}}, {"f": {"x": 1}}], "parallel", "parallel_function_checker_no_order:wrong_count"),
        ([{"g": {"x": 1}}], "simple_python", "simple_function_checker:wrong_func_name"),
        ([{"f": {}}], "simple_python", "simple_function_checker:missing_required"),
        ([{"f": {"x": 1}, "g": {}}], "simple_python", "ast_decoder:decoder_wrong_output_format"),
        ("f(x=1)", "simple_python", "ast_decoder:decoder_wrong_output_format"),
        ([{"f": {"x": 1}}], "irrelevance", "irrelevance_error:decoder_success"),
        ([], "live_relevance", "relevance_error:decoder_failed"),
    ],
)
def test_each_error_has_a_stage_and_words(calls: Any, category: str, error: str) -> None:
    got = check([function(required=("x",), x="integer")], calls, [{"f": {"x": [1]}}], category)
    assert got.error_type == error
    assert got.stage in STAGES
    assert "wanted" in got.message


def test_relevance_asks_for_any_call_and_irrelevance_for_none() -> None:
    for calls in ([], [{}], "prose", None):
        assert check([], calls, [], "live_irrelevance").valid
    assert check([], [{"anything": {}}], [], "live_relevance").valid


def test_parallel_calls_take_what_comes_first() -> None:
    functions, two = [function(x="integer")], [{"f": {"x": 1}}, {"f": {"x": 2}}]
    wide, narrow = {"f": {"x": [1, 2]}}, {"f": {"x": [1]}}
    assert check(functions, two, [narrow, wide], "parallel").valid
    got = check(functions, two, [wide, narrow], "parallel")  # a perfect matching exists and is not found
    assert (got.valid, got.stage) == (False, "value")
    assert got.causes[0].error_type == "value_error:others"


def test_names_with_dots_may_have_to_be_written_with_underscores() -> None:
    functions, answer = [function("a.b", x="integer")], [{"a.b": {"x": [1]}}]
    for name, underscores in (("a.b", False), ("a_b", True)):
        calls = [{name: {"x": 1}}]
        assert check(functions, calls, answer, "simple_python", dots_to_underscores=underscores).valid
        assert not check(functions, calls, answer, "simple_python", dots_to_underscores=not underscores).valid


def test_a_tuple_is_accepted_where_one_is_meant() -> None:
    assert simple({"type": "tuple", "items": {"type": "integer"}}, [[1, 2]], (1, 2)).valid
    assert not simple({"type": "array", "items": {"type": "integer"}}, [[1, 2]], (1, 2)).valid


def test_an_unknown_category_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"wanted a category among simple_python, .* got 'multi_turn_base'"):
        check([], [], [], "multi_turn_base")
    assert len(CATEGORIES) == 13


@pytest.mark.parametrize(
    ("kind", "items", "text", "value"),
    [
        ("integer", None, "-12", -12),
        ("long", None, "12L", 12),
        ("float", None, "1.5e1f", 15.0),
        ("double", None, "2.5", 2.5),
        ("boolean", None, "true", True),
        ("Array", "integer", "new int[] {1, 2}", [1, 2]),
        ("ArrayList", "String", 'new ArrayList<String>(Arrays.asList("a", "b"))', ["a", "b"]),
        ("ArrayList", "integer", "new ArrayList<>() {{ add(1); add(2); }}", [1, 2]),
        ("ArrayList", "integer", "new ArrayList<Integer>()", []),
        ("HashMap", None, 'new HashMap<String, Object>() {{ put("a", 1); put("b", "x"); }}', {"a": [1], "b": ["x"]}),
    ],
)
def test_java_values_are_read_from_their_source(kind: str, items: str | None, text: str, value: Any) -> None:
    schema = {"type": kind, "items": {"type": items}} if items else {"type": kind}
    assert simple(schema, [value], text, "simple_java").valid
    assert simple(schema, [value], f"({text})x" if kind in ("integer", "long") else "x", "simple_java").valid is False
    assert simple(schema, [value], 5, "simple_java").error_type == "type_error:java"


@pytest.mark.parametrize(
    ("kind", "items", "text", "value"),
    [
        ("String", None, "'abc'", "abc"),
        ("integer", None, "7", 7),
        ("Bigint", None, "7n", 7),
        ("Boolean", None, "false", False),
        ("array", "float", "[1.5, 2]", [1.5, 2.0]),
        ("array", "integer", "new Array(1, 2)", [1, 2]),
        ("array", "array", "[[1, 2], [3]]", [[1, 2], [3]]),
        ("dict", None, "{'a': 1, \"b\": [2, 3]}", {"a": [1], "b": [[2, 3]]}),
    ],
)
def test_javascript_values_are_read_from_their_source(kind: str, items: str | None, text: str, value: Any) -> None:
    schema = {"type": kind, "items": {"type": items}} if items else {"type": kind}
    assert simple(schema, [value], text, "simple_javascript").valid
    assert simple(schema, [value], "x", "simple_javascript").valid is False
    assert simple(schema, [value], 5, "simple_javascript").error_type == "type_error:js"


@pytest.mark.parametrize(
    ("category", "schema"),
    [
        ("simple_java", {"type": "ArrayList", "items": {"type": "String"}}),
        ("simple_java", {"type": "Array", "items": {"type": "integer"}}),
        ("simple_java", {"type": "HashMap"}),
        ("simple_javascript", {"type": "array", "items": {"type": "array"}}),
        ("simple_javascript", {"type": "dict"}),
    ],
)
def test_no_text_makes_reading_slow(category: str, schema: dict[str, Any]) -> None:
    rows, size = "[1],", 4096
    texts = [
        "[" + rows * (size // len(rows) - 1),  # a pattern that backtracks takes longer than the world stands
        "new HashMap<>(){" + " " * (size - 20),
        "new ArrayList<>(){{" + " " * (size - 20),
        "new HashMap<>(){ " + 'put("",' * 500 + "}",
        "{" + "a" * (size - 2) + "}",
        "[" * 10_000_000,
    ]
    for text in texts:
        assert simple(schema, [["a"]], text, category).valid is not True
