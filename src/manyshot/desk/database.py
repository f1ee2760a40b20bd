"""Opening the database and bringing its tables up to date. One rule: a desk never runs on tables it does not know.

SQLite takes one writer at a time and says so at the beginning of a change; PostgreSQL locks rows. Both wait for each
other a few seconds at most.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from manyshot.errors import SpecError

if TYPE_CHECKING:
    from sqlalchemy import URL

#: Seconds to wait for another's change, and for a statement or a free connection.
WAIT, LONGEST = 5, 10
_WANTED = "wanted sqlite:///FILE or postgresql://USER@HOST/NAME"
_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_MIGRATIONS = Path(__file__).parent / "migrations"
#: Two desks that start at once bring the tables up to date one after the other.
_LOCK = 0x6D616E79


def open_database(address: str) -> Engine:
    """An engine whose connections wait no longer than they must. Raises SpecError for an address that is none."""
    url = _url(address)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    limits = f"-c statement_timeout={LONGEST}s -c lock_timeout={WAIT}s -c idle_in_transaction_session_timeout=60s"
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=10,
        pool_timeout=LONGEST,
        connect_args={"connect_timeout": WAIT, "options": limits},
    )


def _url(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise SpecError(f"--db {_masked(address)}: {_WANTED}") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None or not url.database:
        raise SpecError(f"--db {_masked(address)}: {_WANTED}")
    return url.set(drivername=driver)


def shown(engine: Engine) -> str:
    """The address without the password."""
    return engine.url.set(drivername=engine.dialect.name).render_as_string(hide_password=True)


def _masked(address: str) -> str:
    return re.sub(r"(//[^/:@]*:)[^@]*@", r"\1***@", address)


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=10,
        max_overflow=10,
        pool_timeout=LONGEST,
        connect_args={"timeout": WAIT, "isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        for pragma in ("foreign_keys=on", "journal_mode=wal", "synchronous=full"):
            connection.execute(f"pragma {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("reads", False)
        connection.exec_driver_sql("begin" if reads else "begin immediate")

    return engine


def reading(engine: Engine) -> Engine:
    """The same database for transactions that change nothing: in SQLite they wait for nobody."""
    return engine.execution_options(reads=True)


def migrations() -> Config:
    """Alembic's settings. It needs no file beside the package."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def bring_up(engine: Engine, to: str = "head") -> None:
    """Bring the tables up to date in one transaction. Raises SpecError: unreachable, no database, tables from later."""
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("select pg_advisory_xact_lock(:n)"), {"n": _LOCK})
            config = migrations()
            _refuse_later(engine, connection, config)
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    except DatabaseError as error:
        said = " ".join(str(error.orig).split()) or type(error.orig).__name__
        kind = "cannot be reached" if isinstance(error, OperationalError) else "cannot be used"
        raise SpecError(f"--db {shown(engine)}: {kind}: {said[:200]}; start it, or name another database") from None


def _refuse_later(engine: Engine, connection: Connection, config: Config) -> None:
    known = ScriptDirectory.from_config(config)
    for revision in MigrationContext.configure(connection).get_current_heads():
        try:
            known.get_revision(revision)
        except CommandError:
            raise SpecError(
                f"--db {shown(engine)}: its tables are of version {revision}, this manyshot knows them up to "
                f"{known.get_current_head()}; install the newer manyshot"
            ) from None


def up_to_date(engine: Engine) -> bool:
    """Whether the database answers and has the tables of this version. Raises what the database raises."""
    with reading(engine).connect() as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    return set(heads) == set(ScriptDirectory.from_config(migrations()).get_heads())
