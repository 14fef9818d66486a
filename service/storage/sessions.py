"""All SQL about browser sessions. Of a session's token its hash is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert

from service.storage.access_keys import AccessKey, access_key, select_keys
from service.storage.database import Database
from service.storage.tables import access_keys, sessions

LIFETIME: Final = timedelta(hours=12)
"""A working day; then the key is asked for again."""


class Sessions:
    """Sessions of all workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, sha256: str, key: UUID) -> None:
        """Begin one, by the hash of its token; those that are over are forgotten."""
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(insert(sessions).values(sha256=sha256, access_key_id=key, expires_at=now + LIFETIME))

    def find(self, sha256: str) -> AccessKey | None:
        """The key that the session was begun with, if both still hold."""
        query = (
            select_keys()
            .join(sessions, sessions.c.access_key_id == access_keys.c.id)
            .where(
                sessions.c.sha256 == sha256,
                sessions.c.expires_at > datetime.now(UTC),
                access_keys.c.revoked_at.is_(None),
            )
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else access_key(row)

    def end(self, sha256: str) -> None:
        """It opens nothing any more."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.sha256 == sha256))
