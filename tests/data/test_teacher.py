"""Pairs in a teacher's words, from a real endpoint: checked like all others, or counted rejects."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from manyshot import facts, pipeline
from manyshot.cli import main
from manyshot.data import stage
from manyshot.data.build import Builder
from manyshot.data.slots import get, resolve
from manyshot.errors import ModelError
from manyshot.parts import teacher_of
from manyshot.progress import Silent
from manyshot.records import line, read_jsonl, read_manifest, read_rows
from manyshot.train.settings import TrainConfig
from manyshot.types import CallPair, Domain, Manifest
from manyshot.values import Kind
from tests.data.desks import plain
from tests.endpoint import (
    Answer,
    Endpoint,
    Json,
    Reply,
    asked,
    completion,
    endpoint,
    faithful,
    lines,
    refusal,
    spoken,
    wording,
)
from tests.scripted import Counting

COUNT = 60


def desk(folder: Path, there: Endpoint, more: str = "") -> Domain:
    return plain(folder, f'[teacher]\nbase_url = "{there.url}"\nmodel = "scripted"\n{more}')


def run(folder: Path, there: Endpoint, more: str = "", **settings: Any) -> tuple[Manifest, list[CallPair]]:
    domain = desk(folder, there, more)
    made = stage.run(domain, folder / "out", count=COUNT, seed=1, teacher=teacher_of(domain), **settings)
    return made, list(read_jsonl(folder / "out" / "pairs.jsonl", CallPair))


def taught(pairs: list[CallPair]) -> list[CallPair]:
    return [p for p in pairs if "/teacher:" in p.group]


def changed(change: Any) -> Answer:
    """The faithful teacher, but for what `change` makes of each instruction and its call."""
    return lambda request: wording(request, lambda call, style: change(call, spoken(call, style)))


def test_the_teacher_words_its_share_and_every_value_reads_back(tmp_path: Path) -> None:
    with endpoint(faithful) as there:
        made, pairs = run(tmp_path, there, "share = 1.0\n")
        builder = Builder(desk(tmp_path / "again", there), 1)
    assert len(pairs) == COUNT
    own = taught(pairs)
    assert {p.kind for p in own} >= {"plain", "ask"}
    assert len(own) > 0.6 * sum(p.kind in ("plain", "ask", "alike") for p in pairs)
    for pair in own:
        assert pair.call is not None
        assert pair.shots
        for slot in builder.slots[pair.call.name].slots:
            value, surface = get(pair.call.arguments, slot.path), get(pair.surfaces, slot.path)
            if value is None:
                assert surface is None
            elif slot.field.kind is Kind.BOOLEAN:
                assert surface == value
            else:
                assert resolve(slot, surface) == value
                assert surface in pair.action
    numbers = made.numbers["teacher"]
    assert numbers["pairs"] == len(own)
    assert numbers["calls"] == len(there.requests)
    assert (numbers["retries"], numbers["given_up"]) == (0, False)
    assert numbers["tokens_in"] == 100 * numbers["calls"]
    assert f"the teacher worded {len(own)} in {numbers['calls']} calls, 0 of them again" in facts.data_line(made)
    assert made.config["teacher"]["model"] == "scripted"
    assert "teacher" in made.inputs


def test_instructions_of_one_call_are_one_group_in_several_styles(tmp_path: Path) -> None:
    with endpoint(faithful) as there:
        _, pairs = run(tmp_path, there, 'share = 1.0\nstyles = ["terse", "in rhyme"]\n')
    groups = Counter(p.group for p in taught(pairs))
    assert max(groups.values()) >= 2
    calls = {(p.group, line(p.call)) for p in taught(pairs) if p.call}
    assert len(calls) == len(groups)
    lessons = [c for r in there.requests for c in asked(r) if "styles" in c]
    assert {frozenset(c["styles"]) for c in lessons} == {frozenset({"terse", "in rhyme"})}
    assert len(asked(there.requests[-1])) > 1


def test_the_same_answers_make_the_same_bytes(tmp_path: Path) -> None:
    with endpoint(faithful) as there:
        first, _ = run(tmp_path / "a", there)
        second, _ = run(tmp_path / "b", there)
    a, b = ((tmp_path / name / "out" / "pairs.jsonl").read_bytes() for name in "ab")
    assert a == b
    assert first.inputs == second.inputs


def _drop(call: Json, text: str) -> str:
    first = next(iter(call["values"].values()), ())
    for form in sorted(first, key=len, reverse=True):
        text = text.replace(form, "那个")
    return text


def _promise(_: Json, text: str) -> str:
    return f"{text}，2月3日之前，打13800001111，别取消TK999999"


def _contradict(_: Json, text: str) -> str:
    return f"{text}，我是你们家老会员，普通客户"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_drop, "teacher: a value was not said"),
        (_promise, "teacher: a value was said that the call does not have"),
        (_contradict, "teacher: another choice was said"),
        (lambda _, text: text + "啊" * 500, "teacher: too long"),
    ],
)
def test_what_cannot_be_read_back_is_a_counted_reject(tmp_path: Path, change: Any, reason: str) -> None:
    with endpoint(changed(change)) as there:
        made, pairs = run(tmp_path, there, "share = 1.0\n")
    assert len(pairs) == COUNT
    assert made.numbers["rejects"][reason] > 3
    rows = {row["reason"]: row for _, row in read_rows(tmp_path / "out" / "rejects.jsonl")}
    assert rows[reason]["count"] == made.numbers["rejects"][reason]
    assert rows[reason]["examples"]


def test_rubbish_is_given_up_and_the_recombiner_fills_in(tmp_path: Path) -> None:
    with endpoint(lambda _: completion("I am sorry, I cannot help with that.")) as there:
        made, pairs = run(tmp_path, there)
    assert len(pairs) == COUNT
    assert not taught(pairs)
    assert made.numbers["teacher"]["given_up"]
    assert len(there.requests) < 10
    assert made.numbers["rejects"]["teacher: no answer"] >= 8
    assert made.numbers["rejects"]["teacher: given up after 3 requests without anything to keep"] == 1
    assert "and was given up" in facts.data_line(made)


def test_a_teacher_that_is_down_does_not_stop_the_run(tmp_path: Path) -> None:
    with endpoint(faithful) as there:
        pass
    made, pairs = run(tmp_path, there)
    assert len(pairs) == COUNT
    assert made.numbers["teacher"]["given_up"]
    assert made.numbers["rejects"]["teacher: no answer"]


def test_a_slow_teacher_is_waited_for_no_longer_than_was_said(tmp_path: Path) -> None:
    with endpoint(faithful) as there:
        made, pairs = run(tmp_path, there, teacher_seconds=0.0)
    assert len(pairs) == COUNT
    assert made.numbers["rejects"]["teacher: its time was up"] == 1


def test_an_instruction_that_does_not_come_is_counted(tmp_path: Path) -> None:
    def answer(request: Json) -> Reply:
        short = [{**c, "styles": c["styles"][:1]} if "styles" in c else c for c in asked(request)]
        rows = ((c["n"], spoken(c, 0) if "values" in c else "x") for c in short)
        return lines(rows)

    with endpoint(answer) as there:
        made, pairs = run(tmp_path, there)
    assert taught(pairs)
    assert made.numbers["rejects"]["teacher: an instruction did not come"] >= 2 * 8


def test_values_come_last_and_only_where_they_fit(tmp_path: Path) -> None:
    def answer(request: Json) -> Reply:
        return wording(request, spoken) if not asked(request) or "values" in asked(request)[0] else _values(request)

    def _values(request: Json) -> Reply:
        return lines((f["n"], v) for f in asked(request) for v in ("屏幕闪绿光", "屏幕闪绿光", "长" * 80))

    with endpoint(answer) as there:
        made, pairs = run(tmp_path, there)
    wishes = [f for r in there.requests for f in asked(r) if "field" in f]
    assert {f["field"] for f in wishes} == {"problem", "reason"}
    assert {"充电桩跳闸", "空调不制冷"} <= set(next(f for f in wishes if f["field"] == "problem")["examples"])
    assert made.numbers["rejects"]["teacher: a value does not fit its field"] == 4
    assert any("屏幕闪绿光" in line(p) for p in pairs)


def test_listed_values_are_not_asked_for(tmp_path: Path) -> None:
    with endpoint(faithful) as there:
        domain = desk(tmp_path, there).model_copy(update={"values": {"problem": ["跳闸"], "reason": ["修好了"]}})
        Builder(domain, 1, teacher=teacher_of(domain))
    assert not any(asked(r) for r in there.requests)


def test_held_out_tools_are_not_shown_to_the_teacher(tmp_path: Path) -> None:
    with endpoint(faithful) as there:
        run(tmp_path, there, held_out=("TicketCancel",))
    assert "TicketCancel" not in "".join(r["messages"][0]["content"] for r in there.requests)


def test_without_a_teacher_nothing_changes(tmp_path: Path) -> None:
    with endpoint(faithful) as there:
        domain = desk(tmp_path / "a", there)
    without = plain(tmp_path / "b")
    assert [line(p) for p in Builder(domain, 1).pairs(40)] == [line(p) for p in Builder(without, 1).pairs(40)]
    assert "teacher" not in without.model_dump()
    assert "teacher" not in stage.run(without, tmp_path / "out", count=20, seed=1).numbers


@pytest.mark.parametrize("status", [401, 404])
def test_a_wrong_key_or_model_ends_the_command_before_data(
    tmp_path: Path, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with endpoint(lambda _: refusal(status, "no")) as there, pytest.raises(SystemExit) as end:
        main(["data", str(desk(tmp_path, there).folder), "--out", str(tmp_path / "out"), "--count", "20"])
    assert end.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("error: domain.toml [teacher]: wanted answers of scripted at ")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert len(there.requests) == 1


def test_the_command_prints_what_the_teacher_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with endpoint(faithful) as there, pytest.raises(SystemExit) as end:
        main(["data", str(desk(tmp_path, there).folder), "--out", str(tmp_path / "out"), "--count", "20"])
    assert end.value.code == 0
    assert "; the teacher worded " in capsys.readouterr().out
    assert read_manifest(tmp_path / "out") is not None


def test_a_whole_run_asks_the_teacher_and_one_that_refuses_leaves_no_run(tmp_path: Path) -> None:
    config = pipeline.RunConfig(minutes=None, pairs=40, checks=0, tries=1, train=TrainConfig(batch=8))
    parts = Counting(tmp_path, {}).parts()
    with (
        endpoint(lambda _: refusal(401, "no")) as there,
        pytest.raises(ModelError, match="check whether it needs a key"),
    ):
        pipeline.run(config, desk(tmp_path / "a", there).folder, tmp_path / "run", parts, Silent())
    assert not (tmp_path / "run" / "run.json").exists()
    with endpoint(faithful) as there:
        pipeline.run(config, desk(tmp_path / "b", there).folder, tmp_path / "run", parts, Silent())
    made = read_manifest(tmp_path / "run" / "data")
    assert made is not None
    assert made.numbers["teacher"]["pairs"] > 3
