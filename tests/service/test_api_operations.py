"""Readiness and metrics over real databases."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.jobs.leases import Leases
from service.jobs.queue import JobQueue
from service.jobs.system import QUEUES
from service.settings import Settings
from service.storage.comparisons import Comparisons, Status, Subjects
from service.storage.database import Database, open_database
from service.storage.runs import Run, Runs
from service.storage.workspaces import DEFAULT_WORKSPACE


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(data_folder=tmp_path / "data", database_url=database_url)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    settings.data_folder.mkdir()
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture
def database(settings: Settings, client: TestClient) -> Iterator[Database]:
    assert client.get("/healthz").status_code == 200, "the service makes the tables"
    database = open_database(settings.database)
    yield database
    database.close()


def unready(client: TestClient) -> dict[str, str]:
    answered = client.get("/readyz")
    assert answered.status_code == 503
    assert answered.headers["content-type"] == "application/problem+json"
    problem = answered.json()
    assert problem["type"] == "urn:problem-type:advisor:not-ready"
    return {place["parameter"]: place["detail"] for place in problem["errors"]}


def test_a_new_data_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """Also where the database lies elsewhere: nobody is sent to a service that is not ready, so no upload makes it."""
    folder = tmp_path / "new" / "data"
    with TestClient(create_app(Settings(data_folder=folder, database_url=f"sqlite:///{tmp_path / 'a.sqlite3'}"))) as it:
        assert set(unready(it)) == {"worker"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_without_a_worker_it_is_not_ready_and_says_how_to_start_one(client: TestClient) -> None:
    assert unready(client) == {"worker": "no worker is alive; start one with: advisor worker"}
    assert "worker: no worker is alive" in client.get("/readyz").json()["detail"]


def test_with_a_living_worker_it_is_ready_until_the_lease_ends(client: TestClient, database: Database) -> None:
    leases = Leases(database, "worker-1", QUEUES, 60)
    leases.renew()
    assert client.get("/readyz").json() == {
        "status": "ready", "parts": ["database", "queue", "data_folder", "worker"],
    }  # fmt: skip
    leases.release()
    assert set(unready(client)) == {"worker"}


def test_workers_that_leave_a_queue_to_nobody_are_not_enough(client: TestClient, database: Database) -> None:
    Leases(database, "worker-1", ["gpu", "trials"], 60).renew()
    assert unready(client) == {
        "worker": "no living worker serves comparisons, planning; start one with: advisor worker"
    }


def test_a_data_folder_that_is_gone_is_named(client: TestClient, database: Database, settings: Settings) -> None:
    Leases(database, "worker-1", QUEUES, 60).renew()
    moved = settings.data_folder.rename(settings.data_folder.with_name("moved"))
    assert unready(client) == {"data_folder": "it cannot be written to: No such file or directory"}
    moved.rename(settings.data_folder)
    assert client.get("/readyz").status_code == 200


def test_a_database_that_is_away_is_named_and_the_process_stays_alive(
    tmp_path: Path, postgresql_url: str, postgresql_server: str
) -> None:
    import psycopg

    settings = Settings(data_folder=tmp_path / "data", database_url=postgresql_url)
    settings.data_folder.mkdir()
    name = postgresql_url.rpartition("/")[2]
    with TestClient(create_app(settings)) as client, psycopg.connect(postgresql_server, autocommit=True) as server:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        assert unready(client) == dict.fromkeys(("database", "queue", "worker"), "it does not answer")
        assert client.get("/healthz").status_code == 200
        assert figures(client)["advisor_database_up"] == 0
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert set(unready(client)) == {"worker"}


def figures(client: TestClient) -> dict[str, float]:
    answered = client.get("/metrics")
    assert answered.headers["content-type"].startswith("text/plain")
    lines = (line.rpartition(" ") for line in answered.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def trial(arm: str, key: str) -> dict[str, object]:
    return {"key": key, "arm": arm, "title": arm, "train_size": 30, "queue": "trials"}


def work(database: Database) -> None:
    """One finished comparison with a trial that took tokens, one that lost a trial and failed, one that waits."""
    comparisons, runs = Comparisons(database, DEFAULT_WORKSPACE), Runs(database)
    finished, failed, waiting = (Run(uuid4(), 1) for _ in range(3))
    for run in (finished, failed, waiting):
        comparisons.add(run.comparison, "the name of a team", Subjects(None), {})
    usage = {"answers": 4, "input_tokens": 1000, "output_tokens": 20, "cost": 0.25}
    for run, arm in ((finished, "few_shot"), (failed, "head")):
        runs.begin(run)
        runs.want_trials(run, [trial(arm, "a" * 64), trial("zero_shot", "b" * 64)])
        runs.start_trial(run, "a" * 64, "worker-1", 3)
    runs.finish_trial(finished, "a" * 64, 3.0, usage)
    runs.finish_trial(finished, "b" * 64, 20.0, {**usage, "cost": 0.5})
    runs.end(finished, Status.FINISHED, {"kind": "keep"})
    runs.give_up_trial(failed, "a" * 64, "its process was killed by signal 9, 3 times")
    runs.end(failed, Status.FAILED, {"problem": "?"})


def test_figures_tell_what_the_database_knows(client: TestClient, database: Database) -> None:
    work(database)
    Leases(database, "worker-1", ["trials", "gpu"], 60).renew()
    Leases(database, "worker-2", ["trials"], 60).renew()
    told = figures(client)
    expected = {
        'advisor_comparisons{status="finished"}': 1, 'advisor_comparisons{status="failed"}': 1,
        'advisor_comparisons{status="queued"}': 1, 'advisor_comparisons{status="running"}': 0,
        'advisor_trials{status="finished"}': 2, 'advisor_trials{status="given_up"}': 1,
        'advisor_trials{status="queued"}': 1,
        'advisor_events_total{kind="trial_given_up"}': 1, 'advisor_events_total{kind="failed"}': 1,
        'advisor_trial_seconds_count{arm="few_shot"}': 1, 'advisor_trial_seconds_sum{arm="few_shot"}': 3,
        'advisor_trial_seconds_bucket{arm="few_shot",le="1.0"}': 0,
        'advisor_trial_seconds_bucket{arm="few_shot",le="5.0"}': 1,
        'advisor_trial_seconds_bucket{arm="zero_shot",le="15.0"}': 0,
        'advisor_trial_seconds_bucket{arm="zero_shot",le="60.0"}': 1,
        'advisor_tokens_total{arm="few_shot",part="input"}': 1000,
        'advisor_tokens_total{arm="zero_shot",part="output"}': 20,
        'advisor_cost_total{arm="zero_shot"}': 0.5,
        'advisor_workers{queue="trials"}': 2, 'advisor_workers{queue="gpu"}': 1,
        'advisor_workers{queue="planning"}': 0, "advisor_followers": 0, "advisor_database_up": 1,
    }  # fmt: skip
    assert {name: told[name] for name in expected} == expected
    assert 'arm="head"' not in "".join(name for name in told if "seconds" in name)


def test_two_processes_tell_the_same_of_what_is_stored(
    client: TestClient, database: Database, settings: Settings
) -> None:
    work(database)
    with TestClient(create_app(settings)) as other:
        stored = [
            {
                name: value
                for name, value in figures(each).items()
                if re.match(r"advisor_(comparisons|trials|events|trial_seconds|tokens|cost|queue)", name)
            }
            for each in (client, other)
        ]
    assert stored[0] == stored[1] != {}


def test_the_queue_is_told_by_queue(client: TestClient, settings: Settings) -> None:
    jobs = JobQueue(settings)
    for _ in range(3):
        jobs.add_comparison(Run(uuid4(), 1))
    jobs.add_audit(uuid4())
    jobs.close()
    told = figures(client)
    assert told['advisor_queue_length{queue="comparisons",state="waiting"}'] == 3
    assert told['advisor_queue_length{queue="planning",state="waiting"}'] == 1
    assert told['advisor_queue_length{queue="trials",state="waiting"}'] == 0
    assert told['advisor_queue_length{queue="comparisons",state="taken"}'] == 0


def test_requests_and_problems_are_counted_without_what_callers_made_up(client: TestClient) -> None:
    id = uuid4()
    client.get("/v1/questionnaire?secret=1")
    client.get(f"/v1/comparisons/{id}")
    client.get(f"/{id}")
    client.request("BREW", "/healthz")
    told = figures(client)
    assert told['advisor_request_seconds_count{method="GET",route="/v1/questionnaire",status="200"}'] == 1
    assert told['advisor_request_seconds_count{method="GET",route="/v1/comparisons/{id}",status="404"}'] == 1
    assert told['advisor_request_seconds_count{method="GET",route="none",status="404"}'] == 1
    assert told['advisor_request_seconds_count{method="other",route="/healthz",status="405"}'] == 1
    assert told['advisor_problems_total{type="not-found"}'] == 1
    assert told['advisor_problems_total{type="no-such-path"}'] == 1
    text = "".join(told)
    for made_up in (str(id), "secret", "BREW", "the name of a team"):
        assert made_up not in text
