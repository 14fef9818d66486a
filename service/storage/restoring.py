"""What a database that was restored must not go on believing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update

from service.storage.comparisons import UNDER_WAY, Status
from service.storage.database import Database
from service.storage.events import write_event
from service.storage.tables import assessments, comparisons, corpora, datasets, leaders, sessions, trials, workers


@dataclass(frozen=True, slots=True)
class Restored:
    """How much is there, of all workspaces; `unfinished` comparisons wait to be resumed."""

    comparisons: int
    unfinished: int
    datasets: int
    corpora: int
    assessments: int


def settle(database: Database) -> Restored:
    """No worker is alive, nobody is signed in, and what was under way waits until somebody resumes it: a copy on
    another machine must not begin to spend by itself."""
    under_way = comparisons.c.status.in_(UNDER_WAY)
    with database.writing() as connection:
        for table in (workers, leaders, sessions):
            connection.execute(delete(table))
        unfinished = connection.scalars(select(comparisons.c.id).where(under_way)).all()
        connection.execute(
            update(comparisons)
            .where(under_way)
            .values(
                status=Status.CANCELLED, generation=comparisons.c.generation + 1, finished_at=datetime.now(UTC)
            )
        )  # fmt: skip
        connection.execute(
            update(trials)
            .where(trials.c.status == "running")
            .values(status="queued", worker=None, attempts=trials.c.attempts - 1)
        )
        for id in unfinished:
            write_event(connection, id, "cancelled", {"by": "the restore of a backup"})
        counts = [
            connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (comparisons, datasets, corpora, assessments)
        ]
    return Restored(counts[0], len(unfinished), *counts[1:])
