# ruff: noqa: E501, ARG005 - a row of a table stays on one line, and all rows are called alike
"""Forged customers' tokens. The attacker is customer 1 and wants the note of customer 2."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from functools import partial
from hashlib import sha256, sha384, sha512
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from tests.access.building import SECRET, compact
from tests.access.tries import Grounds, Mechanism, each

Json = dict[str, Any]
_RSA = generate_private_key(65537, 2048)
_ED = Ed25519PrivateKey.generate()


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def got_in(g: Grounds, token: str) -> bool:
    """Whether a token opens anything."""
    try:
        header = token.encode("latin-1")
    except UnicodeEncodeError:
        header = token.encode()
    wire = b"GET /note HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + header + b"\r\n\r\n"
    status, answer = g.service.raw(wire)
    assert status in (0, 200, 400, 401, 403, 431), answer[:300]
    return status == 200 or SECRET.encode() in answer


def control(g: Grounds) -> bool:
    """The untouched token of customer 2 reads the note."""
    return got_in(g, g.service.token("2"))


def claims(**changed: Any) -> Json:
    now = int(time.time())
    return {"sub": "2", "aud": "manyshot", "iat": now, "nbf": now, "exp": now + 600} | changed


def kid(g: Grounds) -> str:
    signer = g.service.door.tokens.keys().signer
    assert signer
    return signer.kid


def put(header: Any, payload: Any, signature: bytes = b"") -> str:
    return f"{b64(compact(header))}.{b64(compact(payload))}.{b64(signature)}"


def ours(g: Grounds, payload: Any, header: Json | None = None) -> str:
    """Signed by the door's own key: only what is claimed can be wrong."""
    signer = g.service.door.tokens.keys().signer
    assert signer
    key = jwt.PyJWK(dict(signer.jwk)).key
    start = (
        f"{b64(compact({'alg': 'EdDSA', 'typ': 'JWT', 'kid': signer.kid} | (header or {})))}.{b64(compact(payload))}"
    )
    return f"{start}.{b64(key.sign(start.encode()))}"


def _none(g: Grounds, alg: str) -> bool:
    return any(got_in(g, put({"alg": alg, "typ": "JWT", "kid": kid(g)}, claims(), s)) for s in (b"", b"x" * 64))


def _public(g: Grounds) -> list[bytes]:
    """The public key in all forms in which somebody may have it."""
    signer = g.service.door.tokens.keys().signer
    assert signer
    raw = signer.verifier.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    forms = [signer.verifier.public_bytes(e, serialization.PublicFormat.SubjectPublicKeyInfo)
             for e in (serialization.Encoding.PEM, serialization.Encoding.DER)]  # fmt: skip
    return [
        raw,
        *forms,
        forms[0].strip(),
        signer.jwk["x"].encode(),
        b64(raw).encode(),
        json.dumps(dict(signer.jwk)).encode(),
    ]


def _confused(g: Grounds, alg: str) -> bool:
    digest = {"HS256": sha256, "HS384": sha384, "HS512": sha512}[alg]
    tries = []
    for key in _public(g):
        for header in ({"alg": alg, "kid": kid(g)}, {"alg": alg}):
            start = f"{b64(compact(header))}.{b64(compact(claims()))}"
            tries.append(f"{start}.{b64(hmac.new(key, start.encode(), digest).digest())}")
    return any(got_in(g, token) for token in tries)


_OTHERS = {
    "Ed25519": ("EdDSA", _ED),
    "RS256": ("RS256", _RSA),
    "RS512": ("RS512", _RSA),
    "PS256": ("PS256", _RSA),
    "HS256 of chance": ("HS256", secrets.token_bytes(32)),
    "HS256, a guess": ("HS256", b"secret".ljust(32, b"!")),
    "HS256, nothing": ("HS256", b"\0" * 32),
}


