# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Directions that a schema turns into a sign. The one rule: only words that the description itself calls negative.

"Degrees: 0 is level, negative is down" makes "30 degrees down" read as -30; "negative in the south" makes 33.9 south -33.9.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NEGATIVE = re.compile(
    r"negative (?:is|are|means?|=|for|in the|to the)\s*(?:the\s+)?(?P<w>\w+)|负(?:数|值)?(?:为|是|表示|代表)?(?P<z>向?[上下左右前后东南西北])"
)
_POSITIVE = re.compile(
    r"positive (?:is|are|means?|=|for|in the|to the)\s*(?:the\s+)?(?P<w>\w+)|正(?:数|值)?(?:为|是|表示|代表)?(?P<z>向?[上下左右前后东南西北])"
)
_OPPOSITE = {"down": "up", "left": "right", "south": "north", "west": "east", "below": "above", "backward": "forward",
             "下": "上", "左": "右", "南": "北", "西": "东", "后": "前"}  # fmt: skip
_OPPOSITE |= {b: a for a, b in _OPPOSITE.items()}
_ALSO = {"down": ("downward", "downwards", "below", "s"), "south": ("s", "southern"), "west": ("w", "western"),
         "north": ("n",), "east": ("e",), "up": ("upward", "upwards", "above")}  # fmt: skip


@lru_cache(maxsize=1024)
def _rules(description: str) -> tuple[re.Pattern[str], re.Pattern[str]] | None:
    text = description.lower()
    match = _NEGATIVE.search(text)
    if not match:
        return None
    minus = (match["w"] or match["z"]).removeprefix("向")
    other = _POSITIVE.search(text)
    plus = (other["w"] or other["z"]).removeprefix("向") if other else _OPPOSITE.get(minus, "")
    return _pattern(minus), _pattern(plus)


def _pattern(word: str) -> re.Pattern[str]:
    if not word:
        return re.compile(r"(?!)")
    if not word.isascii():
        return re.compile(rf"^(?:向|往|朝)?{word}(?:边|方|面)?(?:转|偏|移)?|(?:向|往|朝){word}$|{word}纬$|{word}经$")
    names = "|".join((word, *_ALSO.get(word, ())))
    return re.compile(
        rf"^(?:to the\s+)?(?:{names})\b\s*(?:by|to)?\s*|\s*\b(?:(?:to|in) the\s+)?(?:{names})$|(?<=[\d°])\s*(?:{names})$"
    )


_NAMES = "|".join(sorted({*_OPPOSITE, *(w for ws in _ALSO.values() for w in ws)}, key=len, reverse=True))
#: Words of direction after a number, and (`before`) before it.
AFTER = re.compile(rf"\s*(?:(?:to|in)\s+the\s+)?(?:{_NAMES})(?![a-z])")
_BEFORE = re.compile(
    rf"(?:(?<![a-z])(?:{_NAMES})\s+(?:(?:by|to)\s+)?|[向往朝]?[上下左右前后东南西北](?:边|方)?(?:转|偏|移)?)$"
)


def before(text: str, end: int) -> re.Match[str] | None:
    """The words of direction that end at `end`."""
    return _BEFORE.search(text, max(0, end - 16), end)


def has_rules(description: str) -> bool:
    """Whether the description calls a direction negative."""
    return _rules(description) is not None


def signed(text: str, description: str) -> tuple[str, int]:
    """The folded text without its word of direction, and -1 where the description calls that word negative, else 1."""
    rules = _rules(description)
    if rules is None:
        return text, 1
    for rule, sign in zip(rules, (-1, 1), strict=True):
        shorter = rule.sub("", text).strip(" ,")
        if shorter != text and shorter:
            return shorter, sign
    return text, 1
