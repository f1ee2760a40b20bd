"""What an API says to a call that it does not carry out, the same in every world."""

from __future__ import annotations

from typing import Any

from manyshot.oneline import show
from manyshot.schema_fit import Misfit, misfit
from manyshot.types import Call, Observation, Tool


def refused(status: int, message: str, field: str = "") -> Observation:
    """An error as APIs word it: {"error": ..., "field": ...}, the field only where there is one."""
    body = {"error": message} | ({"field": field} if field else {})
    return Observation(status=status, body=body)


def wrong(call: Call, tool: Tool | None) -> Observation | None:
    """The answer to a call that its own schema refuses (422 with the field), or to an unknown tool (404); else None."""
    if tool is None:
        return refused(404, f"there is no {call.name}")
    try:
        found = misfit(call.arguments, tool.parameters)
    except (ArithmeticError, ValueError, RecursionError):
        return refused(422, "the arguments cannot be read")
    return None if found is None else refused(422, _says(found), _field(found))


def _field(found: Misfit) -> str:
    if found.keyword == "required":
        return next((name for name in found.wanted if name not in found.got), "")
    if found.keyword == "additionalProperties" and isinstance(found.wanted, bool):
        return ""
    return ".".join(map(str, found.path))


def _says(found: Misfit) -> str:
    field = _field(found)
    if found.keyword == "required":
        return f"{field} is required"
    return f"{field or 'the call'} does not fit: {found.keyword} {show(_plain(found.wanted))}"


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list) or value is None else ""
