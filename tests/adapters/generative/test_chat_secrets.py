"""The key and the texts stay where they belong: in the call."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from adapters.generative.endpoint import Endpoint, EndpointError
from adapters.generative.exchange import ChatRequest, Message

KEY, TEXT = "sk-live-4f9d2c7b81aa", "Frau Mustermann owes 1,234 euros"
REQUESTS = [ChatRequest((Message("user", TEXT),))]


def everything_said(error: BaseException, caplog: pytest.LogCaptureFixture) -> str:
    """What a log, a report or a terminal could get hold of."""
    lines = [record.getMessage() + str(record.__dict__) for record in caplog.records]
    return "\n".join([str(error), repr(error), "".join(traceback.format_exception(error)), *lines])


@pytest.mark.parametrize(
    "faults",
    [
        {"key": "another"},
        {"model": "another"},
        {"statuses": [400]},
        {"statuses": [403]},
        {"statuses": [200] + [400] * 50, "error": {"code": f"bad {KEY} {TEXT}", "type": KEY}},
        {"statuses": [200] + [500] * 400},
        {"truncated_every": 1},
        {"limited_seconds": 60, "retry_after": "3600"},
    ],
)
def test_no_error_and_no_log_shows_key_or_text(serve, connect, caplog: pytest.LogCaptureFixture, faults) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("openai", "httpx2", "httpcore2"):
        caplog.set_level(logging.DEBUG, logger=name)
    server = serve(**faults)
    client = connect(server.url, api_key=SecretStr(KEY))
    many = [ChatRequest((Message("user", f"{TEXT} {number}"),)) for number in range(40)]
    with pytest.raises(EndpointError) as stopped:
        client.ask_all(many)
    assert server.seen()["headers"][0]["authorization"] == f"Bearer {KEY}", "the refusal could have repeated it"
    said = everything_said(stopped.value, caplog)
    assert KEY not in said
    assert "Mustermann" not in said


def test_an_items_failure_shows_neither(serve, connect) -> None:
    server = serve(statuses=[200, 400, 422], error={"code": KEY, "type": TEXT})
    answers = connect(server.url, api_key=SecretStr(KEY), max_concurrency=1).ask_all(REQUESTS)
    assert answers[0].error is not None
    assert KEY not in repr(answers)
    assert "Mustermann" not in repr(answers)


def test_the_key_is_not_kept(serve, connect, tmp_path: Path) -> None:
    connect(serve(key=KEY).url, api_key=SecretStr(KEY)).ask_all(REQUESTS)
    assert all(KEY.encode() not in path.read_bytes() for path in (tmp_path / "answers").iterdir())


def test_the_key_is_not_among_what_determines_an_answer(serve, connect) -> None:
    server = serve()
    connect(server.url, api_key=SecretStr(KEY)).ask_all(REQUESTS)
    (answer,) = connect(server.url, api_key=SecretStr("another")).ask_all(REQUESTS)
    assert answer.cached


def test_an_endpoint_does_not_print_its_key() -> None:
    endpoint = Endpoint("http://127.0.0.1/v1", "small-1", SecretStr(KEY))
    assert KEY not in f"{endpoint!r} {endpoint} {endpoint.determined_by}"


@pytest.mark.parametrize("url", [f"http://user:{KEY}@127.0.0.1/v1", f"http://127.0.0.1/v1?key={KEY}", f"{KEY}://x"])
def test_an_address_with_a_key_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(EndpointError) as refused:
        Endpoint(url, "small-1")
    assert KEY not in str(refused.value)


def test_nothing_of_the_environment_reaches_the_server(serve, connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-1")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://192.0.2.1/v1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway-Token: token-1\nAuthorization: Bearer ambient")
    server = serve()
    connect(server.url).ask_all(REQUESTS)
    connect(server.url, api_key=SecretStr(KEY)).ask_all([ChatRequest((Message("user", "another"),))])
    without, *_, with_key = server.seen()["headers"]
    assert "authorization" not in without
    assert with_key["authorization"] == f"Bearer {KEY}"
    sent = str(server.seen()["headers"])
    assert not [word for word in ("of-openai", "org-1", "project-1", "token-1", "ambient") if word in sent]


def test_texts_do_not_follow_a_redirect(serve, connect) -> None:
    elsewhere = serve()
    server = serve(statuses=[307], location=f"{elsewhere.url}/chat/completions")
    with pytest.raises(EndpointError, match=r"sends callers elsewhere \(307\)"):
        connect(server.url, api_key=SecretStr(KEY)).ask_all(REQUESTS)
    assert elsewhere.calls == 0
