"""Text as the readers see it: half-width, lower case, same length. The one rule: an offset here is an offset there.

Every character is folded on its own (NFKC, then lower case) and only where the result is one character, so a match in
the folded text is a span of the text as it was said.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

QUOTES = "\"'“”‘’「」『』《》〈〉`"
EDGES = " \t\r\n,.;:!?，。；：！？、…~～" + QUOTES
_BRACKETS = {"(": ")", "（": "）", "[": "]", "【": "】"}


class Span(NamedTuple):
    """A piece of a text: ``surface == text[start:end]``."""

    start: int
    end: int
    surface: str


@lru_cache(maxsize=8192)
def _char(char: str) -> str:
    folded = unicodedata.normalize("NFKC", char).lower()
    return folded if len(folded) == 1 else char


#: The forms of numbers on cheques and invoices; alone they are names and verbs (陆, 拾).
_CHEQUE = re.compile("[壹贰叁肆伍陆柒捌玖拾佰仟萬零]{2,}|[壹贰叁肆伍陆柒捌玖拾](?=[月日号元圆万])")
_PLAIN = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟萬", "一二三四五六七八九十百千万")


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Half-width and lower case, character by character, and 壹仟贰佰 as 一千二百; the length stays."""
    folded = "".join(map(_char, text))
    return _CHEQUE.sub(lambda m: m[0].translate(_PLAIN), folded)


@lru_cache(maxsize=8192)
def half(text: str) -> str:
    """Half-width character by character, case kept; the length stays."""
    return "".join(c if len(h := unicodedata.normalize("NFKC", c)) != 1 else h for c in text)


def fold_amount(text: str) -> str:
    """Folded, but the wide comma stays: it parts numbers (14，512GB), it does not group digits."""
    return "".join(c if c == "，" else f for c, f in zip(text, fold(text), strict=True))


def half_width(text: str) -> str:
    """NFKC of a whole string, case kept: how ids, phones and addresses of mail are written."""
    return unicodedata.normalize("NFKC", text)


def bare(text: str) -> str:
    """The text without white space, punctuation, quotes and one pair of brackets around it."""
    text = text.strip(EDGES)
    if len(text) > 2 and _BRACKETS.get(text[0]) == text[-1]:
        text = text[1:-1].strip(EDGES)
    return text


def free(text: str) -> str:
    """Free text as it is stored: no white space, quotes or sentence ends around it; a quote inside keeps its pair."""
    text = text.strip()
    while text:
        cut = text.strip(" \t\r\n,;:，；：、。！!…")
        cut = cut.rstrip("?？") if cut.rstrip("?？") != cut and len(cut) == len(text) else cut
        if cut.endswith(".") and not re.search(r"\b\w\.$", cut):
            cut = cut[:-1]
        if len(cut) > 1 and cut[0] in QUOTES and cut[-1] in QUOTES:
            cut = cut[1:-1]
        if cut == text:
            break
        text = cut
    return text
