"""A domain folder -> data, adapter, comparison and report, one stage after another, within the minutes given.

One rule: a stage's finished folder is never touched again; a killed run goes on after the last one that is finished.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from manyshot import budget, facts, generalist, thinking, trial
from manyshot.answering import Answering, answering_of
from manyshot.config import SHIPPED, find_domain
from manyshot.errors import DataError, SpecError, at
from manyshot.examine import Examined, Terms, examine
from manyshot.guard import guarded
from manyshot.parts import Parts, Weights, embedded, teacher_of
from manyshot.plugs.bases import Base
from manyshot.progress import Screen
from manyshot.protocols import Teacher
from manyshot.records import read_manifest, read_numbered, write_manifest
from manyshot.runfolder import RunFolder
from manyshot.thinking import Matter, matter
from manyshot.train.settings import TrainConfig
from manyshot.training import trained
from manyshot.types import CallPair, Domain, Json, Manifest, Record, Tool

#: Folders of a run's stages; a desk that only acts has the first three.
STAGES = ("data", "train", "eval", "dialogues", "think", "likeness")
#: What training begins from: the adapter that knows other desks, or nothing.
StartName = Literal["generalist", "base"]
#: Part of the time meant for training that a teacher may be waited for.
TEACHER_SHARE = 0.25
#: Part of a run's minutes by which the untuned modes may go over them, to answer a whole sample that was asked for.
PATIENCE = 0.2
#: How a run trains unless it is told otherwise. Half of what the generalist knew stays: 98 of 140 calls of two desks
#: right instead of 95 with what was learnt alone (docs/log.md).
TRAINING = TrainConfig(rank=32, alpha=64, head="seen", checkpoint_every=20, blend=0.5)


class RunConfig(Record):
    """What decides a run's result, beside the domain. Stored in run.json."""

    minutes: float | None = Field(20.0, gt=0, description="wall time for everything; None for no limit")
    seed: int = Field(0, ge=0, description="of data, training and samples")
    pairs: int | None = Field(None, ge=1, description="training pairs; None: as many as the time allows")
    sample: int | None = Field(None, ge=1, description="tests a mode; None for all")
    checks: int = Field(20, ge=0, description="training sentences and held-back pairs that are asked, of each so many")
    tries: int = Field(16, ge=0, description="shots on which the number of examples is chosen")
    held_out: tuple[str, ...] = Field((), description="tools that are kept out of data and training")
    weights: Weights = Field("own", description="form of the base at inference")
    copy_spans: bool = Field(True, description="the grammar lets free text only be copied from the action")
    start: StartName = Field("generalist", description="what training begins from")
    thinking: bool = Field(
        True, description="train a thinking adapter too where there are flows and approved dialogues"
    )
    held_out_paths: tuple[str, ...] = Field(
        (),
        description="paths whose dialogues are not learnt, only thought anew",
        exclude_if=lambda paths: not paths,
    )
    dialogues: int | None = Field(None, ge=1, description="dialogues to learn thinking from; None: by the time")
    train: TrainConfig = TRAINING


@dataclass(slots=True)
class _Job:
    """A run under way."""

    config: RunConfig
    domain: Domain
    answering: Answering
    base: Base
    run: RunFolder
    parts: Parts
    screen: Screen
    began: float
    seconds: dict[str, float]
    teacher: Teacher | None = None
    #: What there is to think about; None at a desk that only acts.
    matter: Matter | None = None
    #: Seconds that are kept for the thinking model.
    kept: float = 0.0

    @property
    def left(self) -> float | None:
        """Seconds of the budget that are left, without those kept for the thinking model."""
        if self.config.minutes is None:
            return None
        return self.config.minutes * 60 - (time.monotonic() - self.began) - self.kept


