"""The dialogues stage: a domain's approved shots -> `trajectories.jsonl` and `rejects.jsonl`, the manifest last.

The one rule: paths are made one by one, in any process; what is finished of a killed try is kept, and the result is the
same to the byte however many processes made it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from socket import gethostname
from threading import Thread
from typing import Literal

from manyshot.data.asking import MOST, Asking
from manyshot.data.dialogues.build import EXAMPLES, DialogueBuilder, Rejects, pools_of
from manyshot.data.dialogues.detours import SHARES, words
from manyshot.data.dialogues.reword import AUTHOR, GIVE_UP, reworded
from manyshot.data.variety import NearDuplicates, nearest_similarity
from manyshot.dialogue.company import Company
from manyshot.errors import DataError
from manyshot.journal import Answers, kept_answers
from manyshot.progress import Screen
from manyshot.protocols import Teacher, Usage
from manyshot.records import digest, read_jsonl, read_manifest, read_rows, write_jsonl, write_manifest
from manyshot.shotbook import GENERATED, Shotbook, Worded, open_book
from manyshot.spec.load import load_sayings
from manyshot.types import Json, Manifest, TeacherConfig, Trajectory
from manyshot.world.functions import FILE as WORLD
from manyshot.world.opening import opener

REJECTS = "rejects.jsonl"
#: Finished paths of a try that is under way.
PARTS = "parts"
#: What a teacher answered and what it cost, by the content of the request.
ANSWERS = "answers.jsonl"
#: Dialogues that are made when nobody says how many.
COUNT = 2400
#: Where paths are made.
Engine = Literal["inline", "processes", "ray"]
#: A teacher that knows kept answers and how many tokens it may cost in all.
OpenTeacher = Callable[[Answers, int | None], Teacher]


def run(
    folder: Path,
    out: Path,
    screen: Screen,
    *,
    count: int = COUNT,
    seed: int = 0,
    trust: bool = False,
    workers: int = 1,
    engine: Engine = "processes",
    teacher: OpenTeacher | None = None,
    budget: int | None = None,
    teacher_seconds: float | None = None,
) -> Manifest:
    """Make about `count` dialogues, the same number along each path that has an approved shot.

    workers: paths made at once; the result depends neither on them nor on the engine. teacher: opens the domain's,
    which words a share of them anew for at most `budget` tokens and is waited for `teacher_seconds` at most. Raises
    DataError where no shot is approved or the engine cannot be had, SpecError and WorldError for a domain that cannot
    be used, ModelError for a teacher that takes no requests.
    """
    began = time.perf_counter()
    book = open_book(folder, partial(opener, trust=trust))
    builder = builder_of(book, seed)
    paths = [path.id for path in builder.paths]
    if not paths:
        raise DataError(
            f"{folder}: no approved dialogue to multiply; see manyshot shots list, then manyshot shots approve"
        )
    each = -(-count // len(paths))
    config: Json = {"count": count, "seed": seed, "shares": builder.shares}
    parts = _begin(out, digest({"id": builder.id, **config}))
    taught: Json = {}
    inputs = {"shots": builder.id}
    # First of all: a teacher may refuse the key.
    with _opened(teacher, out, budget) as asked:
        made = [path for path in paths if (parts / f"{path}.json").exists()]
        make = partial(_make, parts=parts.absolute(), each=each)
        with _pool(engine, workers, folder.absolute(), seed, trust, builder) as map_, screen.bar("dialogues") as bar:
            for n, _ in enumerate(map_(make, [p for p in paths if p not in made]), 1):
                bar.update((len(made) + n) / len(paths), f"{len(made) + n} of {len(paths)} paths")
        told = {path: next(row for _, row in read_rows(parts / f"{path}.json")) for path in paths}
        rejects = _gathered(told.values())
        rows = _apart(
            builder, {path: list(read_jsonl(parts / f"{path}.jsonl", Trajectory)) for path in paths}, told, rejects
        )
        if asked is not None and book.domain.teacher is not None:
            rows, taught = _taught(
                rows, builder.company, book.domain.teacher, asked, rejects, screen, seed, teacher_seconds
            )
            taught["budget"] = budget
            config["teacher"] = book.domain.teacher.model_dump(mode="json")
            inputs["teacher"] = digest([[turn.text for turn in one.turns] for one in rows if one.author == AUTHOR])
        write_jsonl(out / GENERATED, rows)
        write_jsonl(out / REJECTS, _told(rejects))
        fresh = sum(one.path not in made for one in rows)
        numbers = {
            **_numbers(book, builder, rows, told, rejects),
            **({"teacher": taught} if taught else {}),
            "rows_per_second": round(fresh / max(time.perf_counter() - began, 1e-9), 1),
        }
        manifest = write_manifest(out, "dialogues", inputs, config, numbers)
        shutil.rmtree(parts)
        return manifest


@contextmanager
def _opened(teacher: OpenTeacher | None, out: Path, budget: int | None) -> Iterator[Teacher | None]:
    """The teacher, whose answers are kept as they come."""
    if teacher is None:
        yield None
        return
    with kept_answers(out / ANSWERS) as answers:
        yield teacher(answers, budget)


def drafts_worded(book: Shotbook, teacher: Teacher, screen: Screen, seed: int) -> Worded:
    """Puts drafts into the words of the domain's teacher; why it could not is said."""

    def worded(drafts: list[Trajectory]) -> list[Trajectory]:
        assert book.domain.teacher is not None
        config, rejects = book.domain.teacher.model_copy(update={"share": 1.0}), Rejects()
        rows, _ = _taught(drafts, book.company, config, teacher, rejects, screen, seed)
        for reason, count in rejects.counts.most_common():
            screen.say(f"  {count} x {reason}")
        return rows

    return worded


