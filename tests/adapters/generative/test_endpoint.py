"""The record of a server: one spelling of its address, and clear words for what cannot be one."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from adapters.generative.endpoint import Endpoint, EndpointError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        (" HTTPS://API.Example.com:443/v1 ", "https://api.example.com/v1"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_one_spelling_of_an_address(written: str, meant: str) -> None:
    assert Endpoint(written, "m").base_url == meant


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("api.example.com/v1", "must begin with http"),
        ("ftp://example.com", "must begin with http"),
        ("http:///v1", "name a host"),
        ("http://host:port/v1", "cannot be read"),
        ("http://user:word@host/v1", "ADVISOR_API_KEY"),
        ("https://host/v1?key=x", "before '\\?'"),
        ("", "must begin with http"),
    ],
)
def test_what_is_no_address(url: str, words: str) -> None:
    with pytest.raises(EndpointError, match=words):
        Endpoint(url, "m")


@pytest.mark.parametrize("key", ["", " sk-1", "sk-1\n", "sk-\u00e9", "sk 1\x00"])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(EndpointError, match="copy it again"):
        Endpoint("http://h/v1", "m", SecretStr(key))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"model": " "}, "No model is named"),
        ({"max_concurrency": 0}, "At least one call"),
        ({"call_seconds": 0}, "above 0 seconds"),
        ({"parameters": {"temperature": 1}}, "temperature cannot be"),
        ({"parameters": {"stop": object()}}, "not JSON"),
        ({"parameters": {"top_p": float("nan")}}, "not JSON"),
    ],
)
def test_what_cannot_be_set(more, words: str) -> None:
    with pytest.raises(EndpointError, match=words):
        Endpoint(**({"base_url": "http://h/v1", "model": "m"} | more))


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://127.9.9.9/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]/v1", True),
        ("http://10.0.0.1/v1", False),
        ("http://127.0.0.1.example.com/v1", False),
    ],
)
def test_what_is_on_this_machine(url: str, inside: bool) -> None:
    assert Endpoint(url, "m").is_on_this_machine is inside


def test_limits_do_not_determine_answers() -> None:
    one = Endpoint("http://h/v1", "m", SecretStr("a"), max_concurrency=1, call_seconds=1)
    other = Endpoint("http://h/v1/", "m", SecretStr("b"))
    assert one.determined_by == other.determined_by
    assert one.determined_by != Endpoint("http://h/v1", "m", parameters={"top_p": 1}).determined_by
