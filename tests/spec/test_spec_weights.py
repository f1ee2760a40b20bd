"""Weights from logs of three forms."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from manyshot.spec.check import check
from manyshot.spec.load import load_domain
from manyshot.spec.weights import Route, _routed
from tests.spec.desk import TOML, Desk
from tests.spec.test_spec_openapi import BODIES, YAML

Said = Callable[[], list[str]]


def _log(desk: Desk, file: str, text: str | bytes) -> None:
    desk.write("domain.toml", f'{TOML}[weights]\nfile = "{file}"\n')
    desk.write(file, text)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("log.csv", "time,tool\n1,Book\n2,Book\n3,book\n4,Cancel\n5,Other\n"),
        ("log.csv", "\ufefftime,Operation,count\r\n1,Book,3\r\n2,Cancel,1\r\n"),
        ("log.tsv", "operationId\tcalls\nBook\t3\nCancel\t1.0\n"),
        ("log.csv", "tool\tcount\nBook\t3\nCancel\t1\n"),
        ("log.jsonl", "".join(json.dumps({"tool": t}) + "\n" for t in ("Book", "Book", "Book", "Cancel")) + "broken\n"),
        ("log.jsonl", '{"name": "Book", "n": 3}\n{"function": "Cancel"}\n[]\n'),
    ],
)
def test_tables_and_lines(desk: Desk, file: str, text: str) -> None:
    _log(desk, file, text)
    assert load_domain(desk.folder).weights == {"Book": 1.5, "Cancel": 0.5}


def test_rare_tools_keep_a_floor(desk: Desk) -> None:
    _log(desk, "log.csv", "tool,count\nBook,1000\n")
    assert load_domain(desk.folder).weights == {"Book": 2.0, "Cancel": 0.05}


def test_access_log_by_path(desk: Desk) -> None:
    (desk.folder / "tools.json").unlink()
    desk.write("openapi.yaml", YAML)
    desk.write("parts/bodies.yaml", BODIES)
    desk.shots([{"action": "read T12", "call": {"name": "get_tickets_id", "arguments": {"id": "T12"}}}])
    line = '10.0.0.1 - - [10/Oct/2024:13:55:36 +0800] "{} HTTP/1.1" 200 23\n'
    text = (
        line.format("GET /api/v1/tickets/T1?x=1") * 3
        + line.format("PUT /tickets/T2")
        + line.format("GET /health")
        + "-\n"
    )
    _log(desk, "access.log", text)
    assert load_domain(desk.folder).weights == {"get_tickets_id": 1.5, "Ticket.Update": 0.5}
    assert any("1 calls of no tool of this domain were left out" in str(h) for h in check(desk.folder).hints)


def test_a_fixed_path_goes_first() -> None:
    routes = [Route("one", "GET", "/t/{id}"), Route("all", "GET", "/t/open")]
    assert _routed("GET", "/t/open", routes) == "all"
    assert _routed("GET", "/t/7/", routes) == "one"
    assert _routed("POST", "/t/7", routes) == "POST /t/7"


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("log.csv", "a,b\n1,2\n", "log.csv: cannot be read as a log: its header"),
        ("log.csv", "tool\nBok\n", 'log.csv:1: no line names a tool of this domain; did you mean "Book"?'),
        ("log.csv", "", "log.csv: cannot be read as a log: its header"),
        ("log.jsonl", "{}\n", "log.jsonl:1: no line names a tool of this domain"),
        ("log.bin", b"\xff\x00\x01", "log.bin:1: no line names a tool of this domain"),
    ],
)
def test_faults(desk: Desk, said: Said, file: str, text: str | bytes, expected: str) -> None:
    _log(desk, file, text)
    assert any(f.startswith(expected) for f in said()), said()


def test_the_file_is_in_the_folder(desk: Desk, said: Said) -> None:
    desk.write("domain.toml", f'{TOML}[weights]\nfile = "none.csv"\n')
    assert said() == ['domain.toml:5: the log "none.csv" is not there; correct the name']
    desk.write("domain.toml", f'{TOML}[weights]\nfile = "../log.csv"\n')
    assert said() == ['domain.toml:5: the log "../log.csv" is outside of the domain folder; copy it there']
