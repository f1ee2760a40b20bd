"""Ids and long numbers that may be written: only those that a customer or a tool said, to the letter.

The one rule: who writes one is held to it while writing (a grammar) and judged after it by the same list, so that an
id of which a letter is wrong never reaches a call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from manyshot.grammar import literal

#: Letters and digits in a row. The signs between them are free.
_RUN = re.compile(r"[A-Za-z0-9]+")
#: What anybody may write: words, numbers of up to four digits (hours, years), short marks such as B2 and 10am.
_FREE = re.compile(r"[A-Za-z]+|[0-9]{1,4}|[A-Za-z]{1,2}[0-9]{1,2}|[0-9]{1,2}[A-Za-z]{1,3}")
#: Within an id people make gaps: "chb 2024 1001 008", "138-0013-8000".
_GAPPED = re.compile(r"(?:[A-Za-z]{1,5}[ -]?)?[0-9]+(?:[ -][0-9]+)*")
#: So many of a dialogue's ids are taken into a grammar, the latest ones.
MOST = 48


def known(heard: Iterable[str]) -> tuple[str, ...]:
    """The ids and long numbers of what was said, the latest last: as they stand, and without gaps in capitals."""
    found: dict[str, None] = {}
    for text in heard:
        whole = [re.sub(r"[ -]", "", one) for one in _GAPPED.findall(text)]
        for run in (*_RUN.findall(text), *whole, *(one.upper() for one in whole)):
            if not _FREE.fullmatch(run):
                found.pop(run, None)
                found[run] = None
    return tuple(found)


def strange(text: str, ids: Iterable[str]) -> list[str]:
    """The ids and long numbers in a text that are none of `ids`."""
    allowed = set(ids)
    return [run for run in dict.fromkeys(_RUN.findall(text)) if run not in allowed and not _FREE.fullmatch(run)]


def line_rules(ids: Sequence[str]) -> str:
    """GBNF of a rule `line`: one line that does not begin with a blank and in which nothing is strange."""
    free = ("[a-zA-Z]+", "[0-9]{1,4}", "[a-zA-Z]{1,2} [0-9]{1,2}", "[0-9]{1,2} [a-zA-Z]{1,3}")
    options = " | ".join([*free, *map(literal, ids[-MOST:])])
    return f"line ::= (word | [^ \\n\\ra-zA-Z0-9] word?) ([^\\n\\ra-zA-Z0-9] word?)*\nword ::= {options}\n"
