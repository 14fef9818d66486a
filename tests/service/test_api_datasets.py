"""Uploads: what is kept, what is refused, and what a deletion leaves."""

from __future__ import annotations

import io
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow
import pyarrow.parquet
import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from service.storage.comparisons import Status
from service.storage.database import Database
from service.storage.datasets import keep_audit
from service.storage.idempotency import IdempotencyKeys
from service.storage.runs import Run, Runs
from service.storage.workspaces import DEFAULT_WORKSPACE

ROWS = [{"input": f"text number {number}", "output": "AB"[number % 2]} for number in range(40)]
TICKETS = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
CHATS = [
    {"messages": [{"role": "system", "content": "A or B?"}, {"role": "user", "content": row["input"]},
                  {"role": "assistant", "content": row["output"]}]}
    for row in ROWS
]  # fmt: skip
SECRET = "the text of a row that nobody may read again"


def upload(client: TestClient, content: bytes = TICKETS, name: str = "tickets.jsonl", **fields: str) -> Any:
    return client.post("/v1/datasets", params={"wait": 0}, files={"file": (name, content)}, data=fields)


def kept_files(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_folder / "files").rglob("*") if path.is_file()]


def test_an_upload_tells_what_is_in_it(client: TestClient) -> None:
    answer = upload(client, name="../../etc/Tickets 2026.jsonl", kind="classification")
    assert answer.status_code == 201
    dataset = answer.json()
    assert (dataset["name"], dataset["file_name"]) == ("Tickets 2026", "Tickets 2026.jsonl")
    assert (dataset["examples"], dataset["labels"], dataset["status"]) == (40, {"A": 20, "B": 20}, "auditing")
    assert client.get(answer.headers["Location"]).json() == dataset
    listed = client.get("/v1/datasets").json()["items"]
    assert [item["id"] for item in listed] == [dataset["id"]]


def packed(rows: list[dict[str, str]]) -> bytes:
    """As a Parquet file."""
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "unit"),
    [
        ("".join(json.dumps(row) + "\n" for row in CHATS).encode(), "chats.jsonl", "Line"),
        (packed(ROWS), "tickets.parquet", "Row"),
    ],
)
def test_chats_and_parquet_files_are_examples_too(client: TestClient, content: bytes, name: str, unit: str) -> None:
    answer = upload(client, content, name)
    assert answer.status_code == 201, answer.text
    dataset = answer.json()
    assert (dataset["examples"], dataset["labels"], dataset["file_name"]) == (40, {"A": 20, "B": 20}, name)
    place = {"id": "any", "file": name, "line": 3}
    found = {
        "code": "AUDIT09", "name": "duplicates", "severity": "warning", "message": "One.", "what_to_do": "Look.",
        "rows": [[place]],
    }  # fmt: skip
    audit = {"examples": 40, "class_sizes": {"A": 20, "B": 20}, "near_search": "letters", "findings": [found]}
    database = client.app.state.database  # type: ignore[attr-defined]
    keep_audit(database, UUID(dataset["id"]), audit, None)
    page = client.get(f"/datasets/{dataset['id']}", headers={"Accept": "text/html"}).text
    assert f'<th scope="col">{unit}</th>' in page
    assert '<td>3</td><td class="text">text number 2</td><td>A</td>' in page


def test_a_long_name_in_any_script_is_shortened_to_what_file_systems_take(client: TestClient) -> None:
    named = upload(client, name="票" * 300 + ".jsonl").json()
    assert named["file_name"].endswith("票票.jsonl")
    assert len(named["file_name"].encode()) <= 255


def test_the_same_bytes_are_kept_once(client: TestClient, settings: Settings) -> None:
    first, second = upload(client).json(), upload(client, name="again.jsonl").json()
    assert first["sha256"] == second["sha256"]
    assert len(kept_files(settings)) == 1
    client.delete(f"/v1/datasets/{first['id']}")
    assert len(kept_files(settings)) == 1
    client.delete(f"/v1/datasets/{second['id']}")
    assert kept_files(settings) == []


@pytest.mark.parametrize(
    ("content", "name", "fields", "pointer", "says"),
    [
        (b"", "tickets.jsonl", {}, "#/file", "is empty"),
        (b"PK\x03\x04\x00\x00", "tickets.csv", {}, "#/file", "is not text"),
        (b'{"input": "a"}\n', "tickets.jsonl", {}, "#/file", "output"),
        (b'{"input": "a", "output": "b"}\n{"input":\n', "tickets.jsonl", {}, "#/file", "line 2"),
        (b"caf\xe9,x\n", "tickets.csv", {}, "#/file", "not UTF-8"),
        (
            json.dumps(CHATS[0]).encode() + b"\n" + TICKETS,
            "t.jsonl",
            {},
            "#/file",
            "no 'messages', but line 1 has them",
        ),
        (TICKETS, "tickets.parquet", {}, "#/file", "does not begin as such a file does"),
        (packed(ROWS)[:-9], "tickets.parquet", {}, "#/file", "cannot be read as Parquet"),
        (packed([{"input": "a", "output": " "}]), "t.parquet", {}, "#/file", "row 1, column 'output': empty"),
        (TICKETS, "tickets.xlsx", {}, "#/file", "unknown file type"),
        (TICKETS, "tickets.jsonl", {"input_column": "nope"}, "#/file", "no column 'nope'"),
        (TICKETS, "tickets.jsonl", {"kind": "extraction"}, "#/file", "JSON"),
        (TICKETS, "tickets.jsonl", {"task": "{"}, "#/task", "not JSON"),
        (TICKETS, "tickets.jsonl", {"task": "[" * 5000 + "]" * 5000}, "#/task", "nested too deeply"),
        (TICKETS, "tickets.jsonl", {"task": '{"instrction": "x"}'}, "#/task", "instrction"),
    ],
)
def test_what_cannot_be_used_is_refused_at_its_field_and_leaves_nothing(
    client: TestClient, settings: Settings, content: bytes, name: str, fields: dict[str, str], pointer: str, says: str
) -> None:
    answer = upload(client, content, name, **fields)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    (place,) = answer.json()["errors"]
    assert place["pointer"] == pointer
    assert says in place["detail"]
    assert str(settings.data_folder) not in answer.text
    assert kept_files(settings) == []
    assert client.get("/v1/datasets").json()["items"] == []


