"""No value of a model changes where a request goes, whose it is, or what else stands in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.registry.request import make
from manyshot.registry.routes import Made, Route, Target
from manyshot.types import Call, Observation
from tests.registry.files import TEXT, read, tool

ROUTE = Route(
    tool="Change", source="desk", method="PUT", path="/things/{id}/name",
    parameters={"type": "object", "properties": {"id": {}, "q": {}, "h": {}, "b": {}}},
    targets={"id": Target("path", "id"), "q": Target("query", "q"), "h": Target("header", "X-Note"),
             "b": Target("body", "to.name")},
    fixed=((Target("body", "channel"), "assistant"),),
    bound=((Target("header", "X-Customer"), "string"), (Target("body", "to.owner"), "integer")),
)  # fmt: skip


def made(customer: str = "7", **arguments: Any) -> Made | Observation:
    return make(ROUTE, Call(name="Change", arguments={"id": "A1", **arguments}), customer)


@pytest.mark.parametrize(
    "bad",
    ["..", ".", "../admin", "a/b", "a\\b", "%2e%2e", "a%2fb", "a%00", "..;", "..;/x", "", " ", "a\r\nX: y", "a\x00b",
     "/etc", "https://evil.example/x", "//evil.example", "x" * 3000, ["a"], {"a": 1}, None],
)  # fmt: skip
def test_a_path_value_that_could_be_another_path_is_refused(bad: Any) -> None:
    answer = made(id=bad)
    assert isinstance(answer, Observation)
    assert answer.status == 422
    assert answer.body["field"] == "id"


@pytest.mark.parametrize("bad", ["a\r\nX-Customer: 9", "a\nb", "工单", "", "\x7f", " lead"])
def test_a_header_value_is_one_line_of_ascii(bad: str) -> None:
    answer = made(h=bad)
    assert isinstance(answer, Observation)
    assert answer.body["field"] == "h"


@pytest.mark.parametrize("customer", ["", " ", "7\r\nX-Evil: 1", "客户", "7a", "-1", "1" * 30])
def test_without_a_usable_customer_nothing_is_asked(customer: str) -> None:
    answer = made(customer)
    assert isinstance(answer, Observation)
    assert answer.status == 403


@given(st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_whatever_is_written_path_query_and_body_stay_what_they_are(ident: str, text: str) -> None:
    answer = made(id=ident, q=text, b=text)
    if isinstance(answer, Observation):
        assert answer.status == 422
        return
    assert answer.path.count("/") == 3
    assert answer.path.startswith("/things/")
    assert answer.path.endswith("/name")
    assert answer.path.isascii()
    assert not set(answer.path) & set(" ?#\\\r\n\x00")
    assert [name for name, _ in answer.query] == ["q"]
    assert answer.body == {"to": {"name": text, "owner": 7}, "channel": "assistant"}
    assert answer.headers == {"X-Customer": "7"}


def test_what_is_bound_is_set_over_what_the_model_wrote() -> None:
    answer = made(b={"x": 1})
    assert isinstance(answer, Made)
    assert answer.body["to"] == {"name": {"x": 1}, "owner": 7}


def test_an_unknown_parameter_is_refused_also_where_the_schema_is_open() -> None:
    answer = made(is_admin=True)
    assert isinstance(answer, Observation)
    assert answer.status == 422
    assert answer.body["field"] == "is_admin"


def test_nan_half_characters_and_megabytes_are_refused() -> None:
    for bad in (float("nan"), "\ud800", "x" * 300_000, [[]] * 200_000):
        answer = made(b=bad)
        assert isinstance(answer, Observation)
        assert answer.status == 422


BOUND = """
[apis.desk]
base_url = "http://127.0.0.1:1"
bound = ["query:owner", "header:X-Customer"]
[tools.List]
method = "GET"
path = "/things"
bound = ["member"]
[tools.List.places]
member = "query:member_no"
who = "header:x-customer"
[tools.List.values.part]
morning = "AM"
"""


def test_a_bound_parameter_of_the_model_is_ignored_in_every_spelling(tmp_path: Path) -> None:
    known = tool(
        "List", ["member"], member={"type": "integer"}, owner=TEXT, who=TEXT, part={"enum": ["morning", "noon"]}
    )
    registry, faults = read(tmp_path, BOUND, [known])
    assert not faults
    route = registry.routes["List"]
    assert route.ignored == {"member", "owner", "who"}
    call = Call(name="List", arguments={"member": 99, "owner": "99", "who": "99", "part": "morning"})
    answer = make(route, call, "7")
    assert isinstance(answer, Made)
    assert sorted(answer.query) == [("member_no", "7"), ("owner", "7"), ("part", "AM")]
    assert answer.headers == {"X-Customer": "7"}
    assert isinstance(make(route, Call(name="List", arguments={}), "7"), Made)


def test_lists_repeat_in_a_query_and_forms_are_forms() -> None:
    route = Route(
        tool="F", source="a", method="POST", path="/f",
        parameters={"type": "object", "properties": {"tags": {}, "name": {}}},
        targets={"tags": Target("query", "tag"), "name": Target("form", "name")},
    )  # fmt: skip
    answer = make(route, Call(name="F", arguments={"tags": ["a&b=c", 2], "name": "x&admin=1"}), "")
    assert isinstance(answer, Made)
    assert answer.query == (("tag", "a&b=c"), ("tag", "2"))
    assert answer.content == b"name=x%26admin%3D1"
