"""The service over HTTP: sessions and their events, whose they are, what is refused; OpenAI's client as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from manyshot.cli import main
from manyshot.desk.run import listen
from tests.service.hotel import House

TOOLS: Any = [{"type": "function", "function": {"name": "Make", "parameters": {"type": "object", "properties": {}}}}]


@pytest.fixture
def web(home: str) -> Any:
    with httpx.Client(base_url=home, headers={"X-Customer": "7"}, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def ai(home: str) -> openai.OpenAI:
    inner = httpx.Client(trust_env=False)
    return openai.OpenAI(base_url=f"{home}/v1", api_key="any", timeout=30, max_retries=0, http_client=inner)


def begun(web: httpx.Client) -> str:
    return str(web.post("/sessions", json={"language": "en"}).json()["id"])


def test_a_session_takes_messages_and_tells_events(web: httpx.Client, hotel: House) -> None:
    name = begun(web)
    answer = web.post(f"/sessions/{name}/messages", json={"text": 'Make{"a":1}', "id": "m1"})
    assert (answer.status_code, answer.json()) == (202, {"number": 1})
    found: list[tuple[str, Any]] = []
    with web.stream("GET", f"/sessions/{name}/events") as stream:
        kind = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                found.append((kind, json.loads(line[6:])))
                if kind == "state":
                    break
    assert [kind for kind, _ in found] == ["user", "progress", "progress", "ticket", "reply", "state"]
    assert found[3][1]["id"] == "T20241000"
    assert "SECRET" not in str(found)
    whole = web.get(f"/sessions/{name}").json()
    assert [event["event"] for event in whole["events"]] == [kind for kind, _ in found]
    assert (whole["working"], whole["state"], whole["tickets"][0]["id"]) == (False, "open", "T20241000")
    known = str(whole["events"][-1]["number"])
    hotel.say(name, "more")
    with web.stream("GET", f"/sessions/{name}/events", headers={"Last-Event-ID": known}) as stream:
        assert next(line for line in stream.iter_lines() if line.startswith("event: ")) == "event: user"


def test_anothers_conversation_is_not_found(web: httpx.Client) -> None:
    name = begun(web)
    other = {"X-Customer": "8"}
    for method, path, body in (
        ("GET", f"/sessions/{name}", None),
        ("GET", f"/sessions/{name}/events", None),
        ("POST", f"/sessions/{name}/messages", {"text": "hello"}),
        ("POST", f"/sessions/{name}/consent", {"step": 1, "yes": True}),
        ("POST", f"/sessions/{name}/feedback", {"reply": 1, "up": True}),
        ("GET", "/sessions/none", None),
        ("GET", "/sessions/%00", None),
    ):
        assert web.request(method, path, json=body, headers=other).status_code == 404, path


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b'{"text": ""}', 422, "empty"),
        (b'{"text": "\\u0000 \\n"}', 422, "empty"),
        (json.dumps({"text": "x" * 5000}).encode(), 422, "at most 4000"),
        (json.dumps({"text": "x" * 1_000_000}).encode(), 413, ""),
        (b'\xff\xfe{"text"', 400, ""),
        (b"{", 400, "no JSON"),
        (b'{"text": 3}', 422, "text"),
        (b'{"text": "a", "extra": 1}', 422, "extra"),
        (b'{"text": "a", "id": "\\u0000"}', 422, "id"),
        (b"[]", 422, ""),
        (b'{"text": "\\ud800"}', 422, ""),
    ],
)
def test_what_is_no_message_is_a_clear_4xx(web: httpx.Client, content: bytes, status: int, said: str) -> None:
    name = begun(web)
    answer = web.post(f"/sessions/{name}/messages", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"]
    assert web.get(f"/sessions/{name}").json()["events"] == []


@pytest.mark.parametrize("text", ["😀🇨🇳", "مرحبا \u202e abc", "混合 mixed सभी", "a\x07b\tc"])
def test_any_writing_is_taken(web: httpx.Client, hotel: House, text: str) -> None:
    name = begun(web)
    assert web.post(f"/sessions/{name}/messages", json={"text": text}).status_code == 202
    hotel.until(name)
    assert hotel.told(name) == [f"You said: {text.replace(chr(7), '')}"]


def test_a_reply_is_rated_and_the_last_word_counts(web: httpx.Client, hotel: House) -> None:
    name = begun(web)
    hotel.say(name, "hello")
    (reply,) = [one.number for one in hotel.talks.store.events(name) if one.kind == "reply"]

    def rate(**body: object) -> httpx.Response:
        return web.post(f"/sessions/{name}/feedback", json={"reply": reply, **body})

    assert (rate(up=True).status_code, rate(up=True).json()) == (200, {"reply": reply, "up": True})
    assert rate(up=False, word=" no\u0000 help ").status_code == 200
    events = [one for one in web.get(f"/sessions/{name}").json()["events"] if one["event"] == "thumb"]
    assert [(one["of"], one["up"], one["text"]) for one in events] == [(reply, True, ""), (reply, False, "no help")]
    (thumb,) = hotel.talks.store.thumbs()
    assert (thumb.conversation, thumb.up, thumb.word, thumb.reply) == (name, False, "no help", "You said: hello")
    assert 'manyshot_thumbs{thumb="down"} 1.0\nmanyshot_thumbs{thumb="up"} 0.0' in "\n".join(
        sorted(web.get("/metrics").text.splitlines())
    )
    for body, status in (
        ({"reply": reply + 1, "up": True}, 404),  # the state behind it, no reply
        ({"reply": 1, "up": True}, 404),  # the customer's own message
        ({"reply": 10**9, "up": True}, 404),
        ({"reply": 10**20, "up": True}, 422),
        ({"up": "yes"}, 422),
        ({"up": True, "word": "x" * 501}, 422),
    ):
        assert rate(**body).status_code == status, body  # type: ignore[arg-type]
    hotel.talks.staff(name, "close", "Li")
    assert rate(up=True, word="now it works").status_code == 200  # also when all is over


def test_a_yes_is_asked_for_and_given(web: httpx.Client, hotel: House) -> None:
    name = begun(web)
    assert web.post(f"/sessions/{name}/consent", json={"step": 1, "yes": True}).status_code == 409
    hotel.say(name, "Ask{}")
    asked = web.get(f"/sessions/{name}").json()
    assert (asked["waits"], asked["events"][-1]["call"]["name"]) == ("customer", "Ask")
    assert web.post(f"/sessions/{name}/consent", json={"step": 1, "yes": True}).status_code == 202
    hotel.until(name)
    assert len(hotel.tools.calls) == 1


def test_people_see_all_take_over_answer_and_give_back(web: httpx.Client, hotel: House) -> None:
    name = begun(web)
    hotel.say(name, "hello", "person")
    assert "the customer wants a person" in web.get("/staff").text
    assert "SECRET THOUGHT" in web.get(f"/staff/sessions/{name}").text
    base = f"/staff/sessions/{name}"
    assert web.post(f"{base}/answer", json={"text": "early"}).status_code == 409
    assert web.post(f"{base}/take").status_code == 202
    hotel.until(name)
    assert web.post(f"{base}/answer", json={"text": "I am here."}).status_code == 202
    assert web.post(f"{base}/back").status_code == 202
    hotel.until(name)
    assert web.post(f"{base}/back").status_code == 409
    assert web.post(f"{base}/nonsense").status_code == 404
    assert web.get(f"{base}/now").json()["state"] == "open"
    events = web.get(f"/sessions/{name}").json()["events"]
    assert [event["event"] for event in events][-4:] == ["state", "staff", "state", "state"]


def test_pages_of_other_sites_are_kept_out(web: httpx.Client) -> None:
    name = begun(web)
    for headers in ({"origin": "http://evil.example"}, {"host": "evil.example:8080"}, {"origin": "null"}):
        assert web.post(f"/staff/sessions/{name}/take", headers=headers).status_code == 403
    assert web.get(f"/staff/sessions/{name}/now").json()["state"] == "open"


def test_health_metrics_and_pages(web: httpx.Client, hotel: House) -> None:
    assert web.get("/healthz").json() == {"status": "ready"}
    hotel.say(begun(web), 'Make{"secret":"words"}')
    page = web.get("/metrics").text
    assert 'manyshot_calls_total{status="200",tool="Make"} 1.0' in page
    assert 'manyshot_conversations{state="open"} 1.0' in page
    assert "words" not in page
    chat = web.get("/")
    assert chat.status_code == 200
    assert "default-src 'none'" in chat.headers["content-security-policy"]
    assert "SECRET" not in chat.text
    assert web.get("/nothing").status_code == 404
    assert web.get("/static/../app.py").status_code == 404
    assert web.get("/openapi.json").json()["info"]["title"] == "manyshot"


def test_a_database_that_is_gone_is_503(web: httpx.Client, hotel: House) -> None:
    hotel.talks.store.engine.dispose()
    with hotel.talks.store.engine.begin() as connection:
        connection.exec_driver_sql("drop table service_version")
    assert web.get("/healthz").status_code == 503


# OpenAI's client


def test_models_and_an_unknown_one(ai: openai.OpenAI) -> None:
    assert [model.id for model in ai.models.list()] == ["hotel"]
    assert ai.models.retrieve("hotel").owned_by == "manyshot"
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-9' here"):
        ai.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "hello"}])


def test_the_assistant_makes_the_calls_itself(ai: openai.OpenAI, hotel: House) -> None:
    messages: list[Any] = [
        {"role": "system", "content": "passed over"},
        {"role": "user", "content": [{"type": "text", "text": 'Make{"a":1}'}]},
    ]
    first = ai.chat.completions.create(model="hotel", messages=messages, user="42")
    assert first.choices[0].finish_reason == "stop"
    assert first.choices[0].message.content == 'It is done: {"ticketId": "T20241000", "status": "open"}'
    messages += [first.choices[0].message.model_dump(exclude_none=True), {"role": "user", "content": "Make{}"}]
    chunks = list(
        ai.chat.completions.create(
            model="hotel", messages=messages, user="42", stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == 'It is done: {"ticketId": "T20241001", "status": "open"}'
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert [customer for _, customer, _ in hotel.tools.calls] == ["42", "42"]
    # The same request again is the same message, and an older history cannot be gone on with.
    again = ai.chat.completions.create(model="hotel", messages=messages, user="42")
    assert again.choices[0].message.content == text
    assert len(hotel.tools.calls) == 2
    with pytest.raises(openai.ConflictError, match="went on since"):
        ai.chat.completions.create(
            model="hotel", messages=[*messages[:3], {"role": "user", "content": "other"}], user="42"
        )
    with pytest.raises(openai.ConflictError, match="not one of this assistant's"):
        ai.chat.completions.create(model="hotel", messages=messages, user="43")
    assert len(hotel.tools.calls) == 2


def test_a_retry_of_an_opening_begins_nothing_new(ai: openai.OpenAI, hotel: House) -> None:
    def send(**headers: str) -> str | None:
        answer = ai.chat.completions.create(
            model="hotel", messages=[{"role": "user", "content": "Make{}"}], extra_headers=headers
        )
        return answer.choices[0].message.content

    assert send() == send(**{"x-stainless-retry-count": "1"})
    assert len(hotel.tools.calls) == 1
    send()  # somebody else who says the same
    assert len(hotel.tools.calls) == 2


def test_the_caller_makes_the_calls(ai: openai.OpenAI, hotel: House) -> None:
    messages: list[Any] = [{"role": "user", "content": 'Make{"a":1}'}]
    for stream in (False, True):
        if stream:
            chunks = list(ai.chat.completions.create(model="hotel", messages=messages, tools=TOOLS, stream=True))
            calls = [call for chunk in chunks for call in (chunk.choices[0].delta.tool_calls or ())]
            finish = chunks[-1].choices[0].finish_reason
            name, arguments = calls[0].function.name, calls[0].function.arguments  # type: ignore[union-attr]
        else:
            answer = ai.chat.completions.create(model="hotel", messages=messages, tools=TOOLS).choices[0]
            assert answer.message.tool_calls
            call: Any = answer.message.tool_calls[0]
            name, arguments, finish = call.function.name, call.function.arguments, answer.finish_reason
        assert (name, json.loads(arguments), finish) == ("Make", {"a": 1}, "tool_calls")
    messages.append(answer.message.model_dump(exclude_none=True))
    messages.append({"role": "tool", "tool_call_id": call.id, "content": '{"ticketId": "X1234567"}'})
    told = ai.chat.completions.create(model="hotel", messages=messages, tools=TOOLS).choices[0]
    assert told.message.content == 'It is done: {"ticketId": "X1234567"}'
    assert hotel.tools.calls == []


@pytest.mark.parametrize(
    ("messages", "more", "said"),
    [
        ([], {}, "messages"),
        ([{"role": "assistant", "content": "a"}], {}, "has to be the user's"),
        ([{"role": "user", "content": ""}], {}, "empty"),
        ([{"role": "user", "content": "x" * 4001}], {}, "at most 4000"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], {}, "wanted text"),
        ([{"role": "user", "content": "a"}], {"n": 2}, "n has to be 1"),
        ([{"role": "user", "content": "a"}], {"tools": TOOLS, "tool_choice": "none"}, "has to be auto"),
        ([{"role": "tool", "content": "a", "tool_call_id": "x"}], {"tools": TOOLS}, "answers no call"),
        (
            [{"role": "user", "content": "Make{}"}, {"role": "user", "content": "a"}],
            {"tools": TOOLS},
            "no tool message",
        ),
    ],
)
def test_what_is_no_request_is_a_clear_400(ai: openai.OpenAI, messages: Any, more: Any, said: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ai.chat.completions.create(model="hotel", messages=messages, **more)
    assert said in str(caught.value)


def test_a_customer_that_is_none_and_half_a_character(ai: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError, match="a customer's id"):
        ai.chat.completions.create(
            model="hotel", messages=[{"role": "user", "content": "a"}], user="1\r\nX-Customer: 2"
        )
    said: Any = b'{"model": "hotel", "messages": [{"role": "user", "content": "a\\ud800"}]}'
    answer = httpx.post(f"{ai.base_url}chat/completions", content=said, timeout=30, trust_env=False, verify=False)
    assert answer.json()["choices"][0]["message"]["content"] == "You said: a?"


def test_a_tool_that_the_caller_does_not_have_is_not_called(ai: openai.OpenAI) -> None:
    answer = ai.chat.completions.create(
        model="hotel", messages=[{"role": "user", "content": "Other{}"}], tools=TOOLS
    ).choices[0]
    assert answer.message.tool_calls is None
    assert "the caller has no tool Other" in str(answer.message.content)


# the command


def test_faults_are_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    with pytest.raises(SystemExit, match="2"):
        main(["serve", "--run", str(run)])
    assert "wanted the folder of a run" in capsys.readouterr().err
    run.mkdir()
    (run / "run.json").write_text('{"settings": {}, "from": "x"}')
    for words, said in (
        (["--host", "0.0.0.0"], "without sign-in"),
        (["--world", "desk"], "wanted --registry FILE"),
        ([], "no thinking adapter"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(["serve", "--run", str(run), "--port", "0", *words])
        told = capsys.readouterr().err
        assert said in told
        assert len(told.splitlines()) == 1
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(SystemExit, match="2"):
            main(["serve", "--run", str(run), "--port", str(taken.getsockname()[1])])
    assert "Address already in use" in capsys.readouterr().err