def run(
    config: RunConfig,
    folder: Path,
    out: Path,
    parts: Parts,
    screen: Screen,
    *,
    force: bool = False,
    trust: bool = False,
) -> Examined:
    """All stages. Raises ManyshotError; what is finished stays, and the same call again goes on from there.

    trust: run the domain's world.py, which the dialogues of a thinking model are made with.
    """
    from manyshot.spec.load import load_domain

    began = time.monotonic()
    domain = load_domain(folder)
    check_held_out(config.held_out, domain)
    found = matter(domain, trust=trust) if config.thinking else None
    thinking.check_held_out(config.held_out_paths, domain.name, found)
    place = RunFolder(out)
    with place.alone():
        # First of all: a teacher may refuse the key, and is not needed where the data are finished.
        teacher = teacher_of(domain) if force or read_manifest(place.data) is None else None
        settings = config.model_dump(mode="json") | ({"matter": found.id} if found else {})
        again = place.begin(settings, domain, force=force)
        screen.say(f"{domain.name}: {len(domain.tools)} tools, {len(domain.shots)} shots -> {out}")
        if again:
            screen.say("going on with the run that was stopped")
        base = parts.find_base(domain.base)
        job = _Job(
            config,
            domain,
            answering_of(domain, config.copy_spans, config.held_out),
            base,
            place,
            parts,
            screen,
            began,
            {},
            teacher,
            found,
        )
        _timed(job, "prepare", began)
        plan, thinks = _plan(job, folder)
        _data(job, plan)
        _train(job, plan)
        if thinks is not None:
            _think(job, thinks, trust=trust)
        return _examine(job, folder)


def check_held_out(held_out: Sequence[str], domain: Domain) -> None:
    """Refuse names that are no tools, and leaving nothing to train on. Raises SpecError."""
    names = [t.name for t in domain.tools]
    if strange := [name for name in held_out if name not in names]:
        raise SpecError(f"held-out tool {strange[0]!r}: {domain.name} has no such tool; it has {', '.join(names)}")
    if held_out and set(held_out) >= set(names) - {domain.reject}:
        raise SpecError(f"all tools of {domain.name} are held out; leave at least one to train on")


def _timed(job: _Job, stage: str, began: float) -> None:
    job.seconds[stage] = round(time.monotonic() - began, 1)


def _thinking_plan(job: _Job) -> budget.ThinkingPlan | None:
    """How the thinking model's part of the time is used, which is kept from here on; None at a desk that only acts."""
    if job.matter is None:
        return None
    kept = job.run.read()
    if "thinks" in kept:
        plan = budget.ThinkingPlan.model_validate(kept["thinks"])
    else:
        plan = budget.thinking_plan(job.left, job.config.dialogues)
        job.run.note(thinks=plan.model_dump())
    if read_manifest(job.run.likeness) is None:
        most = plan.seconds if job.left is None else budget.THINKING_SHARE * max(0.0, job.left)
        job.kept = min(plan.seconds, most)
    return plan


def _plan(job: _Job, folder: Path) -> tuple[budget.Plan, budget.ThinkingPlan | None]:
    """The plans of the first start; the same again after a kill, since the data depend on them."""
    kept = job.run.read()
    if "plan" in kept:
        return budget.Plan.model_validate(kept["plan"]), _thinking_plan(job)
    began = time.monotonic()
    tests = folder / "tests" / "calls.jsonl"
    count = budget.guess_tests(tests.stat().st_size if tests.is_file() else 0, job.config.sample)
    tokenizer = job.parts.tokenizer(job.base)
    model = job.parts.open_model(job.base, {})
    try:
        costs = trial.measure(job.answering, model, tokenizer, job.config.seed, fewshot=count > 0)
    finally:
        model.close()
    config, thinks = job.config, _thinking_plan(job)
    plan = budget.plan(
        job.left,
        count,
        costs,
        checks=2 * config.checks,
        tries=len(trial.TRIED) * config.tries,
        pairs=config.pairs,
        whole=config.sample is not None,
    )
    job.run.note(plan=plan.model_dump(), costs=asdict(costs))
    _timed(job, "plan", began)
    if plan.train_seconds is not None:
        job.screen.say(
            f"plan: {plan.pairs} pairs, {plan.train_seconds / 60:.1f} minutes of training, "
            f"{(plan.evaluate_seconds or 0) / 60:.1f} of evaluation" + (f"; {_told(thinks)}" if thinks else "")
        )
    elif thinks is not None:
        job.screen.say(f"plan: {_told(thinks)}")
    return plan, thinks


