"""Figures of a run in words, and the report. One rule: all of it is read from a manifest or a log."""

from __future__ import annotations

import json
import os
import platform
import resource
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from manyshot import __version__, evaluate
from manyshot.answering import Answering
from manyshot.examine import Examined
from manyshot.records import read_manifest, read_rows
from manyshot.runfolder import RunFolder
from manyshot.types import Json, Language, Manifest

#: Where `manyshot curve` leaves its points.
CURVE = "curve.json"
#: Packages whose versions decide a result.
_PACKAGES = ("torch", "transformers", "peft", "xllamacpp")


def machine() -> Json:
    """Cores, memory, system, versions and this process's peak memory so far."""
    return {
        "cores": cores(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": {"manyshot": __version__, **{name: _version(name) for name in _PACKAGES}},
        "peak_memory_gb": peak_memory(),
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def peak_memory() -> float:
    """The most memory this process has held, in GB (2**30 bytes)."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 2**30, 2)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def data_line(made: Manifest) -> str:
    """The data stage in one line."""
    kinds = _counts(made, "kinds")
    classes = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    rejects = sum(_counts(made, "rejects").values())
    pairs = made.numbers.get("pairs", sum(kinds.values()))
    return f"{pairs} pairs ({classes}), {rejects} rejected{_covered(made)}{_teacher(made)}"


def _covered(made: Manifest) -> str:
    """How many of the pairs of listed values the requests hold."""
    covered, possible = made.numbers.get("covered", (0, 0))
    return f", {covered} of {possible} pairs of listed values covered" if possible else ""


def _teacher(made: Manifest) -> str:
    """What a teacher worded and cost; nothing without one."""
    if (n := made.numbers.get("teacher")) is None:
        return ""
    return (
        f"; the teacher worded {n['pairs']} in {n['calls']} calls, {n['retries']} of them again, "
        f"{n['tokens_in']} tokens in, {n['tokens_out']} out{', and was given up' if n['given_up'] else ''}"
    )


def _counts(made: Manifest, key: str) -> dict[str, int]:
    found = made.numbers.get(key, {})
    return {str(k): int(v) for k, v in found.items()} if isinstance(found, dict) else {}


def dialogues_line(made: Manifest) -> str:
    """The dialogues of a run in one line."""
    n = made.numbers
    covered, paths = n["paths"]
    return f"{n['dialogues']} along {covered} of {paths} paths, nearest neighbour {n['nearest_similarity']}"


def train_line(made: Manifest) -> str:
    """The training stage in one line."""
    n = made.numbers
    loss = "-" if n["loss_sample"] is None else f"{n['loss_sample']:.3f} nats a sample"
    gone = f"; {n['set_aside']} set aside, see set_aside.jsonl" if n.get("set_aside") else ""
    return (
        f"{n['samples']} samples in {n['seconds']:.0f} s ({n['samples_per_second']} samples/s), last loss {loss}{gone}"
    )


def check_lines(examined: Examined) -> Iterator[str]:
    """How well sentences like those of training were answered, to set beside the tests."""
    for name, tally in examined.checks.items():
        if tally.total:
            yield f"tuned+grammar on {name}: {tally.right} of {tally.total} right ({tally.rate or 0:.0%})"
    if not examined.complete:
        for summary in evaluate.summarise(examined.tuned):
            t = summary.overall
            number = f"all {t.total}" if t.total == examined.tests else f"{t.total} of {examined.tests}"
            yield f"{summary.mode} on {number} tests: {t.right} right ({t.rate or 0:.1%})"


def likeness_lines(made: Manifest) -> Iterator[str]:
    """How near the thinking model comes to dialogues that were held back."""
    n = made.numbers
    if not n["thoughts"]:
        yield "thinking on held-back dialogues: none was held back, there are too few"
        return
    yield (
        f"thinking on held-back dialogues: {n['then_right']} of {n['thoughts']} thoughts go on in the right way "
        f"({n['dialogues']} dialogues)"
    )
    if (out := n.get("held_out_paths")) is not None:
        yield (
            f"of them on paths that were not learnt: {out['then_right']} of {out['thoughts']} "
            f"({out['dialogues']} dialogues of {len(out['paths'])} paths)"
        )
    for part in ("think", "action", "reply"):
        figures = ", ".join(f"{name} {value}" for name, value in n[part].items() if name not in ("texts", "missing"))
        yield f"next {part} on held-back dialogues: {figures or n[part].get('missing', 'none')}"


_NOTES: dict[Language, dict[str, str]] = {
    "en": {
        "untested": "{name} has no tests, so this says nothing about people's own words.",
        "sample": "Compared on a fixed random sample of {asked} of {tests} tests, for which the time was enough.",
    },
    "zh": {
        "untested": "{name} 没有测试，所以这里说明不了人们自己的说法答得如何。",
        "sample": "时间只够把 {tests} 条测试中固定随机抽取的 {asked} 条拿来对比。",
    },
}


def note(examined: Examined, answering: Answering) -> str:
    """The sentence above a report's figures, where one is needed."""
    words = _NOTES[answering.domain.context.language]
    if not examined.tuned.rows:
        return words["untested"].format(name=answering.domain.name)
    if not examined.complete:
        return words["sample"].format(asked=len(examined.evaluation.of("base")), tests=examined.tests)
    return ""


def write_report(place: RunFolder, answering: Answering, examined: Examined, seconds: dict[str, float]) -> None:
    """report.html from the run's folder."""
    data, train = read_manifest(place.data), read_manifest(place.train)
    here = machine()
    info = evaluate.RunInfo(
        domain=answering.domain.name,
        date=datetime.now(UTC),
        machine=f"{here['cores']} cores, {here['memory_gb']} GB, {here['system']}",
        base=answering.domain.base,
        facts=dict(_facts(examined, train)) | dict(_thinking(place)),
        seconds=seconds,
        data=_counts(data, "kinds") if data else {},
        rejects=_counts(data, "rejects") if data else {},
        coverage={str(k): str(v) for k, v in (data.numbers.get("coverage") or {}).items()} if data else {},
        note=note(examined, answering),
        rows=f"{place.eval.name}/rows.jsonl",
    )
    evaluate.write_report(
        place.report,
        examined.evaluation,
        info=info,
        loss=_loss(place),
        curve=_curve(place),
        language=answering.domain.context.language,
    )


def _facts(examined: Examined, train: Manifest | None) -> Iterator[tuple[str, str]]:
    for text in check_lines(examined):
        name, _, figure = text.partition(": ")
        yield name, figure
    if examined.choice:
        tried = ", ".join(f"{k}: {n}" for k, n in examined.choice.tried.items())
        figure = f"{examined.choice.shots} (right of {examined.choice.of} shots, by number: {tried})"
        yield "examples shown by fewshot", figure
    if train:
        yield "training", train_line(train)
        yield "adapter", train.id
        yield "seed", str(train.config.get("seed"))
    yield "peak memory", f"{peak_memory()} GB"


def _thinking(place: RunFolder) -> Iterator[tuple[str, str]]:
    """What there is to say of the thinking adapter; nothing at a desk that only acts."""
    if made := read_manifest(place.think):
        yield "training of the thinking adapter", train_line(made)
        yield "thinking adapter", made.id
    if made := read_manifest(place.likeness):
        for text in likeness_lines(made):
            name, _, figure = text.partition(": ")
            yield name, figure


def _curve(place: RunFolder) -> list[evaluate.CurvePoint]:
    file = place.path / CURVE
    return [evaluate.CurvePoint.model_validate(p) for p in json.loads(file.read_text("utf-8"))] if file.exists() else []


def _loss(place: RunFolder) -> list[evaluate.LossPoint]:
    log = place.train / "log.jsonl"
    return (
        [evaluate.LossPoint(step=r["step"], loss=r["loss_sample"]) for _, r in read_rows(log)] if log.exists() else []
    )
