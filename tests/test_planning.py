"""`manyshot plan`: what is counted, which ways are told, what is no base and no hardware."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manyshot import planning, single
from manyshot.errors import SpecError
from manyshot.planning import find_shape, machines, measure_lengths, plan, told
from manyshot.sizing import SHAPES, Lengths, read_machine
from tests.scripted import Counting, starter

CALLS = Lengths(473, 81, 47, 8000)


def test_a_domain_is_counted_by_pairs_made_of_it_and_data_by_themselves(tmp_path: Path) -> None:
    domain = starter(tmp_path / "bistro")
    parts = Counting(tmp_path, {}).parts()
    lengths, words = measure_lengths(str(domain), parts)
    assert "pairs made of the shots" in words
    assert (lengths.samples, lengths.longest >= lengths.own > lengths.loss > 0) == (planning.DATA_USUAL, True)
    single.data_folder(domain, tmp_path / "data", 20, 0, (), force=False)
    of_data, words = measure_lengths(str(tmp_path / "data"), parts, domain=str(domain))
    assert words.startswith("20 pairs of")
    assert of_data.samples == 20
    assert of_data.shared == lengths.shared > 100
    assert measure_lengths(str(tmp_path / "data"), parts, domain=str(domain), samples=5)[0].samples == 5


def test_bases_by_name_by_config_and_by_size(tmp_path: Path) -> None:
    assert find_shape("Llama-3.1-8B") is SHAPES["llama-3.1-8b"]
    assert find_shape("7B").parameters == pytest.approx(7e9, rel=0.15)
    for word in ("no-such-base", "B", "0B", "1e9B"):
        with pytest.raises(SpecError, match=f"--base {word}: wanted"):
            find_shape(word)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(SpecError, match=r"wanted the config.json"):
        find_shape(str(tmp_path))


def test_this_machine_is_measured_and_others_are_named() -> None:
    here, there = machines(["cpu:price=0.1", "h100:price=2"])
    assert here.cpu
    assert here.peak > 1e8
    assert here.price == 0.1
    assert there.price == 2
    with pytest.raises(SpecError, match="only the price"):
        machines(["cpu:memory=3"])


def test_rows_and_table() -> None:
    gpus = [read_machine("rtx4090:price=0.4"), read_machine("h100")]
    rows = list(plan(SHAPES["llama-3.1-70b"], CALLS, gpus, rank=32, epochs=1))
    assert [(row.machine.name, row.way.sharing, row.way.weights) for row in rows] == [
        (name, sharing, weights)
        for name in ("rtx4090", "h100")
        for sharing in (True, False)
        for weights in ("bf16", "nf4")
    ]
    lines = list(told(rows))
    assert len(lines) == 9
    assert "does not fit; 7 of them would hold it" in lines[1]
    assert all(len(line) <= 100 for line in lines)
    row = json.loads(json.dumps(rows[-1].json))
    assert row["fits"]
    assert row["price"] is None
    assert row["memory_gb"] < 80
