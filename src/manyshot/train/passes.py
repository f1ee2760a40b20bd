"""Pairs -> training passes: one selection and order of the tools a pass, shared by all its samples.

Most passes show the domain's own list as it is at inference. Others shuffle it, leave tools out (their pairs then have
no tool that fits) or add foreign ones, so that the model reads the list instead of knowing it by heart.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyshot.render import Tokenizer, Values, prefix_ids, sample
from manyshot.train.tree import Branch, Pass
from manyshot.types import NO_TOOL, Call, CallPair, Language, Tool

#: How often each kind of list is shown.
LISTS: Mapping[str, float] = {"own": 0.79, "shuffled": 0.07, "cut": 0.07, "foreign": 0.07}


@dataclass(frozen=True, slots=True)
class Lists:
    """The tools a domain has, and those of other desks that may stand among them."""

    own: tuple[Tool, ...]
    foreign: tuple[Tool, ...]
    reject: str | None
    language: Language


def passes(
    pairs: Sequence[CallPair],
    lists: Lists,
    tokenizer: Tokenizer,
    *,
    batch: int,
    values: Values,
    seed: int,
    epochs: int = 1,
    kinds: Mapping[str, float] = LISTS,
) -> Iterator[Pass]:
    """Batches of pairs in a seeded order, each under one list of tools; `kinds`: shares of the kinds of lists."""
    rng = random.Random(seed)
    for _ in range(epochs):
        order = list(pairs)
        rng.shuffle(order)
        for start in range(0, len(order), batch):
            tools = _list(lists, kinds, rng)
            names = {t.name for t in tools}
            prefix = prefix_ids(tokenizer, tools, lists.language)
            chosen = order[start : start + batch]
            yield Pass(prefix, [_branch(p, names, lists.reject, tokenizer, values) for p in chosen])


def _branch(pair: CallPair, names: set[str], reject: str | None, tokenizer: Tokenizer, values: Values) -> Branch:
    call, surfaces = pair.call, pair.surfaces
    if call is not None and call.name not in names:
        call, surfaces = (Call(name=reject) if reject in names and reject else None), {}
    made = sample(tokenizer, pair.action, call, surfaces, pair.history, values)
    return Branch(made.ids, made.loss_from, id=pair.id)


def _list(lists: Lists, kinds: Mapping[str, float], rng: random.Random) -> list[Tool]:
    kind = rng.choices(list(kinds), list(kinds.values()))[0]
    tools: list[Tool] = list(lists.own)
    if kind == "own":
        return tools
    if kind == "cut":
        gone = set(rng.sample(range(len(tools)), max(1, len(tools) // 5)))
        tools = [t for i, t in enumerate(tools) if i not in gone or t.name == lists.reject]
    if kind == "foreign" and lists.foreign:
        names = {t.name for t in tools} | {NO_TOOL}
        strangers: list[Any] = [t for t in lists.foreign if t.name not in names]
        tools += rng.sample(strangers, min(len(strangers), rng.randint(1, 3)))
    rng.shuffle(tools)
    return tools
