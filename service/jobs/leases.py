"""Heartbeats of workers, and who looks after the work of the dead.

A worker holds a lease that it renews; one worker at a time, the leader, hands the work of those whose lease ran out
back to the queue. DBOS by itself would wait for a worker of the same name.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import delete, or_, update
from sqlalchemy.dialects import postgresql, sqlite

from service.storage.database import Database
from service.storage.tables import leaders, workers
from service.storage.workers import lease_clock

LEADER: Final = "caretaker"
FORGET_AFTER: Final = 3600.0
"""Seconds after which a dead worker's row goes: by then its work is long with others."""

logger = logging.getLogger(__name__)


class Leases:
    """One worker's lease. Times are the database's, so that clocks of machines need not agree."""

    def __init__(self, database: Database, worker: str, queues: Sequence[str], seconds: float) -> None:
        self._database, self._worker, self._queues, self._seconds = database, worker, list(queues), seconds

    def renew(self) -> None:
        """Hold the lease for another while."""
        self._hold(self._seconds)

    def release(self) -> None:
        """Give it up, and the lead with it: the work that is left goes to others at once."""
        self._hold(-1.0)
        with self._database.writing() as connection:
            connection.execute(delete(leaders).where(leaders.c.role == LEADER, leaders.c.worker == self._worker))

    def lead(self) -> bool:
        """Be, or stay, the leader; False where another worker is."""
        with self._database.writing() as connection:
            now = lease_clock(connection)
            values = {"worker": self._worker, "lease_until": now + self._seconds}
            free = or_(leaders.c.worker == self._worker, leaders.c.lease_until < now)
            taken = connection.execute(update(leaders).where(leaders.c.role == LEADER, free).values(values))
            if taken.rowcount:
                return True
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            made = connection.execute(insert(leaders).values(role=LEADER, **values).on_conflict_do_nothing())
            return bool(made.rowcount)

    def forget_dead(self) -> None:
        """Take away the rows of those that died long ago."""
        with self._database.writing() as connection:
            connection.execute(delete(workers).where(workers.c.lease_until < lease_clock(connection) - FORGET_AFTER))

    def _hold(self, seconds: float) -> None:
        with self._database.writing() as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            values = {"queues": self._queues, "lease_until": lease_clock(connection) + seconds}
            statement = insert(workers).values(id=self._worker, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


class Heart(threading.Thread):
    """Renews the lease until it is stopped, and calls `own`; while its worker leads, it also calls `care`."""

    def __init__(self, leases: Leases, every: float, own: Callable[[], None], care: Callable[[], None]) -> None:
        super().__init__(name="heart", daemon=True)
        self._leases, self._every, self._own, self._care = leases, every, own, care
        self._stopped = threading.Event()

    def run(self) -> None:
        """From now on. A failure is logged and the next beat comes: the database may be back by then."""
        while not self._stopped.is_set():
            try:
                self._leases.renew()
                self._own()
                if self._leases.lead():
                    self._care()
            except Exception as error:
                logger.warning("no heartbeat: %s", type(error).__name__)
            self._stopped.wait(self._every)

    def stop(self) -> None:
        """Beat no more. The lease is still held: what is left in work is not handed on yet."""
        self._stopped.set()
        self.join()
