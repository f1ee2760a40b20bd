# ruff: noqa: E501, ARG001 - a row of a table stays on one line
"""Passwords: guessed, sprayed, told by time or by words; and what a login form is fed with."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from statistics import median

from argon2 import PasswordHasher
from sqlalchemy import text

from manyshot.access.passwords import Passwords
from manyshot.access.throttle import Blocked, Throttle
from tests.access.building import PASSWORD, form_of, log_in
from tests.access.tries import Grounds, Mechanism, each


def forgiven(g: Grounds) -> bool:
    """Forget all failures, so that a try fails for what it is and not for those before it."""
    with g.service.door.engine.begin() as connection:
        connection.execute(text("delete from access_failures"))
    return True


def _right(g: Grounds) -> bool:
    with g.service.browser() as client:
        return log_in(client, "ada", PASSWORD).status_code == 303


def _throttle(g: Grounds, start: float = 1e6) -> tuple[Throttle, list[float]]:
    """The counting of failures alone, on a clock of its own: the time of a password is no part of it."""
    now = [start + secrets.randbelow(10**9)]
    return Throttle(g.service.door.engine, lambda: int(now[0])), now


def _tried(
    throttle: Throttle, now: list[float], names: list[str], addresses: list[str], seconds: float, pause: float
) -> int:
    """How many of all tries in so many seconds are made and not refused."""
    made, end, n, refused = 0, now[0] + seconds, 0, 0
    while now[0] < end:
        try:
            throttle.count(names[n % len(names)], addresses[n % len(addresses)])
            made, refused = made + 1, 0
        except Blocked as blocked:
            refused += 1
            if refused >= 4:  # nothing more comes of the others: wait as long as it was said
                now[0], refused = now[0] + blocked.seconds, 0
        n, now[0] = n + 1, now[0] + pause
    return made


_FORCES: dict[str, tuple[list[str], list[str], float]] = {
    "one name, one address": (["ada"], ["192.0.2.1"], 5.0),
    "one name, ten addresses": (["ada"], [f"192.0.2.{n}" for n in range(10)], 5.0),
    "one name, a thousand addresses": (["ada"], [f"10.0.{n // 250}.{n % 250}" for n in range(1000)], 5.0),
    "hundred names, one address": ([f"n{n}" for n in range(100)], ["192.0.2.1"], 5.0),
    "a name that there is not": (["nobody"], ["192.0.2.1"], 5.0),
    "slowly": (["ada"], ["192.0.2.1"], 20.0),
}


def _forced(g: Grounds, how: tuple[list[str], list[str], float]) -> bool:
    """More than 70 tries in an hour at one name or from one address."""
    throttle, now = _throttle(g)
    tag = secrets.token_hex(4)  # counted anew in each run
    names, addresses = [tag + n for n in how[0]], [tag + a for a in how[1]]
    return _tried(throttle, now, names, addresses, 3600, how[2]) > 70


def _owner_waits_little(g: Grounds) -> bool:
    """The owner, who mistypes four times, comes in; and waits no more than minutes after others tried."""
    throttle, now = _throttle(g)
    tag = secrets.token_hex(4)
    return _tried(throttle, now, [tag], [tag], 9, 2.0) == 5


def _at_once(g: Grounds, many: int) -> bool:
    """Tries that are made at the same moment count one by one."""
    throttle, _ = _throttle(g)
    name = secrets.token_hex(4)

    def one(n: int) -> int:
        try:
            throttle.count(name, "192.0.2.9")
        except Blocked:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        return sum(pool.map(one, range(many))) > 6


_GUESSES = ["", "password", "ada", "admin", "123456", PASSWORD.upper(), PASSWORD + " ", PASSWORD[:-1], "' or '1'='1", "\0",
            "x" * 201, "*", "$argon2id$v=19$m=65536,t=3,p=4$"]  # fmt: skip


def _guess(g: Grounds, password: str) -> bool:
    with g.service.browser() as client:
        answer = log_in(client, "ada", password)
        assert forgiven(g)
        assert answer.status_code != 429  # else it would fail for what was before it
        return answer.status_code == 303 or "manyshot_staff" in answer.cookies


_NAMES = ["", " ", "gone", "ADA\0", "ada'--", "ada\" or 1=1", "%", "_da", "ada\u200b", "аda", "ada\r\nX: y", "a" * 5000, "ad'||'a",
          "ada\u202e", "null", "../ada"]  # fmt: skip


def _name(g: Grounds, name: str) -> bool:
    """Another name with ada's password: removed, injected, look-alike."""
    with g.service.browser() as client:
        answer = log_in(client, name, PASSWORD)
        assert forgiven(g)
        assert answer.status_code != 429  # else it would fail for what was before it
        return answer.status_code == 303 or "manyshot_staff" in answer.cookies


