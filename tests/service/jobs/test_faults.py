"""What must not cost a comparison anything: every fault ends in the report that there would have been without it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import create_engine, text

LEASE_SECONDS = 3


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, open_house: Any) -> dict[str, Any]:
    """The report of the same comparison when nothing happens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with open_house(folder, f"sqlite:///{folder / 'a.sqlite3'}") as house:
        house.serve()
        id = house.begin()
        house.ended(id)
        report: dict[str, Any] = house.report(id)
        return report


def test_a_worker_killed_in_the_middle_of_a_trial(house: Any, undisturbed: dict[str, Any]) -> None:
    house.serve("--no-worker")
    worker = house.work()
    id = house.begin()
    house.started(id, "lora")
    worker.kill()
    house.wait_until(lambda: not house.children(), "its children are gone", 5.0)
    house.work()
    house.ended(id)
    assert house.report(id) == undisturbed
    house.assert_nothing_finished_ran_again(id)


def test_one_of_two_workers_killed_twice(house: Any, undisturbed: dict[str, Any]) -> None:
    house.serve("--no-worker")
    house.work()
    id = house.begin()
    for arm in ("few_shot", "lora"):
        worker = house.work()
        house.started(id, arm)
        worker.kill()
    house.ended(id)
    assert house.report(id) == undisturbed
    house.assert_nothing_finished_ran_again(id)


def test_a_worker_that_sleeps_longer_than_its_lease(house: Any, undisturbed: dict[str, Any]) -> None:
    house.serve("--no-worker")
    sleeper = house.work()
    id = house.begin()
    house.started(id, "lora")
    sleeper.send_signal(signal.SIGSTOP)
    house.work()
    time.sleep(2 * LEASE_SECONDS)
    sleeper.send_signal(signal.SIGCONT)
    house.ended(id)
    assert house.report(id) == undisturbed
    house.assert_nothing_finished_ran_again(id)


def test_the_service_killed_while_events_stream(house: Any, undisturbed: dict[str, Any]) -> None:
    house.work()
    service = house.serve("--no-worker")
    id = house.begin()
    seen: list[int] = []
    with suppress(httpx2.TransportError), house.http.stream("GET", f"/v1/comparisons/{id}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("id: "):
                seen.append(int(line.removeprefix("id: ")))
            if len(seen) == 6:
                service.kill()
    assert service.wait(10) == -signal.SIGKILL
    house.serve("--no-worker")
    house.ended(id)
    seen += [number for number, _, _ in house.events(id, after=seen[-1])]
    assert seen == list(range(1, len(seen) + 1))
    assert house.report(id) == undisturbed
    house.assert_nothing_finished_ran_again(id)


def test_a_database_that_is_away_for_a_while(house: Any, undisturbed: dict[str, Any], outage: Any) -> None:
    """PostgreSQL is killed and started again; SQLite is locked by somebody else for longer than a writer waits."""
    house.serve()
    id = house.begin()
    house.started(id, "few_shot")
    with outage(house.environment["ADVISOR_DATABASE_URL"]):
        time.sleep(12)
    house.ended(id)
    assert house.report(id) == undisturbed
    house.assert_nothing_finished_ran_again(id)


def test_work_that_a_worker_took_and_never_began(house: Any, undisturbed: dict[str, Any]) -> None:
    """As when the database goes away between the two."""
    house.serve("--no-worker")
    id = house.begin()
    house.work()
    house.started(id, "zero_shot")
    house.wait_until(lambda: house.take_from_the_queue("trial"), "there is a trial in the queue")
    house.ended(id)
    assert house.report(id) == undisturbed
    house.assert_nothing_finished_ran_again(id)


def test_a_disk_that_is_full_while_a_trial_is_written(house: Any, undisturbed: dict[str, Any]) -> None:
    with small_disk(house.data / "comparisons") as disk:
        house.serve("--no-worker")
        id = house.begin()
        worker = house.work()
        house.started(id, "zero_shot")
        filler = disk / "filler"
        fill(filler)
        begun = house.latest_event(id)
        house.wait_until(lambda: house.tried_again(id, begun), "a trial that found no room is tried again")
        assert worker.poll() is None
        filler.unlink()
        house.ended(id)
        assert house.report(id) == undisturbed
        house.assert_nothing_finished_ran_again(id)


def test_a_trial_that_kills_its_process_is_given_up_and_the_rest_goes_on(house: Any) -> None:
    house.serve("--no-worker")
    id = house.begin()
    killed = 0
    house.work("--queues", "comparisons,trials,gpu,planning")
    first = house.started(id, "lora")["key"]
    while killed < 3:
        begun = [data for _, kind, data in house.events(id) if kind == "trial_started" and data["key"] == first]
        if len(begun) > killed:
            house.kill_children_at_work()
            killed += 1
    ended = house.ended(id)
    arms = {arm["arm"]: arm for arm in ended["arms"]}
    assert arms["lora"]["given_up"] == 1
    assert all(arm["finished"] == arm["trials"] for name, arm in arms.items() if name != "lora")
    report = house.report(id)
    assert "lora" not in {arm["name"] for arm in report["arms"]}
    reasons = " ".join(report["verdict"]["reasons"])
    assert "LoRA fine-tune could not be measured" in reasons
    assert "3 times" in reasons


def test_cancelled_within_two_seconds_and_resumed(house: Any, undisturbed: dict[str, Any]) -> None:
    house.serve()
    id = house.begin()
    house.started(id, "lora")
    at_work = house.children()
    assert house.http.post(f"/v1/comparisons/{id}/cancel").json()["status"] == "cancelled"
    house.wait_until(lambda: set(house.children()) < set(at_work), "the child at work is gone", 2.0)
    assert house.http.post(f"/v1/comparisons/{id}/cancel").status_code == 409
    assert house.http.get(f"/v1/comparisons/{id}/report").status_code == 404
    assert house.http.post(f"/v1/comparisons/{id}/resume", json={}).json()["status"] == "queued"
    house.ended(id)
    assert house.report(id) == undisturbed
    house.assert_nothing_finished_ran_again(id)


def fill(path: Path) -> None:
    """Write until there is no room left."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"0" * 512)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 12 megabytes; only root can mount one."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)], check=False)
    if mounted.returncode or os.geteuid():
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def outage(request: pytest.FixtureRequest) -> Any:
    """Takes a database away."""

    @contextmanager
    def away(url: str) -> Iterator[None]:
        if url.startswith("postgresql"):
            server = request.getfixturevalue("postgresql_process")
            server.kill()
            yield
            server.start()
            return
        with create_engine(url).connect() as other:
            other.execute(text("BEGIN EXCLUSIVE"))
            yield
            other.rollback()

    return away
