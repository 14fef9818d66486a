"""Nothing that a test starts leaves this machine."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

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
