"""How varied a data set is. One rule: figures are of the whole set, so that a second copy anywhere is seen.

Similarity is Jaccard's, of character 3-grams with digits folded, as where pairs are generated (`data.variety`).
"""

from __future__ import annotations

import random
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from manyshot.data.variety import NEAR, NearDuplicates, grams
from manyshot.dataset.wording import wordings
from manyshot.types import Role, Trajectory

#: Texts whose nearest others are looked for; all are looked at.
SAMPLE = 500
#: Rows of the similarity matrix at once.
_CHUNK = 50


class Near(NamedTuple):
    """Two places in a data set, from 0, with like texts."""

    first: int
    second: int
    similarity: float


class Seen:
    """Texts that were kept, asked for near ones. MinHash finds them, their exact similarity decides."""

    def __init__(self) -> None:
        self._sketches = NearDuplicates()
        self._texts: list[str] = []

    def keep(self, text: str) -> None:
        self._sketches.keep(text)
        self._texts.append(text)

    def near(self, text: str) -> tuple[int, float] | None:
        """(number in order of keeping from 0, similarity) of the likest text from NEAR on; None where there is none."""
        found = [(_jaccard(text, self._texts[n]), -n) for n in self._sketches.near(text)]
        similarity, number = max(found, default=(0.0, 0))
        return (-number, similarity) if similarity >= NEAR else None


def near_duplicates(texts: Iterable[str]) -> list[Near]:
    """Texts that are near an earlier one, each with the likest earlier one that is not itself a duplicate."""
    seen = Seen()
    places: list[int] = []
    found: list[Near] = []
    for number, text in enumerate(texts):
        if near := seen.near(text):
            found.append(Near(places[near[0]], number, round(near[1], 3)))
        else:
            seen.keep(text)
            places.append(number)
    return found


def _jaccard(one: str, other: str) -> float:
    a, b = grams(one), grams(other)
    return len(a & b) / len(a | b)


def nearest(texts: Sequence[str], seed: int = 0, sample: int = SAMPLE) -> list[float]:
    """Similarity of a sample of the texts to the nearest other text of all; [] for fewer than two."""
    if len(texts) < 2:
        return []
    from sklearn.feature_extraction.text import CountVectorizer

    vectors = CountVectorizer(analyzer=grams, binary=True, dtype="int32").fit_transform(texts)
    sizes = vectors.getnnz(axis=1)
    chosen = sorted(random.Random(seed).sample(range(len(texts)), min(sample, len(texts))))
    found: list[float] = []
    for start in range(0, len(chosen), _CHUNK):
        rows = chosen[start : start + _CHUNK]
        shared = (vectors[rows] @ vectors.T).toarray()
        alike = shared / (sizes[rows][:, None] + sizes[None, :] - shared)
        alike[range(len(rows)), rows] = -1  # not itself
        found += [float(one) for one in alike.max(axis=1)]
    return found


def median_nearest(texts: Sequence[str], seed: int = 0) -> float | None:
    """Median of `nearest`; None for fewer than two texts."""
    found = nearest(texts, seed)
    return round(statistics.median(found), 3) if found else None


class Place(NamedTuple):
    """The n-th turn of a role in the dialogues of a path."""

    path: str
    role: Role
    nth: int


def wording_counts(dialogues: Iterable[Trajectory]) -> dict[Place, int]:
    """How many wordings each place has, values left out."""
    found: dict[Place, set[str]] = defaultdict(set)
    for one in dialogues:
        counts: dict[Role, int] = defaultdict(int)
        for turn, words in zip(one.turns, wordings(one), strict=True):
            if turn.role != "observation":
                counts[turn.role] += 1
                found[Place(one.path, turn.role, counts[turn.role])].add(re.sub(r"\s+", " ", words))
    return {place: len(words) for place, words in found.items()}
