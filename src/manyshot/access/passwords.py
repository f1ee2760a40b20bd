"""Passwords of staff: argon2id with the parameters that argon2-cffi recommends (RFC 9106, low memory).

One rule: to check a password takes the same time for a name that there is not.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from manyshot.errors import SpecError

#: Characters of a password. NIST SP 800-63B asks for 15 where nothing else is asked for; no rules of composition.
SHORTEST, LONGEST = 12, 200
#: A hash takes 64 MiB while it is computed: so many at once, others wait.
_AT_ONCE = BoundedSemaphore(2)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys() -> str:
    """What is compared with where there is no such name."""
    return _hasher().hash("nobody has this password")


def _normal(password: str) -> bytes:
    """As typed on any keyboard: the same signs are the same password, however they are composed."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def checked(password: str, name: str) -> None:
    """Raises SpecError for a new password that is easily guessed."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise SpecError(f"the password has {len(password)} characters; wanted {SHORTEST} to {LONGEST}")
    plain = unicodedata.normalize("NFKC", password).casefold()
    if len(set(plain)) < 5 or len(plain.replace(name.casefold(), "")) < SHORTEST // 2:
        raise SpecError("the password is hardly more than the name, or a few signs over and over; choose another one")


def hashed(password: str) -> str:
    """What is stored of a password."""
    with _AT_ONCE:
        return _hasher().hash(_normal(password))


def right(password: str, stored: str | None) -> bool:
    """Whether it is the password; `stored` None: there is no such name, which takes as long to say."""
    if len(password) > LONGEST:
        return False  # nobody's is that long, whatever the name
    try:
        with _AT_ONCE:
            _hasher().verify(stored or _nobodys(), _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def outdated(stored: str) -> bool:
    """Whether it was hashed at another cost than is usual now."""
    return _hasher().check_needs_rehash(stored)


def warm() -> None:
    """Compute what the first wrong name would have to wait for."""
    _nobodys()
