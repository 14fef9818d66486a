"""Events as they are handed to a follower."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from service.following import or_nothing


def test_a_silence_is_told_and_no_event_is_lost_by_it() -> None:
    closed = []

    async def events() -> AsyncGenerator[Any]:
        try:
            for number, pause in ((1, 0.0), (2, 0.35), (3, 0.0)):
                await asyncio.sleep(pause)
                yield number
        finally:
            closed.append(True)

    async def followed() -> list[Any]:
        return [event async for event in or_nothing(events(), 0.1)]

    told = asyncio.run(followed())
    assert [event for event in told if event is not None] == [1, 2, 3]
    assert told[0] == 1
    assert 2 <= told.count(None) <= 4
    assert closed == [True]
