"""What ticket_desk ships, counted from its files, so that a new dialogue changes no test."""

from __future__ import annotations

from manyshot.config import SHIPPED
from manyshot.spec.load import load_dialogues

_DIALOGUES = load_dialogues(SHIPPED / "ticket_desk")[0]
#: Dialogues of ticket_desk; one of its 40 paths each, or more.
SHIPPED_DIALOGUES = len(_DIALOGUES)
#: Those in whose world something fails.
SHIPPED_FAULTS = sum(bool(one.setup.faults) for one in _DIALOGUES)
