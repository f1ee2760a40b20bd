"""What a registry file comes to: where each call goes, and how.

One rule: a secret is a SecretStr from the moment it is read, so that no repr, log or error shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import SecretStr

from manyshot.types import Json, Observation

#: Where a value goes in a request. whole: it is the body; argument: of an MCP or LangChain tool.
Where = Literal["path", "query", "header", "body", "form", "whole", "argument"]
Consent = Literal["", "customer", "person"]


@dataclass(frozen=True, slots=True)
class Target:
    """A place in a request. `name`: there; in a body with dots between an object and what is in it."""

    where: Where
    name: str = ""

    def __str__(self) -> str:
        return f"{self.where}:{self.name}" if self.name else self.where


@dataclass(frozen=True, slots=True)
class Bearer:
    token: SecretStr


@dataclass(frozen=True, slots=True)
class Basic:
    user: SecretStr
    password: SecretStr


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in a header or in the query; the other name is ""."""

    key: SecretStr
    header: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True)
class OAuth2:
    """Client credentials (RFC 6749, 4.4). `send`: whether they go as basic authentication or in the body."""

    token_url: str
    client_id: SecretStr
    client_secret: SecretStr
    scope: str = ""
    send: Literal["basic", "body"] = "basic"


Auth = Bearer | Basic | ApiKey | OAuth2


@dataclass(frozen=True, slots=True)
class Envelope:
    """Answers that are wrapped, as {"code": 0, "msg": "", "data": {...}}: the names, and the codes of success."""

    data: str
    code: str
    ok: tuple[Any, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Api:
    """One HTTP API. `key_header`: where it takes idempotency keys, "" where it keeps none."""

    name: str
    base_url: str
    hosts: frozenset[str]
    auth: Auth | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    key_header: str = ""
    ca_file: Path | None = None
    envelope: Envelope | None = None


@dataclass(frozen=True, slots=True)
class McpServer:
    """An MCP server: a program that is started (`command`, with the variables `env`), or one at `url`."""

    name: str
    command: tuple[str, ...] = ()
    env: Mapping[str, SecretStr] = field(default_factory=dict)
    url: str = ""
    auth: Bearer | Basic | ApiKey | None = None


@dataclass(frozen=True, slots=True)
class LangChainTools:
    """Tools of a Python module, as "package.module:NAME" (a BaseTool, or a list of them)."""

    name: str
    where: str


Source = Api | McpServer | LangChainTools


@dataclass(frozen=True, slots=True)
class Route:
    """One tool of the domain and the call that is made for it.

    parameters: the JSON Schema that arguments must fit, without those that are bound. targets: parameter -> where it
    goes. bound: where the customer's id goes, and of which type it is there. values: parameter -> the domain's value ->
    the API's. keep: fields of the answer that are let through, all where it is empty. rename: field of the answer ->
    its name in the domain. Times are in seconds.
    """

    tool: str
    source: str
    method: str = ""
    path: str = ""
    operation: str = ""
    parameters: Json = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)
    fixed: tuple[tuple[Target, Any], ...] = ()
    bound: tuple[tuple[Target, str], ...] = ()
    ignored: frozenset[str] = frozenset()
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reads: bool = False
    keyed: bool = False
    consent: Consent = ""
    keep: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    attempts: int = 3
    within: float = 30.0
    max_bytes: int = 65536

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again when nobody knows what became of it."""
        return self.reads or self.keyed


@dataclass(frozen=True, slots=True)
class Made:
    """A request that is ready: `path` quoted, `query` and `headers` as text. `body`: the object that `content` is."""

    path: str = ""
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content: bytes | None = None
    content_type: str = ""


class Backend(Protocol):
    """What makes calls of one source. Safe to call from several threads."""

    def send(self, route: Route, made: Made, key: str) -> Observation:
        """Make the call; a write carries `key` where the source takes keys. Raises WorldError where nobody knows
        whether it was carried out."""
        ...

    def close(self) -> None: ...
