"""What a person sees while a run goes on. One rule: a bar in a terminal, a line every 20 seconds anywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

#: Seconds between two lines where there is no terminal.
EVERY = 20.0


class Bar(Protocol):
    """One piece of work under way."""

    def update(self, done: float, note: str = "") -> None:
        """done: share 0..1; note: a few words beside it."""
        ...


class Screen(Protocol):
    """Where a run tells what it does."""

    def say(self, text: str) -> None: ...

    def bar(self, name: str) -> AbstractContextManager[Bar]: ...


class Silent:
    """Says nothing: for tests and for use as a library."""

    def say(self, text: str) -> None:
        pass

    @contextmanager
    def bar(self, name: str) -> Iterator[Bar]:  # noqa: ARG002
        yield _Nothing()


class _Nothing:
    def update(self, done: float, note: str = "") -> None:
        pass


class Terminal:
    """Writes to a rich console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def bar(self, name: str) -> Iterator[Bar]:
        if not self._console.is_terminal:
            yield _Lines(self._console, name)
            return
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = ("{task.description}", BarColumn(bar_width=20), "{task.percentage:>3.0f}%", "{task.fields[note]}")
        with Progress(
            *(TextColumn(c, markup=False) if isinstance(c, str) else c for c in columns),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        ) as progress:
            yield _Drawn(progress, progress.add_task(f"  {name}", total=1.0, note=""))


class _Drawn:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def update(self, done: float, note: str = "") -> None:
        self._progress.update(self._task, completed=done, note=note)


class _Lines:
    def __init__(self, console: Console, name: str) -> None:
        self._console, self._name = console, name
        self._began = self._last = time.monotonic()

    def update(self, done: float, note: str = "") -> None:
        now = time.monotonic()
        if now - self._last < EVERY:
            return
        self._last = now
        spent = now - self._began
        left = f", {spent * (1 - done) / done:.0f} s left" if done > 0 else ""
        text = f"  {self._name} {done:.0%} {note} ({spent:.0f} s{left})"
        self._console.print("  " + " ".join(text.split()), markup=False, highlight=False, soft_wrap=True)
