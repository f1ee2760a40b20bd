"""Staff, their logins, keys, failures, and the audit log with what keeps it append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: Without the check of inserts, INSERT OR REPLACE would change a row of SQLite without its triggers for deletes.
_SQLITE = (
    "create trigger access_audit_changed before update on access_audit "
    "begin select raise(abort, 'the audit log is append-only'); end",
    "create trigger access_audit_removed before delete on access_audit "
    "begin select raise(abort, 'the audit log is append-only'); end",
    "create trigger access_audit_added before insert on access_audit "
    "when new.seq is not (select coalesce(max(seq), 0) + 1 from access_audit) or new.before is not "
    "coalesce((select hash from access_audit order by seq desc limit 1), '" + "0" * 64 + "') "
    "begin select raise(abort, 'the audit log goes on from its last record'); end",
)
_POSTGRESQL = (
    "create function access_audit_kept() returns trigger language plpgsql as "
    "$$ begin raise exception 'the audit log is append-only'; end $$",
    "create trigger access_audit_changed before update or delete on access_audit "
    "for each row execute function access_audit_kept()",
    "create trigger access_audit_emptied before truncate on access_audit "
    "for each statement execute function access_audit_kept()",
    # The table is named by its schema: another search path finds no other table. A trigger has to know its own.
    "create function access_audit_next() returns trigger language plpgsql as $$ "
    "declare last_seq bigint; last_hash text; begin "
    "execute format('select seq, hash from %I.%I order by seq desc limit 1', TG_TABLE_SCHEMA, TG_TABLE_NAME) "
    "into last_seq, last_hash; "
    "if new.seq is distinct from coalesce(last_seq, 0) + 1 or new.before is distinct from "
    "coalesce(last_hash, '" + "0" * 64 + "') then "
    "raise exception 'the audit log goes on from its last record'; end if; return new; end $$",
    "create trigger access_audit_added before insert on access_audit for each row execute function access_audit_next()",
)


def upgrade() -> None:
    op.create_table(
        "access_staff",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("password", sa.String(300), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("name", name="uq_access_staff_name"),
        sa.CheckConstraint("role in ('viewer', 'agent', 'supervisor')", name="ck_access_staff_role"),
    )
    op.create_table(
        "access_logins",
        sa.Column("cookie", sa.String(64), primary_key=True),
        sa.Column("staff_id", sa.Integer(), sa.ForeignKey("access_staff.id", ondelete="CASCADE"), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_access_logins_staff_id", "access_logins", ["staff_id"])
    op.create_table(
        "access_keys",
        sa.Column("public", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("customer", sa.String(64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("name", name="uq_access_keys_name"),
    )
    op.create_table(
        "access_failures",
        sa.Column("who", sa.String(64), primary_key=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "access_audit",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(30), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("before", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    for table in ("access_audit", "access_failures", "access_keys", "access_logins", "access_staff"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function access_audit_kept(), access_audit_next()")
