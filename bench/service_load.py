"""Many conversations at once with the service: errors, our own time a step, memory; and whether all are served alike.

    python bench/service_load.py [--minutes 10] [--conversations 50] [--db URL] [--skip-fairness]

A real desk and the service before it, each a process of its own (tests/service/processes.py), everything but the
thoughts as in `manyshot serve --registry`: the scripted model answers at once, so that all time is ours. A customer
answers one second after a reply, and begins a new conversation after twelve messages. A step is one of think, check,
call, tell; it lasts from the end of the one before, with the checkpoint between them, without the model's and the
desk's time. Ends with 1 when there was an error or the 99th percentile of a step is above 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.service.processes import DeskProgram, desk_program, service_program  # noqa: E402

#: Milliseconds that a step may take at the 99th percentile; seconds between a reply and the customer's answer.
MOST, PAUSE = 50.0, 1.0
#: Messages of one conversation; seconds in which a reply must come; seconds of warming up, which count for nothing.
LENGTH, PATIENCE, WARM = 12, 60.0, 10.0
#: The fixed time of a thought, in seconds, and messages of each conversation, where fairness is measured.
THOUGHT, FAIR = 0.5, 6


@dataclass
class Seen:
    """What the customers saw: seconds from each message to its reply, by customer, and what went wrong."""

    replies: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    talks: int = 0


class Customer:
    """One who talks on and on, over the session API, with a stream of events as the chat page has."""

    def __init__(self, http: httpx.AsyncClient, number: int, says: Callable[[int], str], pause: float, seen: Seen):
        self.http, self.number, self.says, self.pause, self.seen = http, number, says, pause, seen

    async def talk(self, until: float, length: int = LENGTH) -> None:
        """One conversation, ended early when it is time."""
        name = (await self._post("/sessions", {}))["id"]
        self.seen.talks += 1
        async with self.http.stream("GET", f"/sessions/{name}/events") as stream:
            lines = stream.aiter_lines()
            for n in range(length):
                if time.monotonic() >= until:
                    return
                said, began = self.says(n), time.monotonic()
                await self._post(f"/sessions/{name}/messages", {"text": said, "id": str(n)})
                reply = await asyncio.wait_for(self._reply(lines), PATIENCE)
                self.seen.replies[self.number].append(time.monotonic() - began)
                if not reply.startswith(("It is done", "You said")):
                    self.seen.errors.append(f"{said}: {reply[:200]}")
                await asyncio.sleep(self.pause)

    async def run(self, until: float) -> None:
        while time.monotonic() < until:
            try:
                await self.talk(until)
            except (httpx.HTTPError, TimeoutError, AssertionError) as error:
                self.seen.errors.append(repr(error))

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = await self.http.post(path, json=body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:200]}"
        return answer.json()

    async def _reply(self, lines: Any) -> str:
        kind = ""
        async for line in lines:
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: ") and kind == "reply":
                return str(json.loads(line[6:])["text"])
        raise AssertionError("the stream of events ended")


def saying(desk: DeskProgram) -> Callable[[int], str]:
    """What customers say: a look at the calendar, at the knowledge base, a few words, and now and then a ticket."""
    hours = desk.hours()
    random.Random(1).shuffle(hours)
    days = sorted({hour[:10] for hour in hours})

    def says(n: int) -> str:
        if n == 3 and hours:
            order = {"userName": "Ann Lee", "problem": "It trips", "address": "Mill Road", "serveTime": hours.pop()}
            return f"TicketCreate{json.dumps(order)}"
        if n % 3 == 0:
            return f'QueryTechnicianSlots{{"date":"{days[n % len(days)]}"}}'
        if n % 3 == 1:
            return 'SearchSolution{"problem":"the charger trips"}'
        return "Thank you, that helps."

    return says


async def crowd(url: str, customers: Sequence[int], says: Callable[[int], str], seconds: float, seen: Seen) -> None:
    until = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with asyncio.TaskGroup() as group:
        clients = []
        for number, customer in enumerate(customers):
            http = httpx.AsyncClient(
                base_url=url, headers={"X-Customer": str(customer)}, timeout=PATIENCE, limits=limits, trust_env=False,
                verify=False,
            )  # fmt: skip
            clients.append(http)
            group.create_task(Customer(http, number, says, PAUSE, seen).run(until))
            await asyncio.sleep(PAUSE / len(customers))  # they did not all open the page in the same moment
    for http in clients:
        await http.aclose()


def memory(pid: int) -> float:
    """Resident memory in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def processor(pid: int) -> float:
    """Seconds of processor time so far."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / 100


def at(values: Sequence[float], share: float) -> float:
    """The value below which a share of them lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def spread(values: Sequence[float]) -> str:
    """Milliseconds of seconds."""
    found = [f"p{100 * share:g} {1000 * at(values, share):8.1f}" for share in (0.5, 0.95, 0.99)]
    return f"{'  '.join(found)}  most {1000 * max(values, default=0):8.1f} ms   ({len(values)})"


