"""The app as a whole: how it starts, what it describes, and that it keeps to this machine."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.testclient import TestClient

from service.api.assessments import AssessmentPage, AssessmentView, NewAssessment, VersionPage
from service.api.comparison_views import ComparisonPage, ComparisonView, Limits, NewComparison
from service.api.corpora import CorpusPage
from service.api.datasets import DatasetPage, DatasetView
from service.api.forms import parse_form
from service.app import create_app
from service.deletion import Deleted
from service.errors import StorageUnavailable
from service.problems import Problem
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def run(code: str, *arguments: str) -> str:
    """Run Python code in a process of its own, as a newcomer's machine would."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The app under a real server on a free loopback port."""
    server = uvicorn.Server(uvicorn.Config(create_app(settings), host=settings.host, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the server ended before it started"
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


def test_the_process_says_that_it_is_alive(client: TestClient) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (
        200,
        {"status": "ok", "version": version("adaptation-advisor")},
    )


def test_from_form_to_assessment_over_a_real_server(settings: Settings) -> None:
    with served(settings) as base, httpx2.Client(base_url=base, trust_env=False) as http:
        sections = http.get("/v1/questionnaire").json()["sections"]
        assert "task" in [section["name"] for section in sections]
        posted = http.post("/v1/assessments", json={"form": {"task": {"name": "Over the wire", "narrow": True}}})
        assert posted.status_code == 201
        assert set(posted.json()["assessment"]["methods"]) == {"prompting", "retrieval", "fine_tuning"}
        patched = http.patch(posted.headers["Location"], json={"examples": {"count": 12}})
        assert (patched.status_code, patched.json()["version"]) == (200, 2)
        listed = http.get("/v1/assessments").json()["items"]
        assert [(item["name"], item["version"]) for item in listed] == [("Over the wire", 2)]
        assert http.get("/v1/nothing").headers["content-type"] == "application/problem+json"
    assert (settings.data_folder / "advisor.sqlite3").is_file()


def test_making_the_app_touches_nothing(settings: Settings) -> None:
    create_app(settings)
    assert not settings.data_folder.exists()


def test_two_apps_live_side_by_side(tmp_path: Path) -> None:
    with (
        TestClient(create_app(Settings(data_folder=tmp_path / "one"))) as one,
        TestClient(create_app(Settings(data_folder=tmp_path / "two"))) as two,
    ):
        one.post("/v1/assessments", json={"form": {}})
        assert len(one.get("/v1/assessments").json()["items"]) == 1
        assert two.get("/v1/assessments").json()["items"] == []


def test_two_apps_share_one_file(settings: Settings) -> None:
    with TestClient(create_app(settings)) as one, TestClient(create_app(settings)) as two:
        location = one.post("/v1/assessments", json={"form": {}}).headers["Location"]
        assert two.patch(location, json={"task": {"narrow": True}}).json()["version"] == 2
        assert one.get(location).json()["version"] == 2


def test_a_file_that_is_no_database_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("these are notes, not a database\n" * 100)
    app = create_app(Settings(data_folder=tmp_path, database_url=f"sqlite:///{file}"))
    with pytest.raises(StorageUnavailable, match="not a database"), TestClient(app):
        pass


def test_importing_the_app_loads_no_model_library() -> None:
    loaded = run(
        """
        import sys
        import service.app
        print(*{name.partition(".")[0] for name in sys.modules})
        """
    ).split()
    heavy = {
        "torch",
        "transformers",
        "peft",
        "sentence_transformers",
        "faiss",
        "openai",
        "sklearn",
        "scipy",
        "numpy",
    }
    assert heavy.isdisjoint(loaded)
    assert "alembic" not in loaded  # needed once, when the app starts


def test_errors_and_storage_know_no_web_framework() -> None:
    loaded = run(
        """
        import sys
        import service.errors, service.settings, service.storage.assessments, service.storage.migrate
        print(*{name.partition(".")[0] for name in sys.modules})
        """
    ).split()
    assert {"fastapi", "starlette", "uvicorn"}.isdisjoint(loaded)


def test_nothing_leaves_the_machine(tmp_path: Path) -> None:
    code = """
        import sys
        asked = []
        def watch(event, arguments):
            if event in ("socket.getaddrinfo", "socket.gethostbyname"):
                asked.append(f"{event} {arguments[0]}")
            elif event in ("socket.connect", "socket.bind", "socket.sendto"):
                asked.append(f"{event} {arguments[1]}")
        sys.addaudithook(watch)
        from starlette.testclient import TestClient
        from service.app import create_app
        from service.settings import Settings
        app = create_app(Settings(data_folder=sys.argv[1]))
        with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50000)) as client:
            posted = client.post("/v1/assessments", json={"form": {"task": {"narrow": True}}})
            location = posted.headers["Location"]
            for path in ("/healthz", "/v1/questionnaire", "/v1/assessments", location, location + "/versions",
                         "/openapi.json"):
                assert client.get(path).status_code == 200
            assert client.patch(location, json={"examples": {"count": 5}}).status_code == 200
        print("\\n".join(asked))
    """
    assert run(code, str(tmp_path / "data")).strip() == ""


def described(client: TestClient) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/openapi.json").json()
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def example(document: dict[str, Any], content: dict[str, Any]) -> Any:
    (shown,) = content["examples"].values()
    name = shown["$ref"].removeprefix("#/components/examples/")
    return document["components"]["examples"][name]["value"]


def test_every_call_is_described_with_an_example(client: TestClient) -> None:
    document = described(client)
    assert {call for call, _ in operations(document)} == {
        "get /healthz",
        "get /readyz",
        "get /metrics",
        "get /v1/actions",
        "post /v1/keys",
        "get /v1/keys",
        "delete /v1/keys/{id}",
        "get /v1/questionnaire",
        "post /v1/assessments",
        "get /v1/assessments",
        "get /v1/assessments/{id}",
        "get /v1/assessments/{id}.md",
        "patch /v1/assessments/{id}",
        "get /v1/assessments/{id}/versions",
        "post /v1/datasets",
        "get /v1/datasets",
        "get /v1/datasets/{id}",
        "delete /v1/datasets/{id}",
        "post /v1/corpora",
        "get /v1/corpora",
        "get /v1/corpora/{id}",
        "delete /v1/corpora/{id}",
        "post /v1/comparisons",
        "get /v1/comparisons",
        "get /v1/comparisons/{id}",
        "post /v1/comparisons/{id}/approve",
        "post /v1/comparisons/{id}/cancel",
        "post /v1/comparisons/{id}/resume",
        "get /v1/comparisons/{id}/events",
        "get /v1/comparisons/{id}/report",
        "get /v1/comparisons/{id}/report.json",
        "get /v1/comparisons/{id}/report.md",
        "get /v1/comparisons/{id}/report.html",
    }
    for call, operation in operations(document):
        assert operation["summary"], call
        assert operation["description"], call
        bodies = [*operation["responses"].values(), *filter(None, [operation.get("requestBody")])]
        for body in bodies:
            for content in body.get("content", {}).values():
                assert example(document, content), call


def test_the_examples_are_what_the_calls_take_and_give(client: TestClient) -> None:
    examples = {name: shown["value"] for name, shown in described(client)["components"]["examples"].items()}
    NewAssessment.model_validate(examples["new_assessment"])
    AssessmentView.model_validate(examples["assessment"])
    AssessmentView.model_validate(examples["changed_assessment"])
    AssessmentPage.model_validate(examples["assessment_page"])
    VersionPage.model_validate(examples["version_page"])
    Problem.model_validate(examples["problem"])
    DatasetView.model_validate(examples["dataset"])
    DatasetPage.model_validate(examples["dataset_page"])
    Deleted.model_validate(examples["deleted_dataset"])
    CorpusPage.model_validate(examples["corpus_page"])
    NewComparison.model_validate(examples["new_comparison"])
    Limits.model_validate(examples["limits"])
    ComparisonView.model_validate(examples["comparison"])
    ComparisonView.model_validate(examples["waiting_comparison"])
    ComparisonPage.model_validate(examples["comparison_page"])
    parse_form(examples["patch"])
    assert examples["questionnaire"] == client.get("/v1/questionnaire").json()
    posted = client.post("/v1/assessments", json=examples["new_assessment"]).json()
    assert posted["assessment"] == examples["assessment"]["assessment"]
    patched = client.patch(f"/v1/assessments/{posted['id']}", json=examples["patch"]).json()
    assert patched["assessment"] == examples["changed_assessment"]["assessment"]
    refused = client.post("/v1/assessments", json={"form": {"task": {"kindd": "x"}}}).json()
    assert refused["errors"] == examples["problem"]["errors"]


def test_every_reference_in_the_description_leads_somewhere(client: TestClient) -> None:
    document = described(client)

    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    for reference in references(document):
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    assert "HTTPValidationError" not in json.dumps(document)
    assert "enum" in json.dumps(document["components"]["schemas"]["Task"])


def test_a_form_is_scored_in_under_15_milliseconds(client: TestClient) -> None:
    """Median of 30, best of three rounds, so that a busy machine does not fail it."""
    form = {"form": {"task": {"name": "Tickets", "narrow": True}, "examples": {"count": 420}}}

    def seconds() -> float:
        begun = time.perf_counter()
        assert client.post("/v1/assessments", json=form).status_code == 201
        return time.perf_counter() - begun

    assert min(statistics.median(seconds() for _ in range(30)) for _ in range(3)) < 0.015
