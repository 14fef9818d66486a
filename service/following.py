"""Followers of comparisons: one look at the database for all of them, however many they are."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator
from typing import Final
from uuid import UUID

from starlette.concurrency import run_in_threadpool

from service.errors import StorageUnavailable
from service.storage.comparisons import ENDED
from service.storage.database import Database
from service.storage.events import Event, events_after, latest_numbers

LOOK_EVERY: Final = 0.2
"""Seconds."""
PAGE: Final = 500

logger = logging.getLogger(__name__)


class Following:
    """Tells followers of new events. Start it in the loop that they run in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followers: dict[UUID, set[asyncio.Queue[tuple[Event, bool] | None]]] = defaultdict(set)
        self._closed = False
        self._told: dict[UUID, int] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on."""
        self._task = asyncio.create_task(self._look())

    def close(self) -> None:
        """Let everybody go: whoever follows comes back, with the number of the last event, to the next process."""
        self._closed = True
        for queues in self._followers.values():
            for queue in queues:
                queue.put_nowait(None)

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def followers(self) -> int:
        """How many follow now."""
        return sum(len(queues) for queues in self._followers.values())

    async def events(self, comparison: UUID, after: int) -> AsyncGenerator[Event]:
        """Every event after a number, those that are there and those to come, to one that ends the comparison, or until
        the process stops."""
        queue: asyncio.Queue[tuple[Event, bool] | None] = asyncio.Queue()
        self._followers[comparison].add(queue)
        try:
            number, is_over, is_more = after, False, True
            while is_more:
                page = await run_in_threadpool(events_after, self._database, comparison, number, PAGE)
                is_more = len(page) == PAGE
                for event in page:
                    number, is_over = event.number, event.kind in ENDED
                    yield event
            while not is_over and not self._closed and (told := await queue.get()) is not None:
                event, is_latest = told
                if event.number > number:
                    number, is_over = event.number, is_latest and event.kind in ENDED
                    yield event
        finally:
            self._followers[comparison].discard(queue)
            if not self._followers[comparison]:
                self._followers.pop(comparison, None)
                self._told.pop(comparison, None)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self._tell()
            except StorageUnavailable:
                logger.warning("followers wait: the database did not answer")

    async def _tell(self) -> None:
        followed = list(self._followers)
        if not followed:
            return
        numbers = await run_in_threadpool(latest_numbers, self._database, followed)
        for comparison, number in numbers.items():
            told = self._told.get(comparison)
            if told is None:
                # Whoever began to follow since the last look may have read any part of these already.
                told = max(0, number - PAGE)
            if number > told:
                page = await run_in_threadpool(events_after, self._database, comparison, told, PAGE)
                for event in page:
                    self._told[comparison] = event.number
                    is_latest = event is page[-1] and len(page) < PAGE
                    for queue in self._followers.get(comparison, ()):
                        queue.put_nowait((event, is_latest))
            self._told.setdefault(comparison, number)


async def or_nothing(events: AsyncGenerator[Event], seconds: float) -> AsyncGenerator[Event | None]:
    """The same events; None whenever there was none for so long."""
    waiting = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=seconds)
            if not done:
                yield None
                continue
            event = waiting.result()
            if event is None:
                return
            yield event
            waiting = asyncio.ensure_future(anext(events, None))
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await events.aclose()
