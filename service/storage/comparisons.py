"""All SQL about comparisons as their workspace sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from statistics import median
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Update, func, insert, select, tuple_, update

from service.errors import NotFound, NotNow
from service.storage.assessments import Position
from service.storage.database import Database
from service.storage.events import write_event
from service.storage.tables import comparisons, trials
from service.storage.workers import living_workers

Document = dict[str, Any]


class Status(StrEnum):
    """Where a comparison is."""

    QUEUED = "queued"
    RUNNING = "running"
    AWAITING_APPROVAL = "awaiting_approval"
    FINISHED = "finished"
    BLOCKED = "blocked"
    """The audit forbids it: the verdict is `no_comparison`."""
    FAILED = "failed"
    CANCELLED = "cancelled"


UNDER_WAY: Final = (Status.QUEUED, Status.RUNNING)
CAN_BE_CANCELLED: Final = (*UNDER_WAY, Status.AWAITING_APPROVAL)
ENDED: Final = (Status.FINISHED, Status.BLOCKED, Status.FAILED, Status.CANCELLED)
CAN_GO_ON: Final = (Status.CANCELLED, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Subjects:
    """What a comparison is about; None for what is not used, or deleted since."""

    dataset_id: UUID | None
    test_id: UUID | None = None
    corpus_id: UUID | None = None
    assessment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class StoredComparison:
    """`generation` counts how often it was set going: work of an earlier one is of no use any more. `events` is the
    number of its latest event. `foreseen` is what waits for approval."""

    id: UUID
    workspace_id: UUID
    name: str
    subjects: Subjects
    request: Document
    status: Status
    generation: int
    events: int
    plan: Document | None
    foreseen: Document | None
    approved_by: str | None
    verdict: Document | None
    problem: Document | None
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredTrial:
    """`seconds` is how long fitting and predicting took together."""

    key: str
    arm: str
    title: str
    train_size: int
    queue: str
    status: str
    attempts: int
    worker: str | None
    seconds: float | None
    problem: str | None


class Comparisons:
    """The comparisons of one workspace."""

    def __init__(self, database: Database, workspace: UUID) -> None:
        self._database, self._workspace = database, workspace

    def add(self, id: UUID, name: str, subjects: Subjects, request: Document) -> StoredComparison:
        """Store a comparison that waits in the queue."""
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            connection.execute(
                insert(comparisons).values(
                    id=id, workspace_id=self._workspace, name=name, dataset_id=subjects.dataset_id,
                    test_id=subjects.test_id, corpus_id=subjects.corpus_id, assessment_id=subjects.assessment_id,
                    request=request, status=Status.QUEUED, generation=1, events=0, created_at=now, queued_at=now,
                )
            )  # fmt: skip
            write_event(connection, id, "queued", {})
        return self.get(id)

    def get(self, id: UUID) -> StoredComparison:
        """`NotFound` where the workspace has no such comparison."""
        with self._database.reading() as connection:
            row = connection.execute(select(comparisons).where(self._ours(id))).one_or_none()
        if row is None:
            raise NotFound(f"there is no comparison {id}")
        return stored_comparison(row)

    def page(self, limit: int, after: Position | None = None) -> Sequence[StoredComparison]:
        """At most `limit`, newest first, starting just after a position."""
        query = select(comparisons).where(comparisons.c.workspace_id == self._workspace)
        if after is not None:
            query = query.where(tuple_(comparisons.c.created_at, comparisons.c.id) < tuple_(*after))
        query = query.order_by(comparisons.c.created_at.desc(), comparisons.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [stored_comparison(row) for row in connection.execute(query)]

    def of_dataset(self, dataset: UUID) -> Sequence[StoredComparison]:
        """All that rest on a data set, as examples or as test rows."""
        return self._that((comparisons.c.dataset_id == dataset) | (comparisons.c.test_id == dataset))

    def of_corpus(self, corpus: UUID) -> Sequence[StoredComparison]:
        """All that search in a corpus."""
        return self._that(comparisons.c.corpus_id == corpus)

    def _that(self, rest: ColumnElement[bool]) -> Sequence[StoredComparison]:
        query = select(comparisons).where(comparisons.c.workspace_id == self._workspace, rest)
        with self._database.reading() as connection:
            return [stored_comparison(row) for row in connection.execute(query)]

    def trials(self, id: UUID) -> Sequence[StoredTrial]:
        """All that are known so far, in the order in which they were called for."""
        query = (
            select(trials)
            .join(comparisons, comparisons.c.id == trials.c.comparison_id)
            .where(self._ours(id))
            .order_by(trials.c.number, trials.c.key)
        )
        with self._database.reading() as connection:
            return [_trial(row) for row in connection.execute(query)]

    def unserved(self, queues: set[str]) -> list[str]:
        """Those of these queues that no living worker serves."""
        served = living_workers(self._database).values()
        return sorted(queues.difference(*served))

    def line(self, comparison: StoredComparison) -> tuple[int, float | None]:
        """How many comparisons, of all workspaces, are to be worked on before this one, and how many minutes they may
        take by the median of the last 20 that finished; None where none has."""
        before = (comparisons.c.queued_at < comparison.queued_at) & comparisons.c.status.in_(UNDER_WAY)
        finished = (
            select(comparisons.c.started_at, comparisons.c.finished_at)
            .where(comparisons.c.status == Status.FINISHED)
            .order_by(comparisons.c.finished_at.desc())
            .limit(20)
        )
        with self._database.reading() as connection:
            count = connection.scalar(select(func.count()).select_from(comparisons).where(before)) or 0
            took = [(row.finished_at - row.started_at).total_seconds() / 60 for row in connection.execute(finished)]
        return count, round(count * median(took), 1) if took else None

    def approve(self, id: UUID, actor: str) -> StoredComparison:
        """Let it go on to spend; `NotNow` unless it waits for that."""
        return self._set_going(id, (Status.AWAITING_APPROVAL,), "approved", actor, approved_by=actor)

    def go_on(self, id: UUID, actor: str, request: Document) -> StoredComparison:
        """Queue a cancelled or failed one again, with what is asked of it now. Finished trials are not repeated; those
        that were given up are tried again: whoever lets it go on has put right what was wrong."""
        again = (
            update(trials)
            .where(trials.c.comparison_id == id, trials.c.status != "finished")
            .values(status="queued", attempts=0, problem=None, worker=None)
        )
        return self._set_going(id, CAN_GO_ON, "queued", actor, again, request=request)

    def cancel(self, id: UUID, actor: str) -> StoredComparison:
        """End it; `NotNow` where it has ended. What is in work is stopped by its worker."""
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            changed = connection.execute(
                update(comparisons)
                .where(self._ours(id), comparisons.c.status.in_(CAN_BE_CANCELLED))
                .values(status=Status.CANCELLED, generation=comparisons.c.generation + 1, finished_at=now)
            )
            if changed.rowcount:
                write_event(connection, id, "cancelled", {"by": actor})
        return self._changed(id, bool(changed.rowcount), "cancelled")

    def _set_going(
        self, id: UUID, allowed: Sequence[Status], event: str, actor: str, also: Update | None = None, **values: object
    ) -> StoredComparison:
        with self._database.writing() as connection:
            changed = connection.execute(
                update(comparisons)
                .where(self._ours(id), comparisons.c.status.in_(allowed))
                .values(
                    status=Status.QUEUED, generation=comparisons.c.generation + 1, queued_at=datetime.now(UTC),
                    finished_at=None, problem=None, **values,
                )
            )  # fmt: skip
            if changed.rowcount:
                if also is not None:
                    connection.execute(also)
                write_event(connection, id, event, {"by": actor})
        return self._changed(id, bool(changed.rowcount), "approved" if event == "approved" else "continued")

    def _changed(self, id: UUID, changed: bool, what: str) -> StoredComparison:
        comparison = self.get(id)
        if not changed:
            raise NotNow(f"comparison {id} is {comparison.status.replace('_', ' ')}; it cannot be {what} now")
        return comparison

    def _ours(self, id: UUID) -> ColumnElement[bool]:
        return (comparisons.c.id == id) & (comparisons.c.workspace_id == self._workspace)


def stored_comparison(row: Row[Any]) -> StoredComparison:
    """A row of the table."""
    return StoredComparison(
        id=row.id, workspace_id=row.workspace_id, name=row.name,
        subjects=Subjects(row.dataset_id, row.test_id, row.corpus_id, row.assessment_id),
        request=row.request, status=Status(row.status), generation=row.generation, events=row.events, plan=row.plan,
        foreseen=row.foreseen, approved_by=row.approved_by, verdict=row.verdict, problem=row.problem,
        created_at=row.created_at, queued_at=row.queued_at, started_at=row.started_at, finished_at=row.finished_at,
    )  # fmt: skip


def _trial(row: Row[Any]) -> StoredTrial:
    return StoredTrial(
        row.key, row.arm, row.title, row.train_size, row.queue, row.status, row.attempts, row.worker, row.seconds,
        row.problem,
    )  # fmt: skip
