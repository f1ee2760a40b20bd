"""A call -> a request, or the refusal that an API would give. Pure: nothing is sent here.

One rule: no value can change where a request goes. One in the path is a single quoted segment without slashes, dots
that climb or escapes of its own; one in a header is a single line; and what is bound to the customer is set last, over
whatever the model wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from manyshot.oneline import show
from manyshot.registry.routes import Made, Route, Target
from manyshot.types import Call, Json, Observation, Tool
from manyshot.world.answers import refused, wrong

#: Bytes of a body; no call that a conversation comes to is larger.
LARGEST = 256 * 1024
#: Characters of a value in a path, a query or a header.
LONGEST = 2000
#: What could be read as another path by a server or a proxy that decodes once more, and what no line may hold.
_UNSAFE_SEGMENT = re.compile(r"[/\\%\x00-\x1f\x7f]|^\.{1,2}(;|$)|^\s*$")
_HEADER = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


class _Unfit(Exception):
    """A value that cannot go where it should. `name`: the model's parameter, "" for the customer's id."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.message, self.name = message, name


def make(route: Route, call: Call, customer: str) -> Made | Observation:
    """The request of a call for a customer, or why there is none: 403 without a usable customer, 413, 422."""
    arguments = {name: value for name, value in call.arguments.items() if name not in route.ignored}
    for name in arguments:
        if name not in route.targets:
            return refused(422, f"{show(name)} is no parameter", show(name))
    tool = Tool(name=route.tool, parameters=route.parameters)
    if (refusal := wrong(Call(name=call.name, arguments=arguments), tool)) is not None:
        return refusal
    draft = _Draft(route)
    try:
        for name, value in arguments.items():
            draft.put(route.targets[name], _in_its_words(route, name, value), name)
        for target, value in route.fixed:
            draft.put(target, value, "")
        for target, kind in route.bound:
            draft.put(target, _bound(customer, kind), "")
        return draft.made()
    except _Unfit as unfit:
        if not unfit.name:
            return refused(403, "who is signed in cannot be served here")
        return refused(422, f"{unfit.name} {unfit.message}", unfit.name)
    except (ValueError, RecursionError):  # NaN, halves of surrogate pairs, nested without end
        return refused(422, "the arguments cannot be written as JSON")


def _in_its_words(route: Route, name: str, value: Any) -> Any:
    """A choice as the API writes it; what is not listed stays."""
    words = route.values.get(name)
    key = "true" if value is True else "false" if value is False else str(value)
    return words.get(key, value) if words and isinstance(value, str | bool | int | float) else value


def _bound(customer: str, kind: str) -> Any:
    """The customer's id in the type that the API wants."""
    if not _HEADER.fullmatch(customer) or len(customer) > LONGEST:
        raise _Unfit("is not usable")
    if kind in ("integer", "number"):
        if not re.fullmatch("[0-9]{1,18}", customer):
            raise _Unfit("is no number")
        return int(customer)
    return customer


class _Draft:
    """A request in the making; what is put later to the same place counts."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.segments: dict[str, str] = {}
        self.query: dict[str, tuple[str, ...]] = {}
        self.headers: dict[str, str] = {}
        self.body: Any = None
        self.form: dict[str, tuple[str, ...]] = {}

    def put(self, target: Target, value: Any, parameter: str) -> None:
        match target.where:
            case "path":
                self.segments[target.name] = _segment(value, parameter)
            case "query":
                self.query[target.name] = tuple(_texts(value, parameter))
            case "header":
                self.headers[target.name] = _line(value, parameter)
            case "form":
                self.form[target.name] = tuple(_texts(value, parameter))
            case "whole":
                self.body = value
            case "argument":
                self.body = {**(self.body or {}), target.name: value}
            case "body":
                self.body = _with(self.body, target.name.split("."), value)

    def made(self) -> Made:
        parts = re.split(r"\{([^{}]+)\}", self.route.path)  # text, name, text, name, ...
        path = "".join(self.segments[part] if odd % 2 else part for odd, part in enumerate(parts))
        query = tuple((name, text) for name, texts in self.query.items() for text in texts)
        content, kind = None, ""
        if self.form:
            content = urlencode(list(_flat(self.form)), quote_via=quote).encode()
            kind = "application/x-www-form-urlencoded"
        elif self.body is not None or self._wants_body():
            self.body = {} if self.body is None else self.body
            content = json.dumps(self.body, ensure_ascii=False, allow_nan=False).encode()
            kind = "application/json"
        if content is not None and len(content) > LARGEST:
            raise _Unfit("is too large", next(iter(self.route.targets), "the call"))
        return Made(path, query, self.headers, self.body, content, kind)

    def _wants_body(self) -> bool:
        """Whether an empty object is sent where nothing was given: an API that takes a body wants one."""
        return any(target.where in ("body", "argument") for target in self.route.targets.values())


def _flat(form: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    return ((name, text) for name, texts in form.items() for text in texts)


def _with(body: Any, path: list[str], value: Any) -> Json:
    """A body with a value put in; what is on the way and no object is replaced."""
    out: Json = dict(body) if isinstance(body, dict) else {}
    out[path[0]] = value if len(path) == 1 else _with(out.get(path[0]), path[1:], value)
    return out


def _text(value: Any, parameter: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return json.dumps(value, allow_nan=False)
    if not isinstance(value, str):
        raise _Unfit("must be text or a number here", parameter)
    if len(value) > LONGEST:
        raise _Unfit(f"is longer than {LONGEST} characters", parameter)
    value.encode()  # halves of surrogate pairs: ValueError
    return value


def _texts(value: Any, parameter: str) -> Iterator[str]:
    """One text, or one for each item of a list: the usual form of a query."""
    for one in value if isinstance(value, list) else [value]:
        text = _text(one, parameter)
        if "\x00" in text:
            raise _Unfit("holds a NUL", parameter)
        yield text


def _segment(value: Any, parameter: str) -> str:
    text = _text(value, parameter)
    if _UNSAFE_SEGMENT.search(text):
        raise _Unfit(
            "cannot stand in an address: no slashes, percent signs, dots alone or control characters", parameter
        )
    return quote(text, safe="")


def _line(value: Any, parameter: str) -> str:
    text = _text(value, parameter)
    if not _HEADER.fullmatch(text):
        raise _Unfit("cannot stand in a header: one line of plain ASCII", parameter)
    return text
