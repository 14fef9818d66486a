"""Processes that are told to stop: they leave their work within seconds, and whoever comes next ends it."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from dbos import DBOSClient

from service.backup import make_backup
from service.jobs.system import SERIALIZER, system_url
from service.restore import restore
from service.settings import Settings

STOPS_WITHIN = 5.0
LEASE_SECONDS = 3


def told(process: subprocess.Popen[bytes], number: signal.Signals) -> tuple[int, float]:
    """The exit code, and the seconds until it was there."""
    begun = time.monotonic()
    process.send_signal(number)
    return process.wait(30), time.monotonic() - begun


def settings_of(house: Any) -> Settings:
    return Settings(data_folder=house.data, database_url=house.environment["ADVISOR_DATABASE_URL"])


def comparisons_in_the_queue(house: Any) -> dict[str, str]:
    """The status of each comparison's workflow in the queue's database."""
    client = DBOSClient(system_database_url=system_url(settings_of(house)), serializer=SERIALIZER)
    try:
        return {flow.workflow_id: flow.status for flow in client.list_workflows() if flow.name == "comparison"}
    finally:
        client.destroy()


def attempts(house: Any, id: str) -> list[int]:
    return [data["attempt"] for _, kind, data in house.events(id) if kind == "trial_started"]


def test_a_service_stopped_in_a_trial_ends_it_when_it_is_back(
    house: Any, open_house: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """And so does another machine that was given a backup of that moment."""
    service = house.serve()
    id = house.compare(house.upload(house.rows))
    house.started(id, "lora")
    followed: list[str] = []
    with httpx2.stream("GET", f"{house.http.base_url}/v1/comparisons/{id}/events", trust_env=False) as stream:
        reading = threading.Thread(target=lambda: followed.extend(stream.iter_lines()))
        reading.start()
        house.wait_until(lambda: "event: trial_started" in followed, "the stream is open")
        code, seconds = told(service, signal.SIGTERM)
        reading.join(STOPS_WITHIN)
        assert not reading.is_alive()
    assert code == 0, house.log.read_text()
    assert seconds < STOPS_WITHIN
    assert comparisons_in_the_queue(house) == {f"{id}.1": "PENDING"}
    make_backup(settings_of(house), tmp_path / "backup.tar")

    before = house.latest_event(id)
    house.serve()
    begun = time.monotonic()
    house.wait_until(lambda: house.latest_event(id) > before, "it goes on")
    assert time.monotonic() - begun < LEASE_SECONDS, "it waited for a lease that was given up"
    house.ended(id)
    house.wait_until(lambda: comparisons_in_the_queue(house) == {f"{id}.1": "SUCCESS"}, "the queue knows")
    house.assert_nothing_finished_ran_again(id)
    assert set(attempts(house, id)) == {1}, "the attempt that was stopped does not count"
    said = house.log.read_text()
    assert "ERROR" not in said
    assert "Traceback" not in said
    assert not [row for row in house.rows.read_text().splitlines() if json.loads(row)["input"] in said]

    sqlite = f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}"
    url = sqlite if house.engine.dialect.name == "sqlite" else request.getfixturevalue("other_postgresql_url")
    (tmp_path / "elsewhere").mkdir()
    with open_house(tmp_path / "elsewhere", url) as elsewhere:
        restore(settings_of(elsewhere), tmp_path / "backup.tar", replace=False)
        elsewhere.serve()
        assert elsewhere.comparison(id)["status"] == "cancelled"
        assert elsewhere.http.post(f"/v1/comparisons/{id}/resume", json={}).status_code == 200
        elsewhere.ended(id)
        elsewhere.assert_nothing_finished_ran_again(id)
        assert elsewhere.report(id) == house.report(id)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_with_nothing_to_do_stops_at_once(house: Any, number: signal.Signals) -> None:
    worker = house.work()
    house.wait_until(lambda: "Working on" in house.log.read_text(), "the worker works")
    code, seconds = told(worker, number)
    assert code == 0, house.log.read_text()
    assert seconds < STOPS_WITHIN
    assert "worker ended" in house.log.read_text().splitlines()[-1]


def test_a_worker_whose_database_is_away_stops_too(house: Any, request: pytest.FixtureRequest) -> None:
    if house.engine.dialect.name == "sqlite":
        return  # a file is not away
    worker = house.work()
    house.wait_until(lambda: "Working on" in house.log.read_text(), "the worker works")
    server = request.getfixturevalue("postgresql_process")
    server.kill()
    try:
        code, seconds = told(worker, signal.SIGTERM)
    finally:
        server.start()
    assert code == 0, house.log.read_text()
    assert seconds < STOPS_WITHIN
