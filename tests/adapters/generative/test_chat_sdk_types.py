"""The SDK's own types as the other side: what it would send and read is what is sent and read here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import respx
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import SecretStr, TypeAdapter

from adapters.generative.budget import Budget
from adapters.generative.chat import ChatClient
from adapters.generative.endpoint import Endpoint, EndpointError
from adapters.generative.exchange import ChatAnswer, ChatRequest, Failure, Message
from adapters.generative.retries import Patience

URL = "https://api.example.com/v1"
SCHEMA: dict[str, Any] = {
    "type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"], "additionalProperties": False,
}  # fmt: skip
FINISH_REASONS = get_args(Choice.model_fields["finish_reason"].annotation)


def completion(**choice: Any) -> ChatCompletion:
    message = ChatCompletionMessage(role="assistant", content="Paris", **choice.pop("message", {}))
    return ChatCompletion(
        id="chatcmpl-1", object="chat.completion", created=1, model="small-1-2026-01-01", system_fingerprint="fp_7",
        choices=[Choice(**{"finish_reason": "stop", "index": 0, "message": message, **choice})],
        usage=CompletionUsage(prompt_tokens=11, completion_tokens=2, total_tokens=13),
    )  # fmt: skip


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., list[ChatAnswer]]:
    def ask(count: int = 1, **request: Any) -> list[ChatAnswer]:
        endpoint = Endpoint(URL, "small-1", SecretStr("sk-1"))
        client = ChatClient(endpoint, tmp_path, "tickets", Budget(), Patience(first_seconds=0.001, attempts=2))
        requests = [
            ChatRequest((Message("system", "Be brief."), Message("user", f"{number}")), **request)
            for number in range(count)
        ]
        return client.ask_all(requests)

    return ask


def answer_with(mock: respx.Router, said: ChatCompletion) -> respx.Route:
    return mock.post(f"{URL}/chat/completions").respond(json=json.loads(said.model_dump_json()))


def test_an_answer_of_the_sdks_type_is_read_in_full(httpx2_mock: respx.Router, ask) -> None:
    said = completion()
    answer_with(httpx2_mock, said)
    (answer,) = ask()
    assert answer.reply is not None
    assert answer.text == said.choices[0].message.content
    assert (answer.reply.model, answer.reply.fingerprint) == (said.model, said.system_fingerprint)
    assert said.usage is not None
    assert (answer.reply.input_tokens, answer.reply.output_tokens) == (
        said.usage.prompt_tokens,
        said.usage.completion_tokens,
    )


@pytest.mark.parametrize("request_", [{}, {"schema": SCHEMA}])
def test_what_is_sent_is_of_the_sdks_type(httpx2_mock: respx.Router, ask, request_) -> None:
    route = answer_with(httpx2_mock, completion())
    ask(**request_)
    adapter = TypeAdapter(CompletionCreateParamsNonStreaming)
    for call in route.calls:
        body = json.loads(call.request.content)
        assert (
            body.keys()
            <= CompletionCreateParamsNonStreaming.__annotations__.keys() | {"model", "messages"} | _inherited()
        )
        adapter.validate_python(body)
        assert call.request.headers["authorization"] == "Bearer sk-1"
        assert call.request.url == f"{URL}/chat/completions"


def _inherited() -> set[str]:
    from openai.types.chat.completion_create_params import CompletionCreateParamsBase

    return set(CompletionCreateParamsBase.__annotations__)


@pytest.mark.parametrize("reason", FINISH_REASONS)
def test_every_finish_reason_that_the_sdk_knows(httpx2_mock: respx.Router, ask, reason: str) -> None:
    answer_with(httpx2_mock, completion(finish_reason=reason))
    (answer,) = ask()
    failures = {"length": Failure.CUT_OFF, "content_filter": Failure.FILTERED}
    assert answer.failure is failures.get(reason)
    assert answer.reply is not None
    assert answer.reply.finish_reason == reason


def test_a_refusal_in_the_sdks_sense(httpx2_mock: respx.Router, ask) -> None:
    answer_with(httpx2_mock, completion(message={"refusal": "I cannot help with that."}))
    (answer,) = ask()
    assert answer.failure is Failure.DECLINED


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_errors_of_the_transport_are_tried_again(httpx2_mock: respx.Router, ask, error: type[Exception]) -> None:
    good = httpx.Response(200, json=json.loads(completion().model_dump_json()))
    route = httpx2_mock.post(f"{URL}/chat/completions")
    route.side_effect = [good, error("torn"), good]
    (answer,) = ask()
    assert answer.text == "Paris"
    assert route.call_count == 3


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "ADVISOR_API_KEY"), (402, "credit"), (403, "Ask for access"), (404, "no model"), (400, "refuses the first")],
)
def test_statuses_that_end_a_run(httpx2_mock: respx.Router, ask, status: int, words: str) -> None:
    route = httpx2_mock.post(f"{URL}/chat/completions").respond(status, json={"error": {"message": "no", "code": "c"}})
    with pytest.raises(EndpointError, match=words):
        ask(5)
    assert route.call_count == 1
