"""Gemma's forms: the marks of FunctionGemma and of Gemma 4, and the Python or JSON that Gemma 3 is prompted for.

Marked: call:name{key:value,...} between a mark to open and one to close. Texts stand between two quote marks and hold
anything else; numbers, true, false, null, lists and objects are bare, as keys are.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from manyshot.formats.json_calls import read_json_calls
from manyshot.formats.python_calls import read_python
from manyshot.formats.scanner import Scanner
from manyshot.oneline import show
from manyshot.parse import MAX_DEPTH
from manyshot.types import Call

_NAME = re.compile(r"[\w.\-]+")
_TOOL_CODE = re.compile(r"\s*```tool_code\n(.*?)\n?```\s*\Z", re.DOTALL)
_JSON = re.compile(r"\s*(?:\{|\[\s*\{)")
_PYTHON = re.compile(r"\s*\[?\s*[\w.]+\(")


class _Marks(NamedTuple):
    open: str
    close: str
    quote: str


_FUNCTION_GEMMA = _Marks("<start_function_call>", "<end_function_call>", "<escape>")
_GEMMA_4 = _Marks("<|tool_call>", "<tool_call|>", '<|"|>')
#: Stands behind FunctionGemma's calls: the mark at which generation stops.
_RESPONSE = "<start_function_response>"


def read_gemma(scanner: Scanner) -> None:
    """Read any of Gemma's forms, told apart by how the text begins or by its marks."""
    for marks in (_FUNCTION_GEMMA, _GEMMA_4):
        if scanner.find_first(marks.open):
            while scanner.take(marks.open):
                _take_call(scanner, marks)
            scanner.take(_RESPONSE)
            scanner.finish()
            return
    if fenced := _TOOL_CODE.match(scanner.text):
        scanner.text = fenced[1]
        read_python(scanner)
    elif _JSON.match(scanner.text):
        read_json_calls(scanner)
    elif _PYTHON.match(scanner.text):
        read_python(scanner)


def _take_call(scanner: Scanner, marks: _Marks) -> None:
    scanner.expect("call:")
    name = scanner.take_pattern(_NAME, "a function name")
    scanner.expect("{")
    scanner.calls.append(Call(name=name, arguments=_take_object(scanner, marks, 1)))
    scanner.expect_last(marks.close)


def _take_object(scanner: Scanner, marks: _Marks, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if scanner.take("}"):
        return found
    while True:
        scanner.skip_space()
        key = scanner.take_pattern(_NAME, "a key")
        if key in found:
            raise scanner.wanted(f"each key once, {show(key)} again")
        scanner.expect(":")
        found[key] = _take_value(scanner, marks, depth)
        if scanner.take("}"):
            return found
        scanner.expect(",")


def _take_value(scanner: Scanner, marks: _Marks, depth: int) -> Any:
    if scanner.take(marks.quote):
        end = scanner.text.find(marks.quote, scanner.at)
        if end < 0:
            raise scanner.wanted(f"{marks.quote} behind the text")
        value, scanner.at = scanner.text[scanner.at : end], end + len(marks.quote)
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise scanner.wanted("a text without lone surrogates")
        return value
    if depth >= MAX_DEPTH:
        raise scanner.wanted(f"at most {MAX_DEPTH} levels")
    if scanner.take("{"):
        return _take_object(scanner, marks, depth + 1)
    if scanner.take("["):
        return _take_list(scanner, marks, depth + 1)
    if scanner.text.startswith('"', scanner.at):
        raise scanner.wanted(f"{marks.quote} before a text")
    return scanner.take_json()


def _take_list(scanner: Scanner, marks: _Marks, depth: int) -> list[Any]:
    found: list[Any] = []
    if scanner.take("]"):
        return found
    while True:
        found.append(_take_value(scanner, marks, depth))
        if scanner.take("]"):
            return found
        scanner.expect(",")
