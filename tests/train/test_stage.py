"""The stage around the loop: samples that are too long are named and set aside, never cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manyshot.errors import DataError
from manyshot.plugs.bases import Base
from manyshot.train import stage
from manyshot.train.settings import TrainConfig
from manyshot.train.tree import Branch, Pass
from tests.scripted import Counting


def passes() -> list[Pass]:
    return [
        Pass([1] * 10, [Branch([2] * 5, id="a"), Branch([2] * 90, id="b")]),
        Pass([1] * 10, [Branch([2] * 95, id="c")]),
        Pass([1] * 10, [Branch([2] * 5, id="a"), Branch([2] * 90, id="b")]),
    ]


def test_long_samples_are_named_and_the_others_trained_on(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 99}')
    counting = Counting(tmp_path, {})
    job = stage.Job("d", Base("tiny", tmp_path, None, "0" * 64), passes(), 3, "data")
    parts = counting.parts()
    made = stage.run(TrainConfig(batch=2), job, tmp_path / "out", parts.train, parts.convert)
    assert [[branch.id for branch in one.branches] for one in counting.passes] == [["a"], ["a"]]
    assert made.numbers["set_aside"] == 2
    rows = [json.loads(row) for row in (tmp_path / "out" / stage.SET_ASIDE).read_text().splitlines()]
    assert rows == [
        {"id": "b", "why": "100 tokens, the limit is 99"},
        {"id": "c", "why": "105 tokens, the limit is 99"},
    ]


def test_a_limit_of_ones_own_and_none_left(tmp_path: Path) -> None:
    kept, gone = stage.within(passes(), 0, tmp_path)
    assert (len(kept), gone) == (3, 0)
    assert not (tmp_path / stage.SET_ASIDE).exists()
    with pytest.raises(DataError, match="all samples are longer than 12 tokens"):
        stage.within(passes(), 12, tmp_path)
    assert "limit" not in TrainConfig().model_dump()
    assert TrainConfig(limit=99).model_dump()["limit"] == 99
