"""The leaderboard's single-turn categories, asked of one candidate -> its columns.

One rule: as in a comparison, every answer is kept as it comes, in a file named by what decided it, so that a stopped
benchmark goes on. Verdicts are made of the kept answers; the manifest is written last.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from manyshot import bfcl, facts
from manyshot.answering import TUNED
from manyshot.bfcl.columns import Column, Tally, columns
from manyshot.caller import Answered, Caller, ChatCaller, ModelCaller
from manyshot.candidates import Candidate
from manyshot.errors import DataError, EvalError, ModelError
from manyshot.journal import going_on, whole_rows
from manyshot.oneline import storable
from manyshot.opened import base_of, chat_of, key_of
from manyshot.parts import CONTEXT_TOKENS, Parts, embedded
from manyshot.pipeline import settings_of
from manyshot.plugs.bases import file_sha256
from manyshot.progress import Screen
from manyshot.records import digest, write_aside, write_jsonl, write_manifest
from manyshot.runfolder import RunFolder
from manyshot.scoring.benchmark import VERSION, Benchmark, Case, offered, read_benchmark
from manyshot.spec.load import load_domain
from manyshot.train.stage import LORA
from manyshot.trial import sample
from manyshot.types import Json

#: The base that answers where none is named.
BASE = "gemma-3-270m"
#: Marks a folder as a benchmark's.
MARK = "bench.json"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked: `limit` entries a category, drawn by `seed`; all with None."""

    categories: tuple[str, ...] = tuple(bfcl.CATEGORIES)
    limit: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Benched:
    """What came out. `crashed`: entries on which the reference's checker would stop; they count as wrong."""

    version: str
    tallies: dict[str, Tally]
    columns: tuple[Column, ...]
    #: Stage -> wrong answers that failed there.
    stages: dict[str, int]
    crashed: int


def bench(data: Path, one: Candidate, out: Path, screen: Screen, terms: Terms, parts: Parts | None = None) -> Benched:
    """Ask the candidate and write `out`. Raises ManyshotError; the same call again goes on from there.

    parts: the real ones without it.
    """
    _check(one)
    whole = read_benchmark(data)  # all categories: the averages weigh by their sizes
    if strange := [name for name in terms.categories if name not in whole.cases]:
        raise EvalError(f"unknown category {strange[0]!r}; known: {', '.join(whole.cases)}")
    cases = {name: sample(whole.cases[name], terms.limit, terms.seed) for name in terms.categories}
    with RunFolder(out).alone():
        _begin(out)
        identity = _identity(one)
        file = out / "answers" / f"{one.name}.{digest(identity)}.jsonl"
        answers = _ask(one, cases, file, screen, parts)
        return _close(out, whole, one, identity, cases, answers, terms, file)


def _check(one: Candidate) -> None:
    """Raise what would stop it, before anything is asked."""
    if one.workflow or one.how == "fewshot":
        what = "a workflow calls no functions" if one.workflow else "the benchmark has no examples to show"
        raise EvalError(f"model {one.name!r}: {what}; wanted base, base@BASE, RUN, a trained adapter or MODEL@URL")
    if one.base_url:
        key_of(one)
    if one.run:
        place = RunFolder(one.run)
        place.read()
        if not place.trained and one.how in ("tuned", "free"):
            raise DataError(f"{place.path}: its training is not finished; go on with manyshot run")
    if one.adapter and not (one.adapter / LORA).is_file():
        raise ModelError(f"{one.adapter / LORA}: wanted the adapter, it is not there; train it again")


def _begin(out: Path) -> None:
    mark = out / MARK
    if not mark.exists():
        if strange := sorted(p.name for p in out.iterdir() if p.name != ".lock"):
            raise DataError(f"{out}: wanted a new or empty folder, found {strange[0]}; choose another --out")
        with write_aside(mark) as stream:
            stream.write(json.dumps({"benchmark": "bfcl"}) + "\n")
    (out / "manifest.json").unlink(missing_ok=True)  # until it is whole again


def _identity(one: Candidate) -> Json:
    """What decides its answers, beside the questions."""
    adapter = _adapter(one)
    return {
        "model": one.model or "",
        "base_url": one.base_url or "",
        "base": "" if one.base_url else _base(one),
        "weights": settings_of(RunFolder(one.run)).weights if one.run else "own",
        "adapter": file_sha256(adapter) if adapter else "",
        "grammar": one.how != "free",
    }


def _base(one: Candidate) -> str:
    return load_domain(RunFolder(one.run).domain).base if one.run else base_of(one, BASE)


def _adapter(one: Candidate) -> Path | None:
    if one.run:
        return RunFolder(one.run).adapter if one.how in ("tuned", "free") else None
    return one.adapter / LORA if one.adapter else None


@contextmanager
def _opened(one: Candidate, parts: Parts | None) -> Iterator[Caller]:
    if one.base_url:
        with chat_of(one) as chat:
            yield ChatCaller(chat)
        return
    parts = parts or embedded(settings_of(RunFolder(one.run)).weights if one.run else "own")
    base, adapter = parts.find_base(_base(one)), _adapter(one)
    model = parts.open_model(base, {TUNED: adapter} if adapter else {})
    try:
        yield ModelCaller(
            model, parts.tokenizer(base), adapter=TUNED if adapter else None, values="span" if adapter else "final",
            grammar=one.how != "free", context_tokens=CONTEXT_TOKENS,
        )  # fmt: skip
    finally:
        model.close()


