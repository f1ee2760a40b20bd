"""Fine-tuning by a service: a real server in this process speaks the API, in good days and bad ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina

from manyshot.errors import TrainError
from manyshot.plugs.trainers.hosted import EVENTS, JOB, Hosted, HostedConfig
from tests.courses import acting, pair, thinking, tiny_tokenizer
from tests.courses import dialogue as one_dialogue
from tests.finetuning import Service, service

KEY = "sk-very-secret"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_tokenizer(tmp_path_factory.mktemp("base"))


@pytest.fixture(autouse=True)
def fast() -> Iterator[None]:
    """Repetitions as they are, without the waits between them."""
    with stamina.set_testing(True, attempts=6, cap=True):
        yield


def hosted(there: Service, *, seconds: float | None = 20, **more: Any) -> Hosted:
    config = HostedConfig(model="small", base_url=there.url, poll=0.01, **more)
    return Hosted(config, KEY, 3, seconds)


def make(there: Service, base: Path, out: Path, *, count: int = 12, **more: Any) -> Any:
    told: list[tuple[float, str]] = []
    made = hosted(there, **more).make(acting(base, [pair(n) for n in range(count)]), out, lambda *x: told.append(x))
    return made, told


def test_a_job_runs_from_upload_to_result(base: Path, tmp_path: Path) -> None:
    with service() as there:
        made, told = make(there, base, tmp_path, batch=4, rate=0.5)
    assert made.model == "ft:small:bistro"
    assert made.adapter is None
    assert made.numbers["trained_tokens"] == 1234
    assert made.numbers["seconds"] == 60
    rows = [json.loads(row) for row in there.contents["file-1"].decode().splitlines()]
    assert len(rows) == 12
    assert rows[3]["messages"][1]["tool_calls"][0]["function"]["name"] == "Book"
    assert rows[3]["tools"][0]["function"]["name"] == "Book"
    job = there.jobs["ftjob-1"]
    how = {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 0.5}
    assert job["method"]["supervised"]["hyperparameters"] == how
    assert told[-1] == (1.0, "step 4 of 4, loss 0.250")
    events = [json.loads(row)["message"] for row in (tmp_path / EVENTS).read_text().splitlines()]
    assert events == ["step 1", "step 2", "step 3", "step 4"]
    assert (tmp_path / made.numbers["results"][0]).read_text().startswith("step,train_loss")
    assert there.keys == {f"Bearer {KEY}"}
    assert KEY not in "".join(p.read_text() for p in tmp_path.iterdir())


def test_the_thought_beside_a_call_is_sent_too(base: Path, tmp_path: Path) -> None:
    with service() as there:
        hosted(there).make(thinking(base, [one_dialogue(n) for n in range(10)]), tmp_path, lambda *_: None)
    row = json.loads(there.contents["file-1"].decode().splitlines()[0])
    answer = row["messages"][1]
    assert "A table is wanted." in answer["content"]
    assert answer["tool_calls"]


def test_a_job_that_fails_says_why_and_the_next_run_starts_another(base: Path, tmp_path: Path) -> None:
    with service(course=("queued", "failed")) as there:
        with pytest.raises(TrainError, match=r"ftjob-1 .* was failed: line 3 is not nice"):
            make(there, base, tmp_path)
        there.course = ("succeeded",)
        there.jobs["ftjob-1"]["status"] = "failed"
        made, _ = make(there, base, tmp_path)
    assert made.model
    assert len(there.files) == 1
    assert list(there.jobs) == ["ftjob-1", "ftjob-2"]


def test_a_cancelled_job_is_told(base: Path, tmp_path: Path) -> None:
    with service(course=("running", "cancelled")) as there, pytest.raises(TrainError, match="was cancelled: step 2"):
        make(there, base, tmp_path)


def test_a_refused_file_is_told_before_any_job(base: Path, tmp_path: Path) -> None:
    with service(file_error="row 1 has no messages") as there:
        with pytest.raises(TrainError, match=r"refused the file .*row 1 has no messages"):
            make(there, base, tmp_path)
        assert not there.jobs


def test_time_up_leaves_the_job_and_the_second_run_picks_it_up(base: Path, tmp_path: Path) -> None:
    with service(course=("running",) * 50) as there:
        with pytest.raises(TrainError, match="is running and the time is up"):
            make(there, base, tmp_path, seconds=0.05)
        there.course = ("succeeded",)
        make(there, base, tmp_path)
        assert (len(there.files), len(there.jobs)) == (1, 1)


@pytest.mark.parametrize("lost", ["job", "file", "record"])
def test_what_was_made_but_not_recorded_is_found_again(base: Path, tmp_path: Path, lost: str) -> None:
    with service(course=("running",) * 3 + ("succeeded",)) as there:
        with pytest.raises(TrainError, match="time is up"):
            make(there, base, tmp_path, seconds=0.001)
        known = json.loads((tmp_path / JOB).read_text())
        if lost == "record":
            (tmp_path / JOB).unlink()
        else:
            known = {k: v for k, v in known.items() if k != "job" and (k != "file" or lost == "job")}
            (tmp_path / JOB).write_text(json.dumps(known))
        make(there, base, tmp_path)
        assert (len(there.files), len(there.jobs)) == (1, 1)


def test_the_same_samples_with_other_settings_are_another_job(base: Path, tmp_path: Path) -> None:
    with service() as there:
        make(there, base, tmp_path / "a")
        make(there, base, tmp_path / "b", rate=2.0)
        assert (len(there.files), len(there.jobs)) == (1, 2)


def test_a_lost_answer_to_a_new_job_is_not_asked_for_twice(base: Path, tmp_path: Path) -> None:
    with service(faults=[("POST /v1/fine_tuning/jobs", 500)]) as there:
        with pytest.raises(TrainError, match="--resume goes on"):
            make(there, base, tmp_path)
        assert there.asked.count("POST /v1/fine_tuning/jobs") == 1
        make(there, base, tmp_path)
        assert len(there.jobs) == 1


def test_a_bad_hour_is_waited_for(base: Path, tmp_path: Path) -> None:
    faults = [("GET /v1/fine_tuning/jobs/", 503), ("GET /v1/fine_tuning/jobs/", 429), ("POST /v1/files", 429)]
    with service(faults=faults) as there:
        made, _ = make(there, base, tmp_path)
    assert made.model
    assert not faults


def test_a_service_that_lists_nothing_will_do(base: Path, tmp_path: Path) -> None:
    with service(unknown=r"GET /v1/(files|fine_tuning/jobs)(\?|$)|events") as there:
        made, told = make(there, base, tmp_path)
    assert made.model
    assert told[-1] == (1.0, "succeeded")


def test_a_wrong_key_is_named_by_its_variable_and_never_shown(base: Path, tmp_path: Path) -> None:
    with (
        service(faults=[(".", 401)] * 9) as there,
        pytest.raises(TrainError, match="check the key in OPENAI_API_KEY") as e,
    ):
        make(there, base, tmp_path)
    assert KEY not in str(e.value)


def test_nobody_there(base: Path, tmp_path: Path) -> None:
    with service() as there:
        pass
    with pytest.raises(TrainError, match="--resume goes on"):
        make(there, base, tmp_path)


def test_too_few_samples_and_another_training_are_refused(base: Path, tmp_path: Path) -> None:
    with service() as there:
        with pytest.raises(TrainError, match="wanted 10 samples or more to send, there are 9"):
            make(there, base, tmp_path, count=9)
        make(there, base, tmp_path)
        with pytest.raises(TrainError, match="a job with another data"):
            make(there, base, tmp_path, count=11)
        (tmp_path / JOB).write_text("{")
        with pytest.raises(TrainError, match="damaged"):
            make(there, base, tmp_path)


def test_long_samples_are_named_and_not_sent(base: Path, tmp_path: Path) -> None:
    with service() as there:
        course = acting(base, [*(pair(n) for n in range(10)), pair(99, "A table for Guest 99 " + "very soon " * 200)])
        made = hosted(there, limit=400).make(course, tmp_path, lambda *_: None)
    assert made.numbers["set_aside"] == 1
    gone = json.loads((tmp_path / "set_aside.jsonl").read_text())
    assert gone["id"] == "p99"
    assert "the limit is 400" in gone["why"]
    assert len(there.contents["file-1"].splitlines()) == 10
