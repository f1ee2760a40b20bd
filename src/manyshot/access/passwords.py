"""Passwords of staff: argon2id with the parameters that argon2-cffi recommends (RFC 9106, low memory).

One rule: to check a password takes the same time for a name that there is not.
"""

from __future__ import annotations

import unicodedata
from threading import BoundedSemaphore, Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from manyshot.errors import SpecError

#: Characters of a password. No rules of composition, as NIST SP 800-63B advises.
SHORTEST, LONGEST = 12, 200
#: A hash takes 64 MiB while it is computed: so many at once, others wait.
_AT_ONCE = BoundedSemaphore(2)


def checked(password: str, name: str) -> None:
    """Raises SpecError for a new password that is easily guessed."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise SpecError(f"the password has {len(password)} characters; wanted {SHORTEST} to {LONGEST}")
    plain = unicodedata.normalize("NFKC", password).casefold()
    if len(set(plain)) < 5 or len(plain.replace(name.casefold(), "")) < SHORTEST // 2:
        raise SpecError("the password is hardly more than the name, or a few signs over and over; choose another one")


class Passwords:
    """Hashes and checks. Safe to use from several threads."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """hasher: at another cost than the recommended one."""
        self._hasher = hasher or PasswordHasher()
        self._lock = Lock()
        self._nobodys = ""

    def hashed(self, password: str) -> str:
        """What is stored of a password."""
        with _AT_ONCE:
            return self._hasher.hash(_normal(password))

    def right(self, password: str, stored: str | None) -> bool:
        """Whether it is the password; `stored` None: there is no such name, which takes as long to say."""
        against = stored or self._nobody()
        if len(password) > LONGEST:
            return False  # nobody's is that long, whatever the name
        try:
            with _AT_ONCE:
                self._hasher.verify(against, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether it was hashed at another cost than is usual now."""
        return self._hasher.check_needs_rehash(stored)

    def warm(self) -> None:
        """Compute before anybody asks what the first wrong name would have to wait for."""
        self._nobody()

    def _nobody(self) -> str:
        """What is compared with where there is no such name."""
        with self._lock:
            self._nobodys = self._nobodys or self.hashed("nobody has this password")
            return self._nobodys


def _normal(password: str) -> bytes:
    """As typed on any keyboard: the same signs are the same password, however they are composed."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
