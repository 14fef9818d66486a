"""What one process of the service bears: assessments, followers of a comparison, a long queue; writes docs/results.md.

One server process with a new SQLite database and no worker, this process as its client, both on the same machine:

- forms are judged by 1, 8 and 32 connections at once, in turns with an endpoint of the same framework, in the same
  process, that does nothing;
- 200 connections follow one running comparison while this process, as a worker would, commits events: what is told is
  the time from each commit to each client;
- 50 comparisons are queued by 10 connections, read, and cancelled.

With --quick (for CI) less of everything, nothing written.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import numpy as np

from benchmarks.assess import draw_forms
from benchmarks.serving_client import Connection
from benchmarks.serving_page import write_tables
from benchmarks.serving_server import NOTHING
from evaluation.provenance import source_sha256
from service.access.caller import Role
from service.access.issuing import issue_key
from service.storage.comparisons import Status
from service.storage.database import open_database
from service.storage.migrate import migrate
from service.storage.runs import Run, Runs
from service.storage.workspaces import DEFAULT_WORKSPACE

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "service.json"
SERVER = ROOT / "benchmarks" / "serving_server.py"
START_SECONDS = 60
ROWS = "".join(json.dumps({"input": f"text {number}", "output": "AB"[number % 2]}) + "\n" for number in range(40))
NUMBER_OF_FIRST_EVENT = 3
"""After `queued` and `started`."""


@dataclass(frozen=True)
class Effort:
    """How much is asked of the service. `pause` is the longest between two events, in seconds."""

    connections: tuple[int, ...]
    forms: int
    nothings: int
    rounds: int
    followers: int
    events: int
    pause: float
    queued: int
    queueing: int


FULL = Effort(
    (1, 8, 32), forms=500, nothings=2000, rounds=3, followers=200, events=60, pause=0.6, queued=50, queueing=10
)
QUICK = Effort((8,), forms=60, nothings=200, rounds=1, followers=20, events=6, pause=0.3, queued=6, queueing=3)


@dataclass(frozen=True)
class Server:
    """A running one."""

    port: int
    key: str
    process: int
    folder: Path

    def connect(self) -> Connection:
        return Connection(self.port, self.key)

    def megabytes(self) -> float:
        """Resident memory."""
        pages = int(Path(f"/proc/{self.process}/statm").read_text().split()[1])
        return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def main() -> None:
    """Measure, then renew the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, nothing written")
    quick = parser.parse_args().quick
    effort = QUICK if quick else FULL
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as server:
        measured: dict[str, Any] = {
            "calls": asyncio.run(_time_calls(server, effort)),
            "followed": asyncio.run(_time_followers(server, effort)),
            "queued": asyncio.run(_time_queue(server, effort)),
        }
    load.append(os.getloadavg()[0])
    print(json.dumps(measured, indent=1))
    if not quick:
        result = {**measured, "load": [round(each, 1) for each in load], "source_sha256": source_sha256()}
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
        write_tables(result)


async def _time_calls(server: Server, effort: Effort) -> list[dict[str, Any]]:
    """Both endpoints in turns, for every number of connections."""
    forms = [json.dumps({"form": form}).encode() for form in draw_forms(effort.forms)]
    asked = {"nothing": (NOTHING, 200, [b"{}"] * effort.nothings), "assessments": ("/v1/assessments", 201, forms)}
    found = []
    for connections in effort.connections:
        seconds: dict[str, list[float]] = {name: [] for name in asked}
        rates: dict[str, list[float]] = {name: [] for name in asked}
        for turn in range(effort.rounds + 1):
            for name, (path, expected, bodies) in asked.items():
                begun = time.perf_counter()
                took = await _ask_all(server, connections, path, expected, bodies)
                if turn:  # the first warms both up
                    rates[name].append(round(len(bodies) / (time.perf_counter() - begun), 1))
                    seconds[name].extend(took)
        found += [
            {"endpoint": name, "connections": connections, "a_second": rates[name], **_percentiles(seconds[name])}
            for name in asked
        ]
    return found


async def _ask_all(server: Server, connections: int, path: str, expected: int, bodies: list[bytes]) -> list[float]:
    left, took = iter(bodies), []

    async def ask() -> None:
        async with server.connect() as connection:
            for body in left:
                begun = time.perf_counter()
                await connection.ask_json("POST", path, expected, body)
                took.append(time.perf_counter() - begun)

    await asyncio.gather(*(ask() for _ in range(connections)))
    return took


