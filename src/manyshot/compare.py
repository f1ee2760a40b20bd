"""The same tests and scenarios for several candidates -> one table, and the gate between two of them.

One rule: every answer is kept as it comes, in a file named by what decided it, so that a stopped comparison goes on,
and one with a candidate more asks only that one. The manifest is written last.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from manyshot import evaluate, facts
from manyshot.candidates import Candidate
from manyshot.chat_agent import ChatAgent
from manyshot.errors import DataError, EvalError, SpecError
from manyshot.evaluate.standings import Result, Standing, case_of, standing_numbers, standings
from manyshot.examine import BEST
from manyshot.journal import going_on, whole_rows
from manyshot.opened import Opened
from manyshot.parts import Parts
from manyshot.progress import Screen
from manyshot.protocols import Assistant, World
from manyshot.records import digest, read_jsonl, read_manifest, write_aside, write_jsonl, write_manifest
from manyshot.runfolder import RUN, RunFolder
from manyshot.scenario.play import Opener, Stage, play, plays
from manyshot.spec.load import load_domain, load_flows, load_tests
from manyshot.trial import sample
from manyshot.types import Domain, Json, Prediction, Scenario, TestCase, Turn
from manyshot.world.opening import opener

#: Marks a folder as a comparison's.
MARK, RESULTS = "compare.json", "results.jsonl"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked. `sample`: tests of the domain, all with None; `trials`: conversations a scenario."""

    calls: bool = True
    scenarios: tuple[Scenario, ...] = ()
    sample: int | None = None
    trials: int = 1
    seed: int = 0
    trust: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """What came out. `skipped`: (candidate, suite) that it is not made for."""

    standings: tuple[Standing, ...]
    skipped: tuple[tuple[str, str], ...]
    report: Path | None


@dataclass(slots=True)
class _Job:
    domain: Domain
    cases: Sequence[TestCase]
    terms: Terms
    out: Path
    screen: Screen
    parts: Parts | None
    results: list[Result] = field(default_factory=list)
    answers: dict[str, list[Prediction]] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    #: Names of the files of answers by candidate.
    files: dict[str, list[str]] = field(default_factory=dict)


def compare(
    folder: Path, found: Sequence[Candidate], out: Path, screen: Screen, terms: Terms, parts: Parts | None = None
) -> Compared:
    """Ask all candidates and write `out`. Raises ManyshotError; the same call again goes on from there."""
    domain = load_domain(folder)
    cases = sample(load_tests(folder), terms.sample, terms.seed) if terms.calls else []
    if not cases and not terms.scenarios:
        raise SpecError(f"{folder}: has no tests to compare on; write tests/calls.jsonl, or name --scenarios FILE")
    opened = [Opened(one, domain, parts, terms.trust) for one in found]
    for one in opened:
        one.check()
    with RunFolder(out).alone():
        _begin(out, domain)
        job = _Job(domain, cases, terms, out, screen, parts)
        for one in opened:
            if cases:
                _calls(job, one)
        if terms.scenarios:
            stage = _stage(domain, terms)
            for one in opened:
                _scenarios(job, one, stage)
        if not job.results and not job.answers:
            raise EvalError("no candidate is made for what was asked; see docs/evaluate.md, Candidates")
        return _close(job, opened)


def _begin(out: Path, domain: Domain) -> None:
    mark = out / MARK
    if not mark.exists():
        if strange := sorted(p.name for p in out.iterdir() if p.name != ".lock"):
            raise DataError(f"{out}: wanted a new or empty folder, found {strange[0]}; choose another --out")
        with write_aside(mark) as stream:
            stream.write(json.dumps({"domain": domain.name}) + "\n")
    (out / "manifest.json").unlink(missing_ok=True)  # until it is whole again


def _stage(domain: Domain, terms: Terms) -> Stage:
    flows = load_flows(domain.folder)
    return Stage(domain.context.language, flows, domain.tools, opener(domain, flows, trust=terms.trust))


def _file(job: _Job, one: Opened, suite: str, asked: object) -> Path:
    """Where answers lie: the name says whose, and hashes what decides them."""
    mark = digest([one.id, suite, asked])
    name = f"{one.one.name}.{suite}.{mark}.jsonl"
    job.files.setdefault(one.one.name, []).append(name)
    return job.out / "answers" / name


