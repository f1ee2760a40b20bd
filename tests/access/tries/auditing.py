# ruff: noqa: E501 - a row of a table stays on one line
"""The audit log: changed, removed, reordered, cut, written anew, by somebody who may do anything with the database."""

from __future__ import annotations

import itertools
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from manyshot.access.audit import START, AuditLog, Break, Head, head, line, record_hash, records, verify
from manyshot.access.database import opened
from manyshot.desk.database import open_database
from tests.access.tries import Grounds, Mechanism, each

RECORDS = 10
_COUNT = itertools.count()
_TRIGGERS = ("changed", "removed", "added")


def log(g: Grounds, *, guarded: bool = False) -> tuple[Engine, Head]:
    """A log of ten records, a copy of its own, and the head that was kept elsewhere. Without its triggers: the attacker
    has dropped them."""
    first = g.folder / "audit-first.db"
    if not first.exists():
        engine = opened(f"sqlite:///{first}")
        for n in range(1, RECORDS + 1):
            AuditLog(engine).write(f"ada{n}", "conversation.read", f"c{n}")
        with engine.connect() as connection:
            connection.connection.cursor().execute("pragma wal_checkpoint(truncate)")
        engine.dispose()
    copy = first.with_name(f"audit-{next(_COUNT)}.db")
    shutil.copy(first, copy)
    engine = open_database(f"sqlite:///{copy}")
    kept = head(engine)
    if not guarded:
        do(engine, *(f"drop trigger access_audit_{name}" for name in _TRIGGERS))
    return engine, kept


def do(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def found(engine: Engine, kept: Head | None = None) -> bool:
    try:
        return isinstance(verify(engine, kept), Break)
    finally:
        engine.dispose()


def whole(g: Grounds) -> bool:
    """An untouched log is whole, and goes on."""
    engine, kept = log(g)
    AuditLog(engine).write("sue", "conversation.read", "c11")
    return not found(engine, kept)


def _altered(g: Grounds, statement: str) -> bool:
    """Found without any head."""
    engine, _ = log(g)
    do(engine, *statement.split("; "))
    return not found(engine)


_CHANGED = {
    "who": "update access_audit set who = 'eve' where seq = 4", "what": "update access_audit set what = 'x' where seq = 1",
    "about": "update access_audit set about = '' where seq = 10", "when": "update access_audit set at = '2020' where seq = 5",
    "the hash": f"update access_audit set hash = '{START}' where seq = 10",
    "what stands before": f"update access_audit set before = '{START}' where seq = 7",
    "a blank": "update access_audit set who = who || ' ' where seq = 3", "case": "update access_audit set what = upper(what)",
    "two fields swapped": "update access_audit set who = about, about = who where seq = 6",
    "a NUL": "update access_audit set about = about || char(0) where seq = 9",
}  # fmt: skip
_REMOVED = {
    "the first": "delete from access_audit where seq = 1", "one": "delete from access_audit where seq = 5",
    "several": "delete from access_audit where seq in (3, 4, 8)", "all but the last": "delete from access_audit where seq < 10",
    "one, the others moved up": "delete from access_audit where seq = 5; update access_audit set seq = seq - 1 where seq > 5",
    "the first, the others moved up": "delete from access_audit where seq = 1; update access_audit set seq = seq - 1",
}  # fmt: skip
_MOVED = {
    "two neighbours": "update access_audit set seq = -1 where seq = 4; update access_audit set seq = 4 where seq = 5; "
                      "update access_audit set seq = 5 where seq = -1",
    "two far apart": "update access_audit set seq = -1 where seq = 2; update access_audit set seq = 2 where seq = 9; "
                     "update access_audit set seq = 9 where seq = -1",
    "all turned round": "update access_audit set seq = 1000 - seq; update access_audit set seq = seq - 989",
    "the last one first": "update access_audit set seq = 0 where seq = 10",
    "numbers with a gap": "update access_audit set seq = seq + 1 where seq > 9; update access_audit set seq = seq + 1 where seq = 10",
    "numbers moved": "update access_audit set seq = -seq; update access_audit set seq = 1 - seq",
}  # fmt: skip


def _added(g: Grounds, at: int) -> bool:
    """A record that never was, with a hash of its own, in the middle or in front."""
    engine, _ = log(g)
    rows = list(records(engine))
    before = rows[at - 2]["hash"] if at > 1 else START
    row: dict[str, Any] = {"seq": at, "at": rows[0]["at"], "who": "eve", "what": "x", "about": "", "before": before}
    do(engine, "update access_audit set seq = -seq", f"update access_audit set seq = -seq where seq > -{at}",
       "update access_audit set seq = 1 - seq where seq < 0")  # fmt: skip
    with engine.begin() as connection:
        statement = "insert into access_audit values (:seq, :at, :who, :what, :about, :before, :hash)"
        connection.execute(text(statement), row | {"hash": record_hash(row)})
    return not found(engine)


def _cut(g: Grounds, left: int) -> bool:
    """Only the kept head tells."""
    engine, kept = log(g)
    do(engine, f"delete from access_audit where seq > {left}")
    return not found(engine, kept)


def _cut_and_gone_on(g: Grounds, left: int) -> bool:
    """Cut, and other records written in their place, as many as before or more."""
    engine, kept = log(g)
    do(engine, f"delete from access_audit where seq > {left}")
    for n in range(RECORDS - left + left % 2):
        AuditLog(engine).write("eve", "nothing", str(n))
    return not found(engine, kept)


def _anew(g: Grounds, change: dict[str, Any]) -> bool:
    """The whole chain computed anew behind a change: every hash fits, but not the kept one."""
    engine, kept = log(g)
    before, rows = START, list(records(engine))
    for row in rows:
        if row["seq"] == change["seq"]:
            row.update(change)
        row["before"], row["hash"] = before, record_hash(row | {"before": before})
        before = row["hash"]
    do(engine, "delete from access_audit")
    with engine.begin() as connection:
        statement = "insert into access_audit values (:seq, :at, :who, :what, :about, :before, :hash)"
        connection.execute(text(statement), rows)
    assert not isinstance(verify(engine), Break)  # without the head nobody could tell
    return not found(engine, kept)


_STATEMENTS = [
    "update access_audit set who = 'eve'", "update access_audit set who = who where seq = 1", "delete from access_audit",
    "delete from access_audit where seq = 10", "update or replace access_audit set seq = 1 where seq = 2",
    "insert or replace into access_audit select seq, at, 'eve', what, about, before, hash from access_audit where seq = 10",
    "replace into access_audit select seq, at, 'eve', what, about, before, hash from access_audit where seq = 1",
    "insert into access_audit select 12, at, who, what, about, hash, hash from access_audit where seq = 10",
    "insert into access_audit select 11, at, who, what, about, before, hash from access_audit where seq = 10",
    "insert into access_audit select 0, at, who, what, about, hash, hash from access_audit where seq = 10",
    "insert or ignore into access_audit select 11, at, who, what, about, before, hash from access_audit where seq = 3",
    "update or ignore access_audit set about = 'x'",
]  # fmt: skip


def _by_statement(g: Grounds, statement: str) -> bool:
    """By the service's own connection, with its triggers: nothing changes."""
    engine, _ = log(g, guarded=True)
    before = list(records(engine))
    with suppress(SQLAlchemyError):
        do(engine, statement)
    after = list(records(engine))
    engine.dispose()
    return before != after


_WORDS = ["a\nb", "a\r\n     7  2026  eve  did it", "a\x1b[2Jb", "a\0b", "a\u2028b", "a\u202eb", "\ud800", "x" * 100_000, "'; drop table access_audit; --",
          "a\tb", "{\"seq\": 1}", "\x7f\x9b31m"]  # fmt: skip


def _injected(g: Grounds, words: str) -> bool:
    """A record that would look like two, rule the terminal, or break the chain."""
    engine, kept = log(g)
    audit = AuditLog(engine)
    for fields in ((words, "x", "y"), ("x", words, "y"), ("x", "y", words)):
        audit.write(*fields)
    shown = [line(row) for row in records(engine)]
    broken = found(engine, kept)
    return broken or len(shown) != RECORDS + 3 or not all(one.isprintable() and len(one) < 700 for one in shown)


def _ambiguous(g: Grounds, pair: tuple[dict[str, Any], dict[str, Any]]) -> bool:
    """Two records with one hash, because one cannot tell where a field ends."""
    _ = g
    base = {"seq": 1, "at": "2026", "who": "a", "what": "b", "about": "c", "before": START}
    return record_hash(base | pair[0]) == record_hash(base | pair[1])


_PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "moved border": ({"who": "ab", "what": "c"}, {"who": "a", "what": "bc"}),
    "quotes": ({"who": 'a","what":"b'}, {"who": "a", "what": 'b","what":"b'}),
    "empty and none": ({"about": ""}, {"about": "null"}), "number and text": ({"seq": 1}, {"seq": "1"}),
    "composed signs": ({"who": "\u00e9"}, {"who": "e\u0301"}), "case": ({"who": "A"}, {"who": "a"}),
    "blank": ({"who": "a "}, {"who": "a"}),
}  # fmt: skip


