"""Customers' tokens: JWT (RFC 7519), verified as RFC 8725 advises.

One rule: the key that a token names decides by which algorithm it is verified; what the token says of itself decides
nothing. Refused are tokens without an end, for another audience, of another issuer, and those valid for too long.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

import jwt

from manyshot.access.signing import KeyRing, read_keys, sign
from manyshot.errors import SpecError
from manyshot.oneline import show

#: A customer's id, as the tools know it.
CUSTOMER = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
#: Characters of a token. One of ours has some 300.
LARGEST = 4096
#: Seconds by which clocks may differ.
LEEWAY = 30
#: Headers that would have a verifier look elsewhere for keys, or understand more than this one does (RFC 8725, 3.10).
_REFUSED = ("crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "cty", "enc")
_TYPES = ("JWT", "AT+JWT")
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class NotValid(Exception):
    """A token that opens nothing. The reason is for tests and operators; whoever sent it learns none."""


class Tokens:
    """Verifies, and signs. The file is read again when it changes, so that rotation needs no restart.

    Safe to use from several threads.
    """

    def __init__(
        self, path: Path, audience: str, issuer: str, clock: Callable[[], int], longest: int = 24 * 3600
    ) -> None:
        """longest: seconds that a token may be valid for from now on. Raises SpecError for keys that are none."""
        self.path, self._audience, self._issuer = path, audience, issuer
        self._clock, self._longest = clock, longest
        self._lock = Lock()
        self._seen = self._stamp()
        self._ring = read_keys(path)

    def customer(self, token: str) -> str:
        """The id of the customer whose token it is. Raises NotValid."""
        if len(token) > LARGEST:
            raise NotValid("it is too long")
        if not _FORM.fullmatch(token):
            raise NotValid("it is no signed token")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise NotValid("its header cannot be read") from None
        if any(name in header for name in _REFUSED) or str(header.get("typ", "JWT")).upper() not in _TYPES:
            raise NotValid("its header asks for what is not done here")
        key = self.keys().find(header.get("kid"))
        if key is None or header.get("alg") != key.algorithm:
            raise NotValid("no key of that name and algorithm")
        try:
            claims = jwt.decode(
                token,
                key.verifier,
                algorithms=[key.algorithm],
                options={
                    "require": ["exp", "sub", "aud", *(["iss"] if self._issuer else [])],
                    # Moments are checked below, by the clock that everything else goes by.
                    "verify_exp": False, "verify_nbf": False, "verify_iat": False, "strict_aud": True,
                },
                audience=self._audience,
                issuer=self._issuer or None,
            )  # fmt: skip
        except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError, OverflowError) as error:
            raise NotValid(type(error).__name__) from None
        self._in_time(claims)
        who = claims["sub"]
        if not isinstance(who, str) or not CUSTOMER.fullmatch(who):
            raise NotValid("its sub is no customer's id")
        return who

    def _in_time(self, claims: dict[str, object]) -> None:
        now = self._clock()
        moments = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
        for name, moment in moments.items():
            if isinstance(moment, bool) or not isinstance(moment, int | float) or not abs(moment) < 2**53:
                raise NotValid(f"{name} is no moment")
        end = float(str(moments["exp"]))
        if end <= now - LEEWAY:
            raise NotValid("it is over")
        if end > now + self._longest + LEEWAY:
            raise NotValid("it is valid for too long")
        if any(float(str(moments[name])) > now + LEEWAY for name in ("nbf", "iat") if name in moments):
            raise NotValid("it is not valid yet")

    def issue(self, customer: str, seconds: int) -> str:
        """A token for a customer. Raises SpecError: no id, too long, no key that signs."""
        if not CUSTOMER.fullmatch(customer):
            raise SpecError(f"{show(customer)} is no customer's id; wanted 1 to 64 letters, digits, or any of _ . @ -")
        if not 0 < seconds <= self._longest:
            raise SpecError(f"a token for {seconds} s: wanted 1 s to {self._longest} s (longest_token)")
        signer = self.keys().signer
        if signer is None:
            raise SpecError(f"{self.path}: no key with a private part, so nothing can be signed here; rotate adds one")
        now = self._clock()
        claims: dict[str, object] = {
            "sub": customer,
            "aud": self._audience,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
        }
        if self._issuer:
            claims["iss"] = self._issuer
        return sign(signer, claims)

    def keys(self) -> KeyRing:
        """As the file has them now; as they were, where it cannot be read just now."""
        with self._lock:
            stamp = self._stamp()
            if stamp != self._seen:
                with suppress(SpecError):  # half of a change by hand; what is dropped there ends with the next read
                    self._ring, self._seen = read_keys(self.path), stamp
            return self._ring

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