def _taught(
    rows: list[Trajectory],
    company: Company,
    config: TeacherConfig,
    teacher: Teacher,
    rejects: Rejects,
    screen: Screen,
    seed: int,
    seconds: float | None = None,
) -> tuple[list[Trajectory], Json]:
    """The dialogues, some in the teacher's words, and what that took."""
    used = teacher.usage
    with screen.bar("teacher") as bar:
        asking = Asking(teacher, seed, give_up=GIVE_UP, most=MOST, seconds=seconds)

        def progress(done: int, of: int) -> None:
            bar.update(done / max(of, 1), f"{done} of {of} dialogues, {_cost(used, config)}")

        rows = reworded(
            rows, company, asking, rejects, progress, share=config.share, styles=config.styles
        )  # fmt: skip
    if asking.closed:
        screen.say(f"the teacher was left alone: {asking.closed}; the other dialogues keep the words they had")
    numbers = {
        "dialogues": sum(row.author == AUTHOR for row in rows),
        **asking.numbers(),
        "kept_answers": used.kept,
        "made_again_for": used.again,
    }
    screen.say(f"{numbers['dialogues']} dialogues in the teacher's words, {_cost(used, config)}")
    return rows, numbers | ({"cost": _money(used, config.price)} if config.price else {})


def _cost(used: Usage, config: TeacherConfig) -> str:
    money = f", cost {_money(used, config.price)}" if config.price else ""
    return f"{used.calls} calls ({used.retries} made again, {used.kept} kept ones), {used.tokens} tokens{money}"


def _money(used: Usage, price: tuple[float, float]) -> float:
    return round((used.tokens_in * price[0] + used.tokens_out * price[1]) / 1e6, 4)


def builder_of(book: Shotbook, seed: int) -> DialogueBuilder:
    """Made anew in every process, the same in all."""
    usable = book.usable
    flows = {name: flow.model_dump(mode="json") for name, flow in book.company.flows.items()}
    tools = [tool.model_dump() for tool in book.domain.tools]
    shots = [one.model_dump(mode="json", exclude={"source"}) for one in usable]
    context = book.domain.context.model_dump(mode="json")
    pools = pools_of(book.domain, usable)
    world = book.folder / WORLD
    code = hashlib.sha256(world.read_bytes()).hexdigest() if world.is_file() else ""
    said = words(book.domain.context.language).model_dump(mode="json")
    sayings = load_sayings(book.folder, tuple(book.company.flows.values()))
    heard = [one.model_dump(mode="json") for one in sayings]
    name = digest([flows, tools, shots, context, pools, code, said, heard])
    shares = {**SHARES, **book.domain.dialogue_shares}
    return DialogueBuilder(book.company, [book.replay(one) for one in usable], pools, seed, name, shares, sayings)


def _begin(out: Path, name: str) -> Path:
    """The folder of finished paths; those of a killed try are kept when it made the same."""
    if read_manifest(out) is not None:
        raise DataError(f"{out}: holds finished dialogues; choose another --out")
    ours = {GENERATED, REJECTS, PARTS, ANSWERS}
    if out.is_dir() and (
        strange := sorted(p.name for p in out.iterdir() if p.name not in ours and ".part" not in p.name)
    ):
        raise DataError(f"{out}: wanted a new or empty folder, found {strange[0]}; choose another --out")
    parts, mark = out / PARTS, out / PARTS / "made.json"
    if parts.is_dir() and not (mark.exists() and next(read_rows(mark))[1] == {"id": name}):
        shutil.rmtree(parts)
    parts.mkdir(parents=True, exist_ok=True)
    write_jsonl(mark, [{"id": name}])
    return parts


_worker: DialogueBuilder | None = None