async def _time_followers(server: Server, effort: Effort) -> dict[str, Any]:
    """How long after its commit each event reaches each follower; every one must get all, in order."""
    path = f"/v1/comparisons/{await _new_comparison(server)}"
    database = open_database(f"sqlite:///{server.folder / 'advisor.sqlite3'}")
    runs, run = Runs(database), Run(UUID(path.rpartition("/")[2]), 1)
    runs.begin(run)
    before, committed = server.megabytes(), dict[int, float]()
    async with AsyncExitStack() as stack:
        followers = [await stack.enter_async_context(server.connect()) for _ in range(effort.followers)]
        begun = time.perf_counter()
        await asyncio.gather(*(_begin_to_follow(follower, f"{path}/events") for follower in followers))
        all_there = time.perf_counter() - begun
        readers = [asyncio.create_task(_read(follower)) for follower in followers]
        pauses = np.random.default_rng(1).uniform(0, effort.pause, effort.events)
        for number, pause in enumerate(pauses, start=NUMBER_OF_FIRST_EVENT):
            await asyncio.sleep(pause)
            await asyncio.to_thread(runs.note, run, "noted", {"number": number})
            committed[number] = time.perf_counter()
        with_all = server.megabytes()
        await asyncio.to_thread(runs.end, run, Status.FINISHED, {})
        committed[NUMBER_OF_FIRST_EVENT + effort.events] = ended = time.perf_counter()
        reached = await asyncio.wait_for(asyncio.gather(*readers), 60)
        over = time.perf_counter() - ended
    database.close()
    assert all([number for number, _ in seen] == list(committed) for seen in reached), "a follower missed events"
    delays = [at - committed[number] for seen in reached for number, at in seen]
    return {
        "followers": effort.followers, "events": len(committed), "connected_seconds": round(all_there, 2),
        **_percentiles(delays), "ended_seconds": round(over, 2), "megabytes_before": before, "megabytes_with": with_all,
    }  # fmt: skip


async def _begin_to_follow(follower: Connection, path: str) -> None:
    await follower.follow(path)
    for number in range(1, NUMBER_OF_FIRST_EVENT):
        assert await follower.next_event() == number


async def _read(follower: Connection) -> list[tuple[int, float]]:
    seen = []
    while (number := await follower.next_event()) is not None:
        seen.append((number, time.perf_counter()))
    return seen


async def _time_queue(server: Server, effort: Effort) -> dict[str, Any]:
    """How long it takes to be queued, and whether all have their place afterwards, are told, and can be cancelled."""
    body = json.dumps({"dataset_id": await asyncio.to_thread(_upload, server)}).encode()
    begun = time.perf_counter()
    posted = await _ask_all(server, effort.queueing, "/v1/comparisons", 202, [body] * effort.queued)
    took = time.perf_counter() - begun
    async with server.connect() as connection:
        items = (await connection.ask_json("GET", "/v1/comparisons?limit=100", 200))["items"]
        ids = [item["id"] for item in items if item["status"] == "queued"]
        reading, places = [], []
        for id in ids:
            begun = time.perf_counter()
            places.append((await connection.ask_json("GET", f"/v1/comparisons/{id}", 200))["line"]["before"])
            reading.append(time.perf_counter() - begun)
        for id in ids:
            ended = await connection.ask_json("POST", f"/v1/comparisons/{id}/cancel", 200)
            assert ended["status"] == "cancelled"
    assert sorted(places) == list(range(effort.queued)), f"places in line: {sorted(places)}"
    return {
        "queued": effort.queued, "connections": effort.queueing, "seconds": round(took, 2),
        **_percentiles(posted), "last_place": max(places),
        **{f"read_{name}": value for name, value in _percentiles(reading).items()},
    }  # fmt: skip


async def _new_comparison(server: Server) -> str:
    dataset = await asyncio.to_thread(_upload, server)
    async with server.connect() as connection:
        asked = json.dumps({"dataset_id": dataset}).encode()
        return str((await connection.ask_json("POST", "/v1/comparisons", 202, asked))["id"])


def _upload(server: Server) -> str:
    url, told = f"http://127.0.0.1:{server.port}/v1/datasets?wait=0", {"Authorization": f"Bearer {server.key}"}
    with httpx2.Client(trust_env=False, timeout=60) as http:
        answer = http.post(url, headers=told, files={"file": ("tickets.jsonl", ROWS.encode())})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _percentiles(seconds: list[float]) -> dict[str, float]:
    milliseconds = 1000 * np.asarray(seconds)
    return {f"p{percent}": round(float(np.percentile(milliseconds, percent)), 2) for percent in (50, 99)}


@contextmanager
def _served(folder: Path) -> Iterator[Server]:
    """A server that has just started, with an empty database and one key."""
    database = open_database(f"sqlite:///{folder / 'advisor.sqlite3'}")
    migrate(database)
    key = issue_key(database, DEFAULT_WORKSPACE, "a benchmark", Role.EDITOR, "a benchmark").secret
    database.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ADVISOR_")}
    ours |= {"PYTHONPATH": str(ROOT), "PER_MINUTE": os.environ.get("PER_MINUTE", "0")}
    log = folder / "server.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, str(SERVER), str(folder), str(port)], cwd=ROOT, env=ours, stdout=output, stderr=output
        ) as process,
    ):
        try:
            _wait(port, process, log)
            yield Server(port, key, process.pid, folder)
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx2.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
            return
        except httpx2.TransportError:
            time.sleep(0.05)
    sys.exit(f"The server did not start: {log.read_text().strip()}")


if __name__ == "__main__":
    main()
