"""`manyshot registry`: what is wrong with a file, which tools it covers, an example to begin from."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyshot.cli import main
from manyshot.records import write_manifest
from manyshot.runfolder import RunFolder
from tests.registry.files import written


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[object, str]:
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    out = capsys.readouterr()
    return end.value.code, out.out + out.err


@pytest.fixture
def example(capsys: pytest.CaptureFixture[str]) -> str:
    code, text = run(capsys, "registry", "example")
    assert code == 0
    return text


def test_the_example_covers_its_domain(
    example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, example)
    monkeypatch.delenv("DESK_TOKEN", raising=False)
    code, said = run(capsys, "registry", "check", file, "--domain", "ticket_desk")
    assert code == 2
    assert f"{file}:10: [apis.desk] auth.token_env: the environment variable DESK_TOKEN is not set; export it" in said
    monkeypatch.setenv("DESK_TOKEN", "msd_not_to_be_seen")
    code, said = run(capsys, "registry", "check", file, "--domain", "ticket_desk")
    assert code == 0
    assert "8 of 8 tools have a call" in said
    assert "desk: POST /tickets/{ticketId}/cancellation" in said
    assert "writes, with a key; customer in header:X-Customer; needs the customer's yes" in said
    assert "msd_not" not in said
    assert run(capsys, "registry", "check", file)[0] == 0


def test_faults_and_tools_without_a_call_are_all_named(
    example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_TOKEN", "msd_not_to_be_seen")
    less, _, _ = example.partition("[tools.TicketCancel]")
    code, said = run(capsys, "registry", "check", written(tmp_path, less), "--domain", "ticket_desk")
    assert code == 2
    assert "no call for TicketCancel; add [tools.TicketCancel]" in said
    assert "5 of 8 tools have a call" in said
    wrong = example.replace('path = "/customer"', 'path = "customer"').replace("timeout = 10", "timeout = -1")
    code, said = run(capsys, "registry", "check", written(tmp_path, wrong), "--domain", "ticket_desk")
    assert code == 2
    assert "tools.toml:13: [apis.desk] timeout" in said
    assert "tools.toml:27: [tools.QueryCustomer] path: wanted a path" in said
    code, said = run(capsys, "registry", "check", tmp_path / "none.toml")
    assert (code, "none.toml: wanted this file, it is not there" in said) == (2, True)


def test_plain_http_to_another_host_is_hinted_at(
    example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_TOKEN", "short")
    file = written(tmp_path, example.replace("http://127.0.0.1:8070", "http://desk.example.com"))
    code, said = run(capsys, "registry", "check", file, "--domain", "ticket_desk")
    assert code == 0
    assert "http:// sends tokens and customers' data in the clear" in said
    assert "too short to be kept out of answers" in said


def test_a_chat_that_cannot_call_says_so_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from manyshot.config import find_domain
    from manyshot.spec.load import load_domain

    monkeypatch.delenv("DESK_TOKEN", raising=False)
    place = RunFolder(tmp_path / "run")
    place.path.mkdir()
    place.begin({}, load_domain(find_domain("ticket_desk")), force=False)
    words = ["chat", "--run", place.path, "--registry", tmp_path / "tools.toml"]
    assert "wanted a run that thinks" in run(capsys, *words)[1]
    for stage in (place.train, place.think):
        stage.mkdir()
        write_manifest(stage, stage.name, {}, {}, {})
    assert "wanted --customer ID" in run(capsys, *words)[1]
    code, said = run(capsys, *words, "--customer", "1")
    assert code == 2
    assert said.startswith("error: ")
    assert "tools.toml: wanted this file" in said
