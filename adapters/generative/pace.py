"""How many calls may be in work at once: more while a server answers, fewer when it says that it is too many."""

from __future__ import annotations

from typing import Final

TOLERATED: Final = 0.15
"""Share of refusals at which the pace is kept: a refused call costs a round trip, an idle place costs answers."""
FEWEST: Final = 16
"""Calls over which that share is taken, at least."""
OUTAGE: Final = 8
"""So many refusals in a row, or all places' worth, say that nothing gets through at the moment."""


class Pace:
    """Additive increase, multiplicative decrease (Chiu and Jain 1989), with a pause while everything is refused.

    Times are seconds of one monotonic clock. Refusals of calls that began before the last change are not counted: they
    tell of the pace that was given up already.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._proven = 0.0
        self._since = float("-inf")
        self._answered = self._refused = self._refused_in_a_row = 0
        self.paused_until = float("-inf")

    def places(self, now: float) -> int:
        """Calls that may be in work now; 0 in a pause."""
        return 0 if now < self.paused_until else int(self._limit)

    def answered(self, now: float) -> None:
        """A call got through."""
        self._answered += 1
        self._refused_in_a_row = 0
        if self._refused > TOLERATED * self._window:
            self._limit = self._proven = max(1.0, self._limit * 0.8)
            self._count_afresh(now)
        elif self._refused == 0 and self._answered >= self._limit:
            self._proven = max(self._proven, self._limit)
            # Back to what has worked before in few steps, beyond it one by one.
            faster = self._limit * 2
            self._limit = min(self._most, faster if faster <= self._proven else self._limit + 1)
            self._count_afresh(self._since)
        elif self._answered + self._refused >= self._window:
            self._count_afresh(self._since)

    def refused(self, began: float, now: float, seconds: float) -> None:
        """A call begun at `began` was refused for want of capacity; `seconds` is how long it will wait."""
        if began < self._since:
            return
        self._refused += 1
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= min(OUTAGE, int(self._limit)):
            self.paused_until = now + seconds
            self._limit = max(1.0, self._limit / 2)
            self._refused_in_a_row = 0
            self._count_afresh(now)

    @property
    def _window(self) -> float:
        return max(FEWEST, 2 * self._limit)

    def _count_afresh(self, since: float) -> None:
        self._answered = self._refused = 0
        self._since = since
