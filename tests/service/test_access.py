"""Every call, for everyone who should not make it. The calls are those of the app itself: a new one is tested too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI
from starlette.routing import Mount
from starlette.testclient import TestClient

from service.access.caller import Role
from service.access.issuing import issue_key, revoke_key
from service.app import create_app
from service.settings import Settings
from service.storage.assessments import Assessments, Judged
from service.storage.comparisons import Comparisons, Subjects
from service.storage.corpora import Corpora
from service.storage.database import Database, open_database
from service.storage.datasets import Datasets
from service.storage.files import KeptFile
from service.storage.migrate import migrate
from service.storage.workspaces import Workspaces

OPEN_TO_ALL = {"/healthz", "/readyz", "/sign-in"}
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
EACH = 20
"""Assessments and comparisons of a workspace."""


@dataclass
class Team:
    """A workspace with something of everything in it. `ids` by the part of the path that they follow."""

    workspace: UUID
    keys: dict[Role, str]
    key_ids: list[str]
    ids: dict[str, list[str]]

    @property
    def everything(self) -> set[str]:
        return {id for ids in self.ids.values() for id in ids} | {str(self.workspace), *self.key_ids}


@dataclass
class House:
    """A running service with two teams."""

    client: TestClient
    app: FastAPI
    database: Database
    ours: Team
    theirs: Team


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("house")
    settings = Settings(data_folder=folder, requests_per_minute=0)
    database = open_database(settings.database)
    migrate(database)
    ours, theirs = (furnish(database, name) for name in ("ours", "theirs"))
    app = create_app(settings)
    with TestClient(app, base_url="http://advisor.example.org", client=("192.0.2.7", 5000)) as client:
        yield House(client, app, database, ours, theirs)
    database.close()


def furnish(database: Database, name: str) -> Team:
    workspace = Workspaces(database).named(name).id
    issued = {role: issue_key(database, workspace, f"{name} {role}", role, "a test") for role in Role}
    assessments, comparisons = Assessments(database, workspace), Comparisons(database, workspace)
    dataset = Datasets(database, workspace).add(
        uuid4(), "rows", KeptFile("0" * 64, 10), "1" * 64,
        {"examples": 3, "file_name": "rows.jsonl", "kind": "classification", "labels": {"a": 3}},
    )  # fmt: skip
    corpus = Corpora(database, workspace).add(uuid4(), "documents", [("a.md", KeptFile("2" * 64, 10))])
    ids = {
        "assessments": [str(assessments.add(Judged({}, {}, "0" * 64, f"{name} {n}")).id) for n in range(EACH)],
        "comparisons": [str(uuid4()) for _ in range(EACH)],
        "datasets": [str(dataset.id)],
        "corpora": [str(corpus.id)],
        "keys": [str(each.key.id) for each in issued.values()],
    }
    for id in ids["comparisons"]:
        comparisons.add(UUID(id), name, Subjects(dataset.id), {"backends": [], "test": None, "corpus": None})
        comparisons.cancel(UUID(id), "a test")  # its events come to an end then
    return Team(workspace, {role: each.secret for role, each in issued.items()}, ids["keys"], ids)


def calls(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path of every route, however deeply it was included."""
    found, waiting = [], list(app.routes)
    while waiting:
        route: Any = waiting.pop()
        if hasattr(route, "original_router"):
            waiting += route.original_router.routes
        elif isinstance(route, Mount):
            assert route.path == "/static", f"{route.path}: are its files for everyone?"
        else:
            found += [(method, route.path) for method in sorted(route.methods - {"HEAD"})]
    return sorted(found)


def guarded(app: FastAPI) -> list[tuple[str, str]]:
    return [(method, path) for method, path in calls(app) if path not in OPEN_TO_ALL]


