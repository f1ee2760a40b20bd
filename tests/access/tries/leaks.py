# ruff: noqa: E501 - a row of a table stays on one line
"""Secrets and personal data where they must not stand: answers, the database, the audit log, logs, traces, errors."""

from __future__ import annotations

import io
import json
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from manyshot.access import signing
from manyshot.access.database import opened
from manyshot.access.masking import MaskingFilter, masked
from manyshot.access.settings import read
from manyshot.errors import ManyshotError
from tests.access.building import PASSWORD, log_in
from tests.access.tries import Grounds, Mechanism, each

#: What somebody types, and is nobody else's business.
_TYPED = "hunter2-correct-horse"


def _answered(g: Grounds, send: Callable[[Any, str], Any]) -> bool:
    """An answer, or its headers, that repeats a secret that was sent."""
    with g.service.browser() as client:
        answer = send(client, _TYPED)
    from tests.access.tries.logins import forgiven

    assert forgiven(g)
    said = answer.text + json.dumps(dict(answer.headers))
    return _TYPED in said or "Traceback" in said or answer.status_code >= 500


_SENT: dict[str, Callable[[Any, str], Any]] = {
    "a password": lambda c, s: log_in(c, "ada", s),
    "a password as name": lambda c, s: log_in(c, s, "x"),
    "a token": lambda c, s: c.get("/note", headers={"Authorization": f"Bearer {s}"}),
    "a token in a form": lambda c, s: c.post("/access/enter", data={"token": s, "csrf": "x"}),
    "an API key": lambda c, s: c.get("/v1/models", headers={"Authorization": f"Bearer msk_{s}"}),
    "a cookie": lambda c, s: c.get("/staff", headers={"Cookie": f"manyshot_staff={s}"}),
    "a proof": lambda c, s: c.post("/staff", headers={"X-CSRF-Token": s}),
    "a customer": lambda c, s: c.get("/note", headers={"X-Customer": s}),
    "a path": lambda c, s: c.get(f"/{s}"),
    "next": lambda c, s: c.get("/access/login", params={"next": f"https://{s}"}),
    "a language": lambda c, s: c.get("/access/login", params={"lang": s}),
    "a body": lambda c, s: c.post("/access/login", content=s.encode()),
}


def _answer_works(g: Grounds) -> bool:
    """What may be repeated is: a path to come back to."""
    with g.service.browser() as client:
        return "/staff?x=known" in client.get("/access/login", params={"next": "/staff?x=known"}).text


def _everything(g: Grounds) -> str:
    tables = ("access_staff", "access_logins", "access_keys", "access_failures", "access_audit")
    return json.dumps(
        [[str(value) for value in row] for table in tables for row in g.service.rows(f"select * from {table}")]
    )


def _stored(g: Grounds, what: str) -> bool:
    """A secret that was used stands in the database."""
    tag = secrets.token_hex(4)
    if what == "password":
        used = f"a very long {tag} password"
        g.service.door.accounts.add(f"p{tag}", "viewer", used)
    elif what == "API key":
        used = g.service.door.keys.add(f"k{tag}").rpartition("_")[2]
    elif what == "session":
        from tests.access.tries.browsers import _session

        with _session(g) as client:
            used = client.cookies["manyshot_staff"]
    elif what == "customer's token":
        used = g.service.token("2")
        with g.service.bearer(used) as client:
            assert client.post("/note", content=b"the charger of number two hums").status_code == 200
    else:
        used = f"secret-{tag}"
        with g.service.browser() as client:
            log_in(client, used if what == "password typed as a name" else "ada", used)
        from tests.access.tries.logins import forgiven

        found = used in _everything(g)
        assert forgiven(g)
        return found
    return used in _everything(g) or used.split(".")[0][:20] in _everything(g)


def _stored_works(g: Grounds) -> bool:
    """What was done stands there."""
    return "staff.add" in _everything(g) and "ada" in _everything(g)


