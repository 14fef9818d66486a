"""Log lines: one for each event, in both forms, and nothing of a user in them."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.logs import JsonLines, Lines, facts
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SECRET = "my card is 4111 1111 1111 1111"


def record(event: str, error: Exception | None = None, **told: object) -> logging.LogRecord:
    made = logging.LogRecord("service.x", logging.INFO, "f.py", 1, event, (), None)
    if error is not None:
        try:
            raise error
        except type(error):
            made.exc_info = sys.exc_info()
    for name, value in facts(**told).items():
        setattr(made, name, value)
    return made


def test_a_line_for_programs_is_one_object_with_its_facts() -> None:
    told = json.loads(JsonLines().format(record("trial finished", arm="head", seconds=1.5, worker=None)))
    assert {name: told[name] for name in ("level", "source", "event", "arm", "seconds")} == {
        "level": "info", "source": "service.x", "event": "trial finished", "arm": "head", "seconds": 1.5,
    }  # fmt: skip
    assert "worker" not in told
    assert told["at"].endswith("+00:00")


def test_a_line_for_people_says_the_same() -> None:
    assert (
        Lines()
        .format(record("trial finished", arm="head", seconds=1.5))
        .endswith(" INFO trial finished: arm=head seconds=1.5")
    )


@pytest.mark.parametrize("form", [Lines, JsonLines])
def test_an_exception_tells_kind_and_place_and_not_its_message(form: type[logging.Formatter]) -> None:
    said = form().format(record("request failed", ValueError(SECRET)))
    assert "ValueError" in said
    assert "test_logs.py" in said
    assert SECRET not in said


def test_a_line_for_programs_stays_one_line() -> None:
    assert "\n" not in JsonLines().format(record("two\nlines", ValueError("a\nb")))


def requests_in(log: str) -> list[dict[str, object]]:
    return [line for line in map(json.loads, log.splitlines()) if line["event"] == "request"]


def test_a_request_is_told_by_its_template_without_query_or_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    id = "6f1f4c1e-6f0c-4d3c-9a53-0c8f5b7c2d11"
    with TestClient(create_app(Settings(data_folder=tmp_path))) as client, caplog.at_level(logging.INFO, "service"):
        client.get(f"/v1/assessments/{id}?token=hush", headers={"X-Request-ID": "abc"})
        client.get("/no/such/thing-of-a-user")
        client.get("/healthz")
    lines = requests_in("\n".join(JsonLines().format(each) for each in caplog.records))
    assert [(line["method"], line["route"], line["status"], line["problem"]) for line in lines] == [
        ("GET", "/v1/assessments/{id}", 404, "not-found"), ("GET", "none", 404, "no-such-path"),
    ]  # fmt: skip
    assert lines[0]["request"] == "abc"
    assert isinstance(lines[0]["ms"], float)
    for secret in (id, "hush", "thing-of-a-user"):
        assert secret not in str(lines)


def test_a_failure_inside_is_logged_without_what_it_quotes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr("service.storage.assessments.Assessments.get", fail)
    app = create_app(Settings(data_folder=tmp_path))
    with TestClient(app, raise_server_exceptions=False) as client, caplog.at_level(logging.INFO, "service"):
        answered = client.get("/v1/assessments/6f1f4c1e-6f0c-4d3c-9a53-0c8f5b7c2d11")
    said = "\n".join(JsonLines().format(each) for each in caplog.records if each.name.startswith("service"))
    assert answered.status_code == 500
    assert SECRET not in said
    assert [(line["status"], line["problem"]) for line in requests_in(said)] == [(500, "internal-error")]
    assert '"kind": "ValueError"' in said


def test_the_queues_library_is_quiet_about_what_was_asked_for() -> None:
    code = (
        "import logging\nfrom service.logs import set_up_logs\nset_up_logs('text')\n"
        "from dbos import error\nfrom dbos._logger import init_logger, dbos_logger\ninit_logger()\n"
        "dbos_logger.info('chatter')\n"
        "dbos_logger.error('Exception in workflow', exc_info=error.DBOSWorkflowCancelledError('x'))\n"
        "dbos_logger.error('the disk is gone', exc_info=OSError('x'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert [line for line in done.stderr.splitlines() if "ERROR" in line or "INFO" in line] == [
        line for line in done.stderr.splitlines() if "the disk is gone (OSError)" in line
    ]
    assert "the disk is gone" in done.stderr
