"""How fast simulated companies are: episodes and calls a second, one process.

    python bench/world_speed.py [DOMAIN]

An episode opens a world, makes the calls that the domain's shots name (eight of them), and hashes what is left.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from manyshot.config import find_domain
from manyshot.protocols import World
from manyshot.spec.load import load_domain, load_flows
from manyshot.types import Call, Setup
from manyshot.world.made import MadeCompany
from manyshot.world.opening import opener

CALLS, SECONDS = 8, 3.0


def episodes(open_world: Callable[[Setup], World], calls: list[Call], fresh_seeds: bool) -> float:
    """Episodes a second of processor time."""
    count, start = 0, time.process_time()
    while time.process_time() - start < SECONDS:
        world = open_world(Setup(seed=count if fresh_seeds else 0))
        first = count * CALLS % len(calls)
        for call in (calls * 2)[first : first + CALLS]:
            world.call(call)
        world.digest()
        count += 1
    return count / (time.process_time() - start)


def main(name: str) -> None:
    folder = find_domain(name)
    domain, flows = load_domain(folder), load_flows(folder)
    calls = [shot.call for shot in domain.shots if shot.call and not shot.ask]
    for label, open_world in (("as shipped", opener(domain, flows)), ("made", MadeCompany(domain, flows).open)):
        for fresh_seeds in (False, True):
            found = episodes(open_world, calls, fresh_seeds)
            seeds = "a seed each" if fresh_seeds else "one seed"
            print(f"{label:<11}{seeds:<12}{found:>8,.0f} episodes/s {found * CALLS:>9,.0f} calls/s")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "ticket_desk")
