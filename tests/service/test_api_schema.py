"""Every call of the description, with generated requests: no answer that the description does not foresee."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
import requests
import schemathesis
import uvicorn
from schemathesis.engine import events

from service.access.caller import Role
from service.access.issuing import issue_key
from service.api.comparison_examples import examples
from service.app import create_app
from service.jobs.leases import Leases
from service.jobs.system import QUEUES
from service.settings import Settings
from service.storage.comparisons import Status
from service.storage.database import Database, open_database
from service.storage.folders import REPORT, comparison_folder
from service.storage.migrate import migrate
from service.storage.runs import Run, Runs
from service.storage.workspaces import DEFAULT_WORKSPACE

ROWS = "".join(json.dumps({"input": f"text {number}", "output": "AB"[number % 2]}) + "\n" for number in range(40))
FILES = {"file": ("tickets.jsonl", ROWS.encode()), "files": ("hours.md", b"# Opening hours\n")}
"""What is uploaded, by the field: schemathesis has neither names of files nor rows."""
FITTING = {"approve": "awaiting_approval", "cancel": "running", "resume": "cancelled", "report": "finished"}
"""In which a call for it succeeds, by the call's last word."""
STATES = ("queued", "running", "awaiting_approval", "finished", "blocked", "failed", "cancelled")


