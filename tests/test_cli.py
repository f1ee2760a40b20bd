"""The command line as a person meets it: help, faults in one line, files in and out. Commands run in processes."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from manyshot import demo
from manyshot.cli import main
from manyshot.config import find_domain, override
from manyshot.errors import SpecError
from manyshot.plugs.models.scripted import ByteTokenizer, Scripted
from manyshot.records import write_manifest
from manyshot.runfolder import RunFolder
from manyshot.serve.chat import chat, shown, typed
from manyshot.serve.predict import predict_file, read_questions
from manyshot.serve.predictor import Mode, Predictor
from manyshot.train.settings import TrainConfig
from manyshot.types import Call, Prediction
from tests.scripted import gold, starter

COMMANDS = (
    "init", "check", "import", "flow", "data", "train", "run", "eval", "curve", "predict", "chat", "preview", "demo",
    "generalist", "score", "likeness", "compare", "gate", "registry", "desk", "serve",
    "access", "audit", "promote", "plan", "export",
)  # fmt: skip


def manyshot(words: Sequence[object], *, timeout: float = 120, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "manyshot.cli", *map(str, words)],
        capture_output=True, text=True, timeout=timeout, input=stdin, env={**os.environ, "COLUMNS": "80"}, check=False,
    )  # fmt: skip


def stopped(words: Sequence[object], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and what stood on stderr, in this process."""
    with pytest.raises(SystemExit) as end:
        main([str(w) for w in words])
    code = end.value.code
    assert isinstance(code, int)
    return code, capsys.readouterr().err


@pytest.fixture
def domain(tmp_path: Path) -> Path:
    return starter(tmp_path / "bistro")


