"""Fine-tuning by a service: OpenAI's API, or one that speaks it.

The one rule: nothing is paid for twice. File and job are on record as soon as they are there, looked for at the service
before they are made, and never made again in one run; a run that was stopped anywhere picks its job up.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import openai
import stamina
from pydantic import Field

from manyshot.dataset import pairs
from manyshot.dataset.forms import Setting
from manyshot.dataset.openai import OPENAI
from manyshot.errors import TrainError
from manyshot.plugs.endpoint import hopeless
from manyshot.plugs.trainers.course import Course, Made, Sample, Tell, within
from manyshot.records import digest, line, write_aside, write_jsonl
from manyshot.types import CallPair, Json, Record

T = TypeVar("T")
#: Inside the adapter's folder: what is sent, what is known of the job, what the service said.
DATA, JOB, EVENTS = "train.jsonl", "hosted.json", "events.jsonl"
#: The fewest samples that OpenAI takes.
FEWEST = 10
#: Seconds for one request, and for one with its repetitions.
CALL_SECONDS, WHOLE_SECONDS = 120.0, 300.0
ATTEMPTS = 6
#: What jobs end as without a model.
_LOST = ("failed", "cancelled")
#: Under which a job carries the hash of its samples and settings.
_MARK = "manyshot"
#: Most events that are asked for at a time.
_PAGE = 100


class HostedConfig(Record):
    """Settings of a training by a service."""

    model: str = Field("gpt-4o-mini-2024-07-18", min_length=1, description="the service's model to begin from")
    base_url: str = Field("https://api.openai.com/v1", description="where the API is")
    key_env: str = Field("OPENAI_API_KEY", description="environment variable with the key; empty for none")
    batch: int = Field(0, ge=0, description="samples a step; 0: the service decides")
    rate: float = Field(0, ge=0, description="multiplier of the service's learning rate; 0: the service decides")
    limit: int = Field(65536, ge=16, description="tokens by our base's count; longer samples are set aside and named")
    suffix: str = Field("", max_length=64, description="part of the new model's name; the domain's without it")
    seed: int = Field(0, ge=0, description="told to the service")
    poll: float = Field(20.0, gt=0, description="seconds between two looks at the job")


class Hosted:
    """Makes a model at a service; no weights come back, the model is used by its name."""

    def __init__(self, config: HostedConfig, key: str, epochs: int, seconds: float | None) -> None:
        self.config, self._key, self._epochs, self._seconds = config, key, epochs, seconds
        self._client = openai.OpenAI(
            api_key=key or "none", base_url=config.base_url, timeout=CALL_SECONDS, max_retries=0
        )

    def make(self, course: Course, out: Path, tell: Tell) -> Made:
        """Send the samples, start a job or pick it up, wait for it. Raises TrainError."""
        out.mkdir(parents=True, exist_ok=True)
        course, gone = within(course, self.config.limit, out, _unwritable)
        if len(course.samples) < FEWEST:
            raise TrainError(f"{out}: wanted {FEWEST} samples or more to send, there are {len(course.samples)}")
        setting = Setting(course.tools)
        write_jsonl(out / DATA, (chat_row(one, setting) for one in course.samples))
        known = self._known(out, digest((out / DATA).read_text("utf-8")))
        try:
            if not known.get("file"):
                known["file"] = self._send(out / DATA, f"{course.name}-{known['data']}.jsonl")
                _keep(out, known)
            if not known.get("job"):
                known["job"] = self._start(known, self.config.suffix or course.name)
                _keep(out, known)
            job = self._wait(known["job"], out, tell)
            results = [self._result(file, out) for file in job.result_files or ()]
        finally:
            self._client.close()
        numbers: Json = {
            "samples": len(course.samples) * self._epochs,
            "set_aside": gone,
            "trained_tokens": job.trained_tokens,
            "seconds": (job.finished_at or job.created_at) - job.created_at,
            "results": results,
        }
        return Made(None, numbers, str(job.fine_tuned_model))

    def _known(self, out: Path, data: str) -> Json:
        """What is on record of the job for just these samples and settings; a lost job is begun anew."""
        about = {"data": data, "epochs": self._epochs, **self.config.model_dump(exclude={"poll", "limit"})}
        try:
            found: Json = json.loads((out / JOB).read_text("utf-8"))
        except FileNotFoundError:
            return about
        except ValueError:
            raise TrainError(f"{out / JOB}: damaged; choose another --out") from None
        if other := [key for key in about if found.get(key) != about[key]]:
            raise TrainError(f"{out / JOB}: a job with another {', '.join(other)}; choose another --out")
        return found

    def _send(self, file: Path, name: str) -> str:
        """Upload the samples, unless the service has just these; the file's id when it may be trained on."""
        there = self._maybe(lambda: list(self._client.files.list(purpose="fine-tune"))) or []
        sent = next((one for one in there if one.filename == name), None)
        if sent is None or sent.status == "error":
            content = file.read_bytes()
            sent = self._call(lambda: self._client.files.create(file=(name, content), purpose="fine-tune"), makes=True)
        until = time.monotonic() + WHOLE_SECONDS
        while sent.status == "uploaded" and time.monotonic() < until:  # "processed" once it was looked at
            time.sleep(min(self.config.poll, 2.0))
            sent = self._call(partial(self._client.files.retrieve, sent.id))
        if sent.status == "error":
            raise TrainError(
                f"{self.config.base_url} refused the file {name}: {sent.status_details or 'no reason given'}"
            )
        return str(sent.id)

    def _start(self, known: Json, suffix: str) -> str:
        """The job for these samples and settings: one that goes on or went well, else a new one."""
        mark = digest({key: value for key, value in known.items() if key not in ("file", "job")})
        jobs = self._maybe(lambda: list(self._client.fine_tuning.jobs.list(limit=_PAGE))) or []
        mine = [job for job in jobs if (job.metadata or {}).get(_MARK) == mark]
        if going := [job for job in mine if job.status not in _LOST]:
            return str(going[0].id)
        how: Any = {"n_epochs": self._epochs}
        how |= {"batch_size": self.config.batch} if self.config.batch else {}
        how |= {"learning_rate_multiplier": self.config.rate} if self.config.rate else {}
        job = self._call(
            lambda: self._client.fine_tuning.jobs.create(
                model=self.config.model, training_file=known["file"], suffix=suffix[:64], seed=self.config.seed,
                metadata={_MARK: mark},
                method={"type": "supervised", "supervised": {"hyperparameters": how}},
            ),
            makes=True,
        )  # fmt: skip
        return str(job.id)

    def _wait(self, job_id: str, out: Path, tell: Tell) -> Any:
        """Look at the job until it has ended well. Raises TrainError when it ends otherwise, or takes too long."""
        until = None if self._seconds is None else time.monotonic() + self._seconds
        while True:
            job = self._call(lambda: self._client.fine_tuning.jobs.retrieve(job_id))
            events = self._events(job_id)
            write_jsonl(out / EVENTS, events)
            tell(*_progress(job.status, events))
            if job.status == "succeeded" and job.fine_tuned_model:
                return job
            if job.status in _LOST:
                self._forget(out)
                said = job.error.message if job.error and job.error.message else _last(events)
                raise TrainError(
                    f"job {job_id} at {self.config.base_url} was {job.status}: {said or 'no reason given'}; "
                    f"see {out / EVENTS}; the same command with --resume starts another"
                )
            if until is not None and time.monotonic() + self.config.poll > until:
                raise TrainError(
                    f"job {job_id} at {self.config.base_url} is {job.status} and the time is up; it goes on there, "
                    "the same command with --resume picks it up"
                )
            time.sleep(self.config.poll)

    def _forget(self, out: Path) -> None:
        known: Json = json.loads((out / JOB).read_text("utf-8"))
        _keep(out, {key: value for key, value in known.items() if key != "job"})

    def _events(self, job_id: str) -> list[Json]:
        """All events so far, the oldest first; [] where the service does not tell them."""
        found = self._maybe(
            lambda: list(self._client.fine_tuning.jobs.list_events(fine_tuning_job_id=job_id, limit=_PAGE))
        )
        return [event.model_dump(mode="json") for event in reversed(found or [])]

    def _result(self, file: str, out: Path) -> str:
        """Fetch a result file (losses a step, as CSV); the name that it has here."""
        content = self._call(lambda: self._client.files.content(file).read())
        path = out / f"result-{digest(file)}.csv"
        with write_aside(path) as stream:
            stream.write(content.decode("utf-8", errors="replace"))
        return path.name

    def _maybe(self, call: Callable[[], T]) -> T | None:
        """What a call returns that not every service knows; None from one that does not."""
        try:
            return self._call(call)
        except _UnknownHereError:
            return None

    def _call(self, call: Callable[[], T], *, makes: bool = False) -> T:
        """What a request returns, made again where that may help; one that `makes` something only when it was put off
        (429): after a time-out nobody knows whether the thing is there. Raises TrainError."""

        def again(error: Exception) -> bool:
            if makes:
                return isinstance(error, openai.RateLimitError) and not hopeless(error)
            return not hopeless(error) or isinstance(error, openai.APIConnectionError)

        try:
            for attempt in stamina.retry_context(on=again, attempts=ATTEMPTS, timeout=WHOLE_SECONDS):
                with attempt:
                    return call()
        except openai.APIStatusError as error:
            if error.status_code in (404, 405, 501):
                raise _UnknownHereError(self._said(error, "check base_url, model and job")) from None
            check = {401: f"check the key in {self.config.key_env}", 403: f"check the key in {self.config.key_env}",
                     429: "wait, or look at the quota"}.get(error.status_code, "correct what it says")  # fmt: skip
            raise TrainError(self._said(error, f"{check}; --resume goes on")) from None
        except (openai.OpenAIError, ValueError) as error:
            raise TrainError(self._said(error, "--resume goes on")) from None
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _said(self, error: Exception, do: str) -> str:
        """An error in a few words, never with the key in it."""
        text = " ".join(str(error).split())[:300]
        return f"{self.config.base_url}: {text.replace(self._key, '***') if self._key else text}; {do}"


