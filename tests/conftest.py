"""What holds for all tests: machines are shared and slow at times, so no example of hypothesis is timed."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
