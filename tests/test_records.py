"""Files of records: streamed, strict, and never half-written under their own name."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.errors import DataError
from manyshot.records import (
    digest,
    line,
    read_jsonl,
    read_manifest,
    read_rows,
    write_aside,
    write_jsonl,
    write_manifest,
)
from manyshot.types import Call, CallPair, Json

PAIR = CallPair(
    id="1", kind="plain", action="订房\u2028间", call=Call(name="Book", arguments={"a": [1, "ö"]}), group="g"
)
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=8,
)


def test_records_come_back_as_they_went(tmp_path: Path) -> None:
    rows = [PAIR, PAIR.model_copy(update={"id": "2", "call": None, "ask": ("a",)})]
    assert write_jsonl(tmp_path / "new" / "rows.jsonl", rows) == 2
    assert list(read_jsonl(tmp_path / "new" / "rows.jsonl", CallPair)) == rows
    assert (tmp_path / "new" / "rows.jsonl").read_text("utf-8").count("\n") == 2
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["rows.jsonl"]


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), plain_json))
def test_a_row_is_one_line_of_json(row: Json) -> None:
    text = line(row)
    assert "\n" not in text
    assert "\r" not in text
    assert json.loads(text) == row


def test_writing_streams(tmp_path: Path) -> None:
    def rows() -> Iterator[Json]:
        for number in range(20_000):
            if number == 19_999:
                (aside,) = tmp_path.iterdir()
                assert aside.name.endswith(".part")
                assert aside.stat().st_size > 100_000
            yield {"n": number}

    assert write_jsonl(tmp_path / "rows.jsonl", rows()) == 20_000


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError("x"), MemoryError])
def test_what_breaks_leaves_the_old_file_and_no_other(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("old\n")

    def rows() -> Iterator[Json]:
        yield {"a": 1}
        raise error

    with pytest.raises(BaseException):  # noqa: B017, PT011 - whatever it was
        write_jsonl(path, rows())
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    def rows() -> Iterator[Json]:
        yield {"a": 1}
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DataError, match=r"rows\.jsonl: cannot be written \(No space left on device\); free some space"):
        write_jsonl(tmp_path / "rows.jsonl", rows())
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_place_of_a_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_jsonl(tmp_path / "file" / "rows.jsonl", [])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", "bad JSON"),
        ("[1]", "wanted a JSON object, got list"),
        ('{"id": "1"}', "not a CallPair: kind: "),
        (
            '{"id": "1", "kind": "k", "action": "a", "call": null, "group": "g", "colour": 1}',
            "not a CallPair: colour: ",
        ),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, bad: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{line(PAIR)}\n\n{bad}\n", "utf-8")
    with pytest.raises(DataError) as caught:
        list(read_jsonl(path, CallPair))
    assert str(caught.value).startswith(f"{path}:3: {message}")
    assert "\n" not in str(caught.value)


def test_lines_before_a_damaged_one_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n  \n{"b": 2}\n{', "utf-8")
    rows = read_rows(path)
    assert [next(rows), next(rows)] == [(1, {"a": 1}), (3, {"b": 2})]


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b'{"a": "\xe9"}\n')
    for name, message in (("none", "no such file"), ("latin", "cannot be read as UTF-8"), (".", "cannot be read")):
        with pytest.raises(DataError, match=message):
            list(read_rows(tmp_path / name))


def test_digests_tell_contents_and_nothing_else() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"}) != digest({"a": True})
    assert len(digest("\ud800")) == 16


def test_a_manifest_comes_back_and_its_id_is_free_of_time_and_numbers(tmp_path: Path) -> None:
    first = write_manifest(tmp_path / "a", "data", {"tools": "x"}, {"seed": 1}, {"pairs": 3})
    again = write_manifest(tmp_path / "b", "data", {"tools": "x"}, {"seed": 1}, {"pairs": 4})
    other = write_manifest(tmp_path / "c", "data", {"tools": "y"}, {"seed": 1}, {"pairs": 3})
    assert read_manifest(tmp_path / "a") == first
    assert first.id == again.id != other.id
    assert first.made.tzinfo is not None


def test_a_folder_without_a_manifest_is_not_complete(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
    assert read_manifest(tmp_path / "nowhere") is None
    (tmp_path / "manifest.json").write_text('{"stage": "da')
    with pytest.raises(DataError, match="run the stage again"):
        read_manifest(tmp_path)


def test_a_killed_writer_leaves_no_manifest(tmp_path: Path) -> None:
    def killed() -> None:
        with write_aside(tmp_path / "manifest.json") as stream:
            stream.write("{")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert read_manifest(tmp_path) is None
