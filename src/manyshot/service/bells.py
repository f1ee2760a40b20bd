"""Who waits for something to happen in a conversation is called when it did: nobody has to look again and again.

The one rule: a bell rings after what it rings for is in the database.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

Bell = Callable[[], None]


class Bells:
    """Of one process, which suffices: one service works with a database. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._bells: dict[str, set[Bell]] = {}

    def listen(self, name: str, bell: Bell) -> Callable[[], None]:
        """Have `bell` called whenever something happened in a conversation; returns what ends that."""
        with self._lock:
            self._bells.setdefault(name, set()).add(bell)

        def end() -> None:
            with self._lock:
                own = self._bells.get(name, set())
                own.discard(bell)
                if not own:
                    self._bells.pop(name, None)

        return end

    def ring(self, name: str) -> None:
        with self._lock:
            bells = list(self._bells.get(name, ()))
        for bell in bells:
            bell()
