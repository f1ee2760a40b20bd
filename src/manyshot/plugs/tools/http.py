"""Calls over HTTP. The one rule: a write is sent again only where that is known to do nothing twice.

The transport of httpx is used as it is, without its client: so there are no cookies that one customer's call could
leave for another's, no redirects, no proxies or passwords from the environment, and no log lines with addresses.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import stamina

from manyshot import __version__
from manyshot.errors import SpecError, WorldError
from manyshot.plugs.tools.background import Background
from manyshot.plugs.tools.tokens import SignInError, Tokens, fixed_headers, secrets_of
from manyshot.registry.answers import SHORTEST_SECRET, UnreadableError, read_answer, too_long
from manyshot.registry.routes import Api, ApiKey, Made, OAuth2, Route
from manyshot.types import Observation
from manyshot.world.answers import refused

#: Connections in all, and seconds that one is kept unused: less than servers keep theirs.
CONNECTIONS, IDLE = 64, 4.0
#: The longest wait, in seconds, that a service may ask for between two tries.
LONGEST_WAIT = 5.0
#: Bytes of an answer to a sign-in.
TOKEN_BYTES = 64 * 1024
#: Statuses that say: later. Of others above 499 nobody knows what was done.
_LATER = (408, 425, 429)
#: A write that is answered with these may have been carried out: a page is shown after a form that was sent.
_SEE_OTHER = (302, 303)

# Tries are counted in what is told; stamina's own lines on stderr would only say that there was one.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class _Failed(Exception):
    """A try without a usable answer. sent: the request left, so it may have been carried out. again: whether another
    try may help, or the seconds after which. shown: what a model is told when nothing was changed."""

    def __init__(self, why: str, shown: Observation, *, sent: bool, again: bool | float = True) -> None:
        super().__init__(why)
        self.why, self.shown, self.sent, self.again = why, shown, sent, again


@dataclass(slots=True)
class _Try:
    """What is known of one exchange while it runs."""

    sent: bool = False

    async def trace(self, event: str, _: Any) -> None:
        """httpcore's own word on how far it came; a connection that failed before has carried nothing out."""
        self.sent = self.sent or event.endswith("send_request_headers.started")


