"""Which paths have shots, approved shots and generated dialogues: the table that a gate looks at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from manyshot.flow.paths import Path
from manyshot.types import Json

#: Columns of the table, and what a gate can ask for.
Column = Literal["drafted", "approved", "generated"]
COLUMNS: tuple[Column, ...] = ("drafted", "approved", "generated")


@dataclass(frozen=True, slots=True)
class Row:
    """One path. `drafted` counts all shots that follow it, approved or not."""

    path: Path
    drafted: int
    approved: int
    generated: int

    @property
    def row(self) -> Json:
        """As `manyshot shots list --json` prints it."""
        return {"flow": self.path.flow, "path": self.path.id, **{column: self.count(column) for column in COLUMNS}}

    def count(self, column: Column) -> int:
        return int(getattr(self, column))


def coverage(
    paths: Iterable[Path], shots: Mapping[str, str], approved: Iterable[str], generated: Sequence[str]
) -> list[Row]:
    """The table, in the order of the paths.

    Args:
        paths: all paths of the domain.
        shots: id of every shot that is true -> id of its path.
        approved: ids of the shots that may be used.
        generated: ids of the paths of generated dialogues, one each.
    """
    drafted, usable = Counter(shots.values()), Counter(shots[one] for one in approved if one in shots)
    made = Counter(generated)
    return [Row(path, drafted[path.id], usable[path.id], made[path.id]) for path in paths]


def missing(rows: Iterable[Row], column: Column) -> list[str]:
    """Ids of the paths that a gate of this column stops for."""
    return [row.path.id for row in rows if not row.count(column)]


def table(rows: Sequence[Row]) -> str:
    """The table as text, with a last line of how many paths are covered."""
    if not rows:
        return "no paths"
    width = max(len(row.path.id) for row in rows)
    lines = [f"{'path':{width}}  {'drafted':>7}  {'approved':>8}  {'generated':>9}"]
    lines += [f"{r.path.id:{width}}  {r.drafted:>7}  {r.approved:>8}  {r.generated:>9}" for r in rows]
    covered = [sum(bool(row.count(column)) for row in rows) for column in COLUMNS]
    name = f"of {len(rows)} paths"
    lines.append(f"{name:{width}}  {covered[0]:>7}  {covered[1]:>8}  {covered[2]:>9}")
    return "\n".join(lines)
