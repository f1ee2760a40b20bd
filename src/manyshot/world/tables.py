"""How a table of a made world begins, and the ids of its rows.

One rule: an id is decided by the table, a number and its schema, so that it is thought up once and the same everywhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from zlib import crc32

import rstr

from manyshot.errors import WorldError
from manyshot.oneline import show
from manyshot.schema_fit import misfit
from manyshot.types import Json, Shot
from manyshot.world.families import Family, Role

#: Rows of a table at the beginning, beside those that the experts' examples name.
ROWS = 4
#: The state of a row that nothing closed.
OPEN = "open"
#: Different ids that are thought up for a table.
_IDS = 4096
#: Times that an id is thought up before its schema is taken for one that no id fits.
_TRIES = 200


class Table:
    """How rows of a family begin: those that the experts' examples name, and ids for others."""

    def __init__(self, family: Family, by_tool: Mapping[str, Role], shots: Iterable[Shot], state: str) -> None:
        self.family, self._state = family, state
        key, calls = family.key, [(by_tool[shot.call.name], shot.call.arguments) for shot in shots if shot.call]
        named = [
            told[key]
            for role, told in calls
            if key in told and ((role.family == family and role.key) or (key, family) in role.refers)
        ]
        self._named = tuple({show(one): one for one in named}.values())
        made = [told for role, told in calls if role.family == family and not role.key and role.verb == "make"]
        self._bodies = [without(told, key) for told in made] or [{}]
        self._looked_up = any(role.family == family and (role.key or role.verb == "find") for role in by_tool.values())
        self._id = cache(self._thought_up)

    def rows(self, seed: int) -> list[Json]:
        """Rows that are there at the beginning; none where no tool looks them up."""
        ids = list(self._named) if self._looked_up else []
        for _ in range(ROWS if self._looked_up else 0):
            ids.append(self.new_id(ids, seed))
        bodies = self._bodies
        return [{self.family.key: one, **bodies[n % len(bodies)], self._state: OPEN} for n, one in enumerate(ids)]

    def new_id(self, taken: Sequence[Any], seed: int) -> Any:
        """An id that is not taken."""
        start = crc32(f"{self.family.table} {seed}".encode()) + len(taken)
        for n in range(_IDS):
            if (found := self._id((start + n) % _IDS)) not in taken:
                return found
        raise WorldError(f"all {_IDS} ids for {self.family.table} are taken; write a world.py for more")

    def _thought_up(self, number: int) -> Any:
        """An id that fits its schema, the same for the same number. Raises WorldError where nothing fits."""
        family, chance = self.family, random.Random(f"{self.family.table} {number}")
        for _ in range(_TRIES):
            found = _some_id(family.schema, chance)
            if misfit({"id": found}, {"properties": {"id": family.schema}}) is None:
                return found
        raise WorldError(f"no {family.key} can be thought up that fits {show(family.schema)}; write a world.py")


def without(arguments: Json, key: str) -> Json:
    """The arguments but one."""
    return {name: value for name, value in arguments.items() if name != key}


def _some_id(schema: Json, chance: random.Random) -> Any:
    if schema.get("type") == "integer":
        low = int(schema.get("minimum", 10**5))
        return chance.randint(low, int(schema.get("maximum", max(low, 10**5) * 10)))
    if "pattern" in schema:
        return rstr.Rstr(chance).xeger(schema["pattern"])
    if options := schema.get("enum"):
        return chance.choice(options)
    length = min(max(7, schema.get("minLength", 0)), schema.get("maxLength", 40))
    return "".join(chance.choice("123456789") for _ in range(length))
