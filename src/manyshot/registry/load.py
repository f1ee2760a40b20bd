"""A registry file -> routes. One rule: all that is wrong is found before anything starts, each fault with its line.

A variable that is not set is a fault; what it holds is read by `config` and never shown.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from manyshot.config import secret
from manyshot.errors import SpecError
from manyshot.registry import form as forms
from manyshot.registry.answers import SHORTEST_SECRET
from manyshot.registry.form import RegistryForm, ToolForm, target_of
from manyshot.registry.routes import (
    Api,
    ApiKey,
    Auth,
    Basic,
    Bearer,
    Envelope,
    LangChainTools,
    McpServer,
    OAuth2,
    Route,
    Source,
    Target,
)
from manyshot.registry.toml_lines import TomlLines
from manyshot.spec.documents import read_text
from manyshot.spec.faults import Findings, near, show
from manyshot.spec.operations import Operation
from manyshot.types import REJECT, Json, Tool

_READ_METHODS = ("GET", "HEAD")
_LOCAL = ("localhost", "127.0.0.1", "::1")
#: Methods without a body.
_BODILESS = ("GET", "HEAD", "DELETE")


@dataclass(slots=True)
class Registry:
    """What a file comes to for a domain. `uncovered`: its tools that no call is made for. `declines`: its tools that
    only say no, which no call is needed for. `described`: source -> the tools of its OpenAPI file."""

    sources: dict[str, Source] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)
    uncovered: tuple[str, ...] = ()
    declines: tuple[str, ...] = ()
    described: dict[str, tuple[Tool, ...]] = field(default_factory=dict)


def load_registry(file: Path, tools: Sequence[Tool]) -> Registry:
    """The registry of a domain's tools. Raises SpecError with the first fault; tools without a call are a fault."""
    findings = Findings()
    registry = read_registry(file, tools, findings)
    faults = sorted(findings.faults)
    if faults:
        more = f" (and {len(faults) - 1} more: manyshot registry check {file})" if faults[1:] else ""
        raise SpecError(f"{faults[0].within(file.parent)}{more}")
    if registry.uncovered:
        raise SpecError(
            f"{file}: wanted a call for each tool of the domain, there is none for {', '.join(registry.uncovered)}; "
            f"add [tools.{registry.uncovered[0]}]"
        )
    return registry


def read_registry(file: Path, tools: Sequence[Tool] | None, findings: Findings) -> Registry:
    """The registry as far as it can be read; what is wrong goes into `findings`. None for `tools`: of no domain, then
    there is a route for every operation."""
    text = read_text(file.parent, file.name, findings)
    if text is None:
        return Registry()
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        what = re.sub(r" \(at .*\)$", "", str(error)).lower()
        findings.fault(file.name, line, f"bad TOML: {what}; text needs double quotes")
        return Registry()
    form = _form(file.name, table, TomlLines(text), findings)
    return Registry() if form is None else _Reading(file, form, TomlLines(text), findings).registry(tools)


# -- the form ----------------------------------------------------------------------------------------------------------


def _form(file: str, table: Json, lines: TomlLines, findings: Findings) -> RegistryForm | None:
    try:
        return RegistryForm.model_validate(table)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            path = _path_in(table, fault["loc"])
            findings.fault(file, lines.line(*path), f"{_place(path)}{_words(fault, table, path)}")
        return None


def _path_in(table: Any, loc: Sequence[int | str]) -> tuple[str, ...]:
    """The keys of a place; pydantic adds names of its own where there are several forms."""
    out: list[str] = []
    for part in loc:
        if isinstance(table, dict) and part in table:
            out.append(str(part))
            table = table[part]
        elif isinstance(table, list) and isinstance(part, int):
            table = table[part] if part < len(table) else None
        elif not isinstance(table, dict) or part in ("[key]",):
            continue
        elif part == loc[-1]:
            out.append(str(part))
    return tuple(out)


def _place(path: tuple[str, ...]) -> str:
    """[tools.TicketCreate] keep:"""
    if not path:
        return ""
    depth = 2 if path[0] in RegistryForm.model_fields else 1
    rest = f" {'.'.join(path[depth:])}" if path[depth:] else ""
    return f"[{'.'.join(path[:depth])}]{rest}: "


