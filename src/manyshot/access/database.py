"""Opening the database and bringing the tables of access up to date, beside those of others.

One rule: nothing is let in by tables that this version does not know.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from manyshot.desk.database import open_database, shown
from manyshot.errors import SpecError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

#: Where alembic keeps how far the tables are; the desk's own stands in `alembic_version`.
VERSIONS = "access_version"
_MIGRATIONS = Path(__file__).parent / "migrations"
#: Two processes that start at once bring the tables up to date one after the other.
_LOCK = 0x61636373


def migrations() -> Config:
    """Alembic's settings. It needs no file beside the package."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def opened(address: str) -> Engine:
    """The database at an address, its tables up to date. Raises SpecError: no address, unreachable, later tables."""
    engine = open_database(address)
    if engine.dialect.name == "sqlite":
        _for_nobody_else(Path(engine.url.database or ""))
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("select pg_advisory_xact_lock(:n)"), {"n": _LOCK})
            config = migrations()
            _refuse_later(engine, connection, config)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DatabaseError as error:
        said = " ".join(str(error.orig).split()) or type(error.orig).__name__
        raise SpecError(f"{shown(engine)}: cannot be used: {said[:200]}; start it, or name another database") from None
    return engine


def _for_nobody_else(file: Path) -> None:
    """A new file that others may not read: hashes of passwords stand in it."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise SpecError(f"{file}: cannot be made ({error.strerror}); choose another place") from None


def _refuse_later(engine: Engine, connection: Connection, config: Config) -> None:
    known = ScriptDirectory.from_config(config)
    context = MigrationContext.configure(connection, opts={"version_table": VERSIONS})
    for revision in context.get_current_heads():
        try:
            known.get_revision(revision)
        except CommandError:
            raise SpecError(
                f"{shown(engine)}: its tables are of version {revision}, this manyshot knows them up to "
                f"{known.get_current_head()}; install the newer manyshot"
            ) from None
