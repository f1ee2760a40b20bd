"""`manyshot score`: a line in, a line out; what cannot be judged is named and costs no other line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from manyshot.cli import main
from manyshot.errors import EvalError
from manyshot.scoring import score_file
from manyshot.types import Json
from tests.shared import shared, shared_rows

ORDER: Json = {
    "name": "order",
    "parameters": {
        "type": "dict",
        "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["item"],
    },
}


def row(number: int, output: Any, **other: Any) -> Json:
    answer = [{"order": {"item": ["New York"], "count": [2, ""]}}]
    return {
        "id": f"r{number}", "category": "simple_python", "functions": [ORDER], "possible_answer": answer,
        "output": output, **other,
    }  # fmt: skip


RIGHT = [{"order": {"item": "New York", "count": 2}}]
LOOSE = [{"order": {"item": "new-york"}}]


def written(path: Path, *lines: Json | str) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines), "utf-8")
    return path


def verdicts(path: Path) -> list[Json]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_rules_differ_where_the_leaderboard_is_loose(tmp_path: Path) -> None:
    source = written(tmp_path / "in.jsonl", row(1, RIGHT), row(2, LOOSE), row(3, []), row(4, "order()"))
    for rules, wanted in (("bfcl", [True, True, False, False]), ("strict", [True, False, False, False])):
        scored = score_file(source, tmp_path / f"{rules}.jsonl", rules, pytest.fail)  # type: ignore[arg-type]
        got = verdicts(tmp_path / f"{rules}.jsonl")
        assert [one["valid"] for one in got] == wanted
        assert [list(one) for one in got] == [["id", "valid", "stage", "error_type", "message"]] * 4
        assert scored.whole
        assert (scored.right, scored.judged) == (sum(wanted), 4)
    assert [one["stage"] for one in got] == [None, "value", "count", "decode"]


def test_a_bad_line_is_named_and_the_others_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crash = {
        "name": "order",
        "parameters": {"type": "dict", "properties": {"item": {"type": "number"}}, "required": []},
    }
    source = written(
        tmp_path / "in.jsonl",
        row(1, RIGHT), "{", row(1, RIGHT), row(2, RIGHT, category="multi_turn_base"), '{"id": 5}', "[]",
        row(6, RIGHT, id="\ud800"), row(7, RIGHT, functions=5), '{"id": 1' + "0" * 5000 + "}", "[" * 100_000,
        row(8, [{"order": {"item": "New York"}}], functions=[crash]), row(9, RIGHT),
    )  # fmt: skip
    with pytest.raises(SystemExit) as end:
        main(["score", str(source), "--rules", "bfcl", "--out", str(tmp_path / "out.jsonl")])
    assert end.value.code == 3
    got = verdicts(tmp_path / "out.jsonl")
    assert [(one["id"], one["valid"]) for one in got] == [("r1", True), ("r8", None), ("r9", True)]
    assert got[1]["error_type"] == "EXCEPTION:KeyError"
    told = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0] for line in told[:-1]] == [f"{source}:{n}" for n in range(2, 12)]
    for line, words in zip(
        told, ["bad JSON", "stands in line 1", "unknown category multi_turn_base; known: simple_python"], strict=False
    ):
        assert words in line
    assert told[-1] == "1 outputs without verdict, 9 lines that could not be read"


def test_of_a_truncated_gzip_what_is_there_is_judged(tmp_path: Path) -> None:
    whole = gzip.compress("".join(json.dumps(row(n, RIGHT)) + "\n" for n in range(5000)).encode(), 1)
    source = tmp_path / "in.jsonl.gz"
    source.write_bytes(whole[: len(whole) // 2])
    told: list[str] = []
    scored = score_file(source, tmp_path / "out.jsonl", "bfcl", told.append)
    assert 0 < scored.right == scored.judged < 5000
    assert scored.faults == len(told) == 1
    assert f"{source}:{scored.judged + 1}: damaged gzip" in told[0]


def test_an_answer_that_its_own_schema_refuses_is_no_models_fault(tmp_path: Path) -> None:
    answer = [{"order": {"item": [5]}}]
    source = written(tmp_path / "in.jsonl", row(1, [{"order": {"item": 5}}], possible_answer=answer), row(2, RIGHT))
    told: list[str] = []
    scored = score_file(source, tmp_path / "out.jsonl", "strict", told.append)
    assert [one["valid"] for one in verdicts(tmp_path / "out.jsonl")] == [None, True]
    assert told == [f"{source}:1: not judged: no answer can be right: item: the schema refuses 5"]
    assert not scored.whole


@pytest.mark.parametrize("make", [lambda _: None, lambda p: p.write_text(""), lambda p: p.mkdir()])
def test_faults_of_the_file_are_one_line(make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path / "in.jsonl")
    with pytest.raises(SystemExit) as end:
        main(["score", str(tmp_path / "in.jsonl"), "--out", str(tmp_path / "out.jsonl")])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/in.jsonl: ")
    assert not (tmp_path / "out.jsonl").exists()


def test_texts_are_read_in_their_form(tmp_path: Path) -> None:
    text = 'order(item="New York", count=2)'
    none = {"category": "irrelevance", "possible_answer": []}
    source = written(
        tmp_path / "in.jsonl",
        row(1, text), row(2, f"```\n{text}\n```"), row(3, "No."), row(4, "No.", **none), row(5, RIGHT),
        row(6, "[]", **none),
    )  # fmt: skip
    for rules, repair, wanted in (
        ("bfcl", False, [True, False, False, True, True, True]),
        ("strict", True, [True, True, False, False, True, True]),
    ):
        score_file(source, tmp_path / "out.jsonl", rules, pytest.fail, form="python", repair=repair)  # type: ignore[arg-type]
        got = verdicts(tmp_path / "out.jsonl")
        assert [one["valid"] for one in got] == wanted
        assert got[2]["error_type"] == ("ast_decoder:decoder_failed" if rules == "bfcl" else None)


def test_the_input_is_not_overwritten(tmp_path: Path) -> None:
    source = written(tmp_path / "in.jsonl", row(1, RIGHT))
    with pytest.raises(EvalError, match="would overwrite"):
        score_file(source, source, "bfcl", print)


def test_objects_with_alternatives_inside_are_spelled_out(tmp_path: Path) -> None:
    part = {"type": "dict", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}
    tool = {"name": "f", "parameters": {"type": "dict", "properties": {"x": {"type": "array", "items": part}}}}
    answer = [{"f": {"x": [[{"a": [1, 2], "b": ["k", ""]}]]}}]
    outputs = [{"a": 1, "b": "k"}, {"a": 2}, {"a": 3}, {"a": 1, "b": ""}]
    rows = [row(n, [{"f": {"x": [o]}}], functions=[tool], possible_answer=answer) for n, o in enumerate(outputs)]
    score_file(written(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl", "strict", pytest.fail)
    assert [one["valid"] for one in verdicts(tmp_path / "out.jsonl")] == [True, True, False, False]


def test_the_whole_conformance_file(tmp_path: Path) -> None:
    source = shared("bfcl/conformance.jsonl.gz")
    scored = score_file(source, tmp_path / "out.jsonl", "bfcl", pytest.fail)
    wanted = [(r["id"], r["valid"], r["error_type"]) for r in shared_rows("bfcl/conformance.jsonl.gz")]
    assert [(r["id"], r["valid"], r["error_type"]) for r in verdicts(tmp_path / "out.jsonl")] == wanted
    assert scored.whole
    assert scored.right == 2104
