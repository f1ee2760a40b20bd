"""Tools of MCP servers: started as a program or reached at an address, listed into a domain, called for a customer."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="MCP servers need manyshot[mcp]")

from typer.testing import CliRunner

from manyshot.cli import app
from manyshot.errors import WorldError
from manyshot.registry.live import Live
from manyshot.types import Observation
from tests.registry.files import TEXT, ask, opened, tool, written

SERVER = Path(__file__).with_name("mcp_server.py")
SECRET = "a-secret-of-the-server"
TOOLS = (
    tool("TicketFind", ["ticketId"], ticketId=TEXT, owner=TEXT),
    tool("make_ticket", ["problem"], problem=TEXT, seconds={"type": "number"}),
    tool("crash", ["problem"], problem=TEXT),
    tool("long", ["size"], size={"type": "integer"}),
    tool("gone"),
)
TABLES = """
timeout = 30
max_bytes = 1000
[tools.TicketFind]
operation = "find_ticket"
reads = true
places = { ticketId = "number" }
bound = ["owner"]
keep = ["number", "owner", "token"]
rename = { number = "ticketId" }
[tools.make_ticket]
timeout = 2
[tools.long]
reads = true
[tools.gone]
reads = true
"""
PROGRAM = f'[mcp.desk]\ncommand = ["{sys.executable}", "{SERVER}"]\nenv = ["DESK_SECRET"]\n{TABLES}'


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    monkeypatch.setenv("DESK_SECRET", SECRET)
    with opened(tmp_path, PROGRAM, *TOOLS) as found:
        yield found


def behaves(live: Live) -> None:
    shown = ask(live, "TicketFind", customer="7", ticketId="C1", owner="8")
    assert shown.body == {"ticketId": "C1", "owner": "7", "token": "***" if shown.body["token"] else ""}
    assert ask(live, "TicketFind", ticketId="missing").body["error"].endswith("there is no such ticket")
    assert ask(live, "make_ticket", problem="p").body == {"text": "made 1"} or ask(live, "make_ticket").status == 422
    assert ask(live, "long", size=5000).body == {"error": "the answer is too long; ask for less"}
    assert ask(live, "gone").status in (404, 422)


def test_a_program_is_started_asked_and_started_again_after_a_crash(live: Live) -> None:
    behaves(live)
    with pytest.raises(WorldError, match="make_ticket: desk gave no answer in 2 s; nobody knows"):
        ask(live, "make_ticket", problem="slow", seconds=4)
    with pytest.raises(WorldError, match=r"crash: desk .*nobody knows"):
        ask(live, "crash", problem="x")
    assert ask(live, "TicketFind", ticketId="C2").body["ticketId"] == "C2"


def test_a_program_that_does_not_start_has_done_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_SECRET", SECRET)
    with opened(tmp_path, PROGRAM.replace(str(SERVER), "no_such_file.py"), *TOOLS) as live:
        gone = Observation(status=503, body={"error": "the service cannot be reached"})
        assert ask(live, "make_ticket", problem="p") == gone


@contextmanager
def serving(port: int) -> Iterator[str]:
    with subprocess.Popen([sys.executable, str(SERVER), str(port)], stderr=subprocess.DEVNULL) as process:
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
        process.kill()


def a_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_a_server_at_an_address_is_asked(tmp_path: Path) -> None:
    with serving(a_port()) as address, opened(tmp_path, f'[mcp.desk]\nurl = "{address}"\n{TABLES}', *TOOLS) as live:
        behaves(live)


@pytest.mark.slow
def test_a_server_at_an_address_may_be_started_anew(tmp_path: Path) -> None:
    port = a_port()
    with opened(tmp_path, f'[mcp.desk]\nurl = "http://127.0.0.1:{port}/mcp"\n{TABLES}', *TOOLS) as live:
        assert ask(live, "TicketFind", ticketId="C1").status == 503
        time.sleep(5.1)
        for _ in range(2):
            with serving(port):
                found = [ask(live, "TicketFind", ticketId="C1").ok for _ in range(3)]
                assert found[-1], found
            assert not ask(live, "TicketFind", ticketId="C1").ok


def test_the_tools_of_a_server_are_printed_as_a_domains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_SECRET", SECRET)
    file = written(tmp_path, PROGRAM)
    done = CliRunner().invoke(app, ["registry", "tools", str(file)])
    assert done.exit_code == 0, done.output
    rows = [row["function"] for row in json.loads(done.stdout)]
    assert [row["name"] for row in rows] == ["find_ticket", "make_ticket", "crash", "long"]
    assert rows[0]["parameters"]["required"] == ["number"]
