"""All SQL of a worker: how a comparison moves on, and what becomes of its trials.

Everything is bound to a generation: what belongs to an earlier one, cancelled or taken over since, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.storage.comparisons import UNDER_WAY, Status, StoredComparison, stored_comparison
from service.storage.database import Database
from service.storage.events import write_event
from service.storage.tables import comparisons, trials

Document = dict[str, Any]


OPEN: Final = ("queued", "running")
"""Of trials that have not ended."""


class Start(Enum):
    """What became of the wish to begin a trial."""

    STARTED = "started"
    TOO_OFTEN = "too often"
    ENDED = "ended"


class Run(NamedTuple):
    """A comparison, set going for the n-th time."""

    comparison: UUID
    generation: int

    def __str__(self) -> str:
        return f"{self.comparison}.{self.generation}"


class Runs:
    """What workers do to the comparisons of all workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, run: Run) -> StoredComparison | None:
        """The comparison, while this run of it is under way."""
        with self._database.reading() as connection:
            row = connection.execute(select(comparisons).where(_current(run))).one_or_none()
        return None if row is None else stored_comparison(row)

    def is_current(self, run: Run) -> bool:
        """Whether its work is still wanted."""
        with self._database.reading() as connection:
            return connection.execute(select(comparisons.c.id).where(_current(run))).one_or_none() is not None

    def queued(self) -> Sequence[Run]:
        """All that wait to be begun."""
        query = select(comparisons.c.id, comparisons.c.generation).where(comparisons.c.status == Status.QUEUED)
        with self._database.reading() as connection:
            return [Run(row.id, row.generation) for row in connection.execute(query)]

    def running(self) -> Sequence[Run]:
        """All that were begun and have not ended."""
        query = select(comparisons.c.id, comparisons.c.generation).where(comparisons.c.status == Status.RUNNING)
        with self._database.reading() as connection:
            return [Run(row.id, row.generation) for row in connection.execute(query)]

    def begin(self, run: Run) -> bool:
        """Mark it as running; False where it is no longer wanted."""
        with self._database.writing() as connection:
            row = connection.execute(select(comparisons.c.status).where(_current(run))).one_or_none()
            if row is not None and row.status == Status.QUEUED:
                _move(connection, run, "started", {}, status=Status.RUNNING, started_at=datetime.now(UTC))
        return row is not None

    def note(self, run: Run, kind: str, data: Document, **values: Any) -> None:
        """An event; `values` are kept with the comparison."""
        with self._database.writing() as connection:
            _move(connection, run, kind, data, **values)

    def wait_for_approval(self, run: Run, foreseen: Document) -> None:
        """Stop until somebody agrees to what is foreseen; what was agreed to before is not enough."""
        waits = {"status": Status.AWAITING_APPROVAL, "foreseen": foreseen, "approved_by": None}
        with self._database.writing() as connection:
            _move(connection, run, "awaiting_approval", foreseen, **waits)

    def end(self, run: Run, status: Status, data: Document, **values: Any) -> None:
        """Finished, blocked or failed."""
        with self._database.writing() as connection:
            _move(connection, run, status, data, status=status, finished_at=datetime.now(UTC), **values)

    def want_trials(self, run: Run, wanted: Sequence[Mapping[str, Any]]) -> None:
        """Enter the trials that are to run; one that is there already keeps its count of attempts."""
        if not wanted:
            return
        rows = [
            {"comparison_id": run.comparison, "number": number, "status": "queued", "attempts": 0,
             **{name: trial[name] for name in ("key", "arm", "title", "train_size", "queue")}}
            for number, trial in enumerate(wanted)
        ]  # fmt: skip
        with self._database.writing() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            connection.execute(dialect.insert(trials).values(rows).on_conflict_do_nothing())

    def start_trial(self, run: Run, key: str, worker: str, most: int) -> Start:
        """Count an attempt, unless it has ended already or `most` have been made."""
        with self._database.writing() as connection:
            started = connection.execute(
                update(trials)
                .where(_trial(run, key), trials.c.status.in_(OPEN), trials.c.attempts < most)
                .values(status="running", worker=worker, attempts=trials.c.attempts + 1, problem=None)
                .returning(trials.c.arm, trials.c.attempts)
            ).one_or_none()
            if started is not None:
                data = {"arm": started.arm, "key": key, "attempt": started.attempts}
                _move(connection, run, "trial_started", data)
                return Start.STARTED
            is_open = connection.scalar(select(trials.c.key).where(_trial(run, key), trials.c.status.in_(OPEN)))
            return Start.ENDED if is_open is None else Start.TOO_OFTEN

    def give_back_trial(self, run: Run, key: str, worker: str) -> None:
        """An attempt that its worker ended itself, without fault of the trial, does not count."""
        with self._database.writing() as connection:
            connection.execute(
                update(trials)
                .where(_trial(run, key), trials.c.status == "running", trials.c.worker == worker)
                .values(status="queued", worker=None, attempts=trials.c.attempts - 1)
            )

    def finish_trial(self, run: Run, key: str, seconds: float, usage: Document | None = None) -> None:
        """It ran to its end; a second report of the same changes nothing. `usage` is what its answers took: tokens,
        cost."""
        data = {"seconds": round(seconds, 3), **({"usage": usage} if usage else {})}
        self._end_trial(run, key, "trial_finished", data, status="finished", seconds=seconds)

    def give_up_trial(self, run: Run, key: str, problem: str) -> None:
        """It will not be tried again."""
        self._end_trial(run, key, "trial_given_up", {"problem": problem}, status="given_up", problem=problem)

    def given_up(self, comparison: UUID) -> dict[str, str]:
        """Why, by arm."""
        query = select(trials.c.arm, trials.c.problem).where(
            trials.c.comparison_id == comparison, trials.c.status == "given_up"
        )
        with self._database.reading() as connection:
            return {row.arm: row.problem for row in connection.execute(query)}

    def _end_trial(self, run: Run, key: str, kind: str, data: Document, **values: Any) -> None:
        with self._database.writing() as connection:
            ended = connection.execute(
                update(trials)
                .where(_trial(run, key), trials.c.status.in_(OPEN))
                .values(**values)
                .returning(trials.c.arm)
            ).one_or_none()
            if ended is not None:
                _move(connection, run, kind, {"arm": ended.arm, "key": key, **data})


def _current(run: Run) -> Any:
    return (
        (comparisons.c.id == run.comparison)
        & (comparisons.c.generation == run.generation)
        & comparisons.c.status.in_(UNDER_WAY)
    )


def _trial(run: Run, key: str) -> Any:
    return (trials.c.comparison_id == run.comparison) & (trials.c.key == key)


def _move(connection: Connection, run: Run, kind: str, data: Document, **values: Any) -> None:
    if values:
        moved = connection.execute(update(comparisons).where(_current(run)).values(**values)).rowcount
    else:
        # Locked where the database can: a cancellation in between would have an event after its end.
        held = select(comparisons.c.id).where(_current(run)).with_for_update()
        moved = connection.execute(held).one_or_none() is not None
    if moved:
        write_event(connection, run.comparison, kind, data)
