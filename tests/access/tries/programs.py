# ruff: noqa: E501, ARG001, ARG005 - a row of a table stays on one line, and all rows are called alike
"""Programs' keys, and tricks with headers, paths, methods and addresses. The attacker has the key of customer 1."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

from manyshot.access.limits import Limiter, Proxies, Rate
from manyshot.access.settings import Settings
from tests.access.building import QUEUE, SECRET
from tests.access.tries import Grounds, Mechanism, each


def key(g: Grounds, name: str, customer: str = "", days: int | None = None) -> str:
    """A key of that name, made once."""
    known: dict[str, str] = g.service.__dict__.setdefault("keys", {})
    if name not in known:
        known[name] = g.service.door.keys.add(name, customer, days)
    return known[name]


def _opens(g: Grounds, said: str, path: str = "/v1/models") -> bool:
    with g.service.browser() as client:
        answer = client.get(path, headers={"Authorization": f"Bearer {said or '-'}".encode("utf-8", "replace")})  # type: ignore[dict-item]
    assert answer.status_code in (200, 400, 401), answer.text
    return answer.status_code == 200


def _works(g: Grounds) -> bool:
    return _opens(g, key(g, "plain"))


_KEYS: dict[str, Any] = {
    "made up": lambda k: f"msk_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}",
    "its public part": lambda k: k[:16],
    "its public part and another secret": lambda k: k[:17] + secrets.token_urlsafe(32),
    "one sign changed": lambda k: k[:-1] + ("A" if k[-1] != "A" else "B"),
    "one sign less": lambda k: k[:-1],
    "one sign more": lambda k: k + "A",
    "other letters' case": lambda k: k.swapcase(),
    "a blank inside": lambda k: k[:20] + " " + k[20:],
    "the key twice": lambda k: k + k,
    "a star": lambda k: k[:17] + "*" * 43,
    "SQL": lambda k: "msk_' or '1'='1_" + "x" * 43,
    "like SQL's any": lambda k: "msk_" + "%" * 12 + "_" + "_" * 43,
    "full-width": lambda k: k.translate({n: n + 0xFEE0 for n in range(0x30, 0x3A)}),
    "another prefix": lambda k: "msd_" + k[4:],
    "no prefix": lambda k: k[4:],
    "long": lambda k: k + "A" * 20_000,
    "NUL": lambda k: k[:17] + "%00" * 14 + "A",
}


def _key(g: Grounds, change: Any) -> bool:
    return _opens(g, change(key(g, "plain")))


def _stored(g: Grounds, column: str) -> bool:
    """Who has read the database has no key."""
    key(g, "plain")
    rows = g.service.rows(f"select public, {column} from access_keys")
    assert rows
    return any(_opens(g, form) for public, found in rows for form in (str(found), f"msk_{public}_{str(found)[:43]}"))


def _ended(g: Grounds, how: str) -> bool:
    name = f"{how.replace(' ', '-')}-{secrets.token_hex(3)}"
    made = g.service.door.keys.add(name, "", 1)
    assert _opens(g, made)
    if how == "revoked by name":
        g.service.door.keys.revoke(name)
    elif how == "revoked by its part":
        g.service.door.keys.revoke(made.split("_")[1])
    elif how == "revoked twice":
        assert [g.service.door.keys.revoke(name) for _ in "ab"] == [name, name]
    else:
        from sqlalchemy import text

        with g.service.door.engine.begin() as connection:
            ago = {"expired": 1, "expired long ago": 10**8}[how]
            connection.execute(text(f"update access_keys set expires_at = made_at - {ago} where name = '{name}'"))
    return _opens(g, made)


_WHOM: dict[str, dict[str, str]] = {
    "X-Customer": {"X-Customer": "2"}, "in small letters": {"x-customer": "2"}, "a list": {"X-Customer": "1, 2"},
    "a star": {"X-Customer": "*"}, "a semicolon": {"X-Customer": "1;2"}, "zero before": {"X-Customer": "02"},
    "underscores": {"X_Customer": "2"}, "another header": {"X-User": "2", "X-Forwarded-User": "2", "Remote-User": "2"},
    "SQL": {"X-Customer": "2' or '1'='1"}, "full-width": {"X-Customer": "%EF%BC%92"}, "a cookie": {"Cookie": "manyshot_customer=2"},
    "a query": {},
}  # fmt: skip


def _whom(g: Grounds, headers: dict[str, str], made: str) -> bool:
    """A key of customer 1 (or of no customer) names customer 2."""
    with g.service.bearer(made, **headers) as client:
        answers = [
            client.get("/note", params={"customer": "2", "user": "2"}),
            client.get("/v1/for", params={"user": "2"}),
            client.get("/v1/for"),
        ]
        write = client.post("/note", content=b"by another's key")
    return any(SECRET in a.text for a in answers) or (write.status_code == 200 and write.json() == {"of": "2"})


def _whom_works(g: Grounds) -> bool:
    with g.service.bearer(key(g, "for-all", "*"), **{"X-Customer": "2"}) as client:
        answers = [client.get(path).json() for path in ("/note", "/v1/for", "/v1/for?user=2")]
        return answers == [{"note": SECRET}] * 3 and client.get("/v1/for?user=1").status_code == 403


def _twice(g: Grounds, lines: list[str]) -> bool:
    """A header that stands there twice, one right and one the attacker's."""
    one = key(g, "of-one", "1")
    mine, none = g.service.token("1"), "x.y.z"
    text = "".join(f"{line}\r\n" for line in lines).format(one=one, mine=mine, none=none)
    _, answer = g.service.raw(f"GET /note HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{text}\r\n".encode())
    return SECRET.encode() in answer


