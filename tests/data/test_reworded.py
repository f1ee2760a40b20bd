"""Dialogues in a teacher's words, from a real endpoint: as true as before, or the words they had."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from manyshot import multiply, pipeline, thinking
from manyshot.budget import ThinkingPlan
from manyshot.cli import main
from manyshot.data.asking import AT_ONCE, MOST, Asking
from manyshot.data.dialogues.build import Rejects
from manyshot.data.dialogues.reword import AUTHOR, GIVE_UP, reworded
from manyshot.dialogue.company import Company
from manyshot.errors import ModelError
from manyshot.journal import Answers, kept_answers, whole_rows
from manyshot.multiply import ANSWERS
from manyshot.parts import teacher_of
from manyshot.pipeline import RunConfig
from manyshot.plugs.teachers.openai import OpenAITeacher
from manyshot.progress import Silent
from manyshot.protocols import Usage
from manyshot.records import read_jsonl
from manyshot.runfolder import RunFolder
from manyshot.shotbook import GENERATED, open_book
from manyshot.spec.load import load_domain, load_flows
from manyshot.train.settings import TrainConfig
from manyshot.types import Manifest, Trajectory
from manyshot.world.opening import opener
from tests.data.checker import Checker
from tests.endpoint import Answer, Endpoint, Json, Reply, completion, endpoint, lines, prompt, refusal
from tests.scripted import Counting

DESK = Path(multiply.__file__).parent / "domains" / "ticket_desk"
COUNT = 40


def desk(folder: Path, there: Endpoint, more: str = "") -> Path:
    shutil.copytree(DESK, folder / "desk")
    file = folder / "desk" / "domain.toml"
    file.write_text(
        f'{file.read_text("utf-8")}\n[teacher]\nbase_url = "{there.url}"\nmodel = "scripted"\nshare = 1.0\n{more}',
        "utf-8",
    )
    return folder / "desk"


def made(folder: Path, out: Path, **settings: Any) -> tuple[Json, list[Json]]:
    read = load_domain(folder)
    manifest: Manifest = multiply.run(
        folder,
        out,
        Silent(),
        count=COUNT,
        teacher=lambda answers, budget: teacher_of(read, answers, budget),
        **settings,
    )
    return manifest.numbers, [json.loads(text) for text in (out / GENERATED).read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[Trajectory]:
    """Dialogues in experts' words."""
    out = tmp_path_factory.mktemp("reworded") / "plain"
    multiply.run(DESK, out, Silent(), count=COUNT)
    return list(read_jsonl(out / GENERATED, Trajectory))


@pytest.fixture(scope="module")
def company() -> Company:
    return open_book(DESK, opener).company


@dataclass
class Lesson:
    """What came of a teacher."""

    rows: list[Trajectory]
    asking: Asking
    rejects: Counter[str]

    @property
    def taught(self) -> int:
        return sum(row.author == AUTHOR for row in self.rows)


def taught(
    plain: list[Trajectory],
    company: Company,
    there: Endpoint,
    answers: Answers | None = None,
    budget: int | None = None,
) -> Lesson:
    asking = Asking(OpenAITeacher(there.config(), "", answers, budget), 0, give_up=GIVE_UP, most=MOST)
    rejects = Rejects()
    rows = reworded(plain, company, asking, rejects, lambda _, __: None, share=1.0)
    return Lesson(rows, asking, rejects.counts)


def open_lines(request: Json) -> list[Json]:
    return [json.loads(row) for row in prompt(request).splitlines() if row.startswith('{"n": ') and '"who"' in row]


def saying(change: Callable[[Json], str]) -> Answer:
    """A teacher that makes each line what `change` makes of it; other requests are greetings."""
    return lambda request: lines((line["n"], change(line)) for line in open_lines(request)) if (
        open_lines(request)
    ) else completion("ok")  # fmt: skip


def other_words(line: Json) -> str:
    """Nothing told is lost, and every line differs."""
    tail = {
        "user": "麻烦啦，真的很着急呢",
        "think": "按部就班来就好，先稳住客户的情绪",
        "reply": "感谢您的耐心等候与理解哦",
    }
    return f"{tail[line['who']]}，{line['line']}"


