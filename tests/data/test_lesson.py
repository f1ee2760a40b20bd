"""The lesson's case: 10 names x 8 problems x 6 dates x VIP or not are 960 requests, each said or a counted reject."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyshot.data.build import Builder
from manyshot.data.slots import get
from manyshot.types import Domain
from tests.data.desks import DATES, NAMES, PROBLEMS, lesson


@pytest.fixture
def domain(tmp_path: Path) -> Domain:
    return lesson(tmp_path)


def test_exactly_960_requests(domain: Domain) -> None:
    plan = Builder(domain, 1).plans["TicketCreate"]
    assert [len(v) for v in plan.factors.values()] == [10, 8, 6, 2]
    assert len(plan.rows) == 960
    calls = {tuple(plan.values(row).values()) for row in plan.rows}
    assert calls == {(n, p, d, v) for n in NAMES for p in PROBLEMS for d in DATES for v in (True, False)}


def test_every_request_has_an_instruction_or_a_counted_reject(domain: Domain) -> None:
    builder = Builder(domain, 1)
    plan, tool = builder.plans["TicketCreate"], builder.slots["TicketCreate"]
    before = builder.rejects.reasons.total()
    pairs = [builder.pair_of("plain", tool, plan.values(row)) for row in plan.rows]
    said = [p for p in pairs if p is not None]
    assert len(said) + builder.rejects.reasons.total() - before == 960
    assert len(said) > 0.9 * 960
    for row, pair in zip(plan.rows, pairs, strict=True):
        if pair is None:
            continue
        assert pair.call is not None
        assert {s.path: get(pair.call.arguments, s.path) for s in tool.slots} == plan.values(row)
        assert not pair.ask
    assert len({p.action for p in said}) > 0.99 * len(said)


def test_a_round_of_pairs_meets_every_row_once(domain: Domain) -> None:
    plan = Builder(domain, 2).plans["TicketCreate"]
    assert sorted(plan.next()[0] for _ in range(960)) == list(range(960))
    assert plan.coverage().covered == 0
    for number in range(960):
        plan.kept(number)
    figure = plan.coverage()
    assert figure.covered == figure.possible == 10 * 8 + 10 * 6 + 10 * 2 + 8 * 6 + 8 * 2 + 6 * 2


def test_another_value_makes_it_a_covering_array(domain: Domain) -> None:
    more = domain.model_copy(update={"values": {**domain.values, "userName": [*NAMES, "林一"]}})
    plan = Builder(more, 1).plans["TicketCreate"]
    assert 11 * 8 <= len(plan.rows) < 200
