"""[[rules]] and strength of domain.toml: held by all combinations, and wrong ones named with their line."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from manyshot.data.build import Builder
from manyshot.data.plan import Plan
from manyshot.errors import SpecError
from manyshot.spec.load import load_domain
from manyshot.types import Domain
from tests.spec.desk import TOML, Desk

RULE = '[[rules]]\ntool = "Book"\nif = {area = "terrace"}\nthen = {guests = [2, 4]}\n'
VALUES = "guests: [1, 2, 3, 4, 5, 6]\n"


def _plan(desk: Desk, toml: str, budget: int) -> tuple[Plan, Domain]:
    desk.write("domain.toml", toml)
    desk.write("values.yaml", VALUES)
    domain = load_domain(desk.folder)
    builder = Builder(domain, 0)
    tool = builder.slots["Book"]
    return Plan(tool, builder.pools, random.Random(0), budget, strength=domain.strength, rules=domain.rules), domain


@pytest.mark.parametrize("budget", [5, 4000])
def test_all_combinations_keep_the_rules(tmp_path: Path, budget: int) -> None:
    plan, _ = _plan(Desk(tmp_path), TOML + RULE, budget)
    seen = [plan.next()[1] for _ in range(3 * len(plan.rows))]
    on_terrace = {values.get(("guests",)) for values in seen if values.get(("area",)) == "terrace"}
    assert on_terrace
    assert on_terrace <= {2, 4}
    assert {values.get(("guests",)) for values in seen if values.get(("area",)) != "terrace"} == {1, 2, 3, 4, 5, 6}


def test_a_rule_can_leave_a_field_out(tmp_path: Path) -> None:
    rule = '[[rules]]\ntool = "Book"\nif = {guests = [5, 6]}\nthen = {area = ""}\n'
    plan, _ = _plan(Desk(tmp_path), TOML + rule, 4000)
    seen = [plan.next()[1] for _ in range(len(plan.rows))]
    assert all(("area",) not in values for values in seen if values[("guests",)] in (5, 6))
    assert any(("area",) in values for values in seen)


def test_strength_is_what_the_coverage_counts(tmp_path: Path) -> None:
    pairs, _ = _plan(Desk(tmp_path), TOML, 5)
    triples, domain = _plan(Desk(tmp_path), f"strength = 3\n{TOML}", 5)
    assert domain.strength == triples.coverage().strength == 3
    assert triples.coverage().possible > pairs.coverage().possible
    assert len(triples.rows) > len(pairs.rows)


def test_domains_without_them_dump_as_before(tmp_path: Path) -> None:
    _, domain = _plan(Desk(tmp_path), TOML, 5)
    assert not {"rules", "strength"} & domain.model_dump().keys()


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (RULE.replace("Book", "Bok"), 'domain.toml:4: unknown tool "Bok" in a rule; did you mean "Book"?'),
        (RULE.replace("{area", "{aera"), 'domain.toml:4: Book has no field "aera"'),
        (RULE.replace("terrace", "garden"), 'domain.toml:4: Book.area cannot be "garden"'),
        (RULE.replace("[2, 4]", '""'), "domain.toml:4: Book.guests is required"),
        (RULE.replace("then", "than"), 'domain.toml:4: unknown key "than" in a rule'),
        (RULE.replace('{area = "terrace"}', '"terrace"'), "domain.toml:4: wanted if as {field = value}"),
        (RULE + RULE.replace("Book", "Bok"), "domain.toml:8: unknown tool"),
    ],
)
def test_wrong_rules_are_named_with_their_line(tmp_path: Path, toml: str, said: str) -> None:
    desk = Desk(tmp_path)
    desk.write("domain.toml", TOML + toml)
    with pytest.raises(SpecError) as caught:
        load_domain(tmp_path)
    assert said in str(caught.value)


@pytest.mark.parametrize("value", ["0", "7", "2.5", '"two"', "true"])
def test_strengths_that_cannot_be(tmp_path: Path, value: str) -> None:
    desk = Desk(tmp_path)
    desk.write("domain.toml", f"strength = {value}\n{TOML}")
    with pytest.raises(SpecError, match="strength"):
        load_domain(tmp_path)
