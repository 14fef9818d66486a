"""What is durable: a comparison, and each piece of its work. Kept tiny, because a workflow that was begun must find the
same steps when it goes on; what the steps do is in `worker.py`."""

from __future__ import annotations

from typing import Any, Final

from dbos import DBOS, SetWorkflowID

from service.jobs.runner import NoLongerWanted
from service.jobs.system import PLANNING
from service.jobs.worker import current_worker

MOST_ROUNDS: Final = 20
"""A comparison takes three or four; more would go on for ever."""
MOST_RECOVERIES: Final = 50
"""Of workers that died in a step which counts no attempts itself."""


@DBOS.workflow(name="comparison", max_recovery_attempts=1000)
def comparison(id: str, generation: int) -> None:
    """Advance, have the trials run that this calls for, and advance again, to the report."""
    if not begin(id, generation):
        return
    for number in range(MOST_ROUNDS):
        with SetWorkflowID(f"{id}.{generation}.{number}"):
            wanted = DBOS.enqueue_workflow(PLANNING, advance, id, generation).get_result()
        if not wanted:
            return
        handles = []
        for trial_wanted in wanted:
            with SetWorkflowID(f"{id}.{generation}.{number}.{trial_wanted['key'][:32]}"):
                handles.append(DBOS.enqueue_workflow(trial_wanted["queue"], trial, id, generation, trial_wanted["key"]))
        for handle in handles:
            handle.get_result()
    fail(id, generation, "the trials never came to an end")


@DBOS.workflow(name="advance", max_recovery_attempts=MOST_RECOVERIES)
def advance(id: str, generation: int) -> list[dict[str, Any]]:
    """As far as finished trials lead: those that are wanted next, none where the comparison has come to an end."""
    return advance_step(id, generation)


@DBOS.workflow(name="trial", max_recovery_attempts=MOST_RECOVERIES)
def trial(id: str, generation: int, key: str) -> None:
    """One trial."""
    trial_step(id, generation, key)


@DBOS.workflow(name="audit", max_recovery_attempts=5)
def audit(dataset: str) -> None:
    """The audit of an uploaded data set."""
    audit_step(dataset)


@DBOS.step()
def begin(id: str, generation: int) -> bool:
    """Whether it is still wanted."""
    return current_worker().begin(id, generation)


@DBOS.step()
def fail(id: str, generation: int, problem: str) -> None:
    """End it."""
    current_worker().fail(id, generation, problem)


@DBOS.step()
def advance_step(id: str, generation: int) -> list[dict[str, Any]]:
    """See `advance`."""
    try:
        return current_worker().advance(id, generation)
    except NoLongerWanted:
        return []


@DBOS.step()
def trial_step(id: str, generation: int, key: str) -> None:
    """See `trial`."""
    try:
        current_worker().trial(id, generation, key)
    except NoLongerWanted:
        return


@DBOS.step()
def audit_step(dataset: str) -> None:
    """See `audit`."""
    current_worker().audit(dataset)


def register() -> None:
    """The workflows are known to DBOS once this module is imported; whoever calls this has done so."""
