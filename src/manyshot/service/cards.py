"""What a conversation has made, as cards, and what it knows so far.

The one rule: no name of a desk's tools or fields stands here. An id that an answer has, and nobody said before, is that
of something new; a later answer with that id is about it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

from manyshot.copying import known
from manyshot.types import Json, Turn

#: Fields of a card at most, and characters of one.
FIELDS, LONGEST = 8, 200


def cards(turns: Sequence[Turn]) -> list[Json]:
    """{id, turn, tool, fields} of each thing that calls made, as it was answered last: at which `turn`."""
    made: dict[str, Json] = {}
    said = ""
    for n, (turn, after) in enumerate(pairwise(turns), 1):
        said += f"{turn.text}\n"
        if turn.call is None or after.answered is None or not after.answered.ok:
            continue
        given, body = turn.call.arguments, after.answered.body
        name = _about(body if isinstance(body, dict) else {}, made, f"{said}{given}")
        if name:
            fields = made.get(name, {"fields": {}})["fields"] | dict(_plain(given)) | dict(_plain(body))
            made[name] = {"id": name, "turn": n, "tool": turn.call.name, "fields": dict(list(fields.items())[:FIELDS])}
    return list(made.values())


def _about(body: Json, made: Collection[str], said: str) -> str:
    """The id of what an answer is about: one that was made here, or a new one; "" for neither."""
    ids = [value for value in body.values() if isinstance(value, str) and value in known((value,))]
    return next((one for one in ids if one in made), "") or next((one for one in ids if one not in said), "")


def _plain(values: Json) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            yield key, value[:LONGEST] if isinstance(value, str) else value


def facts(saved: Json, turns: Sequence[Turn]) -> Json:
    """Slots that are known: where the assistant walks a flow its slots, else what its calls were given."""
    walker = saved.get("walker")
    if walker:
        return {"flow": walker["flow"], **dict(_plain(walker["values"]))}
    found: Json = {}
    for turn in turns:
        if turn.call is not None:
            found |= dict(_plain(turn.call.arguments))
    return found
