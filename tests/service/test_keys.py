"""Keys: made, listed and revoked over HTTP and on the command line; recorded; never told again."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from service.__main__ import app as command_line
from service.access.caller import Role
from service.access.holders import REMEMBERED_SECONDS
from service.access.issuing import IssuedKey, revoke_key
from service.app import create_app
from service.settings import Settings
from service.storage.assessments import Assessments
from service.storage.database import Database

URL = "/v1/keys"
KEY = re.compile(r"adv_[A-Za-z0-9_-]{43}")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def admin(issue: Callable[..., IssuedKey]) -> IssuedKey:
    return issue("admin", Role.ADMIN)


def test_an_admin_makes_lists_and_revokes_keys(admin: IssuedKey, client: TestClient) -> None:
    headers = bearer(admin.secret)
    made = client.post(URL, json={"name": "ci", "role": "editor"}, headers=headers)
    assert made.status_code == 201
    key, id = made.json()["key"], made.json()["id"]
    assert KEY.fullmatch(key)
    assert client.post("/v1/assessments", json={"form": {}}, headers=bearer(key)).status_code == 201
    listed = client.get(URL, headers=headers)
    assert [item["name"] for item in listed.json()["items"]] == ["ci", "admin"]
    assert key not in listed.text
    assert client.delete(f"{URL}/{id}", headers=headers).json()["revoked_at"] is not None
    assert client.get("/v1/assessments", headers=bearer(key)).status_code == 401
    assert client.delete(f"{URL}/{id}", headers=headers).status_code == 409


def test_keys_page(admin: IssuedKey, client: TestClient, issue: Callable[..., IssuedKey]) -> None:
    for number in range(4):
        issue(f"number {number}")
    first = client.get(URL, params={"limit": 3}, headers=bearer(admin.secret)).json()
    query = {"limit": 3, "cursor": first["next_cursor"]}
    rest = client.get(URL, params=query, headers=bearer(admin.secret)).json()
    names = [item["name"] for item in first["items"] + rest["items"]]
    assert names == ["number 3", "number 2", "number 1", "number 0", "admin"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101])
def test_a_name_that_would_spoil_the_record_is_refused(admin: IssuedKey, client: TestClient, name: str) -> None:
    body = {"name": name, "role": "reader"}
    assert client.post(URL, json=body, headers=bearer(admin.secret)).status_code == 422


def test_two_keys_that_open_have_two_names(admin: IssuedKey, client: TestClient) -> None:
    headers, body = bearer(admin.secret), {"name": "ci", "role": "editor"}
    first = client.post(URL, json=body, headers=headers).json()
    assert client.post(URL, json=body, headers=headers).status_code == 409
    client.delete(f"{URL}/{first['id']}", headers=headers)
    assert client.post(URL, json=body, headers=headers).status_code == 201


def test_a_key_that_is_revoked_elsewhere_opens_nothing_within_seconds(
    admin: IssuedKey, client: TestClient, database: Database
) -> None:
    assert client.get("/v1/assessments", headers=bearer(admin.secret)).status_code == 200
    revoke_key(database, admin.key.id, "a test")
    deadline = time.monotonic() + REMEMBERED_SECONDS + 2
    while client.get("/v1/assessments", headers=bearer(admin.secret)).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_record_tells_who_made_and_revoked_keys(admin: IssuedKey, client: TestClient) -> None:
    headers = bearer(admin.secret)
    id = client.post(URL, json={"name": "ci", "role": "editor"}, headers=headers).json()["id"]
    client.delete(f"{URL}/{id}", headers=headers)
    first = client.get("/v1/actions", params={"limit": 2}, headers=headers).json()
    told = [(item["actor"], item["action"], item["subject"], item["details"]["name"]) for item in first["items"]]
    assert told == [("admin", "revoke_key", id, "ci"), ("admin", "create_key", id, "ci")]
    rest = client.get("/v1/actions", params={"cursor": first["next_cursor"]}, headers=headers).json()
    assert [(item["actor"], item["subject"]) for item in rest["items"]] == [("a test", str(admin.key.id))]
    assert rest["next_cursor"] is None


def test_the_record_of_another_workspace_is_not_shown(
    admin: IssuedKey, client: TestClient, issue: Callable[..., IssuedKey]
) -> None:
    other = issue("other", Role.ADMIN, "elsewhere")
    shown = [client.get("/v1/actions", headers=bearer(key.secret)).json()["items"] for key in (admin, other)]
    assert [[item["subject"] for item in items] for items in shown] == [[str(admin.key.id)], [str(other.key.id)]]


def test_a_key_is_in_no_log_no_error_and_no_file(
    admin: IssuedKey, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    answers: list[httpx2.Response] = []
    unknown = "adv_" + "B" * 43
    app = create_app(settings)
    with caplog.at_level(logging.DEBUG), TestClient(app, raise_server_exceptions=False) as client:
        made = client.post(URL, json={"name": "ci", "role": "editor"}, headers=bearer(admin.secret)).json()["key"]
        answers.append(client.get("/v1/assessments", headers=bearer(unknown)))
        answers.append(client.post(URL, json={"name": made, "role": unknown}, headers=bearer(unknown)))
        answers.append(client.post(URL, json={"name": "x", "role": unknown}, headers=bearer(admin.secret)))
        for key in (unknown, made, admin.secret):
            origin = {"Origin": "http://localhost"}
            answers.append(client.post("/sign-in", data={"key": key}, headers=origin, follow_redirects=False))
        monkeypatch.setattr(Assessments, "page", broken)
        answers.append(client.get("/v1/assessments", headers=bearer(made)))
        assert answers[-1].status_code == 500
        cookie = client.cookies["advisor_session"]
    assert "broken" in caplog.text
    for secret in (admin.secret, made, unknown, cookie):
        assert secret not in caplog.text
        assert not [answer for answer in answers if secret in answer.text]
    for secret in (admin.secret, made, cookie):
        files = [file for file in settings.data_folder.rglob("*") if file.is_file()]
        assert not [file for file in files if secret.encode() in file.read_bytes()]
    assert admin.secret not in repr(admin)


def run(folder: Path, *arguments: str) -> Any:
    return CliRunner().invoke(command_line, ["keys", *arguments], env={"ADVISOR_DATA_FOLDER": str(folder)})


def test_keys_on_the_command_line(tmp_path: Path) -> None:
    made = run(tmp_path, "create", "--name", "ops", "--role", "admin")
    key = made.stdout.strip()
    assert (made.exit_code, bool(KEY.fullmatch(key))) == (0, True)
    other = json.loads(run(tmp_path, "create", "--name", "ci", "--workspace", "search", "--json").stdout)
    assert (other["role"], other["workspace"], bool(KEY.fullmatch(other["key"]))) == ("editor", "search", True)
    listed = run(tmp_path, "list").stdout
    assert "ops" in listed
    assert key not in listed
    assert [item["name"] for item in json.loads(run(tmp_path, "list", "--json").stdout)] == ["ops", "ci"]
    assert run(tmp_path, "revoke", other["id"]).exit_code == 0
    assert json.loads(run(tmp_path, "list", "--json").stdout)[1]["revoked_at"] is not None
    with TestClient(create_app(Settings(data_folder=tmp_path))) as client:
        assert client.get("/v1/assessments", headers=bearer(key)).status_code == 200
        assert client.get("/v1/assessments", headers=bearer(other["key"])).status_code == 401
        record = client.get("/v1/actions", headers=bearer(key)).json()["items"]
    assert [(item["actor"], item["action"]) for item in record] == [("the command line", "create_key")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["create", "--name", "x", "--role", "boss"], "expected reader, editor, admin"),
        (["create", "--name", " "], "a key's name has"),
        (["revoke", "x"], "expected the id of a key"),
        (["revoke", "6f1f4c1e-6f0c-4d3c-9a53-0c8f5b7c2d11"], "there is no key"),
    ],
)
def test_what_the_command_line_refuses_is_one_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = run(tmp_path, *arguments)
    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stderr.strip().count("\n") == 0


def test_serving_another_address_without_a_key_ends_in_one_line(tmp_path: Path) -> None:
    environment = {"ADVISOR_DATA_FOLDER": str(tmp_path)}
    done = CliRunner().invoke(command_line, ["serve", "--host", "0.0.0.0", "--port", "0"], env=environment)
    assert done.exit_code == 2
    assert "advisor keys create" in done.stderr
    assert done.stderr.strip().count("\n") == 0
