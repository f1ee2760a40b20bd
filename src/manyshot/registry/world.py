"""The live company as a World, for one customer: what a conversation in the terminal calls.

One rule: a call that needs a yes is not made without one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal
from uuid import uuid4

from manyshot.protocols import LiveTools
from manyshot.records import digest
from manyshot.types import Call, Json, Observation
from manyshot.world.answers import refused

#: Whether somebody, the customer or a person of the desk, agrees to a call.
Agrees = Callable[[Call, Literal["customer", "person"]], bool]


@dataclass(slots=True)
class LiveWorld:
    """Fits protocols.World. Its state is the company's own and stays there, so `state` is empty."""

    tools: LiveTools
    customer: str
    agrees: Agrees
    #: Each call of a talk has a key of its own.
    _talk: str = field(default_factory=lambda: uuid4().hex)
    _nth: count[int] = field(default_factory=count)

    def call(self, call: Call) -> Observation:
        """See protocols.World. Raises WorldError where nobody knows whether the call was carried out."""
        who = self.tools.consent(call)
        if who and not self.agrees(call, who):
            return refused(403, f"the {who} did not agree")
        return self.tools.call(call, customer=self.customer, key=f"{self._talk}-{next(self._nth)}")

    def state(self) -> Mapping[str, Sequence[Json]]:
        return {}

    def digest(self) -> str:
        return digest(self.state())
