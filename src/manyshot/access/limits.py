"""How fast somebody may ask: token buckets, in memory.

One rule: who asks too fast is told how long to wait, and costs nothing more. Each process counts for itself: with n
processes n times the rate. The number of buckets is bounded; the one that was not used for longest is forgotten.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple


class Rate(NamedTuple):
    """So many requests a second in the long run, and so many at once."""

    second: float
    burst: int


class Limiter:
    """Buckets of one kind, by whom they belong to. Safe to use from several threads."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic, most: int = 100_000) -> None:
        self.rate, self._clock, self._most = rate, clock, most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, who: str) -> float:
        """Take one request out of the bucket: 0.0 when it may be made, else the seconds to wait."""
        return self._draw(who, 1.0)

    def wait(self, who: str) -> float:
        """The seconds until one may be taken; takes none."""
        return self._draw(who, 0.0)

    def _draw(self, who: str, taken: float) -> float:
        now = self._clock()
        with self._lock:
            left, at = self._buckets.pop(who, (float(self.rate.burst), now))
            left = min(float(self.rate.burst), left + (now - at) * self.rate.second)
            short = 1.0 - left
            if short <= 0:
                left -= taken
            self._buckets[who] = (left, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        return max(0.0, short / self.rate.second)


class Proxies:
    """The networks whose X-Forwarded-For is believed."""

    def __init__(self, networks: tuple[str, ...] = ()) -> None:
        """Raises ValueError for what is no network."""
        self._networks = [ipaddress.ip_network(one, strict=False) for one in networks]

    def address(self, peer: str, forwarded: str) -> str:
        """Who asks: the peer, or where that is a proxy, the last of those it names that is none.

        What stands before it in the header was said by somebody who is not believed. Of IPv6 the network of 64 bits
        counts: whoever has one address has them all.
        """
        hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()][-20:]
        found = peer
        while hops and self._trusted(found):
            hop = hops.pop()
            if _ip(hop) is None:
                break
            found = hop
        return _network(found)

    def _trusted(self, text: str) -> bool:
        address = _ip(text)
        return address is not None and any(address in network for network in self._networks)


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None) or address


def _network(text: str) -> str:
    address = _ip(text)
    if address is None:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)).network_address)
    return str(address)
