"""The audit log on both databases: writers at once, append-only by the database, verified by a command."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker

from manyshot.access.audit import START, AuditLog, Break, Head, head, records, verify
from manyshot.access.database import VERSIONS, opened
from manyshot.access.tables import Table
from manyshot.desk.database import bring_up
from manyshot.errors import SpecError
from tests.access.conftest import new_database
from tests.test_cli_flow import ran


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    return opened(new_database(request, tmp_path))


def address(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False).replace("+pysqlite", "")


def filled(engine: Engine, count: int = 5) -> AuditLog:
    log = AuditLog(engine, lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    for n in range(count):
        log.write("ada", "conversation.read", f"c{n}")
    return log


def test_a_record_is_the_hash_of_its_canonical_json(engine: Engine) -> None:
    filled(engine, 2)
    first, second = records(engine)
    said = (
        f'{{"about":"c0","at":"2026-01-02T03:04:05.000+00:00","before":"{START}","seq":1,'
        '"what":"conversation.read","who":"ada"}'
    )
    assert first["hash"] == sha256(said.encode()).hexdigest()
    assert second["before"] == first["hash"]
    assert verify(engine) == head(engine) == Head(seq=2, hash=second["hash"])


def test_writers_at_once_keep_the_chain(engine: Engine) -> None:
    def write(n: int) -> None:
        for k in range(5):
            AuditLog(engine).write(f"w{n}", "x", str(k))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    found = verify(engine)
    assert isinstance(found, Head)
    assert found.seq == 30
    for n in range(6):
        assert [row["about"] for row in records(engine) if row["who"] == f"w{n}"] == list("01234")


def test_processes_at_once_keep_the_chain(tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'a.db'}"
    engine = opened(db)
    code = (
        "import sys\nfrom manyshot.desk.database import open_database\nfrom manyshot.access.audit import AuditLog\n"
        "log = AuditLog(open_database(sys.argv[1]))\n"
        "for n in range(5): log.write(sys.argv[2], 'x', str(n))\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, db, name]) for name in ("a", "b")]
    assert [one.wait(60) for one in started] == [0, 0]
    found = verify(engine)
    assert isinstance(found, Head)
    assert found.seq == 10


def test_what_fails_is_not_in_the_log(engine: Engine) -> None:
    log = filled(engine, 1)

    def fail() -> None:
        with sessionmaker(engine).begin() as session:
            log.add(session, "ada", "x", "y")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert verify(engine) == head(engine)
    assert head(engine).seq == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update access_audit set who = 'eve' where seq = 2",
        "delete from access_audit where seq = 5",
        "insert into access_audit select 7, at, who, what, about, hash, hash from access_audit where seq = 5",
        "insert into access_audit select 6, at, who, what, about, before, hash from access_audit where seq = 5",
        "insert into access_audit select 0, at, who, what, about, before, hash from access_audit where seq = 1",
        "truncate access_audit",
    ],
)
def test_the_database_itself_refuses_changes(engine: Engine, statement: str) -> None:
    filled(engine)
    before = list(records(engine))
    with pytest.raises(SQLAlchemyError), engine.begin() as connection:
        connection.execute(text(statement))
    assert list(records(engine)) == before


def test_without_its_triggers_it_is_still_found_out(engine: Engine) -> None:
    filled(engine)
    kept = head(engine)
    names = ("changed", "removed", "added") if engine.dialect.name == "sqlite" else ("changed", "emptied", "added")
    behind = "" if engine.dialect.name == "sqlite" else " on access_audit"
    with engine.begin() as connection:
        for name in names:
            connection.execute(text(f"drop trigger access_audit_{name}{behind}"))
        connection.execute(text("update access_audit set about = 'c9' where seq = 3"))
    assert verify(engine) == Break(3, "record 3 was changed: its hash is another")
    with engine.begin() as connection:
        connection.execute(text("update access_audit set about = 'c2' where seq = 3"))
        connection.execute(text("delete from access_audit where seq > 3"))
    assert isinstance(verify(engine), Head)
    assert verify(engine, kept) == Break(4, "record 4 is not there: the end was cut, up to 5 was kept")


def test_the_tables_are_those_of_the_migrations_and_stand_beside_the_desks(engine: Engine) -> None:
    bring_up(engine)
    assert {"tickets", "access_staff", "alembic_version", VERSIONS} <= set(inspect(engine).get_table_names())
    opened(address(engine)).dispose()  # again: nothing more to do
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_object": lambda _, name, kind, *__: kind != "table" or str(name).startswith("access_"),
            },
        )
        found = [diff for diff in compare_metadata(context, Table.metadata) if VERSIONS not in str(diff)]
    assert found == []


def test_tables_of_a_later_version_are_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"update {VERSIONS} set version_num = '9999'"))
    with pytest.raises(SpecError, match=r"of version 9999.*install the newer manyshot"):
        opened(address(engine))


def test_the_command_finds_the_first_broken_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db, kept = f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "head.json"
    engine = opened(db)
    filled(engine)
    code, said, _ = ran(["audit", "verify", db, "--head", kept, "--renew"], capsys)
    assert (code, said.split(",")[0]) == (0, "whole: 5 records")
    assert json.loads(kept.read_text()) == head(engine).model_dump()
    code, said, _ = ran(["audit", "show", db, "-n", "2"], capsys)
    assert [line.split()[0] for line in said.splitlines()] == ["4", "5"]
    code, said, _ = ran(["audit", "show", db, "-n", "1", "--json"], capsys)
    assert json.loads(said)["about"] == "c4"
    with engine.begin() as connection:
        connection.execute(text("drop trigger access_audit_removed"))
        connection.execute(text("delete from access_audit where seq = 5"))
    assert ran(["audit", "verify", db], capsys)[0] == 0  # nobody can tell without the head
    code, _, err = ran(["audit", "verify", db, "--head", kept, "--renew"], capsys)
    assert (code, err) == (3, "broken at record 5: record 5 is not there: the end was cut, up to 5 was kept\n")
    assert json.loads(kept.read_text())["seq"] == 5  # a broken log renews no head


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verify", "sqlite:///{}/no.db"], "there is no such file"),
        (["verify", "sqlite:///{}/other.db"], "there is no audit log in it"),
        (["verify", "sqlite:///{}/text.db"], "file is not a database"),
        (["verify", "nonsense"], "wanted sqlite:///FILE or postgresql://USER@HOST/NAME"),
        (["verify", "--access", "{}/no.toml"], "there is no such file; manyshot access init makes one"),
        (["verify", "sqlite:///{}/good.db", "--head", "{}/no.json"], "cannot be read"),
        (["verify", "sqlite:///{}/good.db", "--head", "{}/text.db"], "no head of an audit log"),
        (["verify", "sqlite:///{}/good.db", "--renew"], "wanted --head FILE too"),
        (["show", "sqlite:///{}/good.db", "-n", "0"], "greater than or equal to 1"),
    ],
)
def test_what_is_no_log_is_said_on_one_line(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import sqlite3

    sqlite3.connect(tmp_path / "other.db").execute("create table x (y)")
    (tmp_path / "text.db").write_text("no database at all, " * 100)
    opened(f"sqlite:///{tmp_path / 'good.db'}").dispose()
    code, _, err = ran(["audit", *(word.format(tmp_path) for word in words)], capsys)
    assert (code, "Traceback" in err) == (2, False)
    assert said in err
    assert not (tmp_path / "no.db").exists()
