"""What an API answered -> an Observation. Pure.

One rule: what reaches the model is JSON that was asked for, or a status with one short line. No HTML, no page of an
exception, no field that is not let through, and never one of our own secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from manyshot.oneline import storable
from manyshot.registry.routes import Envelope, Route, Target
from manyshot.types import Json, Observation
from manyshot.world.answers import refused

#: Characters of an API's own message that are passed on.
MESSAGE = 300
#: An answer nested deeper is refused: nothing that walks it may overflow.
DEPTH = 40
#: Secrets shorter than this would be found in everything; the registry's check says so.
SHORTEST_SECRET = 6
HIDDEN = "***"
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "gbk", "gb2312", "gb18030", "big5", "iso-8859-1"})
#: Where APIs put the words of an error, and the field to blame, in the order in which they are looked for.
_MESSAGES = ("detail", "message", "msg", "error_description", "error", "errmsg", "reason", "title", "description")
_FIELDS = ("field", "param", "parameter", "pointer", "property", "target")
_FIELDS_OF_ONE = (*_FIELDS, "loc", "name", "path")
_LISTS = ("errors", "detail", "details", "invalid-params", "invalid_params", "violations", "error", "issues")


class UnreadableError(ValueError):
    """An answer that is no JSON of the form it should have."""


def read_answer(
    route: Route, status: int, content_type: str, data: bytes, envelope: Envelope | None, secrets: Sequence[str]
) -> Observation:
    """What the model is shown. Raises UnreadableError for a success that cannot be read: a write may have been done."""
    if 200 <= status < 300:
        value = plain(_json(content_type, data), secrets)
        if envelope is not None:
            value = _unwrapped(value, envelope, route)
            if isinstance(value, Observation):
                return value
        # Worlds answer 200, and so the model learnt; that something was made is told by what was made.
        return Observation(status=200 if status in (201, 204) else status, body=let_through(value, route))
    if status in (401, 407):
        return refused(status, "the service does not accept this assistant")
    if 400 <= status < 500:
        try:
            value = plain(_json(content_type, data), secrets)
        except UnreadableError:
            value = None
        message, name = said(value)
        return refused(status, message or _phrase(status), _own_name(name, route))
    return refused(status if 300 <= status < 600 else 502, _failed(status))


def _failed(status: int) -> str:
    if 300 <= status < 400:
        return "the service answered with a redirect, which is not followed"
    return "the service is not available" if status in (502, 503, 504) else "the service failed"


def too_long(route: Route) -> Observation:
    """A success whose answer is larger than may be read. It is a success: a write must not be made again."""
    if route.reads:
        return refused(502, "the answer is too long; ask for less")
    return Observation(body={"note": "carried out; the answer was too long to be read"})


# -- reading -----------------------------------------------------------------------------------------------------------


def _json(content_type: str, data: bytes) -> Any:
    """The value; {} for an empty body. The type that the server claims counts little, the charset does."""
    if not data.strip():
        return {}
    found = re.search(r"charset\s*=\s*\"?([\w-]+)", content_type, re.IGNORECASE)
    charset = found[1].lower() if found else "utf-8-sig"
    if charset not in _CHARSETS:
        charset = "utf-8-sig"
    try:
        return json.loads(data.decode(charset), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise UnreadableError("no JSON") from None


def _no_constant(word: str) -> None:
    raise ValueError(word)


def plain(value: Any, secrets: Sequence[str] = (), depth: int = 0) -> Any:
    """A value that can be stored and shown: whole characters, no secrets, not too deep. Raises UnreadableError."""
    if depth > DEPTH:
        raise UnreadableError("nested too deep")
    if isinstance(value, str):
        return hide(storable(value), secrets)
    if isinstance(value, dict):
        return {hide(storable(k), secrets): plain(v, secrets, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(one, secrets, depth + 1) for one in value]
    return value


def hide(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def _unwrapped(value: Any, envelope: Envelope, route: Route) -> Any:
    """What an envelope holds; a refusal where its code says so."""
    if not isinstance(value, dict) or envelope.code not in value:
        raise UnreadableError(f"no {envelope.code}")
    code = value[envelope.code]
    if not any(code == one and isinstance(code, bool) == isinstance(one, bool) for one in envelope.ok):
        message = value.get(envelope.message)
        words = _short(message) if isinstance(message, str) else ""
        known = type(code) is int and 400 <= code < 500
        return refused(code if known else 422, words or "the service refused this", _own_name(said(value)[1], route))
    inner = value.get(envelope.data)
    return {} if inner is None else inner


def let_through(value: Any, route: Route) -> Any:
    """The fields of an answer that the model may see, under the names that it knows."""
    if route.keep:
        value = _kept(value, [path.split(".") for path in route.keep])
    for path, name in route.rename.items():
        value = _renamed(value, path.split("."), name)
    return value


def _kept(value: Any, paths: Sequence[Sequence[str]]) -> Any:
    """Only what lies on the paths; lists are walked through."""
    if isinstance(value, list):
        return [_kept(one, paths) for one in value if isinstance(one, dict | list)]
    if not isinstance(value, dict):
        return {}
    out: Json = {}
    for key, inner in value.items():
        rest = [path[1:] for path in paths if path[0] == key]
        if any(not path for path in rest):
            out[key] = inner
        elif rest and isinstance(inner, dict | list):
            out[key] = _kept(inner, rest)
    return out


def _renamed(value: Any, path: Sequence[str], name: str) -> Any:
    if isinstance(value, list):
        return [_renamed(one, path, name) for one in value]
    if not isinstance(value, dict) or path[0] not in value:
        return value
    if len(path) == 1:
        return {name if key == path[0] else key: inner for key, inner in value.items() if key != name}
    return {key: _renamed(inner, path[1:], name) if key == path[0] else inner for key, inner in value.items()}


# -- refusals ----------------------------------------------------------------------------------------------------------


def said(value: Any) -> tuple[str, str]:
    """(words, field to blame) of an error body, as frameworks write them; "" where there is none."""
    if isinstance(value, str):
        return _short(value), ""
    if isinstance(value, list):
        value = {"errors": value}
    if not isinstance(value, dict):
        return "", ""
    name = next((found for key in _FIELDS if (found := _name(value.get(key)))), "")
    several = list(_several(value))
    if several:
        words = "; ".join(dict.fromkeys(f"{field}: {text}" if field else text for field, text in several if text))
        return _short(words), name or next((field for field, _ in several if field), "")
    for key in _MESSAGES:
        inner = value.get(key)
        if isinstance(inner, str) and inner.strip():
            return _short(inner), name
        if isinstance(inner, dict):
            words, field = said(inner)
            if words:
                return words, name or field
    return "", name


def _several(value: Json) -> Iterator[tuple[str, str]]:
    """(field, words) of each error: FastAPI's detail, problem documents' errors, {"errors": {"field": ["words"]}}."""
    for key in _LISTS:
        inner = value.get(key)
        if isinstance(inner, list):
            for one in inner[:10]:
                if isinstance(one, dict):
                    words = next((one[m] for m in ("msg", *_MESSAGES) if isinstance(one.get(m), str)), "")
                    yield next((found for f in _FIELDS_OF_ONE if (found := _name(one.get(f)))), ""), _short(words)
                elif isinstance(one, str):
                    yield "", _short(one)
            return
        if key == "errors" and isinstance(inner, dict):
            for field, words in list(inner.items())[:10]:
                first = words[0] if isinstance(words, list) and words else words
                yield _name(field), _short(first) if isinstance(first, str) else ""
            return


def _name(value: Any) -> str:
    """A field's name: "field", ["body", "field"], "#/field", "$.field"."""
    if isinstance(value, list):
        value = ".".join(str(part) for part in value if part not in ("body", "query", "path", "header"))
    if not isinstance(value, str):
        return ""
    name = re.sub(r"^(#?/|\$\.)", "", value).replace("/", ".")
    return name if re.fullmatch(r"[\w.\[\]-]{1,80}", name) else ""


def _short(text: str) -> str:
    """One line; "" for what is a page or a stack trace."""
    if re.search(
        r"<(!doctype|html|head|body|script|pre)\b|Traceback \(most recent|\bat [\w.$]+\([\w.]+:\d+\)", text, re.I
    ):
        return ""
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE else f"{line[: MESSAGE - 1]}…"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.lower()
    except ValueError:
        return "refused"


def _own_name(name: str, route: Route) -> str:
    """The domain's parameter that an API calls so, else the API's name."""
    own: Mapping[str, Target] = route.targets
    found = (key for key, target in own.items() if target.name == name or target.name.split(".")[-1] == name)
    return next(found, name)
