"""Whether a shot may be used: what people said of it, and whether it is still what they said it of.

The one rule: an approval is for one text. Who edits a shot, be it by one sign, has it looked at again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

from manyshot.dialogue.writing import write
from manyshot.types import Approval, Trajectory

#: edited: it was approved or rejected, and is another text now.
State = Literal["draft", "approved", "rejected", "edited"]
FILE = "shots/approvals.jsonl"


def fingerprint(one: Trajectory) -> str:
    """Hash of a shot's text as it would be written; where it stands and how it is laid out do not count.

    Raises DataError for what cannot be written.
    """
    return hashlib.sha256(write([one]).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def latest(one: Trajectory, approvals: Sequence[Approval]) -> Approval | None:
    """The last word about the text that the shot has now, else about an earlier one; None when there is none."""
    said = [approval for approval in approvals if approval.shot == one.id]
    now = fingerprint(one) if said else ""
    return next((a for a in reversed(said) if a.text == now), said[-1] if said else None)


def state(one: Trajectory, approvals: Sequence[Approval]) -> State:
    """What became of a shot. Of several people the last one counts."""
    last = latest(one, approvals)
    if last is None:
        return "draft"
    return last.verdict if last.text == fingerprint(one) else "edited"


def approved(found: Iterable[Trajectory], approvals: Sequence[Approval]) -> list[Trajectory]:
    """The shots that may be used."""
    return [one for one in found if state(one, approvals) == "approved"]
