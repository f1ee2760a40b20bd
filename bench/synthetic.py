"""Synthetic passes of the shape of function-call training: a shared prefix, own tokens, loss on the last of them."""

from __future__ import annotations

import random

from manyshot.train.tree import Branch, Pass


def synthetic_pass(number: int, batch: int, vocab: int, prefix: int = 473, own: int = 81, loss: int = 47) -> Pass:
    """Pass `number` of `batch` samples: own lengths vary by a fifth around `own`, loss on their ends."""
    shared = random.Random(0)
    rng = random.Random(number + 1)
    ids = [shared.randrange(10, vocab) for _ in range(prefix)]
    branches = []
    for _ in range(batch):
        length = rng.randint(own - own // 5, own + own // 5)
        tokens = [rng.randrange(10, vocab) for _ in range(length)]
        branches.append(Branch(tokens, loss_from=length - round(length * loss / own)))
    return Pass(ids, branches)
