"""A path -> checked dialogues along it, of every class that has room there.

The one rule: what is made for a path depends on the domain, the seed, the path and the count alone, so paths can be
made in any order, in any process, and again after a kill.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from manyshot.data.dialogues.detours import PERSONAS, SHARES
from manyshot.data.dialogues.mix import Mixer, NoWordsError, bones_of
from manyshot.data.dialogues.places import Places
from manyshot.data.dialogues.units import Skeleton, skeleton
from manyshot.data.variety import NearDuplicates, sketch_of
from manyshot.dialogue.company import Company
from manyshot.dialogue.draft import STYLES, worded
from manyshot.dialogue.plan import WAYS, Ground, Plan, Pools, Way, plan
from manyshot.dialogue.replay import Replay, replay
from manyshot.errors import WorldError
from manyshot.flow.paths import Path, Walk
from manyshot.flow.steps import Ask, CallTool
from manyshot.records import digest
from manyshot.types import Domain, Json, Saying, Setup, Trajectory

#: Tries of one dialogue with other values before it is given up.
TRIES = 4
#: Chances of a class to find room on a path, and of all dialogues of a path beside their number.
CHANCES = 3
#: Part of the dialogues that keep the free texts of the expert's, which other words of it speak of.
OWN_VALUES = 0.5
#: Examples that are kept of what was rejected, for each reason.
EXAMPLES = 20
#: From here on dialogues are numbered that were made in place of others.
_INSTEAD = 1 << 20
#: Worlds that differ in what they are filled with.
WORLDS = 40


@dataclass(slots=True)
class Rejects:
    """What was not kept, and why."""

    #: Reason -> how often.
    counts: Counter[str] = field(default_factory=Counter)
    #: Reason -> the first of them: path, kind, and the dialogue where there was one.
    examples: dict[str, list[Json]] = field(default_factory=dict)

    def add(self, reason: str, path: str, kind: str, one: Trajectory | None = None, said: str = "") -> None:
        """One more. `said`: what a teacher wrote in place of what was wanted."""
        self.counts[reason] += 1
        kept = self.examples.setdefault(reason, [])
        if len(kept) < EXAMPLES:
            dialogue = None if one is None else one.model_dump(mode="json")
            kept.append({"path": path, "kind": kind, "dialogue": dialogue, **({"said": said} if said else {})})


@dataclass(slots=True)
class Made:
    """What came of one path."""

    path: str
    kept: list[Trajectory] = field(default_factory=list)
    #: Of each that is kept, by which near ones are told.
    sketches: list[list[int]] = field(default_factory=list)
    rejects: Rejects = field(default_factory=Rejects)
    #: Classes that have no room on this path.
    impossible: tuple[str, ...] = ()


def pools_of(domain: Domain, shots: Iterable[Trajectory]) -> dict[str, list[Any]]:
    """Values by the name of their field: those of values.yaml, then those that experts used."""
    pools = {name: list(values) for name, values in domain.values.items()}
    calls = [*(s.call for s in domain.shots if s.call), *(t.call for one in shots for t in one.turns if t.call)]
    for call in calls:
        for name, value in call.arguments.items():
            if value not in pools.setdefault(name, []):
                pools[name].append(value)
    return pools


class DialogueBuilder:
    """Fitted to the approved shots of one domain."""

    def __init__(
        self,
        company: Company,
        shots: Sequence[Replay],
        pools: Pools,
        seed: int,
        inputs: str,
        shares: Mapping[str, float] = SHARES,
        sayings: Sequence[Saying] = (),
    ) -> None:
        """`shots` replay true. `inputs`: hash of what the domain gives, part of every record's id."""
        self.shares = dict(shares)
        self.company, self.pools, self.seed, self.id = company, pools, seed, inputs
        places = {name: Places(flow, company) for name, flow in company.flows.items()}
        self.mixer = Mixer(company, places, sayings)
        self.skeletons = [bones for one in shots if (bones := self._bones(one)) is not None]
        self.mixer.add(self.skeletons)
        self._ground = Ground(company)
        found = (plan(path, company, pools, ground=self._ground) for path in self.paths)
        planned = [one for one in found if one is not None]
        #: Path and walk -> how values were found that lead along it.
        self._ways: dict[tuple[Any, ...], Way] = {(one.path.id, *one.walk.taken): one.way for one in planned}
        self._first_ways = dict(self._ways)
        drawn = [self._drafted(one) for one in planned]
        self.skeletons += [bones for own in drawn for bones in own[:1]]
        self.skeletons += self._other_ways()

    def _other_ways(self) -> list[Skeleton]:
        """Dialogues along the walks of these paths that go from one step to another where no expert's dialogue does.

        A path is what is called and what becomes of it: a "no" that changes neither needs no dialogue of its own from
        an expert, and customers of experts often answer two questions at once. The assistant has to meet the rest too.
        """
        met = {move for bones in self.skeletons for move in _moves(bones.walk, {unit.step for unit in bones.units})}
        found: list[Skeleton] = []
        for path in self.paths:
            for walk in path.walks:
                if set(_moves(walk, range(len(walk.steps)))) <= met:
                    continue
                planned = plan(path, self.company, self.pools, walk=walk, ground=self._ground)
                if planned is None:
                    continue
                drawn = self._drafted(planned)
                found += drawn[:1]
                met |= {move for bones in drawn for move in _moves(bones.walk, range(len(walk.steps)))}
        return found

    def _drafted(self, planned: Plan) -> list[Skeleton]:
        """Drafts of a plan in every style; the mixer learns their words where experts gave few."""
        drafts = (worded(planned, self.company, planned.path.id, style) for style in range(STYLES))
        drawn = [bones for one in drafts if (bones := self._bones(replay(one, self.company))) is not None]
        self.mixer.add_few(drawn)
        return drawn

    def _bones(self, one: Replay) -> Skeleton | None:
        if not one.true or one.followed is None:
            return None
        return skeleton(one.trajectory, one.followed, self.mixer.places[one.followed.path.flow])

    @property
    def paths(self) -> list[Path]:
        """The paths of which there is an approved shot."""
        covered = {one.path for one in self.skeletons}
        return [path for path in self.company.all_paths if path.id in covered]

    def make(self, path: Path, count: int) -> Made:
        """`count` dialogues along a path, fewer where they cannot be made; each class once before any twice."""
        made, near, shares = Made(path.id), NearDuplicates(), self.shares
        self._ways = dict(self._first_ways)  # what was made before, here or in another process, decides nothing
        wanted = [kind for kind, share in shares.items() if share > 0]
        n = 0
        able: list[str] = []
        tried = wanted[:count]
        for kind in tried:
            for _ in range(CHANCES):
                n += 1
                if (found := self._one(path, kind, n, made.rejects, near)) is not None:
                    made.kept.append(found[0])
                    made.sketches.append(found[1])
                    able.append(kind)
                    break
        made.impossible = tuple(kind for kind in tried if kind not in able)
        rng = random.Random(f"{self.seed} {path.id} kinds")
        while able and len(made.kept) < count and n < CHANCES * count:
            n += 1
            kind = rng.choices(able, [shares[kind] for kind in able])[0]
            if (found := self._one(path, kind, n, made.rejects, near)) is not None:
                made.kept.append(found[0])
                made.sketches.append(found[1])
        return made

    def instead(self, lost: Trajectory, n: int, near: NearDuplicates, rejects: Rejects) -> Trajectory | None:
        """Another dialogue for one that was too near to one of another path; None when none was found. `n`: a number
        of its own. `near`: what was kept of all paths."""
        path = self.company.paths[lost.flow][lost.path]
        self._ways = dict(self._first_ways)
        for chance in range(CHANCES):
            found = self._one(path, lost.kind, _INSTEAD + n * CHANCES + chance, rejects, near)
            if found is not None:
                return found[0]
        return None

    def _told(self, bones: Skeleton) -> dict[str, Any]:
        """Free texts of which a dialogue's words speak."""
        slots = self.company.flows[bones.flow].slots
        bound = (pair for unit in bones.units for text in unit.texts for pair in text.bound.items())
        return {slot: value for slot, value in bound if slot in slots and not slots[slot].values}

    def _one(
        self, path: Path, kind: str, n: int, rejects: Rejects, near: NearDuplicates
    ) -> tuple[Trajectory, list[int]] | None:
        name = digest([self.id, self.seed, path.id, kind, n])[:16]
        fitting = [bones for bones in bones_of(self.skeletons, path.id) if self.mixer.room(bones, kind)]
        if not fitting:
            return None
        for attempt in range(TRIES):
            rng = random.Random(f"{name} {attempt}")
            try:
                bones = rng.choice(fitting)
                setup = Setup(seed=rng.randrange(WORLDS))
                line = (path.id, *bones.walk.taken)
                way = self._ways.get(line)
                # Words that speak of a value in other words can be used with that value alone.
                fixed = self._told(bones) if rng.random() < OWN_VALUES else {}
                planned = plan(
                    path,
                    self.company,
                    self.pools,
                    rng.randrange(1 << 30),
                    setup,
                    bones.walk,
                    (way,) if way else WAYS,
                    fixed,
                    self._ground,
                )
                if planned is None:
                    rejects.add("no values lead along the path", path.id, kind)
                    continue
                # What led along once does again: a way that never does is not tried every time.
                self._ways[line] = planned.way
                one = self.mixer.mix(bones, planned, kind, rng.choice(PERSONAS), rng, name)
            except (NoWordsError, WorldError) as error:
                rejects.add(str(error), path.id, kind)
                continue
            checked = replay(one, self.company)
            if not checked.true:
                rejects.add(without_values(checked.problems[0].message), path.id, kind, one)
                continue
            sketch = sketch_of(" ".join(turn.text for turn in one.turns))
            if not near.is_new_sketch(sketch):
                rejects.add("near-duplicate", path.id, kind, one)
                continue
            return one, sketch
        return None


def _moves(walk: Walk, done: Container[int]) -> Iterator[tuple[str, str, str]]:
    """(step, label of the exit, next step) between the questions, calls and ends at which the assistant really acts."""
    last = len(walk.steps) - 1
    acts = [n for n, step in enumerate(walk.steps) if n == last or (isinstance(step, Ask | CallTool) and n in done)]
    for before, then in pairwise(acts):
        way = walk.labels[before] or next((walk.labels[k] for k in range(before + 1, then) if walk.labels[k]), "")
        yield walk.steps[before].id, way, walk.steps[then].id


def without_values(reason: str) -> str:
    """A reason without the values in it."""
    return " ".join(word for word in reason.split() if not any(char.isdigit() or char in '{"' for char in word))[:120]
