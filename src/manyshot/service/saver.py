"""Where LangGraph keeps its checkpoints: beside the conversations, in the same SQLite file or PostgreSQL.

The one rule: of a conversation that rests only the last checkpoint is kept. What is written costs a customer time, so
nothing is that a restart would not miss:

- what a step comes to, before the checkpoint after it: LangGraph keeps that for graphs of which several steps run side
  by side and one fails; here there is one at a time,
- in SQLite, the checkpoint of an input that no step has seen: it stands in the inbox until a step has.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, TypeAlias

from langgraph.checkpoint.base import WRITES_IDX_MAP, BaseCheckpointSaver
from sqlalchemy import make_url

#: Seconds to wait for another's change.
WAIT = 10
Saver: TypeAlias = "BaseCheckpointSaver[Any]"
Writes: TypeAlias = "Sequence[tuple[str, Any]]"
#: Deletes what is before a checkpoint in the transaction that writes it. Their ids grow.
_LAST_ALONE = """
    create temp trigger last_alone after insert on main.checkpoints begin
        delete from checkpoints where thread_id = new.thread_id and checkpoint_id < new.checkpoint_id;
        delete from writes where thread_id = new.thread_id and checkpoint_id < new.checkpoint_id;
    end
"""


@contextmanager
def open_saver(address: str) -> Iterator[Saver]:
    """The checkpointer at a database's address, its tables made. The address is one that `open_store` took."""
    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database), check_same_thread=False, timeout=WAIT)) as connection:
            saver = _sqlite(connection)
            saver.setup()
            yield saver
        return
    from psycopg.rows import dict_row
    from psycopg_pool import ConnectionPool

    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    settings = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    with ConnectionPool(plain, min_size=1, max_size=10, kwargs=settings, open=True) as pool:
        saver = _postgres(pool)
        saver.setup()
        yield saver


def forget_the_way(saver: Saver, name: str) -> None:
    """Keep of a conversation that rests the last checkpoint alone."""
    from langgraph.checkpoint.postgres import PostgresSaver

    if isinstance(saver, PostgresSaver):
        saver.prune([name])


def _lasting(writes: Writes) -> Writes:
    """Of a step's writes those that the checkpoint after it does not have: that it waits, and what it was told."""
    return [one for one in writes if one[0] in WRITES_IDX_MAP]


def _sqlite(connection: sqlite3.Connection) -> Any:
    from langgraph.checkpoint.sqlite import SqliteSaver

    class Sqlite(SqliteSaver):  # type: ignore[misc]
        def setup(self) -> None:
            if not self.is_setup:
                super().setup()
                self.conn.execute(_LAST_ALONE)

        @contextmanager
        def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:
            """As the one it replaces, but what could not be committed is gone: a step that went on from what only
            this process sees would make calls that a restart knows nothing of."""
            with self.lock, closing(self.conn.cursor()) as found:
                try:
                    yield found
                    if transaction:
                        self.conn.commit()
                except BaseException:
                    self.conn.rollback()
                    raise

        def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
            if metadata.get("source") != "input":
                return super().put(config, checkpoint, metadata, new_versions)
            return {"configurable": {**config["configurable"], "checkpoint_id": checkpoint["id"]}}

        def put_writes(self, config: Any, writes: Writes, task_id: str, task_path: str = "") -> None:
            if kept := _lasting(writes):
                super().put_writes(config, kept, task_id, task_path)

    return Sqlite(connection)


def _postgres(pool: Any) -> Any:
    from langgraph.checkpoint.postgres import PostgresSaver

    class Postgres(PostgresSaver):  # type: ignore[misc]
        # An input is written: in a checkpoint of this one stands only what is new since the one before.
        def put_writes(self, config: Any, writes: Writes, task_id: str, task_path: str = "") -> None:
            if kept := _lasting(writes):
                super().put_writes(config, kept, task_id, task_path)

    return Postgres(pool)