@dataclass
class World:
    """A running service, and something to ask about in every state that it can be in."""

    base: str
    settings: Settings
    database: Database
    http: requests.Session
    turn: Iterator[int] = field(default_factory=itertools.count)
    made: Iterator[int] = field(default_factory=itertools.count)
    kept: str = ""

    @property
    def dataset(self) -> str:
        """Id of one for several comparisons, made again when a chain of calls has deleted it."""
        if not self.kept or self.http.get(f"{self.base}/v1/datasets/{self.kept}").status_code == 404:
            self.kept = self.make("datasets")
        return self.kept

    def make(self, what: str, fitting: str | None = None) -> str:
        """Id of something new."""
        match what:
            case "assessments":
                return self.post("assessments", json={"form": {"task": {"name": "Tickets"}}})
            case "corpora":
                return self.post("corpora", files={"files": FILES["files"]})
            case "datasets":
                return self.post("datasets", params={"wait": "0"}, files={"file": FILES["file"]})
            case "keys":
                return self.post("keys", json={"name": f"key {next(self.made)}", "role": "reader"})
        id = self.post("comparisons", json={"dataset_id": self.dataset})
        number = next(self.made)
        self.bring(Run(UUID(id), 1), fitting if fitting and number % 2 else STATES[number % len(STATES)])
        return id

    def post(self, what: str, **sent: Any) -> str:
        answer = self.http.post(f"{self.base}/v1/{what}", **sent)
        assert answer.ok, answer.text
        return str(answer.json()["id"])

    def bring(self, run: Run, state: str) -> None:
        """As a worker would."""
        runs = Runs(self.database)
        if state == "queued":
            return
        runs.begin(run)
        runs.want_trials(
            run, [{"key": key, "arm": "lora", "title": "LoRA", "train_size": 30, "queue": "trials"} for key in "ab"]
        )
        runs.start_trial(run, "a", "worker", 3)
        runs.finish_trial(run, "a", 2.5)
        if state == "awaiting_approval":
            runs.wait_for_approval(run, {"calls": 900, "cost": 4.5, "currency": "USD"})
        if state == "finished":
            for kind, name in (("json", "report"), ("md", "printed_report"), ("html", "report_page")):
                report = examples()[name]
                text = report if isinstance(report, str) else json.dumps(report)
                (comparison_folder(self.settings, run.comparison) / f"{REPORT}.{kind}").write_text(text)
        if state in ("finished", "blocked"):
            runs.end(run, Status(state), {}, verdict=examples()["comparison"]["verdict"])
        if state == "failed":
            runs.end(run, Status.FAILED, {"problem": "no"}, problem={"detail": "The server is away."})
        if state == "cancelled":
            self.http.post(f"{self.base}/v1/comparisons/{run.comparison}/cancel").raise_for_status()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = Settings(data_folder=tmp_path_factory.mktemp("data"), requests_per_minute=0)
    database = open_database(settings.database)
    migrate(database)
    key = issue_key(database, DEFAULT_WORKSPACE, "a test", Role.ADMIN, "a test").secret
    Leases(database, "a worker", QUEUES, 3600.0).renew()  # without one the service says that it is not ready
    server = uvicorn.Server(uvicorn.Config(create_app(settings), host=settings.host, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended before it started"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with requests.Session() as http:
        http.trust_env = False
        http.headers["Authorization"] = f"Bearer {key}"
        yield World(f"http://127.0.0.1:{port}", settings, database, http)
    server.should_exit = True
    thread.join(20)
    database.close()


CONFIGURATION: dict[str, Any] = {
    "seed": 20261120,
    "request-timeout": 90,
    "generation": {"deterministic": True, "max-examples": 6, "no-shrink": True},
    "phases": {
        "coverage": {"unexpected-methods": []},
        "stateful": {"generation": {"max-examples": 10}, "max-steps": 6},
    },
    "checks": {
        # Rules that a schema cannot tell: a cursor comes from its list, a file has rows, null is an open answer.
        "positive_data_acceptance": {"enabled": False},
        "negative_data_rejection": {"enabled": False},
        # PATCH /v1/assessments/ID.md is one of the assessment with the id "ID.md", which there never is.
        "unsupported_method": {"enabled": False},
        "allow_header_conformance": {"enabled": False},
    },
}


@pytest.fixture
def _aimed(world: World) -> Iterator[None]:
    """Every second request is about something that is there: in what is generated, nothing ever is."""

    @schemathesis.hook
    def before_call(_: object, case: schemathesis.Case, sent: dict[str, Any]) -> None:
        if next(world.turn) % 2 == 0:
            aim(case, sent, world)
        if case.path.endswith("/events"):  # what has not ended would be followed for ever
            world.http.post(f"{world.base}{case.formatted_path.removesuffix('/events')}/cancel")
        if case.query and "wait" in case.query:
            case.query["wait"] = 0  # nobody audits here

    yield
    schemathesis.hooks.unregister(before_call)


def aim(case: schemathesis.Case, sent: dict[str, Any], world: World) -> None:
    what = case.path.split("/")[2] if case.path.startswith("/v1/") else ""
    if "id" in (case.path_parameters or {}):
        case.path_parameters["id"] = world.make(what, FITTING.get(case.path.rpartition("/")[2].partition(".")[0]))
    if isinstance(case.body, dict):
        for name in ("dataset_id", "test_dataset_id"):
            if name in case.body:
                case.body[name] = world.dataset
        for name, file in FILES.items():
            if name in case.body:
                others = [(other, (None, str(value))) for other, value in case.body.items() if other != name]
                sent["files"] = [(name, file), *others]


@pytest.mark.usefixtures("_aimed")
def test_no_answer_is_a_surprise(world: World) -> None:
    """Examples, edges of every schema, random requests, and chains of calls; a failure tells how to send it again."""
    document = world.http.get(f"{world.base}/openapi.json").json()
    told = {**CONFIGURATION, "base-url": world.base, "headers": dict(world.http.headers)}
    described = schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict(told))
    surprises: dict[tuple[str, str], str] = {}
    succeeded: set[str] = set()
    for event in schemathesis.engine.from_schema(described).execute():
        assert not isinstance(event, events.FatalError), event
        if isinstance(event, events.NonFatalError):
            surprises["error", event.label] = str(event.value)
        if isinstance(event, events.ScenarioFinished):
            surprises |= told_of(event)
            succeeded |= {
                event.recorder.cases[id].value.operation.label
                for id, interaction in event.recorder.interactions.items()
                if interaction.response is not None and interaction.response.status_code < 300
            }
    assert not surprises, "\n\n".join(f"{check}, {call}: {told}" for (check, call), told in surprises.items())
    calls = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert calls - succeeded == set(), "these were never answered with what they are for"


def told_of(event: events.ScenarioFinished) -> dict[tuple[str, str], str]:
    """What did not hold, by check and call."""
    failed = [check for checks in event.recorder.checks.values() for check in checks if check.failure_info is not None]
    return {
        (check.name, str(event.label)): f"{check.failure_info.failure}\n{check.failure_info.code_sample}"
        for check in failed
    }
