"""All SQL about idempotency keys: what was answered the first time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.storage.database import Database
from service.storage.tables import idempotency_keys

KEPT: Final = timedelta(hours=24)
ABANDONED_AFTER: Final = timedelta(minutes=2)
"""A call that has no answer by then was lost with its process, and may be made again."""


@dataclass(frozen=True, slots=True)
class FirstCall:
    """What is known of the key's first use; `response` is None while it is in work."""

    request_sha256: str
    response: dict[str, Any] | None


class IdempotencyKeys:
    """The keys of one workspace."""

    def __init__(self, database: Database, workspace: UUID) -> None:
        self._database, self._workspace = database, workspace

    def claim(self, key: str, request_sha256: str) -> FirstCall | None:
        """None for whoever comes first, and may go ahead; else what the first one asked and got."""
        now = datetime.now(UTC)
        old = (idempotency_keys.c.created_at < now - KEPT) | (
            idempotency_keys.c.response.is_(None) & (idempotency_keys.c.created_at < now - ABANDONED_AFTER)
        )
        try:
            with self._database.writing() as connection:
                connection.execute(delete(idempotency_keys).where(old))
                connection.execute(
                    insert(idempotency_keys).values(
                        workspace_id=self._workspace, key=key, request_sha256=request_sha256, created_at=now
                    )
                )
        except IntegrityError:
            with self._database.reading() as connection:
                row = connection.execute(select(idempotency_keys).where(self._at(key))).one_or_none()
            return FirstCall(row.request_sha256, row.response) if row is not None else self.claim(key, request_sha256)
        return None

    def renew(self, key: str) -> None:
        """The call is still in work."""
        with self._database.writing() as connection:
            connection.execute(update(idempotency_keys).where(self._at(key)).values(created_at=datetime.now(UTC)))

    def settle(self, key: str, response: dict[str, Any]) -> None:
        """Keep what was answered."""
        with self._database.writing() as connection:
            connection.execute(update(idempotency_keys).where(self._at(key)).values(response=response))

    def give_up(self, key: str) -> None:
        """The call failed and changed nothing: the key is free again."""
        with self._database.writing() as connection:
            connection.execute(delete(idempotency_keys).where(self._at(key)))

    def _at(self, key: str) -> Any:
        return (idempotency_keys.c.workspace_id == self._workspace) & (idempotency_keys.c.key == key)
