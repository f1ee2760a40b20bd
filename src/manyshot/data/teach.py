"""The teacher's part of the data: fields and calls go out, values and instructions come back, checked.

One rule: it can be down, slow or talk rubbish; what it should have written is then a counted reject, it is left alone
after a while, and the recombiner fills in.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from manyshot.data.asking import AT_ONCE, Asking
from manyshot.data.compose import Composer, Sentence
from manyshot.data.lessons import Task, fits, judge, task_of
from manyshot.data.pools import Pools
from manyshot.data.slots import Path, Slot, ToolSlots
from manyshot.errors import TeacherError
from manyshot.protocols import Teacher, Wish
from manyshot.records import digest
from manyshot.types import Domain, Json, Language, TeacherConfig
from manyshot.values import Kind

T = TypeVar("T")
Row = tuple[ToolSlots, int, dict[Path, Any]]

STYLES: dict[Language, tuple[str, ...]] = {
    "zh": ("简短，像发消息", "客气，一整句话", "口语，先说缘由", "填表式，逐项列出",
           "同事转述客户的要求", "着急，话不成句"),
    "en": ("terse, as a text message", "polite and complete", "chatty, the reason first", "form-like, item by item",
           "a colleague passing on a customer's wish", "in a hurry, no full sentences"),
}  # fmt: skip
#: Instructions for one call, calls (or fields) in one request.
STYLES_A_CALL, REQUEST = 3, 8
#: Requests in a row of which nothing could be kept, after which the teacher is left alone.
GIVE_UP = 3
#: Values that are wanted for a field of free text.
VALUES = 24
#: Free text that people word in many ways and Faker does not know.
_FREE = (Kind.TEXT, Kind.PROBLEM, Kind.REASON, Kind.NOTE, Kind.TITLE, Kind.PRODUCT, Kind.AREA)


class Counts(Protocol):
    """Where rejects are counted by their reason."""

    def add(self, reason: str, text: str) -> None: ...


class Classroom:
    """One teacher at work for one domain."""

    def __init__(
        self, teacher: Teacher, domain: Domain, composer: Composer, rejects: Counts, seed: int, seconds: float | None
    ) -> None:
        """seconds: how long the teacher may be waited for in all; None for as long as it takes."""
        self._teacher, self._domain, self._composer, self._rejects = teacher, domain, composer, rejects
        self._rng, self._asking = random.Random(seed), Asking(teacher, seed, give_up=GIVE_UP, seconds=seconds)
        self._config = domain.teacher or TeacherConfig(base_url="", model="")
        self._queues: dict[str, deque[tuple[Task, Sentence]]] = {}
        self._sizes: dict[str, int] = {}
        self._told_closed = False
        self._kept: list[str] = []

    @property
    def share(self) -> float:
        """Part of the pairs that the teacher words."""
        return self._config.share

    @property
    def id(self) -> str:
        """Of all that was kept: the same request may be answered otherwise the next time."""
        return digest(self._kept)

    def numbers(self) -> Json:
        """What the teacher cost and whether it was given up."""
        return self._asking.numbers()

    # -- instructions -----------------------------------------------------------------------------

    def sentence(self, kind: str, draw: Callable[[], Row]) -> tuple[Task, Sentence] | None:
        """A checked instruction for one of the calls that `draw` chooses; None when none is to be had.

        Few calls are asked for first and more each time: what is never needed is not paid for.
        """
        queue = self._queues.setdefault(kind, deque())
        if not queue and not self._asking.closed:
            size = self._sizes.get(kind, REQUEST)
            self._sizes[kind] = min(2 * size, REQUEST * AT_ONCE)
            queue.extend(self._worded([task for _ in range(size) if (task := self._task(*draw()))]))
        return queue.popleft() if queue else None

    def _task(self, tool: ToolSlots, row: int, values: dict[Path, Any]) -> Task | None:
        styles = self._config.styles or STYLES[self._domain.context.language]
        styles = tuple(self._rng.sample(styles, min(STYLES_A_CALL, len(styles))))
        shots = [s for s in self._domain.shots if s.call and s.call.name == tool.tool.name]
        task = task_of(tool, row, values, self._composer, shots, styles, self._rng)
        if task is None:
            self._rejects.add("teacher: no words for a value", tool.tool.name)
        return task

    def _worded(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Sentence]]:
        def ask(some: Sequence[Task], seed: int) -> list[list[str]]:
            return self._teacher.instructions([t.lesson for t in some], self._domain.context.language, seed)

        for some, answer in self._ask(tasks, ask):
            good = [found for task, texts in zip(some, answer, strict=False) for found in self._judged(task, texts)]
            self._note(kept=len(good))
            yield from good

    def _judged(self, task: Task, texts: Sequence[str]) -> Iterator[tuple[Task, Sentence]]:
        wanted = len(task.lesson.styles)
        for _ in range(wanted - len(texts)):
            self._rejects.add("teacher: an instruction did not come", task.tool.tool.name)
        for text in texts[:wanted]:
            found = judge(task, text)
            if isinstance(found, str):
                self._rejects.add(found, f"{text} [{task.values}]")
            else:
                self._kept.append(text)
                yield task, found

    # -- values -----------------------------------------------------------------------------------

    def fill(self, pools: Pools, tools: Sequence[ToolSlots]) -> None:
        """Let the teacher think of values for free text that values.yaml does not list."""
        open_fields = [
            (tool, slot) for tool in tools for slot in tool.slots
            if slot.field.kind in _FREE and slot.field.pattern is None and not pools.listed(tool, slot)
        ]  # fmt: skip

        def ask(some: Sequence[tuple[ToolSlots, Slot]], seed: int) -> list[list[str]]:
            wishes = [_wish(tool, slot, pools) for tool, slot in some]
            return self._teacher.values(wishes, self._domain.context.language, seed)

        for some, answer in self._ask(open_fields, ask):
            kept = 0
            for (tool, slot), values in zip(some, answer, strict=False):
                good = self._fitting(tool, slot, values, pools)
                pools.teach(tool, slot, good)
                kept += len(good)
            self._note(kept=kept)

    def _fitting(self, tool: ToolSlots, slot: Slot, values: Sequence[str], pools: Pools) -> list[str]:
        given, good = pools.given(tool, slot), list[str]()
        for value in values[: 2 * VALUES]:
            if fits(slot, value, [*given, *good]):
                good.append(value)
            else:
                self._rejects.add("teacher: a value does not fit its field", f"{tool.tool.name} {slot.name}: {value}")
        self._kept += good
        return good

    # -- asking -----------------------------------------------------------------------------------

    def _ask(
        self, wanted: Sequence[T], request: Callable[[Sequence[T], int], list[list[str]]]
    ) -> Iterator[tuple[Sequence[T], list[list[str]]]]:
        """What was asked with what came, a request at a time, in order; requests without an answer are rejects."""
        parts = [wanted[i : i + REQUEST] for i in range(0, len(wanted), REQUEST)]
        for part, answer in self._asking.ask(parts, request):
            if isinstance(answer, TeacherError):
                for _ in part:
                    self._rejects.add("teacher: no answer", str(answer))
                self._note(kept=0)
            else:
                yield part, answer
        self._tell()

    def _note(self, *, kept: int) -> None:
        self._asking.note(kept=kept)
        self._tell()

    def _tell(self) -> None:
        """Count why the teacher is left alone, once."""
        if self._asking.closed and not self._told_closed:
            self._told_closed = True
            self._rejects.add(f"teacher: {self._asking.closed}", self._config.base_url)


def _wish(tool: ToolSlots, slot: Slot, pools: Pools) -> Wish:
    examples = tuple(str(v) for v in pools.given(tool, slot)[:6])
    return Wish(tool.tool, ".".join(slot.path), examples, VALUES)
