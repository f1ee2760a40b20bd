"""Who calls, for which customer, and the memory of idempotency keys.

One rule: whoever calls is known by a token, of which the database has only a hash; nobody's name or phone opens
anything.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from manyshot.desk.tables import Client, Remembered
from manyshot.desk.words import Language, say
from manyshot.desk.work import Refused

Role = Literal["assistant", "staff"]
Answer = tuple[int, dict[str, Any]]
LONGEST_KEY = 200


def hashed(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def new_token(session: Session, name: str, role: Role, now: datetime) -> str:
    """Let a caller in. The token is returned here and never again; one of the same name is replaced."""
    token = f"msd_{secrets.token_urlsafe(32)}"
    client = session.scalar(select(Client).where(Client.name == name)) or Client(name=name)
    client.role, client.token_hash, client.made_at = role, hashed(token), now
    session.add(client)
    return token


def client_of(session: Session, header: str) -> Client | None:
    """The caller that an Authorization header names."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    return session.scalar(select(Client).where(Client.token_hash == hashed(token.strip())))


def request_hash(request: str, customer: int, body: Any) -> str:
    """What a key stands for: the same request for another customer is another one."""
    return sha256(json.dumps([request, customer, body], sort_keys=True).encode()).hexdigest()


def remembered(
    session: Session, client: Client, key: str, request: str, work: Callable[[], Answer], now: datetime, lang: Language
) -> tuple[Answer, bool]:
    """The answer that a key has, or that `work` gives it now; and whether it is an old one.

    The key is claimed before the work and both are committed together: who comes second at the same time waits for the
    first and gets its answer.
    """
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        rule = f"1-{LONGEST_KEY} ASCII"
        raise Refused(422, say(lang, "misfit", field="Idempotency-Key", rule=rule), "Idempotency-Key")
    known = session.get(Remembered, (client.id, key))
    if known is None:
        claim = Remembered(client_id=client.id, key=key, request=request, status=0, answer={}, made_at=now)
        try:
            with session.begin_nested():
                session.add(claim)
        except IntegrityError:
            known = session.get_one(Remembered, (client.id, key))
        else:
            claim.status, claim.answer = work()
            return (claim.status, claim.answer), False
    if known.request != request:
        raise Refused(422, say(lang, "key_reused"), "Idempotency-Key")
    return (known.status, known.answer), True
