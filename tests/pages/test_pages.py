"""Pages as responses: what a browser gets without scripts, and what programs keep getting."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.access.caller import Role
from service.access.issuing import issue_key
from service.app import create_app
from service.jobs.leases import Leases
from service.settings import Settings
from service.storage.workspaces import DEFAULT_WORKSPACE

BROWSER = {"Accept": "text/html,*/*;q=0.8"}
HTMX = {**BROWSER, "HX-Request": "true"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Settings(data_folder=tmp_path / "data", cache_folder=tmp_path / "cache"))
    here: Any = {"base_url": "http://localhost", "client": ("127.0.0.1", 50000)}
    with TestClient(app, headers=BROWSER, follow_redirects=False, raise_server_exceptions=False, **here) as client:
        yield client


def new_assessment(client: TestClient, **answers: str) -> str:
    """Its address."""
    sent = {"task.name": "Tickets", **{name.replace("__", "."): answer for name, answer in answers.items()}}
    response = client.post("/assessments", data=sent)
    assert response.status_code == 303
    return response.headers["Location"]


@pytest.mark.parametrize("path", ["/", "/assessments/new", "/datasets/new", "/comparisons/new"])
def test_every_page_is_whole_and_takes_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    for part in ('<html lang="en">', "<title>", 'class="skip"', '<main id="main"', '<link rel="icon" href="data:,">'):
        assert part in response.text
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:")
    assert "http" not in response.text.replace("http-equiv", "")


def test_what_is_not_there_is_a_page_for_browsers_and_a_problem_for_programs(client: TestClient) -> None:
    page = client.get("/comparisons/7d1a0000-0000-4000-8000-000000000000")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "there is no comparison" in page.text.lower()
    assert page.headers["X-Request-ID"] in page.text
    for path, headers in (("/nothing", {"Accept": "application/json"}), ("/v1/nothing", BROWSER)):
        assert client.get(path, headers=headers).headers["content-type"] == "application/problem+json"


def test_a_problem_of_a_part_leaves_the_page_as_it_is(client: TestClient) -> None:
    part = client.get("/datasets/7d1a0000-0000-4000-8000-000000000000/audit", headers=HTMX)
    assert part.status_code == 404
    assert (part.headers["HX-Retarget"], part.headers["HX-Reswap"]) == ("#messages", "innerHTML")
    assert "<html" not in part.text


def test_an_unexpected_failure_tells_nothing_but_the_request_id(client: TestClient, tmp_path: Path) -> None:
    client.app.state.rulebook = None  # type: ignore[attr-defined]
    response = client.get("/assessments/new")
    assert response.status_code == 500
    assert response.headers["X-Request-ID"] in response.text
    assert "AttributeError" not in response.text
    assert str(tmp_path) not in response.text


def test_a_form_is_saved_and_changed_without_scripts(client: TestClient) -> None:
    address = new_assessment(client, task__narrow="true")
    page = client.get(address)
    assert 'value="Tickets"' in page.text
    changed = client.post(address, data={"task.name": "Tickets", "examples.count": "300"})
    assert changed.status_code == 303
    form = client.get(f"/v1{address}").json()["form"]
    assert form == {"task": {"name": "Tickets"}, "examples": {"count": 300}}


def test_a_refused_answer_is_told_beside_its_field_and_nothing_is_stored(client: TestClient) -> None:
    refused = client.post("/assessments", data={"task.name": "Kept as typed", "examples.count": "many"})
    assert refused.status_code == 422
    assert 'id="examples-count-problem"' in refused.text
    assert 'value="Kept as typed"' in refused.text
    assert client.get("/v1/assessments").json()["items"] == []


def test_a_change_by_htmx_stores_that_answer_alone(client: TestClient) -> None:
    address = new_assessment(client)
    # Somebody else answers meanwhile; this page does not know it.
    client.patch(f"/v1{address}", json={"examples": {"count": 300}})
    sent = {"task.name": "Tickets", "task.narrow": "true", "examples.count": "", "changed": "task.narrow"}
    part = client.post(address, data=sent, headers=HTMX)
    assert part.status_code == 200
    assert "Scores so far" in part.text
    assert "<html" not in part.text
    assert client.get(f"/v1{address}").json()["form"]["examples"] == {"count": 300}


def test_an_answer_that_was_refused_is_tried_again_with_the_change_that_puts_it_right(client: TestClient) -> None:
    address = new_assessment(client, examples__count="100")
    sent = {"task.name": "Tickets", "examples.count": "100", "success.held_out_examples": "500"}
    part = client.post(address, data={**sent, "changed": "success.held_out_examples"}, headers=HTMX)
    assert 'id="success-held_out_examples-problem"' in part.text
    sent["examples.count"] = "1000"
    part = client.post(
        address, data={**sent, "changed": "examples.count", "refused": "success.held_out_examples"}, headers=HTMX
    )
    assert "-problem" not in part.text
    form = client.get(f"/v1{address}").json()["form"]
    assert (form["examples"], form["success"]) == ({"count": 1000}, {"held_out_examples": 500})


def test_text_of_a_user_is_text(client: TestClient) -> None:
    address = new_assessment(client, task__description="<script>alert(1)</script>")
    assert "<script>alert" not in client.get(address).text
    assert "<script>alert" not in client.get("/").text


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://elsewhere.example"}],
)
def test_forms_of_other_sites_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/assessments", data={"task.name": "Foreign"}, headers=headers).status_code == 403
    assert client.get("/v1/assessments").json()["items"] == []


def test_a_file_that_cannot_be_read_is_told_beside_its_field(client: TestClient) -> None:
    for content, told in ((b"", "is empty"), (b'{"input": "a"}\n', "no column for the output")):
        refused = client.post("/datasets", files={"file": ("rows.jsonl", content)}, data={"name": "Kept"})
        assert refused.status_code == 422
        assert told in refused.text
        assert 'id="file-problem"' in refused.text
        assert 'value="Kept"' in refused.text
    assert 'id="file-problem"' in client.post("/datasets", data={"name": "No file"}).text


def test_columns_that_cannot_be_guessed_are_asked_for_in_their_fields(client: TestClient) -> None:
    rows = b"mail,team\n" + b"".join(b"text %d,label %d\n" % (n, n % 2) for n in range(20))
    file = {"file": ("mails.csv", rows)}
    refused = client.post("/datasets", files=file)
    assert "name it below, under \u201cColumn with the text\u201d" in refused.text
    assert 'id="input_column-problem"' in refused.text
    assert '<details id="more" open>' in refused.text
    assert 'id="output_column-problem"' in client.post("/datasets", files=file, data={"input_column": "mail"}).text
    named = {"input_column": "mail", "output_column": "team"}
    assert client.post("/datasets", files=file, data=named).status_code == 303


def test_saving_a_page_leaves_alone_what_another_page_changed_meanwhile(client: TestClient) -> None:
    address = new_assessment(client, examples__count="300")
    stale = {"task.name": "Renamed", "examples.count": "300", "version": "1"}
    client.patch(f"/v1{address}", json={"examples": {"count": 500}, "task": {"narrow": True}})
    assert 'name="version" value="2"' in client.get(address).text
    assert client.post(address, data=stale).status_code == 303
    form = client.get(f"/v1{address}").json()["form"]
    assert form == {"task": {"name": "Renamed", "narrow": True}, "examples": {"count": 500}}
    refused = client.post(address, data={**stale, "examples.count": "many"})
    assert 'name="version" value="1"' in refused.text


def test_nul_in_a_field_is_refused(client: TestClient) -> None:
    refused = client.post("/assessments", data={"task.name": "a\0b"})
    assert refused.status_code == 422
    assert "NUL" in refused.text


def test_an_audit_that_nobody_makes_says_so(client: TestClient) -> None:
    rows = b"".join(b'{"input": "text %d", "output": "label %d"}\n' % (n, n % 2) for n in range(20))
    address = client.post("/datasets", files={"file": ("rows.jsonl", rows)}).headers["Location"]
    assert "no worker is alive" in client.get(address).text
    Leases(client.app.state.database, "one", ["planning"], 60).renew()  # type: ignore[attr-defined]
    assert "no worker is alive" not in client.get(f"{address}/audit", headers=HTMX).text


def test_what_was_ticked_for_other_examples_is_not_signed_off(client: TestClient) -> None:
    rows = b"".join(b'{"input": "text %d", "output": "label %d"}\n' % (n, n % 2) for n in range(20))
    one, other = (
        client.post("/datasets", files={"file": (name, rows)}).headers["Location"].rpartition("/")[2]
        for name in ("one.jsonl", "other.jsonl")
    )
    assert f'name="shown_for" value="{other}"' in client.get("/comparisons/new").text, "the newest is offered"
    for chosen, accepted in ((one, ["AUDIT01"]), (other, [])):
        sent = {"dataset_id": chosen, "shown_for": one, "accept": "AUDIT01", "seed": "1"}
        address = client.post("/comparisons", data=sent).headers["Location"]
        assert client.get(f"/v1{address}").json()["request"]["accept"] == accepted


def test_what_cannot_go_on_says_why_in_place_of_the_button(client: TestClient) -> None:
    rows = b"".join(b'{"input": "text %d", "output": "label %d"}\n' % (n, n % 2) for n in range(20))
    one, other = (
        client.post("/datasets", files={"file": (name, rows)}).headers["Location"].rpartition("/")[2]
        for name in ("one.jsonl", "other.jsonl")
    )
    asked = {"dataset_id": one, "test_dataset_id": other}
    address = f"/comparisons/{client.post('/v1/comparisons', json=asked).json()['id']}"
    client.post(f"{address}/cancel")
    assert ">Go on</button>" in client.get(address).text
    client.delete(f"/v1/datasets/{other}")
    page = client.get(address).text
    assert ">Go on</button>" not in page
    assert "test rows of comparison" in page


def test_a_page_that_is_followed_when_the_service_stops_comes_back(client: TestClient) -> None:
    """`ended` would have it never look again."""
    rows = b"".join(b'{"input": "text %d", "output": "label %d"}\n' % (n, n % 2) for n in range(20))
    dataset = client.post("/datasets", files={"file": ("rows.jsonl", rows)}).headers["Location"].rpartition("/")[2]
    address = f"/comparisons/{client.post('/v1/comparisons', json={'dataset_id': dataset}).json()['id']}"
    followed: list[str] = []
    reading = threading.Thread(target=lambda: followed.append(client.get(f"{address}/progress").text))
    reading.start()
    time.sleep(1.5)
    client.app.state.following.close()  # type: ignore[attr-defined]
    reading.join(10)
    assert not reading.is_alive()
    assert 'data-status="queued"' in followed[0]
    assert "event: ended" not in followed[0]


def test_documents_are_uploaded_offered_and_deleted(client: TestClient) -> None:
    refused = client.post("/corpora", files=[("files", ("notes.docx", b"x"))], data={"name": "Kept as typed"})
    assert refused.status_code == 422
    assert 'id="files-problem"' in refused.text
    assert ".pdf" in refused.text
    assert 'value="Kept as typed"' in refused.text
    assert 'id="files-problem"' in client.post("/corpora", data={"name": "No file"}).text
    documents = [("files", (name, b"# Refunds\nWithin 30 days.\n")) for name in ("refunds.md", "<b>old</b>.txt")]
    address = client.post("/corpora", files=documents, data={"name": "Handbook"}).headers["Location"]
    shown = client.get(address).text
    assert "2 documents" in shown
    assert "refunds.md" in shown
    assert "<b>old" not in shown
    id = address.rpartition("/")[2]
    rows = b"".join(b'{"input": "text %d", "output": "label %d"}\n' % (n, n % 2) for n in range(20))
    client.post("/datasets", files={"file": ("rows.jsonl", rows)})
    assert f'<option value="{id}">Handbook</option>' in client.get("/comparisons/new").text
    assert f'href="{address}"' in client.get("/").text
    assert client.post(f"{address}/delete").headers["Location"] == "/#corpora"
    assert client.get(f"/v1{address}").status_code == 404
    assert address not in client.get("/").text


def test_limits_to_go_on_with_are_told_beside_their_fields(client: TestClient) -> None:
    client.app.state.settings = client.app.state.settings.model_copy(  # type: ignore[attr-defined]
        update={"endpoint": "http://127.0.0.1:9", "endpoint_model": "small"}
    )
    rows = b"".join(b'{"input": "text %d", "output": "label %d"}\n' % (n, n % 2) for n in range(20))
    client.post("/datasets", files={"file": ("rows.jsonl", rows)})
    dataset = client.get("/v1/datasets").json()["items"][0]["id"]
    asked = {"dataset_id": dataset, "backends": ["endpoint"], "calls": 10}
    address = f"/comparisons/{client.post('/v1/comparisons', json=asked).json()['id']}"
    client.post(f"{address}/cancel")
    assert "As before if left empty: 10." in client.get(address).text
    refused = client.post(f"{address}/resume", data={"budget": "much", "calls": "20"})
    assert refused.status_code == 422
    assert 'id="budget-problem"' in refused.text
    assert 'value="20"' in refused.text
    assert client.get(f"/v1{address}").json()["status"] == "cancelled"
    assert client.post(f"{address}/resume", data={"budget": "", "calls": "20"}).status_code == 303
    told = client.get(f"/v1{address}").json()
    assert (told["status"], told["request"]["calls"], told["request"]["budget"]) == ("queued", 20, None)


def test_a_reader_is_offered_nothing_to_change(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path / "data", cache_folder=tmp_path / "cache")
    here: Any = {"base_url": "http://localhost", "client": ("127.0.0.1", 50000), "follow_redirects": False}
    rows = b"".join(b'{"input": "text %d", "output": "label %d"}\n' % (n, n % 2) for n in range(20))
    with TestClient(create_app(settings), headers=BROWSER, **here) as client:
        assessment = new_assessment(client)
        dataset = client.post("/datasets", files={"file": ("rows.jsonl", rows)}).headers["Location"]
        corpus = client.post("/corpora", files={"files": ("a.md", b"text")}).headers["Location"]
        asked = {"dataset_id": dataset.rpartition("/")[2]}
        comparison = f"/comparisons/{client.post('/v1/comparisons', json=asked).json()['id']}"
        database = client.app.state.database  # type: ignore[attr-defined]
        key = issue_key(database, DEFAULT_WORKSPACE, "auditor", Role.READER, "a test")
        client.app.state.access.keys_changed()  # type: ignore[attr-defined]
        client.headers["Authorization"] = f"Bearer {key.secret}"
        for path in ("/", assessment, dataset, corpus, comparison):
            page = client.get(path)
            assert page.status_code == 200, path
            sent_to = set(re.findall(r'<form method="post" action="([^"]*)"', page.text)) - {"/sign-out"}
            assert sent_to == ({assessment} if path == assessment else set()), path
            assert "/new" not in page.text, path
        assert '<fieldset class="plain" disabled>' in client.get(assessment).text
        for path in ("/assessments/new", "/datasets/new", "/corpora/new", "/comparisons/new"):
            assert client.get(path).status_code == 403


def test_what_cannot_be_compared_is_told_beside_its_field(client: TestClient) -> None:
    rows = b"".join(b'{"input": "text %d", "output": "label %d"}\n' % (n, n % 2) for n in range(20))
    client.post("/datasets", files={"file": ("rows.jsonl", rows)})
    dataset = client.get("/v1/datasets").json()["items"][0]["id"]
    sent = {"dataset_id": dataset, "backends": "endpoint", "seed": "-1"}
    refused = client.post("/comparisons", data=sent)
    assert refused.status_code == 422
    assert 'id="seed-problem"' in refused.text
    refused = client.post("/comparisons", data={**sent, "seed": "1"})
    assert 'id="backends-problem"' in refused.text
    assert "ADVISOR_ENDPOINT" in refused.text
    assert client.get("/v1/comparisons").json()["items"] == []


def test_side_by_side_wants_two(client: TestClient) -> None:
    one, two = new_assessment(client), new_assessment(client, task__narrow="true")
    ids = [address.rpartition("/")[2] for address in (one, two)]
    assert client.get("/side-by-side", params={"pick": ids[:1]}).status_code == 422
    picked = client.get("/side-by-side", params={"pick": ids})
    assert picked.headers["Location"] == f"/side-by-side?a={ids[0]}&b={ids[1]}"
    page = client.get(picked.headers["Location"])
    assert "Is it one well-defined behaviour?" in page.text
    assert "Score of fine-tuning" in page.text
