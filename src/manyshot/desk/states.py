"""The states of a ticket. One rule: whatever is not in `TRANSITIONS` does not happen."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """As stored; what a customer is shown is in `words`."""

    WAITING = "waiting"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    CANCELLED = "cancelled"


#: Assigned to assigned is a visit moved to another time.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.ASSIGNED, State.CANCELLED}),
    State.ASSIGNED: frozenset({State.ASSIGNED, State.IN_PROGRESS, State.CANCELLED}),
    State.IN_PROGRESS: frozenset({State.ASSIGNED, State.DONE, State.CANCELLED}),
    State.DONE: frozenset(),
    State.CANCELLED: frozenset(),
}


def may(now: State, then: State) -> bool:
    return then in TRANSITIONS[now]
