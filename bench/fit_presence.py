"""Fits what each sign counts for whether a field is given (manyshot.presence.WEIGHTS) to people's sentences.

    python bench/fit_presence.py corpus [--seed 3]

Each domain's classifiers are fitted to 8 shots a tool; up to 10 of its other calls and 6 of its questions back are
read. Measured on domains that were left out, printed for all. It takes a minute or two.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold, cross_val_predict

from manyshot import evidence
from manyshot.data.slots import domain_slots, get
from manyshot.generalist import read_corpus
from manyshot.presence import Presence, Signs
from manyshot.render import fold
from manyshot.types import Domain, Shot

SHOTS, CALLS, ASKS, FOLDS = 8, 10, 6, 8


class Row(NamedTuple):
    """One field of which code is not sure, in one sentence."""

    domain: str
    group: str
    signs: Signs
    given: bool


def rows_of(domain: Domain, rng: random.Random) -> Iterator[Row]:
    slots, by_tool, asks = domain_slots(domain), defaultdict[str, list[Shot]](list), defaultdict[str, list[Shot]](list)
    for shot in domain.shots:
        if shot.call and shot.call.name in slots:
            (asks if shot.ask else by_tool)[shot.call.name].append(shot)
    for shots in by_tool.values():
        rng.shuffle(shots)
    known = [shot for shots in by_tool.values() for shot in shots[:SHOTS]]
    presence = Presence(slots, known, domain.context.language)
    for name, tool in slots.items():
        names = evidence.names(tool)
        for shot in [*by_tool[name][SHOTS:][:CALLS], *asks[name][:ASKS]]:
            action = fold(shot.action)
            can = evidence.choices(tool, action)
            stated = evidence.called(names, action) | evidence.chosen(tool, can)
            signs = presence.signs(name, action)
            for key in presence.open_to(name, can, stated):
                given = shot.call is not None and get(shot.call.arguments, (key,)) is not None
                if given or key in shot.ask or not tool.slot((key,)).required:
                    yield Row(domain.name, presence.group(name, key), signs[key], given)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--seed", type=int, default=3)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    groups: dict[str, list[Row]] = defaultdict(list)
    for domain in read_corpus(asked.corpus).domains:
        for row in rows_of(domain, rng):
            groups[row.group].append(row)
    fit = LogisticRegression(max_iter=500)
    for group, rows in sorted(groups.items()):
        signs, given = np.array([r.signs for r in rows]), np.array([r.given for r in rows])
        if len({row.domain for row in rows}) < FOLDS or len(set(given)) < 2:
            print(f"    # {len(rows)} times, given {given.mean():.0%}: too few to fit {group}")
            continue
        folds = GroupKFold(FOLDS)
        found = cross_val_predict(fit, signs, given, groups=[r.domain for r in rows], cv=folds, method="predict_proba")[
            :, 1
        ]
        often = given.mean()
        fit.fit(signs, given)
        print(
            f"    # {len(rows)} times, given {often:.0%}; right {max(often, 1 - often):.0%} -> "
            f"{np.mean((found > 0.5) == given):.0%}, log loss {log_loss(given, [often] * len(rows)):.2f} -> "
            f"{log_loss(given, found):.2f}\n"
            f'    "{group}": ({", ".join(f"{w:.2f}" for w in (*fit.intercept_, *fit.coef_[0]))}),'
        )


if __name__ == "__main__":
    main()
