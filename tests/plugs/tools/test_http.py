"""The executor against a server that misbehaves: every outcome is told, nothing is done twice, nothing leaks."""

from __future__ import annotations

import gzip
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httpx", reason="live tools need manyshot[serve]")

from manyshot.errors import WorldError
from manyshot.registry.live import Live
from manyshot.types import Observation
from tests.registry.files import TEXT, ask, opened, tool
from tests.registry.nasty import Asked, Handler, Nasty, drops, nasty, replies, sleeps

TOKEN = "msd_not_to_be_seen"
TOOLS = (tool("Find", ["id"], id=TEXT), tool("Make", ["name"], name=TEXT), tool("Send", ["name"], name=TEXT))
#: Make writes with a key, Send to an API that keeps none.
FILE = """
[apis.keeps]
base_url = "URL/v1"
idempotency_header = "Idempotency-Key"
auth = { kind = "bearer", token_env = "TOKEN" }
timeout = 20
max_bytes = 2000
retry = { attempts = 3, within = 60 }
bound = ["header:X-Customer"]
[apis.forgets]
base_url = "URL/v2"
timeout = 20
[tools.Find]
api = "keeps"
method = "GET"
path = "/things/{id}"
[tools.Make]
api = "keeps"
method = "POST"
path = "/things"
[tools.Send]
api = "forgets"
method = "POST"
path = "/things"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Nasty]:
    with nasty() as found:
        yield found


@pytest.fixture
def live(server: Nasty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    monkeypatch.setenv("TOKEN", TOKEN)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # the environment may not lead requests astray
    server.asked.clear()
    with opened(tmp_path, FILE.replace("URL", server.url), *TOOLS) as found:
        yield found


@pytest.fixture
def hasty(server: Nasty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """The same, without patience."""
    monkeypatch.setenv("TOKEN", TOKEN)
    server.asked.clear()
    with opened(tmp_path, FILE.replace("URL", server.url).replace("timeout = 20", "timeout = 0.5"), *TOOLS) as found:
        yield found


def test_headers_of_the_file_are_sent_once_in_any_spelling(
    server: Nasty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    server.asked.clear()
    server.script(replies(200, {}))
    text = FILE.replace("timeout = 20", 'timeout = 20\nheaders = { accept = "application/vnd.desk+json" }', 1)
    with opened(tmp_path, text.replace("URL", server.url), *TOOLS) as live:
        assert ask(live, "Find", id="1").ok
    assert server.asked[0].headers["accept"] == "application/vnd.desk+json"
    assert len(set(server.asked[0].names)) == len(server.asked[0].names)


def test_a_call_is_sent_as_the_file_says(server: Nasty, live: Live) -> None:
    server.script(replies(201, {"id": 5}))
    assert ask(live, "Make", customer="7", key="k9", name="工单 1") == Observation(body={"id": 5})
    one = server.asked[0]
    assert (one.method, one.path, one.json) == ("POST", "/v1/things", {"name": "工单 1"})
    assert one.headers["authorization"] == f"Bearer {TOKEN}"
    assert (one.headers["idempotency-key"], one.headers["x-customer"]) == ("k9", "7")
    assert ask(live, "Find", id="a b&c?d#e").ok
    assert server.asked[1].path == "/v1/things/a%20b%26c%3Fd%23e"
    assert "idempotency-key" not in server.asked[1].headers
    assert ask(live, "Nothing") == Observation(status=404, body={"error": "there is no Nothing"})


@pytest.mark.parametrize(
    "bad",
    [replies(503, {"detail": "busy"}), replies(500, b"<html>", "text/html"), replies(429, {}), drops,
     replies(200, b"<html>", "text/html"), replies(200, b'{"half": '), replies(200, b"None")],
)  # fmt: skip
def test_reads_and_writes_with_a_key_are_tried_again(server: Nasty, live: Live, bad: Any) -> None:
    for name, words in (("Find", {"id": "1"}), ("Make", {"name": "x"})):
        server.asked.clear()
        server.script(bad, replies(200, {"n": 2}))
        assert ask(live, name, key="same", **words).body == {"n": 2}
        assert len(server.asked) == 2
        assert {one.headers.get("idempotency-key") for one in server.asked} == ({"same"} if name == "Make" else {None})


@pytest.mark.parametrize(
    "bad",
    [replies(503, {}), replies(500, {}), replies(502, b"<html>", "text/html"), drops,
     replies(200, b"<html>login</html>", "text/html"), replies(200, b'{"half": '), replies(303, {}, Location="/x")],
)  # fmt: skip
def test_a_write_without_a_key_is_sent_once_and_its_outcome_is_unknown(server: Nasty, live: Live, bad: Any) -> None:
    server.script(bad)
    with pytest.raises(WorldError, match=r"Send: forgets .*; nobody knows whether it was carried out"):
        ask(live, "Send", name="x")
    assert len(server.asked) == 1


def test_what_certainly_did_nothing_is_an_observation_also_of_a_write(server: Nasty, live: Live) -> None:
    for status in (400, 403, 404, 409, 422, 429, 301, 307, 501):
        server.script(replies(status, {"detail": "no", "field": "name"}))
        assert ask(live, "Send", name="x").status == status
    assert ask(live, "Find", id="../../admin").status == 422
    assert all(one.path == "/v2/things" for one in server.asked)


def test_a_write_with_a_key_that_stays_unanswered_is_unknown(server: Nasty, live: Live) -> None:
    server.script(drops)
    with pytest.raises(WorldError, match="nobody knows"):
        ask(live, "Make", name="x")
    assert len(server.asked) == 3
    server.script(drops, replies(429, {}))  # later refusals do not say what became of the first try
    with pytest.raises(WorldError, match="nobody knows"):
        ask(live, "Make", name="x")
    server.asked.clear()
    server.script(drops)
    with pytest.raises(WorldError):
        ask(live, "Make", key="", name="x")  # without a key there is nothing that makes it safe
    assert len(server.asked) == 1


def test_a_slow_answer_is_told_and_a_slow_write_is_unknown(server: Nasty, hasty: Live) -> None:
    server.script(sleeps(30))
    began = time.monotonic()
    assert ask(hasty, "Find", id="1") == Observation(status=0)
    assert len(server.asked) == 3
    with pytest.raises(WorldError, match=r"forgets gave no answer in 0\.5 s; nobody knows"):
        ask(hasty, "Send", name="x")
    assert len(server.asked) == 4
    assert time.monotonic() - began < 25


def test_reads_that_stay_unanswered_are_told(server: Nasty, live: Live) -> None:
    server.script(replies(503, {"detail": "internal host db7"}))
    assert ask(live, "Find", id="1") == Observation(status=503, body={"error": "the service is not available"})
    server.script(replies(200, b"<html>", "text/html"))
    assert ask(live, "Find", id="1").body == {"error": "the answer of the service cannot be read"}


def test_nobody_there_is_no_unknown_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    with opened(tmp_path, FILE.replace("URL", "http://127.0.0.1:1"), *TOOLS) as live:
        gone = Observation(status=503, body={"error": "the service cannot be reached"})
        assert ask(live, "Find", id="1") == ask(live, "Send", name="x") == ask(live, "Make", name="x") == gone


def test_an_answer_that_drips_ends_in_time(server: Nasty, hasty: Live) -> None:
    def drip(h: Handler, _: Asked) -> None:
        h.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _n in range(600):
            h.wfile.write(b"a")
            h.wfile.flush()
            time.sleep(0.05)

    server.script(drip)
    began = time.monotonic()
    with pytest.raises(WorldError):
        ask(hasty, "Send", name="x")
    assert time.monotonic() - began < 20


def test_a_large_answer_is_not_read_on(server: Nasty, live: Live) -> None:
    written = 0

    def huge(h: Handler, _: Asked) -> None:
        nonlocal written
        h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _n in range(2000):
            h.wfile.write(b"10000\r\n" + b"[" * 65536 + b"\r\n")
            written += 65536

    server.script(huge)
    assert ask(live, "Find", id="1").body == {"error": "the answer is too long; ask for less"}
    assert written < 64 * 2**20
    server.script(replies(201, {"x": "y" * 5000}))
    done = ask(live, "Make", name="x")
    assert done.ok  # it was carried out, so nobody may be told to try again
    assert "too long" in done.body["note"]


def test_packed_answers_are_not_unpacked(server: Nasty, live: Live) -> None:
    server.script(replies(200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip"))
    assert ask(live, "Find", id="1").body == {"error": "the answer of the service cannot be read"}
    assert server.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(server: Nasty, live: Live, status: int) -> None:
    with nasty() as other:
        server.script(replies(status, {}, Location=f"{other.url}/take"))
        shown = ask(live, "Find", id="1")
        assert not shown.ok
        assert not other.asked
        assert other.url not in str(shown)


def test_no_cookie_of_one_customer_goes_with_anothers_call(server: Nasty, live: Live) -> None:
    server.script(replies(200, {}, Set_Cookie="session=of-customer-1; Path=/"))
    ask(live, "Find", customer="1", id="1")
    ask(live, "Find", customer="2", id="1")
    assert "cookie" not in server.asked[1].headers


def test_secrets_stand_in_no_answer_error_repr_or_log(
    server: Nasty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    text = FILE.replace("URL", server.url).replace(
        '{ kind = "bearer", token_env = "TOKEN" }', '{ kind = "api_key", key_env = "TOKEN", query = "api_key" }'
    )
    said = []
    with caplog.at_level(logging.DEBUG), opened(tmp_path, text, *TOOLS) as live:
        server.script(replies(200, {"echo": f"?api_key={TOKEN}"}))
        said.append(str(ask(live, "Find", id="1")))
        assert server.asked[-1].path.endswith(f"?api_key={TOKEN}")
        server.script(replies(422, {"detail": f"api_key={TOKEN} is old"}))
        said.append(str(ask(live, "Find", id="1")))
        server.script(drops)
        with pytest.raises(WorldError) as error:
            ask(live, "Make", name="x")
        chain: BaseException | None = error.value
        while chain is not None:
            said += [repr(chain), str(chain)]
            chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
        said += [repr(live), repr(vars(live))]
    said += [record.getMessage() for record in caplog.records]
    assert TOKEN not in "\n".join(said)


OAUTH = FILE.replace(
    'auth = { kind = "bearer", token_env = "TOKEN" }',
    'auth = { kind = "oauth2", token_url = "URL/token", client_id_env = "ID", client_secret_env = "TOKEN", '
    'scope = "tickets", send = "SEND" }',
)


class SignIn:
    """A service that gives out numbered tokens and takes the newest one only."""

    def __init__(self) -> None:
        self.given, self.lasts, self.refuse_all = 0, 3600, False
        self.forms: list[Asked] = []

    def __call__(self, h: Handler, asked: Asked) -> None:
        if asked.path == "/token":
            self.forms.append(asked)
            self.given += 1
            h.reply(200, {"access_token": f"token-number-{self.given}", "expires_in": self.lasts})
        elif self.refuse_all or asked.headers["authorization"] != f"Bearer token-number-{self.given}":
            h.reply(401, {"detail": f"no {asked.headers['authorization']}"})
        else:
            h.reply(200, {"echo": asked.headers["authorization"]})


@pytest.mark.parametrize("send", ["basic", "body"])
def test_oauth2_tokens_are_kept_renewed_once_on_401_and_hidden(
    server: Nasty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, send: str
) -> None:
    monkeypatch.setenv("TOKEN", "client-secret-1")
    monkeypatch.setenv("ID", "desk assistant")
    server.asked.clear()
    service = SignIn()
    server.answer = service
    with opened(tmp_path, OAUTH.replace("URL", server.url).replace("SEND", send), *TOOLS) as live:
        threads = [threading.Thread(target=ask, args=(live, "Find"), kwargs={"id": "1"}) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert service.given == 1
        assert ask(live, "Find", id="1").body == {"echo": "Bearer ***"}
        service.given += 1  # the kept token is no longer good
        assert ask(live, "Make", name="x").ok
        assert service.given == 3
        form = service.forms[0]
        assert b"grant_type=client_credentials&scope=tickets" in form.body
        assert (b"client-secret-1" in form.body) == (send == "body")
        assert ("authorization" in form.headers) == (send == "basic")
        service.refuse_all = True
        shown = ask(live, "Find", id="1")
        assert shown == Observation(status=401, body={"error": "the service does not accept this assistant"})
        assert service.given == 4  # once, not for ever


def test_a_token_near_its_end_is_not_used(server: Nasty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "client-secret-1")
    monkeypatch.setenv("ID", "desk")
    service = SignIn()
    service.lasts = 0
    server.answer = service
    with opened(tmp_path, OAUTH.replace("URL", server.url).replace("SEND", "basic"), *TOOLS) as live:
        assert ask(live, "Find", id="1").ok
        assert ask(live, "Find", id="1").ok
    assert service.given == 2


@pytest.mark.parametrize(
    "bad",
    [replies(401, {"error": "invalid_client"}), replies(200, b"<html>"), replies(200, {"access_token": "a\r\nX: y"}),
     replies(200, {"access_token": 5}), replies(302, {}, Location="http://127.0.0.1:1/")],
)  # fmt: skip
def test_a_failed_sign_in_is_told_and_nothing_is_called(
    server: Nasty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: Any
) -> None:
    monkeypatch.setenv("TOKEN", "client-secret-1")
    monkeypatch.setenv("ID", "desk")
    server.asked.clear()
    server.script(bad)
    with opened(tmp_path, OAUTH.replace("URL", server.url).replace("SEND", "basic"), *TOOLS) as live:
        shown = ask(live, "Make", name="x")
    assert shown.status == 503
    assert "signing in to the service" in shown.body["error"]
    assert {one.path for one in server.asked} == {"/token"}


def test_after_close_a_call_is_an_error_and_closing_twice_is_none(live: Live) -> None:
    live.close()
    live.close()
    with pytest.raises(WorldError, match="closed"):
        ask(live, "Find", id="1")


def test_closing_ends_calls_that_run(server: Nasty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    server.script(sleeps(60))
    server.asked.clear()
    ended: list[BaseException] = []
    with opened(tmp_path, FILE.replace("URL", server.url), *TOOLS) as live:

        def call() -> None:
            try:
                ask(live, "Send", name="x")
            except WorldError as error:
                ended.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        while not server.asked:
            time.sleep(0.01)
        began = time.monotonic()
    thread.join(15)
    assert len(ended) == 1
    assert time.monotonic() - began < 15


def test_many_threads_share_one_pool(server: Nasty, live: Live) -> None:
    server.answer = lambda h, a: h.reply(200, {"path": a.path})
    wrong: list[Any] = []

    def many(n: int) -> None:
        for m in range(20):
            shown = ask(live, "Find", customer=str(n), id=f"{n}-{m}")
            if shown.body != {"path": f"/v1/things/{n}-{m}"}:
                wrong.append(shown)

    threads = [threading.Thread(target=many, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(server.asked) == 200
