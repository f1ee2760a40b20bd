"""A typed Python function with a docstring -> Tool. The one rule: types come from the signature, words from its text.

    tool = tool_from_function(book_table)

The schema is pydantic's (TypeAdapter of the function), the docstring is read in Google, NumPy or Sphinx style.
"""

from __future__ import annotations

import functools
import inspect
import operator
import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typing_extensions

from manyshot.errors import SpecError, at
from manyshot.spec.flatten import flatten, local_resolver
from manyshot.spec.schemas import check_schema
from manyshot.spec.tools import name_problem
from manyshot.types import Json, Tool

_BOUND = ("self", "cls")


def tool_from_function(fn: Callable[..., Any], *, name: str | None = None) -> Tool:
    """The Tool of a function; SpecError with file and line of the function when its signature does not say enough."""
    where = _where(fn)
    called = str(name or getattr(fn, "__name__", ""))
    if problem := name_problem(called):
        raise SpecError(f"{where}: {problem}")
    schema = _schema(fn, where)
    summary, words = _docstring(fn)
    hints = _hints(fn, where)
    for param, inner in schema["properties"].items():
        said = words.get(param) or _annotated_text(hints.get(param))
        if said and not _field_description(hints.get(param)):
            schema["properties"][param] = {**inner, "description": said}
    parameters = _plain(flatten(schema, local_resolver(schema)))
    for place, message in check_schema(parameters):
        raise SpecError(f"{where}: {'/'.join(map(str, place))}: {message}")
    return Tool(name=called, description=summary, parameters=parameters)


def _where(fn: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(fn), "__code__", None)
    return at(code.co_filename, code.co_firstlineno) if code else repr(fn)


def _hints(fn: Callable[..., Any], where: str) -> dict[str, Any]:
    try:
        return get_type_hints(inspect.unwrap(fn), include_extras=True)
    except (NameError, TypeError) as error:
        raise SpecError(f"{where}: a type cannot be read: {error}; import it where the function is defined") from error


def _schema(fn: Callable[..., Any], where: str) -> Json:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError
    from pydantic_core import SchemaError

    hints = _hints(fn, where)
    signature = inspect.signature(fn)
    kept = [p for p in signature.parameters.values() if p.name not in _BOUND]
    for param in kept:
        if param.kind in (param.VAR_POSITIONAL, param.VAR_KEYWORD):
            raise SpecError(f"{where}: *{param.name} has no names that a model could fill; declare each parameter")
        if param.annotation is param.empty:
            raise SpecError(f'{where}: the parameter "{param.name}" has no type; annotate it')
    if not kept:
        return {"type": "object", "properties": {}, "additionalProperties": False}

    typed = {p.name: _modern(hints.get(p.name, p.annotation)) for p in kept}

    def stand_in() -> None: ...

    # Keyword-only, so that pydantic describes an object and not a tuple; without self and the return type.
    stand_in.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [p.replace(kind=p.KEYWORD_ONLY, annotation=typed[p.name]) for p in kept]
    )
    stand_in.__annotations__ = typed
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(stand_in)  # type: ignore[arg-type]
        return adapter.json_schema()
    except (PydanticUserError, SchemaError) as error:
        why = str(error).splitlines()[0]
        raise SpecError(f"{where}: a type has no JSON Schema: {why}; use plain types, dataclasses or models") from error


def _docstring(fn: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """(description, words of each parameter)."""
    from docstring_parser import ParseError, parse

    text = inspect.getdoc(fn) or ""
    try:
        parsed = parse(text)
    except ParseError:
        return _joined(text), {}
    description = " ".join(p for p in (parsed.short_description, parsed.long_description) if p)
    return _joined(description), {p.arg_name.lstrip("*"): _joined(p.description or "") for p in parsed.params}


def _joined(text: str) -> str:
    return " ".join(text.split())


def _annotated_text(hint: Any) -> str:
    """Annotated[str, "words"] says a description, too."""
    if get_origin(hint) is Annotated:
        return next((m for m in get_args(hint)[1:] if isinstance(m, str)), "")
    return ""


def _field_description(hint: Any) -> bool:
    return get_origin(hint) is Annotated and any(getattr(m, "description", None) for m in get_args(hint)[1:])


def _modern(hint: Any) -> Any:
    """The hint with typing_extensions' TypedDict for typing's, which pydantic does not read before Python 3.12."""
    if typing_extensions.is_typeddict(hint):
        words = get_type_hints(hint, include_extras=True)
        fields = {
            n: _modern(h) if n in hint.__required_keys__ else typing_extensions.NotRequired[_modern(_bare(h))]
            for n, h in words.items()
        }
        return typing_extensions.TypedDict(hint.__name__, fields)  # type: ignore[operator]
    if get_origin(hint) is Annotated:
        first, *rest = get_args(hint)
        return Annotated[(_modern(first), *rest)]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal or not args:
        return hint
    parts = tuple(_modern(a) if not isinstance(a, list) else a for a in args)
    if parts == args:
        return hint
    return functools.reduce(operator.or_, parts) if origin in (Union, types.UnionType) else origin[parts]


def _bare(hint: Any) -> Any:
    marked = get_origin(hint) in (typing_extensions.NotRequired, typing_extensions.Required)
    return get_args(hint)[0] if marked else hint


def _plain(schema: Any) -> Any:
    """Without pydantic's titles, and without null where leaving the parameter out says the same."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    out: Json = {}
    for word, value in schema.items():
        if word == "title" and isinstance(value, str):
            continue
        if word == "properties" and isinstance(value, dict):
            out[word] = {n: _plain(_without_null(s)) for n, s in value.items()}
        elif word in ("enum", "const", "default", "examples", "required"):
            out[word] = value
        else:
            out[word] = _plain(value)
    return out


def _without_null(schema: Any) -> Any:
    if not isinstance(schema, dict) or "default" not in schema or schema["default"] is not None:
        return schema
    out = {k: v for k, v in schema.items() if k != "default"}
    if isinstance(kinds := out.get("type"), list) and "null" in kinds:
        rest = [k for k in kinds if k != "null"]
        out["type"] = rest[0] if len(rest) == 1 else rest
        if "enum" in out:
            out["enum"] = [v for v in out["enum"] if v is not None]
    if isinstance(parts := out.get("anyOf"), list):
        kept = [p for p in parts if p != {"type": "null"}]
        out = {**out, "anyOf": kept} if len(kept) > 1 else {**{k: v for k, v in out.items() if k != "anyOf"}, **kept[0]}
    return out
