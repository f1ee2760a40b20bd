"""Both OpenAPI files say what the servers do: schemathesis sends what the files allow, and what they forbid."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.desk.databases import running
from tests.service.hotel import House

pytest.importorskip("schemathesis", reason="both files are tried by schemathesis: pip install schemathesis")

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
pytestmark = pytest.mark.slow


def tried(url: str, folder: Path, values: dict[str, str], *options: str) -> None:
    """Fail with what schemathesis found. values: what parameters are, as "path.name"; the others are made up."""
    rows = "".join(f"{json.dumps(name)} = {json.dumps(value)}\n" for name, value in values.items())
    (folder / "schemathesis.toml").write_text(f"[parameters]\n{rows}", "utf-8")
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run", f"{url}/openapi.json",
        "--checks", CHECKS, "--seed", "7", "--max-examples", "40", "--request-timeout", "20", "--no-color",
        "--continue-on-failure", "--generation-database", "none", *options,
    ]  # fmt: skip
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr[-2000:]


@pytest.mark.parametrize("known", [True, False], ids=["a ticket that there is", "any ticket"])
def test_the_desk_keeps_to_its_file(tmp_path: Path, known: bool) -> None:
    with running(f"sqlite:///{tmp_path / 'desk.db'}") as desk:
        wish = {"userName": "Ann", "problem": "it smells", "address": "Mill Road", "serveTime": "2024-10-11 09:00"}
        with desk.client() as client:
            made = client.post("/tickets", json=wish).raise_for_status().json()["ticketId"]
        bearer, customer = f"Authorization: Bearer {desk.token}", {"header.X-Customer": str(desk.customers[0])}
        tried(desk.url, tmp_path, {**customer, "path.ticketId": made} if known else {}, "-H", bearer)


def test_the_service_keeps_to_its_file_for_conversations_that_there_are_not(home: str, tmp_path: Path) -> None:
    tried(home, tmp_path, {})


def test_the_service_keeps_to_its_file_in_a_conversation(hotel: House, home: str, tmp_path: Path) -> None:
    """Without the events of one, which are a stream that has no end; test_http reads those."""
    name = hotel.talks.begin("ann", "en")
    hotel.say(name, "hello")
    tried(home, tmp_path, {"path.name": name}, "-H", "X-Customer: ann", "--exclude-path-regex", "/events$")
