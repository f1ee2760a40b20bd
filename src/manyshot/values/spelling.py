"""Ids that are said in pieces: n s 3 0 5, VN 07 EK, 31 K. The one rule: a word of the language is no piece.

In small letters a piece of letters could be a word, so only short ones that are none count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_PIECE = re.compile(r"(?<![A-Za-z0-9'’])(?:[A-Za-z]{1,3}|[A-Za-z]{0,3}\d[A-Za-z0-9]*)(?![A-Za-z0-9])")
_SHORT_WORDS = """
a i am an as at be by do go he hi if in is it me my no of oh ok on or so to up us we pm
all and any are ask bad bag bit box but can car day did end fit for get got had has her him his how its let lot
man may new not now off old one our out own per pls put red row run say see set she sir six tea ten the too top
try two use van was way wed who why won yes yet you
mon tue thu fri sat sun jan feb mar apr jun jul aug sep oct nov dec
cm ft gb hr km kg lb mb ml mm mg oz st nd rd th min hrs mph pax
"""
_WORDS = frozenset(_SHORT_WORDS.split())
#: They bring an id in, in any case.
_LABELS = frozenset({"id", "ref", "no", "num", "nr"})
#: Pieces of one id at most, and characters of a piece.
MOST, LONG = 12, 5


def windows(text: str) -> Iterator[tuple[int, int]]:
    """Rows of pieces, one blank or dash between, with a digit and a letter in them."""
    for row in _rows(text):
        for i in range(len(row)):
            for j in range(i + 1, min(i + MOST, len(row))):
                start, end = row[i].start(), row[j].end()
                said = text[start:end]
                if re.search(r"\d", said) and re.search("[A-Za-z]", said):
                    yield start, end


def _rows(text: str) -> Iterator[list[re.Match[str]]]:
    row: list[re.Match[str]] = []
    for piece in _PIECE.finditer(text):
        if row and text[row[-1].end() : piece.start()] not in (" ", "-"):
            yield row
            row = []
        if _is_word(piece[0]) or len(piece[0]) > LONG:
            yield row
            row = []
        else:
            row.append(piece)
    yield row


def _is_word(piece: str) -> bool:
    in_capitals = piece.isupper() and len(piece) < 3 and piece != "I"
    return piece.lower() in _LABELS or (piece.lower() in _WORDS and not in_capitals)
