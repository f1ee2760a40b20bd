"""What carries out the calls of a conversation: the company's own tools, or a simulated company.

The one rule: a call goes out for the customer of its conversation, with its conversation's key, whatever a model wrote.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import pairwise
from threading import Lock
from typing import Literal, Protocol

from manyshot.protocols import LiveTools, World
from manyshot.types import Call, Observation, Setup, Turn

#: Simulated companies that are kept in memory.
KEPT = 500


def key_of(conversation: str, step: int) -> str:
    """The idempotency key of a conversation's call: the same in every process, and after every restart."""
    return sha256(f"{conversation} {step}".encode()).hexdigest()


class Hands(Protocol):
    """Safe to call from several threads."""

    def call(self, call: Call, *, conversation: str, customer: str, key: str, turns: Sequence[Turn]) -> Observation:
        """Carry out one call. `turns`: the dialogue before it. WorldError as in protocols.LiveTools."""
        ...

    def repeatable(self, call: Call) -> bool: ...

    def consent(self, call: Call) -> Literal["", "customer", "person"]: ...

    def close(self) -> None: ...


class LiveHands:
    """The company's own tools."""

    def __init__(self, tools: LiveTools) -> None:
        self.tools = tools
        self.repeatable, self.consent, self.close = tools.repeatable, tools.consent, tools.close

    def call(self, call: Call, *, conversation: str, customer: str, key: str, turns: Sequence[Turn]) -> Observation:
        """See Hands."""
        _ = conversation, turns
        return self.tools.call(call, customer=customer, key=key)


class SimulatedHands:
    """A simulated company of its own for each conversation, in memory.

    After a restart it is built again from the dialogue: a world is decided by its setup and the calls so far alone, so
    the calls that stand there lead to the same rows. A call that was not answered before the crash left nothing behind.
    """

    def __init__(self, open_world: Callable[[Setup], World]) -> None:
        self._open, self._lock = open_world, Lock()
        self._kept: OrderedDict[str, tuple[World, int]] = OrderedDict()

    def call(self, call: Call, *, conversation: str, customer: str, key: str, turns: Sequence[Turn]) -> Observation:
        """See Hands."""
        _ = customer, key
        made = _made(turns)
        with self._lock:
            world, count = self._kept.pop(conversation, (None, -1))
        if world is None or count != len(made):  # not here, or a call was made that the dialogue does not have
            world = self._open(Setup(seed=int(sha256(conversation.encode()).hexdigest()[:8], 16)))
            for before in made:
                world.call(before)
        answered = world.call(call)
        with self._lock:
            self._kept[conversation] = world, len(made) + 1
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return answered

    def repeatable(self, call: Call) -> bool:
        """See Hands."""
        _ = call
        return True

    def consent(self, call: Call) -> Literal["", "customer", "person"]:
        """See Hands."""
        _ = call
        return ""

    def close(self) -> None:
        self._kept.clear()


def _made(turns: Sequence[Turn]) -> list[Call]:
    """The calls of a dialogue that were answered."""
    return [
        turn.call
        for turn, after in pairwise(turns)
        if turn.call is not None and after.role == "observation" and after.answered is not None
    ]
