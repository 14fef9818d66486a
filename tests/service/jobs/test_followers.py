"""Whoever follows a comparison may leave at any moment."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from service.storage.database import open_database
from service.storage.runs import Run, Runs


def test_a_follower_who_leaves_in_the_middle_of_many_events_is_no_error(house: Any) -> None:
    house.serve("--no-worker")
    id = house.compare(house.upload(house.rows))
    database = open_database(house.environment["ADVISOR_DATABASE_URL"])
    run, runs = Run(UUID(id), 1), Runs(database)
    runs.begin(run)
    for number in range(600):
        runs.note(run, "noted", {"number": number})
    database.close()
    for _ in range(20):
        with house.http.stream("GET", f"/v1/comparisons/{id}/events") as stream:
            assert next(line for line in stream.iter_lines() if line == "id: 3")
    house.wait_until(lambda: house.log.read_text().count("/events status=200") == 20, "all have left", 30)
    assert "ERROR" not in house.log.read_text()
