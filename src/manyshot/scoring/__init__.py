"""A file of outputs -> a file of verdicts, under the leaderboard's rules or the strict ones."""

from __future__ import annotations

from manyshot.scoring.file import Scored, score_file
from manyshot.scoring.judges import RULES, Rules

__all__ = ["RULES", "Rules", "Scored", "score_file"]
