"""The data stage's folder: pairs, rejects, and the manifest last; what cannot be is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manyshot.data import stage
from manyshot.data.build import SHARES, Builder
from manyshot.data.variety import NearDuplicates, grams, nearest_similarity
from manyshot.errors import DataError
from manyshot.records import read_jsonl, read_manifest, read_rows, write_manifest
from manyshot.spec.load import load_domain
from manyshot.types import PAIR_KINDS, CallPair
from tests.data.desks import SHOTS, TICKET, plain, write


def test_a_minimal_domain_gives_a_whole_folder(tmp_path: Path) -> None:
    domain = plain(tmp_path)
    assert {p.name for p in domain.folder.iterdir()} == {"domain.toml", "tools.json", "shots"}
    manifest = stage.run(domain, tmp_path / "out", count=120, seed=7)
    assert read_manifest(tmp_path / "out") == manifest
    pairs = list(read_jsonl(tmp_path / "out" / "pairs.jsonl", CallPair))
    numbers = manifest.numbers
    assert len(pairs) == numbers["pairs"] == sum(numbers["kinds"].values()) == 120
    assert {p.call.name for p in pairs if p.call} == {"TicketCreate", "TicketCancel"}
    rejects = {row["reason"]: row["count"] for _, row in read_rows(tmp_path / "out" / "rejects.jsonl")}
    assert rejects == numbers["rejects"]
    assert set(numbers["coverage"]) == {"TicketCreate", "TicketCancel"}
    assert 0 < numbers["nearest_similarity"] < 1
    assert numbers["rows_per_second"] > 0


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    domain = plain(tmp_path)
    ids = [stage.run(domain, tmp_path / name, count=60, seed=s).id for name, s in (("a", 1), ("b", 1), ("c", 2))]
    a, b, c = ((tmp_path / name / "pairs.jsonl").read_bytes() for name in "abc")
    assert a == b != c
    assert ids[0] == ids[1] != ids[2]


def test_the_manifest_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    domain, out = plain(tmp_path), tmp_path / "out"
    there: list[set[str]] = []
    real = write_manifest

    def spy(folder: Path, *rest: object) -> object:
        there.append({p.name for p in folder.iterdir()})
        return real(folder, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(stage, "write_manifest", spy)
    stage.run(domain, out, count=30, seed=1)
    assert there == [{"pairs.jsonl", "rejects.jsonl"}]
    assert {p.name for p in out.iterdir()} == {"pairs.jsonl", "rejects.jsonl", "manifest.json"}


def test_a_stage_that_breaks_leaves_nothing_that_looks_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    domain, out = plain(tmp_path), tmp_path / "out"
    real = Builder.pair_of
    calls = iter(range(100))

    def breaks(self: Builder, *args: object) -> object:
        if next(calls) == 20:
            raise KeyboardInterrupt
        return real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Builder, "pair_of", breaks)
    with pytest.raises(KeyboardInterrupt):
        stage.run(domain, out, count=200, seed=1)
    assert read_manifest(out) is None
    assert list(out.iterdir()) == []


def test_the_classes_are_those_that_domain_toml_may_name() -> None:
    assert tuple(SHARES) == PAIR_KINDS


def test_an_unknown_class_is_an_error(tmp_path: Path) -> None:
    domain = plain(tmp_path).model_copy(update={"shares": {"plain": 1.0, "plaid": 0.5}})
    with pytest.raises(DataError, match=r"domain\.toml: \[shares\] plaid: no such class; wanted some of plain, "):
        stage.run(domain, tmp_path / "out", count=10, seed=1)
    assert not (tmp_path / "out").exists()


def test_shares_of_domain_toml_reach_the_pairs(tmp_path: Path) -> None:
    extra = "[shares]\nnone = 0\nalike = 0\nrefused = 0\nshot = 0\nrefill = 0\nask = 0.5\nplain = 0.5\n"
    numbers = stage.run(plain(tmp_path, extra), tmp_path / "out", count=100, seed=1).numbers
    assert set(numbers["kinds"]) == {"plain", "ask"}
    assert abs(numbers["kinds"]["ask"] - 50) < 15


def test_held_out_tools_are_named_in_the_manifest_and_not_called(tmp_path: Path) -> None:
    manifest = stage.run(plain(tmp_path), tmp_path / "out", count=60, seed=1, held_out=("TicketCancel",))
    assert manifest.config["held_out"] == ["TicketCancel"]
    pairs = read_jsonl(tmp_path / "out" / "pairs.jsonl", CallPair)
    assert {p.call.name for p in pairs if p.call} == {"TicketCreate"}


def test_tools_of_no_weight_do_not_stop_the_others(tmp_path: Path) -> None:
    domain = plain(tmp_path, "[weights]\nTicketCreate = 0\nTicketCancel = 1\n")
    kinds = [p.kind for p in Builder(domain, 1, held_out=frozenset({"TicketCancel"})).pairs(40)]
    assert len(kinds) == 40


def test_a_domain_with_nothing_to_call_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no tool to be called"):
        next(Builder(plain(tmp_path), 1, held_out=frozenset({"TicketCreate", "TicketCancel"})).pairs(5))


def test_a_domain_that_has_no_more_to_say_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares = {**dict.fromkeys(SHARES, 0.0), "shot": 1.0}
    monkeypatch.setattr("manyshot.data.build.EXHAUSTED", 1)
    made = list(Builder(plain(tmp_path).model_copy(update={"shares": shares}), 1).pairs(100_000))
    assert 10 < len(made) < 100_000


def test_values_that_nobody_could_have_said_are_counted_rejects(tmp_path: Path) -> None:
    wrong = {"action": "给小王报修，10月12日来。", "call": SHOTS[0]["call"]}
    domain = load_domain(write(tmp_path / "d", [TICKET], [wrong, *SHOTS[:2]]))
    numbers = stage.run(domain, tmp_path / "out", count=40, seed=1).numbers
    assert numbers["rejects"]["a shot's value stands nowhere in it"] == 1
    rows = [row for _, row in read_rows(tmp_path / "out" / "rejects.jsonl")]
    assert any("shots/calls.jsonl:1" in e for r in rows for e in r["examples"]), json.dumps(rows, ensure_ascii=False)


def test_near_duplicates_are_told_from_new_sentences() -> None:
    near = NearDuplicates()
    assert near.is_new("Please cancel order AB1234 for Ann Lee, she moved to another town last week.")
    assert not near.is_new("please cancel order AB9876 for Ann Lee, she moved to another town last week.")
    assert near.is_new("Where is my parcel?")
    assert near.is_new("")
    assert grams("AB12") == grams("ab98") == {"ab0", "b00"}


def test_similarity_is_a_share() -> None:
    assert nearest_similarity([], 1) == nearest_similarity(["one"], 1) == 0.0
    assert nearest_similarity(["the same words"] * 5, 1) == 1.0
    assert nearest_similarity(["abcdef", "uvwxyz"], 1) == 0.0
