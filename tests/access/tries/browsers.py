# ruff: noqa: E501 - a row of a table stays on one line
"""A browser that a stranger's page drives, and sessions that a stranger made. The victim is ada, an agent, or customer 2."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

import httpx

from manyshot.access.door import proof
from tests.access.building import PASSWORD, QUEUE, SECRET, form_of, log_in
from tests.access.tries import Grounds, Mechanism, each

Headers = dict[str, str]


def _session(g: Grounds, name: str = "ada") -> httpx.Client:
    """A logged in browser; made once, since a password takes its time."""
    known: dict[str, str] = g.service.__dict__.setdefault("cookies", {})
    if name not in known:
        with g.service.logged_in(name) as client:
            known[name] = client.cookies["manyshot_staff"]
    client = g.service.browser()
    client.cookies.set("manyshot_staff", known[name])
    return client


def _works(g: Grounds, name: str = "ada") -> bool:
    """With the proof of its own page, an agent's browser changes something."""
    with _session(g, name) as client:
        csrf = client.get("/csrf").json()["csrf"]
        return client.post("/staff", headers={"X-CSRF-Token": csrf, "Origin": g.service.url}).json() == {"by": name}


def _customer(g: Grounds) -> httpx.Client:
    client = g.service.browser()
    client.cookies.set("manyshot_customer", g.service.token("2"))
    return client


def _customer_works(g: Grounds) -> bool:
    with _customer(g) as client:
        csrf = client.get("/csrf").json()["csrf"]
        return client.post("/note", content=SECRET, headers={"X-CSRF-Token": csrf}).json() == {"of": "2"}


#: What a page of another site can have a browser send along.
_FOREIGN: dict[str, Headers] = {
    "a form": {"Content-Type": "application/x-www-form-urlencoded"},
    "a form as text": {"Content-Type": "text/plain"},
    "a multipart form": {"Content-Type": "multipart/form-data; boundary=x"},
    "JSON": {"Content-Type": "application/json"},
    "nothing": {},
    "an origin": {"Origin": "https://evil.example"},
    "no origin (null)": {"Origin": "null"},
    "a referrer": {"Referer": "https://evil.example/"},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "an override": {"X-HTTP-Method-Override": "GET", "X-Method-Override": "GET"},
}


def _csrf_staff(g: Grounds, headers: Headers) -> bool:
    with _session(g) as client:
        return client.post("/staff", headers=headers, content=b"csrf=&x=1").status_code == 200


def _csrf_customer(g: Grounds, headers: Headers) -> bool:
    with _customer(g) as client:
        client.post("/note", headers=headers, content=b"the attacker was here")
    return g.service.notes["2"] != SECRET


def _right_proof_elsewhere(g: Grounds, headers: Headers) -> bool:
    """Even the right proof does not help a page that the browser says is another's."""
    with _session(g) as client:
        csrf = client.get("/csrf").json()["csrf"]
        return client.post("/staff", headers=headers | {"X-CSRF-Token": csrf}).status_code == 200