def test_version_and_help_fit_80_columns() -> None:
    assert manyshot(["--version"]).stdout.startswith("manyshot 0.")
    text = manyshot(["--help"]).stdout
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in text.replace("[ARGS]...", "")  # no summary is cut


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "nowhere", "--out", "x"], "drone, ticket_desk"),
        (["check", "nowhere"], "wanted a domain folder"),
        (["run", "drone", "--out", "x", "ranks=8"], "did you mean rank?"),
        (["run", "drone", "--out", "x", "rank=0"], "greater than or equal to 1"),
        (["run", "drone", "--out", "x", "rank"], "wanted key=value"),
        (["run", "drone", "--out", "x", "--config", "no.toml"], "no.toml: cannot be read"),
        (["run", "drone", "--out", "x", "--held-out", "Fly"], "no such tool"),
        (["predict", "--run", "no", "--actions", "no.jsonl", "--out", "o"], "no.jsonl: no such file"),
        (["chat", "--run", "no"], "no run.json"),
        (["chat", "--run", "no", "--registry", "tools.toml", "--customer", "1"], "no run.json"),
        (["chat", "--run", "no", "--customer", "1"], "wanted --registry FILE with it"),
        (["registry", "tools", "no.toml"], "no.toml: wanted this file, it is not there"),
        (["eval", "--run", "no"], "no run.json"),
        (["train", "drone", "--data", "no", "--out", "x"], "manyshot data"),
        (["preview", "drone", "--data", "no"], "no such file"),
    ],
)
def test_a_fault_is_one_line_and_exit_code_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, err = stopped(words, capsys)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["run"], ["fly"], ["run", "drone", "--minutes", "soon", "--out", "x"]])
def test_a_wrong_command_line_exits_2_without_a_traceback(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, err = stopped(words, capsys)
    assert code == 2
    assert "Traceback" not in err


def test_a_folder_that_cannot_be_made_is_one_line(
    domain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    for words in (
        ["run", domain, "--out", tmp_path / "file" / "run"],
        ["data", domain, "--out", tmp_path / "file" / "d"],
    ):
        code, err = stopped(words, capsys)
        assert code == 2
        assert err.startswith("error: ")


def test_a_full_disk_is_one_line(domain: Path, tmp_path: Path) -> None:
    words = ["data", str(domain), "--out", str(tmp_path / "d")]
    code = (
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        f"from manyshot.cli import main\nmain({words!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "d" / "manifest.json").exists()


def test_init_check_and_data_work_together(tmp_path: Path) -> None:
    folder = tmp_path / "bistro"
    assert manyshot(["init", folder, "--language", "zh"]).returncode == 0
    checked = manyshot(["check", folder])
    assert checked.returncode == 0
    assert "sound" in checked.stdout
    assert manyshot(["data", folder, "--out", tmp_path / "d", "--count", 50]).returncode == 0
    assert len((tmp_path / "d/pairs.jsonl").read_text("utf-8").splitlines()) == 50
    again = manyshot(["data", folder, "--out", tmp_path / "d", "--count", 50])
    assert again.returncode == 2
    assert "--force" in again.stderr
    (folder / "tools.json").write_text("[")
    broken = manyshot(["check", folder])
    assert broken.returncode == 2
    assert "tools.json" in broken.stdout


def test_interrupting_exits_130_and_says_how_to_go_on(domain: Path, tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "manyshot.cli",
        "data",
        str(domain),
        "--out",
        str(tmp_path / "d"),
        "--count",
        "100000",
    ]
    # A runner in the background may ignore Ctrl-C, and its children would inherit that.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as process:
        try:
            deadline = time.monotonic() + 60
            while not list(tmp_path.glob("d/.pairs*")) and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "same command" in err
    assert not (tmp_path / "d" / "manifest.json").exists()


def test_preview_shows_the_rendered_samples(domain: Path) -> None:
    done = manyshot(["preview", domain, "-n", 2])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Call:⟦ ") == 2
    assert done.stdout.count("<eos>⟧") == 2
    assert "tokens, no loss" in done.stdout


# -- settings -----------------------------------------------------------------------------------------


def test_settings_come_from_a_file_and_then_from_words(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text('rank = 8\ndtype = "fp32"\n')
    made = override(TrainConfig(), ["rank=4", "lr=1e-3"], tmp_path / "t.toml")
    assert (made.rank, made.lr, made.dtype) == (4, 1e-3, "fp32")
    (tmp_path / "t.toml").write_text("rank = \n")
    with pytest.raises(SpecError, match=r"t\.toml: bad TOML"):
        override(TrainConfig(), [], tmp_path / "t.toml")


def test_a_domain_is_a_folder_or_a_shipped_name(domain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_domain(str(domain)) == domain
    assert find_domain("drone").name == "drone"
    monkeypatch.chdir(tmp_path)
    for word in ("..", "", "../domains/drone", "drone/tests"):
        if not Path(word).is_dir():
            with pytest.raises(SpecError):
                find_domain(word)


def test_the_demo_is_a_small_run() -> None:
    assert demo.DEMO.minutes is not None
    assert demo.DEMO.minutes <= 12
    assert demo.DEMO.sample == 40


def test_the_demo_of_one_domain_never_shows_that_of_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.folder(find_domain("ticket_desk")) == Path("runs/demo")
    assert demo.folder(find_domain("drone")) == Path("runs/demo-drone")
    (tmp_path / "run.json").write_text(json.dumps({"settings": {}, "from": str(find_domain("ticket_desk"))}), "utf-8")
    write_manifest(tmp_path, "run", {}, {}, {})
    code, said = stopped(["demo", "--domain", "drone", "--out", tmp_path], capsys)
    assert code == 2
    assert "a finished demo of ticket_desk, not of drone; choose another --out" in said
    demo.refuse_other(RunFolder(tmp_path), find_domain("ticket_desk"))


def test_the_package_runs_as_a_module() -> None:
    words = [sys.executable, "-m", "manyshot", "--version"]
    assert subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout.startswith(
        "manyshot 0."
    )


def test_no_shot_of_the_shipped_domains_says_a_value_that_cannot_be_read() -> None:
    checked = manyshot(["check", "ticket_desk"])
    assert checked.returncode == 0
    assert "cannot be read back" not in checked.stdout + checked.stderr


# -- predict and chat on a scripted model ------------------------------------------------------------


@pytest.fixture
def predictor(domain: Path) -> Predictor:
    from manyshot.answering import answering_of
    from manyshot.spec.load import load_domain

    return answering_of(load_domain(domain)).predictor(Scripted(gold(domain)), ByteTokenizer())


def test_predict_writes_one_line_for_each_in_order(predictor: Predictor, tmp_path: Path) -> None:
    rows = [
        {"id": "b", "action": "Cancel booking B10423, please."},
        {"id": "a", "action": "I want to cancel my booking."},
        {"id": 7, "action": "Can you deliver two pizzas to my office?"},
        {"id": "b", "action": "   "},
        {
            "id": "h",
            "action": "Cancel booking B10423, please.",
            "history": [{"call": {"name": "CancelBooking", "arguments": {}}, "error": "no id"}],
        },
    ]
    (tmp_path / "in.jsonl").write_text("\ufeff" + "\n\n".join(json.dumps(r) for r in rows) + "\n", "utf-8")
    assert predict_file(predictor, tmp_path / "in.jsonl", tmp_path / "deep" / "out.jsonl", Mode("tuned")) == 5
    made = [json.loads(row) for row in (tmp_path / "deep" / "out.jsonl").read_text("utf-8").splitlines()]
    assert [r["id"] for r in made] == ["b", "a", 7, "b", "h"]
    assert all(set(r) == {"id", "calls", "ask", "ms"} for r in made)
    assert made[0]["calls"] == [{"name": "CancelBooking", "arguments": {"booking_id": "B10423"}}]
    assert (made[1]["calls"], made[1]["ask"]) == ([], ["booking_id"])
    assert (made[2]["calls"], made[2]["ask"]) == ([], None)
    assert made[4]["calls"] == made[0]["calls"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "bad JSON"),
        ("[]", "wanted an object"),
        ('{"id": "1"}', '"action", got nothing'),
        ('{"action": "x"}', '"id", got nothing'),
        ('{"id": null, "action": "x"}', '"id", got null'),
        ('{"id": true, "action": "x"}', '"id", got true'),
        ('{"id": "1", "action": 5}', '"action", got 5'),
        ('{"id": "1", "action": "x", "mood": 1}', "unknown key 'mood'"),
        ('{"id": "1", "action": "x", "history": {}}', "history"),
        ('{"id": "1", "action": "x", "history": [{"call": {"name": "A"}}]}', "history: error: field required"),
        ('{"id": "1", "action": "x", "history": [{"call": {"name": "a b"}, "error": "e"}]}', "history: wanted a name"),
        ('{"id": "1", "action": "x", "history": [{"call": {"name": "A"}, "error": "\\ud800"}]}', "surrogate"),
        ('{"id": "1", "action": "\\ud800"}', "surrogate"),
        (json.dumps({"id": "1", "action": "x" * 5000}), "at most 4000"),
        ("[" * 100_000, "bad JSON"),
        ('{"id": ' + "1" * 5000 + ', "action": "x"}', "bad JSON"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(line: str, said: str, predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": "0", "action": "fine"}\n' + line + "\n")
    with pytest.raises(SpecError, match=r"in\.jsonl:2: ") as error:
        predict_file(predictor, tmp_path / "in.jsonl", tmp_path / "out.jsonl", Mode("tuned"))
    assert said in str(error.value)
    assert [p.name for p in tmp_path.glob("*out*")] == []


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00"])
def test_a_file_without_questions_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(content)
    with pytest.raises(SpecError, match=r"in\.jsonl"):
        read_questions(tmp_path / "in.jsonl")


def test_a_line_separator_inside_an_action_does_not_cut_the_line(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": "1", "action": "one\u2028two\x85"}\n', "utf-8")
    assert [q.action for q in read_questions(tmp_path / "in.jsonl")] == ["one\u2028two\x85"]


def test_chat_shows_call_values_and_verdict(predictor: Predictor) -> None:
    said: list[str] = []
    lines = ["Cancel booking B10423, please.\n", "\n", "I want to cancel my booking.\n", "What is the best dish?\n"]
    assert chat(predictor, Mode("tuned"), lines, said.append) == 3
    text = "\n".join(said)
    assert "CancelBooking" in text
    assert "booking_id = B10423" in text
    assert "asks back for: booking_id" in text
    assert "no tool fits" in text
    assert text.count(" ms)") == 3


def test_chat_says_from_which_words_a_value_was_read() -> None:
    answer = Prediction(
        id="1",
        calls=(Call(name="Book", arguments={"date": "2024-10-11", "who": {"vip": True}}),),
        raw=' Book{"date":"tomorrow","who":{"vip":true}}',
    )
    text = "\n".join(shown("book me in for tomorrow", answer))
    assert 'date = 2024-10-11   (from "tomorrow")' in text
    assert "who.vip = true\n" in text


def test_chat_shows_what_it_understood_but_nothing_invented() -> None:
    raw = ' Book{"date":"tomorrow","name":"someone","phone":"call me"}'
    text = "\n".join(shown("a table for tomorrow, call me", Prediction(id="1", ask=("phone",), raw=raw)))
    assert "understood date = tomorrow" in text
    assert "someone" not in text
    assert "phone = " not in text


def test_typed_lines_are_echoed_when_they_come_from_a_pipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").write_text("one\n\ntwo", "utf-8")
    with (tmp_path / "in").open(encoding="utf-8") as stream:
        assert [line.strip() for line in typed(stream)] == ["one", "", "two"]
    assert capsys.readouterr().out == "Action> one\nAction> two\n"
