"""Alembic's entry: migrations run on the connection that `database.bring_up` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from manyshot.desk.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
