"""One worker, from its first heartbeat to its last: `with working(...)` in a process of its own or beside the API."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import uuid4

from dbos import DBOS, DBOSConfig
from dbos._dbos import _get_dbos_instance

from service.jobs.leases import Heart, Leases
from service.jobs.queue import JobQueue, audit_id
from service.jobs.system import COMPARISONS, GPU, NAME, PLANNING, SERIALIZER, TRIALS, VERSION, system_engine, system_url
from service.jobs.worker import Worker, current_worker, employ
from service.jobs.workflows import register
from service.logs import facts
from service.settings import Settings
from service.storage.database import Database
from service.storage.datasets import keep_audit, waiting_audits
from service.storage.runs import Runs
from service.storage.workers import living_workers

AT_ONCE: Final = {COMPARISONS: 2, PLANNING: 1, TRIALS: 2, GPU: 1}
"""Of each queue, on each worker. A comparison itself only waits for its parts. One trial has all processors; the next
is at hand already, so that trials of a tenth of a second do not wait for the queue."""
POLL_SECONDS: Final = 0.5
KEEP_SECONDS: Final = 7 * 24 * 3600.0
"""How long the queue remembers what has ended; the comparisons themselves are kept until they are deleted."""
LOOKS: Final = 3
"""Between being taken from the queue and being begun, work belongs to nobody for a moment."""
SWEEP_EVERY: Final = 3600.0
ENDED: Final = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
OUR_ERROR: Final = "an error of the advisor ended it; the log says more"

logger = logging.getLogger(__name__)


@contextmanager
def working(settings: Settings, database: Database, queues: Sequence[str]) -> Iterator[Worker]:
    """A worker that serves these queues. On leaving, its work is left for the next one; nothing that ended is lost.

    One at a time in a process.
    """
    name = f"{socket.gethostname()[:30]}-{os.getpid()}-{uuid4().hex[:8]}"
    worker = Worker(settings, database, name)
    leases = Leases(database, name, queues, settings.lease_seconds)
    leases.renew()  # before anything can be taken from the queue, or others would take it for a dead one's
    engine = system_engine(settings)
    employ(worker)
    register()
    config = DBOSConfig(
        name=NAME, system_database_url=system_url(settings), application_version=VERSION, executor_id=name,
        serializer=SERIALIZER, log_level="WARNING", enable_otlp=False,
    )  # fmt: skip
    if engine is not None:
        config["system_database_engine"] = engine
    DBOS(config=config)
    DBOS.listen_queues(list(queues))
    DBOS.launch()
    for queue, most in AT_ONCE.items():
        DBOS.register_queue(
            queue, worker_concurrency=most, polling_interval_sec=POLL_SECONDS, on_conflict="always_update"
        )
    jobs = JobQueue(settings)
    heart = Heart(leases, settings.lease_seconds / 5, _Strays(name).look, _Caretaker(leases, database, jobs).care)
    heart.start()
    logger.info("worker begun", extra=facts(worker=name, queues=",".join(queues)))
    try:
        yield worker
    finally:
        worker.stop()
        heart.stop()
        # What it takes from the queue while it ends stays there, and is handed on; it would be told as errors.
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        DBOS.destroy(workflow_completion_timeout_sec=0)
        employ(None)
        _let_go(leases)
        jobs.close()
        if engine is not None:
            engine.dispose()
        logger.info("worker ended", extra=facts(worker=name))


def _let_go(leases: Leases) -> None:
    """Last of all: from here on others take what was in work."""
    try:
        leases.release()
    except Exception as error:
        logger.warning("the lease was not released, others wait for its end: %s", type(error).__name__)


class _Strays:
    """Work that the database gives to this worker and that nothing here is doing: a database that came back without its
    last commits, after a crash or from a replica, does not know that it has ended."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: dict[str, int] = {}

    def look(self) -> None:
        """What is found so `LOOKS` times in a row is put back into its queue."""
        pending = DBOS.list_workflows(status="PENDING", executor_id=self._name, load_input=False, load_output=False)
        queues = {flow.workflow_id: flow.queue_name for flow in pending}
        strays = queues.keys() - set(_get_dbos_instance()._active_workflows_set.activeList())
        self._seen = {id: self._seen.get(id, 0) + 1 for id in strays}
        for id in [id for id, looks in self._seen.items() if looks >= LOOKS]:
            del self._seen[id]
            logger.warning("work that nobody was doing was put back into its queue")
            DBOS.resume_workflow(id, queue_name=queues[id])


class _Caretaker:
    """What the leader does at each beat, so that no work is left lying."""

    def __init__(self, leases: Leases, database: Database, jobs: JobQueue) -> None:
        self._leases, self._database, self._jobs = leases, database, jobs
        self._runs = Runs(database)
        self._swept = 0.0

    def care(self) -> None:
        """Hand on the work of the dead, put in what a crash kept from the queue, and sweep."""
        self._hand_on()
        for run in self._runs.queued():
            self._jobs.add_comparison(run)
        for dataset in waiting_audits(self._database):
            self._jobs.add_audit(dataset)
        self._end_broken()
        if time.monotonic() - self._swept > SWEEP_EVERY:
            self._sweep()
            self._leases.forget_dead()
            self._swept = time.monotonic()

    def _hand_on(self) -> None:
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        # The living are looked up after their work: a worker that came meanwhile is not taken for a dead one.
        dead = sorted({flow.executor_id for flow in pending if flow.executor_id} - set(living_workers(self._database)))
        if dead:
            # resume_workflow would begin the count of recoveries anew, and one that kills its worker would never end.
            handed = DBOS._recover_pending_workflows(dead)
            logger.info("work handed on", extra=facts(pieces=len(handed), dead_workers=len(dead)))

    def _end_broken(self) -> None:
        """What is stored as open and whose work has ended would be waited for in vain: after an error of ours, or
        when one of the two databases lost its last commits with the power."""
        runs = {str(run): run for run in (*self._runs.queued(), *self._runs.running())}
        audits = {audit_id(dataset): dataset for dataset in waiting_audits(self._database)}
        known = _states([*runs, *audits])
        for id in (*runs, *audits):
            if id not in known and id in runs:
                self._jobs.add_comparison(runs[id])
            elif known.get(id) not in ENDED:
                continue
            elif id in runs:
                current_worker().fail(str(runs[id].comparison), runs[id].generation, OUR_ERROR)
            else:
                keep_audit(self._database, audits[id], None, f"{OUR_ERROR[0].upper()}{OUR_ERROR[1:]}.")

    def _sweep(self) -> None:
        """Of what has not ended as a whole the parts are still wanted: whoever waits for one that is gone waits for
        ever."""
        before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - KEEP_SECONDS))
        kept = 0
        while old := DBOS.list_workflows(
            status=ENDED, completed_before=before, limit=500, offset=kept, load_input=False, load_output=False
        ):
            open_ones = {str(run) for run in (*self._runs.queued(), *self._runs.running())}
            over = [flow.workflow_id for flow in old if ".".join(flow.workflow_id.split(".")[:2]) not in open_ones]
            DBOS.delete_workflows(over)
            kept += len(old) - len(over)


def _states(ids: Sequence[str]) -> dict[str, str]:
    """Of those of these workflows that the queue knows."""
    if not ids:
        return {}
    flows = DBOS.list_workflows(workflow_ids=list(ids), load_input=False, load_output=False)
    return {flow.workflow_id: flow.status for flow in flows}
