"""A million requests of one tool: expanded, each validated against the tool's schema, written as JSON lines.

Run: python bench/expand.py [ROWS ...]. Each number of rows is a process of its own, so that its peak memory is its
own; a peak that does not grow from 10,000 to 1,000,000 rows shows that nothing is gathered.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

ROWS = (10_000, 100_000, 1_000_000)
TOOL: dict[str, Any] = {
    "name": "TicketCreate",
    "parameters": {
        "type": "object",
        "properties": {
            "userName": {"type": "string", "minLength": 1},
            "problem": {"type": "string", "minLength": 1},
            "visitTime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d \d\d:\d\d$"},
            "isVIP": {"type": "boolean"},
            "urgency": {"type": "string", "enum": ["low", "normal", "high"]},
        },
        "required": ["userName", "problem", "visitTime", "isVIP"],
        "additionalProperties": False,
    },
}


def factors(rows: int) -> dict[str, list[Any]]:
    """Values of each field; the full product has at least `rows` rows. The optional field is absent as one value."""
    from manyshot.data.combine import ABSENT

    side = 1
    while side * side * 10 * 2 * 4 < rows:
        side += 1
    days = [date(2024, 10, 11) + timedelta(days=n) for n in range(10)]
    return {
        "userName": [f"客户{n:03}" for n in range(side)],
        "problem": [f"故障现象{n:03}" for n in range(side)],
        "visitTime": [f"{day} 15:00" for day in days],
        "isVIP": [True, False],
        "urgency": ["low", "normal", "high", ABSENT],
    }


def requests(rows: int, validate: Callable[[Any], Any]) -> Iterator[dict[str, Any]]:
    """The first `rows` combinations; each is validated before it goes on."""
    from manyshot.data.combine import expand, size

    values = factors(rows)
    for row in islice(expand(values, budget=size(values)), rows):
        validate(row)
        yield {"name": TOOL["name"], "arguments": row}


def measure(rows: int) -> dict[str, float]:
    """Write `rows` rows to a temporary file; figures of this process."""
    import fastjsonschema

    from manyshot.records import write_jsonl

    validate = fastjsonschema.compile(TOOL["parameters"])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "requests.jsonl"
        began = time.perf_counter()
        written = write_jsonl(out, requests(rows, validate))
        seconds = time.perf_counter() - began
        megabytes = out.stat().st_size / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": written, "seconds": seconds, "megabytes": megabytes, "peak": peak}


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
        return
    root = Path(__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": str(root / "src")}
    print("| rows | seconds | rows/s | file MB | peak memory MB |\n|---|---|---|---|---|")
    for rows in [int(word.replace(",", "")) for word in sys.argv[1:]] or ROWS:
        command = [sys.executable, __file__, "--one", str(rows)]
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
        made = json.loads(done.stdout)
        rate = made["rows"] / made["seconds"]
        cells = (
            f"{made['rows']:,}",
            f"{made['seconds']:.1f}",
            f"{rate:,.0f}",
            f"{made['megabytes']:.1f}",
            f"{made['peak']:.1f}",
        )
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