def _ask(
    one: Candidate, cases: dict[str, list[Case]], file: Path, screen: Screen, parts: Parts | None
) -> dict[str, Answered]:
    """Answers by the hash of what was asked; those kept from an earlier try are not asked again."""
    asked = {_mark(case): case for rows in cases.values() for case in rows}
    kept = [row for row in whole_rows(file) if "case" in row and "answer" in row]
    done = {row["case"]: _kept(row["answer"], file) for row in kept}
    left = {mark: case for mark, case in asked.items() if mark not in done}
    if not left:
        return done
    with _opened(one, parts) as caller, going_on(file, kept) as add, screen.bar(one.name) as bar:
        for number, (mark, case) in enumerate(left.items(), len(asked) - len(left) + 1):
            done[mark] = caller.answer(case.messages, offered(case, dots=not one.base_url))
            row = {"case": mark, "id": case.id, "answer": done[mark].model_dump(mode="json")}
            add(row)
            bar.update(number / len(asked), f"{number} of {len(asked)}, {case.category}")
    return done


def _mark(case: Case) -> str:
    return digest([case.id, case.messages, case.functions])


def _kept(row: Json, file: Path) -> Answered:
    try:
        return Answered.model_validate(row)
    except ValidationError:
        raise DataError(f"{file}: holds answers of another version; remove the file") from None


def _close(
    out: Path, whole: Benchmark, one: Candidate, identity: Json, cases: dict[str, list[Case]],
    answers: dict[str, Answered], terms: Terms, file: Path,
) -> Benched:  # fmt: skip
    """Judge the answers; write rows, figures and manifest."""
    rows = [_row(case, answers[_mark(case)], one) for part in cases.values() for case in part]
    right = Counter(row["category"] for row in rows if row["valid"])
    tallies = {name: Tally(right[name], len(cases.get(name, ())), len(all_of)) for name, all_of in whole.cases.items()}
    found = Benched(
        whole.version,
        tallies,
        tuple(columns(tallies)),
        dict(Counter(row["stage"] for row in rows if row["valid"] is False).most_common()),
        sum(row["valid"] is None for row in rows),
    )
    write_jsonl(out / "rows.jsonl", rows)
    figures = numbers(found)
    with write_aside(out / "benchmark.json") as stream:
        stream.write(json.dumps(figures, ensure_ascii=False, indent=1) + "\n")
    config: Json = {
        "candidate": one.model_dump(mode="json", exclude_none=True), "categories": list(terms.categories),
        "limit": terms.limit, "seed": terms.seed, "answers": file.name, "rules": VERSION, "machine": facts.machine(),
    }  # fmt: skip
    asked = digest(sorted(_mark(case) for part in cases.values() for case in part))
    write_manifest(out, "bfcl", {"questions": asked, "model": digest(identity)}, config, figures)
    return found


def _row(case: Case, answer: Answered, one: Candidate) -> Json:
    """The verdict as a line. Endpoints are shown names without dots and have to answer with those."""
    if answer.calls is None and bfcl.CATEGORIES[case.category].shape != "irrelevance":
        verdict = bfcl.Verdict(False, bfcl.UNREADABLE)
        message = answer.fault
    else:
        verdict = bfcl.check(
            case.functions, answer.calls or [], case.possible_answer, case.category,
            dots_to_underscores=one.base_url is not None,
        )  # fmt: skip
        message = verdict.message
    return {
        "id": case.id, "category": case.category, "valid": verdict.valid, "stage": verdict.stage,
        "error_type": verdict.error_type, "message": storable(message), "calls": answer.calls, "raw": answer.raw,
        "ms": answer.ms, "tokens_in": answer.tokens_in, "tokens_out": answer.tokens_out,
    }  # fmt: skip


def numbers(found: Benched) -> Json:
    """As JSON: rates from 0 to 1, None for N/A."""
    return {
        "bfcl_eval": found.version,
        "rules": VERSION,
        "columns": {one.name: one.rate for one in found.columns},
        "categories": {name: tally._asdict() for name, tally in found.tallies.items()},
        "stages": found.stages,
        "crashed": found.crashed,
    }


def told(found: Benched, terms: Terms) -> Sequence[str]:
    """What has to be said beside the columns."""
    lines = []
    if found.version != VERSION:
        lines.append(f"data of bfcl-eval {found.version or '(unknown version)'}, rules of {VERSION}")
    if terms.limit is not None:
        lines.append(f"at most {terms.limit} entries a category (seed {terms.seed}): not comparable to the leaderboard")
    lines.append("Overall Acc counts multi-turn and agentic, which are not run, as 0 of 70%")
    if found.crashed:
        lines.append(f"{found.crashed} answers on which the leaderboard's checker would stop count as wrong")
    if found.stages:
        lines.append("wrong by stage: " + ", ".join(f"{stage} {n}" for stage, n in found.stages.items()))
    return lines
