"""A path -> checked dialogues along it, of every class that has room there.

The one rule: what is made for a path depends on the domain, the seed, the path and the count alone, so paths can be
made in any order, in any process, and again after a kill.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from manyshot.data.dialogues.detours import PERSONAS, SHARES
from manyshot.data.dialogues.mix import Mixer, NoWordsError, bones_of
from manyshot.data.dialogues.places import Places
from manyshot.data.dialogues.units import Skeleton, skeleton
from manyshot.data.variety import NearDuplicates
from manyshot.dialogue.company import Company
from manyshot.dialogue.draft import STYLES, worded
from manyshot.dialogue.plan import WAYS, Ground, Pools, Way, plan
from manyshot.dialogue.replay import Replay, replay
from manyshot.errors import WorldError
from manyshot.flow.paths import Path
from manyshot.records import digest
from manyshot.types import Domain, Setup, Trajectory

#: Tries of one dialogue with other values before it is given up.
TRIES = 4
#: Chances of a class to find room on a path, and of all dialogues of a path beside their number.
CHANCES = 3
#: Part of the dialogues that keep the free texts of the expert's, which other words of it speak of.
OWN_VALUES = 0.5
#: Worlds that differ in what they are filled with.
WORLDS = 40


@dataclass(slots=True)
class Made:
    """What came of one path."""

    path: str
    kept: list[Trajectory] = field(default_factory=list)
    #: Reason -> how often.
    rejects: Counter[str] = field(default_factory=Counter)
    #: Reason -> the first dialogue that was rejected for it, where there was one.
    examples: dict[str, Trajectory] = field(default_factory=dict)
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
    ) -> None:
        """`shots` replay true. `inputs`: hash of what the domain gives, part of every record's id."""
        self.shares = dict(shares)
        self.company, self.pools, self.seed, self.id = company, pools, seed, inputs
        places = {name: Places(flow, company) for name, flow in company.flows.items()}
        self.mixer = Mixer(company, places)
        self.skeletons = [bones for one in shots if (bones := self._bones(one)) is not None]
        self.mixer.add(self.skeletons)
        self._ground = Ground(company)
        found = (plan(path, company, pools, ground=self._ground) for path in self.paths)
        planned = [one for one in found if one is not None]
        self._ways: dict[str, Way] = {one.path.id: one.way for one in planned}
        drafts = [worded(found, company, found.path.id, style) for style in range(STYLES) for found in planned]
        self.mixer.add_few([bones for one in drafts if (bones := self._bones(replay(one, company))) is not None])

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
        wanted = [kind for kind, share in shares.items() if share > 0]
        n = 0
        able: list[str] = []
        tried = wanted[:count]
        for kind in tried:
            for _ in range(CHANCES):
                n += 1
                if (one := self._one(path, kind, n, made, near)) is not None:
                    made.kept.append(one)
                    able.append(kind)
                    break
        made.impossible = tuple(kind for kind in tried if kind not in able)
        rng = random.Random(f"{self.seed} {path.id} kinds")
        while able and len(made.kept) < count and n < CHANCES * count:
            n += 1
            kind = rng.choices(able, [shares[kind] for kind in able])[0]
            if (one := self._one(path, kind, n, made, near)) is not None:
                made.kept.append(one)
        return made

    def _told(self, bones: Skeleton) -> dict[str, Any]:
        """Free texts of which a dialogue's words speak."""
        slots = self.company.flows[bones.flow].slots
        bound = (pair for unit in bones.units for text in unit.texts for pair in text.bound.items())
        return {slot: value for slot, value in bound if slot in slots and not slots[slot].values}

    def _one(self, path: Path, kind: str, n: int, made: Made, near: NearDuplicates) -> Trajectory | None:
        name = digest([self.id, self.seed, path.id, kind, n])[:16]
        fitting = [bones for bones in bones_of(self.skeletons, path.id) if self.mixer.room(bones, kind)]
        if not fitting:
            return None
        for attempt in range(TRIES):
            rng = random.Random(f"{name} {attempt}")
            try:
                bones = rng.choice(fitting)
                setup = Setup(seed=rng.randrange(WORLDS))
                way = self._ways.get(path.id)
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
                    made.rejects["no values lead along the path"] += 1
                    continue
                # What led along once does again: a way that never does is not tried every time.
                self._ways[path.id] = planned.way
                one = self.mixer.mix(bones, planned, kind, rng.choice(PERSONAS), rng, name)
            except (NoWordsError, WorldError) as error:
                made.rejects[str(error)] += 1
                continue
            checked = replay(one, self.company)
            if not checked.true:
                reason = checked.problems[0].message
                made.rejects[_kind_of(reason)] += 1
                made.examples.setdefault(_kind_of(reason), one)
                continue
            if not near.is_new(" ".join(turn.text for turn in one.turns)):
                made.rejects["near-duplicate"] += 1
                continue
            return one
        return None


def _kind_of(reason: str) -> str:
    """A reason without the values in it."""
    return " ".join(word for word in reason.split() if not any(char.isdigit() or char in '{"' for char in word))[:120]
