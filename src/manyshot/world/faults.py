"""A world in which some calls go wrong. One rule: an injected fault changes nothing in the world behind it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from manyshot.protocols import World
from manyshot.types import Call, CallFault, Json, Observation
from manyshot.world.answers import refused

#: What a call gets that is answered with garbage; all of it was sent with status 200 by real gateways.
_GARBAGE = (
    "<html><head><title>504 Gateway Time-out</title></head></html>",
    "None",
    "\x00\x1f\x8b\x08",
    '{"data": {"items": [',
    "undefined",
    "lorem ipsum dolor sit amet",
)


class MarkedWorld(World, Protocol):
    """A world that knows which of its tools only read; an empty answer is a reading that found nothing."""

    def reads(self, name: str) -> bool:
        """Whether a tool changes nothing."""
        ...


class FaultyWorld:
    """`world` with faults: the nth call of a tool (from 1) is answered as its fault says."""

    def __init__(self, world: MarkedWorld, faults: Sequence[CallFault], seed: int = 0) -> None:
        self._world, self._seed = world, seed
        self._faults = {(fault.call, fault.nth): fault.kind for fault in faults}
        self._made = Counter[str]()

    def call(self, call: Call) -> Observation:
        self._made[call.name] += 1
        nth = self._made[call.name]
        kind = self._faults.get((call.name, nth))
        if kind is None:
            return self._world.call(call)
        if kind == "timeout":
            return Observation(status=0)
        if kind == "error":
            return refused(503, "the service is not available")
        if kind == "refused":
            field = next(iter(call.arguments), "")
            return refused(422, f"{field or 'the call'} was not accepted", field)
        if kind == "garbage":
            return Observation(body=random.Random(f"{self._seed} {call.name} {nth}").choice(_GARBAGE))
        return self._emptied(call)

    def reads(self, name: str) -> bool:
        return self._world.reads(name)

    def state(self) -> Mapping[str, Sequence[Json]]:
        return self._world.state()

    def digest(self) -> str:
        return self._world.digest()

    def _emptied(self, call: Call) -> Observation:
        """The answer with nothing found in it. What would change something is not carried out: it is answered {}."""
        if not self._world.reads(call.name):
            return Observation(body={})
        answered = self._world.call(call)
        return answered.model_copy(update={"body": _empty(answered.body)}) if answered.ok else answered


def _empty(body: Any) -> Any:
    if isinstance(body, dict):
        return {key: [] if isinstance(value, list) else None for key, value in body.items()}
    return [] if isinstance(body, list) else None
