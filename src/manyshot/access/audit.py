"""The audit log: who saw or did what, each record with the hash of the one before.

One rule: a record is hashed as canonical JSON (keys sorted, no blanks, UTF-8) with SHA-256, so that a change of any
record, or of their order, shows in all hashes behind it. A cut end shows only against a head (number and hash of the
last record) that was kept elsewhere. Who can write the whole table anew and the head too is not found out: keep the
head where the service cannot write.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, ValidationError
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session, sessionmaker

from manyshot.access.tables import Audit
from manyshot.desk.database import reading
from manyshot.errors import DataError
from manyshot.oneline import show, storable
from manyshot.records import write_aside
from manyshot.types import Record

#: What stands before the first record.
START = "0" * 64
#: Characters of a field. Names and ids are short; what is longer was not meant to be one.
LONGEST = 200
#: Writers to one log take turns by this lock of PostgreSQL; SQLite has one writer anyway.
_LOCK = 0x61756474
_FIELDS = ("seq", "at", "who", "what", "about", "before")


class Head(Record):
    """The last record of a log, to be kept elsewhere. seq 0: of an empty log."""

    seq: int = Field(ge=0)
    hash: str = Field(pattern="^[0-9a-f]{64}$")


class Break(NamedTuple):
    """The first record at which a log is not what was written: its number, and what is wrong."""

    seq: int
    why: str


def record_hash(fields: dict[str, Any]) -> str:
    """The hash of a record: seq, at, who, what, about, before."""
    chosen = {name: fields[name] for name in _FIELDS}
    canonical = json.dumps(chosen, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


class AuditLog:
    """Appends to the log of one database. Safe to use from several threads and processes."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine, self._clock = engine, clock
        self._begin = sessionmaker(engine).begin

    def write(self, who: str, what: str, about: str = "") -> int:
        """Append one record; its number. Raises what the database raises: then nothing was written."""
        with self._begin() as session:
            return self.add(session, who, what, about)

    def add(self, session: Session, who: str, what: str, about: str = "") -> int:
        """As `write`, in a transaction of the caller's: what was done and its record stand or fall together."""
        if self._engine.dialect.name == "postgresql":
            session.execute(text("select pg_advisory_xact_lock(:n)"), {"n": _LOCK})
        last = session.execute(select(Audit.seq, Audit.hash).order_by(Audit.seq.desc()).limit(1)).first()
        fields: dict[str, Any] = {
            "seq": last.seq + 1 if last else 1,
            "at": self._clock().astimezone(UTC).isoformat(timespec="milliseconds"),
            "who": _kept(who),
            "what": _kept(what),
            "about": _kept(about),
            "before": last.hash if last else START,
        }
        session.add(Audit(**fields, hash=record_hash(fields)))
        session.flush()
        return int(fields["seq"])


def _kept(said: str) -> str:
    """As it is stored: PostgreSQL takes no NUL, UTF-8 no half of a surrogate pair."""
    clean = storable(said).replace("\0", "?")
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"


def records(engine: Engine, after: int = 0, newest: int | None = None) -> Iterator[dict[str, Any]]:
    """The records behind number `after` in order; only the `newest` ones where that is given."""
    wanted = select(Audit.__table__).where(Audit.seq > after).order_by(Audit.seq)
    if newest is not None:
        last = select(Audit.seq).order_by(Audit.seq.desc()).limit(newest).subquery()
        wanted = wanted.where(Audit.seq.in_(select(last.c.seq)))
    with reading(engine).connect() as connection:
        for row in connection.execution_options(yield_per=1000).execute(wanted):
            yield dict(row._mapping)


def head(engine: Engine) -> Head:
    """The last record as it stands there now."""
    with reading(engine).connect() as connection:
        last = connection.execute(select(Audit.seq, Audit.hash).order_by(Audit.seq.desc()).limit(1)).first()
    return Head.model_construct(seq=last.seq, hash=last.hash) if last else Head(seq=0, hash=START)


def verify(engine: Engine, kept: Head | None = None) -> Break | Head:
    """The head of a whole log, or the first place where it is broken. `kept`: a head of earlier that must be in it."""
    before, number = START, 0
    for row in records(engine, after=-(2**62)):
        number += 1
        if row["seq"] != number:
            return Break(number, f"record {number} is not there; the next one is {row['seq']}")
        if row["before"] != before:
            return Break(number, f"record {number} does not go on from record {number - 1}: one of them was changed")
        if record_hash(row) != row["hash"]:
            return Break(number, f"record {number} was changed: its hash is another")
        if kept and number == kept.seq and row["hash"] != kept.hash:
            return Break(number, f"record {number} is not the one whose hash was kept: the log was written anew")
        before = row["hash"]
    if kept and kept.seq > number:
        return Break(number + 1, f"record {number + 1} is not there: the end was cut, up to {kept.seq} was kept")
    return Head(seq=number, hash=before)


def read_head(path: Path) -> Head:
    """A head that was kept. Raises DataError."""
    try:
        return Head.model_validate_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise DataError(f"{path}: cannot be read ({said}); --renew keeps a first head there") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: no head of an audit log: {first['msg']}; wanted what --renew wrote") from None


def keep_head(path: Path, kept: Head) -> None:
    """Write a head; whole or not at all."""
    with write_aside(path) as stream:
        stream.write(kept.model_dump_json() + "\n")


def line(row: dict[str, Any]) -> str:
    """A record for a terminal: on one line, whatever stands in it."""
    about = f"  {_plain(row['about'])}" if row["about"] else ""
    return f"{row['seq']:>6}  {_plain(row['at'])}  {_plain(row['who'])}  {_plain(row['what'])}{about}"


def _plain(value: str) -> str:
    """Signs that would rule the terminal, or turn the line round, as their numbers."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in show(value))
