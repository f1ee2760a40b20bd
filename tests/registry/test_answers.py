"""What reaches the model: what was let through, one short line of a refusal, and never a page or a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from manyshot.registry.answers import MESSAGE, UnreadableError, read_answer
from manyshot.registry.routes import Envelope, Route, Target
from manyshot.types import Observation

ROUTE = Route(tool="T", source="a", targets={"when": Target("body", "visit.serve_time"), "nr": Target("path", "id")})


def answer(status: int, body: Any, kind: str = "application/json", route: Route = ROUTE, **more: Any) -> Observation:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(route, status, kind, data, more.get("envelope"), more.get("secrets", ()))


@pytest.mark.parametrize(
    ("body", "words", "field"),
    [
        ({"detail": "gone", "field": "id"}, "gone", "nr"),
        ({"title": "Bad", "detail": "no such day", "field": "serve_time"}, "no such day", "when"),
        ({"detail": [{"loc": ["body", "serve_time"], "msg": "too late"}]}, "serve_time: too late", "when"),
        ({"errors": {"serve_time": ["is past"]}}, "serve_time: is past", "when"),
        ({"errors": [{"pointer": "#/visit/serve_time", "detail": "is past"}]}, "visit.serve_time: is past", "when"),
        ({"invalid-params": [{"name": "x", "reason": "odd"}]}, "x: odd", "x"),
        ({"error": {"message": "no", "param": "id"}}, "no", "nr"),
        ({"error": "invalid_grant", "error_description": "no"}, "no", ""),
        ({"timestamp": 1, "status": 404, "error": "Not Found", "path": "/tickets/1"}, "Not Found", ""),
        ({"message": "a\n  b"}, "a b", ""),
        ({"field": "<script>"}, "bad request", ""),
        ("plain", "plain", ""),
        ([{"message": "first"}, {"message": "second"}], "first; second", ""),
        ({}, "bad request", ""),
        (None, "bad request", ""),
        (b"<html><body>nginx</body></html>", "bad request", ""),
        ({"message": "<!DOCTYPE html><p>x"}, "bad request", ""),
        ({"message": "Traceback (most recent call last): x"}, "bad request", ""),
    ],
)
def test_a_refusal_is_one_line_with_the_field_in_the_domains_words(body: Any, words: str, field: str) -> None:
    shown = answer(400, body)
    assert shown == Observation(status=400, body={"error": words} | ({"field": field} if field else {}))


def test_long_words_are_cut_and_500s_tell_nothing_of_their_own() -> None:
    assert len(answer(400, {"detail": "x" * 9999}).body["error"]) == MESSAGE
    assert answer(500, {"detail": "psycopg at 10.0.0.3"}).body == {"error": "the service failed"}
    assert answer(401, {"detail": "token msd_x"}).body == {"error": "the service does not accept this assistant"}


@pytest.mark.parametrize(
    "body", [b"<html>", b"{", b"None", b"\x00\x1f\x8b", b"NaN", b'{"a": Infinity}', b"\xff\xfe{", b"[" * 50_000,
             b"[" * 60 + b"]" * 60, b"1" * 5000]
)  # fmt: skip
def test_a_success_that_is_no_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        answer(200, body)


def test_charsets_empty_bodies_and_half_characters() -> None:
    assert answer(200, '{"a": "工单"}'.encode("gbk"), "application/json; charset=GBK").body == {"a": "工单"}
    assert answer(200, b"\xef\xbb\xbf{}").body == {}
    assert answer(204, b"") == Observation(body={})
    assert answer(201, {"id": 1}) == Observation(body={"id": 1})
    assert answer(202, {"id": 1}).status == 202
    assert answer(200, b'{"a": "\\ud800"}').body == {"a": "?"}


def test_only_kept_fields_come_through_under_the_domains_names() -> None:
    route = Route(
        tool="T", source="a", keep=("no", "visit.time", "items.name", "gone"),
        rename={"no": "ticketId", "items.name": "what"},
    )  # fmt: skip
    body = {
        "no": "C1", "cost": 3, "visit": {"time": "9", "staff_note": "x"}, "gone": {"all": 1},
        "items": [{"name": "a", "margin": 2}, "stray", {"margin": 3}],
    }  # fmt: skip
    assert answer(200, body, route=route).body == {
        "ticketId": "C1", "visit": {"time": "9"}, "gone": {"all": 1}, "items": [{"what": "a"}, {}],
    }  # fmt: skip
    assert answer(200, [body], route=route).body[0]["ticketId"] == "C1"
    assert answer(200, "secret text", route=route).body == {}


def test_an_envelope_is_unwrapped_and_its_codes_are_refusals() -> None:
    envelope = Envelope("data", "code", (0, "ok"), "msg")
    assert answer(200, {"code": 0, "data": {"a": 1}}, envelope=envelope).body == {"a": 1}
    assert answer(200, {"code": "ok", "data": None}, envelope=envelope).body == {}
    assert answer(200, {"code": False, "data": 1}, envelope=envelope).status == 422
    shown = answer(200, {"code": 40001, "msg": "没有这一天", "field": "serve_time"}, envelope=envelope)
    assert shown == Observation(status=422, body={"error": "没有这一天", "field": "when"})
    assert answer(200, {"code": 404, "msg": "no"}, envelope=envelope).status == 404
    with pytest.raises(UnreadableError):
        answer(200, {"data": 1}, envelope=envelope)


def test_our_own_secret_is_hidden_wherever_an_api_repeats_it() -> None:
    secret = "msd_abcdef"
    shown = answer(200, {secret: [f"Bearer {secret}"]}, secrets=[secret])
    assert shown.body == {"***": ["Bearer ***"]}
    assert answer(422, {"detail": f"bad token {secret}"}, secrets=[secret]).body == {"error": "bad token ***"}
