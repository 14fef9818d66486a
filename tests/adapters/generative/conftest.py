"""Clients with little patience of chat servers that fail on command."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from adapters.generative.budget import Budget
from adapters.generative.chat import ChatClient
from adapters.generative.endpoint import Endpoint
from adapters.generative.exchange import ChatRequest, Message
from adapters.generative.retries import Patience

SERVER = Path(__file__).parents[2] / "servers" / "chat_server.py"
QUICK = Patience(first_seconds=0.01, longest_seconds=0.05, limited_seconds=5.0)
PLENTY = Budget(calls=100_000)


class Connect(Protocol):
    def __call__(
        self, url: str, *, budget: Budget = ..., patience: Patience = ..., comparison: str = ..., **endpoint: Any
    ) -> ChatClient: ...


@pytest.fixture
def connect(tmp_path: Path) -> Connect:
    """Clients of one folder, so that each finds what those before it were answered."""

    def connect(
        url: str,
        *,
        budget: Budget = PLENTY,
        patience: Patience = QUICK,
        comparison: str = "tickets",
        **endpoint: Any,
    ) -> ChatClient:
        stated = {"model": "small-1", "max_concurrency": 8, "call_seconds": 5.0, **endpoint}
        return ChatClient(Endpoint(url, **stated), tmp_path / "answers", comparison, budget, patience)

    return connect


def _questions(count: int, **more: Any) -> list[ChatRequest]:
    return [ChatRequest((Message("user", f"question {number}"),), **more) for number in range(count)]


@pytest.fixture(scope="session")
def quick() -> Patience:
    """Patience of tests: waits of hundredths of a second."""
    return QUICK


@pytest.fixture(scope="session")
def answer_to() -> Callable[[str], str]:
    """What the server says to a prompt, a text of its own for each."""
    server: dict[str, Any] = runpy.run_path(str(SERVER))
    answer: Callable[[str], str] = server["answer_to"]
    return answer


@pytest.fixture(scope="session")
def questions() -> Callable[..., list[ChatRequest]]:
    return _questions
