"""The keys that sign customers' tokens: a file in the form of a JSON Web Key Set (RFC 7517).

One rule: each key has its own id and its one algorithm, and is used for nothing else. The first key with a private
part signs; all of them verify. To rotate, a new key is put first; the old one still verifies until it is dropped. A key
with a public part alone is somebody else's who signs.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import jwt
from jwt.algorithms import HMACAlgorithm, OKPAlgorithm, RSAAlgorithm

from manyshot.errors import SpecError
from manyshot.oneline import show
from manyshot.records import write_aside

Algorithm = Literal["HS256", "RS256", "EdDSA"]
#: Type of key that an algorithm takes; of EdDSA only Ed25519.
_KINDS: Mapping[str, str] = {"HS256": "oct", "RS256": "RSA", "EdDSA": "OKP"}
_KID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
#: Bits of an RSA key, bytes of a shared secret, at least (RFC 7518, 3.2 and 3.3).
_RSA, _SECRET = 2048, 32
_RSA_MADE = 3072


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A key as it stands in the file, and ready to use."""

    kid: str
    algorithm: Algorithm
    signs: bool
    #: What verifies: a public key, or the shared secret.
    verifier: Any
    jwk: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Key({self.kid}, {self.algorithm})"


class KeyRing(tuple[Key, ...]):
    """The keys of a file, in its order."""

    __slots__ = ()

    def find(self, kid: object) -> Key | None:
        return next((key for key in self if key.kid == kid), None)

    @property
    def signer(self) -> Key | None:
        return next((key for key in self if key.signs), None)


def read_keys(path: Path) -> KeyRing:
    """The keys of a file. Raises SpecError: not there, readable by others, no keys; never with a part of a key."""
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SpecError(
            f"{path}: cannot be read ({said}); wanted signing keys; manyshot access init makes them"
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise SpecError(f"{path}: others may read these keys (mode {stat.S_IMODE(mode):03o}); chmod 600 {path}")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("keys"), list) or not found["keys"]:
        raise SpecError(f'{path}: wanted {{"keys": [...]}} with at least one JSON Web Key in it')
    keys = [_key(one, f"{path}: key {number}") for number, one in enumerate(found["keys"], 1)]
    for number, key in enumerate(keys, 1):
        if any(key.kid == other.kid for other in keys[: number - 1]):
            raise SpecError(f"{path}: key {number}: the kid {key.kid} stands there twice; give each key its own")
    return KeyRing(keys)


def _key(jwk: Any, where: str) -> Key:
    if not isinstance(jwk, dict):
        raise SpecError(f"{where}: wanted an object")
    kid, algorithm = jwk.get("kid"), jwk.get("alg")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise SpecError(f"{where}: wanted a kid of 1 to 64 letters, digits, or any of _ . -")
    if not isinstance(algorithm, str) or algorithm not in _KINDS:
        raise SpecError(f"{where} ({kid}): wanted alg to be one of {', '.join(_KINDS)}, found {show(algorithm)}")
    if jwk.get("kty") != _KINDS[algorithm]:
        raise SpecError(
            f"{where} ({kid}): {algorithm} takes keys of kty {_KINDS[algorithm]}, found {show(jwk.get('kty'))}"
        )
    if jwk.get("use", "sig") != "sig":
        raise SpecError(f"{where} ({kid}): its use is {show(jwk.get('use'))}, wanted sig")
    try:
        verifier = _verifier(jwk, algorithm)
    except Exception:  # whatever a damaged key does: no part of it goes into a message
        raise SpecError(f"{where} ({kid}): it is damaged, or too short; make a new one") from None
    return Key(kid, cast(Algorithm, algorithm), algorithm == "HS256" or "d" in jwk, verifier, jwk)


def _verifier(jwk: dict[str, Any], algorithm: str) -> Any:
    if algorithm == "HS256":
        secret = HMACAlgorithm.from_jwk(jwk)
        if len(secret) < _SECRET:
            raise ValueError("too short")
        return secret
    loaded: Any = (RSAAlgorithm if algorithm == "RS256" else OKPAlgorithm).from_jwk(jwk)
    public = loaded.public_key() if "d" in jwk else loaded
    if algorithm == "RS256" and public.key_size < _RSA:
        raise ValueError("too short")
    if algorithm == "EdDSA" and jwk.get("crv") != "Ed25519":
        raise ValueError("another curve")
    return public


def sign(key: Key, payload: dict[str, Any]) -> str:
    """A token by this key."""
    secret: Any = key.verifier if key.algorithm == "HS256" else jwt.PyJWK(dict(key.jwk), algorithm=key.algorithm).key
    return jwt.encode(payload, secret, algorithm=key.algorithm, headers={"kid": key.kid})


def made(algorithm: Algorithm) -> dict[str, Any]:
    """A new key with its private part."""
    name = {"kid": f"{time.strftime('%Y%m%d', time.gmtime())}-{secrets.token_hex(4)}", "alg": algorithm, "use": "sig"}
    if algorithm == "HS256":
        return {**HMACAlgorithm.to_jwk(secrets.token_bytes(_SECRET), as_dict=True), **name}
    if algorithm == "RS256":
        from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

        return {**_bare(RSAAlgorithm.to_jwk(generate_private_key(65537, _RSA_MADE), as_dict=True)), **name}
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return {**_bare(OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)), **name}


def _bare(jwk: dict[str, Any]) -> dict[str, Any]:
    """Without what the library adds that says no more than `use` does."""
    return {name: value for name, value in jwk.items() if name != "key_ops"}


def new_file(path: Path, algorithm: Algorithm) -> str:
    """A file with one new key; its kid. Raises SpecError where there is one."""
    if path.exists():
        raise SpecError(f"{path}: there are signing keys already; manyshot access signing rotate adds a new one")
    key = made(algorithm)
    _write(path, [key])
    return str(key["kid"])


def rotate(path: Path, algorithm: Algorithm) -> str:
    """Put a new key first, which signs from now on; its kid."""
    key = made(algorithm)
    _write(path, [key, *(dict(one.jwk) for one in read_keys(path))])
    return str(key["kid"])


def drop(path: Path, kid: str) -> None:
    """Take a key out: what it signed is not valid any more. Raises SpecError: no such key, or the only one."""
    ring = read_keys(path)
    if ring.find(kid) is None:
        raise SpecError(f"{path}: there is no key {show(kid)}; there are {', '.join(key.kid for key in ring)}")
    left = [dict(one.jwk) for one in ring if one.kid != kid]
    if not left:
        raise SpecError(f"{path}: {kid} is the only key; rotate first, then drop it")
    _write(path, left)


def _write(path: Path, keys: list[dict[str, Any]]) -> None:
    """Whole or not at all, and for nobody else's eyes from the first byte on."""
    before = os.umask(0o077)
    try:
        with write_aside(path) as stream:
            stream.write(json.dumps({"keys": keys}, indent=1) + "\n")
    finally:
        os.umask(before)


__all__ = ["Algorithm", "Key", "KeyRing", "drop", "made", "new_file", "read_keys", "rotate", "sign"]
