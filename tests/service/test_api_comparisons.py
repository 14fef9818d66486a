"""Comparisons over HTTP, as far as no worker is needed: what is refused, who is where in line, what is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.testclient import TestClient

from service.api.reports import preferred
from service.errors import NotAcceptable
from service.jobs.leases import Leases
from service.settings import Settings
from service.storage.comparisons import Status
from service.storage.folders import REQUEST, comparison_folder
from service.storage.runs import Run, Runs, Start

ROWS = "".join(json.dumps({"input": f"text {number}", "output": "AB"[number % 2]}) + "\n" for number in range(40))


@pytest.fixture
def dataset(client: TestClient) -> str:
    answer = client.post("/v1/datasets", params={"wait": 0}, files={"file": ("tickets.jsonl", ROWS.encode())})
    return str(answer.json()["id"])


@pytest.fixture
def runs(client: TestClient) -> Runs:
    return Runs(client.app.state.database)  # type: ignore[attr-defined]


@pytest.fixture
def start(client: TestClient, dataset: str) -> Callable[..., dict[str, Any]]:
    def started(**choices: Any) -> dict[str, Any]:
        answer = client.post("/v1/comparisons", json={"dataset_id": dataset, **choices})
        assert answer.status_code == 202, answer.text
        comparison: dict[str, Any] = answer.json()
        return comparison

    return started


def test_a_comparison_is_queued_with_every_default_filled_in(start: Callable[..., dict[str, Any]]) -> None:
    comparison = start(name="  Tickets  ", hold=True)
    assert (comparison["name"], comparison["status"], comparison["line"]["before"]) == ("Tickets", "queued", 0)
    assert comparison["request"]["seed"] == 1
    assert comparison["request"]["hold"] is True


def test_those_that_wait_have_a_place_in_line_and_an_estimate(
    client: TestClient, start: Callable[..., dict[str, Any]], runs: Runs
) -> None:
    ids = [start()["id"] for _ in range(4)]
    read = {id: client.get(f"/v1/comparisons/{id}").json()["line"] for id in ids}
    assert [read[id]["before"] for id in ids] == [0, 1, 2, 3]
    assert read[ids[3]]["minutes"] is None
    first = Run(UUID(ids[0]), 1)
    runs.begin(first)
    runs.end(first, Status.FINISHED, {})
    assert client.get(f"/v1/comparisons/{ids[3]}").json()["line"]["before"] == 2
    assert client.get(f"/v1/comparisons/{ids[3]}").json()["line"]["minutes"] is not None


@pytest.mark.parametrize(
    ("choices", "status", "pointer"),
    [
        ({"dataset_id": str(uuid4())}, 404, None),
        ({"corpus_id": str(uuid4())}, 404, None),
        ({"assessment_id": str(uuid4())}, 404, None),
        ({"backends": ["endpoint"]}, 422, "#/backends"),
        ({"backends": ["local"]}, 422, "#/backends"),
        ({"backends": ["abacus"]}, 422, "#/backends/0"),
        ({"search_service": True}, 422, "#/search_service"),
        ({"passages": 2}, 422, "#/passages"),
        ({"passages": 0}, 422, "#/passages"),
        ({"written_labels": True}, 422, "#/written_labels"),
        ({"form": {"task": {"kind": "extraction"}}}, 422, "#/form/task"),
        ({"form": {"task": {"kindd": "x"}}}, 422, "#/form/task/kindd"),
        ({"seed": -1}, 422, "#/seed"),
        ({"temperatures": [9]}, 422, "#/temperatures/0"),
        ({"datasetid": "x"}, 422, "#/datasetid"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_it_is_queued(
    client: TestClient, dataset: str, choices: dict[str, Any], status: int, pointer: str | None
) -> None:
    answer = client.post("/v1/comparisons", json={"dataset_id": dataset, **choices})
    assert answer.status_code == status
    if pointer is not None:
        assert pointer in [place["pointer"] for place in answer.json()["errors"]]
    assert client.get("/v1/comparisons").json()["items"] == []


def test_a_budget_is_never_more_than_the_deployment_allows(tmp_path: Any) -> None:
    from service.app import create_app

    settings = Settings(data_folder=tmp_path / "data", budget_calls=100)
    with TestClient(create_app(settings)) as client:
        rows = {"file": ("t.jsonl", ROWS.encode())}
        dataset = client.post("/v1/datasets", params={"wait": 0}, files=rows).json()["id"]
        asked = client.post("/v1/comparisons", json={"dataset_id": dataset, "calls": 5000}).json()
        assert asked["request"]["calls"] == 100


def test_approve_only_what_waits_for_it(client: TestClient, start: Callable[..., dict[str, Any]], runs: Runs) -> None:
    id = start()["id"]
    assert client.post(f"/v1/comparisons/{id}/approve").status_code == 409
    run = Run(UUID(id), 1)
    runs.begin(run)
    runs.wait_for_approval(run, {"calls": 900, "cost": 4.5, "currency": "USD"})
    assert client.get(f"/v1/comparisons/{id}").json()["foreseen"]["calls"] == 900
    approved = client.post(f"/v1/comparisons/{id}/approve").json()
    assert (approved["status"], approved["approved_by"]) == ("queued", "anyone on this machine")
    assert not runs.is_current(run)
    assert runs.is_current(Run(UUID(id), 2))


def test_work_of_an_earlier_generation_changes_nothing(
    client: TestClient, start: Callable[..., dict[str, Any]], runs: Runs
) -> None:
    id = start()["id"]
    old = Run(UUID(id), 1)
    runs.begin(old)
    client.post(f"/v1/comparisons/{id}/cancel")
    client.post(f"/v1/comparisons/{id}/resume", json={})
    runs.end(old, Status.FINISHED, {}, verdict={"headline": "stale"})
    comparison = client.get(f"/v1/comparisons/{id}").json()
    assert (comparison["status"], comparison["verdict"]) == ("queued", None)


def test_a_trial_is_tried_three_times_and_never_after_its_end(
    start: Callable[..., dict[str, Any]], runs: Runs, client: TestClient
) -> None:
    id = start()["id"]
    run = Run(UUID(id), 1)
    runs.begin(run)
    wanted = [{"key": key, "arm": "lora", "title": "LoRA", "train_size": 30, "queue": "trials"} for key in "ab"]
    runs.want_trials(run, wanted)
    assert [runs.start_trial(run, "a", "one", 3) for _ in range(4)] == [Start.STARTED] * 3 + [Start.TOO_OFTEN]
    runs.give_up_trial(run, "a", "killed")
    runs.start_trial(run, "b", "one", 3)
    runs.give_back_trial(run, "b", "one")
    runs.start_trial(run, "b", "two", 3)
    runs.finish_trial(run, "b", 2.0)
    runs.finish_trial(run, "b", 3.0)
    assert [runs.start_trial(run, key, "one", 3) for key in "ab"] == [Start.ENDED] * 2
    (arm,) = client.get(f"/v1/comparisons/{id}").json()["arms"]
    assert (arm["trials"], arm["finished"], arm["given_up"], arm["seconds"]) == (2, 1, 1, 2.0)
    assert runs.given_up(run.comparison) == {"lora": "killed"}


def test_whoever_lets_it_go_on_has_given_up_trials_tried_again(
    start: Callable[..., dict[str, Any]], runs: Runs, client: TestClient
) -> None:
    id = start()["id"]
    run = Run(UUID(id), 1)
    runs.begin(run)
    runs.want_trials(run, [{"key": "a", "arm": "lora", "title": "LoRA", "train_size": 30, "queue": "trials"}])
    for _ in range(3):
        runs.start_trial(run, "a", "one", 3)
    runs.give_up_trial(run, "a", "too little memory")
    runs.end(run, Status.FAILED, {"problem": "no"}, problem={"detail": "Too few ways are left."})
    again = client.post(f"/v1/comparisons/{id}/resume", json={}).json()
    assert (again["arms"][0]["given_up"], again["problem"]) == (0, None)
    assert runs.given_up(run.comparison) == {}
    run = Run(UUID(id), 2)
    runs.begin(run)
    assert [runs.start_trial(run, "a", "two", 3) for _ in range(4)] == [Start.STARTED] * 3 + [Start.TOO_OFTEN]


def test_whoever_lets_it_go_on_has_every_unfinished_trial_tried_three_times(
    start: Callable[..., dict[str, Any]], runs: Runs, client: TestClient
) -> None:
    """Also one whose worker was killed in the middle of it."""
    id = start()["id"]
    run = Run(UUID(id), 1)
    runs.begin(run)
    runs.want_trials(run, [{"key": "a", "arm": "lora", "title": "LoRA", "train_size": 30, "queue": "trials"}])
    for _ in range(3):
        runs.start_trial(run, "a", "one", 3)
    client.post(f"/v1/comparisons/{id}/cancel")
    client.post(f"/v1/comparisons/{id}/resume", json={})
    run = Run(UUID(id), 2)
    runs.begin(run)
    assert runs.start_trial(run, "a", "two", 3) is Start.STARTED
    runs.give_back_trial(run, "a", "one")
    assert [runs.start_trial(run, "a", "two", 3) for _ in range(3)] == [Start.STARTED] * 2 + [Start.TOO_OFTEN]


def test_a_queue_that_is_away_has_nothing_asked_for_twice(
    client: TestClient, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker that leads puts in what is stored."""

    def away(*_work: Any) -> None:
        raise NoConnectionFree

    monkeypatch.setattr("service.jobs.queue.DBOSClient.enqueue", away)
    sent = {"json": {"dataset_id": dataset}, "headers": {"Idempotency-Key": "once"}}
    first, again = (client.post("/v1/comparisons", **sent) for _ in range(2))
    assert (first.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert len(client.get("/v1/comparisons").json()["items"]) == 1


def test_other_limits_are_told_and_change_nothing_while_it_runs(
    start: Callable[..., dict[str, Any]], client: TestClient
) -> None:
    id = start(calls=10, budget=1)["id"]
    assert client.post(f"/v1/comparisons/{id}/resume", json={"calls": 900}).status_code == 409
    client.post(f"/v1/comparisons/{id}/cancel")
    asked = client.post(f"/v1/comparisons/{id}/resume", json={"calls": 50}).json()["request"]
    assert (asked["calls"], asked["budget"]) == (50, 1)
    folder = comparison_folder(client.app.state.settings, UUID(id))  # type: ignore[attr-defined]
    assert json.loads((folder / REQUEST).read_text()) == asked


def test_a_comparison_says_which_worker_it_waits_for(
    start: Callable[..., dict[str, Any]], runs: Runs, client: TestClient
) -> None:
    id = start()["id"]

    def unserved() -> list[str]:
        told: list[str] = client.get(f"/v1/comparisons/{id}").json()["unserved_queues"]
        return told

    assert unserved() == ["comparisons", "planning"]
    database = client.app.state.database  # type: ignore[attr-defined]
    Leases(database, "one", ["comparisons", "planning", "trials"], 60).renew()
    assert unserved() == []
    run = Run(UUID(id), 1)
    runs.begin(run)
    runs.want_trials(run, [{"key": "a", "arm": "lora", "title": "LoRA", "train_size": 30, "queue": "gpu"}])
    assert unserved() == ["gpu"]
    Leases(database, "two", ["gpu"], 60).renew()
    assert unserved() == []


def test_before_a_trial_has_finished_the_plan_says_how_long_it_takes(
    start: Callable[..., dict[str, Any]], runs: Runs, client: TestClient
) -> None:
    id = start()["id"]
    run = Run(UUID(id), 1)
    runs.begin(run)
    fit = {"arm": "lora", "title": "LoRA", "train_size": 30, "queue": "trials"}
    runs.want_trials(run, [{**fit, "key": key} for key in "abcd"])

    def minutes() -> float | None:
        told: float | None = client.get(f"/v1/comparisons/{id}").json()["minutes_left"]
        return told

    assert minutes() is None
    runs.note(run, "planned", {}, plan={"estimate": {"trainings": 4, "minutes": {"low": 2, "high": 6}}})
    assert minutes() == 4.0
    runs.start_trial(run, "a", "one", 3)
    runs.finish_trial(run, "a", 30.0)
    assert minutes() == 1.5


def test_events_go_on_after_the_last_one_seen(
    client: TestClient, start: Callable[..., dict[str, Any]], runs: Runs
) -> None:
    id = start()["id"]
    run = Run(UUID(id), 1)
    runs.begin(run)
    for number in range(700):
        runs.note(run, "noted", {"number": number})
    runs.end(run, Status.FAILED, {"problem": "it was"})

    def numbers(**headers: str) -> list[int]:
        with client.stream("GET", f"/v1/comparisons/{id}/events", headers=headers) as stream:
            return [int(line.removeprefix("id: ")) for line in stream.iter_lines() if line.startswith("id: ")]

    assert numbers() == list(range(1, 704))
    assert numbers(**{"Last-Event-ID": "701"}) == [702, 703]


@pytest.mark.parametrize("seen", ["3", "4", str(10**40)])
def test_whoever_has_seen_the_end_waits_for_nothing(
    client: TestClient, start: Callable[..., dict[str, Any]], runs: Runs, seen: str
) -> None:
    """Also a number that is none of ours: nothing with a higher one would ever come."""
    run = Run(UUID(start()["id"]), 1)
    runs.begin(run)
    runs.end(run, Status.FINISHED, {})
    answer = client.get(f"/v1/comparisons/{run.comparison}/events", headers={"Last-Event-ID": seen})
    assert (answer.status_code, answer.text) == (200, "")


def test_no_report_before_there_is_one(client: TestClient, start: Callable[..., dict[str, Any]], runs: Runs) -> None:
    id = start()["id"]
    assert client.get(f"/v1/comparisons/{id}/report").status_code == 409
    runs.end(Run(UUID(id), 1), Status.FAILED, {"problem": "no"}, problem={"detail": "The server is away."})
    assert client.get(f"/v1/comparisons/{id}/report.html").status_code == 404
    assert client.get(f"/v1/comparisons/{id}").json()["problem"] == "The server is away."


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "json"),
        ("application/json", "json"),
        ("text/markdown", "md"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("text/markdown;q=0.5, text/html;q=0.4", "md"),
        ("text/*", "md"),
    ],
)
def test_the_report_comes_in_the_form_that_is_asked_for(accept: str, kind: str) -> None:
    assert preferred(accept) == kind


def test_other_forms_are_refused() -> None:
    with pytest.raises(NotAcceptable, match="text/markdown"):
        preferred("image/png")