def _told(plan: budget.ThinkingPlan) -> str:
    """The thinking model's part of the plan, in words."""
    words = f"for thinking {plan.dialogues} dialogues"
    if plan.train_seconds is None:
        return words
    return (
        f"{words}, {plan.train_seconds / 60:.1f} minutes of training, "
        f"{(plan.evaluate_seconds or 0) / 60:.1f} of evaluation"
    )


def _think(job: _Job, plan: budget.ThinkingPlan, *, trust: bool) -> None:
    """Dialogues, the thinking adapter, and how near it comes to those held back."""
    assert job.matter is not None
    began = time.monotonic()
    made = thinking.make(
        job.run, plan, job.domain, job.screen,
        seed=job.config.seed, trust=trust, teacher_seconds=plan.train_seconds and TEACHER_SHARE * plan.train_seconds,
    )  # fmt: skip
    _timed(job, "dialogues", began)
    job.screen.say(f"dialogues: {facts.dialogues_line(made)} ({job.seconds['dialogues']:.0f} s)")
    began = time.monotonic()
    config = job.config.train.model_copy(update={"seed": job.config.seed})
    waited: float = made.numbers.get("teacher", {}).get("seconds", 0.0)
    thinking.train(
        config, job.matter, job.base, job.run, job.parts, job.screen,
        seconds=plan.train_seconds and plan.train_seconds - waited,
        held_out=job.config.held_out, paths=job.config.held_out_paths,
    )  # fmt: skip
    _timed(job, "think", began)
    began = time.monotonic()
    until = None if plan.evaluate_seconds is None else began + plan.evaluate_seconds
    thinking.examine(
        job.matter, job.base, job.run, job.parts, job.screen,
        seed=job.config.seed, until=until, held_out=job.config.held_out, paths=job.config.held_out_paths,
    )  # fmt: skip
    _timed(job, "likeness", began)
    job.kept = 0.0


def _data(job: _Job, plan: budget.Plan) -> Manifest:
    from manyshot.data import stage

    if done := read_manifest(job.run.data):
        return done
    began = time.monotonic()
    shutil.rmtree(job.run.data, ignore_errors=True)
    domain = job.domain
    if job.config.start == "generalist" and generalist.shipped(job.base):
        domain = domain.model_copy(update={"shares": {**generalist.DOMAIN_SHARES, **domain.shares}})
    made = stage.run(
        domain, job.run.data, count=plan.pairs, seed=job.config.seed, held_out=job.config.held_out,
        teacher=job.teacher, teacher_seconds=plan.train_seconds and TEACHER_SHARE * plan.train_seconds,
    )  # fmt: skip
    _timed(job, "data", began)
    job.screen.say(f"data: {facts.data_line(made)} ({job.seconds['data']:.0f} s)")
    return made


def _train(job: _Job, plan: budget.Plan) -> Manifest:
    if done := read_manifest(job.run.train):
        return done
    began = time.monotonic()
    seconds = plan.train_seconds
    if seconds is not None and job.left is not None and not job.run.train.exists():
        # What data and preparation took less or more than planned is training's.
        seconds = max(0.5 * seconds, job.left - (plan.evaluate_seconds or 0) - budget.SETUP - budget.CLOSING)
        job.run.note(train_seconds=seconds)
    seconds = job.run.read().get("train_seconds", seconds)
    config = job.config.train.model_copy(update={"seed": job.config.seed})
    made = train_folder(
        config, job.domain, job.base, job.run.data, job.run.train, job.parts, job.screen,
        held_out=job.config.held_out, epochs=plan.epochs, seconds=seconds, start=job.config.start,
    )  # fmt: skip
    _timed(job, "train", began)
    return made


def train_folder(
    config: TrainConfig,
    domain: Domain,
    base: Base,
    data: Path,
    out: Path,
    parts: Parts,
    screen: Screen,
    *,
    held_out: Sequence[str] = (),
    epochs: int = 1,
    seconds: float | None = None,
    start: StartName = "generalist",
    first: int | None = None,
) -> Manifest:
    """Train on the finished data in `data`, or on the `first` so many of its pairs, saying how it goes."""
    from manyshot.train import stage
    from manyshot.train.passes import Lists, passes

    source = read_manifest(data)
    if source is None:
        raise DataError(f"{data}: wanted finished training data, there is no manifest.json; make it with manyshot data")
    pairs = learnt(data)
    own = tuple(t for t in domain.tools if t.name not in held_out)
    lists = Lists(own, foreign_tools(domain), domain.reject, domain.context.language)
    begin = generalist.shipped(base) if start == "generalist" else None
    shown = pairs[:first]
    made_of = list(
        passes(
            shown,
            lists,
            parts.tokenizer(base),
            batch=config.batch,
            values="span",
            seed=config.seed,
            epochs=epochs,
        )
    )
    if begin is not None:
        made_of = generalist.replayed(made_of, domain.context.language, parts.tokenizer(base), config, screen)
    job = stage.Job(domain.name, base, made_of, len(shown), source.id, begin, epochs)
    return trained(config, job, out, parts, screen, seconds=seconds)