def _other_key(g: Grounds, which: tuple[str, Any], named: bool) -> bool:
    headers = {"kid": kid(g)} if named else {"kid": "mine"}
    return got_in(g, jwt.encode(claims(), which[1], algorithm=which[0], headers=headers))


def _changed(g: Grounds, change: Any) -> bool:
    header, payload, signature = g.service.token("1").split(".")
    return got_in(g, change(header, payload, signature))


def _swapped(payload: str, **changed: Any) -> str:
    return b64(compact(json.loads(unb64(payload)) | changed))


SECOND_SUB, SECOND_ALG = b',"sub":"2"}', b',"alg":"EdDSA"}'


def _with(part: str, end: bytes) -> str:
    """A part of a token with another end of its object."""
    return b64(unb64(part)[:-1] + end)


_CHANGES = {
    "another sub": lambda h, p, s: f"{h}.{_swapped(p, sub='2')}.{s}",
    "a later end": lambda h, p, s: f"{h}.{_swapped(p, exp=int(time.time()) + 9000)}.{s}",
    "a second sub": lambda h, p, s: f"{h}.{_with(p, SECOND_SUB)}.{s}",
    "blanks": lambda h, p, s: f"{h}.{b64(unb64(p) + b' ')}.{s}",
    "no signature": lambda h, p, s: f"{h}.{_swapped(p, sub='2')}.",
    "half a signature": lambda h, p, s: f"{h}.{_swapped(p, sub='2')}.{s[:40]}",
    "a signature of zeros": lambda h, p, s: f"{h}.{_swapped(p, sub='2')}.{b64(bytes(64))}",
    "a turned bit": lambda h, p, s: f"{h}.{p}.{b64(bytes([unb64(s)[0] ^ 1]) + unb64(s)[1:])}",
    "one sign less": lambda h, p, s: f"{h}.{p}.{s[:-2]}",
    "another header": lambda h, p, s: f"{_with(h, SECOND_ALG)}.{p}.{s}",
}
_HEADERS: dict[str, Json] = {
    "jku": {"jku": "http://127.0.0.1:9/keys"},
    "jwk": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64(_ED.public_key().public_bytes_raw())}},
    "x5u": {"x5u": "http://127.0.0.1:9/cert"},
    "x5c": {"x5c": ["MIIB"]},
    "crit": {"crit": ["exp"]},
    "crit b64": {"b64": False, "crit": ["b64"]},
    "zip": {"zip": "DEF"},
    "cty": {"cty": "JWT"},
    "typ": {"typ": "secevent+jwt"},
    "enc": {"enc": "A128GCM"},
}


def _own_header(g: Grounds, header: Json, mine: bool) -> bool:
    """With the attacker's key, and as an honest signer would never write it."""
    if not mine:
        return got_in(g, ours(g, claims(), header))
    full = {"alg": "EdDSA", "typ": "JWT", "kid": kid(g)} | header
    start = f"{b64(compact(full))}.{b64(compact(claims()))}"
    return got_in(g, f"{start}.{b64(_ED.sign(start.encode()))}")


_KIDS: list[Any] = [
    "", "../signing-keys.json", "/dev/null", "' or 1=1 --", "mine\0", None, 0, ["x"], {"a": 1}, "x" * 2000,
]  # fmt: skip


def _kid(g: Grounds, value: Any) -> bool:
    """A kid that names what it should not, signed by nothing, by an empty secret, and by the door's own key."""
    header = {"alg": "HS256", "kid": value}
    start = f"{b64(compact(header))}.{b64(compact(claims()))}"
    empty = f"{start}.{b64(hmac.new(b'', start.encode(), sha256).digest())}"
    return got_in(g, empty) or got_in(g, ours(g, claims(), {"kid": value}))


def _claimed(g: Grounds, changed: Json) -> bool:
    payload = {name: value for name, value in claims(**changed).items() if value is not ...}
    return got_in(g, ours(g, payload))


def _now(seconds: float) -> float:
    return time.time() + seconds