_ELSEWHERE: dict[str, Headers] = {
    "another origin": {"Origin": "https://evil.example"},
    "null": {"Origin": "null"},
    "a look-alike": {"Origin": "http://127.0.0.1.evil.example"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "our name as user": {"Origin": "http://127.0.0.1@evil.example"},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "same-site": {"Sec-Fetch-Site": "same-site"},
    "empty": {"Origin": ""},
}


def _proofs(g: Grounds) -> dict[str, str]:
    """Proofs that an attacker can have: his own, old ones, made from what is public."""
    with _session(g, "vera") as other:
        own = other.get("/csrf").json()["csrf"]
    with _session(g) as victim:
        cookie, right = victim.cookies["manyshot_staff"], victim.get("/csrf").json()["csrf"]
    return {
        "his own": own, "empty": "", "dots": "....", "of no secret": proof("", "staff"), "of another kind": proof(cookie, "form"),
        "half": right[:32], "the last sign changed": right[:-1] + ("0" if right[-1] != "0" else "1"),
        "many": ".".join([own] * 3 + [secrets.token_hex(32)] * 900), "unicode": "é" * 64, "upper case": right.upper(),
    }  # fmt: skip


def _wrong_proof(g: Grounds, which: str) -> bool:
    said = _proofs(g)[which]
    with _session(g) as client:
        answer = client.post("/staff", headers={"X-CSRF-Token": said.encode() if which == "unicode" else said})  # type: ignore[dict-item]
        return answer.status_code == 200


def _tossed(g: Grounds, kinds: tuple[str, str]) -> bool:
    """Another host of the domain can set a cookie: the attacker's own session, whose proof he knows."""
    mine, victims = kinds
    with _session(g, "vera") as attacker:
        cookie = attacker.cookies["manyshot_staff"] if mine == "staff" else g.service.token("1")
    with _session(g) if victims == "staff" else _customer(g) as victim:
        name = f"manyshot_{mine}"
        jar = "; ".join(f"{n}={v}" for n, v in [*victim.cookies.items(), (name, cookie)])
        said = proof(cookie, mine) + "." + proof(cookie, victims)
        path = "/staff" if victims == "staff" else "/note"
        headers = {"Cookie": jar, "X-CSRF-Token": said}
        answer = httpx.post(f"{g.service.url}{path}", headers=headers, content=b"tossed", trust_env=False, verify=False)
    # Who is shadowed by the attacker's own session acts as the attacker, who may do nothing with it.
    return answer.status_code == 200 and answer.json() in ({"by": "ada"}, {"of": "2"})


_FIXED = ["chosen-by-a-stranger", "a" * 43, "0", "", "x" * 5000]


def _fixation(g: Grounds, chosen: str) -> bool:
    """A session that a stranger chose, or had, is not the one that a login makes."""
    with g.service.browser() as client:
        client.cookies.set("manyshot_staff", chosen)
        answer = log_in(client, "ada", PASSWORD)
        assert answer.status_code == 303
        new = answer.cookies["manyshot_staff"]
    with g.service.browser() as thief:
        thief.cookies.set("manyshot_staff", chosen)
        return new == chosen or thief.get("/staff").status_code == 200


def _over(g: Grounds, how: str) -> bool:
    """A session that has ended."""
    with g.service.logged_in("sue") as client:
        cookie, csrf = client.cookies["manyshot_staff"], client.get("/csrf").json()["csrf"]
        page = form_of(client)
        if how == "logged out":
            assert client.post("/access/logout", data={"csrf": page}).status_code == 303
        elif how == "logged in anew":
            assert log_in_again(client).status_code == 303
        elif how == "password changed":
            g.service.door.accounts.change_password("sue", PASSWORD)
        elif how == "role changed":
            g.service.door.accounts.change_role("sue", "supervisor")
        else:  # idle, or as old as a session may become
            column, age = {"idle": ("seen_at", 1800), "old": ("made_at", 12 * 3600)}[how]
            from sqlalchemy import text

            with g.service.door.engine.begin() as connection:
                connection.execute(text(f"update access_logins set {column} = {column} - {age + 1}"))
            g.service.__dict__.pop("cookies", None)
    with g.service.browser() as thief:
        thief.cookies.set("manyshot_staff", cookie)
        headers = {"X-CSRF-Token": csrf}
        return 200 in (thief.get("/staff").status_code, thief.delete("/staff", headers=headers).status_code)


def log_in_again(client: httpx.Client) -> httpx.Response:
    """As a browser that has a session and opens the form in another window."""
    with httpx.Client(base_url=client.base_url, trust_env=False, verify=False, timeout=30) as other:
        csrf = form_of(other)
        jar = {"manyshot_form": other.cookies["manyshot_form"], "manyshot_staff": client.cookies["manyshot_staff"]}
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        return httpx.post(f"{client.base_url}/access/login", headers=headers, trust_env=False, timeout=30,
                          data={"csrf": csrf, "name": "sue", "password": PASSWORD})  # fmt: skip


_COOKIES = [
    "", "x", "ada", "1", "' or 1=1 --", "%", "a" * 43, "A" * 64, "../../etc/passwd", "null", '"ada"', "ada%00", "0" * 100,
]  # fmt: skip


def _cookie(g: Grounds, value: str) -> bool:
    with g.service.browser(Cookie=f"manyshot_staff={value}") as client:
        return QUEUE in client.get("/staff").text


def _hash_as_cookie(g: Grounds, column: str) -> bool:
    """Who has read the database has no session."""
    _session(g).close()
    stored = g.service.rows(f"select {column} from access_logins, access_staff")
    assert stored
    return any(_cookie(g, str(one[0])[:200].replace(";", "")) for one in stored[:20])


def _role(g: Grounds, who_what: tuple[str, str, str]) -> bool:
    """More than the role allows, with the right proof."""
    name, method, path = who_what
    with _session(g, name) as client:
        csrf = client.get("/csrf").json()["csrf"]
        return client.request(method, path, headers={"X-CSRF-Token": csrf}).status_code == 200


_ROLES = {
    "a viewer answers": ("vera", "POST", "/staff"), "a viewer clears": ("vera", "DELETE", "/staff"),
    "an agent clears": ("ada", "DELETE", "/staff"), "a viewer as a customer": ("vera", "GET", "/note"),
    "an agent as a program": ("ada", "GET", "/v1/models"), "a viewer with another method": ("vera", "PATCH", "/staff"),
}  # fmt: skip

_NEXTS = [
    "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/\n/evil.example",
    "javascript:alert(1)", "data:text/html,x", "http:evil.example", "///evil.example", "/%0d%0aSet-Cookie:%20a=b\r\nX: y",
    "//evil.example/%2f..", "/ /evil.example", " //evil.example", "@evil.example", "https:/evil.example",
]  # fmt: skip


def _next(g: Grounds, there: str) -> bool:
    """Where one is sent behind a sign-in, as a customer: the same code as for staff, without a password's time."""
    with g.service.browser() as client:
        page = client.get("/access/enter", params={"next": there})
        csrf = form_of(client, "/access/enter")
        answer = client.post("/access/enter", data={"csrf": csrf, "token": g.service.token("2"), "next": there})
    assert answer.status_code == 303
    parts = urlsplit(answer.headers["location"])
    shown = "evil.example" in page.text
    return bool(shown or parts.netloc or parts.scheme or answer.headers["location"][:2] in ("//", "/\\")
                or "x" in answer.headers or "a" in answer.cookies)  # fmt: skip


def _next_works(g: Grounds) -> bool:
    with g.service.browser() as client:
        fields = {"csrf": form_of(client, "/access/enter"), "token": g.service.token("2"), "next": "/note?a=b"}
        answer = client.post("/access/enter", data=fields)
        return answer.headers["location"] == "/note?a=b" and client.get("/note").json() == {"note": SECRET}


def _login_csrf(g: Grounds, headers: Headers) -> bool:
    """To sign a victim's browser in as the attacker, so that what the victim writes is the attacker's."""
    fields: dict[str, Any] = {"token": g.service.token("1"), "csrf": proof("", "form")}
    with g.service.browser() as victim:
        answer = victim.post("/access/enter", headers=headers, data=fields)
        return answer.status_code == 303 or "manyshot_customer" in answer.cookies


_PAGES = {
    "framed": ("x-frame-options", "DENY"), "framed by policy": ("content-security-policy", "frame-ancestors 'none'"),
    "inline scripts": ("content-security-policy", "default-src 'none'"), "sniffed": ("x-content-type-options", "nosniff"),
    "opened by another": ("cross-origin-opener-policy", "same-origin"), "address told": ("referrer-policy", "same-origin"),
    "base moved": ("content-security-policy", "base-uri 'none'"), "kept by a proxy": ("cache-control", "no-store"),
    "forms elsewhere": ("content-security-policy", "form-action 'self'"),
}  # fmt: skip


def _unguarded(g: Grounds, wanted: tuple[str, str]) -> bool:
    """An answer, whatever it is, that lets a browser do what it must not."""
    with g.service.browser() as client:
        answers = [client.get(path) for path in ("/access/login", "/access/enter", "/note", "/nothing", "/healthz")]
    name, value = wanted
    script = any("unsafe" in a.headers["content-security-policy"] for a in answers)
    return script or not all(value in a.headers.get(name, "") for a in answers)


MECHANISMS = (
    Mechanism("CSRF against staff", each(_FOREIGN, _csrf_staff), _works),
    Mechanism("CSRF against a customer", each(_FOREIGN, _csrf_customer), _customer_works),
    Mechanism("right proof, from another site", each(_ELSEWHERE, _right_proof_elsewhere), _works),
    Mechanism("proof that is another's, old, or made up", {
        name: (lambda g, name=name: _wrong_proof(g, name)) for name in (  # type: ignore[misc]
            "his own", "empty", "dots", "of no secret", "of another kind", "half", "the last sign changed", "many",
            "unicode", "upper case")}, _works),
    Mechanism("cookie set by another host of the domain", each(
        {"staff for staff": ("staff", "staff"), "staff for customer": ("staff", "customer"),
         "customer for staff": ("customer", "staff"), "customer for customer": ("customer", "customer"),
         "form for staff": ("form", "staff"), "form for customer": ("form", "customer")}, _tossed), _works),
    Mechanism("session fixation", each(_FIXED, _fixation), _works),
    Mechanism("session that has ended", each(
        ["logged out", "logged in anew", "password changed", "role changed", "idle", "old"], _over), _works),
    Mechanism("guessed session", each(_COOKIES, _cookie), _works),
    Mechanism("what the database holds, as a session", each(
        ["access_logins.cookie", "access_staff.password", "access_staff.name", "access_logins.staff_id",
         "access_staff.role"], _hash_as_cookie), _works),
    Mechanism("more than the role allows", each(_ROLES, _role), _works),
    Mechanism("sent on to another site", each(_NEXTS, _next), _next_works),
    Mechanism("signed in as the attacker (login CSRF)", each(_FOREIGN, _login_csrf), _next_works),
    Mechanism("page framed, sniffed, scripted", each(_PAGES, _unguarded),
              lambda g: g.service.browser().get("/access/login").status_code == 200),
)  # fmt: skip
