"""The queue as the API sees it: work goes in."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from dbos import DBOSClient, EnqueueOptions
from dbos import error as dbos_error
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from service.errors import StorageUnavailable
from service.jobs.system import COMPARISONS, PLANNING, SERIALIZER, VERSION, system_engine, system_url
from service.settings import Settings
from service.storage.runs import Run

logger = logging.getLogger(__name__)


class JobQueue:
    """Work for workers. The same work can be put in twice: it is there once. Work that cannot be put in now is put in
    by the worker that leads: it looks for what is stored and not queued."""

    def __init__(self, settings: Settings) -> None:
        self._engine = system_engine(settings)
        self._client = DBOSClient(
            system_database_url=None if self._engine is not None else system_url(settings),
            system_database_engine=self._engine,
            serializer=SERIALIZER,
            retry_connection_errors=False,
        )

    def add_comparison(self, run: Run) -> None:
        """Have it begun, or gone on with."""
        self._add(COMPARISONS, "comparison", str(run), str(run.comparison), run.generation)

    def add_audit(self, dataset: UUID) -> None:
        """Have a data set audited."""
        self._add(PLANNING, "audit", audit_id(dataset), str(dataset))

    def check(self) -> None:
        """`StorageUnavailable` where the queue does not answer."""
        with _unavailable_is_ours():
            self._client.check_connection()

    def lengths(self) -> dict[tuple[str, str], int]:
        """How many pieces of work each queue has, `waiting` or `taken` by a worker."""
        with _unavailable_is_ours():
            there = self._client.list_queued_workflows(load_input=False)
        return Counter((flow.queue_name or "", "waiting" if flow.status == "ENQUEUED" else "taken") for flow in there)

    def close(self) -> None:
        """Give its connections back."""
        self._client.destroy()
        if self._engine is not None:
            self._engine.dispose()

    def _add(self, queue: str, workflow: str, id: str, *arguments: object) -> None:
        options = EnqueueOptions(queue_name=queue, workflow_name=workflow, workflow_id=id, app_version=VERSION)
        try:
            with _unavailable_is_ours():
                self._client.enqueue(options, *arguments)
        except StorageUnavailable as error:
            # What asks for it is stored: to refuse now would have it asked for, and paid for, twice.
            logger.warning("work is put in later: %s", error)


def audit_id(dataset: UUID) -> str:
    """Of the work that audits a data set."""
    return f"audit.{dataset}"


@contextmanager
def _unavailable_is_ours() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, NoConnectionFree, dbos_error.DBOSException) as error:
        raise StorageUnavailable(f"the queue did not answer: {type(error).__name__}") from error
