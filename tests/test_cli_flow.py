"""`manyshot flow` as a person meets it, on the shipped domain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from manyshot.cli import main
from manyshot.config import find_domain
from manyshot.spec.load import load_flows
from tests.spec.desk import Desk


def ran(words: list[object], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command, in this process."""
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    code = end.value.code
    assert isinstance(code, int)
    return code, out, err


@pytest.mark.parametrize("command", ["check", "paths", "show"])
def test_each_command_explains_itself(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = ran(["flow", command, "--help"], capsys)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80


def test_the_shipped_desk_has_four_flows_and_more_than_twenty_paths(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(["flow", "check", "ticket_desk", "--json"], capsys)
    report = json.loads(out)
    assert (code, report["ok"], report["flows"], report["faults"], report["hints"]) == (0, True, 4, [], [])
    assert report["paths"] >= 20


def test_paths_are_a_list_of_flow_path_and_steps(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(["flow", "paths", "ticket_desk", "--json"], capsys)
    rows: list[dict[str, Any]] = json.loads(out)
    assert code == 0
    assert {tuple(row) for row in rows} == {("flow", "path", "steps")}
    assert {row["flow"] for row in rows} == {"fault_repair", "progress_query", "change_visit", "complaint"}
    assert len({row["path"] for row in rows}) == len(rows)
    for row in rows:
        assert row["steps"][-1]["kind"] in ("end", "handoff")
    tools = {step["words"] for row in rows for step in row["steps"] if step["kind"] == "call"}
    assert {"SearchSolution", "QueryTechnicianSlots", "TicketCreate", "TicketReschedule (failed)"} <= tools


def test_paths_can_be_read_in_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(["flow", "paths", "ticket_desk", "--flow", "complaint"], capsys)
    assert code == 0
    assert "complaint-" in out
    assert "  call     QueryCustomer" in out
    assert "fault_repair" not in out


def test_show_draws_and_gives_the_records(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(["flow", "show", "ticket_desk", "--flow", "fault_repair"], capsys)
    assert code == 0
    assert out.count("flowchart TD") == 1
    assert 'check_danger -->|"danger == 是"| warn' in out
    _, out, _ = ran(["flow", "show", "ticket_desk", "--json"], capsys)
    assert [flow["name"] for flow in json.loads(out)] == [f.name for f in load_flows(find_domain("ticket_desk"))]


def test_a_fault_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path / "desk")
    desk.write("flows/book.yaml", "steps:\n  a: {call: Bok, next: b}\n  b: {end: done}\n")
    code, out, err = ran(["flow", "paths", desk.folder], capsys)
    assert (code, out) == (2, "")
    assert 'flows/book.yaml:2: there is no tool "Bok"; did you mean "Book"?' in err
    code, out, _ = ran(["flow", "check", desk.folder, "--json"], capsys)
    assert (code, json.loads(out)["faults"][0]["line"]) == (2, 2)
    code, out, _ = ran(["check", desk.folder], capsys)
    assert code == 2
    assert "there is no tool" in out


def test_an_unknown_flow_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = ran(["flow", "show", "ticket_desk", "--flow", "fault_repare"], capsys)
    assert code == 2
    assert 'did you mean "fault_repair"?' in err


def test_a_domain_without_flows_lists_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(["flow", "paths", "drone", "--json"], capsys)[1] == "[]\n"
