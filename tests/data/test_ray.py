"""Dialogues on a Ray cluster: the same bytes as in one process, also when a worker is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from manyshot import multiply
from manyshot.cli import main
from manyshot.config import find_domain
from manyshot.progress import Silent
from manyshot.shotbook import GENERATED
from tests.dialogue.inn import inn_folder

with_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'manyshot[ray]'")
DESK = find_domain("ticket_desk")


def same(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in (GENERATED, multiply.REJECTS))


def test_without_ray_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "manyshot.plugs.ray_tasks", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit, match="2"):
        main(["dialogues", str(DESK), "--out", str(tmp_path / "out"), "--count", "1", "--engine", "ray"])
    assert "pip install 'manyshot[ray]'" in " ".join(capsys.readouterr().err.split())


@with_ray
def test_an_address_where_nothing_answers_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(SystemExit, match="2"):
            main(["dialogues", str(DESK), "--out", str(tmp_path / "out"), "--count", "1", "--engine", "ray"])
    assert "no Ray cluster answers there" in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
@with_ray
def test_a_cluster_makes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    inn_folder(tmp_path / "inn")
    for words in (("draft", tmp_path / "inn"), ("approve", tmp_path / "inn", "--all", "--by", "Ann")):
        with pytest.raises(SystemExit, match="0"):
            main(["shots", *map(str, words)])
    multiply.run(tmp_path / "inn", tmp_path / "here", Silent(), count=60, engine="inline")
    multiply.run(tmp_path / "inn", tmp_path / "there", Silent(), count=60, engine="ray", workers=2)
    assert same(tmp_path / "here", tmp_path / "there")


@pytest.mark.slow
@with_ray
def test_a_killed_worker_loses_no_row(tmp_path: Path) -> None:
    out, words = tmp_path / "there", ["--count", "600", "--engine", "ray", "--workers", "2"]
    env = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    running = subprocess.Popen(
        [sys.executable, "-m", "manyshot", "dialogues", str(DESK), "--out", str(out), *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env,
    )  # fmt: skip
    end = time.monotonic() + 300
    while len(list(out.glob("parts/*-*.json"))) < 2 or not (at_work := list(workers_below(running.pid))):
        assert running.poll() is None, running.communicate()[1].decode()
        assert time.monotonic() < end, "no path was finished"
        time.sleep(0.02)
    os.kill(at_work[0], signal.SIGKILL)
    assert running.wait(900) == 0
    multiply.run(DESK, tmp_path / "here", Silent(), count=600, workers=2)
    assert same(tmp_path / "here", out)


def workers_below(root: int) -> Iterator[int]:
    """Processes of Ray below a process, that are at a task of ours."""
    for tasks in Path(f"/proc/{root}/task").glob("*/children"):
        for child in map(int, tasks.read_text().split()):
            if Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"ray::task"):
                yield child
            yield from workers_below(child)
