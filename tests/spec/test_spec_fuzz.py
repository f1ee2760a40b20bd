"""No change of any file makes the check raise: one node of a file is replaced by anything."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manyshot.spec.check import check, format_report
from tests.spec.desk import BOOK, CANCEL, SHOT, Desk
from tests.spec.test_spec_openapi import BODIES, SWAGGER, YAML

_words = ["type", "$ref", "properties", "name", "in", "#/paths", "#", "Book", "object", "null", "body", "(", "2.0", ""]
_any: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(_words) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_words), inner, max_size=3),
    max_leaves=6,
)
_api = yaml.safe_load(YAML)
_api["components"] |= {"schemas": yaml.safe_load(BODIES.replace("#/Base", "#/components/schemas/Base"))}
_api["paths"]["/tickets/{id}"]["put"]["requestBody"] = copy.deepcopy(_api["components"]["schemas"]["Change"])
_test = {"id": "t", "action": "b", "expected": [{"name": "Cancel", "arguments": {"id": ["B001"], "fee": ["", 1]}}]}
_history = [{"call": {"name": "Book", "arguments": {}}, "error": "no"}]
_row = {**SHOT, "ask": []}
_flow = {
    "about": "a",
    "start": "a",
    "given": ["b"],
    "slots": {"b": "b", "c": {"about": "c", "values": ["x", 1], "judged": False}},
    "steps": {
        "a": {"ask": ["c"], "text": "{b}", "next": "d"},
        "d": {"call": "Cancel", "with": {"id": "{b}", "fee": 1}, "fills": {"b": "id"}, "next": "e", "failed": "g"},
        "e": {"branch": [{"if": "c == x", "go": "f"}, {"else": "a"}]},
        "f": {"say": "{c}", "next": "h"},
        "g": {"handoff": "why"},
        "h": {"end": "done"},
    },
}


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [path, *(p for k, v in inner for p in _places(v, (*path, k)))]


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    out = copy.deepcopy(value)
    here = out
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = new
    return out


@pytest.mark.parametrize(
    ("file", "good"),
    [
        ("tools.json", [{"type": "function", "function": BOOK}, CANCEL]),
        ("openapi.json", _api),
        ("swagger.json", SWAGGER),
        ("shots/calls.jsonl", _row),
        ("tests/calls.jsonl", {**_test, "history": _history}),
        ("values.yaml", {"guests": [1], "wine.colour": ["red"]}),
        ("flows/cancel.yaml", _flow),
    ],
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_raises(desk: Desk, file: str, good: Any, data: st.DataObject) -> None:
    if file.endswith(("api.json", "ger.json")):
        (desk.folder / "tools.json").unlink(missing_ok=True)
    path = data.draw(st.sampled_from(_places(good)))
    desk.write(file, json.dumps(_replaced(good, path, data.draw(_any))))
    report = check(desk.folder)
    text = format_report(report)
    assert text.encode()
    assert report.counts or not report.ok


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=30) | st.text(alphabet='[]{}=".,\n a1-:T#', max_size=40), at=st.integers(0, 60))
def test_any_toml(desk: Desk, text: str, at: int) -> None:
    good = 'name = "desk"\nlanguage = "en"\ntoday = 2024-10-10\n[weights]\nBook = 1\n'
    desk.write("domain.toml", (good[:at] + text + good[at:]).encode("utf-8", "replace"))
    assert format_report(check(desk.folder)).encode()
