"""How often somebody may ask. Counted in this process only: of several processes each counts for itself."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from service.errors import TooManyRequests


class RateLimit:
    """At most `per_minute` requests of each in any 60 seconds; 0 means no limit."""

    def __init__(self, per_minute: int) -> None:
        self._limit = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._windows = MovingWindowRateLimiter(MemoryStorage())

    def count(self, who: str) -> None:
        """One more request; `TooManyRequests` where that is one too many."""
        if self._limit is not None and not self._windows.hit(self._limit, who):
            raise self._refusal(who)

    def check(self, who: str) -> None:
        """`TooManyRequests` where the next request would be one too many; nothing is counted."""
        if self._limit is not None and not self._windows.test(self._limit, who):
            raise self._refusal(who)

    def _refusal(self, who: str) -> TooManyRequests:
        assert self._limit is not None
        until = self._windows.get_window_stats(self._limit, who).reset_time
        return TooManyRequests(self._limit.amount, max(1, math.ceil(until - time.time())))