_ENDS: dict[str, Json] = {
    "a minute ago": {"exp": int(_now(-60))},
    "a day ago": {"exp": int(_now(-86_400))},
    "zero": {"exp": 0},
    "below zero": {"exp": -1},
    "none": {"exp": ...},
    "null": {"exp": None},
    "a text": {"exp": "tomorrow"},
    "a number as text": {"exp": str(int(_now(600)))},
    "a list": {"exp": [int(_now(600))]},
    "true": {"exp": True},
    "in ten years": {"exp": int(_now(3e8))},
    "never": {"exp": 10**30},
    "in milliseconds": {"exp": int(_now(600) * 1000)},
    "infinite": {"exp": float("inf")},
    "not a number": {"exp": float("nan")},
}
_BEGINNINGS: dict[str, Json] = {
    "in an hour": {"nbf": int(_now(3600))},
    "in ten years": {"nbf": int(_now(3e8))},
    "a text": {"nbf": "yesterday"},
    "null": {"nbf": None},
    "a list": {"nbf": [0]},
    "true": {"nbf": True},
    "made in an hour": {"iat": int(_now(3600))},
    "made as text": {"iat": "now"},
    "made never": {"iat": float("nan")},
}
_AUDIENCES: dict[str, Json] = {
    "another": {"aud": "billing"},
    "none": {"aud": ...},
    "null": {"aud": None},
    "empty": {"aud": ""},
    "a list with ours": {"aud": ["billing", "manyshot"]},
    "an empty list": {"aud": []},
    "ours in capitals": {"aud": "MANYSHOT"},
    "ours with a blank": {"aud": "manyshot "},
    "an object": {"aud": {"manyshot": True}},
    "a look-alike": {"aud": "mаnyshot"},
}
_SUBJECTS: dict[str, Json] = {
    "none": {"sub": ...},
    "null": {"sub": None},
    "empty": {"sub": ""},
    "a number": {"sub": 2},
    "a list": {"sub": ["2"]},
    "an object": {"sub": {"id": "2"}},
    "true": {"sub": True},
    "a blank behind": {"sub": "2 "},
    "a line break": {"sub": "2\n"},
    "NUL": {"sub": "2\0"},
    "a full-width digit": {"sub": "２"},
    "an Arabic digit": {"sub": "٢"},
    "zero width": {"sub": "2\u200b"},
    "right to left": {"sub": "\u202e2"},
    "a star": {"sub": "*"},
    "SQL": {"sub": "2' or '1'='1"},
    "a path": {"sub": "../2"},
    "half a surrogate": {"sub": "\ud800"},
    "long": {"sub": "2" * 65},
}
_GARBAGE = [
    "", " ", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "null", "{}", "\x01\x02.\x03.\x04", "é.é.é", "令.牌.牌",
    "e30.e30.e30", "====.====.====", "%00.%00.%00", "Bearer x.y.z", "eyJhbGciOiJub25lIn0..", "-.-.-", "🦆.🦆.🦆",
    f"{b64(b'[]')}.{b64(b'[]')}.eA", f"{b64(b'[' * 600)}.e30.eA", f"{b64(b'{}')}.{b64(b'1')}.eA",
]  # fmt: skip
_SIZES = {"4 KiB": 4097, "8 KiB": 8192, "16 KiB": 16_000, "32 KiB": 32_000, "60 KiB": 60_000}


def _large(g: Grounds, size: int) -> bool:
    """Signed by the door's own key, and far too long: nobody's time goes into reading it."""
    return got_in(g, ours(g, claims(pad="x" * size))) or got_in(g, "x" * size)


_WRAPPED = {
    "no scheme": "{0}", "another scheme": "Basic {0}", "two tokens": "Bearer {0} {0}", "a list": "Bearer {0}, Bearer {0}",
    "quotes": 'Bearer "{0}"', "a prefix": "BearerX {0}", "a colon": "Bearer: {0}", "only a scheme": "Bearer",
}  # fmt: skip


