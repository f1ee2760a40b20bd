"""Fits what each piece of evidence counts in the choice of a tool (manyshot.choice.Weights) to people's sentences.

    python bench/fit_choice.py corpus [--domains 65] [--seed 3]

Each domain's classifier is fitted to 8 shots a tool and to 0, 3, 5 or 8 sentences that no tool fits; up to 40 of its
other calls, 6 of its questions back and 12 other sentences that no tool fits are weighed. Half of the calls are fitted,
the other half is measured; whether any tool fits is measured on domains that were left out. The printed weights are
those of all. It takes a minute or two. How much the model counts was measured on its own (docs/log.md).
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from manyshot import evidence
from manyshot.choice import NoneSigns, ToolChoice
from manyshot.data.slots import domain_slots
from manyshot.generalist import read_corpus
from manyshot.types import Domain, Shot

SHOTS, CALLS, ASKS, NONE, FOLDS = 8, 40, 6, 12, 8
#: Sentences that no tool fits among the shots, by turns: domains have none or several.
NONE_SHOTS = (0, 3, 5, 8)


class Call(NamedTuple):
    """A sentence that one tool fits: a row of evidence for each tool, and which it is."""

    rows: np.ndarray
    right: int


class Fits(NamedTuple):
    """Whether no tool fits a sentence, and what it shows of that; `domain` is a number."""

    none: bool
    signs: NoneSigns
    domain: int


def measure(domain: Domain, number: int, rng: random.Random) -> tuple[list[Call], list[Fits]]:
    """The evidence in a domain's sentences: of calls, and of whether any tool fits."""
    slots = domain_slots(domain)
    by_tool: dict[str, list[Shot]] = defaultdict(list)
    for shot in domain.shots:
        if shot.call and shot.call.name in slots:
            by_tool[shot.call.name].append(shot)
    none = [s for s in domain.shots if s.call is None and not s.ask]
    asks = [s for s in domain.shots if s.ask]
    for shots in (*by_tool.values(), none, asks):
        rng.shuffle(shots)
    shown = NONE_SHOTS[number % len(NONE_SHOTS)]
    known = [*(s for ss in by_tool.values() for s in ss[:SHOTS]), *none[:shown]]
    choice = ToolChoice(slots, known, domain.context.language, None)
    rest = [s for ss in by_tool.values() for s in ss[SHOTS:]]
    calls, fits = [], []
    for shot in [*rng.sample(rest, min(CALLS, len(rest))), *none[shown:][:NONE], *asks[:ASKS]]:
        if shot.call and not shot.ask:
            words, readings = choice.words(shot.action), evidence.read(slots, shot.action)
            rows = [[words[n], r.missing, r.strangers, r.named] for n, r in readings.items()]
            calls.append(Call(np.array(rows), list(readings).index(shot.call.name)))
        fits.append(Fits(shot.call is None and not shot.ask, choice.none_signs(shot.action), number))
    return calls, fits


def loss(weights: np.ndarray, calls: Sequence[Call]) -> float:
    """Mean log loss of a conditional logit over the tools."""
    scores = [call.rows @ weights for call in calls]
    return float(np.mean([np.logaddexp.reduce(s) - s[c.right] for s, c in zip(scores, calls, strict=True)]))


def right(weights: np.ndarray, calls: Sequence[Call], among: int = 1) -> float:
    return float(np.mean([c.right in np.argsort(-(c.rows @ weights))[:among] for c in calls]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--domains", type=int, default=65)
    parser.add_argument("--seed", type=int, default=3)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    found = list(read_corpus(asked.corpus).domains)
    calls: list[Call] = []
    fits: list[Fits] = []
    for number, domain in enumerate(rng.sample(found, min(asked.domains, len(found)))):
        more, whether = measure(domain, number, rng)
        calls, fits = calls + more, fits + whether
    begin, words = np.array([1.0, -1.0, -1.0, 1.0]), np.array([1.0, 0.0, 0.0, 0.0])
    half = minimize(loss, begin, args=(calls[::2],)).x
    for name, weights in (("words alone", words), ("all evidence", half)):
        shares = ", ".join(f"{right(weights, calls[1::2], among):.1%} among {among}" for among in (1, 2, 3))
        print(f"{name:12}  log loss {loss(weights, calls[1::2]):.3f}, right {shares}  ({len(calls[1::2])} calls)")
    print("words, missing, stranger, named:", minimize(loss, begin, args=(calls,)).x.round(2))
    signs, none = np.array([f.signs for f in fits], float), np.array([f.none for f in fits])
    fit = LogisticRegression(C=3, max_iter=500)
    folds = GroupKFold(FOLDS)
    sure = cross_val_predict(fit, signs, none, groups=[f.domain for f in fits], cv=folds, method="predict_proba")[:, 1]
    always = log_loss(none, np.full(len(none), none.mean()))
    print(f"no tool: log loss {always:.3f} -> {log_loss(none, sure):.3f}, AUC {roc_auc_score(none, sure):.3f}", end=" ")
    print(f"({len(fits)} sentences)")
    fit.fit(signs, none)
    print("none:", fit.intercept_.round(2), dict(zip(NoneSigns._fields, fit.coef_[0].round(2).tolist(), strict=True)))


if __name__ == "__main__":
    main()
