"""A server that is well: what is asked, what comes back, and that nothing is asked twice."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.generative.budget import Budget
from adapters.generative.chat import ChatClient, Progress
from adapters.generative.endpoint import Endpoint
from adapters.generative.exchange import ChatRequest, Message
from adapters.generative.structured import Structure
from rules.known_model import TokenPrices

Questions = Callable[..., list[ChatRequest]]
PRICES = TokenPrices(input=1.0, output=10.0, source="a test", seen_on=None)
SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["Billing", "Shipping"]}},
    "required": ["label"],
    "additionalProperties": False,
}


def test_answers_come_in_the_order_of_the_requests(serve, connect, questions: Questions, answer_to) -> None:
    server = serve(latency=0.1)
    answers = connect(server.url).ask_all(questions(50))
    assert [answer.text for answer in answers] == [answer_to(f"question {number}") for number in range(50)]
    assert server.seen()["most_in_work"] == 8


def test_an_answer_says_how_it_came_about(serve, connect, questions: Questions) -> None:
    client = connect(serve(latency=0.1).url, budget=Budget(prices=PRICES), max_concurrency=1)
    first, second = client.ask_all(questions(2))
    assert first.reply is not None
    assert second.reply is not None
    assert first.reply.model == "small-1-2026"
    assert first.reply.finish_reason == "stop"
    # The server counts the words of "question 0" and eight more, and one more than the two words that it says.
    assert (first.reply.input_tokens, first.reply.output_tokens) == (10, 3)
    assert first.cost == pytest.approx((10 * 1.0 + 3 * 10.0) / 1_000_000)
    assert first.sent == (0.0, 0, Structure.NONE)
    assert 0.1 <= first.reply.serving_seconds < 1
    # One at a time: the second waits as long as the first is served.
    assert first.reply.queued_seconds + 0.1 <= second.reply.queued_seconds
    assert second.reply.attempts == 1


def test_a_rerun_asks_nobody(serve, connect, questions: Questions) -> None:
    server = serve()
    before = connect(server.url).ask_all(questions(20))
    calls, url = server.calls, server.url
    server.stop()
    after = connect(url).ask_all(questions(20))
    assert calls == 21, "twenty questions, and the first call that finds out what the server takes"
    assert all(answer.cached for answer in after)
    assert [replace(answer, cached=False) for answer in after] == before


def test_a_rerun_does_not_even_load_openai(serve, connect, questions: Questions, tmp_path: Path) -> None:
    url = serve().url
    connect(url).ask_all(questions(1))
    code = f"""
