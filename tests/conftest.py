"""Nothing that a test starts leaves this machine; chat servers that fail on command, each a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest

SERVER = Path(__file__).parent / "servers" / "chat_server.py"
GUARD = Path(__file__).parent / "loopback" / "sitecustomize.py"
NOWHERE = "http://127.0.0.1:9"
"""A proxy for programs that are not Python: nobody listens on the port for discarding."""


def _guarded() -> list[str]:
    """Guards this process, and by its environment those that it starts. Returns the list of what is refused."""
    spec = importlib.util.spec_from_file_location("loopback_guard", GUARD)
    assert spec is not None
    assert spec.loader is not None
    guard = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(guard)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ[name] = os.environ[name.upper()] = NOWHERE
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost,::1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    path = [str(GUARD.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    refused: list[str] = guard.refused
    return refused


REFUSED = _guarded()


@pytest.fixture
def refused_connections() -> list[str]:
    """What was refused so far; a test that means to be refused clears it."""
    return REFUSED


@pytest.fixture(autouse=True)
def _only_this_machine() -> Iterator[None]:
    """Fails a test whose code swallowed the refusal."""
    yield
    reached, REFUSED[:] = list(REFUSED), []
    if reached:
        pytest.fail(f"Tests reach this machine only; refused were: {', '.join(sorted(set(reached)))}", pytrace=False)


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


@pytest.fixture(scope="module")
def serve_all_tests() -> Iterator[Serve]:
    """For what several tests of a file begin with."""
    with ExitStack() as stack:
        yield lambda **faults: ChatServer(faults, stack)