def _wrapped(g: Grounds, form: str) -> bool:
    """A right token in a header that is none."""
    with g.service.browser(Authorization=form.format(g.service.token("2"))) as client:
        return client.get("/note").status_code == 200


def _elsewhere(g: Grounds, how: str) -> bool:
    """A right token in places where it would end in logs, or that scripts of others can fill."""
    token = g.service.token("2")
    with g.service.browser() as client:
        if how == "query":
            answer = client.get("/note", params={"token": token, "access_token": token})
        elif how == "body":
            answer = client.request("GET", "/note", data={"access_token": token})
        elif how == "path":
            answer = client.get(f"/note/{token}")
        elif how == "another cookie":
            answer = client.get("/note", headers={"Cookie": f"token={token}; manyshot={token}; session={token}"})
        elif how == "the staff cookie":
            answer = client.get("/note", headers={"Cookie": f"manyshot_staff={token}"})
        else:
            answer = client.get("/note", headers={how: token})
    return answer.status_code == 200


def _rotated(g: Grounds, alg: str) -> bool:
    """A key that was dropped signs nothing any more; in a building of its own, since keys change."""
    from manyshot.access import signing
    from manyshot.access.tokens import NotValid, Tokens

    path = g.folder / f"rotated-{secrets.token_hex(4)}.json"
    old = signing.new_file(path, alg)  # type: ignore[arg-type]
    tokens = Tokens(path, "manyshot", "", lambda: int(time.time()))
    token = tokens.issue("2", 600)
    signing.rotate(path, "EdDSA")
    assert tokens.customer(token) == "2"  # it verifies still
    assert tokens.issue("2", 600) != token
    signing.drop(path, old)
    try:
        return tokens.customer(token) == "2"
    except NotValid:
        return False


_NONE = ["none", "None", "NONE", "nOnE", "", "null", "EdDSA ", "ES256", "HS256"]
MECHANISMS = (
    Mechanism("token without a signature (alg none)", each(_NONE, _none), control),
    Mechanism("public key as shared secret (HS/EdDSA confusion)", each(["HS256", "HS384", "HS512"], _confused) | {
        f"{alg} without kid, then {alg2}": partial(lambda g, a, b: _confused(g, a) or _confused(g, b), a=alg, b=alg2)
        for alg, alg2 in (("HS256", "HS384"), ("HS512", "HS256"))}, control),
    Mechanism("another key under our kid", each(_OTHERS, partial(_other_key, named=True)), control),
    Mechanism("another key under its own kid", each(_OTHERS, partial(_other_key, named=False)), control),
    Mechanism("changed payload, old signature", each(_CHANGES, _changed), control),
    Mechanism("header that brings its own key", each(_HEADERS, partial(_own_header, mine=True)), control),
    Mechanism("header that asks for more than is understood", each(_HEADERS, partial(_own_header, mine=False)), control),
    Mechanism("kid that names a file, a query, nothing", each(_KIDS, _kid), control),
    Mechanism("token that is over, or never ends", each(_ENDS, _claimed), control),
    Mechanism("token of the future", each(_BEGINNINGS, _claimed), control),
    Mechanism("token for another audience", each(_AUDIENCES, _claimed), control),
    Mechanism("subject that is no customer (unicode, SQL, types)", each(_SUBJECTS, _claimed), control),
    Mechanism("garbage as token", each(_GARBAGE, got_in), control),
    Mechanism("oversized token", each(_SIZES, _large), control),
    Mechanism("right token in a wrong header", each(_WRAPPED, _wrapped), control),
    Mechanism("right token in a query, a body, another cookie", each(
        ["query", "body", "path", "another cookie", "the staff cookie", "X-Token", "X-Customer", "Proxy-Authorization"],
        _elsewhere), control),
    Mechanism("token by a key that was dropped", each(["EdDSA", "RS256", "HS256"], _rotated) | {
        f"EdDSA again, {n}": partial(_rotated, alg="EdDSA") for n in (2, 3)}, control),
)  # fmt: skip
