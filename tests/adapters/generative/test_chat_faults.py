"""Servers that fail: a fault of one item is that item's, a fault of all ends the run in one line, nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.generative.endpoint import EndpointError
from adapters.generative.exchange import ChatRequest, Failure, Message
from adapters.generative.retries import Patience

Questions = Callable[..., list[ChatRequest]]


def ask(text: str, **more: int) -> ChatRequest:
    return ChatRequest((Message("user", text),), **more)


def line_of(client, requests) -> str:
    with pytest.raises(EndpointError) as stopped:
        client.ask_all(requests)
    line = str(stopped.value)
    assert "\n" not in line
    assert client.endpoint.base_url in line
    return line


def test_401_ends_the_run_at_once(serve, connect, questions: Questions) -> None:
    server = serve(key="right")
    line = line_of(connect(server.url), questions(50))
    assert "401" in line
    assert "ADVISOR_API_KEY" in line
    assert server.calls == 1


def test_an_unknown_model_ends_the_run_at_once(serve, connect, questions: Questions) -> None:
    server = serve()
    line = line_of(connect(server.url, model="gpt-99"), questions(50))
    assert "'gpt-99'" in line
    assert "404" in line
    assert server.calls == 1


def test_a_wrong_path_is_named(serve, connect, questions: Questions) -> None:
    assert "usually ends in /v1" in line_of(connect(serve().root), questions(1))


@pytest.mark.parametrize(
    ("status", "words"), [(400, "is missing a part"), (403, "Ask for access"), (422, "is missing")]
)
def test_a_refused_first_call_ends_the_run(serve, connect, questions: Questions, status: int, words: str) -> None:
    server = serve(statuses=[status], error={"message": "the call is missing a part"})
    line = line_of(connect(server.url), questions(50))
    assert str(status) in line
    assert words in line
    assert server.calls == 1


def test_an_account_without_credit_is_not_waited_for(serve, connect, questions: Questions) -> None:
    server = serve(statuses=[200, 429], retry_after=None, error={"code": "insufficient_quota"})
    assert "Top the account up" in line_of(connect(server.url, max_concurrency=1), questions(50))
    assert server.calls == 2


def test_a_key_that_is_withdrawn_midway_keeps_what_was_answered(serve, connect, questions: Questions) -> None:
    server = serve(statuses=[200] * 21 + [401] * 100)
    assert "401" in line_of(connect(server.url), questions(50))
    assert server.calls < 21 + 2 * 8
    server.fail()
    answers = connect(server.url).ask_all(questions(50))
    assert sum(answer.cached for answer in answers) == 20
    assert set(server.seen()["answered"].values()) == {1}


def test_nobody_listens(connect, questions: Questions) -> None:
    line = line_of(connect("http://127.0.0.1:9/v1"), questions(50))
    assert "cannot be reached" in line
    assert "Start the server" in line


def test_a_web_page_is_no_chat_server(serve, connect, questions: Questions) -> None:
    assert "Is this a chat server?" in line_of(connect(serve(page=True).url), questions(1))


def test_a_server_that_never_answers(serve, connect, questions: Questions) -> None:
    begun = time.monotonic()
    line = line_of(connect(serve(silent=True).url, call_seconds=0.3), questions(50))
    assert "did not answer in time" in line
    assert time.monotonic() - begun < 10


def test_an_item_that_is_never_answered_fails_alone(serve, connect, questions: Questions) -> None:
    server = serve()
    answers = connect(server.url, call_seconds=0.3).ask_all([*questions(5), ask("<silent>"), *questions(8)[5:]])
    assert [answer.failure for answer in answers] == [None] * 5 + [Failure.NO_ANSWER] + [None] * 3
    assert answers[5].error == "the server did not answer in time, 2 times"


def test_an_answer_that_comes_byte_by_byte_is_given_up(serve, connect, questions: Questions) -> None:
    """Every byte is in time, the whole is not."""
    begun = time.monotonic()
    answers = connect(serve().url, call_seconds=0.5).ask_all([*questions(2), ask("<drip>")])
    assert [answer.failure for answer in answers] == [None, None, Failure.NO_ANSWER]
    assert time.monotonic() - begun < 5


def test_a_server_that_goes_silent_midway_is_given_up(serve, connect, questions: Questions) -> None:
    server = serve(latency=0.02)
    client = connect(server.url, call_seconds=0.3)
    client.ask_all(questions(20))
    server.fail(silent=True)
    begun = time.monotonic()
    assert "10 calls failed in a row" in line_of(client, questions(2000))
    assert time.monotonic() - begun < 10


def test_429_for_a_while_loses_nothing(serve, connect, questions: Questions) -> None:
    server = serve(latency=0.01, limited_seconds=3.0, retry_after="1")
    begun = time.monotonic()
    answers = connect(server.url).ask_all(questions(60))
    assert all(answer.error is None for answer in answers)
    assert 3.0 <= time.monotonic() - begun < 20
    seen = server.seen()
    assert set(seen["answered"].values()) == {1}
    assert seen["statuses"]["429"] <= 8, "while nothing gets through, one call a second asks"


def test_429_in_the_middle_pauses_the_run(serve, connect, questions: Questions) -> None:
    server = serve()
    client = connect(server.url)
    client.ask_all(questions(10))
    server.fail(latency=0.01, limited_seconds=2.5, retry_after="1")
    answers = client.ask_all(questions(100))
    assert all(answer.error is None for answer in answers)
    assert server.seen()["statuses"]["429"] < 40, (
        "a hundred calls, each asking every second, would be refused 250 times"
    )
    waited = [answer.reply for answer in answers[10:] if answer.reply and answer.reply.attempts > 1]
    assert waited
    assert all(reply.queued_seconds > 1.0 and reply.serving_seconds < 1 for reply in waited)


def test_a_refused_call_waits_as_long_as_asked_and_lets_others_go_first(serve, connect, questions: Questions) -> None:
    server = serve(latency=0.01)
    client = connect(server.url, max_concurrency=2)
    client.ask_all(questions(1))
    server.fail(latency=0.01, limited_share=0.1, retry_after="1")
    begun = time.monotonic()
    answers = client.ask_all(questions(150))
    waited = [answer.reply for answer in answers if answer.reply and answer.reply.attempts > 1]
    assert len(waited) > 8
    assert all(reply.queued_seconds >= reply.attempts - 1 for reply in waited)
    # Two places held for a second a refusal would take longer than half the refusals in seconds.
    assert time.monotonic() - begun < server.seen()["statuses"]["429"] / 2


def test_a_limit_that_outlasts_patience_ends_the_run(serve, connect, questions: Questions, quick) -> None:
    server = serve()
    connect(server.url).ask_all(questions(5))
    server.fail(limited_seconds=60)
    client = connect(server.url, patience=replace(quick, limited_seconds=1.5))
    assert "refused it for" in line_of(client, questions(30))


def test_a_server_that_asks_for_an_hour_is_not_waited_for(serve, connect, questions: Questions) -> None:
    server = serve()
    connect(server.url).ask_all(questions(5))
    server.fail(limited_seconds=60, retry_after="3600")
    begun = time.monotonic()
    assert "wait 3,600 seconds" in line_of(connect(server.url), questions(30))
    assert time.monotonic() - begun < 10


def test_concurrency_settles_below_what_the_server_refuses(serve, connect, questions: Questions) -> None:
    server = serve(latency=0.02, limited_from=4, retry_after="0.05")
    answers = connect(server.url, max_concurrency=32).ask_all(questions(400))
    assert all(answer.error is None for answer in answers)
    seen = server.seen()
    assert set(seen["answered"].values()) == {1}
    assert seen["statuses"]["429"] < 200


@pytest.mark.parametrize("status", [500, 502, 503, 529])
def test_passing_faults_are_tried_again(serve, connect, questions: Questions, status: int) -> None:
    server = serve(statuses=[200, 200, status, 200, status, status, 200], retry_after="0.01")
    answers = connect(server.url).ask_all(questions(10))
    assert all(answer.error is None for answer in answers)
    assert set(server.seen()["answered"].values()) == {1}


@pytest.mark.parametrize("status", [400, 403, 422])
def test_lasting_faults_are_not_tried_again(serve, connect, questions: Questions, status: int) -> None:
    server = serve(statuses=[200, 200, status])
    answers = connect(server.url, max_concurrency=1).ask_all(questions(10))
    assert [number for number, answer in enumerate(answers) if answer.error] == [1]
    assert answers[1].failure is Failure.REFUSED
    assert server.calls == 11


def test_a_server_that_refuses_every_item_ends_the_run_and_is_probed_anew(serve, connect, questions: Questions) -> None:
    server = serve()
    connect(server.url).ask_all(questions(1))
    server.fail(refused_parameters=["seed"])
    assert "400" in line_of(connect(server.url), questions(500))
    assert server.calls < 50
    client = connect(server.url)
    assert all(answer.error is None for answer in client.ask_all(questions(20)))
    assert any("does not take a seed" in line for line in client.statements())


def test_every_tenth_answer_truncated(serve, connect, questions: Questions, answer_to) -> None:
    server = serve(truncated_every=10)
    answers = connect(server.url).ask_all(questions(95))
    assert [answer.text for answer in answers] == [answer_to(f"question {number}") for number in range(95)]
    assert sum(answer.reply.attempts - 1 for answer in answers if answer.reply) >= 9


def test_a_connection_cut_in_the_middle_of_an_answer(serve, connect, questions: Questions, answer_to) -> None:
    server = serve(cut_every=7)
    answers = connect(server.url).ask_all(questions(60))
    assert [answer.text for answer in answers] == [answer_to(f"question {number}") for number in range(60)]
    assert server.seen()["statuses"]["cut"] >= 8


def test_a_context_that_is_too_long_is_the_items_own_failure(serve, connect, questions: Questions) -> None:
    server = serve(context=200)
    long = [ask(f"{number} " + "word " * 100) for number in range(30)]
    answers = connect(server.url).ask_all([*long, *questions(5)])
    assert [answer.failure for answer in answers] == [Failure.TOO_LONG] * 30 + [None] * 5
    assert answers[0].error == "too long for the model's context (400 context_length_exceeded)"


@pytest.mark.parametrize(
    ("text", "failure", "words"),
    [
        ("<empty>", Failure.EMPTY, "the answer is empty"),
        ("<length>", Failure.CUT_OFF, "cut off after 20 tokens"),
        ("<filter>", Failure.FILTERED, "content filter"),
    ],
)
def test_an_answer_that_is_none(serve, connect, questions: Questions, text: str, failure: Failure, words: str) -> None:
    server = serve()
    for cached in (False, True):
        fine, none = connect(server.url).ask_all([*questions(1), ask(text, max_tokens=20)])
        assert fine.error is None
        assert (none.text, none.failure, none.cached) == (None, failure, cached)
        assert words in (none.error or "")
        assert none.reply is not None, "it was paid for, so its tokens count"
    assert server.calls == 3


def test_an_answer_that_is_not_the_object_asked_for(serve, connect) -> None:
    schema = {"type": "object", "properties": {"label": {"enum": ["Billing"]}}, "required": ["label"]}
    client = connect(serve(schema="ignored").url)
    good, bad = client.ask_all([replace(ask(text), schema=schema) for text in ("plain", "<prose>")])
    assert good.value == {"label": "Billing"}
    assert (bad.text, bad.value, bad.failure) == (None, None, Failure.NOT_AS_ASKED)


def test_what_failed_for_the_servers_sake_is_asked_again_next_time(
    serve, connect, questions: Questions, answer_to
) -> None:
    server = serve(statuses=[200, 500, 500])
    patience = Patience(attempts=2, first_seconds=0.01)
    (answer,) = connect(server.url, patience=patience).ask_all(questions(1))
    assert (answer.failure, answer.error) == (
        Failure.NO_ANSWER,
        "the server refused it, 2 times (500 invalid_request_error)",
    )
    (answer,) = connect(server.url).ask_all(questions(1))
    assert answer.text == answer_to("question 0")


def test_many_calls_that_are_given_up_leave_places_free(serve, connect, questions: Questions, quick) -> None:
    server = serve()
    silent = [ask(f"{number} <silent>") for number in range(9)]
    patience = replace(quick, timeouts=1)
    client = connect(server.url, call_seconds=0.2, max_concurrency=2, patience=patience)
    answers = client.ask_all([*questions(1), *silent, *questions(30)])
    assert sum(answer.failure is Failure.NO_ANSWER for answer in answers) == 9
    assert all(answer.error is None for answer in answers[10:])
