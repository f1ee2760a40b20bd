"""Generated pairs of every domain of the tree: sound, fair in their shares, the same for a seed, blind to tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from manyshot.data.build import SHARES, Builder
from manyshot.data.slots import get, resolve
from manyshot.records import line
from manyshot.render import fold
from manyshot.spec.load import load_domain, load_tests
from manyshot.types import CallPair, Domain
from manyshot.values import Kind
from tests.data.desks import FOLDERS, ROOT, leaves, plain

COUNT = 300
every_domain = pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)


@cache
def made(folder: Path, seed: int = 1, count: int = COUNT) -> tuple[Builder, tuple[CallPair, ...]]:
    builder = Builder(load_domain(folder), seed)
    return builder, tuple(builder.pairs(count))


@every_domain
def test_every_value_reads_back_from_words_of_the_action(folder: Path) -> None:
    builder, pairs = made(folder)
    assert len(pairs) == COUNT
    for pair in pairs:
        if pair.call is None:
            assert not pair.surfaces
            continue
        tool = builder.slots[pair.call.name]
        for slot in tool.slots:
            value, surface = get(pair.call.arguments, slot.path), get(pair.surfaces, slot.path)
            if surface is None:
                # Nobody said it: then it is absent, or what a default fills in.
                assert value is None or builder.defaults[pair.call.name].get(slot.path) == value, pair
                continue
            if slot.field.kind in (Kind.BOOLEAN, Kind.ENUM):
                assert surface == value, pair
                continue
            assert resolve(slot, surface) == value, pair
            chosen = {v for item in slot.items for v in item.field.values}
            for words in leaves(surface):
                assert words in chosen or not isinstance(words, str) or (words and words in fold(pair.action)), pair


@every_domain
def test_every_call_fits_its_schema_but_for_what_is_asked(folder: Path) -> None:
    builder, pairs = made(folder)
    schemas = {t.name: Draft202012Validator(t.parameters) for t in builder.domain.tools}
    for pair in pairs:
        if pair.call is None:
            continue
        faults = list(schemas[pair.call.name].iter_errors(pair.call.arguments))
        unsaid = {s.name for s in builder.slots[pair.call.name].slots if s.path in builder.defaults[pair.call.name]}
        for fault in faults:
            missing = fault.validator == "required" and any(f"'{n}'" in fault.message for n in {*pair.ask, *unsaid})
            assert missing or (fault.validator == "required" and pair.ask), (fault.message, pair)


@every_domain
def test_ask_pairs_name_exactly_what_is_missing(folder: Path) -> None:
    builder, pairs = made(folder)
    for pair in pairs:
        if pair.call is None or pair.kind == "shot":
            continue
        defaults = builder.defaults[pair.call.name]
        missing = tuple(
            s.name
            for s in builder.slots[pair.call.name].required
            if s.path not in defaults and get(pair.call.arguments, s.path) is None
        )
        assert pair.ask == missing, pair
        assert (pair.kind == "ask") == bool(missing), pair


@every_domain
def test_classes_come_by_their_shares(folder: Path) -> None:
    builder, pairs = made(folder, 3, 600)
    kinds = Counter(p.kind for p in pairs)
    shares = {**SHARES, **builder.domain.shares}
    whole = sum(shares.values())
    assert set(kinds) == {k for k, v in shares.items() if v}
    for kind, share in shares.items():
        assert abs(kinds[kind] / 600 - share / whole) < 0.07, kinds


@every_domain
def test_no_test_action_is_ever_generated(folder: Path) -> None:
    def bare(text: str) -> str:
        return re.sub(r"\W+", "", text.lower())

    tests = {bare(t.action) for t in load_tests(folder)}
    assert tests
    pairs = [p for seed, count in ((1, COUNT), (3, 600)) for p in made(folder, seed, count)[1]]
    assert not [p.action for p in pairs if bare(p.action) in tests]


@every_domain
def test_pairs_are_distinct_and_name_group_and_shots(folder: Path) -> None:
    builder, pairs = made(folder)
    assert len({p.id for p in pairs}) == len(pairs)
    known = {s.id for s in builder.domain.shots}
    for pair in pairs:
        assert set(pair.shots) <= known
        assert pair.call is None or pair.group.startswith(f"{pair.call.name}/")
        assert pair.action == pair.action.strip()
        assert "\n" not in pair.action
        assert not re.search(r"\{[vnxyl]\}", pair.action), pair.action


@every_domain
def test_refused_pairs_show_another_call_of_the_same_tool(folder: Path) -> None:
    refused = [p for p in made(folder, 3, 600)[1] if p.history]
    assert refused
    for pair in refused:
        assert pair.call is not None
        assert pair.history[0].call.name == pair.call.name
        assert pair.history[0].call.arguments != pair.call.arguments
        assert pair.history[0].error


@every_domain
def test_weights_and_shares_of_the_domain_count(folder: Path) -> None:
    domain = load_domain(folder)
    first = domain.shots[0].call
    assert first is not None
    weights = {t.name: 1.0 if t.name == first.name else 0.001 for t in domain.tools}
    shares = dict.fromkeys(SHARES, 0.0) | {"plain": 1.0}
    pairs = list(Builder(domain.model_copy(update={"weights": weights, "shares": shares}), 1).pairs(60))
    assert {p.kind for p in pairs} == {"plain"}
    assert Counter(p.call.name for p in pairs if p.call)[first.name] > 50


@every_domain
def test_held_out_tools_are_never_called(folder: Path) -> None:
    domain = load_domain(folder)
    builder = Builder(domain, 1)
    out = frozenset(t.tool.name for t in builder.callable[:2])
    held = Builder(domain, 1, held_out=out)
    shots = {s.id for s in domain.shots if s.call and s.call.name in out}
    pairs = list(held.pairs(COUNT))
    assert len(pairs) == COUNT
    assert not [p for p in pairs if p.call and p.call.name in out]
    assert not [p for p in pairs if set(p.shots) & shots]
    assert not out & set(held.plans)


SCRIPT = """
import hashlib, sys
from pathlib import Path
from manyshot.data.build import Builder
from manyshot.records import line
from manyshot.spec.load import load_domain
text = "".join(line(p) for p in Builder(load_domain(Path(sys.argv[1])), 5).pairs(80))
print(hashlib.sha256(text.encode()).hexdigest())
"""


@pytest.mark.parametrize("folder", [f for f in FOLDERS if f.name in ("drone", "hotel_desk")], ids=lambda f: f.name)
def test_same_seed_same_bytes_in_any_process(folder: Path) -> None:
    def run(salt: str) -> str:
        env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": salt}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(folder)], env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert len(run("1")) == 64
    assert run("1") == run("2")


def test_another_seed_gives_other_pairs(tmp_path: Path) -> None:
    domain = plain(tmp_path)

    def text(seed: int) -> list[str]:
        return [line(p) for p in Builder(domain, seed).pairs(60)]

    assert text(1) == text(1)
    assert len(set(text(1)) & set(text(2))) < 30


def test_the_tests_of_a_domain_are_not_read(tmp_path: Path) -> None:
    domain: Domain = plain(tmp_path)
    (domain.folder / "tests").mkdir()
    before = [line(p) for p in Builder(domain, 1).pairs(40)]
    (domain.folder / "tests" / "calls.jsonl").write_text("not even JSON\n")
    assert [line(p) for p in Builder(load_domain(domain.folder), 1).pairs(40)] == before
