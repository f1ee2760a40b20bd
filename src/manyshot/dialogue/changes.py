"""What an episode left behind in a world, and whether that is what was expected.

The one rule: every change must be expected, and everything expected must have changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyshot.oneline import show
from manyshot.protocols import World
from manyshot.types import Json

State = Mapping[str, Sequence[Json]]
#: Sorts of change, as scenarios name them. A row that is cancelled is still there, or it is gone.
SORTS = ("created", "changed", "cancelled")
_TABLE = "table"
_CONTAINS = "contains"


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is not what it was: `after` None when it is gone, `before` None when it is new."""

    table: str
    before: Json | None
    after: Json | None

    @property
    def new_values(self) -> Json:
        """What is new: the whole row, or the fields that differ."""
        if self.after is None or self.before is None:
            return dict(self.after or {})
        return {name: value for name, value in self.after.items() if self.before.get(name) != value}

    def __str__(self) -> str:
        key = next(iter((self.after or self.before or {}).values()), "")
        if self.after is None:
            return f"{self.table}: removed {show(key)}"
        word = "created" if self.before is None else f"changed {show(key)}:"
        return f"{self.table}: {word} " + ", ".join(
            f"{name} = {show(value)}" for name, value in self.new_values.items()
        )


def snapshot(world: World) -> State:
    """The rows of a world as they are now; later calls do not touch them."""
    return {table: [_copied(row) for row in rows] for table, rows in world.state().items()}


def _copied(value: Any) -> Any:
    """A copy of what JSON can hold, without the care that copy.deepcopy takes of everything else."""
    if isinstance(value, dict):
        return {key: _copied(part) if isinstance(part, dict | list) else part for key, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value


def changes(before: State, after: State) -> list[Change]:
    """Rows that differ, by table and key. A row's key is its first field; rows without one are told by all of it."""
    found: list[Change] = []
    for table in dict.fromkeys((*before, *after)):
        if before.get(table, ()) == after.get(table, ()):
            continue
        old, new = (_keyed(state.get(table, ())) for state in (before, after))
        found += [
            Change(table, old.get(key), new.get(key))
            for key in dict.fromkeys((*old, *new))
            if old.get(key) != new.get(key)
        ]
    return found


def _keyed(rows: Sequence[Json]) -> dict[str, Json]:
    keys = [show(next(iter(row.values()), None)) for row in rows]
    if len(set(keys)) < len(keys):
        keys = [f"{n}:{key}" for n, key in enumerate(keys)]
    return dict(zip(keys, rows, strict=True))


def expected_of(found: Sequence[Change]) -> Json:
    """Changes in the form of scenarios, so that they can be looked over and then be held to."""
    out: Json = {}
    for change in found:
        sort = "created" if change.before is None else "cancelled" if change.after is None else "changed"
        shown = dict(change.before or {}) if change.after is None else dict(change.new_values)
        if sort == "changed" and change.after:
            key = next(iter(change.after))
            shown = {key: change.after[key], **shown}
        row = {_TABLE: change.table, **{name: [value] for name, value in shown.items() if value is not None}}
        out.setdefault(sort, []).append(row)
    return out


def unexpected(expected: Json, found: Sequence[Change]) -> Iterator[str]:
    """What was expected and did not come, and what came unexpected; also what cannot be read as expectation."""
    left = list(found)
    for sort, rows in expected.items():
        if sort not in SORTS or not isinstance(rows, list):
            yield f"expected knows {', '.join(SORTS)}, each a list of rows; found {show(sort)}"
            continue
        for row in rows:
            if not isinstance(row, dict) or not isinstance(row.get(_TABLE), str):
                yield f'wanted a row as {{"table": name, field: [allowed, ...]}}, found {show(row)}'
                continue
            fits = next((change for change in left if _is(sort, change) and _meets(row, change)), None)
            if fits is None:
                yield f"expected {sort} {show(row)}, but " + ("; ".join(map(str, left)) or "nothing changed")
            else:
                left.remove(fits)
    for change in left:
        yield f"not expected: {change}"


def _is(sort: str, change: Change) -> bool:
    if sort == "created":
        return change.before is None
    return change.before is not None and (change.after is not None or sort == "cancelled")


def _meets(row: Json, change: Change) -> bool:
    there = change.after if change.after is not None else change.before or {}
    return row[_TABLE] == change.table and all(
        _allowed(wanted, there.get(name)) for name, wanted in row.items() if name != _TABLE
    )


def _allowed(wanted: Any, there: Any) -> bool:
    if isinstance(wanted, dict):
        parts = wanted.get(_CONTAINS, [])
        return all(str(part) in str(there) for part in (parts if isinstance(parts, list) else [parts]))
    return there in wanted if isinstance(wanted, list) else bool(there == wanted)
