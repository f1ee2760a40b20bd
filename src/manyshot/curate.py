"""What the `dataset` commands do with a source: look it over, split it, take personal data out, make its page.

The one rule: a source is read, never changed; what comes of it is a new file or folder.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from manyshot import transcript
from manyshot.dataset import personal
from manyshot.dataset.check import Report, check
from manyshot.dataset.page import Shown, write_page
from manyshot.dataset.spans import Reading, Span, dialogue_spans, pair_spans
from manyshot.dataset.split import Side, side
from manyshot.dataset.variety import Seen
from manyshot.dataset.wording import text_of, unit_of
from manyshot.datasource import PAIRS, TRAJECTORIES, Source
from manyshot.errors import DataError
from manyshot.records import digest, line, write_aside, write_jsonl, write_manifest
from manyshot.render import opening_ids, prefix_ids
from manyshot.spec.load import load_flows
from manyshot.types import CallPair, Json, Trajectory

SIDES: tuple[Side, ...] = ("train", "held_in", "held_out")


def spans_of(one: Trajectory | CallPair, tokenizer: Reading) -> list[Span]:
    return pair_spans(tokenizer, one) if isinstance(one, CallPair) else dialogue_spans(one, tokenizer)


def look_over(source: Source, tokenizer: Reading | None, *, limit: int, seed: int = 0) -> Report:
    """The report of a source; without a tokenizer there are no lengths."""
    return check(
        source.numbered(),
        declared=_declared(source),
        spans=None if tokenizer is None else lambda one: spans_of(one, tokenizer),
        shared_tokens=len(prefix_of(source, tokenizer)) if tokenizer else 0,
        limit=limit,
        seed=seed,
    )


def _declared(source: Source) -> list[str]:
    """What the domain itself made up: its sample values and the examples of its experts."""
    if source.domain is None:
        return []
    shots = [shot.model_dump(mode="json", include={"action", "call"}) for shot in source.domain.shots]
    return [json.dumps([source.domain.values, shots], ensure_ascii=False)]


def prefix_of(source: Source, tokenizer: Reading) -> list[int]:
    """Tokens that all samples of a domain begin with."""
    if source.domain is None:
        return []
    domain = source.domain
    if source.kind is CallPair:
        return prefix_ids(tokenizer, domain.tools, domain.context.language)
    return opening_ids(tokenizer, transcript.prefix_text(domain.tools, load_flows(domain.folder), domain.context))


def page(source: Source, out: Path, tokenizer: Reading, report: Report | None, most: int) -> int:
    """Write the page of a source's first `most` samples; returns how many it has."""
    samples = (_shown(place, one, tokenizer) for place, one in islice(source.numbered(), most))
    return write_page(
        out, source.name, samples, tokenizer.decode(prefix_of(source, tokenizer)), report.rows() if report else None
    )


def _shown(place: str, one: Trajectory | CallPair, tokenizer: Reading) -> Shown:
    about = {"kind": one.kind, "group": one.group, "asks for": ", ".join(one.ask)} if isinstance(one, CallPair) else {
        "flow": one.flow,
        "author": one.author,
        "faults": ", ".join(f"{f.call} {f.nth}: {f.kind}" for f in one.setup.faults),
        "expected": json.dumps(one.expected, ensure_ascii=False) if one.expected else "",
    }  # fmt: skip
    return Shown(one.id, place, unit_of(one), about, spans_of(one, tokenizer))


def split(
    source: Source, out: Path, *, groups: float, units: float, held_out: tuple[str, ...] = (), seed: int = 0
) -> Json:
    """Write train.jsonl, held_in.jsonl and held_out.jsonl into a new folder, the manifest last; returns its numbers.

    Raises DataError for a path (or tool) that is not there, and when nothing is left to train on.
    """
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise DataError(f"{out}: wanted a new or empty folder; choose another --out")
    known = {unit_of(one) for one in source.records()}
    if strange := [name for name in held_out if name not in known]:
        raise DataError(f"--held-out {strange[0]}: {source.name} has no such path or tool; see manyshot dataset check")
    counts: Counter[str] = Counter()
    away: set[str] = set()
    inputs: dict[str, str] = {}
    seen, tests = Seen(), []
    with ExitStack() as stack:
        streams = {name: stack.enter_context(write_aside(out / f"{name}.jsonl")) for name in SIDES}
        for one in source.records():
            where = side(one, groups=groups, units=units, held_out=held_out, seed=seed)
            streams[where].write(line(one) + "\n")
            counts[where] += 1
            if where == "train":
                seen.keep(text_of(one))
            else:
                tests.append(text_of(one))
            if where == "held_out":
                away.add(unit_of(one))
        if not counts["train"]:
            raise DataError(f"{source.name}: nothing is left to train on; hold out less")
    numbers: Json = {
        **{name: counts[name] for name in SIDES},
        "held_out_units": sorted(away),
        "units": len(known),
        "tests_near_training": sum(seen.near(text) is not None for text in tests),
    }
    config: Json = {"groups": groups, "units": units, "held_out": list(held_out), "seed": seed}
    inputs["source"] = digest([digest(one.model_dump(mode="json")) for one in source.records()])
    write_manifest(out, "split", inputs, config, numbers)
    return numbers


def redact(source: Source, out: Path) -> tuple[int, Counter[str]]:
    """Write the records without personal data; returns how many, and the pieces taken out by kind. Raises DataError."""
    counts: Counter[str] = Counter()

    def rows() -> Iterator[Trajectory | CallPair]:
        for one in source.records():
            clean, taken = personal.redact(one)
            counts.update(taken)
            yield clean

    if out.is_dir():
        out = out / (TRAJECTORIES if source.kind is Trajectory else PAIRS)
    return write_jsonl(out, rows()), counts
