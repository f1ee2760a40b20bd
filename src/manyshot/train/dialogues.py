"""Dialogues -> training passes for the thinking model: one prefix, whole dialogues as branches, loss on each thought.

One rule: any beginning of the passes covers the paths as evenly as it can, so that a training that is cut short by its
minutes has seen all of them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence

from manyshot.render import Tokenizer
from manyshot.train.tree import Branch, Pass
from manyshot.transcript import render
from manyshot.types import Trajectory

#: Own tokens of the dialogues of one pass.
PASS_TOKENS = 1600


def passes(
    found: Sequence[Trajectory], prefix: Sequence[int], tokenizer: Tokenizer, *, seed: int, epochs: int = 1
) -> Iterator[Pass]:
    """Passes of about PASS_TOKENS; a longer dialogue is a pass of its own. Dialogues without a thought are left out."""
    rendered = {one.id: render(tokenizer, one.turns) for one in found}
    rng = random.Random(seed)
    for _ in range(epochs):
        branches: list[Branch] = []
        for one in _evenly(found, rng):
            made = rendered[one.id]
            if not any(made.loss):
                continue
            if branches and sum(len(b.ids) for b in branches) + len(made.ids) > PASS_TOKENS:
                yield Pass(prefix, branches)
                branches = []
            branches.append(Branch(made.ids, loss_mask=made.loss, id=one.id))
        if branches:
            yield Pass(prefix, branches)


def _evenly(found: Sequence[Trajectory], rng: random.Random) -> Iterator[Trajectory]:
    """In rounds, one dialogue a path in each, the paths in a new order."""
    by_path: defaultdict[str, list[Trajectory]] = defaultdict(list)
    for one in found:
        by_path[one.path].append(one)
    for rows in by_path.values():
        rng.shuffle(rows)
    while by_path:
        for path in rng.sample(sorted(by_path), len(by_path)):
            yield by_path[path].pop()
            if not by_path[path]:
                del by_path[path]
