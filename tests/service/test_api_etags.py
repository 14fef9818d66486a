"""Changes that are meant for one version, and calls that are sent twice."""

from __future__ import annotations

import threading

import pytest
from starlette.testclient import TestClient

URL = "/v1/assessments"


def test_the_etag_names_the_version(client: TestClient) -> None:
    posted = client.post(URL, json={"form": {}})
    url = posted.headers["Location"]
    assert posted.headers["ETag"] == '"1"'
    patched = client.patch(url, json={"task": {"narrow": True}}, headers={"If-Match": '"1"'})
    assert (patched.status_code, patched.headers["ETag"]) == (200, '"2"')
    assert client.get(url).headers["ETag"] == '"2"'


@pytest.mark.parametrize("if_match", ['"1"', '"3"', 'W/"2"', '"1", "7"', '""'])
def test_a_change_of_another_version_is_refused(client: TestClient, if_match: str) -> None:
    url = client.post(URL, json={"form": {}}).headers["Location"]
    client.patch(url, json={"task": {"narrow": True}})
    refused = client.patch(url, json={"examples": {"count": 5}}, headers={"If-Match": if_match})
    assert refused.status_code == 412
    assert refused.json()["type"] == "urn:problem-type:advisor:changed-meanwhile"
    assert client.get(url).json()["version"] == 2


@pytest.mark.parametrize("if_match", ['"2"', "*", '"1", "2"', None])
def test_a_change_of_the_latest_version_is_made(client: TestClient, if_match: str | None) -> None:
    url = client.post(URL, json={"form": {}}).headers["Location"]
    client.patch(url, json={"task": {"narrow": True}})
    headers = {"If-Match": if_match} if if_match is not None else {}
    assert client.patch(url, json={"examples": {"count": 5}}, headers=headers).json()["version"] == 3


@pytest.mark.parametrize("if_match", ["1", "two", ",", '"1" "2"'])
def test_what_is_no_etag_is_refused(client: TestClient, if_match: str) -> None:
    url = client.post(URL, json={"form": {}}).headers["Location"]
    refused = client.patch(url, json={}, headers={"If-Match": if_match})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["parameter"] == "If-Match"


def test_of_changes_at_the_same_time_one_is_made(client: TestClient) -> None:
    url = client.post(URL, json={"form": {}}).headers["Location"]
    gate, statuses = threading.Barrier(4), []

    def send(count: int) -> None:
        gate.wait()
        answer = client.patch(url, json={"examples": {"count": count}}, headers={"If-Match": '"1"'})
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=send, args=(count,)) for count in range(10, 14)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [200, 412, 412, 412]
    assert client.get(url).json()["version"] == 2


def test_an_assessment_that_is_sent_twice_is_made_once(client: TestClient) -> None:
    body, headers = {"form": {"task": {"narrow": True}}}, {"Idempotency-Key": "abc"}
    first, again = (client.post(URL, json=body, headers=headers) for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    assert (again.headers["ETag"], again.headers["Location"]) == ('"1"', first.headers["Location"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(client.get(URL).json()["items"]) == 1
    assert client.post(URL, json={"form": {}}, headers=headers).status_code == 422