def _words(fault: Any, table: Json, path: tuple[str, ...]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key; {near(path[-1], _known(path, table))}"
    if kind == "missing":
        return "is missing; add it"
    if kind == "union_tag_not_found":
        return f"has no kind; one of {context['discriminator']} is not there"
    if kind == "union_tag_invalid":
        return f"wanted one of {context['expected_tags']} as kind"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return f"is not written as it must be ({context['pattern']})"
    message = "a table" if kind in ("model_type", "dict_type") else str(fault["msg"]).lower()
    message = message.removeprefix("input should be ")
    # Where a variable's name belongs, somebody may have put the secret: that is not repeated.
    there = "" if {"auth", "env", "headers"} & set(path) else f", found {show(fault['input'])}"
    return f"wanted {message}{there}"


def _known(path: tuple[str, ...], table: Json) -> list[str]:
    """Keys that may stand beside an unknown one."""
    models: dict[str, Any] = {
        "apis": forms.ApiForm, "mcp": forms.McpForm, "langchain": forms.LangChainForm, "tools": ToolForm,
        "retry": forms.RetryForm, "envelope": forms.EnvelopeForm,
    }  # fmt: skip
    kinds: dict[str, Any] = {"bearer": forms.BearerForm, "basic": forms.BasicForm, "api_key": forms.ApiKeyForm,
             "oauth2": forms.OAuth2Form}  # fmt: skip
    if len(path) == 1:
        return list(RegistryForm.model_fields)
    if len(path) == 4 and path[2] == "auth":
        kind = table.get(path[0], {}).get(path[1], {}).get("auth", {}).get("kind")
        return list(kinds[kind].model_fields) if kind in kinds else []
    model = models.get(path[2] if len(path) == 4 else path[0])
    return list(model.model_fields) if model else []


# -- sources and routes ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """One file that has the right form, on its way to routes."""

    file: Path
    form: RegistryForm
    lines: TomlLines
    findings: Findings
    operations: dict[str, dict[str, Operation]] = field(default_factory=dict)

    def registry(self, tools: Sequence[Tool] | None) -> Registry:
        form, sources = self.form, dict[str, Source]()
        for kind, of in (("apis", form.apis), ("mcp", form.mcp), ("langchain", form.langchain)):
            for name, one in of.items():
                self._check_bound(kind, name, one.bound)
        sources |= {name: self._api(name, api) for name, api in form.apis.items()}
        sources |= {name: self._mcp(name, server) for name, server in form.mcp.items()}
        sources |= {name: LangChainTools(name, module.tools) for name, module in form.langchain.items()}
        routes: dict[str, Route] = {}
        wanted = self._every_tool() if tools is None else {tool.name: tool for tool in tools}
        for name, tool in wanted.items():
            if (route := self._route(name, tool)) is not None:
                routes[name] = route
        if tools is not None:
            for name in self.form.tools.keys() - wanted.keys():
                self._hint("tools", name, message=f"the domain has no tool {name}; {near(name, wanted)}")
        left = [name for name in wanted if name not in routes]
        declines = [n for n in left if (t := wanted[n]) is not None and REJECT.search(n) and not t.required]
        described = {name: tuple(one.tool for one in found.values()) for name, found in self.operations.items()}
        uncovered = tuple(name for name in left if name not in declines)
        return Registry(sources, routes, uncovered, tuple(declines), described)

    def _fault(self, *path: str, message: str) -> None:
        self.findings.fault(self.file.name, self.lines.line(*path), f"{_place(path)}{message}")

    def _hint(self, *path: str, message: str) -> None:
        self.findings.hint(self.file.name, self.lines.line(*path), f"{_place(path)}{message}")

    def _every_tool(self) -> dict[str, Tool | None]:
        found: dict[str, Tool | None] = dict.fromkeys(self.form.tools)
        for operations in self.operations.values():
            found = {**{name: one.tool for name, one in operations.items()}, **found}
        return found

    # -- sources

    def _api(self, name: str, one: forms.ApiForm) -> Api:
        at = ("apis", name)
        self._check_plain(one.base_url, *at, "base_url")
        if isinstance(one.auth, forms.OAuth2Form):
            self._check_plain(one.auth.token_url, *at, "auth", "token_url")
        self.operations[name] = self._read_openapi(one.openapi, *at) if one.openapi is not None else {}
        ca_file = self.file.parent / one.ca_file if one.ca_file is not None else None
        if ca_file is not None and not ca_file.is_file():
            self._fault(*at, "ca_file", message=f"wanted a file of certificates, {show(one.ca_file)} is none")
        taken = {header.lower() for header in one.headers}
        if one.idempotency_header and one.idempotency_header.lower() in taken:
            self._fault(*at, "headers", message=f"{one.idempotency_header} is the idempotency key's")
        wrapped = one.envelope
        return Api(
            name, one.base_url, one.allowed, self._auth(one.auth, *at), dict(one.headers),
            one.idempotency_header or "", ca_file,
            None if wrapped is None else Envelope(wrapped.data, wrapped.code, tuple(wrapped.ok), wrapped.message),
        )  # fmt: skip

    def _mcp(self, name: str, one: forms.McpForm) -> McpServer:
        if one.url:
            self._check_plain(one.url, "mcp", name, "url")
        env = {variable: self._secret(variable, "mcp", name, "env") for variable in one.env}
        auth = self._auth(one.auth, "mcp", name)
        assert not isinstance(auth, OAuth2)
        return McpServer(name, tuple(one.command or ()), env, one.url or "", auth)

    def _check_plain(self, url: str, *at: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname not in _LOCAL:
            self._hint(*at, message="http:// sends tokens and customers' data in the clear; use https://")

    def _check_bound(self, kind: str, name: str, bound: Sequence[str]) -> None:
        for text in bound:
            target = target_of(text)
            if kind != "apis" and target is not None and target.where != "body":
                self._fault(kind, name, "bound", message=f'{show(text)}: such a tool has arguments only; "body:NAME"')

    def _auth(self, auth: Any, *at: str) -> Auth | None:
        def of(variable: str, key: str) -> SecretStr:
            return self._secret(variable, *at, "auth", key)

        match auth:
            case forms.BearerForm():
                return Bearer(of(auth.token_env, "token_env"))
            case forms.BasicForm():
                return Basic(of(auth.user_env, "user_env"), of(auth.password_env, "password_env"))
            case forms.ApiKeyForm():
                return ApiKey(of(auth.key_env, "key_env"), auth.header, auth.query)
            case forms.OAuth2Form():
                client = of(auth.client_id_env, "client_id_env"), of(auth.client_secret_env, "client_secret_env")
                return OAuth2(auth.token_url, *client, auth.scope or "", auth.send)
        return None

    def _secret(self, variable: str, *at: str) -> SecretStr:
        try:
            found = secret(variable, "registry")
        except SpecError:
            self._fault(*at, message=f"the environment variable {variable} is not set; export it")
            return SecretStr("")
        if not re.fullmatch(r"[\x20-\x7e]{1,8000}", found):
            self._fault(*at, message=f"what {variable} holds is no single line of plain ASCII; correct it")
        elif len(found) < SHORTEST_SECRET:
            self._hint(*at, message=f"what {variable} holds is too short to be kept out of answers that repeat it")
        return SecretStr(found)

    def _read_openapi(self, name: str, *at: str) -> dict[str, Operation]:
        from manyshot.spec.openapi import read_openapi

        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not name:
            self._fault(*at, "openapi", message="wanted the name of a file beside this one, as openapi.json")
            return {}
        folder, before = self.file.parent, len(self.findings.faults)
        found = {one.tool.name: one for one in read_openapi(folder, name, self.findings)}
        if len(self.findings.faults) > before:
            self._fault(*at, "openapi", message=f"{name} has faults; correct them first")
        return found

    # -- routes

    def _route(self, name: str, tool: Tool | None) -> Route | None:
        """The call for one tool; None where there is none, or after a fault."""
        one = self.form.tools.get(name, ToolForm())
        source = self._source_of(name, one)
        if source is None:
            return None
        before = len(self.findings.faults)
        kind, form = source
        if kind == "apis":
            draft = self._http(name, one, form.name)
        else:
            draft = _Draft(operation=one.operation or name, default="argument")
            if one.path is not None:
                self._fault("tools", name, "path", message=f"{form.name} is no HTTP API; name an operation")
        if draft is None:
            return None
        parameters = tool.parameters if tool is not None else _imagined(one, draft)
        route = self._assembled(name, one, form, draft, parameters)
        self._check_route(name, route, draft)
        self._check_headers(name, route, form.form)
        return route if len(self.findings.faults) == before else None

    def _source_of(self, name: str, one: ToolForm) -> tuple[str, _Named] | None:
        kinds = (("apis", self.form.apis), ("mcp", self.form.mcp), ("langchain", self.form.langchain))
        found = {source: (kind, _Named(source, form)) for kind, of in kinds for source, form in of.items()}
        if one.api is not None:
            if one.api not in found:
                self._fault("tools", name, "api", message=f"there is no source {show(one.api)}; {near(one.api, found)}")
            return found.get(one.api)
        described = [source for source, operations in self.operations.items() if (one.operation or name) in operations]
        if one.path is None and len(described) == 1:
            return found[described[0]]
        if len(found) == 1:
            kind, form = next(iter(found.values()))
            # Without a table of its own a tool is called only where the one source surely has it.
            return (kind, form) if name in self.form.tools or kind != "apis" else None
        if name in self.form.tools:
            self._fault("tools", name, message=f'there are several sources; add api = "{next(iter(found))}"')
        return None

    def _http(self, name: str, one: ToolForm, api: str) -> _Draft | None:
        if one.path is not None and one.method is not None:
            return _Draft(one.method, one.path, default="query" if one.method in _BODILESS else "body")
        operations = self.operations.get(api, {})
        wanted = one.operation or name
        if wanted not in operations:
            hint = f"; {near(wanted, operations)}" if operations else ""
            what = f"{api} has no operation {show(wanted)}" if operations else "wanted method and path"
            self._fault("tools", name, "operation", message=f"{what}{hint}")
            return None
        found = operations[wanted]
        targets = {key: Target(*place) for key, place in found.places.items()}
        return _Draft(
            found.method, found.path, operation=wanted, known=targets, parameters=found.tool.parameters,
            required=found.tool.required, properties=found.tool.properties,
        )  # fmt: skip

    def _assembled(self, name: str, one: ToolForm, source: _Named, draft: _Draft, parameters: Json) -> Route:
        form = source.form
        fixed = tuple((target, value) for text, value in one.fixed.items() if (target := self._target(text, draft)))
        targets = dict(self._targets(name, one, draft, parameters))
        bound, ignored = self._bound(name, one, form.bound, draft, targets, parameters)
        reads = one.reads if one.reads is not None else draft.method in _READ_METHODS
        keeps = bool(getattr(form, "idempotency_header", None))
        return Route(
            tool=name, source=source.name, method=draft.method, path=draft.path, operation=draft.operation,
            parameters=_without(parameters, ignored), targets=targets, fixed=fixed, bound=bound, ignored=ignored,
            values=one.values, reads=reads, keyed=not reads and keeps and one.repeatable is not False,
            consent=one.consent, keep=tuple(one.keep), rename=one.rename,
            timeout=float(one.timeout or form.timeout), attempts=form.retry.attempts, within=float(form.retry.within),
            max_bytes=one.max_bytes or form.max_bytes,
        )  # fmt: skip

    def _targets(self, name: str, one: ToolForm, draft: _Draft, parameters: Json) -> Iterator[tuple[str, Target]]:
        properties = parameters.get("properties", {})
        for key in one.places.keys() - properties.keys():
            self._fault(
                "tools", name, "places", key, message=f"the tool has no parameter {key}; {near(key, properties)}"
            )
        for key in one.values.keys() - properties.keys():
            self._fault(
                "tools", name, "values", key, message=f"the tool has no parameter {key}; {near(key, properties)}"
            )
        for key in properties:
            text = one.places.get(key)
            target = self._target(text, draft) if text is not None else draft.usual(key)
            if target is None and key not in one.bound:
                where = ("tools", name, "places", key) if text is not None else ("tools", name)
                message = (
                    f"{draft.operation} has no parameter {text or key}; {near(text or key, draft.known or ())}"
                    f"{'' if text else f', or write places.{key}'}"
                )
                self._fault(*where, message=message)
            elif target is not None:
                yield key, target

    def _bound(
        self, name: str, one: ToolForm, general: Sequence[str], draft: _Draft, targets: dict[str, Target], own: Json
    ) -> tuple[tuple[tuple[Target, str], ...], frozenset[str]]:
        """Where the customer's id goes, and parameters of which the model's value is ignored for it."""
        found: dict[Target, str] = {}
        ignored: set[str] = set()
        for text in (*general, *one.bound):
            target = targets.get(text) or self._target(text, draft)
            if target is None:
                known = [*own.get("properties", {}), *(draft.known or ())]
                self._fault("tools", name, "bound", message=f"there is no parameter {text}; {near(text, known)}")
                continue
            if text in general and target.where == "path" and f"{{{target.name}}}" not in draft.path:
                continue  # said of all calls of an API, of which not all have it in their path
            same = [key for key, other in targets.items() if _same(other, target)]
            ignored.update(key for key in (text, *same) if key in own.get("properties", {}))
            schemas = [own.get("properties", {}).get(key) for key in (text, *same)]
            schemas += [draft.properties.get(key) for key, other in (draft.known or {}).items() if other == target]
            kind = next((s.get("type") for s in schemas if isinstance(s, dict) and s.get("type")), "string")
            found[target] = kind if isinstance(kind, str) else "string"
        return tuple(found.items()), frozenset(ignored)

    def _target(self, text: str, draft: _Draft) -> Target | None:
        target = target_of(text)
        if draft.default == "argument" and (target is None or target.where == "body"):
            return Target("argument", text if target is None else target.name)
        return target if target is not None else (draft.known or {}).get(text)

    def _check_headers(self, name: str, route: Route, form: Any) -> None:
        """What the API sets itself no value of a call may set."""
        own = [*getattr(form, "headers", ()), getattr(form, "idempotency_header", None)]
        own.append(getattr(getattr(form, "auth", None), "header", None))
        taken = {header.lower() for header in own if header}
        for target in (*route.targets.values(), *(t for t, _ in route.fixed), *(t for t, _ in route.bound)):
            if target.where == "header" and target.name.lower() in taken:
                self._fault("tools", name, message=f"{target} is set for all calls of {route.source}")

    def _check_route(self, name: str, route: Route, draft: _Draft) -> None:
        """Every place that needs a value gets one, and none gets one that is not there."""
        at = ("tools", name)
        here = {*route.targets.values(), *(t for t, _ in route.fixed), *(t for t, _ in route.bound)}
        holes = set(_holes(route.path))
        sure = {route.targets[key].name for key in route.parameters.get("required", ()) if key in route.targets}
        sure |= {t.name for t, _ in (*route.fixed, *route.bound)}
        for hole in sorted(holes):
            if not any(t.where == "path" and t.name == hole for t in here):
                self._fault(
                    *at, message=f"nothing goes into {{{hole}}} of {route.path}; add it to places, fixed or bound"
                )
            elif hole not in sure:
                self._fault(*at, message=f"{{{hole}}} of {route.path} needs a value, its parameter is not required")
        for target in here:
            if target.where == "path" and target.name not in holes:
                self._fault(*at, message=f"{route.path} has no {{{target.name}}}")
            if target.where in ("body", "whole", "form") and route.method in ("GET", "HEAD"):
                self._fault(*at, message=f"{target}: a {route.method} has no body")
            if draft.default == "argument" and target.where != "argument":
                self._fault(*at, message=f"{target}: such a tool has arguments only")
        wheres = {target.where for target in here}
        if len(wheres & {"body", "whole", "form"}) > 1 and not wheres >= {"body", "whole"}:
            self._fault(*at, message="a body is either JSON or a form; places name both")
        for key in draft.required:
            target = (draft.known or {})[key]
            if not any(_same(target, other) or _same(other, target) for other in here):
                self._fault(*at, message=f"{draft.operation} needs {key}; give it in places, fixed or bound")


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    form: Any


@dataclass(slots=True)
class _Draft:
    """What is known of the call. `known`: the parameters of a described operation; None where there is no description,
    and `default` is where a parameter goes that the path does not hold."""

    method: str = ""
    path: str = ""
    default: str = ""
    operation: str = ""
    known: dict[str, Target] | None = None
    parameters: Json = field(default_factory=dict)
    required: tuple[str, ...] = ()
    properties: Mapping[str, Json] = field(default_factory=dict)

    def usual(self, key: str) -> Target | None:
        """Where a parameter goes that nothing is said of."""
        if self.known is not None:
            return self.known.get(key)
        if f"{{{key}}}" in self.path:
            return Target("path", key)
        return Target(self.default, key)  # type: ignore[arg-type]


def _imagined(one: ToolForm, draft: _Draft) -> Json:
    """Parameters of a tool of no known domain: those that the file names, and the operation's that it does not."""
    taken = {*one.places.values(), *one.fixed, *one.bound, *(str(t) for t in map(target_of, one.bound) if t)}
    names = [key for key in draft.known or () if key not in taken]
    names += [hole for hole in _holes(draft.path) if draft.known is None and f"path:{hole}" not in taken]
    names += [key for key in (*one.places, *one.values, *one.bound) if target_of(key) is None and key not in names]
    names = [key for key in names if draft.known is None or key not in one.bound or key in one.places]
    properties = {key: draft.properties.get(one.places.get(key, key), {}) for key in names}
    return {"type": "object", "properties": properties, "required": names}


def _holes(path: str) -> list[str]:
    return re.findall(r"\{([^{}]+)\}", path)


def _same(one: Target, other: Target) -> bool:
    """Whether `one` is `other`, or is in the part of the body that `other` is."""
    if one.where == "header" == other.where:
        return one.name.lower() == other.name.lower()
    return one == other or (one.where == other.where == "body" and one.name.startswith(f"{other.name}."))


def _without(parameters: Json, names: frozenset[str]) -> Json:
    """A schema without some of its parameters."""
    if not names:
        return parameters
    properties = {key: schema for key, schema in parameters.get("properties", {}).items() if key not in names}
    required = [key for key in parameters.get("required", ()) if key not in names]
    return {**parameters, "properties": properties, "required": required}


__all__ = ["Registry", "load_registry", "read_registry"]
