"""Chat servers that fail on command, each a process of its own on loopback, and clients with little patience."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest

from adapters.generative.budget import Budget
from adapters.generative.chat import ChatClient
from adapters.generative.endpoint import Endpoint
from adapters.generative.exchange import ChatRequest, Message
from adapters.generative.retries import Patience

SERVER = Path(__file__).parents[2] / "servers" / "chat_server.py"
QUICK = Patience(first_seconds=0.01, longest_seconds=0.05, limited_seconds=5.0)
PLENTY = Budget(calls=100_000)


class ChatServer:
    """A running server. It ends with its standard input, so it cannot outlive the tests."""

    def __init__(self, faults: dict[str, Any], stack: ExitStack) -> None:
        self.process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, str(SERVER), json.dumps(faults)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
        stack.callback(self.stop)
        assert self.process.stdout is not None
        self.root = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        self.url = f"{self.root}/v1"
        self._http = stack.enter_context(httpx2.Client(base_url=self.root, trust_env=False))

    def seen(self) -> dict[str, Any]:
        """Answers by prompt, statuses, most calls in work at once, and the first bodies and headers."""
        seen: dict[str, Any] = self._http.get("/calls").json()
        return seen

    @property
    def calls(self) -> int:
        """Chat calls of any outcome."""
        return sum(self.seen()["statuses"].values())

    def fail(self, **faults: Any) -> None:
        """Other faults from now on."""
        self._http.post("/faults", json=faults).raise_for_status()

    def stop(self) -> None:
        self.process.kill()


class Serve(Protocol):
    def __call__(self, **faults: Any) -> ChatServer: ...


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda **faults: ChatServer(faults, stack)


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
