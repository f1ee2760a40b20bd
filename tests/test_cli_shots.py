"""`manyshot shots` as a person meets it: on the shipped desk, and on a folder with a world that must be trusted."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from manyshot.cli_shots import UNMET
from manyshot.config import find_domain
from tests.dialogue.inn import inn_folder
from tests.shipped import SHIPPED_DIALOGUES
from tests.test_cli_flow import ran

COMMANDS = ("list", "draft", "show", "approve", "reject", "fill", "propose", "export", "import", "page")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A copy of the shipped desk, to be edited; its world.py has to be trusted there."""
    return shutil.copytree(find_domain("ticket_desk"), tmp_path / "desk")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = ran(["shots", command, "--help"], capsys)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80


def test_every_path_of_the_shipped_desk_has_an_approved_true_shot(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(["shots", "list", "ticket_desk", "--json", "--gate", "approved"], capsys)
    found = json.loads(out)
    assert code == 0
    assert len(found["coverage"]) == 40
    assert all(row["approved"] >= 1 for row in found["coverage"])
    assert {shot["state"] for shot in found["shots"]} == {"approved"}
    assert [shot["problems"] for shot in found["shots"] if shot["problems"]] == []


def test_a_gate_that_is_not_met_has_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ran(["shots", "list", "ticket_desk", "--gate", "generated"], capsys)
    assert code == UNMET
    assert "of 40 paths" in out
    assert err.startswith("40 of 40 paths have nothing generated: ")


def test_a_world_of_somebody_elses_is_not_run_unasked(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(["shots", "list", desk], capsys)[0] == 0, (
        "a copy of a shipped world, to the byte, is part of the package"
    )
    with (desk / "world.py").open("a", encoding="utf-8") as stream:
        stream.write("# changed\n")
    code, _, err = ran(["shots", "list", desk], capsys)
    assert code == 2
    assert "--trust" in err
    assert ran(["shots", "list", desk, "--trust"], capsys)[0] == 0
    code, out, _ = ran(["check", desk], capsys)
    assert code == 0
    assert "not played again" in " ".join(out.split())
    assert ran(["check", desk, "--trust"], capsys)[0] == 0


def test_a_lie_is_found_by_check_and_stops_approval(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = desk / "shots/complaint.md"
    text = file.read_text("utf-8")
    true = text[text.index('"warranty": "') :][:23]
    file.write_text(text.replace(true, '"warranty": "1999-01-01', 1), "utf-8")
    line = next(n for n, row in enumerate(file.read_text("utf-8").split("\n"), 1) if "1999-01-01" in row)
    code, out, _ = ran(["check", desk, "--trust"], capsys)
    assert code == 2
    assert f"complaint.md:{line}:" in out
    code, _, err = ran(["shots", "approve", desk, "--all", "--by", "Li", "--trust"], capsys)
    assert code == 2
    assert f"complaint.md:{line}: complaint-after-1 cannot be approved: the world answers" in err
    assert ran(["shots", "fill", desk, "complaint-after-1", "--trust"], capsys)[0] == 0
    code, out, _ = ran(["shots", "show", desk, "complaint-after-1", "--trust"], capsys)
    assert "state: approved" in out  # filled, it is again the text that was approved


def test_draft_show_reject(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = shutil.copytree(find_domain("ticket_desk"), tmp_path / "desk")
    (desk / "shots/progress_query.md").unlink()
    code, out, _ = ran(["shots", "draft", desk, "--trust"], capsys)
    assert (code, "10 drafted" in out) == (0, True)
    assert ran(["check", desk, "--trust"], capsys)[0] == 0
    name = "progress_query-4012113f"
    code, out, _ = ran(["shots", "reject", desk, name, "--reason", "太生硬", "--by", "王工", "--trust"], capsys)
    assert (code, out) == (0, "1 rejected\n")
    code, out, _ = ran(["shots", "show", desk, name, "--trust"], capsys)
    assert "state: rejected" in out
    assert "  ask_retry" in out


def test_a_sheet_goes_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "shots.xlsx"
    code, out, _ = ran(["shots", "export", "ticket_desk", sheet], capsys)
    assert (code, sheet.exists()) == (0, True)
    assert f"{SHIPPED_DIALOGUES} shots" in out


def test_what_is_unknown_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["show", "ticket_desk", "change-tim-1"], "did you mean"),
        (["draft", "ticket_desk", "--path", "change_visit-a507d73b"], "did you mean"),
        (["approve", "ticket_desk"], "or --all"),
        (["import", "ticket_desk", tmp_path / "none.xlsx"], "no such file"),
        (["list", "ticket_desk", "--data", tmp_path], "no such file"),
    ):
        code, _, err = ran(["shots", *words], capsys)
        assert code == 2
        assert said in err


def test_a_domain_without_dialogues_has_an_empty_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = inn_folder(tmp_path / "inn").folder
    code, out, _ = ran(["shots", "list", folder], capsys)
    assert code == 0
    assert "of 10 paths" in out
    assert ran(["shots", "list", "drone"], capsys)[1] == "no paths\n"


def test_the_page_prints_its_address_and_ends_cleanly_with_ctrl_c(desk: Path) -> None:
    pytest.importorskip("uvicorn", reason="the page needs the extra: pip install 'manyshot[serve]'")
    command = [sys.executable, "-m", "manyshot", "shots", "page", str(desk), "--port", "0", "--trust"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        address = running.stdout.readline().split()[0]
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert "40" in answer.read().decode()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (0, "ended\n", "")


def test_a_port_that_is_taken_is_one_line(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("uvicorn", reason="the page needs the extra: pip install 'manyshot[serve]'")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, err = ran(["shots", "page", str(desk), "--port", port, "--trust"], capsys)
    assert code == 2
    assert err.startswith(f"error: 127.0.0.1:{port} cannot be listened at: ")
    assert len(err.splitlines()) == 1


def test_the_page_runs_no_code_that_is_not_trusted(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("uvicorn", reason="the page needs the extra: pip install 'manyshot[serve]'")
    (desk / "world.py").write_text((desk / "world.py").read_text("utf-8") + "\n# edited\n", "utf-8")
    code, _, err = ran(["shots", "page", str(desk), "--port", "0"], capsys)
    assert code == 2
    assert "add --trust" in err
