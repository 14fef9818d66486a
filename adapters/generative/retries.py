"""When a call is tried again, and how long it waits before that."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

TRIED_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504, 529})
"""529 is how several providers say that they are overloaded."""
TOO_MUCH: Final = frozenset({429, 503, 529})
"""Says that the server is asked for more than it gives; the pace follows."""


@dataclass(frozen=True)
class Patience:
    """How often and how long. Waits without a wish of the server double from `first_seconds` to `longest_seconds`.

    `attempts` counts those of one item that failed for the server's sake; refusals for want of capacity are not among
    them, but end after `limited_seconds`. `timeouts` is small, because a call that was given up may have been paid for.
    After so many `failures_in_a_row` the whole run ends: the server is down, and what is left would fail as well.
    """

    attempts: int = 6
    attempts_alone: int = 3
    timeouts: int = 2
    first_seconds: float = 0.5
    longest_seconds: float = 30.0
    limited_seconds: float = 600.0
    failures_in_a_row: int = 10

    def wait(self, attempt: int, asked: float | None, rng: random.Random) -> float:
        """Seconds before the attempt after this one (from 1). What a server asks for is kept; up to a twentieth is
        added, so that calls refused together do not return together."""
        if asked is not None:
            return asked * (1 + 0.05 * rng.random())
        longest = min(self.longest_seconds, self.first_seconds * 2.0 ** min(attempt - 1, 30))
        return longest * (0.5 + 0.5 * rng.random())


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a server asks its caller to wait; None if it names none. `now` is Unix time, for dates.

    RFC 9110 section 10.2.3, and the milliseconds that OpenAI and Azure state besides.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return None