class _UnknownHereError(TrainError):
    """The service has no such thing."""


def _keep(out: Path, known: Json) -> None:
    with write_aside(out / JOB) as stream:
        stream.write(json.dumps(known, ensure_ascii=False, indent=1) + "\n")


def _progress(status: str, events: list[Json]) -> tuple[float, str]:
    """Share that is done and a few words, by the newest event that counts steps."""
    for event in reversed(events):
        data = event.get("data") or {}
        if isinstance(data, dict) and data.get("total_steps"):
            loss = f", loss {data['train_loss']:.3f}" if isinstance(data.get("train_loss"), float) else ""
            return min(1.0, data["step"] / data["total_steps"]), f"step {data['step']} of {data['total_steps']}{loss}"
    return (1.0 if status == "succeeded" else 0.0), status


def _last(events: list[Json]) -> str:
    return str(events[-1].get("message", "")) if events else ""


def chat_row(one: Sample, setting: Setting) -> Json:
    """A sample in OpenAI's form."""
    record = one.record
    return pairs.OPENAI.write(record, setting) if isinstance(record, CallPair) else OPENAI.write(record, setting)


def _unwritable(one: Sample) -> str:
    try:
        line(chat_row(one, Setting())).encode()
    except ValueError as error:
        return " ".join(str(error).split())
    return ""
