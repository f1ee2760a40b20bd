"""How many people are meant where nobody says a number: just me, my wife and I, 我和我老婆, 我们俩.

One rule: only what names everybody counts. "Me and the kids" leaves the number open; pets and vehicles are no people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from manyshot.values.numbers import read_en, read_zh
from manyshot.values.text import Span, fold

_SOME_EN = "two|three|four|five|six|seven|eight|nine|ten|[2-9]|10"
_MY = r"(?:my|the|our|a|an)"
#: One person, as others name them. Children are left out: fields count them apart.
_ONE = (
    r"(?:wife|husband|partner|girlfriend|boyfriend|fianc[ée]e?|mum|mom|mother|dad|father|brother|sister|friend|mate"
    r"|colleague|boss|nan|gran|grandma|granddad|grandpa|aunt|uncle|cousin|flatmate|roommate|neighbou?r|girl|boy|missus"
    r"|other half)"
)
_SEVERAL = r"(?:friends|mates|colleagues|brothers|sisters|cousins|parents|others)"
_ME = r"(?:me|i|myself)"
_ONLY_ALONG = r"(?:cats?|dogs?|pets?|car|van|bikes?|bags?|suitcases?|luggage)\b"
_NOT_MORE = rf"(?!\s*(?:,|and|plus|&)\s*(?:my|the|our|a|an|two|three|four|\d)\b(?!\s+{_ONLY_ALONG}))"
_EN: tuple[tuple[str, int], ...] = (
    (rf"\b{_ME}\s+and\s+(?:{_MY}\s+)?(?P<n>{_SOME_EN})\s+(?:{_SEVERAL}|of\s+{_MY}\s+{_SEVERAL}){_NOT_MORE}", 1),
    (rf"\b{_ME}\s+and\s+{_MY}\s+{_ONE}\b{_NOT_MORE}|\b{_MY}\s+{_ONE}\s+and\s+{_ME}\b{_NOT_MORE}", 2),
    (r"\bthe\s+(?P<n>two|three|four|five|six)\s+of\s+us\b", 0),
    (r"\b(?:both\s+of\s+us|us\s+two)\b", 2),
    (rf"\b(?:just|only)\s+(?:for\s+)?(?:me|myself)\b{_NOT_MORE}", 1),
    (r"\b(?:on my own|by myself|all alone|travelling alone|traveling alone)\b", 1),
)  # fmt: skip
_KIN = (
    "老婆|老公|爱人|媳妇|妻子|丈夫|妈妈?|爸爸?|母亲|父亲|朋友|同事|同学|对象|女朋友|男朋友|闺蜜|室友|舍友|哥们?|弟弟?|姐姐?|妹妹?"
    "|奶奶|爷爷|外婆|外公|搭档"
)
_ZH: tuple[tuple[str, int], ...] = (
    (r"一家(?P<n>[三四五六七八])口", 0),
    (r"(?:我们|咱们|咱|我|他们|俩?夫妻|两口子|小两口|老两口)(?:夫妻)?俩(?!人|个)|两口子", 2),
    (r"(?:我们|咱们|咱|我)仨", 3),
    (rf"(?:就|只有|就只)?我(?:和|跟|与|带着?)我?(?:{_KIN})(?!和|跟|、|，?还有|们)(?:两个?人|俩)?", 2),
    (
        r"(?:就|只有|就只)我(?:自己|一个人?|自己一个人?|(?=[，。,.!！去来住吃]|$))(?![和跟与带们])|我(?:自己)?一个人|我独自",
        1,
    ),
)
_RULES = tuple((re.compile(rule), base) for rule, base in (*_EN, *_ZH))


def spots(text: str) -> list[Span]:
    """The places of a text that say how many people, the longest where several overlap, in order."""
    found = sorted(_found(text), key=lambda span: (span.start - span.end, span.start))
    kept: list[Span] = []
    for span in found:
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return sorted(kept)


def read(text: str) -> int | None:
    """The number of people that the whole (folded) text says; None where it says none."""
    for rule, base in _RULES:
        if match := rule.fullmatch(text):
            said = match.groupdict().get("n")
            more = 0 if said is None else (read_zh(said) or read_en(said))
            return base + int(more) if more is not None else None
    return None


def _found(text: str) -> Iterator[Span]:
    folded = fold(text)
    for rule, _ in _RULES:
        for match in rule.finditer(folded):
            if read(match[0]) is not None:
                yield Span(match.start(), match.end(), text[match.start() : match.end()])