def _calls(job: _Job, one: Opened) -> None:
    name = one.one.name
    if not one.one.calls:
        job.skipped.append((name, "calls"))
        return
    file = _file(job, one, "calls", None)
    asked = {digest(_asked(case)): case for case in job.cases}
    if len(asked) < len(job.cases):
        raise SpecError(f"{job.domain.folder}: two tests are the same, id and all; remove one")
    kept = [row for row in whole_rows(file) if "case" in row and "answer" in row]
    done = {row["case"]: _prediction(row["answer"], file) for row in kept}
    left = {mark: case for mark, case in asked.items() if mark not in done}
    if left:
        with one.answering() as answering, going_on(file, kept) as add, job.screen.bar(f"{name}: calls") as bar:
            for number, (mark, case) in enumerate(left.items(), 1):
                done[mark] = answering(case)
                add({"case": mark, "answer": done[mark].model_dump(mode="json")})
                bar.update(1 - (len(left) - number) / len(asked), f"{len(asked) - len(left) + number} of {len(asked)}")
    job.answers[name] = [done[mark] for mark in asked]


def _asked(case: TestCase) -> Json:
    """What decides an answer: not what is right."""
    return case.model_dump(mode="json", include={"id", "action", "history"})


def _prediction(row: Json, file: Path) -> Prediction:
    try:
        return Prediction.model_validate(row)
    except ValidationError:
        raise DataError(f"{file}: holds answers of another version; remove the file") from None


def _scenarios(job: _Job, one: Opened, stage: Stage) -> None:
    name, terms = one.one.name, job.terms
    if not one.talks:
        job.skipped.append((name, "scenarios"))
        return
    told = [s.model_dump(mode="json", exclude={"source"}) for s in terms.scenarios]
    file = _file(job, one, "scenarios", [told, terms.trials])
    kept = [row for row in whole_rows(file) if "id" in row and "trial" in row]
    done = {(row["id"], row["trial"]): row for row in kept}
    total = len(terms.scenarios) * terms.trials
    if len(done) < total:
        with one.talking() as open_, going_on(file, kept) as add, job.screen.bar(f"{name}: scenarios") as bar:
            for scenario, trial in plays(terms.scenarios, terms.trials, dict(done)):
                done[scenario.id, trial] = row = _played(one, scenario, stage, open_, trial)
                add(row)
                bar.update(len(done) / total, f"{sum(r['pass'] for r in done.values())} of {len(done)} passed")
    for scenario, text in zip(terms.scenarios, told, strict=True):
        rows = [done[scenario.id, trial] for trial in range(terms.trials)]
        tokens_in, tokens_out = (sum(row[key] for row in rows) for key in ("tokens_in", "tokens_out"))
        spent, messages = sum(row["ms"] for row in rows), sum(row["messages"] for row in rows)
        job.results.append(
            Result(
                suite="scenarios", candidate=name, id=scenario.id, case=digest([text, terms.trials]),
                right=all(row["pass"] for row in rows), ms=round(spent / max(1, messages), 1),
                tokens_in=tokens_in, tokens_out=tokens_out, cost=one.one.cost(tokens_in, tokens_out, spent),
            )
        )  # fmt: skip


class _Timed:
    """An assistant whose time is taken; fits protocols.Assistant."""

    def __init__(self, inner: Assistant) -> None:
        self.inner, self.ms, self.messages = inner, 0.0, 0

    @property
    def turns(self) -> Sequence[Turn]:
        return self.inner.turns

    @property
    def over(self) -> Literal["", "ended", "handoff"]:
        return self.inner.over

    def hear(self, said: str) -> Sequence[Turn]:
        began = time.perf_counter()
        try:
            return self.inner.hear(said)
        finally:
            self.ms += (time.perf_counter() - began) * 1000
            self.messages += 1


def _played(one: Opened, scenario: Scenario, stage: Stage, open_: Opener, trial: int) -> Json:
    """One conversation as a row of manyshot simulate, with its time and tokens."""
    timed: list[_Timed] = []

    def open_timed(world: World, trial: int) -> Assistant:
        timed.append(_Timed(open_(world, trial)))
        return timed[-1]

    before = one.meter.tokens_in, one.meter.tokens_out
    row = play(scenario, stage, open_timed, trial)
    talked = timed[0] if timed else None  # none where the world could not be opened
    chat = talked.inner if talked and isinstance(talked.inner, ChatAgent) else None
    return {
        **row,
        "ms": round(talked.ms, 1) if talked else 0.0,
        "messages": talked.messages if talked else 0,
        "tokens_in": chat.tokens_in if chat else one.meter.tokens_in - before[0],
        "tokens_out": chat.tokens_out if chat else one.meter.tokens_out - before[1],
    }


