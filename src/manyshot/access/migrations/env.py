"""Alembic's entry: migrations run on the connection that `database.bring_up` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from manyshot.access.database import VERSIONS
from manyshot.access.tables import Table


def _ours(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
    """The tables of the desk or of the service may stand in the same database."""
    return kind != "table" or (name or "").startswith("access_")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    version_table=VERSIONS,
    include_object=_ours,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