@cache
def _seconds(known: bool) -> float:
    """What a wrong password takes of this thread's time, at a cost that can be measured."""
    passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=8192, parallelism=1))
    passwords.warm()
    against = passwords.hashed(PASSWORD) if known else None
    taken = []
    for _ in range(5):
        began = time.thread_time()
        assert not passwords.right("a wrong password", against)
        taken.append(time.thread_time() - began)
    return median(taken)


def _told_apart(g: Grounds, other: str) -> bool:
    """A name that there is not is told from one that is, by words, by headers, or by a clear difference in time."""
    answers = []
    with g.service.browser() as client:
        for name in ("ada", other):
            answer = log_in(client, name, "a wrong password")
            assert forgiven(g)
            proof = answer.text.split('name="csrf" value="')[1].split('"')[0]
            varies = ("date", "set-cookie", "content-security-policy")
            headers = sorted((n, v) for n, v in answer.headers.items() if n not in varies)
            answers.append((answer.status_code, answer.text.replace(proof, ""), headers))
    known, unknown = _seconds(True), _seconds(False)
    return answers[0] != answers[1] or not known / 3 < unknown < known * 3


_FORMS: dict[str, tuple[str, bytes]] = {
    "JSON": ("application/json", b'{"name":"ada","password":"%s"}'),
    "multipart": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nada\r\n--x--',
    ),
    "two names": ("application/x-www-form-urlencoded", b"csrf=%b&name=ada&name=sue&password=x"),
    "a thousand fields": (
        "application/x-www-form-urlencoded",
        b"csrf=%b&" + b"&".join(b"a%d=1" % n for n in range(1000)),
    ),
    "a large field": ("application/x-www-form-urlencoded", b"csrf=%b&name=ada&password=" + b"x" * 100_000),
    "no UTF-8": ("application/x-www-form-urlencoded", b"csrf=%b&name=ada&password=%%ff%%fe"),
    "raw bytes": ("application/x-www-form-urlencoded", b"\xff\xfe\x00"),
    "XML": ("text/xml", b"<name>ada</name>"),
    "nothing": ("application/x-www-form-urlencoded", b""),
}


def _form(g: Grounds, form: tuple[str, bytes]) -> bool:
    """A form that is none: refused in order, never an error of the server."""
    kind, body = form
    with g.service.browser() as client:
        body = body.replace(b"%b", form_of(client).encode()).replace(b"%%", b"%").replace(b"%s", PASSWORD.encode())
        answer = client.post("/access/login", content=body, headers={"Content-Type": kind})
    return answer.status_code not in (401, 403) or "manyshot_staff" in answer.cookies


MECHANISMS = (
    Mechanism("passwords by force", each(_FORCES, _forced), _owner_waits_little),
    Mechanism("passwords by force, all at once", each([8, 12, 16, 20, 24], _at_once), _owner_waits_little),
    Mechanism("guessed password", each(_GUESSES, _guess), _right),
    Mechanism("login with a name that is another's", each(_NAMES, _name), _right),
    Mechanism("which names there are", each(["nobody", "gone2", "admin", "root", "ada2"], _told_apart), _right),
    Mechanism("login form that is none", each(_FORMS, _form), _right),
)