def ask(house: House, method: str, path: str, key: str | None, ids: dict[str, list[str]]) -> httpx2.Response:
    """With one of the ids where the path wants one."""
    before = re.search(r"/(\w+)/\{", path)
    id = ids[before[1]][0] if before is not None else ""
    headers = {} if key is None else {"Authorization": f"Bearer {key}".encode()}
    body = {"json": {}} if method in UNSAFE else {}
    house.client.cookies.clear()
    return house.client.request(method, re.sub(r"\{[^}]*\}", id, path), headers=headers, follow_redirects=False, **body)  # type: ignore[arg-type]


def refused(response: httpx2.Response, status: int, call: str) -> dict[str, Any]:
    assert response.status_code == status, (call, response.status_code, response.text)
    assert response.headers["content-type"] == "application/problem+json", call
    body: dict[str, Any] = response.json()
    return body


def test_every_described_call_is_among_the_tested_ones(house: House) -> None:
    key = house.ours.keys[Role.READER]
    document = house.client.get("/openapi.json", headers={"Authorization": f"Bearer {key}"}).json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described <= set(calls(house.app))
    assert len(described) > 25
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["security"] == ([] if path in OPEN_TO_ALL else [{"key": []}]), path
            assert path in OPEN_TO_ALL or {"401", "403", "429"} <= set(operation["responses"]), f"{method} {path}"


@pytest.mark.parametrize("key", [None, "", "nonsense", "adv_" + "A" * 43, "ä" * 47], ids=repr)
def test_nothing_is_answered_without_a_key_that_holds(house: House, key: str | None) -> None:
    for method, path in guarded(house.app):
        response = ask(house, method, path, key, house.ours.ids)
        problem = refused(response, 401, f"{method} {path}")
        assert problem["type"] == "urn:problem-type:advisor:not-signed-in"
        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "adv_x", "bearer  "])
def test_any_other_authorization_is_no_key(house: House, header: str) -> None:
    response = house.client.get("/v1/assessments", headers={"Authorization": header})
    refused(response, 401, header)


def test_a_revoked_key_opens_nothing(house: House) -> None:
    issued = issue_key(house.database, house.ours.workspace, "short-lived", Role.ADMIN, "a test")
    revoke_key(house.database, issued.key.id, "a test")
    for method, path in guarded(house.app):
        refused(ask(house, method, path, issued.secret, house.ours.ids), 401, f"{method} {path}")


def test_a_reader_changes_nothing(house: House) -> None:
    for method, path in guarded(house.app):
        if method in UNSAFE and path.startswith("/v1/"):
            response = ask(house, method, path, house.ours.keys[Role.READER], house.ours.ids)
            assert refused(response, 403, f"{method} {path}")["type"] == "urn:problem-type:advisor:not-allowed"


def test_an_editor_sees_neither_keys_nor_the_record(house: House) -> None:
    for method, path in guarded(house.app):
        if path.startswith(("/v1/keys", "/v1/actions")):
            refused(ask(house, method, path, house.ours.keys[Role.EDITOR], house.ours.ids), 403, f"{method} {path}")


def test_a_reader_reads_all_else(house: House) -> None:
    for method, path in guarded(house.app):
        if method == "GET" and path.startswith("/v1/") and not path.startswith(("/v1/keys", "/v1/actions")):
            answer = ask(house, method, path, house.ours.keys[Role.READER], house.ours.ids)
            # There is no report of a cancelled comparison; and these assessments are by no rules of today.
            assert answer.status_code in ({404} if "report" in path else {409} if ".md" in path else {200}), path


def test_what_belongs_to_others_is_not_there(house: House) -> None:
    """And an answer about it is the same as about what was never there."""
    tried = 0
    for method, path in guarded(house.app):
        if "{" in path:
            tried += 1
            call, key = f"{method} {path}", house.ours.keys[Role.ADMIN]
            nobodys = {kind: [str(uuid4())] for kind in house.theirs.ids}
            about_theirs = refused(ask(house, method, path, key, house.theirs.ids), 404, call)
            about_nobodys = refused(ask(house, method, path, key, nobodys), 404, call)
            assert generalised(about_theirs) == generalised(about_nobodys), call
    assert tried > 15