def test_words_change_and_nothing_else(plain: list[Trajectory], tmp_path: Path) -> None:
    with endpoint(saying(other_words)) as there:
        folder = desk(tmp_path, there, "price = [1.0, 2.0]\n")
        numbers, rows = made(folder, tmp_path / "out")
    assert sum(row["author"] == AUTHOR for row in rows) == numbers["teacher"]["dialogues"] > 0.7 * len(rows)
    assert len(rows) == len(plain)
    for row, before in zip(rows, (one.model_dump(mode="json") for one in plain), strict=True):
        fixed = ("action", "observation")
        assert row["path"] == before["path"]
        assert [t for t in row["turns"] if t["role"] in fixed] == [t for t in before["turns"] if t["role"] in fixed]
        assert ("着急" in row["turns"][0]["text"]) == (row["author"] == AUTHOR)
    checker = Checker(folder, opener(load_domain(folder), load_flows(folder)))
    assert not [fault for row in rows for fault in checker.faults(row)]
    used = numbers["teacher"]
    assert used["cost"] == pytest.approx((used["tokens_in"] + 2 * used["tokens_out"]) / 1e6, abs=1e-4)


def no_number(line: Json) -> str:
    return re.sub(r"\d", "", other_words(line))


def not_so(line: Json) -> str:
    return other_words(line).replace("，", "，不" if line["who"] == "user" else "，", 1)


def flagged(request: Json) -> Reply:
    return refusal(400, "no") if open_lines(request) else completion("ok")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (saying(no_number), "leaves out"),
        (saying(lambda line: f"{other_words(line)}，订单AB99887766"), "names what was not told there"),
        (saying(lambda line: line["line"]), "the same words"),
        (saying(lambda _: "好的" * 300), "far too long"),
        (saying(not_so), "a yes may"),
        (lambda _: completion("I'm sorry, but I can't help with that."), "cannot be read"),
        (lambda _: completion("\x00<html>"), "cannot be read"),
        (flagged, "refused by the endpoint"),
    ],
)
def test_what_is_not_as_good_is_a_reject_and_the_dialogue_keeps_its_words(
    answer: Answer, reason: str, plain: list[Trajectory], company: Company
) -> None:
    with endpoint(answer) as there:
        came = taught(plain, company, there)
    assert len(came.rows) == len(plain)
    assert any(reason in found for found in came.rejects), came.rejects
    assert all(row == before for row, before in zip(came.rows, plain, strict=True) if row.author != AUTHOR)
    if reason not in ("a yes may", "leaves out"):  # where there is no number, none can be left out
        assert not came.taught
        assert "given up" in came.asking.closed


def test_rate_limits_and_faults_are_waited_out_and_named(
    plain: list[Trajectory], company: Company, tmp_path: Path
) -> None:
    failing = iter([refusal(429, "slow down", {"Retry-After": "0.01"}), refusal(500, "oh")] * 3)

    def answer(request: Json) -> Reply:
        if open_lines(request) and (bad := next(failing, None)):
            return bad
        return saying(other_words)(request)

    with endpoint(answer) as there, kept_answers(tmp_path / ANSWERS) as answers:
        came = taught(plain, company, there, answers)
    assert came.asking.teacher.usage.again == {"429": 3, "500": 3}
    assert came.taught > 0.7 * len(plain)
    kept = whole_rows(tmp_path / ANSWERS)
    assert sorted(why for row in kept for why in row["made_again_for"]) == ["429", "429", "429", "500", "500", "500"]


def test_fewer_are_asked_at_once_where_it_is_too_much() -> None:
    """A teacher that takes two requests at a time, and is slow with a third."""
    lock, under_way, most = threading.Lock(), [0], [0]

    class Narrow:
        usage = Usage()

    def request(part: int, _: int) -> int:
        with lock:
            under_way[0] += 1
            most.append(under_way[0])
            Narrow.usage.retries += under_way[0] > 2
        time.sleep(0.01)
        with lock:
            under_way[0] -= 1
        return part

    asking = Asking(Narrow(), 0, give_up=9, most=16)  # type: ignore[arg-type]
    assert [part for part, _ in asking.ask(range(60), request)] == list(range(60))
    assert max(most[-20:]) <= 4


def dear(answer: Answer) -> Answer:
    """Every request costs what it may at most: a token a byte, and the longest answer that it allows."""

    def answered(request: Json) -> Reply:
        status, body, headers = answer(request)
        usage = {"prompt_tokens": len(prompt(request).encode()), "completion_tokens": request["max_tokens"]}
        return status, json.dumps({**json.loads(body), "usage": {**usage, "total_tokens": 0}}), headers

    return answered


def test_a_budget_stops_the_job_and_what_was_made_stays(plain: list[Trajectory], company: Company) -> None:
    with endpoint(dear(saying(other_words))) as there:
        came = taught(plain, company, there, budget=60_000)
    assert came.asking.teacher.usage.tokens <= 60_000
    assert 0 < came.taught < len(plain) == len(came.rows)
    assert came.asking.closed == "its budget of 60000 tokens is spent"


