"""A chat-completions endpoint on this machine, with a scripted model behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from manyshot.types import TeacherConfig

Json = dict[str, Any]
#: Status, body, headers.
Reply = tuple[int, str, dict[str, str]]
Answer = Callable[[Json], Reply]


@dataclass(slots=True)
class Endpoint:
    """What was asked of it, and how it is reached."""

    url: str
    requests: list[Json] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def config(self, **more: Any) -> TeacherConfig:
        return TeacherConfig(base_url=self.url, model="scripted", **more)


def completion(text: str) -> Reply:
    """A chat completion, as the API writes it."""
    body = {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "scripted",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }  # fmt: skip
    return 200, json.dumps(body), {}


def refusal(status: int, message: str, headers: dict[str, str] | None = None, **more: str) -> Reply:
    return status, json.dumps({"error": {"message": message, **more}}), headers or {}


def prompt(request: Json) -> str:
    text: str = request["messages"][-1]["content"]
    return text


def asked(request: Json) -> list[Json]:
    """The numbered calls or fields of a prompt; [] for the greeting."""
    return [json.loads(row) for row in prompt(request).splitlines() if row.startswith('{"n": ') and '"text"' not in row]


def lines(rows: Iterator[tuple[int, str]]) -> Reply:
    return completion("".join(json.dumps({"n": n, "text": text}, ensure_ascii=False) + "\n" for n, text in rows))


def wording(request: Json, say: Callable[[Json, int], str]) -> Reply:
    """Answer calls with `say(call, number of the style)`, fields with numbered values."""
    return lines(
        (item["n"], say(item, i) if "values" in item else f"{item['field']} {item['n']}-{i}")
        for item in asked(request)
        for i in range(len(item["styles"]) if "values" in item else 3)
    )


def spoken(call: Json, style: int) -> str:
    """A faithful teacher in Chinese: every value in one of its forms."""
    said = "，".join(forms[style % len(forms)] for forms in call["values"].values())
    return f"{('您好', '麻烦', '嗯')[style % 3]}，{said}，{('谢谢', '尽快', '好吗')[style % 3]}"


def faithful(request: Json) -> Reply:
    return wording(request, spoken)


@contextmanager
def endpoint(answer: Answer) -> Iterator[Endpoint]:
    """Serve `answer` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/chat/completions"
            with lock:
                here.requests.append(request)
                here.keys.append(self.headers["Authorization"])
                status, body, headers = answer(request)
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    lock = threading.Lock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Endpoint(f"http://127.0.0.1:{server.server_address[1]}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
