"""Who holds a key or a session, remembered for a moment so that not every request asks the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from starlette.concurrency import run_in_threadpool

from service.access.caller import Caller
from service.access.credentials import KEY, TOKEN, sha256_of
from service.storage.access_keys import AccessKey, AccessKeys
from service.storage.database import Database
from service.storage.sessions import Sessions

REMEMBERED_SECONDS: Final = 3.0
"""How long a revoked key may still open, in processes other than the one that revoked it."""
MOST: Final = 10_000
"""Holders that are remembered at once."""


class Holders:
    """Those whose key or session still holds. What does not hold is not remembered: guesses would fill the memory."""

    def __init__(self, database: Database) -> None:
        self._keys, self._sessions = AccessKeys(database), Sessions(database)
        self._known: dict[str, tuple[Caller, float]] = {}
        self._asking: dict[str, asyncio.Task[Caller | None]] = {}
        self._forgotten = 0

    async def of_key(self, key: str) -> Caller | None:
        """None where the key is unknown or revoked."""
        return await self._of(key, self._keys.find) if KEY.fullmatch(key) else None

    async def of_session(self, token: str) -> Caller | None:
        """None where the session is unknown or over, or its key revoked."""
        return await self._of(token, self._sessions.find) if TOKEN.fullmatch(token) else None

    def is_known(self, secret: str) -> bool:
        """Whether this can be answered without the database."""
        return self._remembered(sha256_of(secret)) is not None

    def forget(self) -> None:
        """Ask the database about everyone again; what it was asked before counts no more."""
        self._known.clear()
        self._asking.clear()
        self._forgotten += 1

    async def _of(self, secret: str, find: Callable[[str], AccessKey | None]) -> Caller | None:
        sha256 = sha256_of(secret)
        known = self._remembered(sha256)
        if known is not None:
            return known
        # Hundreds of streams with the same key ask in the same moment: the database is asked once for all of them.
        asking = self._asking.get(sha256)
        if asking is None:
            asking = self._asking[sha256] = asyncio.create_task(self._ask(sha256, find))
            asking.add_done_callback(partial(self._asked, sha256))
        return await asyncio.shield(asking)

    async def _ask(self, sha256: str, find: Callable[[str], AccessKey | None]) -> Caller | None:
        forgotten = self._forgotten
        found = await run_in_threadpool(find, sha256)
        if found is None:
            self._known.pop(sha256, None)
            return None
        caller = Caller(found.workspace, found.name, found.role, found.id)
        if len(self._known) >= MOST:
            self._known.clear()
        if forgotten == self._forgotten:
            self._known[sha256] = (caller, time.monotonic() + REMEMBERED_SECONDS)
        return caller

    def _asked(self, sha256: str, asking: asyncio.Task[Caller | None]) -> None:
        if self._asking.get(sha256) is asking:
            del self._asking[sha256]

    def _remembered(self, sha256: str) -> Caller | None:
        caller, until = self._known.get(sha256, (None, 0.0))
        return caller if time.monotonic() < until else None
