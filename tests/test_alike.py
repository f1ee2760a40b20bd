"""Leniency is named by parameter, and says no more than it is named for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.alike import read
from manyshot.errors import SpecError
from manyshot.evaluate.diff import _field
from manyshot.score import score_call
from manyshot.scoring import score_file
from manyshot.spec.load import load_tests
from manyshot.types import Alike, Call, Expected, Json, Tool
from tests.scripted import starter

RULES: tuple[Alike, ...] = ("case", "space", "date", "phone")


def right(wanted: object, got: object, *rules: Alike, schema: Json | None = None) -> bool:
    tool = Tool(name="f", parameters={"type": "object", "properties": {"x": schema or {}}})
    expected = Expected(name="f", arguments={"x": [wanted]}, alike={"x": rules} if rules else {})
    return score_call(Call(name="f", arguments={"x": got}), expected, tool).right


@pytest.mark.parametrize(
    ("rule", "wanted", "got"),
    [
        ("case", "Anna Meier", "ANNA meier"),
        ("case", ["VIP", "B"], ["vip", "b"]),
        ("case", {"name": "Anna"}, {"name": "anna"}),
        ("space", "B 30 118", "B30118"),
        ("date", "2024-10-12", "2024/10/12"),
        ("date", "2024-10-02", "2024.10.2"),
        ("date", "2024-10-12", "20241012"),
        ("date", "2024-10-12", "2024年10月12日"),
        ("date", "2024-10-12", "２０２４年10月12日"),
        ("phone", "13800138000", "138 0013-8000"),
        ("phone", "13800138000", "+86 138 0013 8000"),
        ("phone", "+441632960961", "0044 (1632) 960961"),
    ],
)
def test_what_is_named_is_forgiven_and_only_then(rule: Alike, wanted: object, got: object) -> None:
    assert right(wanted, got, rule)
    assert not right(wanted, got)


@pytest.mark.parametrize(
    ("rule", "wanted", "got"),
    [
        ("date", "2024-10-12", "2024/12/10"),
        ("date", "2024-02-30", "2024/02/30"),  # is no date, so it stays a text
        ("date", "2024-10-12", "12.10.2024"),  # could be two days
        ("phone", "13800138000", "+1 13800138000"),
        ("phone", "441632960961", "+441632960961"),
        ("phone", "ext. 5", "ext.5"),
        ("case", "1", 1),
        ("case", "", "x"),
    ],
)
def test_what_reads_otherwise_stays_wrong(rule: Alike, wanted: object, got: object) -> None:
    assert not right(wanted, got, rule)


def test_types_are_judged_before() -> None:
    assert not right("2024-10-12", "2024/10/12", "date", schema={"type": "string", "format": "date"})
    assert right("2024-10-12", "2024/10/12", "date", schema={"type": "string"})


def test_left_out_and_must_be_left_out_are_not_softened() -> None:
    tool = Tool(name="f", parameters={"type": "object", "properties": {"x": {"type": "string"}}})
    expected = Expected(name="f", arguments={"x": [""]}, alike={"x": ("space",)})
    assert not score_call(Call(name="f", arguments={"x": " "}), expected, tool).right
    assert score_call(Call(name="f", arguments={}), expected, tool).right


@given(st.text(), st.lists(st.sampled_from(RULES), unique=True))
def test_reading_twice_changes_nothing_and_never_raises(text: str, rules: list[Alike]) -> None:
    once = read(text, rules)
    assert read(text, rules) == once
    assert read([text, {"a": text}, 1, None], rules) == [once, {"a": once}, 1, None]


def test_a_test_of_a_domain_names_it_and_its_faults_are_told(tmp_path: Path) -> None:
    folder = starter(tmp_path / "bistro")
    tests = folder / "tests" / "calls.jsonl"
    row = (
        '{"id": "a", "action": "Cancel b 30 118", "expected": [{"name": "CancelBooking", '
        '"arguments": {"booking_id": ["B30118"]}, "alike": %s}]}\n'
    )
    tests.write_text(row % '{"booking_id": ["case", "space"]}')
    assert load_tests(folder)[0].expected[0].alike == {"booking_id": ("case", "space")}
    for bad, words in (
        ('{"booking_id": ["upper"]}', "wants a list of case, space, date, phone; found"),
        ('{"booking": ["case"]}', 'alike names "booking"'),
        ('["case"]', "wanted alike as"),
    ):
        tests.write_text(row % bad)
        with pytest.raises(SpecError, match=words):
            load_tests(folder)


def test_a_scored_file_names_it_by_function(tmp_path: Path) -> None:
    row = (
        '{"id": %d, "category": "simple_python", "functions": [{"name": "f", "parameters": {"type": "dict", '
        '"properties": {"x": {"type": "string"}}, "required": ["x"]}}], "possible_answer": [{"f": {"x": ["Paris"]}}], '
        '"output": [{"f": {"x": "PARIS"}}], "alike": %s}\n'
    )
    source = tmp_path / "in.jsonl"
    source.write_text(row % (1, '{"f": {"x": ["case"]}}') + row % (2, "{}") + row % (3, '{"f": ["case"]}'))
    told: list[str] = []
    found = score_file(source, tmp_path / "out.jsonl", "strict", told.append)
    assert (found.right, found.judged, found.faults) == (1, 2, 1)
    assert "in.jsonl:3: wanted {function: {parameter: [case, space, date, phone]}} for 'alike'" in told[0]


def test_no_expectation_is_written_longer_for_it() -> None:
    assert Expected(name="f").model_dump(mode="json") == {"name": "f", "arguments": {}}


def test_the_report_shows_a_forgiven_value_as_the_same() -> None:
    assert _field("x", ["Anna"], True, "ANNA", ("case",)).status == "same"
    assert _field("x", ["Anna"], True, "ANNA", ()).status == "wrong"
