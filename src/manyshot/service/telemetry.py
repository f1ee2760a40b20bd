"""Metrics for Prometheus, traces for OpenTelemetry, and the log.

The one rule: what is counted, traced and logged is what was done and how long it took; never a customer's words, a
value or a name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from hashlib import sha256
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from manyshot.desk.guard import Log

_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Telemetry:
    """Of one service. Safe to use from several threads."""

    def __init__(self, log: Log | None = None) -> None:
        self.log = log or Log()
        self.registry = CollectorRegistry()
        self._steps = Histogram(
            "manyshot_step_seconds", "A step of a conversation, writing it down left out", ["step"],
            buckets=_STEPS, registry=self.registry,
        )  # fmt: skip
        self._messages = Histogram(
            "manyshot_message_seconds", "From a message to the assistant's answer", buckets=_STEPS,
            registry=self.registry,
        )  # fmt: skip
        self._calls = Counter("manyshot_calls", "Calls of tools", ["tool", "status"], registry=self.registry)
        self._handed = Counter("manyshot_handoffs", "Conversations handed to a person", registry=self.registry)
        self._faults = Counter("manyshot_faults", "What broke, by place", ["place"], registry=self.registry)
        self._tries = Counter("manyshot_tries_again", "Steps that were begun again", registry=self.registry)
        self._queue = Gauge("manyshot_queue", "Conversations that wait for a worker", registry=self.registry)
        self._states = Gauge("manyshot_conversations", "Conversations", ["state"], registry=self.registry)
        self._thumbs = Gauge("manyshot_thumbs", "Replies that customers rated", ["thumb"], registry=self.registry)
        self._tracer: Any = None

    def trace(self, tracer: Any) -> None:
        """Trace with an OpenTelemetry tracer from now on."""
        self._tracer = tracer

    @contextmanager
    def step(self, name: str, conversation: str) -> Iterator[None]:
        """Around one step. A conversation is told from others in traces, but its id opens nothing."""
        began = time.perf_counter()
        mark = sha256(conversation.encode()).hexdigest()[:16]
        with self._span(f"step {name}", {"manyshot.conversation": mark}):
            try:
                yield
            finally:
                self._steps.labels(name).observe(time.perf_counter() - began)

    @contextmanager
    def calling(self, tool: str) -> Iterator[Callable[[int], None]]:
        """Around one call; the status is told when there is one, else it counts as lost."""
        told = ["lost"]
        with self._span(f"call {tool}", {"manyshot.tool": tool}):
            try:
                yield lambda status: told.__setitem__(0, str(status))
            finally:
                self._calls.labels(tool, told[0]).inc()

    def _span(self, name: str, about: dict[str, str]) -> Any:
        if self._tracer is None:
            return nullcontext()
        return self._tracer.start_as_current_span(name, attributes=about, record_exception=False)

    def answered(self, seconds: float) -> None:
        self._messages.observe(seconds)

    def handed_over(self) -> None:
        self._handed.inc()

    def tried_again(self) -> None:
        self._tries.inc()

    def waiting(self, count: int) -> None:
        self._queue.set(count)

    def fault(self, place: str, error: BaseException) -> None:
        """Something broke; the log says where in our code, and not what the message was: it may hold what was said."""
        from manyshot.desk.guard import where

        self._faults.labels(place).inc()
        self.log.write("fault", place=place, error=type(error).__name__, where=where(error))

    def page(self, states: dict[str, int], thumbs: dict[str, int]) -> bytes:
        """What Prometheus reads. states: of conversations; thumbs: "up" and "down"; both with how many there are."""
        for thumb in ("up", "down"):
            self._thumbs.labels(thumb).set(thumbs.get(thumb, 0))
        for state in ("open", "queue", "person", "closed"):
            self._states.labels(state).set(states.get(state, 0))
        return generate_latest(self.registry)
