"""Where Chinese words join: text without blanks between them is cut by a dictionary.

One rule: only words that the dictionary holds count. What is not in it (names, new products) falls apart into single
signs, between which every place is open; guessing at unknown words would close places at which people do begin.
"""

from __future__ import annotations

import re

_HAN = re.compile("[\u4e00-\u9fff]")


def inside(text: str) -> frozenset[int]:
    """Places (index of the character behind) within a dictionary word, with Chinese signs on both sides.

    Of 4,145 free texts in the calls of the Chinese corpus 9 begin and 6 end at such a place; 43% of all places are.
    """
    if not _HAN.search(text):
        return frozenset()
    import rjieba  # 0.2 s for its dictionary

    return frozenset(
        place
        for _, start, end in rjieba.tokenize(text, hmm=False)
        for place in range(start + 1, end)
        if _HAN.match(text, place - 1) and _HAN.match(text, place)
    )
