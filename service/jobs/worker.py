"""A worker: what it does with each piece of work, and how it waits out what is not the work's fault."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from uuid import UUID

from service.errors import StorageUnavailable
from service.jobs.runner import NoLongerWanted, Runner, RunnerDied
from service.jobs.system import PLANNING, TRIALS
from service.logs import facts
from service.settings import Settings
from service.storage.comparisons import Status
from service.storage.database import Database
from service.storage.datasets import AuditStatus, find_dataset, keep_audit
from service.storage.folders import comparison_folder, dataset_folder
from service.storage.runs import Run, Runs, Start

MOST_ATTEMPTS: Final = 3
"""Of one trial; a trial that ended its process as often is given up, and the rest goes on."""
PATIENCE: Final = 600.0
"""Seconds to wait for a database that does not answer, or for room on the disk."""
TRY_AGAIN_AFTER: Final = 1.0
NOTHING: Final = {"calls": 0, "cost": 0.0}
GIVING_BACK: Final = 2.0
"""Seconds that a worker which stops waits for its trials to be given back."""
WHY: Final = ("refused", "no_room", "failed")
Result = TypeVar("Result")
Document = dict[str, Any]

logger = logging.getLogger(__name__)


class Stopping(BaseException):
    """The worker is being shut down: its work goes to another one, or to itself when it is back."""


class Worker:
    """Does the work of this process. `name` is its own, of all workers that ever ran."""

    def __init__(self, settings: Settings, database: Database, name: str) -> None:
        self._settings, self._database, self._name = settings, database, name
        self._runs = Runs(database)
        self._runners = {queue: Runner(settings) for queue in (PLANNING, TRIALS)}
        self._stopping = threading.Event()
        self._trials_in_work = 0
        self._trial_left = threading.Condition()

    def begin(self, id: str, generation: int) -> bool:
        """Mark the comparison as running; False where it is no longer wanted."""
        run = Run(UUID(id), generation)
        self._refuse_when_stopping()
        begun = self._patiently(self._runs.begin, run)
        logger.info("comparison begun" if begun else "comparison no longer wanted", extra=_of(run))
        return begun

    def fail(self, id: str, generation: int, problem: str) -> None:
        """End the comparison with what the user can do about it."""
        self._end(Run(UUID(id), generation), Status.FAILED, problem)

    def advance(self, id: str, generation: int) -> list[Document]:
        """The trials that are wanted next; none where the comparison has ended, or waits for somebody."""
        run = Run(UUID(id), generation)
        self._refuse_when_stopping()
        stored = self._patiently(self._runs.find, run)
        if stored is None:
            return []
        request = {
            "do": "advance", "folder": str(comparison_folder(self._settings, run.comparison)),
            "agreed": None if stored.approved_by is None else (stored.foreseen or {}).get("in_all", NOTHING),
            "given_up": self._patiently(self._runs.given_up, run.comparison),
        }  # fmt: skip
        answer = self._ask_until_it_answers(PLANNING, request, run)
        if "wanted" not in answer.get("done", {}):
            self._conclude(run, answer)
            return []
        wanted: list[Document] = answer["done"]["wanted"]
        self._patiently(self._runs.want_trials, run, wanted)
        return [{"key": trial["key"], "queue": trial["queue"]} for trial in wanted]

    def trial(self, id: str, generation: int, key: str) -> None:
        """Run it, as often as it takes, up to `MOST_ATTEMPTS`."""
        run = Run(UUID(id), generation)
        with self._trial_in_work():
            self._try_trial(run, key)

    def _try_trial(self, run: Run, key: str) -> None:
        request = {"do": "trial", "folder": str(comparison_folder(self._settings, run.comparison)), "key": key}
        problem, deadline = "it ended its worker", None
        while True:
            # Several may wait for the child; an attempt counts only from its own turn.
            with self._runners[TRIALS].turn:
                if not self._wanted(run):
                    return
                start = self._patiently(self._runs.start_trial, run, key, self._name, MOST_ATTEMPTS)
                if start is Start.ENDED:
                    return
                if start is Start.TOO_OFTEN:
                    why = f"{problem}, {MOST_ATTEMPTS} times"
                    self._patiently(self._runs.give_up_trial, run, key, why)
                    logger.warning("trial given up", extra=_of(run, key))
                    return
                try:
                    answer = self._ask(TRIALS, request, run)
                except RunnerDied as died:
                    problem = str(died)
                    continue
                except (NoLongerWanted, Stopping):
                    self._give_back(run, key)
                    raise
            if "done" in answer:
                seconds = float(answer["done"]["seconds"])
                self._patiently(self._runs.finish_trial, run, key, seconds, answer["done"]["usage"])
                logger.info("trial finished", extra=_of(run, key, seconds=round(seconds, 3)))
                return
            if "failed" in answer:
                problem = answer["failed"]
                continue
            self._give_back(run, key)
            deadline = deadline or time.monotonic() + PATIENCE
            if "no_room" not in answer or time.monotonic() > deadline:
                self._conclude(run, answer)
                return
            self._pause()

    def audit(self, dataset: str) -> None:
        """Audit an uploaded data set, if it is still there and not audited yet."""
        id = UUID(dataset)
        self._refuse_when_stopping()
        stored = self._patiently(find_dataset, self._database, id)
        if stored is None or stored.status is not AuditStatus.AUDITING:
            return
        request = {
            "do": "audit", "folder": str(dataset_folder(self._settings, id)),
            **{name: stored.description[name] for name in ("input_column", "output_column", "kind")},
        }  # fmt: skip
        answer = self._ask_until_it_answers(PLANNING, request, None)
        audit, problem = answer.get("done"), answer.get("refused") or answer.get("failed")
        self._patiently(keep_audit, self._database, id, audit, problem)
        logger.info("data set audited", extra=facts(dataset=dataset, status="failed" if audit is None else "audited"))

    def stop(self) -> None:
        """Leave all work as it is: whoever comes next goes on with it. Waits, not for long, until trials that were in
        work are given back, so that their attempts do not count."""
        self._stopping.set()
        for runner in self._runners.values():
            runner.close()
        with self._trial_left:
            self._trial_left.wait_for(lambda: not self._trials_in_work, GIVING_BACK)

    def _ask_until_it_answers(self, queue: str, request: Document, run: Run | None) -> Document:
        """Of work that counts no attempts: a child process that dies of it, or finds no room, tries again."""
        problem = ""
        for _ in range(MOST_ATTEMPTS):
            try:
                answer = self._ask(queue, request, run)
                deadline = time.monotonic() + PATIENCE
                while "no_room" in answer and time.monotonic() < deadline:
                    self._pause()
                    answer = self._ask(queue, request, run)
                return answer
            except RunnerDied as died:
                problem = str(died)
        return {"failed": f"{problem}, {MOST_ATTEMPTS} times"}

    def _ask(self, queue: str, request: Document, run: Run | None) -> Document:
        def tell(kind: str, data: Document) -> None:
            if run is not None:
                values = {"plan": data["plan"]} if kind == "planned" else {}
                self._patiently(self._runs.note, run, kind, {} if values else data, **values)

        try:
            return self._runners[queue].ask(request, tell, lambda: run is None or self._wanted(run))
        except (RunnerDied, NoLongerWanted):
            if self._stopping.is_set():
                raise Stopping from None
            raise

    def _conclude(self, run: Run, answer: Document) -> None:
        """The comparison's end, or its wait for approval."""
        if "awaiting" in answer:
            self._patiently(self._runs.wait_for_approval, run, answer["awaiting"])
            logger.info("comparison waits for approval", extra=_of(run))
        elif "blocked" in answer:
            findings = [found for found in answer["blocked"]["findings"] if found["severity"] == "blocker"]
            told = [f"{found['code']}: {found['message']} {found['what_to_do']}" for found in findings]
            self._end(run, Status.BLOCKED, " ".join(told))
        elif "done" in answer:
            verdict = answer["done"]["verdict"]
            self._patiently(self._runs.end, run, Status.FINISHED, verdict, verdict=verdict)
            logger.info("comparison ended", extra=_of(run, status=Status.FINISHED))
        else:
            self._end(run, Status.FAILED, next((answer[why] for why in WHY if why in answer), "no reason was told"))

    def _end(self, run: Run, status: Status, problem: str) -> None:
        self._patiently(self._runs.end, run, status, {"problem": problem}, problem={"detail": problem})
        logger.info("comparison ended", extra=_of(run, status=status))

    def _give_back(self, run: Run, key: str) -> None:
        try:
            self._runs.give_back_trial(run, key, self._name)
        except StorageUnavailable:
            logger.warning("an attempt of a trial stays counted: the database did not answer")

    def _wanted(self, run: Run) -> bool:
        """While the database does not answer, what was wanted before is. Raises `Stopping` instead of an answer."""
        self._refuse_when_stopping()
        try:
            return self._runs.is_current(run)
        except StorageUnavailable:
            return True

    def _patiently(self, ask: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
        """Wait for the database."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return ask(*arguments, **named)
            except StorageUnavailable:
                if time.monotonic() > deadline:
                    raise
                self._pause()

    @contextmanager
    def _trial_in_work(self) -> Iterator[None]:
        with self._trial_left:
            self._trials_in_work += 1
        try:
            yield
        finally:
            with self._trial_left:
                self._trials_in_work -= 1
                self._trial_left.notify_all()

    def _refuse_when_stopping(self) -> None:
        """Work that was taken just now would otherwise count as done."""
        if self._stopping.is_set():
            raise Stopping

    def _pause(self) -> None:
        if self._stopping.wait(TRY_AGAIN_AFTER):
            raise Stopping


def _of(run: Run, key: str | None = None, **told: Any) -> dict[str, Any]:
    return facts(comparison=run.comparison, trial=key[:12] if key else None, **told)


_worker: Worker | None = None


def employ(worker: Worker | None) -> None:
    """Make it the one that this process's workflows belong to."""
    global _worker
    _worker = worker


def current_worker() -> Worker:
    """The worker of this process."""
    if _worker is None:
        raise RuntimeError("this process has no worker")
    return _worker
