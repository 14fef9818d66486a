"""Work that the queue has forgotten, or given up: no comparison and no audit waits for it in vain."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine, text

LONG_AGO = 8 * 24 * 3600 * 1000
"""Milliseconds: the queue forgets what ended a week ago."""


def queue_of(house: Any) -> tuple[Engine, str]:
    """The queue's database, and its table of work."""
    if house.engine.dialect.name == "postgresql":
        return house.engine, "dbos.workflow_status"
    return create_engine(f"sqlite:///{house.data / 'queue.sqlite3'}"), "workflow_status"


def change(house: Any, statement: str, **values: Any) -> int:
    engine, table = queue_of(house)
    with engine.begin() as connection:
        return connection.execute(text(statement.format(table=table)), values).rowcount


def test_a_pause_of_more_than_a_week(house: Any) -> None:
    """What had ended by then is not forgotten while the rest of its comparison is still to come."""
    house.serve("--no-worker")
    worker = house.work()
    id = house.begin()
    house.started(id, "lora")
    worker.kill()
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
    assert change(house, "DELETE FROM {table} WHERE workflow_uuid LIKE :id", id=f"{id}%")
    house.work()
    house.ended(id)
    house.assert_nothing_finished_ran_again(id)


def test_work_that_ended_with_an_error_of_ours_is_told_and_can_be_gone_on_with(house: Any) -> None:
    house.serve("--no-worker")
    dataset = house.upload(house.rows)
    id = house.compare(dataset)
    assert change(house, "UPDATE {table} SET status = 'ERROR'") == 2
    house.work()
    assert "error of the advisor" in house.ended(id, "failed")["problem"]
    audited = house.wait_until(
        lambda: (told := house.http.get(f"/v1/datasets/{dataset}").json())["status"] != "auditing" and told,
        "the audit is not waited for",
    )
    assert (audited["status"], "error of the advisor" in audited["problem"]) == ("failed", True)
    house.http.post(f"/v1/comparisons/{id}/resume", json={})
    house.ended(id)