@contextmanager
def _pool(
    engine: Engine, workers: int, folder: Path, seed: int, trust: bool, builder: DialogueBuilder
) -> Iterator[Callable[..., Iterator[str]]]:
    """A `map` for `_make`: of this process, of others, or of a Ray cluster's."""
    global _worker
    _worker = builder
    try:
        match engine:
            case "ray":
                from manyshot.plugs.ray_tasks import ray_tasks

                with ray_tasks(workers) as tasks:
                    there = partial(_there, folder=folder, seed=seed, trust=trust, name=builder.id)
                    yield lambda make, paths: tasks.map(partial(there, make=make), paths)
            case "processes" if workers > 1:
                pool: Executor = ProcessPoolExecutor(workers, initializer=_open, initargs=(folder, seed, trust))
                with pool:
                    yield pool.map
            case _:
                yield map
    finally:
        _worker = None


def _open(folder: Path, seed: int, trust: bool) -> None:
    """A process that was forked has the builder already; one that was started makes its own, which is the same."""
    global _worker
    Thread(target=_end_with_parent, daemon=True).start()
    if _worker is None:
        _worker = builder_of(open_book(folder, partial(opener, trust=trust)), seed)


def _there(path: str, make: Callable[[str], str], folder: Path, seed: int, trust: bool, name: str) -> str:
    """Make one path in a process of a cluster, which sees the same folders. Raises DataError where they differ."""
    global _worker
    if _worker is None:
        _worker = builder_of(open_book(folder, partial(opener, trust=trust)), seed)
    if _worker.id != name:
        raise DataError(f"{folder}: is another domain on {gethostname()}; wanted the same folder on every machine")
    return make(path)


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for work forever."""
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _make(path: str, parts: Path, each: int) -> str:
    """Make one path's dialogues into its files, the one that marks them finished last."""
    assert _worker is not None
    way = next(one for one in _worker.paths if one.id == path)
    made = _worker.make(way, each)
    write_jsonl(parts / f"{path}.jsonl", made.kept)
    told = {
        "rejects": dict(made.rejects.counts),
        "examples": made.rejects.examples,
        "impossible": list(made.impossible),
        "sketches": made.sketches,
    }
    write_jsonl(parts / f"{path}.json", [told])
    return path


def _gathered(told: Iterable[Json]) -> Rejects:
    """The rejects of all paths, in their order."""
    all_ = Rejects()
    for row in told:
        all_.counts.update(row["rejects"])
        for reason, found in row["examples"].items():
            kept = all_.examples.setdefault(reason, [])
            kept += found[: EXAMPLES - len(kept)]
    return all_


def _apart(
    builder: DialogueBuilder, made: Mapping[str, list[Trajectory]], told: Mapping[str, Json], rejects: Rejects
) -> list[Trajectory]:
    """What of all paths is not near to what was kept before; in place of what is, another is made where it can be.

    The first of all paths come first, then their second ones: the first dialogues of a path are those that cover its
    classes.
    """
    near = NearDuplicates()
    kept: dict[str, list[Trajectory]] = {path: [] for path in made}
    lost: list[Trajectory] = []
    for n in range(max(map(len, made.values()), default=0)):
        for path, rows in made.items():
            if n < len(rows):
                (kept[path] if near.is_new_sketch(told[path]["sketches"][n]) else lost).append(rows[n])
    for n, one in enumerate(lost):
        rejects.add("near-duplicate of another path", one.path, one.kind, one)
        if (other := builder.instead(one, n, near, rejects)) is not None:
            kept[one.path].append(other)
    return [one for path in made for one in kept[path]]


def _told(rejects: Rejects) -> Iterator[Json]:
    for reason, count in rejects.counts.most_common():
        yield {"reason": reason, "count": count, "examples": rejects.examples[reason]}


def _numbers(
    book: Shotbook, builder: DialogueBuilder, rows: list[Trajectory], told: Mapping[str, Json], rejects: Rejects
) -> Json:
    paths = [path.id for path in book.company.all_paths]
    have = {(one.path, one.kind) for one in rows}
    kinds = [kind for kind, share in builder.shares.items() if share > 0]
    places = builder.mixer.places_of(builder.skeletons)
    return {
        "dialogues": len(rows),
        "kinds": dict(sorted(Counter(one.kind for one in rows).items())),
        "paths": [len({one.path for one in rows}), len(paths)],
        "uncovered": [path for path in paths if path not in told],
        "path_classes": [len(have), len(told) * len(kinds)],
        "no_room": {
            kind: found
            for kind in kinds
            if (found := [path for path, row in told.items() if kind in row["impossible"]])
        },
        "wordings": {
            "places": len(places),
            "fewest": min(places.values()),
            "with_3": sum(n >= 3 for n in places.values()),
        },
        "nearest_similarity": nearest_similarity([" ".join(t.text for t in one.turns) for one in rows], 0),
        "rejects": dict(rejects.counts.most_common(20)),
    }
