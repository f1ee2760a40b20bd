"""tools.json: names, schemas and the lines of what is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from manyshot.spec.check import check
from manyshot.spec.load import load_domain
from tests.spec.desk import BOOK, CANCEL, Desk

Said = Callable[[], list[str]]


def _with(change: dict[str, Any], **param: Any) -> dict[str, Any]:
    tool = copy.deepcopy(BOOK)
    tool.update(change)
    for name, schema in param.items():
        tool["parameters"]["properties"][name] = schema
    return tool


@pytest.mark.parametrize(
    ("tool", "at", "expected"),
    [
        (_with({"name": "a b"}), '"name"', '"a b" is no name for a function'),
        (_with({"name": "none"}), '"name"', '"none" means that no tool fits'),
        (_with({"name": 3}), '"name"', "wanted a name as text, found 3"),
        (
            _with({"descripton": "x"}),
            '"descripton"',
            'unknown key "descripton" in a function; did you mean "description"?',
        ),
        (_with({"description": 3}), '"description"', "wanted text as description, found integer"),
        (_with({"parameters": []}), '"parameters"', "wanted a JSON Schema object, found array"),
        (
            _with({"parameters": {"type": "string"}}),
            '"parameters"',
            'wanted parameters of "type": "object", found "string"',
        ),
        (_with({}, x={"type": "int"}), '"type": "int"', '"x": unknown type "int"; did you mean "integer"?'),
        (_with({}, x={"type": "strng"}), '"type": "strng"', 'did you mean "string"?'),
        (_with({}, x={"enum": []}), '"enum": []', '"x": wanted a list of at least one value in enum'),
        (_with({}, x={"type": "string", "pattern": "(a"}), '"(a"', '"x": the pattern "(a" does not compile'),
        (_with({}, x={"type": "integer", "minimum": 9, "maximum": 1}), '"minimum": 9', "minimum 9 is above maximum 1"),
        (_with({}, x={"type": "string", "required": True}), '"required": true', "wanted a list of names in required"),
        (_with({}, x={"type": "string", "minLength": -1}), '"minLength"', "no JSON Schema: "),
        (_with({}, x=7), '"x": 7', '"x": wanted a JSON Schema object, found integer 7'),
        (_with({}, x={"$ref": "#/$defs/none"}), '"parameters"', 'the reference "#/$defs/none" leads nowhere'),
        (_with({}, x={"$ref": "https://example.com/a.json"}), '"parameters"', "leads nowhere; correct it"),
    ],
)
def test_faults(desk: Desk, said: Said, tool: dict[str, Any], at: str, expected: str) -> None:
    desk.tools([CANCEL, tool])
    lines = (desk.folder / "tools.json").read_text().split("\n")
    start = desk.line_of("tools.json", "Cancels")
    line = next(n for n, row in enumerate(lines, 1) if n > start + 20 and at in row)
    found = [f for f in said() if f.startswith(f"tools.json:{line}: ") and expected in f]
    assert found, said()


def test_required_names_what_is_not_there(desk: Desk, said: Said) -> None:
    tool = copy.deepcopy(BOOK)
    tool["parameters"]["required"] = ["day", "guest"]
    desk.tools([tool])
    assert 'required names "guest", which is not among the properties; did you mean "guests"?' in said()[0]


def test_same_name_twice(desk: Desk, said: Said) -> None:
    desk.tools([BOOK, CANCEL, BOOK])
    first = desk.line_of("tools.json", '"type": "function"') - 1
    assert f'the tool "Book" stands already on line {first}; rename one' in said()[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "the domain has no tools; add at least one"),
        ('{"tools": []}', 'wanted a list of tools, found object; keep only the list under "tools"'),
        ("[3]", "wanted a tool as an object, found integer 3"),
        ('[{"type": "tool", "function": {"name": "a"}}]', 'wanted "type": "function", found "tool"'),
        ('[{"type": "function", "function": {"name": "a"}, "x": 1}]', 'unknown key "x" in a tool'),
        ('[{"type": "function"}]', 'a function has no "name"; add it'),
    ],
)
def test_list_faults(desk: Desk, said: Said, text: str, expected: str) -> None:
    desk.write("tools.json", text)
    assert any(f.startswith("tools.json:1: ") and expected in f for f in said()), said()


def test_no_tools_file(desk: Desk, said: Said) -> None:
    (desk.folder / "tools.json").unlink()
    assert said()[0].startswith("tools.json: the domain has no tools: write tools.json")


def test_bare_functions_stay_as_they_are(desk: Desk) -> None:
    desk.write("tools.json", json.dumps([BOOK, {"type": "function", **CANCEL, "strict": True}, {"name": "Ping"}]))
    tools = load_domain(desk.folder).tools
    assert [t.name for t in tools] == ["Book", "Cancel", "Ping"]
    assert tools[0].parameters == BOOK["parameters"]
    assert tools[2].parameters == {"type": "object", "properties": {}}


def test_local_definitions_are_opened(desk: Desk) -> None:
    tool = _with({}, x={"$ref": "#/$defs/Node"}, y={"anyOf": [{"type": "string"}, {"type": "null"}]})
    tool["parameters"]["$defs"] = {
        "Node": {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/$defs/Node"}}}
    }
    desk.tools([tool])
    parameters = load_domain(desk.folder).tools[0].parameters
    assert "$defs" not in parameters
    assert parameters["properties"]["x"]["properties"] == {"v": {"type": "integer"}, "next": {"type": "object"}}
    assert parameters["properties"]["y"] == {"type": ["string", "null"]}


def test_true_and_false_are_schemas_too(desk: Desk) -> None:
    desk.tools([_with({}, x=True, y=False, z={"type": "array", "items": True})])
    desk.shots(
        [
            {
                "action": "2 on 2024-10-11, 5",
                "call": {"name": "Book", "arguments": {"day": "2024-10-11", "guests": 2, "x": 5}},
            }
        ]
    )
    assert check(desk.folder).ok
    properties = load_domain(desk.folder).tools[0].properties
    assert (properties["x"], properties["y"], properties["z"]) == ({}, {"not": {}}, {"type": "array", "items": {}})


def test_hints_for_what_looks_misspelled(desk: Desk) -> None:
    desk.tools([_with({}, x={"type": "integer", "minimun": 3, "default": "a", "x-note": 1}), {"name": "Ping"}])
    hints = [str(h) for h in check(desk.folder).hints]
    line = desk.line_of("tools.json", "minimun")
    assert f'tools.json:{line}: "x": "minimun" is no keyword of JSON Schema; did you mean "minimum"?' in hints
    assert any('"a", given as a default or example, does not fit' in h for h in hints)
    assert any('"Ping" has no description' in h for h in hints)
