"""The thinking half of a run: dialogues, an adapter that learnt them, and how near it comes to those held back.

One rule: only a desk with flows and approved dialogues thinks; one without stays as it is. Each folder's manifest is
written last, and a finished folder is not touched again.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from manyshot import facts, multiply
from manyshot.answering import THINKING
from manyshot.budget import ThinkingPlan
from manyshot.dataset.split import side
from manyshot.dialogue.approval import approved
from manyshot.errors import DataError, EvalError, SpecError, WorldError
from manyshot.flow.paths import paths as paths_of
from manyshot.flow.steps import Flow
from manyshot.guard import guarded
from manyshot.likeness import Pair, likeness
from manyshot.parts import Parts, teacher_opener
from manyshot.plugs.bases import Base
from manyshot.progress import Screen
from manyshot.records import digest, read_jsonl, read_manifest, write_aside, write_jsonl, write_manifest
from manyshot.render import opening_ids
from manyshot.runfolder import RunFolder
from manyshot.shotbook import GENERATED
from manyshot.thinker import Thinker
from manyshot.train.settings import TrainConfig
from manyshot.transcript import Thought, prefix_text, steps
from manyshot.types import Domain, Json, Language, Manifest, Trajectory, Turn

#: Share of the wordings of dialogues that are kept out of training.
HELD_BACK = 0.05
#: Dialogues that are thought through when time is no matter, and those that are in any case.
MOST, FEWEST = 60, 2


@dataclass(frozen=True, slots=True)
class Matter:
    """What a desk thinks about. `id`: a hash of its flows and of the dialogues that experts approved."""

    domain: Domain
    flows: tuple[Flow, ...]
    id: str

    @property
    def prefix(self) -> str:
        """What its transcripts begin with."""
        return prefix_text(self.domain.tools, self.flows, self.domain.context)


def matter(domain: Domain, *, trust: bool) -> Matter | None:
    """What there is to think about at a desk; None for one without flows or without approved dialogues.

    Raises WorldError where its world may not be run: dialogues cannot be made without.
    """
    from manyshot.world.opening import opener

    found = matter_of(domain)
    if found is None:
        return None
    try:
        opener(domain, found.flows, trust=trust)
    except WorldError as error:
        raise WorldError(f"{error}; or --no-thinking") from None
    return found


def matter_of(domain: Domain) -> Matter | None:
    """As `matter`, whether its world may be run or not."""
    from manyshot.spec.load import load_dialogues, load_flows

    flows = load_flows(domain.folder)
    shots = approved(*load_dialogues(domain.folder)) if flows else []
    if not shots:
        return None
    rows = [one.model_dump(mode="json", exclude={"source"}) for one in shots]
    return Matter(domain, flows, digest([[flow.model_dump(mode="json") for flow in flows], rows]))


def held_back(one: Trajectory, paths: Collection[str] = ()) -> bool:
    """Whether a generated dialogue is kept out of training. Decided by path and wording; all of `paths` are."""
    return side(one, groups=HELD_BACK, held_out=paths) != "train"


def check_held_out(held_out: Sequence[str], name: str, found: Matter | None) -> None:
    """Refuse paths that there are not, and leaving none to learn from. Raises SpecError. `name`: of the domain."""
    if not held_out:
        return
    if found is None:
        raise SpecError(f"held-out path {held_out[0]}: {name} has no approved dialogues, or does not think in this run")
    known = [path.id for flow in found.flows for path in paths_of(flow)]
    if strange := [path for path in held_out if path not in known]:
        raise SpecError(f"held-out path {strange[0]!r}: {name} has no such path; see manyshot flow paths {name}")
    if set(held_out) >= set(known):
        raise SpecError(f"all paths of {name} are held out; leave at least one to train on")


def make(
    place: RunFolder, plan: ThinkingPlan, domain: Domain, screen: Screen, *,
    seed: int, trust: bool, teacher_seconds: float | None,
) -> Manifest:  # fmt: skip
    """The dialogues; those of a killed try are gone on with. The domain's teacher, if it has one, words a share of
    them and is waited for no longer than `teacher_seconds`."""
    return read_manifest(place.dialogues) or multiply.run(
        place.domain, place.dialogues, screen, count=plan.dialogues, seed=seed, trust=trust, workers=facts.cores(),
        teacher=teacher_opener(domain), teacher_seconds=teacher_seconds,
    )  # fmt: skip


def train(
    config: TrainConfig,
    matter: Matter,
    base: Base,
    place: RunFolder,
    parts: Parts,
    screen: Screen,
    *,
    seconds: float | None,
    held_out: Sequence[str] = (),
    paths: Sequence[str] = (),
) -> Manifest:
    """The adapter of a run. `held_out`: tools whose dialogues are not learnt; `paths`: paths whose are not."""
    return read_manifest(place.think) or train_folder(
        config, matter, base, place.dialogues, place.think, parts, screen,
        epochs=1 if seconds is None else 2, seconds=seconds, held_out=held_out, paths=paths,
    )  # fmt: skip


def train_folder(
    config: TrainConfig,
    matter: Matter,
    base: Base,
    data: Path,
    out: Path,
    parts: Parts,
    screen: Screen,
    *,
    epochs: int,
    seconds: float | None,
    held_out: Sequence[str] = (),
    paths: Sequence[str] = (),
) -> Manifest:
    """Train an adapter on the finished dialogues in `data`, from the base alone."""
    from manyshot.train import stage
    from manyshot.train.dialogues import passes
    from manyshot.training import trained

    source = read_manifest(data)
    if source is None:
        raise DataError(f"{data}: wanted finished dialogues, there is no manifest.json; make them: manyshot dialogues")
    rows = learnt(data, held_out, paths)
    tokenizer = parts.tokenizer(base)
    prefix = opening_ids(tokenizer, matter.prefix)
    made = list(passes(rows, prefix, tokenizer, seed=config.seed, epochs=epochs))
    job = stage.Job(matter.domain.name, base, made, len(rows), source.id, epochs=epochs, role="thinking")
    return trained(config, job, out, parts, screen, seconds=seconds)


def learnt(data: Path, held_out: Sequence[str] = (), paths: Sequence[str] = ()) -> list[Trajectory]:
    """The dialogues of a folder that are trained on. Raises DataError."""
    return list(guarded((one.id, one) for one in _dialogues(data, held_out) if not held_back(one, paths)))


def _dialogues(data: Path, held_out: Sequence[str]) -> Iterator[Trajectory]:
    for one in read_jsonl(data / GENERATED, Trajectory):
        if not any(turn.call and turn.call.name in held_out for turn in one.turns):
            yield one


def examine(
    matter: Matter,
    base: Base,
    place: RunFolder,
    parts: Parts,
    screen: Screen,
    *,
    seed: int,
    until: float | None,
    held_out: Sequence[str] = (),
    paths: Sequence[str] = (),
) -> Manifest:
    """Let the adapter write each next thought of dialogues that were held back, and set it beside what stands there.

    Writes place.likeness: rows.jsonl, evaluation.json, the manifest last. `until`: time.monotonic() at which to stop.
    `paths`: paths of which nothing was learnt; they have figures of their own besides.
    """
    trained = read_manifest(place.think)
    if trained is None:
        raise DataError(f"{place.think}: wanted a finished thinking adapter; go on with manyshot run")
    if done := read_manifest(place.likeness):
        return done
    kept = [one for one in _dialogues(place.dialogues, held_out) if held_back(one, paths)]
    chosen = _chosen(kept, paths, random.Random(seed))
    model = parts.open_model(base, {THINKING: place.thinking})
    try:
        thinker = Thinker(model, parts.tokenizer(base), matter.prefix, adapter=THINKING)
        with screen.bar("thinking anew what was held back") as bar:
            rows = list(_written(thinker, chosen, until, bar.update))
    finally:
        model.close()
    numbers = _numbers(rows, matter.domain.context.language)
    if paths:
        numbers["held_out_paths"] = {
            "paths": list(paths),
            **_numbers([row for row in rows if row["path"] in paths], matter.domain.context.language),
        }
    write_jsonl(place.likeness / "rows.jsonl", rows)
    with write_aside(place.likeness / "evaluation.json") as stream:
        stream.write(json.dumps(numbers, ensure_ascii=False, indent=1) + "\n")
    made = write_manifest(place.likeness, "likeness", {"think": trained.id}, {"seed": seed}, numbers)
    for text in facts.likeness_lines(made):
        screen.say(text)
    return made


def _chosen(kept: Sequence[Trajectory], paths: Collection[str], rng: random.Random) -> list[Trajectory]:
    """At most MOST dialogues, of any path also among those that time allows; held-out paths and others in turn."""
    sides = [[one for one in kept if (one.path in paths) == out] for out in (False, True)]
    sides = [rng.sample(side, min(MOST, len(side))) for side in sides]
    mixed = [one for pair in zip_longest(*sides) for one in pair if one is not None]
    return mixed[:MOST]


def _written(
    think: Callable[[Sequence[Turn], int], Thought],
    found: Sequence[Trajectory],
    until: float | None,
    tell: Callable[[float, str], None],
) -> Iterator[Json]:
    """A row for each thought of the dialogues: what was wanted, and what was written (null: no thought at all)."""
    for n, one in enumerate(found):
        if n >= FEWEST and until is not None and time.monotonic() > until:
            return
        for at, wanted in _answers(one.turns):
            try:
                written: Thought | None = think(one.turns[:at], 0)
            except ValueError:
                written = None
            yield {
                "dialogue": one.id,
                "path": one.path,
                "turn": at,
                "wanted": _row(wanted),
                "written": _row(written) if written else None,
            }
        tell((n + 1) / len(found), f"{n + 1} of {len(found)} dialogues")


def _answers(turns: Sequence[Turn]) -> Iterator[tuple[int, Thought]]:
    """(turns before it, thought) for each thought that follows what somebody said."""
    heard = ("user", "observation")
    at = [n for n, turn in enumerate(turns) if n and turn.role not in heard and turns[n - 1].role in heard]
    return zip(at, (thought for said, thought in steps(turns) if said), strict=True)


def _row(thought: Thought) -> Json:
    return {"think": thought.think, "action": thought.action, "then": thought.then, "reply": thought.reply}


def _numbers(rows: Sequence[Json], language: Language) -> Json:
    """Of all thoughts: how many go on in the right way (call, reply, handoff, end), and how near the words come."""
    right = sum(row["written"] is not None and row["written"]["then"] == row["wanted"]["then"] for row in rows)
    numbers: Json = {
        "dialogues": len({row["dialogue"] for row in rows}),
        "thoughts": len(rows),
        "unreadable": sum(row["written"] is None for row in rows),
        "then_right": right,
        "then": {
            then: [sum(_then(row) == then for row in found), len(found)] for then, found in _by_then(rows).items()
        },
    }
    for part in ("think", "action", "reply"):
        pairs = [
            Pair(str((row["written"] or {}).get(part, "")), row["wanted"][part]) for row in rows if row["wanted"][part]
        ]
        try:
            numbers[part] = {"texts": len(pairs), **(_rounded(likeness(pairs, language)) if pairs else {})}
        except EvalError as error:
            numbers[part] = {"texts": len(pairs), "missing": str(error)}
    return numbers


def _then(row: Json) -> str:
    return str((row["written"] or {}).get("then", ""))


def _by_then(rows: Iterable[Json]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for row in rows:
        found.setdefault(row["wanted"]["then"], []).append(row)
    return dict(sorted(found.items()))


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(figure, 2) for name, figure in figures.items()}
