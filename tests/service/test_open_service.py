"""A service without keys: open to everyone on this machine, and to nobody and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from service.access.caller import Role
from service.access.holders import REMEMBERED_SECONDS
from service.access.issuing import IssuedKey
from service.app import create_app
from service.errors import SettingsRefused
from service.settings import Settings

URL = "/v1/assessments"
FORM = {"form": {}}


def test_a_program_on_this_machine_needs_nothing(client: TestClient) -> None:
    assert client.post(URL, json=FORM).status_code == 201
    assert client.get(URL).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"])
def test_it_answers_under_its_own_names(client: TestClient, host: str) -> None:
    assert client.get(URL, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "", "[", "a b"]
)
def test_a_name_that_somebody_else_leads_here_is_refused(client: TestClient, host: str) -> None:
    """DNS rebinding: a page of evil.example, whose name now leads to 127.0.0.1, asks its own origin."""
    for answer in (client.get(URL, headers={"Host": host}), client.post(URL, json=FORM, headers={"Host": host})):
        assert answer.status_code == 403
        assert answer.json()["type"] == "urn:problem-type:advisor:not-allowed"


def test_whoever_comes_through_a_proxy_is_refused(settings: Settings) -> None:
    """The server takes the caller's address from a local proxy's X-Forwarded-For."""
    with TestClient(create_app(settings), client=("192.0.2.7", 5000)) as client:
        assert client.get(URL).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ],
    ids=str,
)
def test_pages_of_other_sites_change_nothing(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post(URL, json=FORM, headers=headers).status_code == 403
    assert client.get(URL).json()["items"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:8000", "Host": "localhost:8000"},
    ],
    ids=str,
)
def test_its_own_pages_may(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post(URL, json=FORM, headers=headers).status_code == 201


def test_a_stated_key_must_hold_here_too(client: TestClient) -> None:
    assert client.get(URL, headers={"Authorization": "Bearer adv_" + "A" * 43}).status_code == 401


def test_the_first_key_closes_it_at_once(client: TestClient) -> None:
    key = client.post("/v1/keys", json={"name": "first", "role": "admin"}).json()["key"]
    assert client.get(URL).status_code == 401
    assert client.get(URL, headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_a_key_made_elsewhere_closes_it_within_seconds(client: TestClient, issue: Callable[..., IssuedKey]) -> None:
    assert client.get(URL).status_code == 200
    issue("made on the command line")
    deadline = time.monotonic() + REMEMBERED_SECONDS + 2
    while client.get(URL).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert client.get(URL).status_code == 401


def test_revoking_the_last_key_does_not_open_it(client: TestClient) -> None:
    made = client.post("/v1/keys", json={"name": "first", "role": "admin"}).json()
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert client.delete(f"/v1/keys/{made['id']}", headers=headers).status_code == 200
    assert client.get(URL).status_code == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "advisor.example.org"])
def test_no_other_address_without_a_key(settings: Settings, host: str) -> None:
    app = create_app(settings.model_copy(update={"host": host}))
    with pytest.raises(SettingsRefused) as refused, TestClient(app):
        pass
    assert "advisor keys create" in str(refused.value)
    assert host in str(refused.value)
    assert "\n" not in str(refused.value)


def test_any_address_with_a_key(settings: Settings, issue: Callable[..., IssuedKey]) -> None:
    key = issue("ops", Role.READER).secret
    with TestClient(create_app(settings.model_copy(update={"host": "0.0.0.0"}))) as client:
        strange = {"Host": "advisor.example.org"}
        assert client.get(URL, headers=strange).status_code == 401
        assert client.get(URL, headers={**strange, "Authorization": f"Bearer {key}"}).status_code == 200
        assert client.get("/healthz", headers=strange).status_code == 200
