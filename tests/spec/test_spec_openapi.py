"""API descriptions: versions, references, null, merging, and what must not happen (the network, other folders)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from manyshot.spec.check import check
from manyshot.spec.faults import Findings
from manyshot.spec.load import load_domain
from manyshot.spec.openapi import read_openapi
from manyshot.spec.operations import Operation
from tests.spec.desk import Desk

Said = Callable[[], list[str]]

YAML = """\
openapi: 3.0.3
info: {title: Tickets, version: "1"}
paths:
  /tickets/{id}:
    parameters:
      - {name: id, in: path, required: true, description: Ticket number, schema: {type: string, pattern: "^T\\\\d+$"}}
    get:
      summary: Reads a ticket
      description: Reads a ticket. Open ones only.
      responses: {200: {description: ok}}
    put:
      operationId: "Ticket.Update!"
      summary: Changes a ticket
      description: Only open ones.
      parameters:
        - {name: X-Token, in: header, schema: {type: string}}
        - {name: notify, in: query, schema: {type: boolean, default: true}}
        - $ref: '#/components/parameters/Lang'
      requestBody: {$ref: 'parts/bodies.yaml#/Change'}
      responses: {'200': {description: ok}}
components:
  parameters:
    Lang: {name: lang, in: query, required: true, schema: {type: string, enum: [zh, en]}, example: zh}
"""
BODIES = """\
Change:
  content:
    application/json:
      schema:
        allOf:
          - $ref: '#/Base'
          - type: object
            required: [priority]
            properties:
              priority: {type: integer, minimum: 0, exclusiveMinimum: true, maximum: 9, example: 3}
Base:
  type: object
  required: [id, made]
  properties:
    id: {type: string, maxLength: 8}
    made: {type: string, readOnly: true}
    note: {type: string, nullable: true, maxLength: 20}
    kind: {type: string, nullable: true, enum: [a, b]}
    parent: {$ref: '#/Base'}
