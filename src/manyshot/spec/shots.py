"""shots/calls.jsonl and tests/calls.jsonl -> Shots and TestCases.

The one rule: a call that leaves here can be made: its tool exists and its arguments fit the tool's schema.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from manyshot.parse import write_call
from manyshot.spec.documents import check_keys, read_rows
from manyshot.spec.faults import Findings, kind, near, show
from manyshot.spec.schemas import breaks, fits, walk
from manyshot.types import Alike, Call, Expected, Json, Refusal, Shot, Source, TestCase, Tool

SHOTS = "shots/calls.jsonl"
TESTS = "tests/calls.jsonl"
#: Among the allowed values of a test: the parameter may be left out.
LEFT_OUT = ""
_ALIKE = get_args(Alike)
#: Combinations of allowed values that are tried before a test is called impossible.
_TRIES = 256

Tools = Mapping[str, Tool]


def read_shots(folder: Path, tools: Tools, findings: Findings) -> list[Shot]:
    """The sound shots. A file without any is a fault."""
    shots: list[Shot] = []
    seen: dict[str, Shot] = {}
    before = len(findings.faults)
    for line, row in read_rows(folder, SHOTS, findings):
        shot = _shot(row, line, tools, findings)
        if shot is None:
            continue
        if (first := seen.get(shot.action)) is None:
            seen[shot.action] = shot
            shots.append(shot)
        elif (first.call, set(first.ask)) == (shot.call, set(shot.ask)):
            findings.hint(SHOTS, line, f"the same shot stands on line {first.source.line}; it counts once, remove one")
        else:
            findings.fault(SHOTS, line, f"the action of line {first.source.line} again with another answer; keep one")
    if not shots and len(findings.faults) == before:
        findings.fault(
            SHOTS, 1, 'the domain has no shots; write one JSON object a line: {"action": "...", "call": {...}}'
        )
    return _with_ids(shots)


def _with_ids(shots: list[Shot]) -> list[Shot]:
    """Ids from the action alone, so that they stay when lines move; longer where eight digits would collide."""
    digests = [hashlib.sha256(s.action.encode()).hexdigest() for s in shots]
    short = [d[:8] for d in digests]
    ids = [f"s-{d[:8] if short.count(d[:8]) == 1 else d[:16]}" for d in digests]
    return [s.model_copy(update={"id": i}) for s, i in zip(shots, ids, strict=True)]


def _shot(row: Json, line: int, tools: Tools, findings: Findings) -> Shot | None:
    problems = [m for _, m in check_keys(row, ("action", "call"), ("ask",), "a shot")]
    problems += _action_problems(row)
    call, ask = row.get("call"), row.get("ask", [])
    problems += _ask_problems(ask, tools, shot=True)
    if call is not None:
        problems += _part_problems(call, ask, tools) if ask else call_problems(call, tools)
    for message in problems:
        findings.fault(SHOTS, line, message)
    if problems:
        return None
    made = Call(name=call["name"], arguments=call.get("arguments", {})) if call is not None else None
    return Shot(id="", action=row["action"], call=made, ask=tuple(ask), source=Source(file=SHOTS, line=line))


def _part_problems(call: Any, ask: Any, tools: Tools) -> list[str]:
    """Why a call that lacks `ask` cannot be: what is there must fit, and `ask` be all that is missing."""
    problems = call_problems(call, tools, free=True)
    if problems or not isinstance(ask, list) or not all(isinstance(name, str) for name in ask):
        return problems  # what is wrong with `ask` itself was said already
    tool, arguments = tools[call["name"]], call.get("arguments", {})
    missing = [n for n in tool.required if n not in arguments]
    if set(missing) != set(ask):
        wanted = ", ".join(f'"{n}"' for n in missing) or "nothing"
        problems.append(f"{tool.name}: beside these arguments {wanted} is missing, so ask must name just that")
    part = Tool(name=tool.name, parameters={k: v for k, v in tool.parameters.items() if k != "required"})
    return problems + call_problems(call, {tool.name: part})


def _action_problems(row: Json) -> Iterator[str]:
    if "action" in row and (not isinstance(row["action"], str) or not row["action"].strip()):
        yield f"wanted the customer's words as action, found {show(row['action'])}; write a sentence"


def call_problems(call: Any, tools: Tools, *, free: bool = False) -> list[str]:
    """Why a call cannot be made. `free`: the arguments may break the schema (a call that was refused)."""
    if not isinstance(call, dict):
        return [f'wanted a call as {{"name": ..., "arguments": {{...}}}}, found {show(call)}']
    problems = [m for _, m in check_keys(call, ("name",), ("arguments",), "a call")]
    name, arguments = call.get("name"), call.get("arguments", {})
    if not isinstance(arguments, dict):
        problems.append(f"wanted arguments as an object, found {kind(arguments)} {show(arguments)}; write {{...}}")
    if "name" in call and (not isinstance(name, str) or name not in tools):
        problems.append(f"unknown tool {show(name)}; {near(str(name), tools)}")
    if not problems:
        problems += _unwritable(str(name), arguments)
    if problems or free:
        return problems
    tool = tools[str(name)]
    problems = [f"{tool.name}: {m}" for m in breaks(tool.parameters, arguments)]
    if not problems:
        problems = [
            f'{tool.name}: unknown parameter "{n}"; {near(n, tool.properties)}'
            for n in arguments
            if not _declared(tool, n)
        ]
    return problems


def _unwritable(name: str, arguments: Json) -> Iterator[str]:
    """Why the model could not write such a call: it nests too deep, or a number has hundreds of digits."""
    try:
        write_call(name, arguments)
    except ValueError as error:
        yield f"{name}: these arguments cannot be written as a call: {show(str(error), 100)}; make them simpler"


def _declared(tool: Tool, name: str) -> bool:
    """A parameter that the schema names anywhere at its top, or lets through by a schema for others."""
    if isinstance(tool.parameters.get("additionalProperties"), dict) or tool.parameters.get("patternProperties"):
        return True
    return name in tool.properties or any(
        isinstance(part, dict) and name in part.get("properties", {})
        for path, part in walk(tool.parameters)
        if not any(word in ("properties", "items") for word in path)
    )


def _names(tools: Tools) -> tuple[set[str], set[str]]:
    """Every field of every tool, and those that some schema requires; nested ones by name and by dotted path."""
    every: set[str] = set()
    required: set[str] = set()
    for tool in tools.values():
        for path, part in walk(tool.parameters):
            if not isinstance(part, dict):
                continue
            outer = [str(path[i + 1]) for i, word in enumerate(path[:-1]) if word == "properties"]
            names = [n for n in part.get("required", ()) if isinstance(n, str)]
            for others in part.get("dependentRequired", {}).values():
                names += others
            for bag, found in ((every, [*part.get("properties", {}), *names]), (required, names)):
                bag.update(found)
                bag.update(".".join([*outer, n]) for n in found)
    return every, required


def _ask_problems(ask: Any, tools: Tools, *, shot: bool) -> list[str]:
    if not isinstance(ask, list) or not all(isinstance(a, str) for a in ask):
        return [f'wanted ask as a list of field names, found {show(ask)}; write ["name", ...]']
    every, required = _names(tools)
    problems = [f'ask names "{a}", which no tool has; {near(a, sorted(every))}' for a in ask if a not in every]
    problems += [f'ask names "{a}" twice; name it once' for a in sorted(set(ask)) if ask.count(a) > 1]
    if shot:
        problems += [
            f'ask names "{a}", which no tool requires; make it required in its tool or do not ask for it'
            for a in ask
            if a in every and a not in required
        ]
    return problems


# -- tests -------------------------------------------------------------------------------------------------------------


def read_tests(folder: Path, tools: Tools, findings: Findings) -> list[TestCase]:
    """The sound tests; [] without a fault when the domain has none. Only `evaluate` and `check` call this."""
    tests: list[TestCase] = []
    ids: dict[str, int] = {}
    seen: dict[tuple[str, str], TestCase] = {}
    if not (folder / TESTS).exists():
        return []
    for line, row in read_rows(folder, TESTS, findings):
        test = _test(row, line, tools, findings)
        if isinstance(name := row.get("id"), str):
            if name in ids:
                findings.fault(TESTS, line, f'the id "{name}" stands already on line {ids[name]}; give another')
            ids.setdefault(name, line)
        if test is None:
            continue
        first = seen.setdefault((test.action, repr(test.history)), test)
        if first is not test and (first.expected, set(first.ask)) != (test.expected, set(test.ask)):
            findings.fault(TESTS, line, f"the action of line {first.source.line} again with another answer; keep one")
        elif first is not test:
            findings.hint(TESTS, line, f"the same test stands on line {first.source.line}; remove one")
        tests.append(test)
    return tests


def _test(row: Json, line: int, tools: Tools, findings: Findings) -> TestCase | None:
    problems = [m for _, m in check_keys(row, ("id", "action", "expected"), ("ask", "history"), "a test")]
    problems += _action_problems(row)
    expected, ask, history = row.get("expected", []), row.get("ask", []), row.get("history", [])
    if "id" in row and (not isinstance(row["id"], str) or not row["id"].strip()):
        problems.append(f"wanted an id as text, found {show(row['id'])}; put it into quotes")
    problems += _ask_problems(ask, tools, shot=False)
    problems += _history_problems(history, tools)
    if not isinstance(expected, list):
        problems.append(f"wanted expected as a list of calls, found {kind(expected)}; write [] when no call is right")
    else:
        problems += [m for call in expected for m in expected_problems(call, tools)]
        if expected and ask:
            problems.append('both "expected" and "ask", but to ask back is the whole answer; set expected to []')
    for message in problems:
        findings.fault(TESTS, line, message)
    if problems:
        return None
    _, required = _names(tools)
    for name in ask:
        if name not in required:
            findings.hint(TESTS, line, f'ask names "{name}", which no tool requires, so it will never be asked for')
    return TestCase(
        id=row["id"],
        action=row["action"],
        expected=tuple(Expected.model_validate(e) for e in expected),
        ask=tuple(ask),
        history=tuple(
            Refusal(call=Call(name=h["call"]["name"], arguments=h["call"].get("arguments", {})), error=h["error"])
            for h in history
        ),
        source=Source(file=TESTS, line=line),
    )


def _history_problems(history: Any, tools: Tools) -> list[str]:
    if not isinstance(history, list):
        return [f'wanted history as a list of {{"call", "error"}}, found {kind(history)}']
    problems: list[str] = []
    for entry in history:
        if not isinstance(entry, dict):
            problems.append(f'wanted {{"call", "error"}} in history, found {show(entry)}')
            continue
        problems += [m for _, m in check_keys(entry, ("call", "error"), (), "an entry of history")]
        if "call" in entry:
            problems += [f"history: {m}" for m in call_problems(entry["call"], tools, free=True)]
        if "error" in entry and (not isinstance(entry["error"], str) or not entry["error"].strip()):
            problems.append(f"wanted the API's words as error in history, found {show(entry['error'])}")
    return problems


def expected_problems(call: Any, tools: Tools) -> list[str]:
    """Why no call can ever meet what a test expects."""
    if not isinstance(call, dict):
        return [f'wanted an expected call as {{"name": ..., "arguments": {{...}}}}, found {show(call)}']
    problems = [m for _, m in check_keys(call, ("name",), ("arguments", "alike"), "an expected call")]
    name, arguments = call.get("name"), call.get("arguments", {})
    if not isinstance(arguments, dict):
        problems.append(f"wanted arguments as an object of lists, found {show(arguments)}")
    if "name" in call and (not isinstance(name, str) or name not in tools):
        problems.append(f"unknown tool {show(name)}; {near(str(name), tools)}")
    if not problems:
        problems = list(_alike_problems(call.get("alike", {}), arguments))
    if problems:
        return problems
    tool = tools[str(name)]
    problems = [m for n, allowed in arguments.items() for m in _allowed_problems(tool, n, allowed)]
    for needed in tool.required:
        if "default" not in tool.properties.get(needed, {}) and arguments.get(needed, [LEFT_OUT]) == [LEFT_OUT]:
            problems.append(f'{tool.name}: "{needed}" is required, so a call without it is impossible; list its values')
    if not problems and not _possible(tool, arguments):
        problems.append(f"{tool.name}: the schema refuses every combination of the allowed values; correct them")
    return problems


def _alike_problems(alike: Any, arguments: Json) -> Iterator[str]:
    if not isinstance(alike, dict):
        yield f'wanted alike as {{parameter: ["{_ALIKE[0]}", ...]}}, found {show(alike)}'
        return
    for name, rules in alike.items():
        if name not in arguments:
            yield f'alike names "{name}", which is not among the arguments; {near(name, arguments)}'
        elif not isinstance(rules, list) or not rules or not all(rule in _ALIKE for rule in rules):
            yield f'alike of "{name}" wants a list of {", ".join(_ALIKE)}; found {show(rules)}'


def _allowed_problems(tool: Tool, name: str, allowed: Any) -> Iterator[str]:
    if not _declared(tool, name):
        yield f'{tool.name}: unknown parameter "{name}"; {near(name, tool.properties)}'
    elif not isinstance(allowed, list) or not allowed:
        yield f'{tool.name}: "{name}" wants a list of allowed values, found {show(allowed)}; write [value, ...]'
    elif LEFT_OUT not in allowed and not any(fits(tool.properties.get(name, {}), v) for v in allowed):
        whole = {"type": "object", "properties": {name: tool.properties.get(name, {})}}
        why = breaks(whole, {name: allowed[0]})[0]
        yield f"{tool.name}: no allowed value of {name} fits its schema, so the call is impossible; {why}"


def _possible(tool: Tool, arguments: dict[str, list[Any]]) -> bool:
    """Whether some combination is a call that the schema takes. A required field with a default may be left out."""
    base = {n: s["default"] for n, s in tool.properties.items() if "default" in s and n in tool.required}
    names = list(arguments)
    # Values that do not even fit their own field would use up the tries.
    sound = [
        [v for v in allowed if v == LEFT_OUT or fits(tool.properties.get(n, {}), v)] for n, allowed in arguments.items()
    ]
    for row in itertools.islice(itertools.product(*sound), _TRIES):
        chosen = {n: v for n, v in zip(names, row, strict=True) if v != LEFT_OUT}
        if fits(tool.parameters, base | chosen):
            return True
        literal = dict(zip(names, row, strict=True))
        if fits(tool.parameters, base | literal):
            return True
    return False
