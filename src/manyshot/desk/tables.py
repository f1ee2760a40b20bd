"""The tables. One rule: a change here comes with a migration; a test holds the two against each other.

Times are the desk's own local time, without zone.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, MetaData, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from manyshot.desk.states import State

#: Constraints have names, so that a migration can change them on both databases.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)


class Customer(Table):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    vip: Mapped[bool] = mapped_column(default=False)
    car: Mapped[str] = mapped_column(String(200), default="")
    charger: Mapped[str] = mapped_column(String(200), default="")
    warranty: Mapped[date | None]


class Article(Table):
    """What helps against a problem. `size`: how many terms its problem has."""

    __tablename__ = "articles"

    id: Mapped[int] = mapped_column(primary_key=True)
    problem: Mapped[str] = mapped_column(String(500))
    steps: Mapped[str] = mapped_column(String(4000))
    size: Mapped[int]


class ArticleTerm(Table):
    __tablename__ = "article_terms"

    term: Mapped[str] = mapped_column(String(100), primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)


class Technician(Table):
    __tablename__ = "technicians"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    area: Mapped[str] = mapped_column(String(200))


class Shift(Table):
    """An hour ("09:00") at which a technician goes out on a weekday (0 is Monday)."""

    __tablename__ = "shifts"
    __table_args__ = (CheckConstraint("weekday between 0 and 6", "weekday"),)

    technician_id: Mapped[int] = mapped_column(ForeignKey("technicians.id", ondelete="CASCADE"), primary_key=True)
    weekday: Mapped[int] = mapped_column(primary_key=True)
    hour: Mapped[str] = mapped_column(String(5), primary_key=True)


class DayOff(Table):
    __tablename__ = "days_off"

    technician_id: Mapped[int] = mapped_column(ForeignKey("technicians.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)


class Ticket(Table):
    __tablename__ = "tickets"
    __table_args__ = (
        CheckConstraint("state in ({})".format(", ".join(f"'{state}'" for state in State)), "state"),
        CheckConstraint("quantity > 0", "quantity"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    user_name: Mapped[str] = mapped_column(String(200))
    phone: Mapped[str] = mapped_column(String(20))
    vip: Mapped[bool]
    problem: Mapped[str] = mapped_column(String(2000))
    address: Mapped[str] = mapped_column(String(500))
    serve_time: Mapped[datetime]
    quantity: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(20))
    technician_id: Mapped[int | None] = mapped_column(ForeignKey("technicians.id"))
    reason: Mapped[str | None] = mapped_column(String(2000))
    score: Mapped[float | None]
    comment: Mapped[str | None] = mapped_column(String(2000))
    made_at: Mapped[datetime]


class Booking(Table):
    """A slot that is taken. Here double booking ends: a technician has a moment once."""

    __tablename__ = "bookings"
    __table_args__ = (UniqueConstraint("technician_id", "starts"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    technician_id: Mapped[int] = mapped_column(ForeignKey("technicians.id"))
    starts: Mapped[datetime] = mapped_column(index=True)


class Counter(Table):
    """How many tickets a day has had."""

    __tablename__ = "counters"

    day: Mapped[date] = mapped_column(primary_key=True)
    last: Mapped[int]


class Client(Table):
    """Who may call. Of a token only its SHA-256 is kept: it is 256 bits of chance, so nothing slower is needed."""

    __tablename__ = "clients"
    __table_args__ = (CheckConstraint("role in ('assistant', 'staff')", "role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    role: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime]


class Remembered(Table):
    """An idempotency key with what was asked (as a hash) and what was answered."""

    __tablename__ = "remembered"

    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    answer: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_at: Mapped[datetime]
