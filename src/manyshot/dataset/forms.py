"""Records <-> rows of other tools' files. One rule: what is written is read back at once, and what did not come back
is listed.

A form with room for a column of ours gets `meta`, a JSON text with just the fields that the row alone does not hold;
a row that holds all has none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from manyshot.records import digest
from manyshot.types import CallPair, Json, Tool, Trajectory

R = TypeVar("R", Trajectory, CallPair)
META = "meta"


@dataclass(frozen=True, slots=True)
class Setting:
    """What is around the records: the tools they call, and the words of the acting model's prompt."""

    tools: tuple[Tool, ...] = ()
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Form(Generic[R]):
    """One kind of record in one tool's files."""

    name: str
    kind: type[R]
    #: Record -> row without `meta`. ValueError for what the form cannot hold at all.
    write: Callable[[R, Setting], Json]
    #: Row -> fields of the record; what has no place in a record is added to the list. ValueError for no such row.
    read: Callable[[Json, list[str]], Json]
    #: Whether a row may have a column of ours.
    has_meta: bool = True


@dataclass(slots=True)
class Read(Generic[R]):
    record: R
    tools: tuple[Tool, ...]
    #: What stood in the row and has no place in the record.
    left: list[str] = field(default_factory=list)


def write_row(form: Form[R], one: R, setting: Setting) -> tuple[Json, list[str]]:
    """A record as a row, and the fields that it does not hold (as ``setup`` or ``turns.line``)."""
    row = form.write(one, setting)
    if form.has_meta and (patch := _patch(one, read_row(form, row).record)):
        row[META] = json.dumps(patch, ensure_ascii=False)
    return row, list(dict.fromkeys(_differences(_dump(one), _dump(read_row(form, row).record))))


def read_row(form: Form[R], row: Json) -> Read[R]:
    """A row as a record. Its id is a hash of the row, unless `meta` names it. ValueError for no row of this form."""
    left: list[str] = []
    plain = {key: value for key, value in row.items() if key != META}
    fields = {"id": digest(plain), **form.read(dict(plain), left)}
    if META in row and row[META] is not None:
        fields = _patched(fields, row[META])
    try:
        record = form.kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}") from None
    return Read(record, read_tools(row.get("tools")), left)


def _dump(one: Trajectory | CallPair) -> Json:
    """All fields, also those that a dump leaves out where nothing stands in them."""
    dumped = one.model_dump(mode="json")
    return {name: dumped.get(name, getattr(one, name)) for name in type(one).model_fields}


def _patch(one: Trajectory | CallPair, back: Trajectory | CallPair) -> Json:
    want, got = _dump(one), _dump(back)
    patch = {key: value for key, value in want.items() if not _same(value, got[key])}
    if "turns" in patch and _same(_without_lines(want["turns"]), _without_lines(got["turns"])):
        del patch["turns"]
        patch["lines"] = [turn["line"] for turn in want["turns"]]
    return patch


def _patched(fields: Json, meta: Any) -> Json:
    try:
        patch = json.loads(meta) if isinstance(meta, str) else meta
    except (ValueError, RecursionError):
        patch = None
    if not isinstance(patch, dict):
        raise ValueError(f"{META}: wanted a JSON object as text, found {str(meta)[:80]!r}")
    lines = patch.pop("lines", None)
    fields = {**fields, **patch}
    if lines is not None:
        turns = fields.get("turns", ())
        if not isinstance(lines, list) or len(lines) != len(turns):
            raise ValueError(f"{META}: wanted {len(turns)} lines, found {str(lines)[:80]}")
        dumped = [turn if isinstance(turn, dict) else turn.model_dump() for turn in turns]
        fields["turns"] = [{**turn, "line": line} for turn, line in zip(dumped, lines, strict=True)]
    return fields


def _without_lines(turns: Sequence[Json]) -> list[Json]:
    return [{**turn, "line": 0} for turn in turns]


def _same(a: Any, b: Any) -> bool:
    """Equal as JSON, where 1, 1.0 and true are three things."""
    return a is b or json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def _differences(a: Any, b: Any, where: str = "") -> Iterator[str]:
    """Names of the fields in which two records differ; places in lists are left out, so that many become one."""
    if _same(a, b):
        return
    if isinstance(a, dict) and isinstance(b, dict) and where.count(".") < 2 and a.keys() == b.keys():
        for key in a:
            yield from _differences(a[key], b[key], f"{where}.{key}" if where else key)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and where == "turns":
        for one, other in zip(a, b, strict=True):
            yield from _differences(one, other, where)
    else:
        yield where


# tools


def write_tools(tools: Sequence[Tool]) -> list[Json]:
    """Tools in OpenAI's form."""
    return [{"type": "function", "function": tool.model_dump(mode="json")} for tool in tools]


def read_tools(found: Any) -> tuple[Tool, ...]:
    """Tools of a row: a list or its JSON text, each as OpenAI has it or the function alone. Raises ValueError."""
    if isinstance(found, str):
        try:
            found = json.loads(found) if found.strip() else []
        except (ValueError, RecursionError) as error:
            raise ValueError(f"tools: bad JSON, {error}") from None
    if found is not None and not isinstance(found, list):
        raise ValueError(f"tools: wanted a list of functions, found {str(found)[:80]}")
    tools = []
    for one in found or ():
        inner = one.get("function", one) if isinstance(one, dict) else None
        if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
            raise ValueError(f"tools: wanted functions with a name, found {str(one)[:80]}")
        known = {key: inner[key] for key in ("name", "description", "parameters") if inner.get(key) is not None}
        try:
            tools.append(Tool.model_validate(known))
        except ValidationError as error:
            raise ValueError(f"tools: {inner['name']}: {error.errors()[0]['msg'].lower()}") from None
    return tuple(tools)


# looking into rows


def texts(row: Json, *keys: str) -> list[str]:
    """Fields that must be texts. Raises ValueError."""
    for key in keys:
        if not isinstance(row.get(key), str):
            raise ValueError(f"{key}: wanted a text, found {str(row.get(key, 'nothing'))[:80]}")
    return [row[key] for key in keys]


def leave(row: Json, known: Sequence[str], left: list[str], where: str = "") -> None:
    """List what stands in a row (or a part of it) beside what is known."""
    left += [f"{where}{key}" for key, value in row.items() if key not in known and value not in (None, "", [], {})]
