"""What may stand in a registry file. One rule: of a secret only the name of the variable that holds it.

[apis.desk]                     # an HTTP API; [mcp.NAME] and [langchain.NAME] are other sources of tools
base_url = "https://desk.example.com"
auth = { kind = "bearer", token_env = "DESK_TOKEN" }
[tools.TicketCreate]            # a tool of the domain, and the call that is made for it
method = "POST"
path = "/tickets"
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from manyshot.registry.routes import Consent, Target

#: Headers that say who calls or how the message is framed: the executor's own.
RESERVED = frozenset(
    {"authorization", "proxy-authorization", "cookie", "host", "content-length", "content-type", "connection"}
    | {"transfer-encoding", "upgrade", "te", "trailer", "expect", "accept-encoding"}
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_ENV = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_PATH = re.compile(r"(/([A-Za-z0-9._~!$&'()*+,;=:@-]|\{[^{}/]+\})*)+")
_TARGET = re.compile(r"(path|query|header|body|form):(.+)")
#: Names that are none of these mean a parameter of the operation.
_ROOM = 200


def _env(text: str) -> str:
    if not _ENV.fullmatch(text):  # what was there is not repeated: it may be the secret
        raise ValueError('wanted the name of an environment variable as "DESK_TOKEN"; never write the secret itself')
    return text


def _header(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError(f"{text!r} is no name of a header")
    if text.lower() in RESERVED:
        raise ValueError(f"the header {text} is not set here; credentials go into auth")
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError('wanted an address as "https://desk.example.com/api"') from None
    if "@" in parts.netloc:
        raise ValueError("wanted an address without user and password; they go into auth")
    if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[!-~]+", text):
        raise ValueError(f'wanted an address as "https://desk.example.com/api", found {text!r}')
    if parts.query or parts.fragment or "\\" in text or _climbs(parts.path):
        raise ValueError(f"wanted an address without .., ? and #, found {text!r}")
    return text.rstrip("/")


def _path(text: str) -> str:
    if not _PATH.fullmatch(text) or _climbs(text):
        raise ValueError(f'wanted a path as "/tickets/{{id}}", found {text!r}')
    return text


def _climbs(path: str) -> bool:
    return any(part in (".", "..") for part in path.split("/"))


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", text):
        raise ValueError(f'wanted the name of a host as "desk.example.com", found {text!r}')
    return text.lower()


def target_of(text: str) -> Target | None:
    """What "body:contact.name" or "body" means; None for a plain name. Raises ValueError."""
    if text == "body":
        return Target("whole")
    found = _TARGET.fullmatch(text)
    if found is None:
        return None
    where, name = found.groups()
    if where == "header":
        _header(name)
    if where == "body" and not all(name.split(".")):
        raise ValueError(f"{text!r} has an empty name between dots")
    return Target(where, name)  # type: ignore[arg-type]


def _placed(text: str) -> str:
    if target_of(text) is None:
        raise ValueError(f'{text!r} is no place; wanted "header:NAME", "query:NAME", "path:NAME", "body:NAME"')
    return text


def _known_place(text: str) -> str:
    target_of(text)
    return text


Env = Annotated[str, AfterValidator(_env)]
HeaderName = Annotated[str, AfterValidator(_header)]
HeaderText = Annotated[str, Field(pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$", max_length=500)]
Url = Annotated[str, AfterValidator(_url)]
Host = Annotated[str, AfterValidator(_host)]
#: Where something goes: always a place; or a place or a parameter's name.
PlaceText = Annotated[str, Field(max_length=_ROOM), AfterValidator(_placed)]
NameOrPlace = Annotated[str, Field(min_length=1, max_length=_ROOM), AfterValidator(_known_place)]
Name = Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")]
FieldPath = Annotated[str, Field(pattern=r"^[^.]+(\.[^.]+)*$", max_length=_ROOM)]
Scalar = str | int | float | bool


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class BearerForm(Form):
    kind: Literal["bearer"]
    token_env: Env


class BasicForm(Form):
    kind: Literal["basic"]
    user_env: Env
    password_env: Env


class ApiKeyForm(Form):
    kind: Literal["api_key"]
    key_env: Env
    header: HeaderName = ""
    query: Annotated[str, Field(max_length=100)] = ""

    @model_validator(mode="after")
    def _one(self) -> ApiKeyForm:
        if bool(self.header) == bool(self.query):
            raise ValueError("an API key goes into a header or into the query: name one of them")
        return self


class OAuth2Form(Form):
    kind: Literal["oauth2"]
    token_url: Url
    client_id_env: Env
    client_secret_env: Env
    scope: Annotated[str, Field(pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$")] | None = None
    send: Literal["basic", "body"] = "basic"


AuthForm = Annotated[BearerForm | BasicForm | ApiKeyForm | OAuth2Form, Field(discriminator="kind")]
PlainAuthForm = Annotated[BearerForm | BasicForm | ApiKeyForm, Field(discriminator="kind")]


class RetryForm(Form):
    """Tries in all, and seconds in which they begin. Only reads, and writes with a key, are tried again."""

    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    within: Annotated[float, Field(gt=0, le=300)] = 30.0


class EnvelopeForm(Form):
    data: Name
    code: Name
    ok: Annotated[list[Scalar], Field(min_length=1)]
    message: Name = "message"


class _SourceForm(Form):
    timeout: Annotated[float, Field(gt=0, le=300)] = 10.0
    max_bytes: Annotated[int, Field(ge=256, le=16 * 2**20)] = 65536
    retry: RetryForm = RetryForm()
    bound: list[PlaceText] = []


class ApiForm(_SourceForm):
    base_url: Url
    openapi: str | None = None
    hosts: Annotated[list[Host], Field(min_length=1)] | None = None
    auth: AuthForm | None = None
    headers: dict[HeaderName, HeaderText] = {}
    idempotency_header: HeaderName | None = None
    ca_file: str | None = None
    envelope: EnvelopeForm | None = None

    @model_validator(mode="after")
    def _allowed(self) -> ApiForm:
        allowed = self.allowed
        for what, url in (("base_url", self.base_url), ("token_url", getattr(self.auth, "token_url", ""))):
            if url and (urlsplit(url).hostname or "").lower() not in allowed:
                raise ValueError(f"the host of {what} is not among hosts ({', '.join(sorted(allowed))}); add it")
        return self

    @property
    def allowed(self) -> frozenset[str]:
        """Hosts that may be asked: those that are listed, else those of the addresses."""
        named = (self.base_url, getattr(self.auth, "token_url", self.base_url))
        return frozenset(self.hosts or (urlsplit(url).hostname or "" for url in named))


class McpForm(_SourceForm):
    command: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] | None = None
    env: list[Env] = []
    url: Url | None = None
    auth: PlainAuthForm | None = None

    @model_validator(mode="after")
    def _one(self) -> McpForm:
        if (self.command is None) == (self.url is None):
            raise ValueError("an MCP server has either command or url")
        if self.command is not None and self.auth is not None:
            raise ValueError("auth is for an MCP server with url; a command gets its secrets by env = [NAMES]")
        if self.url is not None and self.env:
            raise ValueError("env is for an MCP server with command; one with url has auth")
        if isinstance(self.auth, ApiKeyForm) and self.auth.query:
            raise ValueError("the key of an MCP server goes into a header")
        return self


class LangChainForm(_SourceForm):
    tools: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]


class ToolForm(Form):
    api: Name | None = None
    operation: Annotated[str, Field(min_length=1, max_length=_ROOM)] | None = None
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] | None = None
    path: Annotated[str, Field(max_length=500), AfterValidator(_path)] | None = None
    places: dict[str, NameOrPlace] = {}
    fixed: dict[PlaceText, Scalar | list[Any] | dict[str, Any]] = {}
    bound: list[NameOrPlace] = []
    values: dict[str, dict[str, Scalar]] = {}
    consent: Consent = ""
    reads: bool | None = None
    repeatable: bool | None = None
    keep: list[FieldPath] = []
    rename: dict[FieldPath, Annotated[str, Field(min_length=1, max_length=_ROOM)]] = {}
    timeout: Annotated[float, Field(gt=0, le=300)] | None = None
    max_bytes: Annotated[int, Field(ge=256, le=16 * 2**20)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> ToolForm:
        if (self.method is None) != (self.path is None):
            raise ValueError("method and path belong together; leave both out for an operation of an OpenAPI file")
        if self.path is not None and self.operation is not None:
            raise ValueError("wanted either operation or method and path")
        return self


class RegistryForm(Form):
    apis: dict[Name, ApiForm] = {}
    mcp: dict[Name, McpForm] = {}
    langchain: dict[Name, LangChainForm] = {}
    tools: dict[str, ToolForm] = {}

    @model_validator(mode="after")
    def _sources(self) -> RegistryForm:
        names = [*self.apis, *self.mcp, *self.langchain]
        if not names:
            raise ValueError("wanted a source of tools: [apis.NAME], [mcp.NAME] or [langchain.NAME]")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two sources are called {twice[0]!r}; rename one")
        return self
