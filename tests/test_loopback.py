"""The guard of tests/conftest.py: nothing that a test does, or starts, leaves this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress

import openai
import pytest

OUTSIDE = "192.0.2.1"
"""An address for documentation (RFC 5737): nobody has it, so not even a broken guard reaches anybody."""


def _connect() -> None:
    with socket.socket() as outside:
        outside.connect((OUTSIDE, 80))


def _send() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as outside:
        outside.sendto(b"hello", (OUTSIDE, 9))


def _connect_over_ipv6() -> None:
    with socket.socket(socket.AF_INET6) as outside:
        outside.connect(("2001:db8::1", 80))


def _ask_for_a_name() -> None:
    socket.getaddrinfo("example.invalid", 80)


@pytest.mark.parametrize("reach", [_connect, _send, _connect_over_ipv6, _ask_for_a_name])
def test_what_leaves_the_machine_is_refused(reach: Callable[[], None], refused_connections: list[str]) -> None:
    with pytest.raises(Exception, match="this machine only"):
        reach()
    assert len(refused_connections) == 1
    refused_connections.clear()


def test_a_mock_that_sees_nothing_fails_loudly(refused_connections: list[str]) -> None:
    # respx without httpx2 lets the SDK through to the network.
    client = openai.OpenAI(api_key="none", base_url=f"http://{OUTSIDE}/v1", max_retries=0)
    with client, pytest.raises(Exception, match=r"this machine only|Connection error"):
        client.models.list()
    refused_connections.clear()


def test_code_that_puts_up_with_a_broken_network_does_not_put_up_with_a_refusal(refused_connections: list[str]) -> None:
    with pytest.raises(Exception, match="this machine only") as refused, suppress(OSError):
        _connect()
    assert refused.type.__name__ == "OutsideConnection"
    refused_connections.clear()


def test_a_refusal_that_code_swallows_is_noted(refused_connections: list[str]) -> None:
    with suppress(Exception):
        _connect()
    assert refused_connections == [f"socket.connect {OUTSIDE}"]
    refused_connections.clear()


def test_this_machine_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        client.sendall(b"x")
    assert socket.getaddrinfo("localhost", 80)


def test_a_process_that_a_test_starts_is_guarded_as_well() -> None:
    code = f"import socket\nsocket.create_connection(({OUTSIDE!r}, 80), timeout=5)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "this machine only" in done.stderr


def test_proxies_lead_nowhere() -> None:
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(f"http://{OUTSIDE}/", timeout=5)
