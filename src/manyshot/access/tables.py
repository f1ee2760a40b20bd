"""The tables. One rule: no secret stands here, only what proves one; a change comes with a migration.

Moments are whole seconds since 1970, UTC, so that both databases compare them alike.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from manyshot.desk.tables import NAMES

#: What a member of staff may do, each more than the one before.
ROLES = ("viewer", "agent", "supervisor")


class Table(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)


class Staff(Table):
    """Who may log in. `password` is an argon2id hash with salt and cost. Who left is kept, for the audit log."""

    __tablename__ = "access_staff"
    __table_args__ = (CheckConstraint("role in ({})".format(", ".join(f"'{role}'" for role in ROLES)), "role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(20))
    password: Mapped[str] = mapped_column(String(300))
    active: Mapped[bool] = mapped_column(default=True)
    made_at: Mapped[int] = mapped_column(BigInteger)


class Login(Table):
    """A session of a member of staff, by the SHA-256 of its cookie."""

    __tablename__ = "access_logins"

    cookie: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("access_staff.id", ondelete="CASCADE"), index=True)
    made_at: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[int] = mapped_column(BigInteger)


class ApiKey(Table):
    """A program that may call. `public` is the part of the key that is shown; of the rest only the SHA-256 is kept.

    customer: whom it speaks for: one customer's id, "*" for any that it names, "" for none.
    """

    __tablename__ = "access_keys"

    public: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    secret: Mapped[str] = mapped_column(String(64))
    customer: Mapped[str] = mapped_column(String(64), default="")
    made_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int | None] = mapped_column(BigInteger)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)


class Failure(Table):
    """Logins that failed lately, of a name, an address or both; `who` is a hash: a password may be typed as a name."""

    __tablename__ = "access_failures"

    who: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    last_at: Mapped[int] = mapped_column(BigInteger)


class Audit(Table):
    """Who saw or did what. Rows are only ever added: triggers of the database see to it."""

    __tablename__ = "access_audit"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(30))
    who: Mapped[str] = mapped_column(Text)
    what: Mapped[str] = mapped_column(Text)
    about: Mapped[str] = mapped_column(Text)
    before: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