import sys
from pathlib import Path
from adapters.generative.budget import Budget
from adapters.generative.chat import ChatClient
from adapters.generative.endpoint import Endpoint
from adapters.generative.exchange import ChatRequest, Message
client = ChatClient(Endpoint({url!r}, "small-1"), Path({str(tmp_path / "answers")!r}), "tickets", Budget())
assert client.ask_all([ChatRequest((Message("user", "question 0"),))])[0].cached
assert not {{"openai", "httpx2"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


@pytest.mark.parametrize(
    "change", [{"temperature": 0.7}, {"seed": 1}, {"max_tokens": 99}, {"schema": SCHEMA}, {"repetition": 1}]
)  # fmt: skip
def test_what_determines_an_answer_is_asked_anew(serve, connect, questions: Questions, change) -> None:
    server = serve()
    connect(server.url).ask_all([*questions(1), *questions(1, schema=SCHEMA, seed=7)])
    calls = server.calls
    (answer,) = connect(server.url).ask_all(questions(1, **change))
    assert (server.calls, answer.cached) == (calls + 1, False)


@pytest.mark.parametrize("change", [{"model": "other"}, {"parameters": {"top_p": 0.5}}])
def test_another_model_or_parameter_is_asked_anew(serve, connect, questions: Questions, change) -> None:
    server = serve(model=None)
    connect(server.url).ask_all(questions(1))
    (answer,) = connect(server.url, **change).ask_all(questions(1))
    assert not answer.cached
    assert server.seen()["bodies"][-1].items() >= change.get("parameters", change).items()


def test_equal_questions_are_one_call(serve, connect, questions: Questions) -> None:
    server = serve()
    seen: list[Progress] = []
    answers = connect(server.url).ask_all(questions(3) * 4, seen.append)
    assert set(server.seen()["answered"].values()) == {1}
    assert [answer.text for answer in answers[:3]] * 4 == [answer.text for answer in answers]
    assert seen[-1] == Progress(done=12, total=12, cached=0, failures=0)


def test_progress_counts_what_was_on_disk_and_what_failed(serve, connect, questions: Questions) -> None:
    server = serve(context=100)
    connect(server.url).ask_all(questions(5))
    seen: list[Progress] = []
    connect(server.url).ask_all([*questions(7), ChatRequest((Message("user", "long " * 50),))], seen.append)
    assert seen[4] == Progress(done=5, total=8, cached=5, failures=0)
    assert seen[-1] == Progress(done=8, total=8, cached=5, failures=1)


def test_halves_of_characters_stop_nobody(serve, connect) -> None:
    """As files hold them that were cut in the middle of an emoji."""
    server = serve(text="half \ud83d, whole \ud83d\ude00")
    (answer,) = connect(server.url).ask_all([ChatRequest((Message("user", "half \ude00 of it \U0001f600"),))])
    assert server.seen()["bodies"][-1]["messages"][0]["content"] == "half \ufffd of it \U0001f600"
    assert answer.text == "half \ufffd, whole \U0001f600"


@pytest.mark.parametrize(
    "change", [{"messages": ()}, {"max_tokens": 0}, {"temperature": -1}, {"temperature": float("nan")}]
)
def test_what_is_no_request(change) -> None:
    with pytest.raises(ValueError, match="a request needs"):
        ChatRequest(**({"messages": (Message("user", "x"),)} | change))


def test_no_questions_no_calls(connect) -> None:
    assert connect("http://127.0.0.1:9/v1").ask_all([]) == []


def test_within_an_event_loop(serve, connect, questions: Questions, answer_to) -> None:
    (answer,) = asyncio.run(connect(serve().url).answer_all(questions(1)))
    assert answer.text == answer_to("question 0")


def test_what_a_server_does_not_count_stays_unknown(serve, connect, questions: Questions) -> None:
    (answer,) = connect(serve(usage=False).url, budget=Budget(prices=PRICES)).ask_all(questions(1))
    assert answer.reply is not None
    assert (answer.reply.input_tokens, answer.reply.output_tokens, answer.cost) == (None, None, None)


@pytest.mark.parametrize(
    ("schema", "structure"), [("enforced", "schema"), ("ignored", "instruction"), ("refused", "instruction")]
)
def test_objects_by_schema_where_the_server_has_it(serve, connect, questions: Questions, schema, structure) -> None:
    server = serve(schema=schema)
    client = connect(server.url)
    answers = client.ask_all(questions(3, schema=SCHEMA))
    assert [answer.value for answer in answers] == [{"label": "Billing"}] * 3
    assert {answer.sent.structure for answer in answers} == {structure}
    assert ("response_format" in server.seen()["bodies"][-1]) is (structure == "schema")
    assert any("JSON schema that the server enforces" in line for line in client.statements()) is (
        structure == "schema"
    )


def test_the_server_is_probed_once(serve, connect, questions: Questions) -> None:
    server = serve()
    connect(server.url).ask_all(questions(2, schema=SCHEMA))
    calls = server.calls
    connect(server.url).ask_all(questions(4, schema=SCHEMA))
    assert (calls, server.calls) == (4, 6)


def test_parameters_that_a_server_refuses_are_left_out_and_said(
    serve, connect, questions: Questions, answer_to
) -> None:
    server = serve(refused_parameters=["temperature", "max_tokens", "seed"])
    client = connect(server.url)
    (answer,) = client.ask_all(questions(1))
    assert answer.text == answer_to("question 0")
    assert answer.sent == (None, None, Structure.NONE)
    assert server.seen()["bodies"][-1].keys() == {"model", "messages", "max_completion_tokens"}
    assert sum("does not take" in line for line in client.statements()) == 2


def test_an_unknown_word_in_the_cache_is_asked_again(
    serve, connect, questions: Questions, tmp_path: Path, answer_to
) -> None:
    import sqlite3

    server = serve()
    connect(server.url).ask_all(questions(3))
    with sqlite3.connect(tmp_path / "answers" / "answers.sqlite3") as file:
        file.execute("update answers set reply = '{\"text\": '")
        file.execute("update servers set capabilities = 'x'")
    file.close()
    answers = connect(server.url).ask_all(questions(3))
    assert [answer.text for answer in answers] == [answer_to(f"question {number}") for number in range(3)]


def test_a_cache_that_is_no_database_is_named(connect, questions: Questions, tmp_path: Path) -> None:
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "answers.sqlite3").write_text("not a database, and long enough to be read as one" * 20)
    with pytest.raises(ValueError, match=r"answers\.sqlite3 .*name another folder, or delete") as refused:
        connect("http://127.0.0.1:9/v1").ask_all(questions(1))
    assert "\n" not in str(refused.value)


def test_answers_are_for_their_owner_only(serve, connect, questions: Questions, tmp_path: Path) -> None:
    connect(serve().url).ask_all(questions(1))
    files = [tmp_path / "answers", *(tmp_path / "answers").iterdir()]
    assert len(files) > 1
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def test_a_loopback_server_is_reached_past_every_proxy(serve, questions: Questions, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    client = ChatClient(Endpoint(serve().url, "small-1"), tmp_path, "tickets", Budget())
    assert client.ask_all(questions(1))[0].error is None
