"""Staff: accounts, logins, sessions.

One rule: a session is known by a secret that is made when somebody logs in, and of which the database has only a hash.
It ends by logging out, after IDLE without a request, after LONGEST in any case, and when the account changes.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker

from manyshot.access.audit import AuditLog
from manyshot.access.passwords import Passwords, checked
from manyshot.access.tables import ROLES, Login, Staff
from manyshot.access.throttle import Throttle
from manyshot.desk.database import reading
from manyshot.errors import SpecError
from manyshot.oneline import show

#: Seconds of a session: without a request, and in all.
IDLE, LONGEST = 30 * 60, 12 * 3600
#: Seconds after which a request is noted: not each one has to write.
_NOTED = 60
_NAME = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of staff, as known by a session."""

    name: str
    role: str


class Accounts:
    """Accounts and sessions of one database. Safe to use from several threads and processes."""

    def __init__(
        self, engine: Engine, audit: AuditLog, clock: Callable[[], int], passwords: Passwords | None = None
    ) -> None:
        self.passwords = passwords or Passwords()
        self._audit, self._clock = audit, clock
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._look = sessionmaker(reading(engine)).begin
        self.throttle = Throttle(engine, clock)

    # -- accounts ------------------------------------------------------------------------------------------------------

    def add(self, name: str, role: str, password: str) -> str:
        """A new account; its name as it is stored. Raises SpecError."""
        wanted = _named(name)
        if role not in ROLES:
            raise SpecError(f"--role {show(role)}: wanted one of {', '.join(ROLES)}")
        checked(password, wanted)
        stored = self.passwords.hashed(password)
        try:
            with self._begin() as session:
                session.add(Staff(name=wanted, role=role, password=stored, active=True, made_at=self._clock()))
                session.flush()
                self._audit.add(session, "console", "staff.add", f"{wanted} {role}")
        except IntegrityError:
            raise SpecError(f"{wanted} is there already; manyshot access staff password changes the password") from None
        return wanted

    def change_password(self, name: str, password: str) -> None:
        """A new password; all sessions end. Raises SpecError."""
        checked(password, _named(name))
        self._change(name, "staff.password", password=self.passwords.hashed(password))

    def change_role(self, name: str, role: str) -> None:
        """Another role; all sessions end. Raises SpecError."""
        if role not in ROLES:
            raise SpecError(f"--role {show(role)}: wanted one of {', '.join(ROLES)}")
        self._change(name, f"staff.role.{role}", role=role)

    def remove(self, name: str) -> None:
        """End an account and its sessions; its name stays taken, so that the audit log means one person. SpecError."""
        self._change(name, "staff.remove", active=False)

    def _change(self, name: str, what: str, **values: object) -> None:
        with self._begin() as session:
            member = session.scalar(select(Staff).where(Staff.name == _named(name)).with_for_update())
            if member is None:
                raise SpecError(f"there is no {show(name)} among the staff; see manyshot access staff list")
            session.execute(update(Staff).where(Staff.id == member.id).values(**values))
            session.execute(delete(Login).where(Login.staff_id == member.id))
            self._audit.add(session, "console", what, member.name)

    def everybody(self) -> list[Staff]:
        with self._look() as session:
            found = list(session.scalars(select(Staff).order_by(Staff.name)))
            session.expunge_all()
            return found

    # -- sessions ------------------------------------------------------------------------------------------------------

    def log_in(self, name: str, password: str, address: str, old: str = "") -> str | None:
        """A new session's secret, or None where name and password are not right; `old`: a session that it replaces.

        Raises Blocked when this name, or this address, failed too often lately. Takes as long for an unknown name.
        """
        wanted = _folded(name)
        # Counted before it is tried, and forgotten when it was right: hundred tries at once are hundred tries.
        self.throttle.count(wanted, address)
        with self._look() as session:
            member = session.scalar(select(Staff).where(Staff.name == wanted))
            if member is not None:
                session.expunge(member)
        good = self.passwords.right(password, member.password if member and member.active else None)
        if member is None or not good:
            # What was typed as a name may be a password: it is written down only when there is such a name.
            self._audit.write("nobody", "staff.login.failed", member.name if member else "")
            return None
        again = self.passwords.hashed(password) if self.passwords.outdated(member.password) else member.password
        secret, now = secrets.token_urlsafe(32), self._clock()
        with self._begin() as session:
            # It was checked before: meanwhile the account may have changed.
            same = select(Staff.id).where(Staff.id == member.id, Staff.active, Staff.password == member.password)
            if session.scalar(same.with_for_update()) is None:
                return None
            session.execute(delete(Login).where(Login.cookie.in_([_hash(old)]) | (Login.made_at <= now - LONGEST)))
            session.add(Login(cookie=_hash(secret), staff_id=member.id, made_at=now, seen_at=now))
            if again != member.password:
                session.execute(update(Staff).where(Staff.id == member.id).values(password=again))
            session.flush()
            self._audit.add(session, member.name, "staff.login", "")
        self.throttle.forget(wanted, address)
        return secret

    def who(self, secret: str) -> Member | None:
        """Whose session it is, if it is one now."""
        if not 20 <= len(secret) <= 100:
            return None
        now = self._clock()
        with self._look() as session:
            found = session.execute(
                select(Staff.name, Staff.role, Login.seen_at)
                .join(Login, Login.staff_id == Staff.id)
                .where(Login.cookie == _hash(secret), Staff.active)
                .where(Login.seen_at > now - IDLE, Login.made_at > now - LONGEST)
            ).first()
        if found is None:
            return None
        if now - found.seen_at >= _NOTED:
            with self._begin() as session:
                session.execute(update(Login).where(Login.cookie == _hash(secret)).values(seen_at=now))
        return Member(found.name, found.role)

    def log_out(self, secret: str) -> None:
        """End a session, if it is one."""
        with self._begin() as session:
            name = session.scalar(select(Staff.name).join(Login).where(Login.cookie == _hash(secret)))
            session.execute(delete(Login).where(Login.cookie == _hash(secret)))
            if name is not None:
                self._audit.add(session, name, "staff.logout", "")


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _named(name: str) -> str:
    folded = _folded(name)
    if not _NAME.fullmatch(folded):
        raise SpecError(f"{show(name)} is no name for an account; wanted 1 to 64 letters, digits, or any of _ . @ -")
    return folded
