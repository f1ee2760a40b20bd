"""How fast dialogues are made: checked dialogues a second, beside the bare replay of the same dialogues.

    python bench/dialogue_speed.py [DOMAIN] [COUNT] [WORKERS]

Replay makes a dialogue's calls in a fresh world and holds its words against them; each kept dialogue was replayed once,
so no generator that checks can be faster. Seconds are of processor time, of this process and of those it started:
`on N cores` is what as many idle cores make, taken from that. The builder is made once and counts.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from manyshot import multiply
from manyshot.config import find_domain
from manyshot.dialogue.replay import replay
from manyshot.progress import Silent
from manyshot.records import read_jsonl
from manyshot.shotbook import GENERATED, open_book
from manyshot.types import Trajectory
from manyshot.world.opening import opener

CORES = 2


def spent() -> float:
    """Seconds of processor time so far, ended children's too."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main(name: str, count: int, workers: int) -> None:
    folder = find_domain(name)
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "dialogues"
        began, clock = spent(), time.perf_counter()
        multiply.run(folder, out, Silent(), count=count, workers=workers)
        cost, clock = spent() - began, time.perf_counter() - clock
        rows = list(read_jsonl(out / GENERATED, Trajectory))
    company = open_book(folder, partial(opener, trust=True)).company
    began = time.process_time()
    true = sum(replay(one, company).true for one in rows)
    bare = time.process_time() - began
    print(
        f"made    {len(rows):>6} dialogues, {cost:.1f} s of processor, {clock:.1f} s by the clock, {workers} processes"
    )
    print(f"        {len(rows) / cost:>6.0f} a second and core, {len(rows) / cost * CORES:.0f} on {CORES} cores")
    print(f"replay  {true:>6} dialogues true, {bare:.1f} s of processor, {true / bare:.0f} a second and core")
    print(f"ratio   {cost / bare:>6.1f} times the bare replay")


if __name__ == "__main__":
    words = dict(enumerate(sys.argv[1:]))
    main(words.get(0, "ticket_desk"), int(words.get(1, 2400)), int(words.get(2, CORES)))
