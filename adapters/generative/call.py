"""One call to make, what became of its attempts, and whether another one makes sense."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from adapters.generative.exchange import Failure, Reply
from adapters.generative.refusals import Loss, Lost, Refused
from adapters.generative.retries import Patience

Outcome = Reply | Refused | Lost


@dataclass(eq=False, slots=True)
class Call:
    """`most` is what it can cost; times are seconds of the event loop's clock."""

    key: bytes
    body: dict[str, Any]
    max_tokens: int
    most: float
    since: float
    attempts: int = 0
    timeouts: int = 0
    refusals: int = 0
    """Attempts that were refused for want of capacity; they do not count as failed."""
    refused_since: float | None = None

    def wait(
        self, outcome: Refused | Lost, patience: Patience, attempts: int, rng: random.Random, now: float
    ) -> float | None:
        """Seconds until another attempt makes sense after this outcome; None if none does."""
        if isinstance(outcome, Refused) and not outcome.is_tried_again:
            return None
        asked = outcome.retry_after if isinstance(outcome, Refused) else None
        if isinstance(outcome, Refused) and outcome.is_for_capacity:
            self.refusals += 1
            self.refused_since = now if self.refused_since is None else self.refused_since
            seconds = patience.wait(self.refusals, asked, rng)
            return seconds if now + seconds - self.refused_since <= patience.limited_seconds else None
        failed = self.attempts - self.refusals
        if isinstance(outcome, Lost) and outcome.loss is Loss.SILENT:
            self.timeouts += 1
        if failed >= attempts or self.timeouts >= patience.timeouts:
            return None
        return patience.wait(failed, asked, rng)

    def fault(self, outcome: Refused | Lost, now: float) -> tuple[Failure, str]:
        """Why it has no answer, in words that hold no text of the user's."""
        if isinstance(outcome, Lost):
            return Failure.NO_ANSWER, f"the server {outcome}{_times(self.attempts)}"
        match outcome.failure:
            case Failure.TOO_LONG:
                return Failure.TOO_LONG, f"too long for the model's context ({outcome})"
            case Failure.FILTERED:
                return Failure.FILTERED, f"the server's content filter refused the input ({outcome})"
            case Failure.NO_ANSWER if self.refused_since is not None and outcome.is_for_capacity:
                return Failure.NO_ANSWER, f"the server refused it for {now - self.refused_since:,.0f} s ({outcome})"
            case failure:
                return failure, f"the server refused it{_times(self.attempts)} ({outcome})"


def _times(attempts: int) -> str:
    return f", {attempts} times" if attempts > 1 else ""
