"""Whatever a file is, reading it gives a value or a fault with its line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from manyshot.spec import documents
from manyshot.spec.check import check
from manyshot.spec.documents import json_lines, parse_json
from manyshot.spec.faults import Findings
from manyshot.spec.load import load_domain
from manyshot.spec.yamldoc import read_yaml
from tests.spec.desk import SHOT, TOML, Desk

Said = Callable[[], list[str]]
FILES = ["domain.toml", "tools.json", "shots/calls.jsonl", "tests/calls.jsonl", "values.yaml"]


@pytest.mark.parametrize("file", FILES)
def test_folder_in_place_of_a_file(desk: Desk, said: Said, file: str) -> None:
    (desk.folder / file).unlink(missing_ok=True)
    (desk.folder / file).mkdir(parents=True)
    assert f"{file}: wanted a file, found a folder; put a file of this name here" in said()


@pytest.mark.parametrize("file", FILES)
def test_not_utf8(desk: Desk, said: Said, file: str) -> None:
    desk.write(file, b"\n\n\xd6\xd0\xce\xc4")
    assert f"{file}:3: wanted UTF-8 text, found byte 0xd6; save the file as UTF-8" in said()


@pytest.mark.parametrize("file", FILES)
def test_utf16(desk: Desk, said: Said, file: str) -> None:
    desk.write(file, "text".encode("utf-16"))
    assert f"{file}:1: wanted UTF-8 text, found UTF-16; save the file as UTF-8" in said()


@pytest.mark.parametrize("file", FILES)
def test_huge(desk: Desk, said: Said, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 1 << 20)
    desk.write(file, b" " * (3 << 20))
    assert f"{file}: too large: 3 MiB, at most 1; split or thin it" in said()


@pytest.mark.parametrize("file", FILES[:3])
def test_missing(desk: Desk, said: Said, file: str) -> None:
    (desk.folder / file).unlink()
    assert any(line.startswith(f"{file}: ") for line in said())


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("file", FILES[:3])
def test_unreadable(desk: Desk, said: Said, file: str) -> None:
    (desk.folder / file).chmod(0)
    assert any("cannot be read" in line for line in said())


def test_fifo_does_not_hang(desk: Desk, said: Said) -> None:
    (desk.folder / "domain.toml").unlink()
    os.mkfifo(desk.folder / "domain.toml")
    assert "domain.toml: wanted this file, found something that is no regular file" in said()


def test_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "there is nothing of this name" in str(check(tmp_path / "none").faults[0])
    assert "found a file" in str(check(tmp_path / "file").faults[0])
    assert check(tmp_path).faults[0].file == "domain.toml"


def test_byte_order_mark_and_crlf(desk: Desk) -> None:
    for file in FILES[:3]:
        text = (desk.folder / file).read_text()
        desk.write(file, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load_domain(desk.folder).shots[0].action == SHOT["action"]


def test_line_separators_inside_a_text_are_no_line_ends(desk: Desk) -> None:
    desk.write("shots/calls.jsonl", json.dumps({"action": "a\u2028b\x85c", "call": None}, ensure_ascii=False))
    assert load_domain(desk.folder).shots[0].action == "a\u2028b\x85c"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"action": "a", "call": null', "2: bad JSON: "),
        (
            "{'action': 1}",
            "2: bad JSON: expecting property name enclosed in double quotes; use double quotes (column 2)",
        ),
        ('{"action": "a", "call": null,}', "remove the comma"),
        ('{"action": "a"} {"action": "b"}', "only one value may stand here (column 17)"),
        ("[1]", "2: wanted a JSON object in one line, found array"),
        ('{"action": NaN, "call": null}', "NaN is not JSON; write a number or null"),
        ('{"action": 1e999, "call": null}', "the number 1e999 is too large"),
        ('{"action": "a", "action": "b", "call": null}', 'the key "action" stands twice in one object; keep one'),
        ('{"action": "\\ud800", "call": null}', "half of a character"),
        ('{"action": ' + "9" * 5000 + "}", "a number has too many digits"),
        ('{"action": ' + "[" * 100 + "]" * 100 + "}", "nested deeper than 60 levels"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_bad_json_on_a_line(desk: Desk, said: Said, text: str, expected: str) -> None:
    desk.write("shots/calls.jsonl", f"{json.dumps(SHOT)}\n{text}\n")
    assert len(said()) == 1
    assert said()[0].startswith("shots/calls.jsonl:2: ")
    assert expected in said()[0]


def test_bad_json_in_tools_has_line_and_column(desk: Desk, said: Said) -> None:
    desk.write("tools.json", '[\n {"name": "a",\n  "description" "b"}\n]')
    assert said()[0] == "tools.json:3: bad JSON: expecting ':' delimiter (column 17)"
    desk.write("tools.json", '[\n {"name": "a",\n  "name": "b"}\n]')
    assert said()[0] == 'tools.json:3: the key "name" stands twice in one object; keep one (column 1)'
    desk.write("tools.json", "  \n")
    assert said()[0] == "tools.json: the file is empty; it must hold JSON"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(_json, st.sampled_from([None, 0, 2, "\t"]), st.booleans())
def test_lines_of_any_json(value: object, indent: int | str | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    lines = json_lines(text)
    rows = text.split("\n")

    def walk(part: object, path: tuple[str | int, ...]) -> None:
        assert path in lines
        if isinstance(part, dict):
            for key, inner in part.items():
                assert json.dumps(key, ensure_ascii=ascii_only) in rows[lines[(*path, key)] - 1]
                walk(inner, (*path, key))
        elif isinstance(part, list):
            for i, inner in enumerate(part):
                walk(inner, (*path, i))

    walk(value, ())
    assert parse_json(text)[0] == value


@given(st.text() | st.text(alphabet='{}[]",:\\ \n0a'))
def test_any_text_as_json_is_read_or_explained(text: str) -> None:
    value, line, column, problem = parse_json(text)
    assert (line >= 1 and column >= 1 and value is None) if problem else line == 0


@given(text=st.text() | st.text(alphabet="{}[]\",:-\n &*a!<|>#'"))
def test_any_text_as_yaml_is_read_or_explained(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "any.yaml").write_bytes(text.encode("utf-8", "replace"))
    findings = Findings()
    document = read_yaml(folder, "any.yaml", findings)
    assert (document is None) == bool(findings.faults)


def _yaml(tmp_path: Path, text: str) -> tuple[object, list[str]]:
    (tmp_path / "a.yaml").write_text(text)
    findings = Findings()
    document = read_yaml(tmp_path, "a.yaml", findings)
    return (document.value if document else None), [str(f) for f in findings.faults]


def test_yaml_keeps_what_it_looks_like(tmp_path: Path) -> None:
    value, faults = _yaml(tmp_path, "a: [on, no, 0402, 12:30, 2024-10-10, 1_000, true, ~, 3, -1.5, 1e3, .5, '5', 0x1F]")
    assert not faults
    assert value == {
        "a": ["on", "no", "0402", "12:30", "2024-10-10", "1_000", True, None, 3, -1.5, 1000.0, ".5", "5", "0x1F"]
    }
    assert yaml.safe_load("a: on") == {"a": True}  # the loader of others is as it was


def test_yaml_faults_have_lines(tmp_path: Path) -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{n}: &{n} [{','.join([f'*{p}'] * 9)}]\n" for p, n in zip("abcdefg", "bcdefgh", strict=True)
    )
    for text, expected in [
        ("a: 1\nb: [1\n", "a.yaml:3: bad YAML"),
        ("a: 1\na: 2\n", 'a.yaml:2: the key "a" stands twice; keep one'),
        ("a: !!python/object/apply:os.system [ls]\nb: !x 1\n", "a.yaml:2: the tag !x is not known here; remove it"),
        ("a: &x [*x]\n", "a.yaml:1: too large or nested too deep"),
        ("? [1]\n: 2\n", "a.yaml:1: a key must be plain text"),
        (bomb, "too large or nested too deep"),
    ]:
        assert expected in _yaml(tmp_path, text)[1][0]
    assert _yaml(tmp_path, "x: &x {a: 1}\ny:\n  <<: *x\n  b: 2\n")[0] == {"x": {"a": 1}, "y": {"a": 1, "b": 2}}


def test_empty_domain_toml(desk: Desk, said: Said) -> None:
    desk.write("domain.toml", "")
    assert [line for line in said() if "domain.toml has no" in line] == [
        f'domain.toml:1: domain.toml has no "{key}"; add it' for key in ("language", "name", "today")
    ]
    desk.write("domain.toml", TOML)
    assert not said()
