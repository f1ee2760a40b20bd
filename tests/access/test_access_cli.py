"""The commands: from nothing to a token; secrets come from a file or a terminal, never from arguments."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from manyshot.access.door import open_door
from tests.access.building import PASSWORD
from tests.test_cli_flow import ran

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path, capsys: Capsys) -> Path:
    code, said, _ = ran(["access", "init", tmp_path], capsys)
    assert code == 0
    assert "next: manyshot access staff add" in said
    (tmp_path / "pw").write_text(PASSWORD + "\n")
    return tmp_path / "access.toml"


def test_from_nothing_to_people_keys_and_tokens(file: Path, capsys: Capsys) -> None:
    where = ["--access", file]
    pw = ["--password-file", file.parent / "pw"]
    assert ran(["access", "staff", "add", "Li", "--role", "supervisor", *pw, *where], capsys)[1] == "li: supervisor\n"
    assert ran(["access", "staff", "role", "li", "viewer", *where], capsys)[1] == "li: viewer\n"
    assert ran(["access", "staff", "remove", "li", *where], capsys)[0] == 0
    assert "removed" in ran(["access", "staff", "list", *where], capsys)[1]
    key = ran(["access", "key", "add", "web", "--customer", "*", "--days", "30", *where], capsys)[1].strip()
    listed = ran(["access", "key", "list", *where], capsys)[1]
    assert key[:16] in listed
    assert key[20:] not in listed
    assert ran(["access", "key", "revoke", "web", *where], capsys)[1] == "web: revoked\n"
    token = ran(["access", "token", "7", *where], capsys)[1].strip()
    assert open_door(file).tokens.customer(token) == "7"
    old = ran(["access", "signing", "list", *where], capsys)[1].split()[0]
    assert ran(["access", "signing", "rotate", "--algorithm", "HS256", *where], capsys)[0] == 0
    assert [line.split()[2] for line in ran(["access", "signing", "list", *where], capsys)[1].splitlines()] == [
        "signs",
        "verifies",
    ]
    assert ran(["access", "signing", "drop", old, *where], capsys)[0] == 0
    said = ran(["audit", "show", "--json", *where], capsys)[1]
    assert [json.loads(line)["what"] for line in said.splitlines()] == [
        "staff.add", "staff.role.viewer", "staff.remove", "key.add", "key.revoke", "signing.rotate", "signing.drop",
    ]  # fmt: skip
    assert PASSWORD not in said
    assert key not in said


def test_a_password_comes_from_stdin(file: Path, capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD + "\n"))
    assert ran(["access", "staff", "add", "ada", "--password-file", "-", "--access", file], capsys)[0] == 0
    code, _, err = ran(["access", "staff", "add", "bo", "--password", PASSWORD, "--access", file], capsys)
    assert (code, "No such option" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["init", "{}"], "it is there already"),
        (["init", "{}/new", "--db", "postgresql://a:pw@h/x"], "a password does not belong into a command"),
        (["token", "7", "--access", "{}/no.toml"], "there is no such file; manyshot access init makes one"),
        (["token", "a b"], "is no customer's id"),
        (["token", "7", "--minutes", "99999"], "wanted 1 s to 86400 s"),
        (["staff", "add", "ada"], "no terminal to ask for the password"),
        (["staff", "add", "a/b", "--password-file", "{}/pw"], "is no name for an account"),
        (["staff", "add", "ada", "--password-file", "{}/short"], "has 5 characters; wanted 12 to 200"),
        (["staff", "add", "ada", "--password-file", "{}/same"], "a few signs over and over"),
        (["staff", "add", "ada", "--password-file", "{}/two"], "wanted one line, there are 2"),
        (["staff", "add", "ada", "--password-file", "{}/empty"], "wanted one line, there are 0"),
        (["staff", "add", "ada", "--password-file", "{}/none"], "No such file"),
        (["staff", "remove", "nobody"], "there is no nobody among the staff"),
        (["staff", "role", "ada", "king"], "king"),
        (["key", "add", "a b"], "is no name for a key"),
        (["key", "add", "web", "--customer", "a b"], "wanted 1 to 64 letters"),
        (["key", "revoke", "web"], "there is no key web"),
        (["signing", "drop", "x"], "there is no key x; there are"),
    ],
)
def test_faults_are_one_line(
    file: Path, words: list[str], said: str, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = file.parent
    for name, text in {"short": "abcde", "same": "abababababababab", "two": "a\nb", "empty": ""}.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    more = [] if words[0] == "init" or "--access" in words else ["--access", str(file)]
    code, _, err = ran(["access", *(word.format(folder) for word in words), *more], capsys)
    assert (code, "Traceback" in err) == (2, False)
    assert said in err


def test_the_only_signing_key_is_not_dropped(file: Path, capsys: Capsys) -> None:
    kid = ran(["access", "signing", "list", "--access", file], capsys)[1].split()[0]
    code, _, err = ran(["access", "signing", "drop", kid, "--access", file], capsys)
    assert (code, "is the only key; rotate first" in err) == (2, True)
