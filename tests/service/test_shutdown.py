"""Real processes that are told to stop: they leave their work, and whoever comes next ends it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from dbos import DBOSClient

from service.backup import make_backup
from service.jobs.system import SERIALIZER, system_url
from service.restore import restore
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
STOPS_WITHIN = 5.0
NO_TRAINING = {"governance": {"data_may_leave_premises": False}, "operations": {"hosting": "provider_api"}}
"""A form that forbids to fine-tune, so that a comparison takes seconds."""


class Service:
    """`advisor serve` in a process of its own."""

    def __init__(self, settings: Settings, cache: Path, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._log = log
        self.process = advisor(["serve", "--port", str(port)], settings, cache, log)
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx2.Client(base_url=self.url, trust_env=False, timeout=30)
        self._wait()

    def _wait(self) -> None:
        for _ in range(600):
            assert self.process.poll() is None, self._log.read_text()
            try:
                self.http.get("/healthz")
                return
            except httpx2.TransportError:
                time.sleep(0.1)
        pytest.fail(f"the service did not start:\n{self._log.read_text()}")

    def upload(self, rows: Sequence[str]) -> str:
        answer = self.http.post("/v1/datasets", files={"file": ("tickets.jsonl", "\n".join(rows).encode())})
        assert answer.status_code < 300, answer.text
        id: str = answer.json()["id"]
        return id

    def compare(self, rows: str, test: str) -> str:
        body = {"dataset_id": rows, "test_dataset_id": test, "learning_curve": False, "form": NO_TRAINING}
        answer = self.http.post("/v1/comparisons", json=body)
        assert answer.status_code == 202, answer.text
        id: str = answer.json()["id"]
        return id

    def comparison(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/v1/comparisons/{id}").json()
        return found

    def when(self, id: str, *statuses: str, running: bool = False) -> dict[str, Any]:
        """The comparison, as soon as it is in one of these states, with a trial in work where that is asked."""
        for _ in range(1200):
            found = self.comparison(id)
            if found["status"] in statuses and (not running or any(arm["running"] for arm in found["arms"])):
                return found
            assert not running or found["status"] in ("queued", "running"), found
            time.sleep(0.1)
        pytest.fail(f"{found}\n{self._log.read_text()}")

    def stop(self, number: signal.Signals) -> tuple[int, float]:
        """The exit code, and seconds until it was there."""
        return told(self.process, number)

    def end(self) -> None:
        self.http.close()
        self.process.kill()
        self.process.wait()


def advisor(arguments: Sequence[str], settings: Settings, cache: Path, log: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ, **settings.environment(), "ADVISOR_CACHE_FOLDER": str(cache), "ADVISOR_LOG": "json",
        "OMP_NUM_THREADS": "2",
    }  # fmt: skip
    with log.open("ab") as file:
        command = [sys.executable, "-m", "service", *arguments]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file)


def told(process: subprocess.Popen[bytes], number: signal.Signals) -> tuple[int, float]:
    begun = time.monotonic()
    process.send_signal(number)
    return process.wait(30), time.monotonic() - begun


def tickets() -> tuple[list[str], list[str]]:
    """Ten rows of each label to learn from, and ten to test on; with fewer the audit objects."""
    by_label = defaultdict(list)
    for line in (ROOT / "examples" / "tickets" / "tickets.jsonl").read_text().splitlines():
        by_label[json.loads(line)["output"]].append(line)
    return [row for rows in by_label.values() for row in rows[:10]], [
        row for rows in by_label.values() for row in rows[10:20]
    ]


def workflows(settings: Settings) -> dict[str, str]:
    """The status of each comparison's workflow in the queue's database."""
    client = DBOSClient(system_database_url=system_url(settings), serializer=SERIALIZER)
    try:
        return {flow.workflow_id: flow.status for flow in client.list_workflows() if flow.name == "comparison"}
    finally:
        client.destroy()


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_service_that_is_stopped_in_a_trial_ends_it_when_it_is_back(
    tmp_path: Path, database_url: str, request: pytest.FixtureRequest, processes: ExitStack
) -> None:
    """And so does another machine that was given a backup of that moment; there no trial was ever stopped."""
    settings = Settings(data_folder=tmp_path / "data", database_url=database_url)
    other = "" if database_url.startswith("sqlite") else request.getfixturevalue("other_postgresql_url")
    elsewhere = Settings(data_folder=tmp_path / "elsewhere", database_url=other)
    train, test = tickets()

    def service_at(settings: Settings) -> Service:
        service = Service(settings, tmp_path / "cache", tmp_path / "log")
        processes.callback(service.end)
        return service

    service = service_at(settings)
    rows, tested = service.upload(train), service.upload(test)
    id = service.compare(rows, tested)
    service.when(id, "running", running=True)
    followed: list[str] = []
    with httpx2.stream("GET", f"{service.url}/v1/comparisons/{id}/events", trust_env=False, timeout=30) as stream:
        reading = threading.Thread(target=lambda: followed.extend(stream.iter_lines()))
        reading.start()
        while "event: started" not in followed:
            time.sleep(0.05)
        code, seconds = service.stop(signal.SIGTERM)
        reading.join(5)
        assert not reading.is_alive()
    assert code == 0, (tmp_path / "log").read_text()
    assert seconds < STOPS_WITHIN
    assert workflows(settings) == {f"{id}.1": "PENDING"}
    make_backup(settings, tmp_path / "backup.tar")
    restore(elsewhere, tmp_path / "backup.tar", replace=False)

    service = service_at(settings)
    again = time.monotonic()
    service.when(id, "running", "finished", running=True)
    assert time.monotonic() - again < settings.lease_seconds, "it waited for a lease that was given up"
    finished = service.when(id, "finished", "failed")
    assert finished["status"] == "finished"
    for _ in range(300):
        if workflows(settings) == {f"{id}.1": "SUCCESS"}:
            break
        time.sleep(0.1)
    assert workflows(settings) == {f"{id}.1": "SUCCESS"}
    kinds = [line.removeprefix("event: ") for line in followed if line.startswith("event: ")]
    after = len(kinds)
    rest = service.http.get(f"/v1/comparisons/{id}/events", headers={"Last-Event-ID": str(after)}).text
    assert f"id: {after + 1}\n" in rest
    assert "event: finished" in rest

    restored = service_at(elsewhere)
    assert restored.comparison(id)["status"] == "cancelled"
    assert restored.http.post(f"/v1/comparisons/{id}/resume", json={}).status_code == 200
    restored.when(id, "finished", "failed")
    stopped, unstopped = (each.http.get(f"/v1/comparisons/{id}/report.json").json() for each in (service, restored))
    assert stopped["verdict"] == unstopped["verdict"]
    assert [(arm["name"], arm["accuracy"]) for arm in stopped["arms"]] == [
        (arm["name"], arm["accuracy"]) for arm in unstopped["arms"]
    ]
    assert told(service.process, signal.SIGINT)[0] == 0
    said = lines(tmp_path / "log")
    assert [line for line in said if line["level"] in ("error", "critical")] == []
    written = (tmp_path / "log").read_text()
    assert not [row for row in (*train, *test) if json.loads(row)["input"][:30] in written]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_with_nothing_to_do_stops_at_once(
    tmp_path: Path, number: signal.Signals, processes: ExitStack
) -> None:
    settings, log = Settings(data_folder=tmp_path / "data"), tmp_path / "log"
    worker = advisor(["worker"], settings, tmp_path / "cache", log)
    processes.enter_context(worker)
    processes.callback(worker.kill)
    for _ in range(600):
        if "Working on" in log.read_text():
            break
        time.sleep(0.1)
    code, seconds = told(worker, number)
    assert code == 0, log.read_text()
    assert seconds < STOPS_WITHIN
    assert [line["event"] for line in lines(log)][-1] == "worker ended"
