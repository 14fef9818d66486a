"""Refusals as servers word them."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from adapters.generative.completion import read_reply
from adapters.generative.endpoint import Endpoint
from adapters.generative.exchange import Failure, Reply
from adapters.generative.refusals import Loss, Lost, Refused, code_of, plain_words

ENDPOINT = Endpoint("http://h/v1", "m", SecretStr("sk-secret"))


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, '{"error": {"message": "This model\'s maximum context length is 8192 tokens. However, your messages '
              'resulted in 9001 tokens.", "code": "context_length_exceeded"}}'),
        (400, '{"object": "error", "message": "This model\'s maximum context length is 4096 tokens. However, you '
              'requested 5000 tokens", "type": "BadRequestError"}'),
        (400, '{"error": {"message": "the request exceeds the available context size. try increasing the context '
              'size", "type": "exceed_context_size_error"}}'),
        (400, '{"error": {"message": "prompt is too long: 208310 tokens > 200000 maximum"}}'),
        (400, '{"message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum '
              'context length"}'),
        (422, '{"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"}'),
        (400, '{"error": {"message": "The input token count (50000) exceeds the maximum number of tokens allowed"}}'),
        (400, '{"message": "The input (9000 tokens) is longer than the model\'s context length (8192 tokens)."}'),
        (413, "Request Entity Too Large"),
    ],
)  # fmt: skip
def test_a_full_context_in_the_words_of_many_servers(status: int, told: str) -> None:
    assert Refused(status, "", told).failure is Failure.TOO_LONG


@pytest.mark.parametrize(
    "told",
    [
        "Unsupported value: 'temperature' does not support 0 with this model.",
        "Invalid schema for response_format 'answer'",
        "max_tokens must be at least 1",
        "messages: at least one message is required",
    ],
)
def test_other_refusals_are_not_taken_for_a_full_context(told: str) -> None:
    assert Refused(400, "", told).failure is Failure.REFUSED


def test_a_filter_of_inputs() -> None:
    azure = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
    assert Refused(400, "content_filter", azure).failure is Failure.FILTERED
    assert Refused(403, "", "Your input was flagged by moderation").failure is Failure.FILTERED


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "invalid_api_key", "type": "x"}, "invalid_api_key"),
        ({"code": None, "type": "BadRequestError"}, "BadRequestError"),
        ({"code": 400, "type": None}, ""),
        ({"code": "a text of the user's"}, ""),
        ({"code": "sk-secret"}, "[key]"),
        ("no object", ""),
        (None, ""),
    ],
)
def test_codes_are_words_for_programs(error, code: str) -> None:
    assert code_of(error, ENDPOINT) == code


def test_words_of_a_server_are_one_short_line_without_the_key() -> None:
    told = '{"error": {"message": "bad\\nkey sk-secret\\u0000 ' + "x" * 500 + '"}}'
    words = plain_words(told, ENDPOINT)
    assert words.startswith("bad key [key] xxx")
    assert len(words) == 200
    assert plain_words("<html>down</html>", ENDPOINT) == "<html>down</html>"
    assert plain_words('{"detail": "Not Found"}', ENDPOINT) == "Not Found"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"null", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{}]}', b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": 5}}]}', b'{"choices": "x"}', b"\xff\xfe", b"[" * 100_000,
        b'{"choices": [{"message": {"content": "x"}}], "usage": [1]}',
    ],
)  # fmt: skip
def test_bodies_that_are_no_answer(content: bytes) -> None:
    assert read_reply(content, ENDPOINT) == Lost(Loss.UNREADABLE)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ('{"content": "x"}', "x"),
        ('{"content": null}', ""),
        ("{}", ""),
        ('{"content": [{"type": "text", "text": "a"}, {"type": "thinking"}, {"type": "text", "text": "b"}]}', "ab"),
    ],
)
def test_bodies_with_parts_left_out(message: str, text: str) -> None:
    reply = read_reply(
        f'{{"choices": [{{"message": {message}}}], "usage": {{"prompt_tokens": -1}}}}'.encode(), ENDPOINT
    )
    assert reply == Reply(text, None, False, None, None, None, None)


def test_a_refusal_inside_an_answer() -> None:
    refused = read_reply(b'{"error": {"code": 429, "message": "slow down"}}', ENDPOINT)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.is_for_capacity) == (429, True)
    assert read_reply(b'{"error": "broken"}', ENDPOINT) == Refused(502, "", '"broken"')
