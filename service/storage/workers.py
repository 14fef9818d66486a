"""Which workers are alive, by their leases."""

from __future__ import annotations

import time

from sqlalchemy import Connection, select, text

from service.storage.database import Database
from service.storage.tables import workers


def living_workers(database: Database) -> dict[str, list[str]]:
    """Workers whose lease holds, with the queues that they serve."""
    with database.reading() as connection:
        rows = connection.execute(select(workers).where(workers.c.lease_until >= lease_clock(connection)))
        return {row.id: row.queues for row in rows}


def lease_clock(connection: Connection) -> float:
    """Seconds by the database's own clock, so that clocks of machines need not agree."""
    if connection.dialect.name == "postgresql":
        return float(connection.scalar(text("select extract(epoch from clock_timestamp())::float8")) or 0.0)
    return time.time()
