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
import inspect
import json
import keyword
import random
import re
import sqlite3
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
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
#: Seeds whose filled database is kept, so that the next episode with it only copies it.
_KEPT = 64
#: What code of a domain may raise that is not the end of this program.
_ERRORS = (Exception, SystemExit)
F = TypeVar("F", bound=Callable[..., Any])


class Refused(Exception):
    """Raised by a function of `world.py`: the API does not carry out the call. `status` as in HTTP, 4xx."""

    def __init__(self, status: int, message: str, field: str = "") -> None:
        if not 400 <= status <= 499:
            raise ValueError(f"Refused wants a status from 400 to 499, got {status}; 5xx are faults, see docs/world.md")
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
    """What a function of `world.py` works with: the database, today, and chance that the setup's seed decides.

    It keeps nothing else: whatever is to last stands in the tables.
    """

    __slots__ = ("database", "random", "today")

    def __init__(self, database: sqlite3.Connection, today: datetime, seed: int) -> None:
        self.database, self.today, self.random = database, today, random.Random(seed)

    def rows(self, sql: str, *values: Any) -> list[Json]:
        """All rows of a query as {column: value}."""
        cursor = self.database.cursor()
        cursor.row_factory = None  # the names are the same in all rows
        found = cursor.execute(sql, values)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found]

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
            self.database.execute(_insertion(table, tuple(row)), tuple(row.values()))


@dataclass(frozen=True, slots=True)
class _Filled:
    """A database as `fill` left it, and the state of chance after that."""

    database: bytes
    chance: tuple[Any, ...]


