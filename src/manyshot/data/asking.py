"""Requests to a teacher, some at once: as many as it bears, as long as it is worth it.

The one rule: a request without an answer is data, not a crash. It goes back as its error, and after too many of which
nothing could be kept, or when time or the teacher's budget is up, the teacher is left alone, and why is told once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from manyshot.errors import BudgetError, TeacherError
from manyshot.protocols import Teacher
from manyshot.types import Json

T = TypeVar("T")
A = TypeVar("A")
#: Requests at once to begin with, and at most.
AT_ONCE, MOST = 4, 16


class Asking:
    """One teacher that is asked. `closed`: why it is left alone, as soon as it is."""

    def __init__(
        self,
        teacher: Teacher,
        seed: int,
        *,
        give_up: int,
        seconds: float | None = None,
        most: int = AT_ONCE,
    ) -> None:
        """give_up: requests in a row of which nothing could be kept, after which the teacher is left alone. seconds:
        how long it may be waited for in all; None for as long as it takes."""
        self.teacher, self.closed = teacher, ""
        self._seed, self._give_up, self._seconds = seed, give_up, seconds
        self._at_once, self._most = min(AT_ONCE, most), most
        self._waited = 0.0
        self._requests = self._failed = 0

    def numbers(self) -> Json:
        """What the teacher cost, and whether it was given up."""
        used = self.teacher.usage
        cost = {
            "calls": used.calls,
            "retries": used.retries,
            "tokens_in": used.tokens_in,
            "tokens_out": used.tokens_out,
        }
        return {**cost, "seconds": round(self._waited, 1), "given_up": bool(self.closed)}

    def ask(self, parts: Sequence[T], request: Callable[[T, int], A]) -> Iterator[tuple[T, A | TeacherError]]:
        """What was asked with what came, in order, until the teacher is left alone."""
        done = 0
        while done < len(parts) and not self.closed:
            some = parts[done : done + self._at_once]
            done += len(some)
            seeds = [self._seed + self._requests + n for n in range(len(some))]
            self._requests += len(some)
            used = self.teacher.usage
            began, tries = time.perf_counter(), used.retries
            with ThreadPoolExecutor(len(some)) as pool:
                answers = list(pool.map(_tried(request), some, seeds))
            self._waited += time.perf_counter() - began
            # Half as many at once where calls had to be made again, one more where none had to.
            self._at_once = min(self._at_once + 1, self._most) if used.retries == tries else max(1, self._at_once // 2)
            for part, answer in zip(some, answers, strict=True):
                if isinstance(answer, BudgetError):
                    self.close(str(answer))
                else:
                    yield part, answer
            if self._seconds is not None and self._waited > self._seconds:
                self.close("its time was up")

    def note(self, *, kept: int) -> None:
        """How much of an answer could be kept."""
        self._failed = 0 if kept else self._failed + 1
        if self._failed == self._give_up:
            self.close(f"given up after {self._give_up} requests without anything to keep")

    def close(self, why: str) -> None:
        """Leave the teacher alone."""
        self.closed = self.closed or why


def _tried(request: Callable[[T, int], A]) -> Callable[[T, int], Any]:
    """`request` that returns its TeacherError, so that it does not take the answers beside it along."""

    def tried(part: T, seed: int) -> A | TeacherError:
        try:
            return request(part, seed)
        except TeacherError as error:
            return error

    return tried
