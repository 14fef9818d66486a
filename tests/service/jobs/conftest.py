"""Real processes on real databases: a service, its workers, and what may happen to them."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import create_engine, text

ADVISOR = str(Path(sys.executable).parent / "advisor")
LEASE_SECONDS = 3
PATIENCE = 600.0
"""Seconds for what takes half a minute on an idle machine."""
TOPICS = {"Billing": "invoice charge refund", "Login": "password account locked", "Parcel": "delivery van address"}
FORGIVEN = ("times", "provenance")
"""Parts of a report that tell of the machine and the moment."""


def write_rows(path: Path, count: int, seed: int = 1) -> Path:
    """Labelled texts that a bag of words can tell apart."""
    rng, rows = random.Random(seed), []
    for number in range(count):
        label = list(TOPICS)[number % len(TOPICS)]
        filler = " ".join(
            rng.choice(["alpha", "bravo", "castor", "delta", "echo", "fox", "golf", "hotel"]) for _ in range(6)
        )
        text = f"{filler} {rng.choice(TOPICS[label].split())} {seed}{number} {filler[::-1]}"
        rows.append({"id": f"row-{seed}-{number}", "input": text, "output": label})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def wait_until(happens: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What `happens` gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(httpx2.TransportError):
            if seen := happens():
                return seen
        time.sleep(0.25)
    raise AssertionError(f"in {seconds:.0f} s it did not happen: {what}")


class House:
    """A service with one data folder and one database, whose processes a test starts, stops and kills."""

    def __init__(self, folder: Path, encoder: Path, database: str) -> None:
        self.data = folder / "data"
        self.log = folder / "log.txt"
        self.rows = write_rows(folder / "tickets.jsonl", 90)
        self.test_rows = write_rows(folder / "test.jsonl", 40, seed=2)
        self.wait_until = wait_until
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **os.environ,
            "ADVISOR_DATA_FOLDER": str(self.data),
            "ADVISOR_CACHE_FOLDER": str(folder / "cache"),
            "ADVISOR_ENCODER": str(encoder),
            "ADVISOR_LEASE_SECONDS": str(LEASE_SECONDS),
            "ADVISOR_DATABASE_URL": database,
            "ADVISOR_REQUESTS_PER_MINUTE": "0",
            "OMP_NUM_THREADS": "1",
        }
        self.engine = create_engine(database.replace("postgresql:", "postgresql+psycopg:"), pool_pre_ping=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment["ADVISOR_PORT"] = str(self.port)
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=60)

    def serve(self, *options: str) -> subprocess.Popen[bytes]:
        """The API; with a worker unless the options say otherwise."""
        process = self._start("serve", *options)
        wait_until(lambda: process.poll() is not None or self._answers(), "the API answers")
        assert process.poll() is None, self.log.read_text()
        return process

    def work(self, *options: str) -> subprocess.Popen[bytes]:
        return self._start("worker", *options)

    def upload(self, file: Path) -> str:
        with file.open("rb") as rows:
            answer = self.http.post("/v1/datasets", files={"file": (file.name, rows)}, params={"wait": 0})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def compare(self, dataset: str, **choices: Any) -> str:
        body = {"dataset_id": dataset, "learning_curve": False, **choices}
        answer = self.http.post("/v1/comparisons", json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def begin(self) -> str:
        """A comparison of eleven trials: rows to test on keep their number small."""
        return self.compare(self.upload(self.rows), test_dataset_id=self.upload(self.test_rows))

    def comparison(self, id: str) -> dict[str, Any]:
        answer = self.http.get(f"/v1/comparisons/{id}")
        return answer.json() if answer.status_code == 200 else {"status": f"not read: {answer.status_code}"}

    def ended(self, id: str, status: str = "finished") -> dict[str, Any]:
        """The comparison, once it has ended as expected."""

        def over() -> dict[str, Any] | None:
            comparison = self.comparison(id)
            return comparison if comparison["status"] in ("finished", "failed", "cancelled", "blocked") else None

        comparison: dict[str, Any] = wait_until(over, "the comparison ends")
        assert comparison["status"] == status, (comparison["problem"], self.log.read_text()[-3000:])
        return comparison

    def report(self, id: str) -> dict[str, Any]:
        """Without what differs from one run to the next."""
        report = self.http.get(f"/v1/comparisons/{id}/report.json").json()
        return {name: part for name, part in report.items() if name not in FORGIVEN}

    def events(self, id: str, after: int = 0) -> list[tuple[int, str, dict[str, Any]]]:
        """All that are there, in order."""
        found: list[tuple[int, str, dict[str, Any]]] = []
        with self.http.stream("GET", f"/v1/comparisons/{id}/events", headers={"Last-Event-ID": str(after)}) as stream:
            latest = self.latest_event(id)
            event: dict[str, str] = {}
            for line in stream.iter_lines():
                name, _, value = line.partition(": ")
                if name in ("event", "data", "id"):
                    event[name] = value
                elif not line and event:
                    found.append((int(event["id"]), event["event"], json.loads(event["data"])))
                    event = {}
                if found and found[-1][0] >= latest:
                    break
        return found

    def latest_event(self, id: str) -> int:
        """Told by the database: the API has no need for it."""
        stored = id if self.engine.dialect.name == "postgresql" else id.replace("-", "")
        with self.engine.connect() as connection:
            count = text("SELECT count(*) FROM events WHERE comparison_id = :id")
            found: int = connection.execute(count, {"id": stored}).scalar_one()
        return found

    def started(self, id: str, arm: str, times: int = 1) -> dict[str, Any]:
        """The event by which a trial of the arm began, for the n-th time."""

        def seen() -> dict[str, Any] | None:
            starts = [data for _, kind, data in self.events(id) if kind == "trial_started" and data["arm"] == arm]
            return starts[times - 1] if len(starts) >= times else None

        event: dict[str, Any] = wait_until(seen, f"a trial of {arm} begins")
        return event

    def children(self) -> list[int]:
        """Process ids of the children that do the work."""
        ours = []
        for folder in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                asked = (folder / "cmdline").read_bytes()
                told = (folder / "environ").read_bytes()
                if b"service.jobs.child" in asked and str(self.data).encode() in told:
                    ours.append(int(folder.name))
        return ours

    def kill_children_at_work(self) -> None:
        """All but those that only wait for something to do are in the middle of it; so are these."""
        for child in self.children():
            os.kill(child, signal.SIGKILL)

    def take_from_the_queue(self, name: str) -> bool:
        """Give one piece of queued work to the worker that lives, without telling it."""
        with self.engine.connect() as connection:
            worker = connection.execute(text("SELECT id FROM workers ORDER BY lease_until DESC LIMIT 1")).scalar_one()
        postgresql = self.engine.dialect.name == "postgresql"
        table = "dbos.workflow_status" if postgresql else "workflow_status"
        queue = self.engine if postgresql else create_engine(f"sqlite:///{self.data / 'queue.sqlite3'}")
        one = f"SELECT workflow_uuid FROM {table} WHERE status = 'ENQUEUED' AND name = :name ORDER BY created_at DESC"
        taken = f"UPDATE {table} SET status = 'PENDING', executor_id = :worker WHERE workflow_uuid = ({one} LIMIT 1)"
        with queue.begin() as connection:
            return bool(connection.execute(text(taken), {"worker": worker, "name": name}).rowcount)

    def tried_again(self, id: str, after: int) -> bool:
        """Whether, after that event, a trial began twice without an end in between."""
        keys = [data["key"] for _, kind, data in self.events(id, after) if kind == "trial_started"]
        return len(keys) > len(set(keys))

    def assert_nothing_finished_ran_again(self, id: str) -> None:
        """No trial began, or ended, after it had ended."""
        finished: set[str] = set()
        for _, kind, data in self.events(id):
            if kind in ("trial_started", "trial_finished"):
                assert data["key"] not in finished, (kind, data)
            if kind == "trial_finished":
                finished.add(data["key"])
        assert finished

    def close(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        self.http.close()
        self.engine.dispose()

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen([ADVISOR, *command], env=self.environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def _answers(self) -> bool:
        return self.http.get("/healthz").status_code == 200


@pytest.fixture(scope="session")
def tiny_encoder(make_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture(scope="session")
def open_house(tiny_encoder: Path) -> Callable[..., AbstractContextManager[House]]:
    """Makes one in a folder, on a database."""

    @contextmanager
    def opened(folder: Path, database: str) -> Iterator[House]:
        house = House(folder, tiny_encoder, database)
        try:
            yield house
        finally:
            house.close()
            for child in house.children():
                os.kill(child, signal.SIGKILL)

    return opened


@pytest.fixture
def house(
    tmp_path: Path, open_house: Callable[..., AbstractContextManager[House]], database_url: str
) -> Iterator[House]:
    with open_house(tmp_path, database_url) as house:
        yield house
