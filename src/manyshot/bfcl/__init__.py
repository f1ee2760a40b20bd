"""The rules of the Berkeley Function-Calling Leaderboard (bfcl-eval 2026.3.23), for single-turn calls.

One rule: the verdict is the reference's, its looseness and its crashes included (valid None). For a verdict one would
want to act on there is `manyshot.score`. Pure, standard library only; nothing a model wrote is evaluated.
"""

from __future__ import annotations

from manyshot.bfcl.rules import CATEGORIES, check, well_formed
from manyshot.bfcl.verdict import UNREADABLE, Verdict

__all__ = ["CATEGORIES", "UNREADABLE", "Verdict", "check", "well_formed"]
