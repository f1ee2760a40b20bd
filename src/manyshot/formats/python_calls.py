"""Python call syntax: f(a=1) or [f(a=1), g(b="x")]. The text is parsed, never run: only literals are values."""

from __future__ import annotations

import ast
import math
import warnings
from typing import Any

from manyshot.formats.scanner import ENDS, Scanner
from manyshot.oneline import show
from manyshot.parse import MAX_DEPTH
from manyshot.types import Call

_WANTED = "calls with literal keyword arguments"


def read_python(scanner: Scanner, closing: str = "") -> None:
    """Read the rest of the text as one call or a list of calls; `closing` and ends of turns may stand behind."""
    source = scanner.text[scanner.at :].strip()
    for end in (*ENDS, closing):
        if end:
            source = source.removesuffix(end).rstrip()
    _refuse_depth(source)
    try:
        with warnings.catch_warnings():  # "\d" in a text is a fault of style at most
            warnings.simplefilter("ignore")
            body = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"at {error.offset or 0}: wanted {_WANTED}: {error.msg}") from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise ValueError(f"wanted {_WANTED}, got what cannot be parsed ({type(error).__name__})") from None
    for node in body.elts if isinstance(body, ast.List) else [body]:
        scanner.calls.append(_call(node))
    scanner.at = len(scanner.text)


def _refuse_depth(source: str) -> None:
    """Deep nesting costs the parser more than the text is worth. Brackets within texts count too."""
    depth = 0
    for place, character in enumerate(source):
        if character in "([{":
            depth += 1
            if depth > 4 * MAX_DEPTH:
                raise ValueError(f"at {place}: wanted at most {4 * MAX_DEPTH} open brackets")
        elif character in ")]}":
            depth -= 1


def _call(node: ast.expr) -> Call:
    if not isinstance(node, ast.Call):
        raise _refused(node, "a call")
    if node.args:
        raise _refused(node.args[0], "an argument with its name")
    arguments: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise _refused(keyword.value, "an argument with its name")
        if keyword.arg in arguments:
            raise _refused(keyword.value, f"each argument once, {show(keyword.arg)} again")
        arguments[keyword.arg] = _value(keyword.value, 1)
    return Call(name=_name(node.func), arguments=arguments)


def _name(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise _refused(node, "a function name")
    return ".".join([node.id, *reversed(parts)])


def _value(node: ast.expr, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise _refused(node, f"at most {MAX_DEPTH} levels")
    if isinstance(node, ast.Constant):
        return _constant(node, node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return _signed(node)
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(item, depth + 1) for item in node.elts]
    if isinstance(node, ast.Dict):
        return _dict(node, depth)
    raise _refused(node, "a literal")


def _constant(node: ast.expr, value: Any) -> Any:
    if isinstance(value, str):
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise _refused(node, "a text without lone surrogates")
        return value
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise _refused(node, "a literal that JSON has too")


def _signed(node: ast.UnaryOp) -> int | float:
    value = node.operand.value if isinstance(node.operand, ast.Constant) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refused(node, "a number behind the sign")
    return -value if isinstance(node.op, ast.USub) else value


def _dict(node: ast.Dict, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            raise _refused(key or value, "a text as key")
        if key.value in found:
            raise _refused(key, "each key once")
        found[_constant(key, key.value)] = _value(value, depth + 1)
    return found


def _refused(node: ast.expr, what: str) -> ValueError:
    return ValueError(f"at {node.col_offset}: wanted {what}, got {type(node).__name__}")
