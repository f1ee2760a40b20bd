"""A service that fine-tunes, on this machine: files, jobs and events of OpenAI's API, as its clients meet them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Service:
    """What it was sent, and how it behaves. A job goes one status further each time that it is asked for."""

    url: str = ""
    #: Statuses that a job runs through.
    course: tuple[str, ...] = ("validating_files", "queued", "running", "succeeded")
    #: Why a file is refused; "" takes it.
    file_error: str = ""
    #: Answers given before the true one to requests of a method and path: (regex, status).
    faults: list[tuple[str, int]] = field(default_factory=list)
    #: Paths (regex) that it does not know.
    unknown: str = ""
    files: dict[str, Json] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, Json] = field(default_factory=dict)
    looked: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def answer(self, method: str, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
        self.asked.append(f"{method} {path}")
        for number, (pattern, status) in enumerate(self.faults):
            if re.search(pattern, f"{method} {path}"):
                del self.faults[number]
                return status, _error("out of order")
        if self.unknown and re.search(self.unknown, f"{method} {path}"):
            return 404, _error("unknown")
        parts = path.split("?")[0].removeprefix("/v1/").split("/")
        if parts[0] == "files":
            return self._files(method, parts[1:], body, kind)
        return self._jobs(method, parts[2:], body)

    def _files(self, method: str, rest: list[str], body: bytes, kind: str) -> tuple[int, bytes]:
        if method == "POST":
            name, content = _upload(body, kind)
            key = f"file-{len(self.files) + 1}"
            self.contents[key] = content
            self.files[key] = {
                "id": key, "object": "file", "bytes": len(content), "created_at": 1, "filename": name,
                "purpose": "fine-tune", "status": "uploaded",
            }  # fmt: skip
            return 200, json.dumps(self.files[key]).encode()
        if not rest:
            return 200, _list(list(self.files.values()))
        if rest[1:] == ["content"]:
            return 200, b"step,train_loss\n1,0.5\n"
        file = self.files[rest[0]]
        file |= {"status": "error", "status_details": self.file_error} if self.file_error else {"status": "processed"}
        return 200, json.dumps(file).encode()

    def _jobs(self, method: str, rest: list[str], body: bytes) -> tuple[int, bytes]:
        if method == "POST":
            asked = json.loads(body)
            if asked["training_file"] not in self.files:
                return 400, _error("no such training file")
            key = f"ftjob-{len(self.jobs) + 1}"
            self.jobs[key] = {
                "id": key, "object": "fine_tuning.job", "created_at": 100, "finished_at": None, "error": None,
                "fine_tuned_model": None, "hyperparameters": {}, "organization_id": "o", "result_files": [],
                "trained_tokens": None, "validation_file": None, "status": self.course[0], **asked,
            }  # fmt: skip
            self.looked[key] = 0
            return 200, json.dumps(self.jobs[key]).encode()
        if not rest:
            return 200, _list(list(self.jobs.values()))
        if rest[1:] == ["events"]:
            return 200, _list(self._events(rest[0]))
        return 200, json.dumps(self._look(rest[0])).encode()

    def _look(self, key: str) -> Json:
        job = self.jobs[key]
        at = min(self.looked[key], len(self.course) - 1)
        self.looked[key] += 1
        job["status"] = self.course[at]
        if job["status"] == "succeeded":
            job |= {"fine_tuned_model": f"ft:{job['model']}:{job['suffix']}", "trained_tokens": 1234,
                    "finished_at": 160, "result_files": ["file-result"]}  # fmt: skip
        if job["status"] == "failed":
            job["error"] = {"code": "invalid_training_file", "message": "line 3 is not nice", "param": "training_file"}
        return job

    def _events(self, key: str) -> list[Json]:
        rows = [
            {"id": f"e{n}", "object": "fine_tuning.job.event", "created_at": 100 + n, "level": "info",
             "message": f"step {n}", "type": "metrics", "data": {"step": n, "total_steps": 4, "train_loss": 1.0 / n}}
            for n in range(1, min(4, self.looked[key]) + 1)
        ]  # fmt: skip
        return rows[::-1]  # the newest first, as the API has it


def _list(rows: list[Json]) -> bytes:
    return json.dumps({"object": "list", "data": rows, "has_more": False}).encode()


def _error(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": "error", "code": None, "param": None}}).encode()


def _upload(body: bytes, kind: str) -> tuple[str, bytes]:
    """Name and content of the file in a multipart form."""
    whole: Message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    for part in whole.walk():
        if name := part.get_filename():
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return name, content
    raise AssertionError("no file in the form")


@contextmanager
def service(**how: Any) -> Iterator[Service]:
    """Serve until the block ends."""
    here = Service(**how)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                here.keys.add(self.headers.get("Authorization", ""))
                status, said = here.answer(self.command, self.path, body, self.headers.get("Content-Type", ""))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = _do

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