_TWICE = {
    "two customers": ["Authorization: Bearer {one}", "X-Customer: 1", "X-Customer: 2"],
    "two customers, the other way": ["Authorization: Bearer {one}", "X-Customer: 2", "X-Customer: 1"],
    "two tokens": ["Authorization: Bearer {none}", "Authorization: Bearer {mine}", "X-Customer: 2"],
    "a folded header": ["Authorization: Bearer {one}", "X-Customer: 1", " 2"],
    "a bare line feed": ["Authorization: Bearer {one}\nX-Customer: 2"],
    "a colon apart": ["Authorization: Bearer {one}", "X-Customer : 2"],
    "a tab": ["Authorization: Bearer {one}", "X-Customer:\t2"],
    "NUL": ["Authorization: Bearer {one}", "X-Customer: 2\0"],
    "a token and a cookie": ["Authorization: Bearer {mine}", "Cookie: manyshot_customer=2; manyshot_customer={mine}", "X-Customer: 2"],
}  # fmt: skip
_PATHS = [
    "/staff/", "//staff", "/./staff", "/note/../staff", "/staff%2f", "/%73taff", "/STAFF", "/staff;x", "/staff%00", "/staff?x",
    "/staff#x", "/access/../staff", "/access/%2e%2e/staff", "/healthz/../staff", "/metrics/..;/staff", "\\staff", "/staff\t",
    "http://x/staff", "*", "/access/access.css/../../staff",
]  # fmt: skip


