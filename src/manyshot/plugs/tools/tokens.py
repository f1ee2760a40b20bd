"""Credentials of a request: fixed ones, and tokens of OAuth2 client credentials, kept until they end.

One rule: a token lives in this object only; it is in no repr, and every error about it is words of our own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from manyshot.registry.routes import ApiKey, Auth, Basic, Bearer, OAuth2

#: Seconds before its end in which a token is no longer used, and how long one without an end is kept.
EARLY, USUAL = 30.0, 300.0
_TOKEN = re.compile(r"[!-~]{1,16000}")
#: Sends (url, headers, content) and returns (status, body).
Post = Callable[[str, Mapping[str, str], bytes], Awaitable[tuple[int, bytes]]]


class SignInError(Exception):
    """No token was given out. The message is fit to be shown."""


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def fixed_headers(auth: Auth | None) -> dict[str, str]:
    """Headers of credentials that do not change."""
    match auth:
        case Bearer():
            return {"Authorization": f"Bearer {auth.token.get_secret_value()}"}
        case Basic():
            return {"Authorization": basic(auth.user.get_secret_value(), auth.password.get_secret_value())}
        case ApiKey() if auth.header:
            return {auth.header: auth.key.get_secret_value()}
    return {}


def secrets_of(auth: Auth | None) -> tuple[str, ...]:
    """What must stand in no answer, the longest first."""
    match auth:
        case Bearer():
            found = [auth.token.get_secret_value()]
        case Basic():
            user, password = auth.user.get_secret_value(), auth.password.get_secret_value()
            found = [password, basic(user, password).removeprefix("Basic ")]
        case ApiKey():
            found = [auth.key.get_secret_value()]
        case OAuth2():
            client, secret = auth.client_id.get_secret_value(), auth.client_secret.get_secret_value()
            found = [secret, basic(_form(client), _form(secret)).removeprefix("Basic ")]
        case None:
            found = []
    return tuple(sorted(found, key=len, reverse=True))


def _form(text: str) -> str:
    """As RFC 6749, 2.3.1 wants id and secret before they are joined."""
    return quote(text, safe="")


@dataclass(slots=True)
class Tokens:
    """The token of one client, asked for once by all who need it at the same time."""

    auth: OAuth2 = field(repr=False)
    _token: str = field(default="", repr=False)
    _until: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def get(self, post: Post) -> str:
        """A token that is still good. Raises SignInError."""
        async with self._lock:
            if not self._token or time.monotonic() >= self._until:
                self._token, lasts = await self._ask(post)
                self._until = time.monotonic() + lasts
            return self._token

    def drop(self, token: str) -> None:
        """Forget a token that was refused, unless there is a newer one."""
        if token == self._token:
            self._token = ""

    @property
    def current(self) -> str:
        return self._token

    async def _ask(self, post: Post) -> tuple[str, float]:
        auth = self.auth
        client, secret = auth.client_id.get_secret_value(), auth.client_secret.get_secret_value()
        form = {"grant_type": "client_credentials"} | ({"scope": auth.scope} if auth.scope else {})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if auth.send == "basic":
            headers["Authorization"] = basic(_form(client), _form(secret))
        else:
            form |= {"client_id": client, "client_secret": secret}
        status, data = await post(auth.token_url, headers, urlencode(form).encode())
        if status != 200:
            raise SignInError(f"signing in to the service failed ({status})")
        try:
            answer = json.loads(data)
            token, lasts = answer["access_token"], answer.get("expires_in", USUAL)
            assert isinstance(token, str)
            assert _TOKEN.fullmatch(token)
            seconds = float(lasts)
        except (ValueError, LookupError, TypeError, AssertionError, RecursionError, AttributeError):
            raise SignInError("signing in to the service gave no token") from None
        return token, max(0.0, seconds - min(EARLY, seconds / 2)) if seconds == seconds else USUAL
