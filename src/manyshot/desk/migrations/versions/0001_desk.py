"""Customers, knowledge base, technicians' calendars, tickets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("vip", sa.Boolean(), nullable=False),
        sa.Column("car", sa.String(200), nullable=False),
        sa.Column("charger", sa.String(200), nullable=False),
        sa.Column("warranty", sa.Date(), nullable=True),
        sa.UniqueConstraint("phone", name="uq_customers_phone"),
    )
    op.create_table(
        "articles",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("problem", sa.String(500), nullable=False),
        sa.Column("steps", sa.String(4000), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
    )
    op.create_table(
        "article_terms",
        sa.Column("term", sa.String(100), primary_key=True),
        sa.Column("article_id", sa.Integer(), sa.ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_table(
        "technicians",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("area", sa.String(200), nullable=False),
        sa.UniqueConstraint("name", name="uq_technicians_name"),
    )
    technician = sa.ForeignKey("technicians.id", ondelete="CASCADE")
    op.create_table(
        "shifts",
        sa.Column("technician_id", sa.Integer(), technician, primary_key=True),
        sa.Column("weekday", sa.Integer(), primary_key=True),
        sa.Column("hour", sa.String(5), primary_key=True),
        sa.CheckConstraint("weekday between 0 and 6", name="ck_shifts_weekday"),
    )
    op.create_table(
        "days_off",
        sa.Column("technician_id", sa.Integer(), technician.copy(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
    )
    op.create_table(
        "tickets",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("customer_id", sa.Integer(), sa.ForeignKey("customers.id"), nullable=False),
        sa.Column("user_name", sa.String(200), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("vip", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.String(2000), nullable=False),
        sa.Column("address", sa.String(500), nullable=False),
        sa.Column("serve_time", sa.DateTime(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("technician_id", sa.Integer(), sa.ForeignKey("technicians.id"), nullable=True),
        sa.Column("reason", sa.String(2000), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("comment", sa.String(2000), nullable=True),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("number", name="uq_tickets_number"),
        sa.CheckConstraint(
            "state in ('waiting', 'assigned', 'in_progress', 'done', 'cancelled')", name="ck_tickets_state"
        ),
        sa.CheckConstraint("quantity > 0", name="ck_tickets_quantity"),
    )
    op.create_index("ix_tickets_customer_id", "tickets", ["customer_id"])
    op.create_table(
        "bookings",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("ticket_id", sa.Integer(), sa.ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
        sa.Column("technician_id", sa.Integer(), sa.ForeignKey("technicians.id"), nullable=False),
        sa.Column("starts", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("technician_id", "starts", name="uq_bookings_technician_id_starts"),
    )
    op.create_index("ix_bookings_ticket_id", "bookings", ["ticket_id"])
    op.create_index("ix_bookings_starts", "bookings", ["starts"])
    op.create_table(
        "counters",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("last", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    for table in (
        "counters",
        "bookings",
        "tickets",
        "days_off",
        "shifts",
        "technicians",
        "article_terms",
        "articles",
        "customers",
    ):
        op.drop_table(table)
