"""A domain's own world.py: what it may do wrong, and that each of it is told with file and line."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.errors import WorldError
from manyshot.types import Call, Setup, Tool
from manyshot.world.functions import FunctionCompany, python_name

START = """from manyshot.world import Desk, Refused, read, write
TABLES = ""
TABLES += "create table rooms (no integer primary key autoincrement, guest text);"
TABLES += "create table k (a text primary key) without rowid"
def fill(desk):
    desk.insert("rooms", {"guest": desk.random.choice("abcdefgh")})
"""
TOOL = Tool(
    name="book-room",
    parameters={
        "type": "object",
        "properties": {"from": {"type": "string"}, "nights": {"type": "integer"}},
        "required": ["from"],
    },
)


def _company(folder: Path, body: str, start: str = START) -> FunctionCompany:
    path = folder / "world.py"
    path.write_text(start + body, "utf-8")
    return FunctionCompany(path, [TOOL], datetime(2024, 10, 10))


def _book(company: FunctionCompany, **arguments: Any) -> Any:
    return company.open(Setup()).call(Call(name="book-room", arguments={"from": "Ann"} | arguments))


def test_names_that_python_has_not_are_written_with_underscores(tmp_path: Path) -> None:
    company = _company(tmp_path, "@write\ndef book_room(desk, from_, nights=1):\n    return (from_, nights)\n")
    assert _book(company, nights=2).body == ["Ann", 2]


@given(st.text(min_size=1))
def test_any_name_becomes_one_that_python_has(name: str) -> None:
    made = python_name(name)
    assert made.isidentifier() or not name.isascii()


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("return {1, 2}", 7, "not JSON serializable"),
        ("return float('nan')", 7, "not JSON compliant"),
        ("return desk", 7, "not JSON serializable"),
        ("raise SystemExit(0)", 9, "SystemExit"),
        ("raise Refused(500, 'down')", 9, "from 400 to 499"),
        ("raise Refused(200, 'fine')", 9, "from 400 to 499"),
        ("desk.run('commit')", 7, "no transaction"),
        ("desk.rows('select colour from rooms')", 9, "no such column"),
        ("desk.count = 1", 9, "no attribute 'count'"),
        ("return book_room(desk, from_)", 9, "RecursionError"),
    ],
)
def test_what_goes_wrong_in_a_function_is_told_with_its_line(tmp_path: Path, body: str, line: int, said: str) -> None:
    company = _company(tmp_path, f"@write\ndef book_room(desk, from_, nights=1):\n    {body}\n")
    with pytest.raises(WorldError, match=rf"world\.py:{line}: book-room failed with .*{said}"):
        _book(company)


@pytest.mark.parametrize("arguments", [{"nights": 2**63}, {"nights": 1, "from": "A\ud800"}])
def test_what_no_database_takes_is_the_callers_fault(tmp_path: Path, arguments: Any) -> None:
    body = "@write\ndef book_room(desk, from_, nights=1):\n    desk.insert('rooms', {'no': nights, 'guest': from_})\n"
    answer = _book(_company(tmp_path, body), **arguments)
    assert (answer.status, answer.body["field"]) == (422, next(iter(arguments)) if len(arguments) == 1 else "from")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def book_room(desk, from_, nights=1): pass", r":7: put @read or @write"),
        ("@write\ndef book_room(desk, from_): pass", r":7: book_room cannot be called with from, nights"),
        ("@write\ndef book_room(desk, from_, nights): pass", r":7: book_room cannot be called with from: "),
        ("book_room = 3", r"has no function; write def book_room\(desk, from_, nights\)"),
        ("raise SystemExit", r":7: SystemExit"),
        ("import no_such_module_here", r":7: ModuleNotFoundError"),
    ],
)
def test_a_file_that_cannot_serve_is_refused_before_the_first_call(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(WorldError, match=said):
        _company(tmp_path, body)


ROOM = """
@write
def book_room(desk, from_, nights=1):
    desk.insert("rooms", {"guest": from_})
    return desk.random.random()
"""


def test_episodes_of_one_seed_are_alike_and_share_nothing(tmp_path: Path) -> None:
    company = _company(tmp_path, ROOM)
    one, two = company.open(Setup(seed=3)), company.open(Setup(seed=3))
    call = Call(name="book-room", arguments={"from": "Ann"})
    first = one.call(call)
    assert one.digest() != two.digest()
    assert two.call(call) == first
    assert one.digest() == two.digest()
    assert _company(tmp_path, ROOM).open(Setup(seed=3)).call(call) == first


def test_the_state_has_the_files_tables_alone_in_an_order_that_stays(tmp_path: Path) -> None:
    state = _company(tmp_path, ROOM).open(Setup(rows={"k": [{"a": "z"}, {"a": "b"}]})).state()
    assert list(state) == ["rooms", "k"]
    assert [row["a"] for row in state["k"]] == ["b", "z"]


@pytest.mark.parametrize("row", [{}, {"colour": 1}, {"no": 10**30}, {"guest": [1]}, {"no": 1, "guest": {"a": 1}}])
def test_rows_that_the_table_does_not_take_are_told(tmp_path: Path, row: Any) -> None:
    with pytest.raises(WorldError, match="a row of rooms cannot be added"):
        _company(tmp_path, ROOM).open(Setup(rows={"rooms": [row]}))
