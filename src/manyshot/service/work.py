"""Workers that take conversations on, one step of fairness at a time.

The one rule: first come, first served, by conversation. A conversation is done by one worker at a time; when it was
served once it stands at the end again, so one with many messages holds up nobody.

Many workers wait for models and tools at the same time; what is our own they do few at a time (Room).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Thread

from manyshot.service.telemetry import Telemetry

#: Seconds before what failed is tried again, at first and at most.
FIRST, LAST = 0.2, 10.0


class Room:
    """Lets few threads work at a time. More would only take turns at the interpreter, and be slower all together.

    Who comes back from waiting elsewhere goes before who is new: what was begun is ended first.
    """

    def __init__(self, size: int = 2) -> None:
        self._changed, self._free, self._returning = Condition(), size, 0

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Around the work of a thread."""
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0 and not self._returning)
            self._free -= 1
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Around waiting for something else, inside."""
        self._leave()
        try:
            yield
        finally:
            with self._changed:
                self._returning += 1
                self._changed.wait_for(lambda: self._free > 0)
                self._returning -= 1
                self._free -= 1
                self._changed.notify_all()

    def _leave(self) -> None:
        with self._changed:
            self._free += 1
            self._changed.notify_all()


class Workers:
    """Threads that call `work(conversation)` until it says that there is nothing to do.

    What raises is tried again, later and later: work goes on from its last step.
    """

    def __init__(self, work: Callable[[str], bool], telemetry: Telemetry, count: int = 8) -> None:
        self._work, self._telemetry = work, telemetry
        self._changed = Condition()
        self._line: deque[str] = deque()
        #: Where they stand: in the line, or with a worker; True when more came meanwhile.
        self._known: dict[str, bool] = {}
        self._later: dict[str, tuple[float, float]] = {}
        self._open = True
        self._threads = [Thread(target=self._run, name=f"worker-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, name: str) -> None:
        """There is, or may be, something to do in a conversation."""
        with self._changed:
            if name in self._known:
                self._known[name] = True
                return
            self._known[name] = False
            self._line.append(name)
            self._telemetry.waiting(len(self._line))
            self._changed.notify()

    def _run(self) -> None:
        while (name := self._take()) is not None:
            more, wait = False, 0.0
            try:
                more = self._work(name)
            except Exception as error:  # the database, mostly; what was begun is gone on with
                self._telemetry.fault("work", error)
                self._telemetry.tried_again()
                wait = FIRST
            self._give_back(name, more=more, wait=wait)

    def _take(self) -> str | None:
        with self._changed:
            while self._open:
                now = time.monotonic()
                for name in [name for name, (due, _) in self._later.items() if due <= now]:
                    self._later[name] = (float("inf"), self._later[name][1])
                    self._line.append(name)
                if self._line:
                    name = self._line.popleft()
                    self._known[name] = False
                    self._telemetry.waiting(len(self._line))
                    return name
                due = min((due for due, _ in self._later.values()), default=float("inf"))
                self._changed.wait(None if due == float("inf") else max(0.0, due - now))
            return None

    def _give_back(self, name: str, *, more: bool, wait: float) -> None:
        with self._changed:
            _, before = self._later.pop(name, (0.0, 0.0))
            if wait:
                wait = min(LAST, max(wait, 2 * before))
                self._later[name] = (time.monotonic() + wait, wait)
            elif more or self._known[name]:
                self._line.append(name)
            else:
                del self._known[name]
            self._changed.notify()

    def close(self, patience: float = 10.0) -> None:
        """Let running steps end, for so many seconds; what is left is gone on with when the service starts again."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        until = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
