"""An event loop in a thread of its own, for calls whose time must end however slowly an answer drips in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as NotDone
from typing import Any, TypeVar

from manyshot.errors import WorldError

T = TypeVar("T")


class Background:
    """Runs coroutines for threads that wait for them."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="manyshot-tools", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], longest: float) -> T:
        """What `work` returns or raises. WorldError after `longest` seconds, and when it was closed."""
        if self.loop.is_closed() or not self._thread.is_alive():
            work.close()
            raise WorldError("the tools are closed")
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(longest)
        except CancelledError:
            raise WorldError("the tools were closed while a call ran") from None
        except NotDone:
            raise WorldError(f"a tool did not come to an end in {longest:.0f} s") from None
        finally:
            future.cancel()

    def close(self) -> None:
        """End what still runs. Closing twice is no fault."""
        if self.loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(_cancel_all(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