def _by_file(g: Grounds, tool: str) -> bool:
    """The file of the log itself, on disk."""
    engine, kept = log(g)
    file = Path(engine.url.database or "")
    do(engine, "delete from access_audit where seq > 9")
    with engine.connect() as connection:
        connection.connection.cursor().execute("pragma wal_checkpoint(truncate)")
    engine.dispose()
    if tool == "an older copy":
        shutil.copy(g.folder / "audit-first.db", file)
        older, _ = log(g)
        do(older, "delete from access_audit where seq > 3")
        return not found(older, kept)
    if tool == "an empty log":
        fresh = opened(f"sqlite:///{file.with_name(f'{file.stem}-fresh.db')}")
        return not found(fresh, kept)
    raw = file.read_bytes()
    at = raw.find(b"ada3") if tool == "bytes" else raw.find(b"conversation.read")
    file.write_bytes(raw[:at] + b"eve" + raw[at + 3 :])
    return not found(open_database(f"sqlite:///{file}"), None if tool != "the end" else kept)


MECHANISMS = (
    Mechanism("audit record changed", each(_CHANGED, _altered), whole),
    Mechanism("audit record removed", each(_REMOVED, _altered), whole),
    Mechanism("audit records reordered", each(_MOVED, _altered), whole),
    Mechanism("audit record put in", each([1, 2, 5, 9, 10], _added), whole),
    Mechanism("end of the audit log cut (head kept)", each([0, 1, 5, 8, 9], _cut), whole),
    Mechanism("end cut, and gone on (head kept)", each([0, 1, 4, 7, 9], _cut_and_gone_on), whole),
    Mechanism("audit log computed anew (head kept)", each(
        {f"record {n}": {"seq": n, "who": "eve"} for n in (1, 2, 5, 9, 10)}, _anew), whole),
    Mechanism("audit log changed by a statement", each(_STATEMENTS, _by_statement), whole),
    Mechanism("audit log changed in its file", each(["bytes", "other bytes", "the end", "an older copy", "an empty log"], _by_file), whole),
    Mechanism("log injection", each(_WORDS, _injected), whole),
    Mechanism("two audit records with one hash", each(_PAIRS, _ambiguous),
              lambda g: _ambiguous(g, ({"who": "a"}, {"who": "a"}))),
)  # fmt: skip
