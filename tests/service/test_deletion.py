"""What is left, and what is not, when examples or documents are deleted; and that nothing goes that is still wanted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from service.deletion import forget_file
from service.jobs.work import Work
from service.refusals import Refusal
from service.settings import Settings
from service.storage.comparisons import Status
from service.storage.datasets import Datasets
from service.storage.folders import comparison_folder, kept_path
from service.storage.runs import Run, Runs

ENDPOINT = {"endpoint": "http://127.0.0.1:9/v1", "endpoint_model": "small"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_folder=tmp_path / "data", **ENDPOINT)


def rows(letter: str = "A") -> bytes:
    return "".join(
        json.dumps({"input": f"text {letter} {number}", "output": "AB"[number % 2]}) + "\n" for number in range(20)
    ).encode()


def upload(client: TestClient, content: bytes = rows(), **fields: str) -> Any:
    return client.post("/v1/datasets", params={"wait": 0}, files={"file": ("t.jsonl", content)}, data=fields)


def compare(client: TestClient, **choices: Any) -> UUID:
    answer = client.post("/v1/comparisons", json={"backends": ["endpoint"], **choices})
    assert answer.status_code == 202, answer.text
    return UUID(answer.json()["id"])


def test_documents_stay_while_a_comparison_searches_in_them(client: TestClient) -> None:
    dataset = upload(client).json()["id"]
    corpus = client.post("/v1/corpora", files={"files": ("a.md", b"text")}).json()["id"]
    id = compare(client, dataset_id=dataset, corpus_id=corpus)
    refused = client.delete(f"/v1/corpora/{corpus}")
    assert refused.status_code == 409
    assert str(id) in refused.json()["detail"]
    runs = Runs(client.app.state.database)  # type: ignore[attr-defined]
    runs.begin(Run(id, 1))
    runs.wait_for_approval(Run(id, 1), {"calls": 1})
    assert client.delete(f"/v1/corpora/{corpus}").status_code == 204
    assert client.get(f"/v1/comparisons/{id}").json()["status"] == "cancelled"
    assert client.post(f"/v1/comparisons/{id}/resume", json={}).status_code == 409


def test_without_its_documents_a_comparison_is_no_other_one(client: TestClient, settings: Settings) -> None:
    dataset = upload(client).json()["id"]
    corpus = client.post("/v1/corpora", files={"files": ("a.md", b"text")}).json()["id"]
    folder = comparison_folder(settings, compare(client, dataset_id=dataset, corpus_id=corpus))
    (folder / "corpus").unlink()
    with pytest.raises(Refusal, match="documents of this comparison were deleted"):
        Work(settings).advance(folder, None, {}, lambda *_told: None)


def test_a_report_that_cannot_be_read_does_not_keep_its_data_set(client: TestClient, settings: Settings) -> None:
    dataset = upload(client).json()["id"]
    id = compare(client, dataset_id=dataset)
    Runs(client.app.state.database).end(Run(id, 1), Status.FINISHED, {})  # type: ignore[attr-defined]
    folder = comparison_folder(settings, id)
    for name in ("report.json", "report.md", "report.html"):
        (folder / name).write_text('{"version": 99, "text": "text A 1"}')
    assert client.delete(f"/v1/datasets/{dataset}").status_code == 200
    assert list(folder.glob("report.*")) == []


def test_answers_to_test_rows_go_with_them(client: TestClient, settings: Settings) -> None:
    examples, test = upload(client).json(), upload(client, rows("B")).json()
    id = compare(client, dataset_id=examples["id"], test_dataset_id=test["id"])
    Runs(client.app.state.database).end(Run(id, 1), Status.FAILED, {})  # type: ignore[attr-defined]
    kept = settings.data_folder / "answers" / examples["fingerprint"][:16]
    kept.mkdir(parents=True)
    (kept / "answers.sqlite3").write_text("an answer to text B 1")
    client.delete(f"/v1/datasets/{test['id']}")
    assert not kept.exists()


def test_what_was_cancelled_a_moment_ago_writes_nothing_afterwards(client: TestClient) -> None:
    dataset = upload(client).json()["id"]
    id = compare(client, dataset_id=dataset)
    client.post(f"/v1/comparisons/{id}/cancel")
    asked = time.monotonic()
    assert client.delete(f"/v1/datasets/{dataset}").status_code == 200
    assert time.monotonic() - asked > 1.5


def test_an_upload_that_is_refused_leaves_the_same_bytes_of_another(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one is read, and not entered yet, when they are taken away."""
    enter = Datasets.add

    def enter_late(*arguments: Any) -> Any:
        monkeypatch.undo()
        assert upload(client, input_column="nothing").status_code == 422
        return enter(*arguments)

    monkeypatch.setattr(Datasets, "add", enter_late)
    stored = upload(client)
    assert stored.status_code == 201
    assert kept_path(settings, stored.json()["sha256"]).read_bytes() == rows()


def test_bytes_that_are_entered_while_they_are_taken_away_come_back(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = upload(client).json()["sha256"]
    answers = iter([False, True])
    monkeypatch.setattr("service.deletion.file_is_used", lambda *_asked: next(answers))
    forget_file(client.app.state.database, settings, sha256)  # type: ignore[attr-defined]
    assert kept_path(settings, sha256).read_bytes() == rows()
    assert [path.name for path in (settings.data_folder / "files").iterdir() if path.is_file()] == []
