"""Work that the queue has forgotten, or given up: no comparison and no audit waits for it in vain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbos import DBOSClient
from sqlalchemy import create_engine, text

from service.jobs.system import SERIALIZER, system_url
from service.settings import Settings

LONG_AGO = 8 * 24 * 3600 * 1000
"""Milliseconds: the queue forgets what ended a week ago."""


def change(house: Any, statement: str, **values: Any) -> int:
    """In the queue's table of work."""
    postgresql = house.engine.dialect.name == "postgresql"
    engine = house.engine if postgresql else create_engine(f"sqlite:///{house.data / 'queue.sqlite3'}")
    table = "dbos.workflow_status" if postgresql else "workflow_status"
    with engine.begin() as connection:
        return connection.execute(text(statement.format(table=table)), values).rowcount


@contextmanager
def queue_of(house: Any) -> Iterator[DBOSClient]:
    settings = Settings(data_folder=house.data, database_url=house.environment["ADVISOR_DATABASE_URL"])
    client = DBOSClient(system_database_url=system_url(settings), serializer=SERIALIZER)
    try:
        yield client
    finally:
        client.destroy()


def test_a_pause_of_more_than_a_week(house: Any) -> None:
    """Trials that had ended by then, without their comparison knowing it, are not forgotten."""
    house.serve("--no-worker")
    plans, trains = house.work("--queues", "comparisons,planning"), house.work("--queues", "trials,gpu")
    id = house.begin()
    house.started(id, "few_shot")
    plans.kill()
    house.started(id, "lora")
    trains.kill()
    aged = "UPDATE {table} SET completed_at = completed_at - :age, updated_at = updated_at - :age"
    assert change(house, aged + " WHERE status = 'SUCCESS'", age=LONG_AGO) > 2
    house.work()
    house.ended(id)
    house.assert_nothing_finished_ran_again(id)


def test_a_comparison_that_the_queue_does_not_know(house: Any) -> None:
    house.serve("--no-worker")
    worker = house.work()
    id = house.begin()
    house.started(id, "zero_shot")
    worker.kill()
    with queue_of(house) as queue:
        queue.delete_workflows([flow.workflow_id for flow in queue.list_workflows(workflow_id_prefix=id)])
        assert queue.list_workflows(workflow_id_prefix=id) == []
    house.work()
    house.ended(id)
    house.assert_nothing_finished_ran_again(id)


def test_work_that_ended_with_an_error_of_ours_is_told_and_can_be_gone_on_with(house: Any) -> None:
    house.serve("--no-worker")
    dataset = house.upload(house.rows)
    id = house.compare(dataset, test_dataset_id=house.upload(house.test_rows))
    assert change(house, "UPDATE {table} SET status = 'ERROR'") == 3
    house.work()
    assert "error of the advisor" in house.ended(id, "failed")["problem"]
    audited = house.wait_until(
        lambda: (told := house.http.get(f"/v1/datasets/{dataset}").json())["status"] != "auditing" and told,
        "the audit is not waited for",
    )
    assert (audited["status"], "error of the advisor" in audited["problem"]) == ("failed", True)
    house.http.post(f"/v1/comparisons/{id}/resume", json={})
    house.ended(id)