#: A text as it may come into a log or a trace, and the part that must not.
PERSONAL: dict[str, tuple[str, str]] = {
    "zh mobile": ("客户说手机是13812345678", "13812345678"),
    "zh mobile, said": ("电话一三八一二三四五六七八", "一三八一二三四五六七八"),
    "zh name": ("我叫欧阳倩，想报修", "欧阳倩"),
    "zh name, I am": ("我是王小明，充电桩坏了", "王小明"),
    "zh identity": ("身份证11010519491231002X", "11010519491231002X"),
    "zh address": ("地址是望京西路50号3号楼1205", "望京西路50号3号楼1205"),
    "zh address, not announced": ("请到朝阳区望京西路50号来", "望京西路50号"),
    "zh estate": ("住阳光花园3栋2单元501", "阳光花园3栋2单元501"),
    "zh plate": ("车牌京A·12345", "12345"),
    "zh WeChat": ("微信号是 wx_lina88", "wx_lina88"),
    "zh birthday": ("出生日期：1990年1月2日", "1990年1月2日"),
    "bank card": ("卡号6222021001116245702", "6222021001116245702"),
    "mail": ("write to li.na@example.com", "li.na@example.com"),
    "en phone": ("call +1 415-555-2671", "415-555-2671"),
    "en phone, said": ("it is five five five oh one two double seven", "five five five oh one two"),
    "en name": ("My name is John Smith", "John Smith"),
    "en name, curly": ("Hi, I’m Zoe Miller", "Zoe Miller"),
    "en name, small": ("my name is john smith, hello", "john smith"),
    "en name, signed": ("Kind regards, Priya Shah", "Priya Shah"),
    "en address": ("I live at 221B Baker Street", "221B Baker Street"),
    "en postcode": ("that is SW1A 1AA", "SW1A 1AA"),
    "SSN": ("my ssn is 123-45-6789", "123-45-6789"),
    "NINO": ("QQ? no, AB 12 34 56 C", "AB 12 34 56 C"),
    "IBAN": ("to GB29 NWBK 6016 1331 9268 19", "6016 1331 9268"),
    "birthday": ("date of birth 02/03/1985", "02/03/1985"),
    "address of a network": ("from 192.168.10.1", "192.168.10.1"),
    "IPv6": ("from 2001:db8::ff00:42:8329", "2001:db8::ff00:42:8329"),
    "ticket": ("工单CHB20241008001", "CHB20241008001"),
    "UUID": ("user 123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
}
SECRETS: dict[str, tuple[str, str]] = {
    "a bearer token": ("Authorization: Bearer abc.def-123456", "abc.def-123456"),
    "a JWT": ("got eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIyIn0.c2lnbmF0dXJl", "eyJzdWIiOiIyIn0"),
    "our API key": ("key msk_0123456789ab_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "abcdefghijklmnop"),
    "the desk's token": ("token msd_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "abcdefghijklmnop"),
    "an OpenAI key": ("sk-abcdefghijklmnopqrstuv", "abcdefghijklmnop"),
    "a password": ("password: hunter2!", "hunter2!"),
    "a password in words": ("my password is hunter22", "hunter22"),
    "密码": ("密码是abc12345", "abc12345"),
    "AWS": ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7EXAMPLE"),
}


def _logged(g: Grounds, case: tuple[str, str], how: str) -> bool:
    """What a handler with our filter writes: by its message, its values, an exception, a structure."""
    _ = g
    text, part = case
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(MaskingFilter())
    logger = logging.Logger("try")
    logger.addHandler(handler)
    if how == "message":
        logger.warning(text)
    elif how == "values":
        logger.warning("customer said %s", text)
    elif how == "exception":
        try:
            raise ValueError(text)
        except ValueError:
            logger.exception("it failed")
    else:
        logger.warning("%s", json.dumps({"turn": {"text": text}}, ensure_ascii=False))
    return part in out.getvalue() or out.getvalue().count("\n") != 1


def _traced(g: Grounds, case: tuple[str, str]) -> bool:
    """What goes into the attributes of a span."""
    _ = g
    text, part = case
    shown = masked(
        {"text": text, "turns": [{"role": "user", "text": text}], "call": {"name": "X", "arguments": {"note": text}}}
    )
    return part in json.dumps(shown, ensure_ascii=False) or part in str(masked(text))


def _mask_works(g: Grounds) -> bool:
    """What is nobody's stays readable."""
    _ = g
    plain = "充电桩不通电，功率7.5kW，2024-10-11 09:00上门; the charger is dead, 12 of 40, room 1204"
    return masked(plain) == plain and masked({"n": 3, "ok": True, "x": None}) == {"n": 3, "ok": True, "x": None}


_FIELDS = ["password", "Authorization", "Cookie", "api_key", "access_token", "client_secret", "X-CSRF-Token", "密码"]


def _field(g: Grounds, name: str) -> bool:
    _ = g
    return "quite-secret" in json.dumps(
        masked({name: "quite-secret", "deep": [{name: "quite-secret"}]}), ensure_ascii=False
    )


_LINES = ["a\nb", "a\r\nERROR root: b", "a\x1b[31mb", "a\0b", "a\u2028b", "a\x85b", "\x9b31m"]


def _one_line(g: Grounds, text: str) -> bool:
    """An entry that would look like two, or rule the terminal."""
    return _logged(g, (text, "\x1b"), "message") or _logged(g, (text, "\x9b"), "values")


def _error(g: Grounds, how: str) -> bool:
    """The message of a fault, with a secret in what is at fault."""
    folder: Path = g.folder / f"error-{secrets.token_hex(4)}"
    folder.mkdir()
    secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"
    keys = folder / "signing-keys.json"
    jwk: dict[str, Any] = {"kid": "a", "alg": "HS256", "kty": "oct", "k": secret}
    text = {
        "too short a secret": json.dumps({"keys": [jwk]}),
        "another type": json.dumps({"keys": [jwk | {"kty": "RSA"}]}),
        "damaged": json.dumps(
            {"keys": [{"kid": "a", "alg": "RS256", "kty": "RSA", "n": secret, "d": secret, "e": "AQAB"}]}
        ),
        "another curve": json.dumps(
            {"keys": [{"kid": "a", "alg": "EdDSA", "kty": "OKP", "crv": "P-256", "x": secret, "d": secret}]}
        ),
        "no JSON": f'{{"keys": [{secret}',
        "no kid": json.dumps({"keys": [{"k": secret}]}),
        "a list": json.dumps([secret]),
    }.get(how)
    try:
        if text is not None:
            keys.write_text(text)
            keys.chmod(0o600)
            signing.read_keys(keys)
        elif how == "address of a database":
            opened(f"postgresql://ada:{secret}@127.0.0.1:1/x")
        elif how == "no address":
            opened(f"postgre://ada:{secret}@127.0.0.1/x")
        else:
            (folder / "access.toml").write_text(f'signing = "{secret}"\n')
            read(folder / "access.toml")
    except ManyshotError as error:
        return secret in str(error)
    raise AssertionError("it should have been refused")


def _error_works(g: Grounds) -> bool:
    path = g.folder / f"good-{secrets.token_hex(4)}.json"
    kid = signing.new_file(path, "EdDSA")
    ring = signing.read_keys(path)
    return ring[0].kid == kid and "PRIVATE" not in repr(ring) and str(ring[0].jwk["d"]) not in repr(ring)


def _not_others(g: Grounds, what: str) -> bool:
    """A file that others on this machine may read."""
    folder = g.service.folder
    if what in ("readable keys", "keys of a group"):
        path = g.folder / f"open-{secrets.token_hex(4)}.json"
        signing.new_file(path, "EdDSA")
        path.chmod(0o644 if what == "readable keys" else 0o640)
        try:
            signing.read_keys(path)
        except ManyshotError:
            return False
        return True
    name = {"new keys": "signing-keys.json", "the database": "access.db", "its journal": "access.db-wal"}[what]
    return bool((folder / name).stat().st_mode & 0o077)


def _password_is_not_there(g: Grounds) -> bool:
    return PASSWORD not in _everything(g) and _stored_works(g)


MECHANISMS = (
    Mechanism("secret repeated in an answer", each(_SENT, _answered), _answer_works),
    Mechanism("secret in the database or the audit log", each(
        ["password", "API key", "session", "customer's token", "password typed as a name", "wrong password"], _stored), _stored_works),
    Mechanism("personal data in traces", each(PERSONAL, _traced), _mask_works),
    Mechanism("secret in traces", each(SECRETS, _traced) | each(_FIELDS, _field), _mask_works),
    Mechanism("personal data in logs", each(PERSONAL, lambda g, case: _logged(g, case, "values")), _mask_works),
    Mechanism("secret in logs", each(SECRETS, lambda g, case: any(
        _logged(g, case, how) for how in ("message", "values", "exception", "structure"))), _mask_works),
    Mechanism("line break or escape in logs", each(_LINES, _one_line), _mask_works),
    Mechanism("secret in an error message", each(
        ["too short a secret", "another type", "damaged", "another curve", "no JSON", "no kid", "a list",
         "address of a database", "no address", "a setting"], _error), _error_works),
    Mechanism("file that others may read", each(
        ["new keys", "the database", "its journal", "readable keys", "keys of a group"], _not_others), _password_is_not_there),
)  # fmt: skip
