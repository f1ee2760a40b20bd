"""An entry of a benchmark under the strict rules of `manyshot.score`.

The leaderboard's names of types become JSON Schema's, its possible answers become expected calls, and Java and
JavaScript texts become values. An answer key that nothing can satisfy is no model's fault: such an entry is not judged.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from manyshot.bfcl import CATEGORIES, java, javascript, well_formed
from manyshot.schema_fit import misfit
from manyshot.score import score, score_call, show_allowed
from manyshot.scoring.entries import Entry, Judged
from manyshot.types import Alike, Call, Expected, Json, Score, Source, TestCase, Tool

#: Forms that one alternative may stand for, when the parts of an object have alternatives of their own.
MAX_FORMS = 256
_CONVERTERS = {"simple_java": java.convert, "simple_javascript": javascript.convert}
_NOWHERE = Source(file="")
#: Names of types -> JSON Schema's; "" where anything is allowed.
JSON_TYPES = {
    **dict.fromkeys(("string", "String", "char", "str"), "string"),
    **dict.fromkeys(("integer", "byte", "short", "long", "Bigint", "int"), "integer"),
    **dict.fromkeys(("number", "float", "double"), "number"),
    **dict.fromkeys(("boolean", "Boolean", "bool"), "boolean"),
    **dict.fromkeys(("array", "tuple", "list", "Array", "ArrayList", "Queue", "Stack", "Set"), "array"),
    **dict.fromkeys(("object", "dict", "HashMap", "Hashtable"), "object"),
    **dict.fromkeys(("any", "Any"), ""),
    "null": "null",
}


def judge_strictly(entry: Entry) -> Judged:
    """The strict verdict; None where the entry's own answer is refused by its schema, or the schema cannot be used."""
    if not well_formed(entry.output):
        return Judged(False, "decode", message="wanted a list of {name: {parameter: value}}")
    shape = CATEGORIES[entry.category].shape
    if shape in ("relevance", "irrelevance"):
        if bool(entry.output) == (shape == "relevance"):
            return Judged(True)
        return Judged(False, "count", message="wanted a call, got none" if not entry.output else "wanted no call")
    try:
        calls, case, tools = prepare(entry)
        for one in case.expected:
            if refused := refusal(one, tools.get(one.name)):
                return Judged(None, message=f"no answer can be right: {refused}")
        if len(calls) != len(case.expected):
            return Judged(False, "count", message=f"wanted {len(case.expected)} calls, got {len(calls)}")
        return _as_judged(score(calls, None, case, tools))
    except Exception as error:  # a schema may be anything, and one bad entry must not cost the others
        return Judged(None, message=f"cannot be judged ({type(error).__name__}: {error})")


def prepare(entry: Entry) -> tuple[list[Call], TestCase, dict[str, Tool]]:
    """What `score` takes: the calls made, the test, the tools by name.

    Raises ValueError for types that no side knows, LookupError or TypeError where parts of a function are missing.
    """
    tools = {tool.name: tool for tool in map(as_tool, entry.functions)}
    expected = tuple(as_expected(answer, tools, entry.alike) for answer in entry.possible_answer)
    return as_calls(entry), TestCase(id=str(entry.id), action="", expected=expected, source=_NOWHERE), tools


def as_tool(function: Json) -> Tool:
    """A tool with a JSON Schema. Raises ValueError for a type that is known to neither side."""
    schema = _as_schema(function.get("parameters") or {})
    return Tool(name=function["name"], parameters={"type": "object", "properties": {}, **schema})


def as_expected(
    answer: Json, tools: Mapping[str, Tool], alike: Mapping[str, Mapping[str, Sequence[Alike]]] | None = None
) -> Expected:
    """{name: {parameter: alternatives}} with the alternatives of an object's parts written out.

    alike: by function and parameter, see `manyshot.alike`.
    """
    ((name, arguments),) = answer.items()
    properties = tools[name].properties if name in tools else {}
    return Expected(
        name=name,
        arguments={
            parameter: [form for one in allowed for form in _forms(one, properties.get(parameter) or {})]
            for parameter, allowed in arguments.items()
        },
        alike={parameter: tuple(rules) for parameter, rules in (alike or {}).get(name, {}).items()},
    )