def test_too_many_bytes_are_refused(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path / "data", upload_bytes=1000)
    with TestClient(create_app(settings)) as client:
        answer = upload(client)
        assert answer.status_code == 413
        assert "1,000 bytes" in answer.json()["detail"]
        assert kept_files(settings) == []


@pytest.mark.parametrize("stated", [True, False])
def test_a_body_far_too_large_is_a_problem_like_others(tmp_path: Path, stated: bool) -> None:
    """With its length stated, and sent in pieces without one."""
    body = b'{"form": {"task": {"name": "' + b"x" * 2_000_000 + b'"}}}'
    headers = {"content-type": "application/json"}
    with TestClient(create_app(Settings(data_folder=tmp_path / "data", upload_bytes=1000))) as client:
        answer = client.post("/v1/assessments", content=body if stated else iter([body]), headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json()["type"] == "urn:problem-type:advisor:upload-too-large"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert "1,000 bytes" in answer.json()["detail"]


def test_a_repeated_post_with_the_same_key_gets_the_same_answer(client: TestClient) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"params": {"wait": 0}, "headers": headers}
    first = client.post("/v1/datasets", files={"file": ("t.jsonl", TICKETS)}, **body)
    again = client.post("/v1/datasets", files={"file": ("t.jsonl", TICKETS)}, **body)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert len(client.get("/v1/datasets").json()["items"]) == 1
    other = client.post("/v1/datasets", files={"file": ("t.jsonl", TICKETS * 2)}, **body)
    assert other.status_code == 422
    assert other.json()["errors"][0]["parameter"] == "Idempotency-Key"


def test_a_failure_does_not_use_its_key_up(client: TestClient) -> None:
    body: dict[str, Any] = {"params": {"wait": 0}, "headers": {"Idempotency-Key": "once"}}
    assert client.post("/v1/datasets", files={"file": ("t.jsonl", b"no JSON")}, **body).status_code == 422
    assert client.post("/v1/datasets", files={"file": ("t.jsonl", TICKETS)}, **body).status_code == 201


def test_a_slow_call_keeps_its_key(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = IdempotencyKeys(database, DEFAULT_WORKSPACE)
    assert keys.claim("slow", "a" * 64) is None
    monkeypatch.setattr("service.storage.idempotency.ABANDONED_AFTER", timedelta(seconds=0.5))
    for _ in range(4):
        time.sleep(0.25)
        keys.renew("slow")
    assert keys.claim("slow", "a" * 64) is not None
    time.sleep(0.6)
    assert keys.claim("slow", "a" * 64) is None


def test_a_comparison_at_work_keeps_its_data_set(client: TestClient) -> None:
    dataset = upload(client).json()["id"]
    comparison = client.post("/v1/comparisons", json={"dataset_id": dataset}).json()
    refused = client.delete(f"/v1/datasets/{dataset}")
    assert refused.status_code == 409
    assert comparison["id"] in refused.json()["detail"]
    client.post(f"/v1/comparisons/{comparison['id']}/cancel")
    assert client.delete(f"/v1/datasets/{dataset}").status_code == 200


def test_a_deletion_takes_texts_away_and_says_what_remains(client: TestClient, settings: Settings) -> None:
    rows = [*ROWS, {"input": SECRET, "output": "A"}]
    dataset = upload(client, "".join(json.dumps(row) + "\n" for row in rows).encode()).json()["id"]
    id = client.post("/v1/comparisons", json={"dataset_id": dataset}).json()["id"]
    database = client.app.state.database  # type: ignore[attr-defined]
    Runs(database).end(Run(UUID(id), 1), Status.FINISHED, {}, verdict={"headline": "Keep it."})
    trial = settings.data_folder / "comparisons" / id / "trials" / "key"
    trial.mkdir(parents=True)
    (trial / "predictions.jsonl").write_text(SECRET)
    answer = client.delete(f"/v1/datasets/{dataset}").json()
    assert (answer["examples"], answer["comparisons"]) == (41, [id])
    assert "reports" in answer["remains"]
    left = [path for path in settings.data_folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert left == []
    assert client.get(f"/v1/datasets/{dataset}").status_code == 404
    assert client.get(f"/v1/comparisons/{id}").json()["dataset_id"] is None
    assert client.post(f"/v1/comparisons/{id}/resume", json={}).status_code == 409
