"""What `manyshot dataset check` counts: second copies, wordings, lengths; and how rows are split."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.data.variety import grams
from manyshot.dataset import variety
from manyshot.dataset.check import check
from manyshot.dataset.lengths import Lengths, lengths
from manyshot.dataset.spans import LEARNED, dialogue_spans
from manyshot.dataset.split import chance, side
from manyshot.dataset.wording import group_of, wordings
from manyshot.datasource import open_source
from manyshot.plugs.models.scripted import ByteTokenizer
from manyshot.records import read_jsonl, read_manifest, write_jsonl
from manyshot.transcript import render
from manyshot.types import Call, CallPair, Observation, Trajectory, Turn
from tests.dataset.made import trajectories
from tests.shipped import SHIPPED_DIALOGUES
from tests.test_cli_flow import ran


def _visit(number: int, guest: str, room: int, path: str = "p1", hello: str = "A room for {}, please") -> Trajectory:
    return Trajectory(
        id=f"visit-{number}",
        path=path,
        turns=(
            Turn(role="user", text=hello.format(guest)),
            Turn(role="think", text=f"{guest} wants a room."),
            Turn(role="action", text=f"Book for {guest}.", call=Call(name="Book", arguments={"guest": guest})),
            Turn(role="observation", text=f'{{"room": {room}}}', answered=Observation(body={"room": room})),
            Turn(role="reply", text=f"Room {room} is yours, {guest}."),
        ),
    )


def test_records_that_differ_in_values_alone_have_one_wording_and_one_group() -> None:
    one, other = _visit(1, "Li Na", 7), _visit(2, "Wang Wei", 12)
    assert wordings(one) == wordings(other)
    assert wordings(one)[0] == "A room for □, please"
    assert wordings(one)[3] == ""  # what a tool answers is no wording
    assert group_of(one) == group_of(other)
    assert group_of(one) != group_of(_visit(3, "Li Na", 7, path="p2"))
    assert group_of(one) != group_of(_visit(3, "Li Na", 7, hello="{} needs a room"))
    counts = variety.wording_counts([one, other, _visit(3, "Li Na", 7, hello="{} needs a room")])
    assert counts[variety.Place("p1", "user", 1)] == 2
    assert counts[variety.Place("p1", "reply", 1)] == 1


def test_near_duplicates_are_found_wherever_they_stand() -> None:
    rng = random.Random(0)
    texts = ["".join(rng.choices("abcdefghij ", k=80)) for _ in range(60)]
    texts.insert(40, texts[3] + "!")
    found = variety.near_duplicates(texts)
    assert [(one.first, one.second) for one in found] == [(3, 40)]
    assert 0.9 < found[0].similarity < 1


@given(st.lists(st.text("ab", min_size=3, max_size=9).map(lambda word: word * 4), max_size=30))
def test_what_counts_as_near_is_near(texts: list[str]) -> None:
    found = variety.near_duplicates(texts)
    for one in found:
        a, b = grams(texts[one.first]), grams(texts[one.second])
        assert len(a & b) / len(a | b) >= 0.9
    assert len(set(map(frozenset, map(grams, texts)))) >= len(texts) - len(found)  # equal ones are always found


@given(st.lists(st.text("abc ", max_size=12), min_size=2, max_size=12))
def test_nearest_is_jaccard_over_the_whole_set(texts: list[str]) -> None:
    def alike(a: str, b: str) -> float:
        return len(grams(a) & grams(b)) / len(grams(a) | grams(b))

    want = [max(alike(a, b) for j, b in enumerate(texts) if i != j) for i, a in enumerate(texts)]
    assert variety.nearest(texts) == pytest.approx(want)


def test_nearest_of_less_than_two_is_unknown() -> None:
    assert variety.median_nearest([]) is None
    assert variety.median_nearest(["a"]) is None


@given(st.lists(st.integers(0, 5000), max_size=200), st.integers(1, 4000))
def test_percentiles_are_lengths_that_occur(counts: list[int], limit: int) -> None:
    got = lengths("x", counts, limit)
    if not counts:
        assert got == Lengths("x", 0, 0, 0, 0, 0, 0)
        return
    assert {got.p50, got.p90, got.p99, got.most} <= set(counts)
    for value, share in ((got.p50, 0.5), (got.p90, 0.9), (got.p99, 0.99)):
        assert sum(count <= value for count in counts) >= share * len(counts)
        assert sum(count < value for count in counts) < share * len(counts)
    assert got.over == sum(count > limit for count in counts)


@given(trajectories)
def test_loss_falls_on_what_the_model_writes_and_on_nothing_else(one: Trajectory) -> None:
    spans, tokenizer = dialogue_spans(one, ByteTokenizer()), ByteTokenizer()
    assert all(span.loss == (span.kind in ("think", "action", "reply")) for span in spans)
    own = [span for span in spans if span.kind != "call"]
    made = render(tokenizer, one.turns)
    assert "".join(span.text for span in own).encode("utf-8", "replace") == bytes(made.ids)
    mask = [span.loss for span in own for _ in range(span.tokens or 0)]
    assert mask == made.loss
    assert [span.text for span in dialogue_spans(one)] == [span.text for span in spans]
    assert {"think", "action", "reply"} == LEARNED


def test_a_group_is_on_the_same_side_whatever_stands_beside_it() -> None:
    found = [_visit(n, f"Guest{n}", n, path=f"p{n % 50}", hello="{} " + "x" * (n % 7)) for n in range(700)]
    sides = {one.id: side(one, groups=0.2, units=0.2) for one in found}
    for one in found[::3]:
        assert side(one, groups=0.2, units=0.2) == sides[one.id]
    by_group: dict[str, set[str]] = {}
    by_path: dict[str, set[str]] = {}
    for one in found:
        by_group.setdefault(group_of(one), set()).add(sides[one.id])
        by_path.setdefault(one.path, set()).add(sides[one.id])
    assert all(len(where) == 1 for where in by_group.values())
    away = [path for path, where in by_path.items() if "held_out" in where]
    assert all(by_path[path] == {"held_out"} for path in away)
    assert 3 <= len(away) <= 20
    assert {"train", "held_in"} <= set(sides.values())
    # more held out keeps out what was out
    more = {one.path for one in found if side(one, units=0.4) == "held_out"}
    assert set(away) <= more
    assert side(found[0], held_out=("p0",)) == "held_out"
    assert chance(1, "a") != chance(2, "a")


def test_split_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "split"
    path = "fault_repair-53a0a7c3"
    words = ["dataset", "split", "ticket_desk", "--out", out, "--paths", 0.2, "--held-out", path]
    code, said, _ = ran(words, capsys)
    assert code == 0
    parts = {name: list(read_jsonl(out / f"{name}.jsonl", Trajectory)) for name in ("train", "held_in", "held_out")}
    assert sum(map(len, parts.values())) == SHIPPED_DIALOGUES
    assert {one.path for one in parts["held_out"]}.isdisjoint(one.path for one in parts["train"])
    assert path in said
    manifest = read_manifest(out)
    assert manifest is not None
    assert path in manifest.numbers["held_out_units"]
    assert ran(words, capsys)[0] == 2  # the folder is not empty now
    code, _, err = ran([*words[:4], tmp_path / "b", "--held-out", "nowhere"], capsys)
    assert (code, "no such path or tool" in err, (tmp_path / "b").exists()) == (2, True, False)
    code, _, err = ran([*words[:4], tmp_path / "c", "--test", 0.9, "--paths", 0.9, "--seed", 5], capsys)
    if code:
        assert "nothing is left to train on" in err
        assert not (tmp_path / "c/manifest.json").exists()


def test_what_no_tool_fits_is_never_held_out_by_chance() -> None:
    pair = CallPair(id="a", kind="none", action="sing", call=None, group="sing")
    assert all(side(pair, units=0.9, seed=seed) == "train" for seed in range(50))


def test_check_by_command_names_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "trajectories.jsonl"
    write_jsonl(file, [_visit(1, "Li Na", 7), _visit(2, "Mr Smith 13812345678", 8), _visit(3, "Li Na", 9)])
    code, said, _ = ran(["dataset", "check", file, "--no-tokens"], capsys)
    assert code == 0
    assert "3 records, 1 groups, 1 paths or tools" in said
    assert "trajectories.jsonl:3 is like trajectories.jsonl:1 (1.00)" in said
    assert "trajectories.jsonl:2: 13812345678" in said
    code, said, _ = ran(["dataset", "check", file, "--no-tokens", "--json"], capsys)
    found = json.loads(said)
    assert found["near_duplicates"]["count"] == 1
    assert found["personal"]["phone"]["different"] == 1
    assert found["wordings"] == {"fewest": 1, "median": 1}


def test_a_dialogue_without_turns_has_no_wordings() -> None:
    report = check([("a:1", Trajectory(id="a", turns=()))])
    assert (report.records, report.wordings, report.nearest) == (1, None, None)


def test_the_shipped_shots_are_all_different() -> None:
    report = check(open_source("ticket_desk").numbered())
    assert (report.records, len(report.near), len(report.units)) == (SHIPPED_DIALOGUES, 0, 40)
    assert report.nearest is not None
    assert report.nearest < 0.5
