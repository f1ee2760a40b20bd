"""A registry file that is wrong says so, with its line, before anything starts; secrets are repeated nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manyshot.errors import SpecError
from manyshot.registry.live import open_live
from manyshot.registry.load import load_registry
from manyshot.registry.routes import Target
from tests.registry.files import TEXT, read, tool, written

API = '[apis.desk]\nbase_url = "https://desk.example.com/api"\n'
GET = '[tools.Find]\nmethod = "GET"\npath = "/things/{id}"\n'
FIND = tool("Find", ["id"], id=TEXT, kind=TEXT)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "wanted a source of tools"),
        ("[apis.desk\n", "tools.toml:1: bad TOML"),
        ("[apis.desk]\n", "[apis.desk] base_url: is missing"),
        (API + "timout = 3\n", 'tools.toml:3: [apis.desk] timout: unknown key; did you mean "timeout"?'),
        (API + 'timeout = "3"\n', "tools.toml:3: [apis.desk] timeout: wanted a valid number"),
        (API + "timeout = 0\n", "tools.toml:3: [apis.desk] timeout"),
        (API + "timeout = nan\n", "tools.toml:3: [apis.desk] timeout"),
        (API + "max_bytes = 99999999999\n", "tools.toml:3: [apis.desk] max_bytes"),
        ('[apis.desk]\nbase_url = "ftp://x"\n', "tools.toml:2: [apis.desk] base_url: wanted an address"),
        ('[apis.desk]\nbase_url = "https://user:hunter2@x"\n', "without user and password"),
        ('[apis.desk]\nbase_url = "https://x/a/../b"\n', "without .., ? and #"),
        ('[apis.desk]\nbase_url = "https://x/a?b=c"\n', "without .., ? and #"),
        ('[apis.desk]\nbase_url = "https://x:99999"\n', "wanted an address"),
        ('[apis.desk]\nbase_url = "https://x\\r\\nHost: y"\n', "wanted an address"),
        (API + 'hosts = ["other.example.com"]\n', "the host of base_url is not among hosts"),
        (API + 'auth = { kind = "bearer" }\n', "tools.toml:3: [apis.desk] auth.token_env: is missing"),
        (API + 'auth = { kind = "magic" }\n', "tools.toml:3: [apis.desk] auth: wanted one of"),
        (API + 'auth = { token_env = "A" }\n', "has no kind"),
        (API + 'auth = { kind = "api_key", key_env = "A" }\n', "into a header or into the query"),
        (
            API + 'auth = { kind = "bearer", token_env = "NOT_SET_ANYWHERE" }\n',
            "NOT_SET_ANYWHERE is not set; export it",
        ),
        (API + '[apis.desk.headers]\nAuthorization = "Bearer x"\n', "credentials go into auth"),
        (API + '[apis.desk.headers]\nX-A = "a\\r\\nX-B: c"\n', "tools.toml:4: [apis.desk] headers.X-A"),
        (API + 'bound = ["customer"]\n', "is no place"),
        (API + 'bound = ["header:Authorization"]\n', "credentials go into auth"),
        (API + 'openapi = "../other.json"\n', "wanted the name of a file beside this one"),
        (API + 'openapi = "openapi.json"\n', "openapi.json: wanted this file, it is not there"),
        (API + 'ca_file = "none.pem"\n', "wanted a file of certificates"),
        (API + GET + 'api = "dsk"\n', 'there is no source "dsk"; did you mean "desk"?'),
        (API + '[tools.Find]\nmethod = "GET"\n', "method and path belong together"),
        (API + '[tools.Find]\nmethod = "FETCH"\npath = "/a"\n', "tools.toml:4: [tools.Find] method"),
        (API + '[tools.Find]\nmethod = "GET"\npath = "a"\n', "tools.toml:5: [tools.Find] path: wanted a path"),
        (API + '[tools.Find]\nmethod = "GET"\npath = "/../a"\n', "wanted a path"),
        (API + '[tools.Find]\nmethod = "GET"\npath = "/a?b={id}"\n', "wanted a path"),
        (API + '[tools.Find]\nmethod = "GET"\npath = "/a/{nr}"\n', "nothing goes into {nr} of /a/{nr}"),
        (API + '[tools.Find]\nmethod = "GET"\npath = "/a/{kind}"\n', "needs a value, its parameter is not required"),
        (API + GET + 'places = { idd = "query:x" }\n', "the tool has no parameter idd"),
        (API + GET + 'places = { kind = "body:x" }\n', "a GET has no body"),
        (API + GET + 'places = { kind = "header:Cookie" }\n', "credentials go into auth"),
        (
            API
            + 'auth = { kind = "api_key", key_env = "HOME", header = "X-Key" }\n'
            + GET
            + 'places = { kind = "header:x-key" }\n',
            "header:x-key is set for all calls of desk",
        ),
        (API + GET + 'consent = "boss"\n', "tools.toml:6: [tools.Find] consent"),
        (API + GET + 'bound = ["customer"]\n', "there is no parameter customer"),
        (API + GET + 'keep = ["a..b"]\n', "tools.toml:6: [tools.Find] keep"),
        (API + "[mcp.files]\n", "an MCP server has either command or url"),
        (API + '[mcp.desk]\ncommand = ["x"]\n', "two sources are called 'desk'"),
        ('[mcp.files]\nurl = "https://x"\nbound = ["header:X-Customer"]\n', "such a tool has arguments only"),
        ('[langchain.a]\ntools = "no colon"\n', "tools.toml:2: [langchain.a] tools"),
        ("apis = 3\n", "wanted a table, found 3"),
        ("\x00", "bad TOML"),
    ],
)
def test_each_fault_is_named_with_its_line(tmp_path: Path, text: str, fault: str) -> None:
    _, faults = read(tmp_path, text, [FIND])
    assert any(fault in line for line in faults), faults
    assert "hunter2" not in "".join(faults)


def test_a_secret_that_was_pasted_into_the_file_is_not_repeated(tmp_path: Path) -> None:
    for key in ("token_env", "tokn"):
        _, faults = read(tmp_path, API + f'auth = {{ kind = "bearer", {key} = "sk-very-secret-1" }}\n', [FIND])
        assert faults
        assert "very-secret" not in "".join(faults)


def test_an_unset_variable_is_named_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESK_TOKEN", raising=False)
    file = written(tmp_path, API + 'auth = { kind = "bearer", token_env = "DESK_TOKEN" }\n' + GET)
    with pytest.raises(SpecError, match=r"tools\.toml:3: .*the environment variable DESK_TOKEN is not set"):
        open_live(file, [FIND])


def test_a_secret_with_a_line_end_is_refused_and_no_secret_stands_in_a_repr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = API + 'auth = { kind = "basic", user_env = "U", password_env = "P" }\n' + GET
    monkeypatch.setenv("U", "desk-user")
    monkeypatch.setenv("P", "pass\r\nX-Evil: 1")
    _, faults = read(tmp_path, text, [FIND])
    assert "what P holds is no single line" in faults[0]
    assert "Evil" not in faults[0]
    monkeypatch.setenv("P", "correct-horse")
    registry = load_registry(written(tmp_path, text), [FIND])
    assert "correct-horse" not in repr(registry)
    assert "desk-user" not in repr(registry)


def test_a_tool_without_a_call_is_named_and_one_that_only_declines_needs_none(tmp_path: Path) -> None:
    file = written(tmp_path, API + GET)
    with pytest.raises(SpecError, match="there is none for Close; add"):
        load_registry(file, [FIND, tool("Close", ["id"], id=TEXT)])
    registry = load_registry(file, [FIND, tool("reject_request")])
    assert registry.declines == ("reject_request",)


OPENAPI = {
    "openapi": "3.0.3",
    "info": {"title": "t", "version": "1"},
    "paths": {
        "/customers/{customerNo}/orders": {
            "post": {
                "operationId": "createOrder",
                "summary": "Make an order",
                "parameters": [{"name": "customerNo", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {"item": TEXT, "count": {"type": "integer"}, "channel": TEXT},
                                "required": ["item", "channel"],
                            }
                        }
                    },
                },
                "responses": {"200": {"description": "ok"}},
            }
        }
    },
}
ORDER = tool("OrderNew", ["goods"], goods=TEXT, pieces={"type": "integer"})


def described(folder: Path, text: str) -> tuple[object, list[str]]:
    (folder / "openapi.json").write_text(json.dumps(OPENAPI))
    return read(folder, API + 'openapi = "openapi.json"\n[tools.OrderNew]\noperation = "createOrder"\n' + text, [ORDER])


def test_names_of_the_domain_are_mapped_to_those_of_an_openapi_file(tmp_path: Path) -> None:
    registry, faults = described(
        tmp_path,
        'places = { goods = "item", pieces = "count" }\nfixed = { "body:channel" = "assistant" }\n'
        'bound = ["customerNo"]\n',
    )
    assert not faults
    route = registry.routes["OrderNew"]  # type: ignore[attr-defined]
    assert (route.method, route.path) == ("POST", "/customers/{customerNo}/orders")
    assert route.targets == {"goods": Target("body", "item"), "pieces": Target("body", "count")}
    assert route.bound == ((Target("path", "customerNo"), "integer"),)


def test_what_an_operation_needs_and_nobody_gives_is_a_fault(tmp_path: Path) -> None:
    _, faults = described(tmp_path, 'places = { goods = "item", pieces = "count" }\n')
    text = "\n".join(faults)
    assert "createOrder needs channel" in text
    assert "nothing goes into {customerNo}" in text
    _, faults = described(tmp_path, "")
    assert "createOrder has no parameter goods" in "\n".join(faults)


def test_without_a_domain_the_file_alone_is_checked(tmp_path: Path) -> None:
    """As `manyshot registry check FILE` and `registry tools` do."""
    text = API + GET + 'places = { kind = "query:k" }\n[tools.Close]\nmethod = "DELETE"\npath = "/things/{id}"\n'
    registry, faults = read(tmp_path, text + 'bound = ["path:id"]\n')
    assert not faults
    assert registry.routes["Find"].targets == {"id": Target("path", "id"), "kind": Target("query", "k")}
    assert registry.routes["Close"].targets == {}
    (tmp_path / "openapi.json").write_text(json.dumps(OPENAPI))
    mapped = '[tools.OrderNew]\noperation = "createOrder"\nplaces = { goods = "item" }\nbound = ["customerNo"]\n'
    registry, faults = read(tmp_path, API + 'openapi = "openapi.json"\n' + mapped)
    assert "createOrder" in registry.routes
    assert set(registry.routes["OrderNew"].targets) == {"goods", "count", "channel"}
