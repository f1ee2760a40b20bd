"""The data stage: a domain -> `pairs.jsonl` and `rejects.jsonl`, the manifest last.

Every pair names its group (tool x wording); whoever splits the pairs does it by group, so that no wording is on both
sides. Pairs are streamed: memory holds what near-duplicates are compared with, not the pairs.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from manyshot.data.build import BUDGET, SHARES, Builder
from manyshot.data.variety import NearDuplicates, nearest_similarity
from manyshot.errors import DataError, at
from manyshot.guard import question_in, refusal
from manyshot.protocols import Teacher
from manyshot.records import digest, line, write_aside, write_jsonl, write_manifest
from manyshot.types import CallPair, Domain, Json, Manifest

_TUPLES = {1: "values", 2: "value pairs"}


def run(
    domain: Domain,
    out: Path,
    *,
    count: int,
    seed: int,
    held_out: tuple[str, ...] = (),
    teacher: Teacher | None = None,
    teacher_seconds: float | None = None,
) -> Manifest:
    """Generate `count` training pairs. Raises DataError when the shots do not yield any.

    teacher: words a part of them, waited for no longer than `teacher_seconds`; ModelError when it refuses the key.
    """
    _check_shares(domain)
    for shot in domain.shots:
        if entry := question_in(shot.action):
            raise DataError(f"{at(domain.folder / shot.source.file, shot.source.line)}: {refusal(entry)}; remove it")
    began = time.perf_counter()
    builder = Builder(domain, seed, frozenset(held_out), teacher, teacher_seconds)
    tally: Counter[str] = Counter()
    worded = 0
    texts: list[str] = []
    with write_aside(out / "pairs.jsonl") as stream:
        for pair in _fresh(builder, count):
            stream.write(line(pair) + "\n")
            tally[pair.kind] += 1
            worded += "/teacher:" in pair.group
            if len(texts) < 5000:
                texts.append(pair.action)
        if not tally:
            raise DataError(f"{domain.name}: the shots yield no pair; see `manyshot check {domain.folder}`")
    write_jsonl(out / "rejects.jsonl", _rejects(builder))
    seconds = time.perf_counter() - began
    made = sum(tally.values())
    coverage = builder.coverage()
    numbers: Json = {
        "pairs": made,
        "kinds": dict(sorted(tally.items())),
        "rejects": dict(builder.rejects.reasons),
        "coverage": {
            name: f"{c.covered} of {c.possible} {_TUPLES.get(c.strength, f'value {c.strength}-tuples')}"
            for name, c in coverage.items()
        },
        "covered": [sum(c.covered for c in coverage.values()), sum(c.possible for c in coverage.values())],
        "nearest_similarity": nearest_similarity(texts, seed),
        "rows_per_second": round(made / max(seconds, 1e-9)),
    }
    config: Json = {
        "count": count,
        "seed": seed,
        "held_out": list(held_out),
        "budget": BUDGET,
        "shares": {**SHARES, **domain.shares},
    }
    if builder.classroom is not None:
        numbers["teacher"] = {"pairs": worded, **builder.classroom.numbers()}
    if domain.teacher is not None:
        config["teacher"] = domain.teacher.model_dump(mode="json")
    tools, shots = [t.model_dump() for t in domain.tools], [s.model_dump() for s in domain.shots]
    inputs = {"tools": digest(tools), "shots": digest(shots), "values": digest(domain.values)}
    inputs["setting"] = digest([domain.context.model_dump(mode="json"), domain.weights])
    if domain.rules or domain.strength != 2:
        inputs["combinations"] = digest([domain.strength, [rule.model_dump(mode="json") for rule in domain.rules]])
    if builder.classroom is not None:
        inputs["teacher"] = builder.classroom.id
    return write_manifest(out, "data", inputs, config, numbers)


def _check_shares(domain: Domain) -> None:
    if strange := sorted(set(domain.shares) - set(SHARES)):
        raise DataError(f"domain.toml: [shares] {strange[0]}: no such class; wanted some of {', '.join(SHARES)}")


def _fresh(builder: Builder, count: int) -> Iterator[CallPair]:
    """Pairs without near-duplicates; the experts' own shots are always kept."""
    near = NearDuplicates()
    made = 0
    for pair in builder.pairs(3 * count):
        if pair.kind != "shot" and not near.is_new(pair.action):
            builder.rejects.add("near-duplicate", pair.action)
            continue
        if question_in(pair.action):
            builder.rejects.add("a benchmark's question", pair.action)
            continue
        yield pair
        made += 1
        if made >= count:
            return


def _rejects(builder: Builder) -> Iterator[Json]:
    for reason, count in builder.rejects.reasons.most_common():
        yield {"reason": reason, "count": count, "examples": builder.rejects.examples[reason]}
