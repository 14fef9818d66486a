"""Whether the service is open to everyone on this machine: on loopback, while there is no key."""

from __future__ import annotations

import time

from starlette.concurrency import run_in_threadpool

from service.access.holders import REMEMBERED_SECONDS
from service.errors import SettingsRefused
from service.settings import Settings, is_loopback
from service.storage.access_keys import AccessKeys
from service.storage.database import Database

MAKE_ONE = "advisor keys create --name NAME --role admin"
"""The command."""


def is_open_at_start(settings: Settings, database: Database) -> bool:
    """True on loopback without keys. `SettingsRefused` without keys anywhere else: nobody could be let in."""
    if AccessKeys(database).any():
        return False
    if not is_loopback(settings.host):
        raise SettingsRefused(
            f"ADVISOR_HOST: {settings.host} is not a loopback address, so callers need keys, and there is none; "
            f"make one first: {MAKE_ONE}"
        )
    return True


class Openness:
    """Open at start or not. A key that is made later closes it; revoking the last key does not open it again, because
    nobody would expect that."""

    def __init__(self, database: Database, *, is_open: bool) -> None:
        self._keys, self._open, self._looked = AccessKeys(database), is_open, time.monotonic()

    async def is_open(self) -> bool:
        """As it was a moment ago at most."""
        if self._open and time.monotonic() - self._looked > REMEMBERED_SECONDS:
            self._open = not await run_in_threadpool(self._keys.any)
            self._looked = time.monotonic()
        return self._open

    def close(self) -> None:
        """A key was made."""
        self._open = False