def _close(job: _Job, opened: Sequence[Opened]) -> Compared:
    """Judge the calls, write results, figures, report and manifest."""
    by_name = {one.one.name: one for one in opened}
    report: Path | None = None
    calls: list[Result] = []
    if job.answers:
        judged = evaluate.run(
            job.cases, job.answers, {t.name: t for t in job.domain.tools}, shots=job.domain.shots,
            reject_tools=(job.domain.reject,) if job.domain.reject else (), baseline=next(iter(job.answers)),
        )  # fmt: skip
        write_jsonl(job.out / "rows.jsonl", judged.to_rows())
        report = job.out / "report.html"
        _report(report, job, judged)
        calls = [result_of(row, by_name[row.mode].one.cost) for row in judged.rows]
    results = [*calls, *job.results]
    found = standings(results)
    numbers = standing_numbers(found)
    write_jsonl(job.out / RESULTS, results)
    with write_aside(job.out / "comparison.json") as stream:
        stream.write(json.dumps(numbers, ensure_ascii=False, indent=1) + "\n")
    config: Json = {
        "candidates": [one.one.model_dump(mode="json", exclude_none=True) for one in opened],
        "sample": job.terms.sample, "trials": job.terms.trials, "seed": job.terms.seed,
        "answers": job.files, "machine": facts.machine(),
    }  # fmt: skip
    cases = {suite: digest(sorted({(r.id, r.case) for r in results if r.suite == suite})) for suite in numbers}
    write_manifest(job.out, "compare", {**cases, **{one.one.name: one.id for one in opened}}, config, numbers)
    return Compared(found, tuple(job.skipped), report)


def _report(path: Path, job: _Job, judged: evaluate.Evaluation) -> None:
    kept = facts.machine()
    info = evaluate.RunInfo(
        domain=job.domain.name,
        date=datetime.now(UTC).astimezone(),
        machine=f"{kept['cores']} cores, {kept['memory_gb']} GB, {kept['system']}",
        facts={"candidates": ", ".join(job.answers)},
        rows="rows.jsonl",
    )
    evaluate.write_report(path, judged, info=info, language=job.domain.context.language)


def result_of(row: evaluate.Row, cost: Callable[[int, int, float], float | None] | None = None) -> Result:
    """A judged call as a result."""
    return Result(
        suite="calls", candidate=row.mode, id=row.id, case=case_of(row), right=row.right, ms=row.ms,
        tokens_in=row.tokens_in, tokens_out=row.tokens_out,
        cost=cost(row.tokens_in, row.tokens_out, row.ms) if cost else None,
    )  # fmt: skip


def results_of(word: str) -> list[Result]:
    """The results of one candidate: FOLDER or FOLDER:CANDIDATE of a comparison or a run. Raises DataError.

    A run's are those of its best mode, on all tests that it answered.
    """
    folder, name = Path(word).expanduser(), ""
    if not folder.exists():
        before, colon, after = word.rpartition(":")
        folder, name = (Path(before).expanduser(), after) if colon else (folder, "")
    if (folder / MARK).is_file():
        if read_manifest(folder) is None:
            raise DataError(f"{folder}: the comparison is not finished; give its command again")
        rows = list(read_jsonl(folder / RESULTS, Result))
    elif (folder / RUN).is_file():
        rows, name = _of_run(folder), name or BEST
    else:
        raise DataError(f"{word}: wanted the folder of a run or of manyshot compare, with :CANDIDATE behind it")
    names = list(dict.fromkeys(row.candidate for row in rows))
    if not name and len(names) > 1:
        raise DataError(f"{folder}: holds {', '.join(names)}; say which, as {folder}:{names[0]}")
    chosen = [row for row in rows if row.candidate == (name or names[0])] if names else []
    if not chosen:
        raise DataError(f"{folder}: has no answers of {name or 'any candidate'}; it has {', '.join(names) or 'none'}")
    return chosen


def _of_run(folder: Path) -> list[Result]:
    place = RunFolder(folder)
    if read_manifest(place.eval) is None:
        raise DataError(f"{folder}: its evaluation is not finished; go on with manyshot run, or manyshot eval")
    file, more = place.eval / "rows.jsonl", place.eval / "rows-tuned.jsonl"
    rows = list(read_jsonl(file, evaluate.Row))
    if more.exists():
        longer = list(read_jsonl(more, evaluate.Row))
        modes = {row.mode for row in longer}
        rows = [row for row in rows if row.mode not in modes] + longer
    return [result_of(row) for row in rows]
