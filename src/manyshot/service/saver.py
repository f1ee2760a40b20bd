"""Where LangGraph keeps its checkpoints: beside the conversations, in the same SQLite file or PostgreSQL.

The one rule: of a conversation that rests only the last checkpoint is kept; the others were for a crash on the way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from langgraph.checkpoint.base import BaseCheckpointSaver
from sqlalchemy import make_url

#: Seconds to wait for another's change.
WAIT = 10
Saver: TypeAlias = "BaseCheckpointSaver[Any]"


@contextmanager
def open_saver(address: str) -> Iterator[Saver]:
    """The checkpointer at a database's address, its tables made. The address is one that `open_store` took."""
    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        from langgraph.checkpoint.sqlite import SqliteSaver

        connection = sqlite3.connect(str(url.database), check_same_thread=False, timeout=WAIT)
        try:
            saver = SqliteSaver(connection)
            saver.setup()
            yield saver
        finally:
            connection.close()
        return
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import ConnectionPool

    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    settings = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    with ConnectionPool(plain, min_size=1, max_size=10, kwargs=settings, open=True) as pool:
        found = PostgresSaver(pool)
        found.setup()
        yield found


def forget_the_way(saver: Saver, name: str) -> None:
    """Keep of a conversation that rests the last checkpoint alone."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    if not isinstance(saver, SqliteSaver):
        saver.prune([name])
        return
    with saver.cursor() as cursor:
        for table in ("writes", "checkpoints"):
            cursor.execute(
                f"delete from {table} where thread_id = ? and checkpoint_id <> "
                "(select max(checkpoint_id) from checkpoints where thread_id = ?)",
                (name, name),
            )
