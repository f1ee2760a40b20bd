"""How often a login may fail. One rule: a try is counted before it is made, so that tries at once are as many.

Counted are a name from one address, a name from anywhere, and an address. From one address the owner of a name waits
soon; others must fail often before the owner is kept out from everywhere. Failures are forgotten after FORGOTTEN
seconds without another, and for a name from an address when its password was right.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import sessionmaker

from manyshot.access.tables import Failure
from manyshot.desk.database import reading

FORGOTTEN = 60 * 60
#: Failures that cost nothing: of a name from one address, of a name, of an address.
FREE = {"pair": 5, "name": 50, "address": 30}
#: Each further one doubles the wait, in seconds, up to this.
MOST = 15 * 60


class Blocked(Exception):
    """Too many failures lately; `seconds` to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} s")
        self.seconds = seconds


class Throttle:
    def __init__(self, engine: Engine, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._begin = sessionmaker(engine).begin
        self._look = sessionmaker(reading(engine)).begin
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def count(self, name: str, address: str) -> None:
        """Count a try. Raises Blocked, and then it does not count: who waits long enough may try."""
        now, keys = self._clock(), _keys(name, address)
        with self._begin() as session:
            session.execute(delete(Failure).where(Failure.last_at <= now - FORGOTTEN))
            # Written first: whoever else counts the same waits here, and reads what stands there then.
            rows = [{"who": key, "count": 0, "last_at": now} for key in sorted(keys)]
            session.execute(self._insert(Failure).on_conflict_do_nothing(), rows)
            locked = select(Failure).where(Failure.who.in_(keys)).order_by(Failure.who).with_for_update()
            found = list(session.scalars(locked))
            waits = [one.last_at + _wait(one.count, FREE[keys[one.who]]) - now for one in found if one.count]
            if (longest := max(waits, default=0)) > 0:
                raise Blocked(longest)
            for one in found:
                one.count, one.last_at = one.count + 1, now

    def forget(self, name: str, address: str) -> None:
        """A try was right: it counts no more, and the name's failures from this address neither."""
        with self._begin() as session:
            for key, kind in sorted(_keys(name, address).items()):
                one = session.get(Failure, key, with_for_update=True)
                if one is not None:
                    one.count = 0 if kind == "pair" else max(0, one.count - 1)


def _wait(count: int, free: int) -> int:
    """Seconds after the last of so many failures."""
    return 0 if count < free else min(MOST, 2 ** min(20, count - free + 1))


def _keys(name: str, address: str) -> dict[str, str]:
    """Hashes of what is counted -> its kind."""
    parts = {"pair": (name, address), "name": (name,), "address": (address,)}
    return {
        sha256("\0".join((kind, *of)).encode("utf-8", "surrogatepass")).hexdigest(): kind for kind, of in parts.items()
    }
