"""Makes the calls: as many at once as the pace allows, each again where that helps, none beyond the budget."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Final

from adapters.generative.body import bytes_to_read
from adapters.generative.budget import Ledger
from adapters.generative.call import Call, Outcome
from adapters.generative.endpoint import Endpoint, EndpointError
from adapters.generative.exchange import Failure, Reply
from adapters.generative.pace import Pace
from adapters.generative.refusals import Lost, Refused, stops_all
from adapters.generative.response_cache import ResponseCache
from adapters.generative.retries import Patience

Send = Callable[[dict[str, Any]], Awaitable[Outcome]]
Ended = Callable[[bytes, Reply | tuple[Failure, str]], None]
OF_THE_ITEM: Final = (Failure.TOO_LONG, Failure.FILTERED)
"""Refusals that lie in what was asked: many in a row say nothing of the server."""


class Dispatch:
    """One run of calls against one server. `ended` is told the key of each, with its reply or its failure."""

    def __init__(
        self, endpoint: Endpoint, send: Send, cache: ResponseCache, ledger: Ledger, patience: Patience, ended: Ended
    ) -> None:
        self._endpoint, self._send, self._cache, self._ledger = endpoint, send, cache, ledger
        self._patience, self._tell = patience, ended
        self._pace = Pace(endpoint.max_concurrency)
        # Only waits are drawn from it: nothing that it gives reaches an answer.
        self._random = random.Random(0)
        self._fresh: deque[Call] = deque()
        self._later: list[tuple[float, int, Call]] = []
        self._order = count()
        self._active: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stop: Exception | None = None
        self._failed_in_a_row = 0
        self._last_answer = 0.0
        self.rejected = False
        """Whether the run ended because the server rejects the way in which it is asked."""

    def call(self, key: bytes, body: dict[str, Any], max_tokens: int) -> Call:
        """A call that waits from now on."""
        most = self._ledger.budget.most(bytes_to_read(body), max_tokens)
        return Call(key, body, max_tokens, most, asyncio.get_running_loop().time())

    async def run(self, calls: Sequence[Call]) -> None:
        """Make them all. Raises once what is in work has ended, if the budget is reached or the server is of no use.
        Cancelled, it drops what is in work at once."""
        loop = asyncio.get_running_loop()
        self._last_answer = loop.time()
        self._fresh.extend(calls)
        try:
            while True:
                self._start_what_may(loop)
                if not self._active and (self._stop is not None or not (self._fresh or self._later)):
                    break
                await self._until_something_changes(loop)
        finally:
            for task in self._active:
                task.cancel()
            await asyncio.gather(*self._active, return_exceptions=True)
        if self._stop is not None:
            raise self._stop

    async def alone(self, call: Call) -> Outcome:
        """One call by itself, with fewer attempts: the first that a server sees. Paid for like any other, not kept."""
        loop = asyncio.get_running_loop()
        while True:
            if not self._ledger.take(call.most):
                raise self._ledger.reached()
            outcome = await self._attempt(call)
            if isinstance(outcome, Reply):
                self._ledger.settle(call.most, outcome)
                return outcome
            seconds = call.wait(outcome, self._patience, self._patience.attempts_alone, self._random, loop.time())
            if seconds is None:
                return outcome
            await asyncio.sleep(seconds)

    def _start_what_may(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._stop is None and len(self._active) < self._pace.places(loop.time()):
            call = self._next(loop.time())
            if call is None:
                return
            if not self._ledger.take(call.most):
                self._fresh.appendleft(call)
                # What calls in work leave of their most may still be enough.
                if not self._active:
                    self._stop = self._ledger.reached()
                return
            task = loop.create_task(self._make(call))
            self._active.add(task)
            task.add_done_callback(self._left)

    def _next(self, now: float) -> Call | None:
        """What stood aside and is due goes first: it has waited longest."""
        if self._later and self._later[0][0] <= now:
            return heapq.heappop(self._later)[2]
        return self._fresh.popleft() if self._fresh else None

    async def _until_something_changes(self, loop: asyncio.AbstractEventLoop) -> None:
        """A call ended, a pause is over, or a place is free and a call that stood aside is due."""
        due = []
        if self._stop is None and self._pace.paused_until > loop.time():
            due.append(self._pace.paused_until)
        elif self._stop is None and self._later and len(self._active) < self._pace.places(loop.time()):
            due.append(self._later[0][0])
        timers = [loop.call_at(moment, self._wake.set) for moment in due]
        await self._wake.wait()
        self._wake.clear()
        for timer in timers:
            timer.cancel()

    def _left(self, task: asyncio.Task[None]) -> None:
        self._active.discard(task)
        self._wake.set()
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._stop = self._stop or error

    async def _make(self, call: Call) -> None:
        outcome = await self._attempt(call)
        now = asyncio.get_running_loop().time()
        if isinstance(outcome, Reply):
            with self._cache.commit():
                self._cache.keep(call.key, outcome)
                self._ledger.settle(call.most, outcome)
            self._last_answer, self._failed_in_a_row = now, 0
            self._tell(call.key, outcome)
            return
        if isinstance(outcome, Refused) and (stop := stops_all(outcome, self._endpoint)) is not None:
            self._stop = self._stop or stop
            return
        seconds = call.wait(outcome, self._patience, self._patience.attempts, self._random, now)
        if seconds is not None:
            heapq.heappush(self._later, (now + seconds, next(self._order), call))
        else:
            self._give_up(call, outcome, now)

    async def _attempt(self, call: Call) -> Outcome:
        """One attempt, in pace and ledger; a reply is left to be settled with its answer."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        call.attempts += 1
        outcome = await self._send(call.body)
        now = loop.time()
        if isinstance(outcome, Reply):
            self._pace.answered(now)
            return replace(
                outcome, queued_seconds=began - call.since, serving_seconds=now - began, attempts=call.attempts
            )  # fmt: skip
        if isinstance(outcome, Refused) or not outcome.may_be_paid:
            self._ledger.give_back(call.most)
        if isinstance(outcome, Refused) and outcome.is_for_capacity:
            self._pace.refused(began, now, self._patience.wait(call.refusals + 1, outcome.retry_after, self._random))
        return outcome

    def _give_up(self, call: Call, outcome: Refused | Lost, now: float) -> None:
        failure, words = call.fault(outcome, now)
        if isinstance(outcome, Refused) and outcome.is_for_capacity:
            # Longer than patience: is it this call that is refused, or every one?
            if (asked := outcome.retry_after or 0) > self._patience.limited_seconds:
                return self._end(f"it asks its callers to wait {asked:,.0f} seconds ({outcome})")
            if now - self._last_answer > self._patience.limited_seconds:
                return self._end(words)
        self._tell(call.key, (failure, words))
        self._failed_in_a_row = 0 if failure in OF_THE_ITEM else self._failed_in_a_row + 1
        if self._failed_in_a_row >= self._patience.failures_in_a_row:
            self.rejected = isinstance(outcome, Refused) and outcome.is_of_the_parameters
            self._end(f"{self._failed_in_a_row} calls failed in a row, the last: {words}")
        return None

    def _end(self, why: str) -> None:
        line = (
            f"{self._endpoint.base_url} is of no use now: {why}. What was answered is kept; run the same command again "
            "when the server is well."
        )
        self._stop = self._stop or EndpointError(line)