def load(folder: Path, minutes: float, conversations: int, db: str) -> bool:
    """Whether all was as it must be."""
    seen, times = Seen(), folder / "times.json"
    with desk_program(folder) as desk:
        with service_program(folder, desk, db, times=str(times)) as service:
            customers = [desk.customers[n % len(desk.customers)] for n in range(conversations)]
            says = saying(desk)
            asyncio.run(crowd(service.url, customers[:2], says, WARM, Seen()))
            before, spent, began = memory(service.pid), processor(service.pid), time.time()
            asyncio.run(crowd(service.url, customers, says, 60 * minutes, seen))
            after, spent, lasted = memory(service.pid), processor(service.pid) - spent, time.time() - began
            service.end(signal.SIGTERM)
        double = desk.double()
        messages = [row for row in json.loads(times.read_text()) if row["taken"] >= began]
    steps = [seconds for row in messages for _, seconds in row["steps"]]
    by_name: dict[str, list[float]] = defaultdict(list)
    for row in messages:
        for name, seconds in row["steps"]:
            by_name[name].append(seconds)
    replies = [seconds for found in seen.replies.values() for seconds in found]
    rate, share = len(replies) / lasted, spent / lasted
    print(f"{conversations} conversations at once for {lasted:.0f} s: {len(replies)} replies, {rate:.1f}/s")
    print(f"errors               {len(seen.errors)}")
    for error in seen.errors[:10]:
        print(f"    {error}")
    print(f"slots booked twice   {len(double)}")
    print(f"a step, ours         {spread(steps)}")
    for name in by_name:
        print(f"  {name:18} {spread(by_name[name])}")
    ours = [row["seconds"] - row["model"] - sum(row["tools"]) for row in messages]
    print(f"a message, ours      {spread(ours)}")
    print(f"a call, with desk    {spread([seconds for row in messages for seconds in row['tools']])}")
    print(f"message to reply     {spread(replies)}")
    each = 1000 * spent / max(1, len(steps))
    print(f"processor            {100 * share:.0f}% of a core; {each:.1f} ms a step, with all that HTTP takes")
    print(f"memory               {before:.0f} MB at the start, {after:.0f} MB at the end")
    return not seen.errors and not double and 1000 * at(steps, 0.99) < MOST


async def served(url: str, customer: int, count: int) -> Seen:
    """`count` conversations at once, each with FAIR messages without a pause."""
    seen = Seen()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            http = httpx.AsyncClient(
                base_url=url, headers={"X-Customer": str(customer)}, timeout=PATIENCE, trust_env=False, verify=False
            )
            one = Customer(http, number, lambda n: f"message {n}", 0.0, seen)
            group.create_task(one.talk(float("inf"), FAIR))
    return seen


def fairness(folder: Path, db: str) -> None:
    """How much slower each of several is served than one alone, by a model that takes a fixed time."""
    with desk_program(folder) as desk:
        for at_once, what in ((0, "each by itself"), (1, "one after the other")):
            with service_program(folder, desk, db, seconds=THOUGHT, at_once=at_once) as service:
                alone = asyncio.run(served(service.url, desk.customers[0], 1)).replies[0]
                one = sum(alone) / len(alone)
                for count in (8, 16):
                    replies = asyncio.run(served(service.url, desk.customers[0], count)).replies.values()
                    means = sorted(sum(found) / len(found) / one for found in replies)
                    worst = max(max(found) for found in replies) / one
                    print(
                        f"model of {THOUGHT:g} s, {what}: {count} at once wait {means[0]:.2f} to {means[-1]:.2f} times "
                        f"as long as one alone ({one:.2f} s), the longest single wait {worst:.2f} times"
                    )


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("--minutes", type=float, default=10.0)
    read.add_argument("--conversations", type=int, default=50)
    read.add_argument("--db", default="", help="conversations; a file in a temporary folder without it")
    read.add_argument("--skip-fairness", action="store_true")
    args = read.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = load(Path(folder), args.minutes, args.conversations, args.db)
    if not args.skip_fairness:
        with tempfile.TemporaryDirectory() as folder:
            fairness(Path(folder), args.db)
    sys.exit(not good)


if __name__ == "__main__":
    main()
