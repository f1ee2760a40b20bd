"""A finished run -> how its answers depend on the number of training pairs: the learning curve of its report.

One rule: every point is trained as the run was, on the first n of its pairs, and answers the same tests; it sees no
more samples than the run's own adapter did.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from manyshot import evaluate, facts, pipeline
from manyshot.answering import TUNED, answering_of
from manyshot.config import find_domain
from manyshot.errors import DataError
from manyshot.examine import stored
from manyshot.parts import Parts
from manyshot.progress import Screen
from manyshot.records import read_manifest, write_aside
from manyshot.runfolder import RunFolder
from manyshot.train.stage import LORA
from manyshot.trial import Trial, answer

#: How often a small set is gone over at most: more only teaches it by heart.
EPOCHS = 8


def curve(place: RunFolder, sizes: Sequence[int], parts: Parts, screen: Screen) -> list[evaluate.CurvePoint]:
    """Train and judge an adapter for each size, then write the report with the curve in it. Goes on after a stop."""
    from manyshot.spec.load import load_domain, load_tests

    if not place.finished:
        raise DataError(f"{place.path}: wanted a finished run; go on with manyshot run")
    kept, trained = place.read(), read_manifest(place.train)
    config, examined = pipeline.settings_of(place), stored(place)
    asked = {row.id for row in examined.tuned.rows}
    cases = [case for case in load_tests(find_domain(kept["from"])) if case.id in asked]
    if not cases or trained is None:
        raise DataError(f"{place.path}: wanted tests to measure with, its domain has none; write tests/calls.jsonl")
    pairs, samples = int(trained.numbers["pairs"]), int(trained.numbers["samples"])
    if too_many := [n for n in sizes if n >= pairs]:
        raise DataError(f"a point of {too_many[0]} pairs: the run was trained on {pairs}; give smaller sizes")
    answering = answering_of(load_domain(place.domain), config.copy_spans, config.held_out)
    base = parts.find_base(answering.domain.base)
    points = []
    with place.alone():
        for size in sorted(sizes):
            folder = place.path / "curve" / str(size)
            if read_manifest(folder) is None:
                pipeline.train_folder(
                    config.train.model_copy(update={"seed": config.seed}), answering.domain, base, place.data, folder,
                    parts, screen, held_out=config.held_out, epochs=min(EPOCHS, math.ceil(samples / size)),
                    start=config.start, first=size,
                )  # fmt: skip
            model = parts.open_model(base, {TUNED: folder / LORA})
            try:
                trial = Trial(answering, model, parts.tokenizer(base), folder / "predictions", screen, config.seed)
                mode = answering.mode("tuned")
                answers = answer(trial, mode.name, cases, mode)
            finally:
                model.close()
            tools = {t.name: t for t in answering.domain.tools}
            judged = evaluate.run(cases, {mode.name: answers}, tools, baseline=mode.name)
            points.append(_point(size, evaluate.summarise(judged)[0].overall))
            screen.say(f"{size} pairs: {points[-1].right} of {points[-1].total} right")
        own = next(s.overall for s in evaluate.summarise(examined.tuned) if s.mode == answering.mode("tuned").name)
        points.append(_point(pairs, own))
        _store(place.path, points)
        facts.write_report(place, answering, examined, kept.get("seconds", {}))
    return points


def _point(pairs: int, tally: evaluate.Tally) -> evaluate.CurvePoint:
    return evaluate.CurvePoint(pairs=pairs, right=tally.right, total=tally.total)


def _store(folder: Path, points: Sequence[evaluate.CurvePoint]) -> None:
    with write_aside(folder / facts.CURVE) as stream:
        stream.write(json.dumps([p.model_dump() for p in points], indent=1) + "\n")
