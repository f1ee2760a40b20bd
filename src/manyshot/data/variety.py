"""How alike the pairs are: near-duplicates are dropped, and what is left is given a figure.

Source: MinHash with locality-sensitive hashing (Broder 1997; Indyk and Motwani 1998), here import numpy as np
from datasketch, over
character 3-grams with digits folded, so that two requests that differ in an id alone count as near.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH

#: Estimated Jaccard similarity of two pairs' 3-grams from which the later one is dropped.
NEAR = 0.9
_PERMUTATIONS = 32
_FIRST = MinHash(num_perm=_PERMUTATIONS)


def grams(text: str) -> set[str]:
    """Character 3-grams of a text, case and digits folded."""
    plain = re.sub(r"\d", "0", text.lower())
    return {plain[i : i + 3] for i in range(max(1, len(plain) - 2))}


class NearDuplicates:
    """Remembers what was kept; memory grows with it, not with what was offered."""

    def __init__(self) -> None:
        self._lsh = MinHashLSH(threshold=NEAR, num_perm=_PERMUTATIONS)
        self._kept = 0

    def is_new(self, text: str) -> bool:
        """Whether nothing near was kept before; if so the text is kept."""
        sketch = self._sketch(text)
        if self._lsh.query(sketch):
            return False
        self._insert(sketch)
        return True

    def is_new_sketch(self, sketch: Sequence[int]) -> bool:
        """As `is_new`, of a text whose sketch was made before."""
        made = _from(sketch)
        if self._lsh.query(made):
            return False
        self._insert(made)
        return True

    def near(self, text: str) -> list[int]:
        """Numbers, in order of keeping from 0, of what was kept and is likely near."""
        return sorted(map(int, self._lsh.query(self._sketch(text))))

    def keep(self, text: str) -> None:
        """Remember a text, whatever is near it."""
        self._insert(self._sketch(text))

    def _insert(self, sketch: MinHash) -> None:
        self._lsh.insert(str(self._kept), sketch, check_duplication=False)
        self._kept += 1

    @staticmethod
    def _sketch(text: str) -> MinHash:
        sketch = MinHash(num_perm=_PERMUTATIONS, permutations=_FIRST.permutations, scheme=_FIRST.scheme)
        sketch.update_batch([g.encode("utf-8", "surrogatepass") for g in grams(text)])
        return sketch


def sketch_of(text: str) -> list[int]:
    """What a text is told from near ones by; the same in every process."""
    return [int(value) for value in NearDuplicates._sketch(text).hashvalues]


def _from(sketch: Sequence[int]) -> MinHash:
    values = np.array(sketch, dtype=_FIRST.hashvalues.dtype)
    return MinHash(num_perm=_PERMUTATIONS, hashvalues=values, permutations=_FIRST.permutations, scheme=_FIRST.scheme)


def nearest_similarity(texts: Sequence[str], seed: int, sample: int = 300) -> float:
    """Median, over a sample, of the Jaccard similarity to the nearest other text of it; 0 for fewer than two texts."""
    chosen = random.Random(seed).sample(list(texts), min(sample, len(texts)))
    sets = [grams(t) for t in chosen]
    if len(sets) < 2:
        return 0.0
    column = {gram: n for n, gram in enumerate(dict.fromkeys(gram for one in sets for gram in one))}
    there = np.zeros((len(sets), len(column)), np.float32)
    for row, one in enumerate(sets):
        there[row, [column[gram] for gram in one]] = 1
    sizes = there.sum(1)
    both = there @ there.T  # counts: exact in float32
    likeness = both.astype(np.float64) / (sizes[:, None] + sizes[None] - both)
    np.fill_diagonal(likeness, -1)
    return round(float(np.median(likeness.max(1))), 3)