def _path(g: Grounds, path: str, method: str) -> bool:
    """Another writing of a path that is guarded, without papers."""
    wire = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: */*\r\n\r\n".encode()
    _, answer = g.service.raw(wire)
    return QUEUE.encode() in answer or b'"by"' in answer


def _staff_works(g: Grounds) -> bool:
    from tests.access.tries.browsers import _works

    return _works(g)


_FILES = ["../access.toml", "..%2faccess.toml", "%2e%2e/signing-keys.json", "../../etc/passwd", "access.css/../../door.py",
          "base.html.j2", "login.html.j2", "....//access.db", "%252e%252e/access.db", "/etc/passwd", "access.css%00.html"]  # fmt: skip


def _file(g: Grounds, name: str) -> bool:
    """A file that is none of the page's."""
    status, _ = g.service.raw(f"GET /access/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return status == 200


def _file_works(g: Grounds) -> bool:
    return g.service.browser().get("/access/access.css").status_code == 200


_METHODS = ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PATCH", "PROPFIND", "get", "GET ", "X" * 300, "DEBUG"]


def _method(g: Grounds, method: str) -> bool:
    return _path(g, "/staff", method) or _path(g, "/note", method)


def _faster(g: Grounds, forwarded: list[str], networks: tuple[str, ...] = ()) -> bool:
    """More requests than a bucket holds, by saying to be somebody else."""
    _ = g
    proxies, limiter = Proxies(networks), Limiter(Rate(1, 10), clock=lambda: 0.0)
    return sum(limiter.take(proxies.address("203.0.113.7", said)) == 0 for said in forwarded * 20) > 10


_FORWARDED: dict[str, list[str]] = {
    "each time another": [f"198.51.100.{n}" for n in range(200)], "a list": [f"198.51.100.{n}, 10.0.0.1" for n in range(200)],
    "a local one": ["127.0.0.1", "10.0.0.1", "::1"], "garbage": [f"x{n}" for n in range(200)], "empty": ["", " ", ","],
    "IPv6": [f"2001:db8::{n:x}" for n in range(200)],
}  # fmt: skip


def _behind(g: Grounds, forwarded: list[str]) -> bool:
    """Behind a proxy that is believed, what the attacker wrote before the proxy's own entry counts nothing."""
    return _faster(g, [f"{said}, 192.0.2.66" for said in forwarded], ("203.0.113.0/24",))


def _one_network(g: Grounds, bits: int) -> bool:
    """From many addresses of one IPv6 network, which one customer of a provider has."""
    _ = g
    proxies, limiter = Proxies(), Limiter(Rate(1, 10), clock=lambda: 0.0)
    many = [f"2001:db8:1:2:{n << bits & 0xFFFF:x}::{n:x}" for n in range(100)]
    return sum(limiter.take(proxies.address(one, "")) == 0 for one in many) > 10


def _two_customers(g: Grounds) -> bool:
    """Behind a believed proxy two customers have a bucket each."""
    _ = g
    proxies = Proxies(("10.0.0.0/8",))
    return {proxies.address("10.0.0.1", said) for said in ("198.51.100.1", "198.51.100.2", "x, 198.51.100.1")} == {
        "198.51.100.1", "198.51.100.2"}  # fmt: skip


def _unlimited(g: Grounds, kind: str) -> bool:
    """More than a bucket holds, over HTTP; Settings of the service are out of the way, so buckets are made small."""
    door = g.service.door
    small = Limiter(Rate(0.001, 5))
    name = {"customer": "_customers", "customer's cookie": "_customers", "key": "_programs", "staff": "_customers"}[
        kind
    ]
    before = getattr(door, name)
    setattr(door, name, small)
    try:
        if kind == "customer":
            client = g.service.bearer(g.service.token("1"))
        elif kind == "customer's cookie":
            client = g.service.browser(Cookie=f"manyshot_customer={g.service.token('1')}")
        elif kind == "key":
            client = g.service.bearer(key(g, "plain"))
        else:
            from tests.access.tries.browsers import _session

            client = _session(g)
        path = {"key": "/v1/models", "staff": "/staff"}.get(kind, "/note")
        with client:
            answers = [client.get(path) for _ in range(12)]
    finally:
        setattr(door, name, before)
    refused = [a for a in answers if a.status_code == 429]
    assert all(int(a.headers["retry-after"]) > 0 for a in refused)
    return len(answers) - len(refused) > 5


def _address(g: Grounds, path: str) -> bool:
    """From one address, before anything is looked at; whatever the path."""
    _ = g
    import asyncio

    from manyshot.access.headers import Guard

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    guard = Guard(app, Proxies().address, Limiter(Rate(0.001, 5)), False)
    seen: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            seen.append(message["status"])

    async def all_of_it() -> None:
        for n in range(20):
            headers = [(b"x-forwarded-for", f"198.51.100.{n}".encode())]
            scope = {
                "type": "http",
                "method": "GET",
                "path": path,
                "headers": headers,
                "client": ("203.0.113.9", n + 1),
            }
            await guard(scope, None, send)  # type: ignore[arg-type]

    asyncio.run(all_of_it())
    return seen.count(200) > 5


def _settings_stay(g: Grounds) -> bool:
    _ = g
    return Settings().customer_burst > 0 and _works(g)


MECHANISMS = (
    Mechanism("guessed API key", each(_KEYS, _key), _works),
    Mechanism("what the database holds, as an API key", each(
        ["secret", "public", "name", "made_at", "customer"], _stored), _works),
    Mechanism("API key that has ended", each(
        ["revoked by name", "revoked by its part", "revoked twice", "expired", "expired long ago"], _ended), _works),
    Mechanism("API key of one customer for another", each(
        _WHOM, lambda g, headers: _whom(g, headers, key(g, "of-one", "1"))), _whom_works),
    Mechanism("API key of no customer for one", each(
        _WHOM, lambda g, headers: _whom(g, headers, key(g, "plain"))) | {}, _whom_works),
    Mechanism("header that stands there twice, or is broken", each(_TWICE, _twice), _whom_works),
    Mechanism("guarded path in another writing", each(_PATHS, partial(_path, method="GET")), _staff_works),
    Mechanism("guarded path in another writing, to change", each(_PATHS, partial(_path, method="POST")), _staff_works),
    Mechanism("file that is none of the page's", each(_FILES, _file), _file_works),
    Mechanism("another method", each(_METHODS, _method), _staff_works),
    Mechanism("limit passed by a forged address", each(_FORWARDED, _faster), _two_customers),
    Mechanism("limit passed by a forged address behind a proxy", each(_FORWARDED, _behind), _two_customers),
    Mechanism("limit passed within an IPv6 network", each([0, 1, 2, 4, 8], _one_network), _two_customers),
    Mechanism("more than a customer, a key, a member of staff may ask", each(
        ["customer", "customer's cookie", "key", "staff"], _unlimited) | {
        "customer again": partial(_unlimited, kind="customer")}, _settings_stay),
    Mechanism("more than an address may ask", each(
        ["/", "/note", "/access/login", "/v1/models", "/nothing", "/healthz/"], _address), _works),
)  # fmt: skip