def learnt(data: Path) -> list[CallPair]:
    """The pairs of a folder that are trained on. Raises DataError."""
    from manyshot.train import stage

    rows = ((at("pairs.jsonl", number), one) for number, one in read_numbered(data / "pairs.jsonl", CallPair))
    return stage.split(guarded(rows))[0]


def foreign_tools(domain: Domain) -> tuple[Tool, ...]:
    """Tools of shipped domains that may stand among a domain's own: of its language, else of any."""
    from manyshot.spec.load import load_domain

    others = [load_domain(path.parent) for path in sorted(SHIPPED.glob("*/domain.toml"))]
    others = [d for d in others if d.name != domain.name]
    same = [d for d in others if d.context.language == domain.context.language]
    return tuple(t for d in same or others for t in d.tools)


def _examine(job: _Job, folder: Path) -> Examined:
    began = time.monotonic()
    until = None if job.left is None else time.monotonic() + job.left - budget.CLOSING
    terms = replace(_terms(job.config, until), costs=budget.Costs(**job.run.read()["costs"]))
    examined = examine(job.answering, job.base, job.run, folder, job.parts, job.screen, terms)
    _timed(job, "eval", began)
    close(job.run, job.answering, examined, job.seconds)
    return examined


def _terms(config: RunConfig, until: float | None) -> Terms:
    patience = PATIENCE * 60 * (config.minutes or 0.0)
    return Terms(config.sample, config.checks, config.tries, config.seed, config.held_out, until, patience=patience)


def close(place: RunFolder, answering: Answering, examined: Examined, seconds: dict[str, float]) -> Manifest:
    """Write the report, then the run's manifest."""
    settings = place.read()
    spent = {**settings.get("seconds", {}), **seconds}
    place.note(seconds=spent)
    facts.write_report(place, answering, examined, spent)
    stages = {name: made.id for name in STAGES if (made := read_manifest(place.path / name))}
    near = read_manifest(place.likeness)
    numbers: Json = {**examined.numbers, "seconds": spent, **facts.machine()}
    if near is not None:
        numbers["thinking"] = near.numbers
    return write_manifest(place.path, "run", stages, settings["settings"], numbers)


def settings_of(place: RunFolder) -> RunConfig:
    """How a run was started. Raises DataError when that was another version of manyshot."""
    settings = {k: v for k, v in place.read()["settings"].items() if k not in ("domain", "matter")}
    try:
        return RunConfig.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise DataError(
            f"{place.path / 'run.json'}: {key}: {first['msg'].lower()}; another version made this run, "
            "make it again with --force"
        ) from None


def again(place: RunFolder, screen: Screen, domain: Path | None = None, parts: Parts | None = None) -> Examined:
    """Evaluate a trained run anew, on the tests of the domain it came from or of the folder given."""
    kept = place.read()
    if not place.trained:
        raise DataError(f"{place.path}: wanted a trained run, its training is not finished; go on with manyshot run")
    from manyshot.spec.load import load_domain, load_tests

    config = settings_of(place)
    with place.alone():
        parts = parts or embedded(config.weights)
        folder = domain or find_domain(kept["from"])
        answering = answering_of(load_domain(place.domain), config.copy_spans, config.held_out)
        base = parts.find_base(answering.domain.base)
        load_tests(folder)  # what is wrong with them must not cost the evaluation that is there
        began = time.monotonic()
        place.reopen()
        examined = examine(answering, base, place, folder, parts, screen, _terms(config, None))
        close(place, answering, examined, {"eval": round(time.monotonic() - began, 1)})
        return examined