"""


def _read(folder: Path, text: str, file: str = "openapi.yaml", **others: str) -> tuple[list[Operation], Findings]:
    folder.mkdir(exist_ok=True)
    for name, body in {file: text, **others}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(body)
    findings = Findings()
    return read_openapi(folder, file, findings), findings


def test_everything_becomes_one_function(tmp_path: Path) -> None:
    operations, findings = _read(tmp_path, YAML, **{"parts/bodies.yaml": BODIES})
    assert not findings.faults
    get, put = operations
    assert (get.tool.name, get.tool.description) == ("get_tickets_id", "Reads a ticket. Open ones only.")
    assert (put.tool.name, put.tool.description) == ("Ticket.Update", "Changes a ticket. Only open ones.")
    assert put.tool.parameters == {
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^T\\d+$", "description": "Ticket number"},
            "notify": {"type": "boolean", "default": True},
            "lang": {"type": "string", "enum": ["zh", "en"], "examples": ["zh"]},
            "body_id": {"type": "string", "maxLength": 8},
            "note": {"type": ["string", "null"], "maxLength": 20},
            "kind": {"type": ["string", "null"], "enum": ["a", "b", None]},
            "parent": {"type": "object"},
            "priority": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9, "examples": [3]},
        },
        "required": ["id", "lang", "body_id", "priority"],
        "additionalProperties": False,
    }
    assert put.places["body_id"] == ("body", "id")
    assert (put.method, put.path, put.places["lang"]) == ("PUT", "/tickets/{id}", ("query", "lang"))
    hints = [h.message for h in findings.hints]
    assert any('the header "X-Token" is left out' in h for h in hints)
    assert any('"id" stands in path and body; the latter is called "body_id"' in h for h in hints)


def test_a_domain_of_an_api(desk: Desk) -> None:
    (desk.folder / "tools.json").unlink()
    desk.write("openapi.yaml", YAML)
    desk.write("parts/bodies.yaml", BODIES)
    desk.shots([{"action": "read T12", "call": {"name": "get_tickets_id", "arguments": {"id": "T12"}}}])
    assert [t.name for t in load_domain(desk.folder).tools] == ["get_tickets_id", "Ticket.Update"]


def test_openapi_31_null_and_references_beside_words(tmp_path: Path) -> None:
    api = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {
            "/a": {
                "post": {
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["when"],
                                    "properties": {
                                        "when": {"$ref": "#/components/schemas/Day", "description": "The day"},
                                        "x": {"oneOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
                                        "y": {"type": ["number", "null"]},
                                        "z": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                                        "tags": {"type": "array", "items": {"$ref": "#/components/schemas/Day"}},
                                    },
                                }
                            }
                        },
                    },
                    "responses": {"200": {"description": "ok"}},
                }
            }
        },
        "components": {"schemas": {"Day": {"type": "string", "format": "date", "description": "A day"}}},
    }
    operations, findings = _read(tmp_path, json.dumps(api), "openapi.json")
    assert not findings.faults
    assert operations[0].tool.parameters["properties"] == {
        "when": {"description": "The day", "type": "string", "format": "date"},
        "x": {"type": ["integer", "null"], "minimum": 1},
        "y": {"type": ["number", "null"]},
        "z": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "tags": {"type": "array", "items": {"type": "string", "format": "date", "description": "A day"}},
    }


SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "t", "version": "1"},
    "paths": {
        "/pets/{petId}": {
            "post": {
                "operationId": "addPet",
                "parameters": [
                    {
                        "name": "petId",
                        "in": "path",
                        "required": True,
                        "type": "integer",
                        "format": "int64",
                        "minimum": 1,
                    },
                    {
                        "name": "tags",
                        "in": "query",
                        "type": "array",
                        "items": {"type": "string"},
                        "collectionFormat": "csv",
                    },
                    {"name": "pet", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Pet"}},
                ],
                "responses": {"200": {"description": "ok"}},
            },
            "put": {
                "parameters": [
                    {"name": "petId", "in": "path", "required": True, "type": "integer"},
                    {"name": "photo", "in": "formData", "type": "file"},
                    {"name": "title", "in": "formData", "type": "string", "required": True, "maxLength": 9},
                ],
                "responses": {"200": {"description": "ok"}},
            },
            "delete": {
                "parameters": [
                    {"name": "petId", "in": "path", "required": True, "type": "integer"},
                    {"name": "ids", "in": "body", "schema": {"type": "array", "items": {"type": "integer"}}},
                ],
                "responses": {"200": {"description": "ok"}},
            },
        }
    },
    "definitions": {
        "Pet": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        }
    },
}


def test_swagger_2(tmp_path: Path) -> None:
    operations, findings = _read(tmp_path, json.dumps(SWAGGER), "swagger.json")
    assert not findings.faults
    tools = {o.tool.name: o for o in operations}
    add = tools["addPet"].tool.parameters
    assert add["required"] == ["petId", "name"]
    assert add["properties"]["petId"] == {"type": "integer", "format": "int64", "minimum": 1}
    assert add["properties"]["tags"] == {"type": "array", "items": {"type": "string"}}
    form = tools["put_pets_petId"]
    assert form.tool.parameters["properties"]["photo"] == {"type": "string"}
    assert form.places["title"] == ("form", "title")
    assert tools["delete_pets_petId"].places["ids"] == ("whole", "ids")


def _minimal(**schema: Any) -> str:
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": {"x": schema}}}}}
    post = {"requestBody": body, "responses": {"200": {"description": "ok"}}}
    return json.dumps(
        {"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"post": post}}}, indent=1
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (_minimal(**{"$ref": "#/components/schemas/None"}), 'the reference "#/components/schemas/None" leads nowhere'),
        (_minimal(**{"$ref": "http://127.0.0.1:9/a.json#/X"}), "leaves the domain folder; copy that file into it"),
        (_minimal(**{"$ref": "../secret.json#/X"}), "leaves the domain folder"),
        (_minimal(**{"$ref": "file:///etc/passwd"}), "leaves the domain folder"),
        (_minimal(**{"$ref": "/etc/hostname"}), "leaves the domain folder"),
        (_minimal(**{"$ref": "none.json#/X"}), "leads to no file"),
        (_minimal(type="int"), "no valid API description at paths//a/post"),
        (_minimal(allOf=[{"type": "string"}, {"type": "integer"}]), "allOf asks for string and integer at once"),
        (_minimal(type="string", pattern="(a"), "does not compile"),
        ('{"openapi": "4.0"}', 'wanted openapi: "3.0.x" to "3.2.x" or swagger: "2.0", found "4.0"'),
        ('{"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {}}', "the API has no operations"),
        ('{"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"get": 3}}}', "no valid API"),
        ("[]", "wanted openapi:"),
        ("3", "wanted an API description, found 3"),
        ("{", "bad JSON"),
    ],
)
def test_faults(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "secret.json").write_text('{"X": {"type": "string"}}')
    operations, findings = _read(tmp_path / "desk", text, "openapi.json")
    assert not operations
    assert any(expected in str(f) and f.file == "openapi.json" for f in findings.faults), findings.faults


def test_a_reference_has_its_line(tmp_path: Path) -> None:
    _, findings = _read(tmp_path, YAML, **{"parts/bodies.yaml": BODIES.replace("'#/Base'}", "'#/Bsae'}")})
    assert [str(f) for f in findings.faults] == [
        'parts/bodies.yaml:19: the reference "#/Bsae" leads nowhere; correct it'
    ]


def test_what_no_tool_needs_is_a_hint(tmp_path: Path) -> None:
    text = json.dumps({"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"get": {}}}})
    operations, findings = _read(tmp_path, text, "openapi.json")
    assert [o.tool.name for o in operations] == ["get_a"]
    assert not findings.faults
    assert any("responses" in h.message for h in findings.hints)


def test_both_kinds_of_tools(desk: Desk, said: Said) -> None:
    desk.write("openapi.yaml", YAML)
    assert any("wanted either tools.json or openapi.yaml, found both" in f for f in said())
    (desk.folder / "tools.json").unlink()
    desk.write("openapi.json", "{}")
    assert any(
        "wanted one API description, found openapi.yaml and openapi.json" in str(f) for f in check(desk.folder).faults
    )


def test_a_title_that_only_repeats_the_name_is_left_out(tmp_path: Path) -> None:
    body = {
        "type": "object",
        "properties": {
            "serveTime": {"type": "string", "title": "Servetime"},
            "note": {"type": "string", "title": "What the driver should know"},
            "car": {"type": "object", "properties": {"plate_no": {"type": "string", "title": "Plate No"}}},
        },
    }
    row = {"name": "area_code", "in": "query", "schema": {"type": "string", "title": "Area Code"}}
    post = {
        "operationId": "Book",
        "parameters": [row],
        "requestBody": {"content": {"application/json": {"schema": body}}},
        "responses": {"200": {"description": "ok"}},
    }
    api = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/visits": {"post": post}}}
    (tmp_path / "openapi.json").write_text(json.dumps(api))
    [made] = read_openapi(tmp_path, "openapi.json", Findings())
    assert made.tool.properties == {
        "area_code": {"type": "string"},
        "serveTime": {"type": "string"},
        "note": {"type": "string", "title": "What the driver should know"},
        "car": {"type": "object", "properties": {"plate_no": {"type": "string"}}},
    }
