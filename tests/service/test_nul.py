"""The character NUL, which JSON can write and PostgreSQL cannot store: refused wherever a text may come in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings

ROWS = "".join(json.dumps({"input": f"text {number}", "output": "AB"[number % 2]}) + "\n" for number in range(40))


@pytest.fixture
def client(tmp_path: Path, database_url: str) -> Iterator[TestClient]:
    """Over each kind of database."""
    with TestClient(create_app(Settings(data_folder=tmp_path / "data", database_url=database_url))) as client:
        yield client


def refused(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return [place.get("pointer") or place["parameter"] for place in answer.json()["errors"]]


def test_nul_deep_in_a_body_is_refused_too(client: TestClient) -> None:
    body = '{"form": ' + "[" * 900 + '"\\u0000"' + "]" * 900 + "}"
    (place,) = refused(client.post("/v1/assessments", content=body, headers={"content-type": "application/json"}))
    assert place.startswith("#/form/0/0/")


def test_nul_is_refused_and_its_place_named(client: TestClient) -> None:
    form = {"form": {"task": {"name": "a\0b", "description": "fine"}}}
    assert refused(client.post("/v1/assessments", json=form)) == ["#/form/task/name"]
    location = client.post("/v1/assessments", json={"form": {}}).headers["Location"]
    assert refused(client.patch(location, json={"task": {"name": "\0"}})) == ["#/task/name"]
    assert refused(client.post("/v1/keys", json={"name": "a\0", "role": "reader"})) == ["#/name"]
    file = {"file": ("tickets.jsonl", ROWS.encode())}
    for name in ("name", "input_column", "task"):
        assert refused(client.post("/v1/datasets", params={"wait": 0}, files=file, data={name: "\0"})) == [f"#/{name}"]
    answer = client.post("/v1/corpora", files={"files": ("a.md", b"text")}, data={"name": "a\0b"})
    assert refused(answer) == ["#/name"]
    dataset = client.post("/v1/datasets", params={"wait": 0}, files=file).json()["id"]
    answer = client.post("/v1/comparisons", json={"dataset_id": dataset, "accept": ["fine", "\0"]})
    assert refused(answer) == ["#/accept/1"]


def test_nul_in_examples_and_names_of_files(client: TestClient) -> None:
    rows = {"file": ("tickets.jsonl", (ROWS + json.dumps({"input": "x", "output": "A\0"}) + "\n").encode())}
    answer = client.post("/v1/datasets", params={"wait": 0}, files=rows)
    assert refused(answer) == ["#/file"]
    assert "line 41, column 'output': the character NUL" in answer.json()["detail"]
    named = {"file": ("a\0.jsonl", ROWS.encode())}
    assert client.post("/v1/datasets", params={"wait": 0}, files=named).status_code in (201, 422)
    assert client.get("/v1/datasets", params={"cursor": "\0"}).status_code == 422


def test_what_only_looks_like_nul_is_stored(client: TestClient) -> None:
    answer = client.post("/v1/assessments", json={"form": {"task": {"name": r"a\u0000b"}}})
    assert (answer.status_code, answer.json()["name"]) == (201, r"a\u0000b")
