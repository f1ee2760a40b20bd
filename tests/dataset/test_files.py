"""Files in other forms: written whole or not at all, read with the place of what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manyshot.dataset.files import INFO_FILE, Import, export
from manyshot.dataset.forms import Setting
from manyshot.dataset.table import DIALOGUES
from manyshot.datasource import import_file, open_source
from manyshot.errors import DataError, SpecError
from manyshot.records import read_jsonl, read_manifest, write_jsonl
from manyshot.types import Trajectory, Turn
from tests.dataset.made import TOOLS
from tests.shipped import SHIPPED_DIALOGUES, SHIPPED_FAULTS
from tests.test_cli_flow import ran

SETTING = Setting(TOOLS)


def _one(name: str, *said: str) -> Trajectory:
    turns = [Turn(role="reply" if n % 2 else "user", text=text) for n, text in enumerate(said)]
    return Trajectory(id=name, turns=tuple(turns))


@pytest.mark.parametrize("form", ["openai", "sharegpt", "alpaca", "fireact", "parquet"])
def test_approved_shots_go_out_and_come_back_by_command(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    out, back, again = tmp_path / "x.jsonl", tmp_path / "back", tmp_path / "again.jsonl"
    code, said, err = ran(["dataset", "export", "ticket_desk", "--format", form, "--out", out], capsys)
    assert (code, err) == (0, "")
    assert f"{SHIPPED_DIALOGUES} rows" in said
    assert (f"not held by this form: setup.faults ({SHIPPED_FAULTS} rows)" in said) == (form == "openai")
    assert ran(["dataset", "import", out, "--format", form, "--out", back], capsys)[0] == 0
    source = open_source(str(back))
    first = open_source("ticket_desk")
    assert source.setting.tools == (() if form == "fireact" else first.setting.tools)
    if form == "openai":
        assert [[(t.role, t.text, t.call, t.answered) for t in one.turns] for one in source.dialogues()] == [
            [(t.role, t.text, t.call, t.answered) for t in one.turns] for one in first.dialogues()
        ]
    else:
        assert list(source.dialogues()) == list(first.dialogues())
    assert ran(["dataset", "export", back, "--format", form, "--out", again], capsys)[0] == 0
    assert form == "parquet" or again.read_bytes() == out.read_bytes()


def test_a_row_that_cannot_go_out_is_named_and_the_others_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "trajectories.jsonl", tmp_path / "out.jsonl"
    write_jsonl(file, [_one("good", "hi", "hello"), _one("mute", "hi")])
    code, said, err = ran(["dataset", "export", file, "--format", "openai", "--out", out], capsys)
    assert code == 3
    assert "1 rows" in said
    assert "mute: the assistant says nothing in it" in err
    assert "no tools are known" in err
    assert len(out.read_text("utf-8").splitlines()) == 1


def test_a_bad_row_that_comes_in_is_named_by_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "theirs.jsonl"
    good = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}
    half = {"messages": [{"role": "user", "content": "\ud800"}, {"role": "assistant", "content": "x"}]}
    rows = [json.dumps(good), '{"messages": 3}', json.dumps(good), json.dumps(half)]
    file.write_text("\n".join(rows), "utf-8")
    code, said, err = ran(["dataset", "import", file, "--format", "openai", "--out", tmp_path / "in"], capsys)
    assert code == 3
    assert f"{file}:2: messages: wanted a list of objects, found 3" in err
    assert f"{file}:4: 'utf-8' codec can't encode" in err
    found = list(read_jsonl(tmp_path / "in/trajectories.jsonl", Trajectory))
    assert found[1].id == f"{found[0].id}-2"
    assert "rows that are equal" in said
    manifest = read_manifest(tmp_path / "in")
    assert manifest is not None
    assert (manifest.numbers["rows"], manifest.numbers["left_out"]) == (2, 2)


def test_an_entry_joins_those_that_llama_factory_knows(tmp_path: Path) -> None:
    info = tmp_path / INFO_FILE
    info.write_text('{"other": {"file_name": "other.json"}}', "utf-8")
    export([_one("a", "hi", "hello")], DIALOGUES["alpaca"], Setting(), tmp_path / "desk.json")
    entries = json.loads(info.read_text("utf-8"))
    assert list(entries) == ["other", "desk"]
    (row,) = json.loads((tmp_path / "desk.json").read_text("utf-8"))
    # a column that no row has would stop LLaMA-Factory
    assert set(entries["desk"]["columns"].values()) <= set(row)
    info.write_text("[]", "utf-8")
    with pytest.raises(DataError, match="wanted a JSON object with LLaMA-Factory's data sets"):
        export([_one("a", "hi", "hello")], DIALOGUES["alpaca"], Setting(), tmp_path / "desk.json")


def test_tools_described_in_two_ways_are_told(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    export([_one("a", "hi", "hello"), _one("b", "hi", "bye")], DIALOGUES["openai"], SETTING, file)
    file.write_text(file.read_text("utf-8").replace("Book a room.", "Book.", 1), "utf-8")
    found = Import(file, DIALOGUES["openai"])
    assert len(list(found.records())) == 2
    assert found.tools["Book"].description == "Book."
    assert found.tally.lost["tools: Book is described in two ways, the first is kept"] == 1


def test_what_is_no_source_says_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.jsonl").write_text("", "utf-8")
    half = '{"id": "a", "turns": [{"role": "user", "text": "\\ud800"}]}\n'
    (tmp_path / "half.jsonl").write_text(half, "utf-8")
    (tmp_path / "odd.jsonl").write_text('{"x": 1}\n', "utf-8")
    for what, said in (
        ("drone", "none of its 0 shots is approved"),
        (tmp_path / "none.jsonl", "no such file"),
        (tmp_path, "or a folder with trajectories.jsonl or pairs.jsonl"),
        (tmp_path / "half.jsonl", "half.jsonl:1: wanted text that UTF-8 can hold"),
        (tmp_path / "empty.jsonl", "is empty"),
        (tmp_path / "odd.jsonl", "odd.jsonl:1: wanted a dialogue (turns) or a call pair (action), found x"),
        ("nowhere", "wanted a domain folder or a shipped domain"),
    ):
        code, _, err = ran(["dataset", "export", what, "--format", "openai", "--out", tmp_path / "out"], capsys)
        assert code == 2
        assert said in err
        assert not (tmp_path / "out").exists()


def test_import_wants_a_new_folder_and_some_rows(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"messages": 3}\n', "utf-8")
    with pytest.raises(DataError, match=r"no row of it could be read as openai: .*x.jsonl:1: messages: wanted"):
        import_file(file, "openai", tmp_path / "in", pairs=False)
    assert not (tmp_path / "in").exists()
    with pytest.raises(DataError, match="new or empty folder"):
        import_file(file, "openai", tmp_path, pairs=False)
    with pytest.raises(DataError, match="call pairs have no form fireact"):
        import_file(file, "fireact", tmp_path / "in", pairs=True)
    file.write_text("[{]", "utf-8")
    with pytest.raises(DataError, match="wanted JSON lines or a JSON list"):
        import_file(file, "openai", tmp_path / "in", pairs=False)
    with pytest.raises(SpecError):
        open_source("nowhere")
