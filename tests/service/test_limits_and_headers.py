"""How often somebody may ask, and what every answer forbids a browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from service.access.issuing import IssuedKey, revoke_key
from service.app import create_app
from service.settings import Settings
from service.storage.assessments import Assessments
from service.storage.comparisons import Comparisons, Subjects
from service.storage.database import Database
from service.storage.events import write_event
from service.storage.folders import comparison_folder

URL = "/v1/assessments"


def limited(settings: Settings, per_minute: int) -> FastAPI:
    return create_app(settings.model_copy(update={"requests_per_minute": per_minute}))


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_too_many_requests_are_told_when_to_come_back(settings: Settings) -> None:
    with TestClient(limited(settings, 5)) as client:
        assert [client.get(URL).status_code for _ in range(6)] == [200] * 5 + [429]
        refused = client.get(URL)
        assert refused.json()["type"] == "urn:problem-type:advisor:too-many-requests"
        assert 50 <= int(refused.headers["Retry-After"]) <= 61
        assert client.get("/healthz").status_code == 200


def test_each_key_has_requests_of_its_own(settings: Settings, issue: Callable[..., IssuedKey]) -> None:
    one, other = issue("one").secret, issue("other").secret
    with TestClient(limited(settings, 3)) as client:
        assert [client.get(URL, headers=bearer(one)).status_code for _ in range(4)] == [200] * 3 + [429]
        assert client.get(URL, headers=bearer(other)).status_code == 200


def test_a_session_counts_for_its_key(settings: Settings, issue: Callable[..., IssuedKey]) -> None:
    key = issue("one").secret
    with TestClient(limited(settings, 3), follow_redirects=False) as client:
        assert client.post("/sign-in", data={"key": key}, headers={"Origin": "http://localhost"}).status_code == 303
        answers = [client.get(URL), client.get(URL, headers=bearer(key)), client.get(URL), client.get(URL)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_whoever_guesses_is_limited_by_address(settings: Settings, issue: Callable[..., IssuedKey]) -> None:
    issue("one")
    with TestClient(limited(settings, 3)) as client:
        guesses = ["adv_" + str(number) * 43 for number in range(5)]
        statuses = [client.get(URL, headers=bearer(guess)).status_code for guess in guesses]
        assert statuses == [401] * 3 + [429] * 2
        assert client.post("/sign-in", data={"key": guesses[0]}).status_code == 429


def test_no_limit(settings: Settings) -> None:
    with TestClient(limited(settings, 0)) as client:
        assert {client.get("/v1/questionnaire").status_code for _ in range(50)} == {200}


def test_pages_and_their_scripts_fit_after_an_upgrade(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        assert client.get("/static/pages.js").headers["Cache-Control"] == "no-cache"


def test_every_answer_is_secured(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Assessments, "page", broken)
    with TestClient(create_app(settings.model_copy(update={"upload_bytes": 1})), raise_server_exceptions=False) as c:
        file = {"file": ("a.jsonl", b"x" * 2_000_000)}
        answers = [
            c.get("/healthz"), c.get("/v1/questionnaire"), c.get("/v1/nothing"), c.get(URL), c.put(URL),
            c.get("/sign-in"), c.post("/v1/datasets", files=file), c.get("/v1/keys", headers=bearer("x")),
        ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 200, 404, 500, 405, 200, 413, 401]
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert not [part for part in policy if part.startswith("script-src") or "unsafe-eval" in part]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] in ("no-referrer", "same-origin")
        assert answer.headers["X-Request-ID"]


def stored(database: Database, workspace: UUID) -> UUID:
    id = uuid4()
    Comparisons(database, workspace).add(id, "a comparison", Subjects(None), {})
    return id


def test_the_memo_runs_nothing_and_belongs_to_no_site(
    settings: Settings, database: Database, issue: Callable[..., IssuedKey]
) -> None:
    key = issue("one")
    id = stored(database, key.key.workspace)
    folder = comparison_folder(settings, id)
    folder.mkdir(parents=True)
    for kind in ("html", "json", "md"):
        (folder / f"report.{kind}").write_text("{}")
    with TestClient(create_app(settings)) as client:
        policies = {
            kind: client.get(f"/v1/comparisons/{id}/report.{kind}", headers=bearer(key.secret)).headers[
                "Content-Security-Policy"
            ].split("; ")
            for kind in ("html", "json", "md")
        }  # fmt: skip
    assert {"sandbox", "default-src 'none'", "style-src 'unsafe-inline'", "img-src data:"} <= set(policies["html"])
    assert policies["json"] == policies["md"]
    assert "sandbox" not in policies["json"]


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < until
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


def test_events_stop_when_their_key_is_revoked(
    settings: Settings, database: Database, issue: Callable[..., IssuedKey]
) -> None:
    key = issue("one")
    id = stored(database, key.key.workspace)
    with served(create_app(settings)) as base, httpx2.Client(base_url=base, trust_env=False, timeout=30) as http:
        with http.stream("GET", f"/v1/comparisons/{id}/events", headers=bearer(key.secret)) as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: queued"
            revoke_key(database, key.key.id, "a test")
            time.sleep(3.5)
            with database.writing() as connection:
                write_event(connection, id, "secret", {})
            assert not [line for line in lines if "secret" in line]
        assert http.get(f"/v1/comparisons/{id}", headers=bearer(key.secret)).status_code == 401
