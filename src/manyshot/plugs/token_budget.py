"""Tokens that a teacher may cost in all.

The one rule: what a call may cost at most is held back before it is made, so that calls under way at once cannot spend
more together than there is.
"""

from __future__ import annotations

import threading

from manyshot.errors import BudgetError


class TokenBudget:
    """Safe to use from several threads. `tokens`: how many there are; 0 lets no call be made."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self._spent = self._held = 0
        self._settled = threading.Condition()

    def hold(self, most: int) -> None:
        """Hold back what a call costs at most, as soon as others are settled that hold it. Raises BudgetError where it
        does not fit, however little they cost."""
        with self._settled:
            while self._spent + self._held + most > self.tokens:
                if self._spent + most > self.tokens:
                    raise BudgetError(f"its budget of {self.tokens} tokens is spent")
                self._settled.wait()
            self._held += most

    def settle(self, held: int, spent: int) -> None:
        """A call is over: what was held back for it, and what it cost."""
        with self._settled:
            self._held -= held
            self._spent += spent
            self._settled.notify_all()
