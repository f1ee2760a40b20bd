"""Names that nobody has heard, so that a model copies a name to its end instead of stopping at the word it knows.

The one rule: a coined name is written as the names that are there (their script, their case, the ending they share),
and says nothing.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

#: Characters that write foreign sounds: of medicines, brands, places.
_SOUNDS = (
    "阿艾安奥巴贝比博达代德迪蒂杜多恩尔法菲芬福格戈哈赫霍加吉卡凯科克拉莱兰朗雷里丽利林琳伦罗洛马玛麦曼梅美米莫姆纳"
    "奈尼宁诺帕佩皮普齐奇瑞萨赛桑莎圣斯苏索塔泰坦唐特提托瓦维韦温沃西希锡夏辛雅亚伊英因尤约泽扎兹"
)
_ONSETS = (
    "b", "br", "c", "cl", "d", "dr", "f", "fl", "g", "gr", "h", "k", "l", "m", "n", "p", "pr", "r", "s", "st", "t",
    "tr", "v", "w", "z", "",
)  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u", "ay", "ee", "ou", "ia")
_CODAS = ("", "", "", "l", "m", "n", "r", "s", "x", "nd", "rn", "st", "ck")
_ZH_NAME = re.compile(r"[\u4e00-\u9fff]{2,10}")
_EN_NAME = re.compile(r"[A-Za-z][A-Za-z'’-]*(?: [A-Za-z][A-Za-z'’-]*){0,2}")
#: What makes Chinese words a clause.
_CLAUSE = re.compile("[的了吗呢吧没不我你他她它是在有要想能怎么]")


def names(values: Sequence[object]) -> list[str]:
    """The values, if all are short names in one script; else none."""
    texts = [v for v in values if isinstance(v, str)]
    for rule in (_ZH_NAME, _EN_NAME):
        if texts and all(rule.fullmatch(v) and not _CLAUSE.search(v) for v in texts):
            return texts
    return []


def coined(like: Sequence[str], rng: random.Random) -> str:
    """A made-up name in the manner of `like` (see `names`)."""
    one = rng.choice(like)
    if one.isascii():
        words = one.split()
        made = [word if len(words) > 1 and rng.random() < 0.4 else _word(word, rng) for word in words]
        return " ".join(made)
    stem = "".join(rng.choice(_SOUNDS) for _ in range(rng.randint(2, 6)))
    return stem + (_shared_end(one, like) if rng.random() < 0.7 else "")


def _word(like: str, rng: random.Random) -> str:
    syllables = (rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(rng.randint(2, 3)))
    word = "".join(syllables)
    return word.capitalize() if like[0].isupper() else word


def _shared_end(one: str, like: Sequence[str]) -> str:
    """The longest ending (of two characters at most) that another name has too: 店, 胶囊."""
    others = [name for name in like if name != one]
    return next((one[-n:] for n in (2, 1) if len(one) > n and any(name.endswith(one[-n:]) for name in others)), "")