def as_calls(entry: Entry) -> list[Call]:
    """The entry's calls; Java and JavaScript texts as the values they stand for."""
    calls = [Call(name=name, arguments=arguments) for call in entry.output for name, arguments in call.items()]
    convert = _CONVERTERS.get(entry.category)
    if convert is None:
        return calls
    schemas = {f["name"]: f["parameters"]["properties"] for f in entry.functions}
    return [
        Call(
            name=call.name,
            arguments={
                name: _converted(value, schemas.get(call.name, {}).get(name), convert)
                for name, value in call.arguments.items()
            },
        )
        for call in calls
    ]


def refusal(expected: Expected, tool: Tool | None) -> str:
    """Why no call can satisfy the schema and the expected call both, "" when one can."""
    if tool is None:
        return f"{expected.name} is not among the functions"
    arguments: Json = {}
    for name, allowed in expected.arguments.items():
        schema = tool.properties.get(name) or {}
        fitting = (one for one in allowed if one != "" and misfit({name: one}, {"properties": {name: schema}}) is None)
        value = next(fitting, "")
        if value != "":
            arguments[name] = value
        elif "" not in allowed:
            return f"{name}: the schema refuses {show_allowed(allowed)}" if allowed else f"{name}: no value is allowed"
    return score_call(Call(name=expected.name, arguments=arguments), expected, tool).detail


def _converted(value: Any, schema: Json | None, convert: Any) -> Any:
    if not isinstance(value, str) or schema is None:
        return value
    try:
        return convert(value, schema["type"], (schema.get("items") or {}).get("type"))
    except (ValueError, KeyError, NotImplementedError):
        return value


def _as_schema(schema: Any) -> Any:
    """The schema with JSON Schema's names of types, inside too."""
    if not isinstance(schema, dict):
        return schema
    new = dict(schema)
    if "type" in schema:
        kinds = [_type(kind) for kind in ([schema["type"]] if isinstance(schema["type"], str) else schema["type"])]
        del new["type"]
        if all(kinds):
            new["type"] = kinds if len(kinds) > 1 else kinds[0]
    if isinstance(schema.get("properties"), dict):
        new["properties"] = {name: _as_schema(inner) for name, inner in schema["properties"].items()}
    if "items" in schema:
        new["items"] = _as_schema(schema["items"])
    return new


def _type(name: Any) -> str:
    if not isinstance(name, str) or name not in JSON_TYPES:
        raise ValueError(f"unknown type {name!r} in a schema; known: {', '.join(JSON_TYPES)}")
    return JSON_TYPES[name]


def _forms(alternative: Any, schema: Json) -> list[Any]:
    """The values that an alternative stands for: of {"a": [1, 2]} for an object {"a": 1} and {"a": 2}."""
    forms = list(itertools.islice(_spell_out(alternative, schema), MAX_FORMS + 1))
    if len(forms) > MAX_FORMS:
        raise ValueError(f"wanted an alternative that stands for at most {MAX_FORMS} values")
    return forms


def _spell_out(alternative: Any, schema: Json) -> Iterator[Any]:
    if schema.get("type") == "object" and isinstance(alternative, dict):
        if all(isinstance(parts, list) for parts in alternative.values()):
            for parts in itertools.product(*alternative.values()):
                yield {key: part for key, part in zip(alternative, parts, strict=True) if part != ""}
            return
    elif schema.get("type") == "array" and isinstance(alternative, list):
        items = schema.get("items") or {}
        for rows in itertools.product(*(_forms(item, items) for item in alternative)):
            yield list(rows)
        return
    yield alternative


def _as_judged(found: Score) -> Judged:
    return Judged(found.right, found.stage, message=found.detail)