def test_a_budget_of_zero_asks_nothing_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with endpoint(saying(other_words)) as there:
        folder = desk(tmp_path, there)
        with pytest.raises(SystemExit, match="0"):
            main(["dialogues", str(folder), "--out", str(tmp_path / "out"), "--count", "10", "--budget", "0"])
        assert not there.requests
    assert "a budget of 0 tokens: the teacher is not asked" in " ".join(capsys.readouterr().out.split())


def test_drafts_are_worded_by_the_teacher_and_stay_true(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with endpoint(saying(other_words)) as there:
        folder = desk(tmp_path, there)
        for file in (folder / "shots").glob("*.md"):
            file.unlink()
        wanted = [path.id for path in open_book(folder, opener).company.all_paths][:3]
        with pytest.raises(SystemExit) as ended:
            main(["shots", "draft", str(folder), *(word for path in wanted for word in ("--path", path))])
        assert ended.value.code == 0, capsys.readouterr()
        asked = len(there.requests)
        drafted = open_book(folder, opener)
        assert asked >= len(wanted)
        assert [drafted.replay(one).path for one in drafted.shots] == wanted
        assert all(drafted.replay(one).true for one in drafted.shots)
        assert all("着急" in one.turns[0].text for one in drafted.shots)
        with pytest.raises(SystemExit):
            main(["shots", "draft", str(folder), "--path", wanted[0], "--no-teacher"])
        assert len(there.requests) == asked


def test_a_run_has_the_teacher_word_its_dialogues_and_waits_only_so_long(tmp_path: Path) -> None:
    config = RunConfig(minutes=None, pairs=20, dialogues=COUNT, checks=0, tries=1, train=TrainConfig(batch=8))
    with endpoint(saying(other_words)) as there:
        folder, place = desk(tmp_path, there), RunFolder(tmp_path / "run")
        pipeline.run(config, folder, place.path, Counting(tmp_path, {}).parts(), Silent())
        late = RunFolder(tmp_path / "late")
        shutil.copytree(folder, late.domain)
        plan = ThinkingPlan(dialogues=COUNT, train_seconds=None, evaluate_seconds=None)
        thinking.make(late, plan, load_domain(folder), Silent(), seed=0, trust=False, teacher_seconds=0.0)
    made, cut = (
        [one.author for one in read_jsonl(folder / GENERATED, Trajectory)]
        for folder in (place.dialogues, late.dialogues)
    )
    assert made.count(AUTHOR) > len(made) / 2
    assert cut.count(AUTHOR) <= AT_ONCE  # what was asked at once when the time was up


def test_a_refused_key_stops_before_anything_is_made(tmp_path: Path) -> None:
    with (
        endpoint(lambda _: refusal(401, "no such key")) as there,
        pytest.raises(ModelError, match=r"domain.toml \[teacher\]"),
    ):
        made(desk(tmp_path, there), tmp_path / "out")


@pytest.mark.slow
def test_after_a_kill_nothing_is_asked_twice(tmp_path: Path) -> None:
    seen: list[str] = []

    def answer(request: Json) -> Reply:
        if open_lines(request):
            seen.append(prompt(request))
            time.sleep(0.05)
        return saying(other_words)(request)

    with endpoint(answer) as there:
        folder, out = desk(tmp_path, there), tmp_path / "out"
        words = ["dialogues", str(folder), "--out", str(out), "--count", str(COUNT), "--workers", "1"]
        killed = subprocess.Popen([sys.executable, "-m", "manyshot", *words], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while len(seen) < 10 and time.monotonic() < end:
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        time.sleep(0.3)  # the endpoint still works on what nobody waits for
        assert not (out / "manifest.json").exists()
        kept = (out / ANSWERS).read_text("utf-8").count("\n")
        assert kept > 0
        asked = len(seen)
        numbers, _ = made(folder, out)
        # What was under way at the kill was never heard, so it may come again; nothing else does.
        assert numbers["teacher"]["kept_answers"] == kept
        assert len(seen) - asked == numbers["teacher"]["calls"] - 1
        whole, rows = made(folder, tmp_path / "again")
    assert rows == [json.loads(text) for text in (out / GENERATED).read_text("utf-8").splitlines()]
    assert whole["teacher"]["tokens_in"] == numbers["teacher"]["tokens_in"]


def test_half_a_line_of_a_kill_is_not_taken_for_an_answer(tmp_path: Path) -> None:
    file = tmp_path / ANSWERS
    file.write_text('{"key": "a", "text": "x"}\n{"key": "b", "te', "utf-8")
    with kept_answers(file) as answers:
        assert answers.get("a") is not None
        assert answers.get("b") is None
        answers.put("b", {"text": "y"})
    with kept_answers(file) as answers:
        assert answers.get("b") == {"key": "b", "text": "y"}
