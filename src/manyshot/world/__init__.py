"""Simulated companies: what answers calls while dialogues are made and assistants are tried.

One rule: a world is fresh for each episode and is decided by its setup alone, so an episode plays the same everywhere.
A domain's `world.py` needs only what this module gives: `read`, `write`, `Desk` and `Refused`.
"""

from __future__ import annotations

from manyshot.world.functions import Desk, Refused, read, write

__all__ = ["Desk", "Refused", "read", "write"]
