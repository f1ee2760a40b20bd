"""Fits what each sign counts for a choice that no word names outright (manyshot.options.WEIGHTS) to people's sentences.

    python bench/fit_options.py corpus [--seed 3]

Up to 10 calls a tool are read. Measured on domains that were left out, printed for both languages; takes half a minute.
"""

from __future__ import annotations

import argparse
import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from sklearn.model_selection import GroupKFold

from manyshot import evidence
from manyshot.data.slots import domain_slots, get
from manyshot.generalist import read_corpus
from manyshot.options import Options
from manyshot.render import fold
from manyshot.types import Domain, Shot
from manyshot.values import Kind

CALLS, FOLDS, PENALTY = 10, 8, 0.002


class Row(NamedTuple):
    """One choice: the signs of each option, a row each, and which was meant."""

    domain: str
    language: str
    signs: np.ndarray[Any, Any]
    meant: int


def rows_of(domain: Domain, rng: random.Random) -> Iterator[Row]:
    slots, by_tool = domain_slots(domain), defaultdict[str, list[Shot]](list)
    for shot in domain.shots:
        if shot.call and not shot.ask and shot.call.name in slots:
            by_tool[shot.call.name].append(shot)
    options = Options(slots, domain.context.language)
    for name, shots in by_tool.items():
        for shot in rng.sample(shots, min(CALLS, len(shots))):
            assert shot.call is not None
            can = evidence.choices(slots[name], fold(shot.action))
            for slot in slots[name].slots:
                meant = get(shot.call.arguments, slot.path)
                if slot.field.kind is not Kind.ENUM or meant is None or can.get(slot.path):
                    continue
                if signs := options.signs(name, slot.path, shot.action):
                    yield Row(domain.name, domain.context.language, np.array([*signs.values()]), [*signs].index(meant))


def loss(weights: np.ndarray[Any, Any], rows: Sequence[Row]) -> float:
    """Nats a choice, with a small penalty on the weights."""
    nats = [row.signs @ weights for row in rows]
    lost = (math.log(np.exp(n).sum()) - n[row.meant] for n, row in zip(nats, rows, strict=True))
    return math.fsum(lost) / len(rows) + PENALTY * float(weights @ weights)


def fitted(rows: Sequence[Row]) -> np.ndarray[Any, Any]:
    return np.asarray(minimize(loss, np.ones(rows[0].signs.shape[1]), (rows,)).x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--seed", type=int, default=3)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    rows = [row for domain in read_corpus(asked.corpus).domains for row in rows_of(domain, rng)]
    right: dict[str, list[bool]] = defaultdict(list)
    for train, test in GroupKFold(FOLDS).split(rows, groups=[row.domain for row in rows]):
        weights = fitted([rows[i] for i in train])
        for row in (rows[i] for i in test):
            right[row.language].append(int(np.argmax(row.signs @ weights)) == row.meant)
    chance = np.mean([1 / len(row.signs) for row in rows])
    shares = ", ".join(f"{language} {np.mean(found):.0%} of {len(found)}" for language, found in right.items())
    print(f"right: {shares}; chance {chance:.0%}; loss {loss(fitted(rows), rows):.2f}")
    print(f"WEIGHTS = ({', '.join(f'{weight:.2f}' for weight in fitted(rows))})")


if __name__ == "__main__":
    main()
