"""Every refusal is a problem (RFC 9457) that says what is wrong and where."""

from __future__ import annotations

import logging
import re
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.errors import StorageUnavailable
from service.problems import Problem
from service.settings import Settings
from service.storage.assessments import Assessments

URL = "/v1/assessments"
JSON = {"content-type": "application/json"}


def problem(response: httpx2.Response, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    Problem.model_validate(body)
    assert (body["status"], body["type"]) == (status, f"urn:problem-type:advisor:{kind}")
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response.headers["X-Request-ID"]
    return body


def test_an_unknown_field_is_refused_with_the_nearest_name(client: TestClient) -> None:
    refused = problem(client.post(URL, json={"form": {"task": {"kindd": "x"}}}), 422, "form-refused")
    assert [error["pointer"] for error in refused["errors"]] == ["#/form/task/kindd"]
    assert "task.kind" in refused["errors"][0]["detail"]


def test_an_unknown_section_is_refused(client: TestClient) -> None:
    refused = problem(client.post(URL, json={"form": {"tasks": {}}}), 422, "form-refused")
    assert refused["errors"][0]["pointer"] == "#/form/tasks"
    assert "task" in refused["errors"][0]["detail"]


def test_every_wrong_answer_is_named_at_once(client: TestClient) -> None:
    form = {"task": {"kind": "clasification"}, "examples": {"count": -3}, "tried": {"few_shot": {"score": 7}}}
    refused = problem(client.post(URL, json={"form": form}), 422, "form-refused")
    assert {error["pointer"] for error in refused["errors"]} == {
        "#/form/task/kind",
        "#/form/examples/count",
        "#/form/tried/few_shot/score",
    }


def test_contradicting_answers_are_refused(client: TestClient) -> None:
    form = {"examples": {"count": 10, "smallest_class": 20}}
    refused = problem(client.post(URL, json={"form": form}), 422, "form-refused")
    assert refused["errors"][0]["pointer"] == "#/form/examples/smallest_class"


def test_a_patch_is_refused_where_the_patched_form_is_wrong(client: TestClient) -> None:
    id = client.post(URL, json={"form": {}}).json()["id"]
    refused = problem(client.patch(f"{URL}/{id}", json={"task": {"narow": True}}), 422, "form-refused")
    assert refused["errors"][0]["pointer"] == "#/task/narow"
    assert "task.narrow" in refused["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/form"),
        ({"form": {}, "fomr": {}}, "#/fomr"),
        ({"form": []}, "#/form"),
        ({"form": None}, "#/form"),
        ({"form": "task"}, "#/form"),
        ([], "#"),
        ("form", "#"),
        ({"form": {}, "a/b~c d%": 1}, "#/a~1b~0c%20d%25"),
    ],
)
def test_a_body_of_another_shape_is_refused(client: TestClient, body: object, pointer: str) -> None:
    refused = problem(client.post(URL, json=body), 422, "request-refused")
    assert refused["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("patch", ["[]", "null", '"x"', "1"])
def test_a_patch_that_is_no_object_is_refused(client: TestClient, patch: str) -> None:
    id = client.post(URL, json={"form": {}}).json()["id"]
    refused = problem(client.patch(f"{URL}/{id}", content=patch, headers=JSON), 422, "request-refused")
    assert refused["errors"][0]["pointer"] == "#"


def test_no_body_is_refused(client: TestClient) -> None:
    refused = problem(client.post(URL, headers=JSON), 422, "request-refused")
    assert refused["errors"][0]["pointer"] == "#"


def test_a_body_that_is_no_json_is_refused_with_line_and_column(client: TestClient) -> None:
    refused = problem(client.post(URL, content='{"form":\n oops}', headers=JSON), 400, "malformed-body")
    assert "line 2 column 2" in refused["detail"]


@pytest.mark.parametrize("body", [b"\xff\xfe\xff", b'{"form": ' + b"9" * 5000 + b"}", b"[" * 100_000])
def test_a_body_that_cannot_be_read_at_all_is_refused(client: TestClient, body: bytes) -> None:
    problem(client.post(URL, content=body, headers=JSON), 400, "malformed-body")


@pytest.mark.parametrize("depth", [50, 900])
def test_a_deep_body_is_refused_and_harms_nothing(client: TestClient, depth: int) -> None:
    id = client.post(URL, json={"form": {}}).json()["id"]
    deep = '{"task":' * depth + "1" + "}" * depth
    assert client.post(URL, content=f'{{"form": {deep}}}', headers=JSON).status_code in (400, 422)
    assert client.patch(f"{URL}/{id}", content=deep, headers=JSON).status_code in (400, 422)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(client: TestClient, number: str) -> None:
    id = client.post(URL, json={"form": {}}).json()["id"]
    for field in ('{"budget": {"cap": %s}}', '{"success": {"target": %s}}'):
        answers = field % number
        problem(client.post(URL, content=f'{{"form": {answers}}}', headers=JSON), 422, "form-refused")
        problem(client.patch(f"{URL}/{id}", content=answers, headers=JSON), 422, "form-refused")


def test_text_that_is_no_unicode_is_refused(client: TestClient) -> None:
    id = client.post(URL, json={"form": {}}).json()["id"]
    for answers in (r'{"task": {"name": "\ud800"}}', r'{"\ud800": 1}', r'{"task": {"\ud800": "\ud800"}}'):
        assert client.post(URL, content=f'{{"form": {answers}}}', headers=JSON).status_code == 422
        assert client.patch(f"{URL}/{id}", content=answers, headers=JSON).status_code == 422


@pytest.mark.parametrize("stated", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_another_media_type_is_refused(client: TestClient, stated: str) -> None:
    headers = {"content-type": stated} if stated else {}
    id = client.post(URL, json={"form": {}}).json()["id"]
    posted = client.post(URL, content=b'{"form": {}}', headers=headers)
    problem(posted, 415, "media-type-refused")
    assert posted.headers["Accept"] == "application/json"
    patched = client.patch(f"{URL}/{id}", content=b"{}", headers=headers)
    problem(patched, 415, "media-type-refused")
    assert patched.headers["Accept"] == "application/merge-patch+json, application/json"


def test_a_merge_patch_is_no_new_assessment(client: TestClient) -> None:
    headers = {"content-type": "application/merge-patch+json"}
    problem(client.post(URL, content=b'{"form": {}}', headers=headers), 415, "media-type-refused")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many", ""])
def test_a_limit_out_of_range_is_refused(client: TestClient, limit: str) -> None:
    refused = problem(client.get(URL, params={"limit": limit}), 422, "request-refused")
    assert [error["parameter"] for error in refused["errors"]] == ["limit"]


def test_a_forged_cursor_is_refused(client: TestClient) -> None:
    id = client.post(URL, json={"form": {}}).json()["id"]
    for url in (URL, f"{URL}/{id}/versions"):
        refused = problem(client.get(url, params={"cursor": "forged"}), 422, "cursor-refused")
        assert [error["parameter"] for error in refused["errors"]] == ["cursor"]


def test_an_unknown_path_is_a_problem(client: TestClient) -> None:
    assert "/v1/nothing" in problem(client.get("/v1/nothing"), 404, "no-such-path")["detail"]


def test_an_unknown_method_is_a_problem(client: TestClient) -> None:
    refused = client.put(URL, json={})
    problem(refused, 405, "method-not-allowed")
    assert refused.headers["Allow"] == "GET, POST"
    assert client.delete(f"{URL}/x").headers["Allow"] == "GET, PATCH"
    assert client.post("/healthz").headers["Allow"] == "GET"


def test_no_page_loads_scripts_from_elsewhere(client: TestClient) -> None:
    problem(client.get("/redoc"), 404, "no-such-path")
    reference = client.get("/docs")
    assert reference.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', reference.text)
    assert [address for address in loaded if not address.startswith(("/", "data:"))] == []


def test_an_unexpected_error_shows_nothing_but_its_name(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(Assessments, "page", broken)
    with (
        TestClient(create_app(settings), raise_server_exceptions=False) as client,
        caplog.at_level(logging.ERROR),
    ):
        response = client.get(URL)
    failed = problem(response, 500, "internal-error")
    assert "secret" not in response.text
    assert failed["request_id"] in failed["detail"]
    assert failed["request_id"] in caplog.text
    assert "the secret is 42" in caplog.text


def test_a_database_that_is_away_is_a_503(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StorageUnavailable("the database did not answer: it is locked")

    monkeypatch.setattr(Assessments, "page", away)
    response = client.get(URL)
    assert "locked" not in problem(response, 503, "storage-unavailable")["detail"]
    assert response.headers["Retry-After"] == "1"


def test_a_request_id_is_kept_where_it_is_harmless(client: TestClient) -> None:
    kept = client.get("/healthz", headers={"X-Request-ID": "trace-1.a_b"})
    assert kept.headers["X-Request-ID"] == "trace-1.a_b"
    made = client.get("/healthz", headers={"X-Request-ID": "a b<script>" + "x" * 100})
    assert made.headers["X-Request-ID"].isalnum()
    assert made.headers["X-Request-ID"] != client.get("/healthz").headers["X-Request-ID"]
