"""Nobody gets in: every try fails, and would have worked with right papers. Prints the table as docs/access.md has it:

python -m pytest tests/access/test_tries.py -s -k table
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.access.tries import Grounds, Mechanism, every_mechanism

MECHANISMS = every_mechanism()
DOCS = Path(__file__).parents[2] / "docs" / "access.md"
MADE: Counter[str] = Counter()
GOT_IN: Counter[str] = Counter()
CASES = [
    pytest.param(mechanism, name, id=f"{mechanism.name}: {name}".encode("ascii", "backslashreplace").decode())
    for mechanism in MECHANISMS
    for name in mechanism.tries
]


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda one: one.name)
def test_with_right_papers_it_works(mechanism: Mechanism, grounds: Grounds) -> None:
    assert mechanism.control(grounds)


@pytest.mark.parametrize(("mechanism", "name"), CASES)
def test_nobody_gets_in(mechanism: Mechanism, name: str, grounds: Grounds) -> None:
    got_in = mechanism.tries[name](grounds)
    MADE[mechanism.name] += 1
    GOT_IN[mechanism.name] += got_in
    assert not got_in


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda one: one.name)
def test_it_works_still_afterwards(mechanism: Mechanism, grounds: Grounds) -> None:
    assert mechanism.control(grounds)


def test_there_are_enough() -> None:
    assert len(MECHANISMS) >= 40
    assert all(len(one.tries) >= 5 for one in MECHANISMS)
    assert sum(len(one.tries) for one in MECHANISMS) >= 300
    assert len({one.name for one in MECHANISMS}) == len(MECHANISMS)


def test_the_table_in_the_docs_is_this_one() -> None:
    rows = [f"| {one.name} | {len(one.tries)} | {GOT_IN[one.name]} |" for one in MECHANISMS]
    total = sum(len(one.tries) for one in MECHANISMS)
    table = "\n".join([*rows, f"| **{len(MECHANISMS)} mechanisms** | **{total}** | **{sum(GOT_IN.values())}** |"])
    print(f"\n{table}\n\nmade in this run: {sum(MADE.values())}")  # noqa: T201
    assert table in DOCS.read_text("utf-8")
