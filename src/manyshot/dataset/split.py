"""Training rows and test rows. One rule: on which side a record is, its group and the seed alone decide, so the same
group is on the same side in every set, whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from manyshot.dataset.wording import group_of, unit_of
from manyshot.records import digest
from manyshot.types import NO_TOOL, CallPair, Trajectory

#: held_in: wordings of paths (or tools) that are trained on. held_out: paths (or tools) that are not.
Side = Literal["train", "held_in", "held_out"]
_TOP = 16**16


def chance(seed: int, name: str) -> float:
    """A number from 0 to below 1 that depends on nothing but these two."""
    return int(digest([seed, name]), 16) / _TOP


def side(
    one: Trajectory | CallPair,
    *,
    groups: float = 0.0,
    units: float = 0.0,
    held_out: Collection[str] = (),
    seed: int = 0,
) -> Side:
    """groups, units: share of wordings, and of paths (or tools), for tests. held_out: these paths or tools besides."""
    unit = unit_of(one)
    # what no tool fits is no tool: it is held out only where somebody asks for it
    if unit in held_out or (unit != NO_TOOL and chance(seed, f"unit {unit}") < units):
        return "held_out"
    return "held_in" if chance(seed, f"group {group_of(one)}") < groups else "train"
