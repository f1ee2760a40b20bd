"""Starting, stopping, killing the desk; migrations; what a person did wrong is one line."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.orm import Session

from manyshot.cli import main
from manyshot.desk import demo
from manyshot.desk.database import bring_up, migrations, open_database, shown, up_to_date
from manyshot.errors import SpecError
from tests.desk.databases import NOW, running

HEAD = ScriptDirectory.from_config(migrations()).get_current_head()


def started(*words: str, folder: Path, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "manyshot", "desk", "--port", "0", *words]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **variables, "PYTHONUNBUFFERED": "1"},
    )


@contextmanager
def process(db: str, folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A desk in a process of its own, its address, and the token that it printed."""
    with started(*words, folder=folder, MANYSHOT_DESK_DB=db) as found:
        assert found.stdout
        said = ""
        while "desk: http" not in said:
            line = found.stdout.readline()
            assert line, found.communicate()
            said += line
        url = re.search(r"desk: (http://\S+) on", said)
        token = re.search(r"msd_\S+", said)
        assert url
        try:
            yield found, url.group(1), token.group() if token else ""
        finally:
            found.kill()


def wish() -> dict[str, Any]:
    day = f"{date.today() + timedelta(days=20):%Y-%m-%d}"
    return {"userName": "a", "problem": "b", "address": "c", "serveTime": f"{day} 09:00"}


def test_what_was_answered_stands_after_kill_9_and_is_answered_again(db: str, tmp_path: Path) -> None:
    made: dict[str, Any] = {}
    token = ""
    for _ in range(2):
        with process(db, tmp_path, "--seed-demo") as (found, url, given):
            token = token or given
            headers = {"Authorization": f"Bearer {token}", "X-Customer": "1"}
            with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30) as client:
                for key, answer in made.items():
                    again = client.post("/tickets", json=wish(), headers={"Idempotency-Key": key})
                    assert (again.json(), again.headers["Idempotency-Replayed"]) == (answer, "true")
                    assert client.get(f"/tickets/{answer['ticketId']}").status_code == 200
                key = f"step-{len(made)}"
                got = client.post("/tickets", json=wish(), headers={"Idempotency-Key": key})
                assert got.status_code == 200, got.text
                made[key] = got.json()
            found.send_signal(signal.SIGKILL)
            found.wait(10)
    assert len({answer["ticketId"] for answer in made.values()}) == 2


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order_when_it_is_told_to(tmp_path: Path, ending: signal.Signals) -> None:
    with process(f"sqlite:///{tmp_path / 'd.db'}", tmp_path) as (found, url, _):
        assert httpx.get(f"{url}/healthz", trust_env=False).json() == {"status": "ready"}
        found.send_signal(ending)
        _, said = found.communicate(timeout=20)
    assert found.returncode == 0
    assert [json.loads(line)["route"] for line in said.splitlines()] == ["/healthz"]


def test_a_token_is_made_for_one_name_and_the_old_one_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = f"sqlite:///{tmp_path / 'd.db'}"
    first, second = (ran(["--db", db, "--new-token", "web"], capsys)[1].strip() for _ in "ab")
    with running(db) as desk:
        status = [
            httpx.get(f"{desk.url}/customer", headers={"Authorization": f"Bearer {token}"}, trust_env=False).status_code
            for token in (first, second)
        ]
    assert status == [401, 422]


def ran(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["desk", *words])
    out, err = capsys.readouterr()
    return int(str(ended.value.code)), out, err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--db", "nonsense"], "--db nonsense: wanted sqlite:///FILE or postgresql://USER@HOST/NAME"),
        (["--db", "mysql://u:geheim@h/d"], "--db mysql://u:***@h/d: wanted sqlite:///FILE"),
        (["--db", "sqlite://"], "wanted sqlite:///FILE"),
        (["--db", "postgresql://u:geheim@127.0.0.1:1/d"], "postgresql://u:***@127.0.0.1:1/d: cannot be reached"),
        (["--db", "sqlite:////no/such/folder/d.db"], "cannot be reached: unable to open database file"),
        (["--db", "sqlite:///note.txt"], "cannot be used: file is not a database"),
        (["--timezone", "moon"], "--timezone moon: wanted an offset, as +08:00"),
        (["--host", "256.1.1.1"], "--host 256.1.1.1"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.txt").write_text("no database at all\n" * 100)
    code, _, error = ran(["--port", "0", *words], capsys)
    assert code == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert said in error
    assert "geheim" not in error


def test_a_port_in_use_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, error = ran(["--port", port], capsys)
    assert code == 2
    assert f"--port {port}: Address already in use; choose another port" in error
    assert not list(tmp_path.iterdir())


# -- migrations --------------------------------------------------------------------------------------------------------


@pytest.fixture
def engine(db: str) -> Iterator[Engine]:
    found = open_database(db)
    yield found
    found.dispose()


def alembic(engine: Engine, work: Any, *words: str) -> None:
    with engine.begin() as connection:
        config = migrations()
        config.attributes["connection"] = connection
        work(config, *words)


def test_an_empty_database_gets_the_tables_that_the_code_has(engine: Engine) -> None:
    bring_up(engine)
    assert up_to_date(engine)
    alembic(engine, command.check)  # raises where tables and code differ
    bring_up(engine)
    alembic(engine, command.downgrade, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]


def test_the_check_for_drift_sees_a_column_too_much(engine: Engine) -> None:
    bring_up(engine)
    with engine.begin() as connection:
        connection.execute(text("alter table tickets add column colour varchar(9)"))
    with pytest.raises(Exception, match="colour"):
        alembic(engine, command.check)


def test_rows_of_the_previous_version_are_kept(engine: Engine) -> None:
    bring_up(engine, "0001")
    with Session(engine) as session, session.begin():
        assert demo.seed(session, NOW)
    with engine.connect() as connection:
        before = connection.execute(text("select * from tickets order by id")).all()
    assert not up_to_date(engine)
    bring_up(engine)
    with engine.connect() as connection:
        assert connection.execute(text("select * from tickets order by id")).all() == before
    assert up_to_date(engine)


def test_a_migration_that_breaks_off_leaves_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("create table remembered (id integer)"))  # in the way of the second one
    with pytest.raises(SpecError, match="cannot be"):
        bring_up(engine)
    assert inspect(engine).get_table_names() == ["remembered"]


def test_tables_of_a_later_version_are_refused(engine: Engine) -> None:
    bring_up(engine)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(SpecError, match=f"of version 9999, this manyshot knows them up to {HEAD}; install the newer"):
        bring_up(engine)


def test_a_password_is_never_shown() -> None:
    assert shown(open_database("postgresql://u:geheim@h/d")) == "postgresql://u:***@h/d"