class FunctionCompany:
    """A loaded `world.py`; `open` gives a fresh world. Raises WorldError for a file that is none."""

    def __init__(self, path: Path, tools: Sequence[Tool], today: datetime) -> None:
        self.path, self.today = path, today
        self.tools = {tool.name: tool for tool in tools}
        self.module = _load(path)
        tables = getattr(self.module, "TABLES", None)
        if not isinstance(tables, str):
            raise WorldError(f'{path}: wanted TABLES, the SQL that makes the tables; add TABLES = "create table ..."')
        self._made = tables
        self.functions = {tool.name: self._function(tool) for tool in tools}
        self.filled = lru_cache(_KEPT)(self._filled)

    def _function(self, tool: Tool) -> Callable[..., Any]:
        name = python_name(tool.name)
        found: Callable[..., Any] | None = getattr(self.module, name, None)
        wanted = ", ".join(["desk", *map(python_name, tool.properties)])
        if not inspect.isfunction(found):
            raise WorldError(f"{self.path}: the tool {tool.name} has no function; write def {name}({wanted})")
        place = at(self.path, found.__code__.co_firstlineno)
        if not hasattr(found, _MARK):
            raise WorldError(f"{place}: put @read or @write before {name}, so that it is known which")
        signature = inspect.signature(found)
        for fields in (tool.required, tuple(tool.properties)):
            try:
                signature.bind(None, **dict.fromkeys(map(python_name, fields)))
            except TypeError as error:
                given = ", ".join(fields) or "no fields"
                raise WorldError(f"{place}: {name} cannot be called with {given}: {error}; wanted ({wanted})") from None
        return found

    def _filled(self, seed: int) -> _Filled:
        database = _connect()
        try:
            database.executescript(self._made)
            desk = Desk(database, self.today, seed)
            if fill := getattr(self.module, "fill", None):
                database.execute("begin")
                fill(desk)
                database.execute("commit")
            return _Filled(database.serialize(), desk.random.getstate())
        except _ERRORS as error:
            raise WorldError(f"{self.where(error)}: the tables cannot be filled: {error}") from error
        finally:
            database.close()

    def open(self, setup: Setup) -> FunctionWorld:
        """A fresh world: tables as `fill` fills them, but those that the setup has rows for."""
        return FunctionWorld(self, setup)

    def where(self, error: BaseException, function: Callable[..., Any] | None = None) -> str:
        """file:line in world.py at which an error came up, or of the function whose answer was none."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(self.path)]
        if frames:
            return at(self.path, frames[-1].lineno)
        return at(self.path, function.__code__.co_firstlineno if function else None)


class FunctionWorld:
    """One episode in the company of a `world.py`."""

    def __init__(self, company: FunctionCompany, setup: Setup) -> None:
        filled = company.filled(setup.seed)
        self._company, self._database = company, _connect()
        self._database.deserialize(filled.database)
        self._desk = Desk(self._database, company.today, setup.seed)
        self._desk.random.setstate(filled.chance)
        self._give(setup)

    def _give(self, setup: Setup) -> None:
        tables = self._tables() if setup.rows else []
        for table, rows in setup.rows.items():
            if table not in tables:
                raise WorldError(f"{self._company.path} has no table {table!r}; it has {', '.join(tables)}")
            self._desk.run(f"delete from {_name(table)}")
            for row in rows:
                try:
                    self._desk.insert(table, row)
                except (sqlite3.Error, OverflowError) as error:
                    raise WorldError(f"{self._company.path}: a row of {table} cannot be added: {error}") from error

    def _tables(self) -> list[str]:
        names = "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'"
        return [row["name"] for row in self._desk.rows(names)]

    def reads(self, name: str) -> bool:
        """Whether a tool changes nothing."""
        return not getattr(self._company.functions.get(name), _MARK, True)

    def call(self, call: Call) -> Observation:
        """Carry out a call. Raises WorldError, with file and line, for an error inside `world.py`."""
        if (answer := wrong(call, self._company.tools.get(call.name))) is not None:
            return answer
        arguments = {python_name(name): value for name, value in call.arguments.items()}
        self._database.execute("begin")
        try:
            body = self._company.functions[call.name](self._desk, **arguments)
            answer = Observation(body=json.loads(json.dumps(body, ensure_ascii=False, allow_nan=False)))
            self._database.execute("commit")
        except Refused as no:
            self._undo()
            return refused(no.status, no.message, no.field)
        except _ERRORS as error:
            self._undo()
            if isinstance(error, OverflowError | UnicodeError) and (field := _too_strange(call.arguments)):
                return refused(422, f"{field} cannot be stored", field)
            where = self._company.where(error, self._company.functions[call.name])
            raise WorldError(f"{where}: {call.name} failed with {type(error).__name__}: {error}") from error
        return answer

    def _undo(self) -> None:
        if self._database.in_transaction:
            self._database.execute("rollback")

    def state(self) -> Mapping[str, Sequence[Json]]:
        return {table: self._rows(table) for table in self._tables()}

    def _rows(self, table: str) -> list[Json]:
        try:
            return self._desk.rows(f"select * from {_name(table)} order by rowid")
        except sqlite3.OperationalError:  # a table without rowid stands in the order of its key
            return self._desk.rows(f"select * from {_name(table)}")

    def digest(self) -> str:
        return digest(self.state())


def python_name(name: str) -> str:
    """A tool's or a field's name as Python can have it: "get-room" -> get_room, "from" -> from_."""
    plain = re.sub(r"\W", "_", name)
    plain = f"_{plain}" if plain[:1].isdigit() else plain
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def _connect() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    database.row_factory = _as_dict
    return database


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Json:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def _too_strange(arguments: Json) -> str:
    """The argument that no database takes: a number of more than 64 bits, or half a character; "" for none."""
    for name, value in arguments.items():
        if isinstance(value, int) and value.bit_length() > 63:
            return name
        if any("\ud800" <= char <= "\udfff" for char in str(value)):
            return name
    return ""


@lru_cache(_KEPT)
def _insertion(table: str, columns: tuple[str, ...]) -> str:
    names, places = ", ".join(map(_name, columns)), ", ".join("?" * len(columns))
    return f"insert into {_name(table)} ({names}) values ({places})"


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
        raise WorldError(f"{at(path, error.lineno)}: {error.msg}") from error
    except _ERRORS as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        where = at(path, frames[-1].lineno if frames else None)
        raise WorldError(f"{where}: {type(error).__name__}: {error}") from error
    return module
