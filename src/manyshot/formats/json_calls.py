"""Forms whose arguments are JSON."""

from __future__ import annotations

import re
from typing import Any

from manyshot.formats.python_calls import read_python
from manyshot.formats.scanner import Scanner
from manyshot.parse import read_call, read_json
from manyshot.types import Call

_NAME = re.compile(r"[\w.\-]+")
_CALL_ID = re.compile(r"[\w\-]+")
#: What may stand beside a name and its arguments: OpenAI's and Mistral's ids, Llama's type.
_BESIDE = frozenset({"id", "type"})


def read_json_calls(scanner: Scanner) -> None:
    """{"name": ..., "arguments": {...}} or a list of such objects; "parameters" is accepted for "arguments"."""
    _take_calls(scanner)
    scanner.finish()


def read_named(scanner: Scanner) -> None:
    """`Name{...}`, a call a line."""
    for line in scanner.text.split("\n"):
        if line.strip():
            name, arguments = read_call(line)
            scanner.calls.append(Call(name=name, arguments=arguments))
    if not scanner.calls:
        raise scanner.wanted("a call")


def read_hermes(scanner: Scanner) -> None:
    """Nous Hermes' and Qwen's: <tool_call>, an object, </tool_call>, as often as there are calls."""
    if not scanner.find_first("<tool_call>"):
        return
    while scanner.take("<tool_call>"):
        scanner.calls.append(_call(scanner, scanner.take_json()))
        scanner.expect_last("</tool_call>")
    scanner.finish()


def read_llama(scanner: Scanner) -> None:
    """Llama 3.1's JSON (";" between calls) or <function=...>, Llama 3.2's and 4's list of Python calls."""
    scanner.take("<|python_tag|>") or scanner.take("<|python_start|>")
    scanner.skip_space()
    if scanner.text.startswith("[", scanner.at):
        read_python(scanner, closing="<|python_end|>")
    elif scanner.text.startswith("{", scanner.at):
        _take_calls(scanner)
        while scanner.take(";"):
            _take_calls(scanner)
        scanner.finish()
    elif scanner.find_first("<function="):
        while scanner.take("<function="):
            name = scanner.take_pattern(_NAME, "a function name")
            scanner.expect(">")
            scanner.calls.append(Call(name=name, arguments=_arguments(scanner, scanner.take_json())))
            scanner.expect_last("</function>")
        scanner.finish()


def read_mistral(scanner: Scanner) -> None:
    """[TOOL_CALLS] and a list of objects, or [TOOL_CALLS]name[CALL_ID]id[ARGS]{...} for each call."""
    if not scanner.find_first("[TOOL_CALLS]"):
        return
    while scanner.take("[TOOL_CALLS]"):
        scanner.skip_space()
        if scanner.text.startswith(("[", "{"), scanner.at):
            _take_calls(scanner)
            continue
        name = scanner.take_pattern(_NAME, "a function name")
        if scanner.take("[CALL_ID]"):
            scanner.take_pattern(_CALL_ID, "the id of the call")
        scanner.take("[ARGS]")
        scanner.calls.append(Call(name=name, arguments=_arguments(scanner, scanner.take_json())))
    scanner.finish()


def _take_calls(scanner: Scanner) -> None:
    found = scanner.take_json()
    for one in found if isinstance(found, list) else [found]:
        scanner.calls.append(_call(scanner, one))


def _call(scanner: Scanner, found: Any) -> Call:
    if not isinstance(found, dict) or not isinstance(found.get("name"), str) or not found["name"]:
        raise scanner.wanted('an object with "name" and "arguments" before this place')
    names = [key for key in ("arguments", "parameters") if key in found]
    unknown = found.keys() - {"name", *names} - _BESIDE
    if len(names) != 1 or unknown:
        raise scanner.wanted('"name" and one of "arguments" and "parameters" before this place')
    return Call(name=found["name"], arguments=_arguments(scanner, found[names[0]]))


def _arguments(scanner: Scanner, found: Any) -> dict[str, Any]:
    if isinstance(found, str):
        scanner.repaired("arguments within a JSON string")
        found, end, text = *read_json(found), found
        if text[end:].strip():  # would be lost without a word
            raise scanner.wanted("arguments that are one JSON object")
    if not isinstance(found, dict):
        raise scanner.wanted("arguments that are a JSON object")
    return found
