"""Fits what each piece of evidence counts in the choice of a tool (manyshot.choice.Weights) to people's sentences.

    python bench/fit_choice.py corpus [--domains 30] [--seed 3]

Each domain's classifier is fitted to 8 shots a tool; up to 40 of its other calls and 12 sentences that no tool fits are
weighed. Half of the calls are fitted, the other half is measured; the printed weights are those of all. It takes a
minute or two. How much the model counts was measured on its own (docs/log.md).
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

from manyshot import evidence
from manyshot.choice import ToolChoice
from manyshot.data.slots import domain_slots
from manyshot.generalist import read_corpus
from manyshot.types import Domain, Shot

SHOTS, CALLS, NONE = 8, 40, 12


class Call(NamedTuple):
    """A sentence that one tool fits: a row of evidence for each tool, and which it is."""

    rows: np.ndarray
    right: int


def measure(domain: Domain, rng: random.Random) -> tuple[list[Call], list[tuple[bool, list[float]]]]:
    """The evidence in a domain's sentences: of calls, and of whether any tool fits."""
    slots = domain_slots(domain)
    by_tool: dict[str, list[Shot]] = defaultdict(list)
    for shot in domain.shots:
        if shot.call and shot.call.name in slots:
            by_tool[shot.call.name].append(shot)
    for shots in by_tool.values():
        rng.shuffle(shots)
    choice = ToolChoice(slots, [s for ss in by_tool.values() for s in ss[:SHOTS]], domain.context.language, None)
    rest = [s for ss in by_tool.values() for s in ss[SHOTS:]]
    none = [s for s in domain.shots if s.call is None and not s.ask]
    calls, fits = [], []
    for shot in [*rng.sample(rest, min(CALLS, len(rest))), *rng.sample(none, min(NONE, len(none)))]:
        words, readings, likely = (
            choice.words(shot.action),
            evidence.read(slots, shot.action),
            choice.evidence(shot.action),
        )
        if shot.call:
            rows = [[words[n], r.missing, r.strangers, r.named] for n, r in readings.items()]
            calls.append(Call(np.array(rows), list(readings).index(shot.call.name)))
        best = readings[max(slots, key=likely.__getitem__)]
        fits.append((shot.call is None, [1.0, max(words.values()), best.missing, best.filled]))
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
    parser.add_argument("--domains", type=int, default=30)
    parser.add_argument("--seed", type=int, default=3)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    found = list(read_corpus(asked.corpus).domains)
    calls: list[Call] = []
    fits: list[tuple[bool, list[float]]] = []
    for domain in rng.sample(found, min(asked.domains, len(found))):
        more, whether = measure(domain, rng)
        calls, fits = calls + more, fits + whether
    begin, words = np.array([1.0, -1.0, -1.0, 1.0]), np.array([1.0, 0.0, 0.0, 0.0])
    half = minimize(loss, begin, args=(calls[::2],)).x
    for name, weights in (("words alone", words), ("all evidence", half)):
        shares = ", ".join(f"{right(weights, calls[1::2], among):.1%} among {among}" for among in (1, 2, 3))
        print(f"{name:12}  log loss {loss(weights, calls[1::2]):.3f}, right {shares}  ({len(calls[1::2])} calls)")
    print("words, missing, stranger, named:", minimize(loss, begin, args=(calls,)).x.round(2))
    rows, wanted = np.array([row for _, row in fits]), np.array([fit for fit, _ in fits], float)

    def whether_loss(weights: np.ndarray) -> float:
        scores = rows @ weights
        return float((np.logaddexp(0, scores) - wanted * scores).mean() + 1e-4 * weights @ weights)

    print(
        "none, its words, missing, filled:", minimize(whether_loss, np.zeros(4)).x.round(2), f"({len(fits)} sentences)"
    )


if __name__ == "__main__":
    main()
