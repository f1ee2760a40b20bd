# ruff: noqa: E501 - a rule or a row of a table stays on one line
"""Words that a description gives for numbers: "a half turn is 180", "0 = hand luggage only", "最亮 100".

The one rule: they are the description's own words, at least two of them in English, and never a limit or a default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from manyshot.values.numbers import Number, tidy
from manyshot.values.text import fold

_STOP = r"(?=\s*(?:[,，、;；:。)）(（]|\.(?!\d)|$))"
_N = r"(?P<n>\d+(?:\.\d+)?)"
_RULES = (
    # a quarter turn is 90, a half turn 180
    re.compile(rf"(?:^|[:;,(（.]\s*)an?\s+(?P<w>[a-z][a-z'-]*(?:\s+[a-z][a-z'-]*){{1,3}}?)\s+(?:(?:is|means|=)\s*)?{_N}{_STOP}"),
    # 0 = hand luggage only; 0 is all the way down
    re.compile(rf"(?:^|[:;,(（.]\s*){_N}\s*(?:=|is|means)\s*(?:the\s+|an?\s+)?(?P<w>[a-z][a-z'-]*(?:\s+[a-z][a-z'-]*){{1,4}}){_STOP}"),
    # 最亮 100,一半 50; 没人陪填 0
    re.compile(rf"(?:^|[:;；,，、。(（]\s*)(?P<w>最[\u4e00-\u9fff]|一半)\s*(?:是|为|填|算|=)?\s*{_N}{_STOP}"),
    re.compile(rf"(?:^|[:;；,，、。(（]\s*)(?P<w>[\u4e00-\u9fff]{{2,6}}?)\s*(?:填|算)\s*{_N}{_STOP}"),
)  # fmt: skip
_LIMIT = re.compile(
    r"最[多少大小低高短长]|默认|缺省|[没不未]有?[说提讲写填]|\b(?:at most|at least|more than|less than|up to|not|default|nothing|when|if|number|minimum|maximum)\b"
)


@lru_cache(maxsize=1024)
def named(description: str) -> tuple[tuple[str, Number], ...]:
    """The folded words with their numbers, in the order of the rules."""
    text = fold(description)
    found = ((m["w"], tidy(float(m["n"]))) for rule in _RULES for m in rule.finditer(text))
    return tuple((word, number) for word, number in found if not _LIMIT.search(word))


def number_for(said: str, description: str) -> Number | None:
    """The number that the folded surface is given, "half a turn" as "half turn"; None where there is none."""
    said = re.sub(r"^(?:an?|the)\s+|(?<=\bhalf )an?\s+", "", said)
    return next((number for word, number in named(description) if word == said), None)


def spans(folded: str, description: str) -> Iterator[tuple[int, int]]:
    """Where such words stand in the folded text."""
    for word, _ in named(description):
        words = re.escape(word).replace(r"half\ ", r"half\ (?:an?\ )?")
        for match in re.finditer(rf"(?<![a-z]){words}(?![a-z])", folded):
            yield match.span()
