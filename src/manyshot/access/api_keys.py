"""Keys of programs: msk_PUBLIC_SECRET. One rule: the whole key is seen once, when it is made.

It has 256 bits of chance, so that a plain SHA-256 keeps it as well as a slow hash would.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from sqlalchemy import Engine, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker

from manyshot.access.audit import AuditLog
from manyshot.access.tables import ApiKey
from manyshot.access.tokens import CUSTOMER
from manyshot.desk.database import reading
from manyshot.errors import SpecError
from manyshot.oneline import show

ANY = "*"
PREFIX = "msk_"
_FORM = re.compile(r"msk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True, slots=True)
class Program:
    """A program, as known by its key. customer: as in tables.ApiKey."""

    name: str
    customer: str


class ApiKeys:
    """Keys of one database. Safe to use from several threads and processes."""

    def __init__(self, engine: Engine, audit: AuditLog, clock: Callable[[], int]) -> None:
        self._audit, self._clock = audit, clock
        self._begin = sessionmaker(engine).begin
        self._look = sessionmaker(reading(engine)).begin

    def add(self, name: str, customer: str = "", days: int | None = None) -> str:
        """A new key, returned here and never again. Raises SpecError."""
        if not _NAME.fullmatch(name):
            raise SpecError(f"{show(name)} is no name for a key; wanted 1 to 64 letters, digits, or any of _ . @ -")
        if customer not in ("", ANY) and not CUSTOMER.fullmatch(customer):
            raise SpecError(f"--customer {show(customer)}: wanted 1 to 64 letters, digits, or any of _ . @ -; or {ANY}")
        public, secret, now = secrets.token_hex(6), secrets.token_urlsafe(32), self._clock()
        row = ApiKey(
            public=public,
            name=name,
            secret=_hash(secret),
            customer=customer,
            made_at=now,
            expires_at=None if days is None else now + days * 86_400,
        )
        try:
            with self._begin() as session:
                session.add(row)
                session.flush()
                self._audit.add(session, "console", "key.add", f"{public} {name}")
        except IntegrityError:
            raise SpecError(f"a key is named {name} already; choose another name") from None
        return f"{PREFIX}{public}_{secret}"

    def revoke(self, which: str) -> str:
        """End a key, by its name or its public part; its name. Raises SpecError."""
        with self._begin() as session:
            row = session.scalar(select(ApiKey).where(or_(ApiKey.name == which, ApiKey.public == which)))
            if row is None:
                raise SpecError(f"there is no key {show(which)}; see manyshot access key list")
            if row.revoked_at is None:
                session.execute(update(ApiKey).where(ApiKey.public == row.public).values(revoked_at=self._clock()))
                self._audit.add(session, "console", "key.revoke", f"{row.public} {row.name}")
            return row.name

    def every(self) -> list[ApiKey]:
        with self._look() as session:
            found = list(session.scalars(select(ApiKey).order_by(ApiKey.made_at, ApiKey.name)))
            session.expunge_all()
            return found

    def program(self, key: str) -> Program | None:
        """Whose key it is, if it may be used now."""
        form = _FORM.fullmatch(key)
        if form is None:
            return None
        with self._look() as session:
            row = session.get(ApiKey, form[1])
            stored = row.secret if row else _hash("")
            if not compare_digest(_hash(form[2]), stored) or row is None:
                return None
            if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= self._clock()):
                return None
            return Program(row.name, row.customer)


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
