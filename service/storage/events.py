"""What happened to a comparison, numbered from 1, so that whoever follows it can go on after any number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from service.storage.database import Database
from service.storage.tables import comparisons, events


@dataclass(frozen=True, slots=True)
class Event:
    """`data` holds no text of the user's rows."""

    number: int
    at: datetime
    kind: str
    data: dict[str, Any]


def write_event(connection: Connection, comparison: UUID, kind: str, data: dict[str, Any]) -> None:
    """Within the transaction that makes it true. Does nothing for a comparison that is no longer there."""
    number = connection.scalar(
        update(comparisons)
        .where(comparisons.c.id == comparison)
        .values(events=comparisons.c.events + 1)
        .returning(comparisons.c.events)
    )
    if number is not None:
        connection.execute(
            insert(events).values(comparison_id=comparison, number=number, at=datetime.now(UTC), kind=kind, data=data)
        )


def events_after(database: Database, comparison: UUID, number: int, limit: int = 500) -> Sequence[Event]:
    """At most `limit` events after a number, in order. Whoever asks has checked that the comparison is theirs."""
    query = (
        select(events)
        .where(events.c.comparison_id == comparison, events.c.number > number)
        .order_by(events.c.number)
        .limit(limit)
    )
    with database.reading() as connection:
        return [Event(row.number, row.at, row.kind, row.data) for row in connection.execute(query)]


def latest_numbers(database: Database, followed: Iterable[UUID]) -> dict[UUID, int]:
    """The number of the latest event of each comparison, in one query."""
    query = select(comparisons.c.id, comparisons.c.events).where(comparisons.c.id.in_(list(followed)))
    with database.reading() as connection:
        return {row.id: row.events for row in connection.execute(query)}
