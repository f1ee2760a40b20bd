"""Work on a Ray cluster: the one of RAY_ADDRESS, or one of this machine's that ends with the work.

The one rule: a task may be run again anywhere, so it must give the same each time; a lost worker then loses nothing.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from manyshot.errors import DataError

# Ray reads it when it is imported; nobody was asked whether use may be reported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
try:
    import ray
except ModuleNotFoundError:
    raise DataError("--engine ray needs Ray, which is not installed: pip install 'manyshot[ray]'") from None

ADDRESS = "RAY_ADDRESS"
#: Times a task is given to another worker when its own is lost.
RETRIES = 5
#: Bytes for objects in a cluster of our own: tasks return little; Ray takes a third of the memory by default.
OBJECTS = 100_000_000
#: Seconds until a cluster has to answer.
KNOCK = 10.0


class RayTasks:
    """The `map` of an executor, in the order in which tasks are finished."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once

    def map(self, make: Callable[[str], str], items: Iterable[str]) -> Iterator[str]:
        """Raises what `make` raises, and DataError when workers are lost again and again."""

        def task(item: str) -> str:
            return make(item)

        remote = ray.remote(max_retries=RETRIES)(task)
        waiting = iter(items)
        under_way = [remote.remote(item) for item in islice(waiting, self._at_once)]
        try:
            while under_way:
                done, under_way = ray.wait(under_way)
                under_way += [remote.remote(item) for item in islice(waiting, len(done))]
                yield from ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            said = str(error).strip().splitlines()[0]
            raise DataError(f"Ray lost workers {RETRIES} times: {said}; give the command again, it goes on") from None


def _knock(address: str) -> None:
    """Raises OSError where nothing listens: Ray itself would wait for minutes and heed no signal meanwhile."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK).close()


@contextmanager
def ray_tasks(at_once: int) -> Iterator[RayTasks]:
    """Raises DataError where RAY_ADDRESS names no cluster that answers."""
    address = os.environ.get(ADDRESS) or "local"
    own = {"num_cpus": at_once, "object_store_memory": OBJECTS, "include_dashboard": False}
    try:
        _knock(address)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **(own if address == "local" else {}))
    except (OSError, ValueError) as error:
        said = str(error).strip().splitlines()[0]
        raise DataError(
            f"{ADDRESS} is {address}, and no Ray cluster answers there: {said}; start one, or unset it"
        ) from None
    try:
        yield RayTasks(at_once)
    finally:
        ray.shutdown()
