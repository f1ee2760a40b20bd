"""A domain's own world: `world.py`, Python functions over a small SQLite database in memory.

    from manyshot.world import Desk, Refused, read, write

    TABLES = "create table tickets (id text primary key, state text)"

    def fill(desk: Desk) -> None:
        desk.insert("tickets", {"id": "T1", "state": "open"})

    @read
    def TicketQuery(desk: Desk, id: str) -> dict:
        row = desk.row("select * from tickets where id = ?", id)
        if row is None:
            raise Refused(404, "no such ticket", "id")
        return row

One rule: a call is one transaction; one that is refused, or that fails, leaves nothing behind.
"""

from __future__ import annotations

import importlib.util
import random
import sqlite3
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from manyshot.errors import WorldError, at
from manyshot.records import digest
from manyshot.types import Call, Json, Observation, Setup, Tool
from manyshot.world.answers import refused, wrong

FILE = "world.py"
_MARK = "_manyshot_writes"
F = TypeVar("F", bound=Callable[..., Any])


class Refused(Exception):
    """Raised by a function of `world.py`: the API does not carry out the call. `status` as in HTTP, 4xx."""

    def __init__(self, status: int, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field


def read(function: F) -> F:
    """Marks a tool that changes nothing; its answer may come out empty when a fault is injected."""
    setattr(function, _MARK, False)
    return function


def write(function: F) -> F:
    """Marks a tool that changes something."""
    setattr(function, _MARK, True)
    return function


class Desk:
    """What a function of `world.py` works with: the database, today, and chance that the setup's seed decides."""

    def __init__(self, database: sqlite3.Connection, today: datetime, seed: int) -> None:
        self.database, self.today, self.random = database, today, random.Random(seed)

    def rows(self, sql: str, *values: Any) -> list[Json]:
        """All rows of a query as {column: value}."""
        return list(self.database.execute(sql, values))

    def row(self, sql: str, *values: Any) -> Json | None:
        """The first row of a query, None when there is none."""
        found: Json | None = self.database.execute(sql, values).fetchone()
        return found

    def run(self, sql: str, *values: Any) -> int:
        """Carry out a change; the number of rows it changed."""
        return self.database.execute(sql, values).rowcount

    def insert(self, table: str, *rows: Json) -> None:
        """Add rows given as {column: value}."""
        for row in rows:
            columns, places = ", ".join(map(_name, row)), ", ".join("?" * len(row))
            self.database.execute(f"insert into {_name(table)} ({columns}) values ({places})", tuple(row.values()))


class FunctionCompany:
    """A loaded `world.py`; `open` gives a fresh world. Raises WorldError for a file that is none."""

    def __init__(self, path: Path, tools: Sequence[Tool], today: datetime) -> None:
        self.path, self.today = path, today
        self.tools = {tool.name: tool for tool in tools}
        self.module = _load(path)
        tables = getattr(self.module, "TABLES", None)
        if not isinstance(tables, str):
            raise WorldError(f'{path}: wanted TABLES, the SQL that makes the tables; add TABLES = "create table ..."')
        self.tables = tables
        self.functions = {name: self._function(name) for name in self.tools}

    def _function(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] | None = getattr(self.module, name, None)
        if found is None:
            raise WorldError(f"{self.path}: the tool {name} has no function; write def {name}(desk, ...)")
        if not hasattr(found, _MARK):
            line = found.__code__.co_firstlineno
            raise WorldError(f"{at(self.path, line)}: put @read or @write before {name}, so that it is known which")
        return found

    def open(self, setup: Setup) -> FunctionWorld:
        """A fresh world with the rows of the setup; tables that it does not name are filled by `fill`."""
        return FunctionWorld(self, setup)

    def where(self, error: BaseException) -> str:
        """file:line in world.py at which an error came up."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(self.path)]
        return at(self.path, frames[-1].lineno or 0) if frames else str(self.path)


class FunctionWorld:
    """One episode in the company of a `world.py`."""

    def __init__(self, company: FunctionCompany, setup: Setup) -> None:
        self._company = company
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._database.row_factory = _as_dict
        try:
            self._database.executescript(company.tables)
            desk = Desk(self._database, company.today, setup.seed)
            if fill := getattr(company.module, "fill", None):
                self._database.execute("begin")
                fill(desk)
                self._database.execute("commit")
        except Exception as error:
            raise WorldError(f"{company.where(error)}: the tables cannot be filled: {error}") from error
        self._desk = desk
        self._given(setup)

    def _given(self, setup: Setup) -> None:
        tables = self._tables()
        for table, rows in setup.rows.items():
            if table not in tables:
                raise WorldError(f"{self._company.path} has no table {table!r}; it has {', '.join(tables)}")
            self._desk.run(f"delete from {_name(table)}")
            for row in rows:
                try:
                    self._desk.insert(table, row)
                except sqlite3.Error as error:
                    raise WorldError(f"{self._company.path}: a row of {table} cannot be added: {error}") from error

    def _tables(self) -> list[str]:
        return [row["name"] for row in self._desk.rows("select name from sqlite_master where type = 'table'")]

    def reads(self, name: str) -> bool:
        """Whether a tool changes nothing."""
        return not getattr(self._company.functions.get(name), _MARK, True)

    def call(self, call: Call) -> Observation:
        """Carry out a call. Raises WorldError, with file and line, for an error inside `world.py`."""
        if (answer := wrong(call, self._company.tools.get(call.name))) is not None:
            return answer
        self._database.execute("begin")
        try:
            body = self._company.functions[call.name](self._desk, **call.arguments)
        except Refused as no:
            self._database.execute("rollback")
            return refused(no.status, no.message, no.field)
        except Exception as error:
            self._database.execute("rollback")
            raise WorldError(
                f"{self._company.where(error)}: {call.name} failed with {type(error).__name__}: {error}"
            ) from error
        self._database.execute("commit")
        return Observation(body=body)

    def state(self) -> Mapping[str, Sequence[Json]]:
        return {table: self._desk.rows(f"select * from {_name(table)} order by rowid") for table in self._tables()}

    def digest(self) -> str:
        return digest(self.state())


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Json:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def _name(text: str) -> str:
    """A table's or a column's name in SQL."""
    return '"' + text.replace('"', '""') + '"'


def _load(path: Path) -> ModuleType:
    """The module in a file, under a name of its own, so that two domains may both have one."""
    name = f"manyshot_world_{sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise WorldError(f"{at(path, error.lineno or 0)}: {error.msg}") from error
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        raise WorldError(f"{at(path, (frames[-1].lineno or 0) if frames else 0)}: {error}") from error
    return module
