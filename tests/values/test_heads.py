"""How many people are meant where nobody says a number."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.values import heads
from manyshot.values.text import fold


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("it's only myself and my cat", {"only myself": 1}),
        ("Just me on foot", {"Just me": 1}),
        ("dover calais, me and the wife", {"me and the wife": 2}),
        ("a table for my husband and I", {"my husband and I": 2}),
        ("me and my two mates", {"me and my two mates": 3}),
        ("the three of us", {"the three of us": 3}),
        ("I'm travelling on my own", {"on my own": 1}),
        ("me and my wife and our three kids", {}),
        ("only me and the kids", {}),
        ("send it to me and my two cats", {}),
        ("明天我和我老婆过去", {"我和我老婆": 2}),
        ("就我一个人去", {"就我一个人": 1}),
        ("我们俩想要靠窗", {"我们俩": 2}),
        ("一家四口入住", {"一家四口": 4}),
        ("就我那张卡", {}),
        ("我和朋友们", {}),
    ],
)
def test_people_are_counted_where_everybody_is_named(text: str, said: dict[str, int]) -> None:
    found = heads.spots(text)
    assert {span.surface: heads.read(fold(span.surface)) for span in found} == said
    assert all(text[span.start : span.end] == span.surface for span in found)


@given(st.text("我和老婆就俩一家三口个人 me and my wife two of us,", max_size=40))
def test_what_is_spotted_reads_alone_as_it_did_in_its_place(text: str) -> None:
    spans = heads.spots(text)
    assert all(heads.read(fold(span.surface)) for span in spans)
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
