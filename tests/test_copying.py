"""Ids are written as they were said, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.copying import MOST, known, line_rules, strange
from tests.gbnf import accepts


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("工单CHB20241003006不用来了", "查询工单CHB20241003006。"),
        ("看看 chb 20241001008 弄到哪了", "查询工单CHB20241001008的进度"),
        ("看看 chb 20241001008 弄到哪了", "查询工单chb20241001008的进度"),
        ("138 0013-8000", "手机号13800138000"),
        ('{"id": "AB-1234567"}', "Cancel AB1234567"),
        ("明天上午", "查询明天上午9:00，2024-10-11，地下车库B2，VIP，3号楼1105"),
        ("nothing", "don't worry, it's 5G at 10:30"),
    ],
)
def test_what_was_said_may_be_written(said: str, written: str) -> None:
    assert strange(written, known([said])) == []
    assert accepts(f"root ::= line\n{line_rules(known([said]))}", written)


@pytest.mark.parametrize(
    ("said", "written", "wrong"),
    [
        ("CHB20241003006", "查询第B20241003006师傅的空闲时间", "B20241003006"),
        ("CHB20241003006", "查询工单CHB2024100300", "CHB2024100300"),
        ("CHB20241003006", "CHB20241003006x", "CHB20241003006x"),
        ("13800138000", "手机号13800138001", "13800138001"),
        ("", "订单12345", "12345"),
        ("", "查询工单CHB20的进度", "CHB20"),
        ("AB123", "AB124", "AB124"),
    ],
)
def test_what_was_not_said_may_not(said: str, written: str, wrong: str) -> None:
    assert strange(written, known([said])) == [wrong]
    assert not accepts(f"root ::= line\n{line_rules(known([said]))}", written)


@given(st.lists(st.text("AB12 -号，", max_size=14), max_size=4), st.text("AB12 -号，", min_size=1, max_size=14))
def test_grammar_and_check_agree(said: list[str], written: str) -> None:
    ids = known(said)
    if written[0] != " ":
        assert accepts(f"root ::= line\n{line_rules(ids)}", written) == (not strange(written, ids))


@given(st.text(max_size=60))
def test_a_text_may_say_what_it_says(text: str) -> None:
    assert strange(text, known([text])) == []


def test_the_latest_ids_are_the_ones_that_are_kept() -> None:
    ids = known([f"X{100000 + n}" for n in range(2 * MOST)])
    assert ids[-1] == f"X{100000 + 2 * MOST - 1}"
    assert f'"{ids[-MOST]}"' in line_rules(ids)
    assert f'"{ids[0]}"' not in line_rules(ids)
