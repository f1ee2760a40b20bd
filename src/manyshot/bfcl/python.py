"""Python: values come typed. Only an integer is widened, to a `float`, and only outside of lists and dicts."""

from __future__ import annotations

from typing import Any

from manyshot.bfcl.alternatives import judge

#: Any other type name is a crash as soon as the parameter is given.
TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
}


def python_fault(schema: dict[str, Any], value: Any, allowed: Any) -> str | None:
    """The name of the error of one value, None when right."""
    kind = schema["type"]
    wanted, inner = TYPES[kind], None
    if wanted is list:
        inner = TYPES[schema["items"]["type"]]
        if kind == "tuple" and type(value) is tuple:
            value = list(value)
    elif type(value) is wanted:
        if wanted is not dict and type(allowed) is list and value in allowed:
            return None  # `judge` would not say otherwise; most values end here
    elif wanted is float and type(value) is int:
        value = float(value)
    return judge(value, allowed, wanted, inner)
