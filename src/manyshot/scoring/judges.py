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


RULES: dict[Rules, Callable[[Entry], Judged]] = {"bfcl": judge_as_bfcl, "strict": judge_strictly}