def generalised(problem: dict[str, Any]) -> dict[str, Any]:
    detail = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", problem["detail"])
    return {**problem, "detail": detail, "request_id": ""}


def test_no_answer_names_anything_of_others(house: House) -> None:
    for method, path in guarded(house.app):
        if method == "GET":
            answer = ask(house, method, path, house.ours.keys[Role.ADMIN], house.ours.ids)
            named = {id for id in house.theirs.everything if id in answer.text}
            assert not named, f"{path} names {named}"


@pytest.mark.parametrize("what", ["assessments", "comparisons"])
def test_lists_have_all_of_ours_and_nothing_of_theirs(house: House, what: str) -> None:
    assert set(listed(house, what, house.ours)) == set(house.ours.ids[what])
    assert set(listed(house, what, house.theirs)) == set(house.theirs.ids[what])


def listed(house: House, what: str, team: Team) -> Iterator[str]:
    headers = {"Authorization": f"Bearer {team.keys[Role.READER]}"}
    query: dict[str, Any] = {"limit": 7}
    while True:
        page = house.client.get(f"/v1/{what}", params=query, headers=headers).json()
        yield from (item["id"] for item in page["items"])
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


def test_a_cursor_of_others_leads_through_ours_only(house: House) -> None:
    theirs = {"Authorization": f"Bearer {house.theirs.keys[Role.READER]}"}
    cursor = house.client.get("/v1/assessments", params={"limit": 1}, headers=theirs).json()["next_cursor"]
    ours = {"Authorization": f"Bearer {house.ours.keys[Role.READER]}"}
    page = house.client.get("/v1/assessments", params={"cursor": cursor, "limit": 100}, headers=ours).json()
    assert {item["id"] for item in page["items"]} <= set(house.ours.ids["assessments"])


def test_ids_cannot_be_guessed(house: House) -> None:
    """Random ones (UUID version 4), none of which tells another."""
    ids = [UUID(id) for team in (house.ours, house.theirs) for kind in team.ids.values() for id in kind]
    assert all(id.version == 4 for id in ids)
    assert len({id.bytes[:4] for id in ids}) == len(ids)


@pytest.mark.parametrize("field", ["dataset_id", "test_dataset_id", "corpus_id", "assessment_id"])
def test_a_comparison_rests_on_nothing_of_others(house: House, field: str) -> None:
    kind = {"test_dataset_id": "datasets", "corpus_id": "corpora"}.get(field, field.removesuffix("_id") + "s")
    body = {"dataset_id": house.ours.ids["datasets"][0], field: house.theirs.ids[kind][0]}
    headers = {"Authorization": f"Bearer {house.ours.keys[Role.EDITOR]}"}
    refused(house.client.post("/v1/comparisons", json=body, headers=headers), 404, field)


def test_the_same_idempotency_key_in_two_workspaces_is_two_keys(house: House) -> None:
    made = [
        house.client.post(
            "/v1/assessments", json={"form": {}},
            headers={"Authorization": f"Bearer {team.keys[Role.EDITOR]}", "Idempotency-Key": "first"},
        ).json()["id"]
        for team in (house.ours, house.theirs)
    ]  # fmt: skip
    assert made[0] != made[1]
    for team, id in zip((house.ours, house.theirs), made, strict=True):
        team.ids["assessments"].append(id)


def test_a_reader_gets_no_first_answer_of_an_editor(house: House) -> None:
    def post(role: Role) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {house.ours.keys[role]}", "Idempotency-Key": "of an editor"}
        return house.client.post("/v1/assessments", json={"form": {}}, headers=headers)

    house.ours.ids["assessments"].append(post(Role.EDITOR).json()["id"])
    assert post(Role.READER).status_code in (403, 422)
    assert post(Role.EDITOR).headers["Idempotency-Replayed"] == "true"
