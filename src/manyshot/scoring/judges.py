"""One entry -> its verdict, by name of the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from manyshot import bfcl
from manyshot.scoring.entries import Entry, Judged
from manyshot.scoring.strictly import judge_strictly

Rules = Literal["bfcl", "strict"]


def judge_as_bfcl(entry: Entry) -> Judged:
    """The reference's verdict; None where it crashes."""
    found = bfcl.check(entry.functions, entry.output, entry.possible_answer, entry.category)
    return Judged(found.valid, found.stage, found.error_type, found.message)


def judge_unreadable(entry: Entry, rules: Rules, reason: str) -> Judged:
    """The verdict on a text that is no calls. The leaderboard finds it right where no call is."""
    if rules == "bfcl" and bfcl.CATEGORIES[entry.category].shape == "irrelevance":
        return Judged(True)
    return Judged(False, "decode", bfcl.UNREADABLE if rules == "bfcl" else None, reason)


RULES: dict[Rules, Callable[[Entry], Judged]] = {"bfcl": judge_as_bfcl, "strict": judge_strictly}