class HttpApi:
    """Fits registry.routes.Backend."""

    def __init__(self, api: Api, background: Background) -> None:
        """Nothing is asked yet. Raises SpecError for certificates that cannot be read."""
        self._api, self._background = api, background
        self._tokens = Tokens(api.auth) if isinstance(api.auth, OAuth2) else None
        self._fixed = {
            "Accept": "application/json, application/problem+json;q=0.9, */*;q=0.1",
            "Accept-Encoding": "identity",  # what is packed could unpack to more than may be read
            "User-Agent": f"manyshot/{__version__}",
        }
        limits = httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=IDLE)
        self._transport = httpx.AsyncHTTPTransport(verify=_trusted(api), trust_env=False, limits=limits)

    def __repr__(self) -> str:
        return f"HttpApi({self._api.name})"

    def send(self, route: Route, made: Made, key: str) -> Observation:
        """See registry.routes.Backend."""
        longest = route.within + 4 * route.timeout + LONGEST_WAIT + 5  # the last try may need two tokens
        return self._background.run(self._patiently(route, made, key), longest)

    def close(self) -> None:
        """Close the connections; a call after that is a WorldError."""
        if not self._background.loop.is_closed():
            with suppress(RuntimeError):  # calls that still run are ended with the loop
                self._background.run(self._transport.aclose(), 10)

    async def _patiently(self, route: Route, made: Made, key: str) -> Observation:
        """Try until there is an answer, as often and as long as the route allows."""
        may_repeat, doubt = route.reads or (route.keyed and bool(key)), False

        def again(error: Exception) -> bool | float:
            return error.again if isinstance(error, _Failed) and (may_repeat or not error.sent) else False

        try:
            async for attempt in stamina.retry_context(
                on=again, attempts=route.attempts, timeout=route.within, wait_initial=0.1, wait_max=2.0, wait_jitter=0.2
            ):
                with attempt:
                    try:
                        return await self._once(route, made, key)
                    except _Failed as failed:
                        doubt = doubt or (failed.sent and not route.reads)
                        raise
        except _Failed as failed:
            if doubt:
                raise WorldError(
                    f"{route.tool}: {self._api.name} {failed.why}; nobody knows whether it was carried out"
                ) from None
            return failed.shown
        raise AssertionError("unreachable: the last try returns or raises")

    async def _once(self, route: Route, made: Made, key: str) -> Observation:
        """One try, and one more with a new token where the old one was refused. Raises _Failed."""
        token = ""
        for renewed in (False, True):
            credentials: dict[str, str] = {}
            if self._tokens is not None:
                token = await self._token(route)
                credentials["Authorization"] = f"Bearer {token}"
            status, headers, data = await self._exchange(route, made, key, credentials)
            if status != 401 or self._tokens is None or renewed:
                break
            self._tokens.drop(token)
        return self._read(route, status, headers, data, token)

    def _read(
        self, route: Route, status: int, headers: Mapping[str, str], data: bytes | None, token: str
    ) -> Observation:
        """What an answer says. Raises _Failed where it may be asked for again. `data` None: it was too long."""
        success = 200 <= status < 300
        if data is None and success:
            return too_long(route)
        packed = headers.get("content-encoding", "identity").lower() not in ("identity", "")
        if data is None or (packed and not success):
            data = b""  # of a refusal the status is enough
        found = (token, *secrets_of(self._api.auth))
        secrets = [one for one in found if len(one) >= SHORTEST_SECRET]
        try:
            if packed and success:
                raise UnreadableError("packed")
            shown = read_answer(route, status, headers.get("content-type", ""), data, self._api.envelope, secrets)
        except UnreadableError:
            unreadable = refused(502, "the answer of the service cannot be read")
            raise _Failed("gave an answer that cannot be read", unreadable, sent=True) from None
        if status in _LATER:
            raise _Failed(f"answered {status}", shown, sent=False, again=_wait(headers))
        if status >= 500 and status != 501:
            raise _Failed(f"answered {status}", shown, sent=True, again=_wait(headers))
        if status in _SEE_OTHER or status < 200:
            raise _Failed(f"answered {status}", shown, sent=True, again=False)
        return shown

    async def _token(self, route: Route) -> str:
        assert self._tokens is not None
        down = refused(503, "signing in to the service failed")
        try:
            async with asyncio.timeout(route.timeout):
                return await self._tokens.get(self._post)
        except SignInError as error:
            raise _Failed(str(error), refused(503, str(error)), sent=False, again=False) from None
        except (TimeoutError, httpx.HTTPError):
            raise _Failed("cannot be signed in to", down, sent=False) from None

    async def _post(self, url: str, headers: Mapping[str, str], content: bytes) -> tuple[int, bytes]:
        fixed = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": self._fixed["User-Agent"]}
        request = self._request("POST", url, {**fixed, **headers}, content, 30.0, _Try())
        status, _, data = await self._read_whole(request, TOKEN_BYTES)
        return status, data or b""

    # -- one exchange

    async def _exchange(
        self, route: Route, made: Made, key: str, credentials: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes | None]:
        query = list(made.query)
        if isinstance(self._api.auth, ApiKey) and self._api.auth.query:
            query = [pair for pair in query if pair[0] != self._api.auth.query]
            query.append((self._api.auth.query, self._api.auth.key.get_secret_value()))
        path = made.path + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        headers = httpx.Headers(dict(made.headers))
        for more in (self._fixed, self._api.headers, fixed_headers(self._api.auth), credentials):
            headers.update(more)  # in any spelling: none is sent twice, and a call sets none of ours
        if made.content_type:
            headers["Content-Type"] = made.content_type
        if key and route.keyed:
            headers[self._api.key_header] = key
        one = _Try()
        request = self._request(route.method, self._api.base_url + path, headers, made.content, route.timeout, one)
        try:
            async with asyncio.timeout(route.timeout):
                return await self._read_whole(request, route.max_bytes)
        except (TimeoutError, httpx.TimeoutException):
            raise _Failed(f"gave no answer in {route.timeout:g} s", Observation(status=0), sent=one.sent) from None
        except httpx.ProtocolError:
            broken = refused(502, "the answer of the service cannot be read")
            raise _Failed("broke off its answer", broken, sent=one.sent) from None
        except (httpx.TransportError, OSError):
            gone = refused(503, "the service cannot be reached")
            raise _Failed("broke off" if one.sent else "cannot be reached", gone, sent=one.sent) from None

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, seconds: float, one: _Try
    ) -> httpx.Request:
        times = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
        request = httpx.Request(
            method, url, headers=dict(headers), content=content, extensions={"timeout": times, "trace": one.trace}
        )
        # The library must have read the address as it was written; anything else is nobody's service.
        where, wanted = request.url, urlsplit(url)
        line = wanted.path + (f"?{wanted.query}" if wanted.query else "")
        if (
            where.raw_host.decode().lower() not in self._api.hosts
            or where.raw_path.decode() != (line or "/")
            or where.userinfo
        ):
            raise _Failed("may not be asked", refused(403, "this service may not be asked"), sent=False, again=False)
        return request

    async def _read_whole(self, request: httpx.Request, most: int) -> tuple[int, Mapping[str, str], bytes | None]:
        """(status, headers, body); the body is None when it is longer than `most` bytes, and is not read further."""
        response = await self._transport.handle_async_request(request)
        try:
            length = response.headers.get("content-length", "")
            if length.isdigit() and int(length) > most:
                return response.status_code, response.headers, None
            data = bytearray()
            async for chunk in response.aiter_raw():
                data += chunk
                if len(data) > most:
                    return response.status_code, response.headers, None
            return response.status_code, response.headers, bytes(data)
        finally:
            await response.aclose()


def _trusted(api: Api) -> ssl.SSLContext | bool:
    if api.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(api.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise SpecError(f"{api.ca_file}: wanted certificates in PEM form, cannot be read ({error})") from None


def _wait(headers: Mapping[str, str]) -> bool | float:
    """The seconds that a service asks for; no other try where that is too long."""
    asked = headers.get("retry-after", "")
    if not asked.isascii() or not asked.isdigit():
        return True
    return min(float(asked), LONGEST_WAIT) if int(asked) <= LONGEST_WAIT else False
