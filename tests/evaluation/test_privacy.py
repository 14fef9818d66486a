"""Personal data and secrets: found where they are, and not where they only seem to be."""

from __future__ import annotations

import time

import pytest

from evaluation.privacy import kinds_in, masked


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to jane.doe+x@mail.example.co.uk, please", "e-mail address"),
        ("call me on +49 (0)30 1234567 tomorrow", "telephone number"),
        ("call 0049 30 1234567", "telephone number"),
        ("my card 4111 1111 1111 1111 was charged twice", "payment card number"),
        ("refund to DE89 3704 0044 0532 0130 00 please", "bank account (IBAN)"),
        ("blocked from 192.168.10.254 since noon", "internet address"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "private key"),
        ("the key is sk-proj-abcdefghij0123456789XYZ", "access key"),
        ("AKIAIOSFODNN7EXAMPLE does not work", "access key"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk123", "signed token"),
        ("my password is hunter2!", "password"),
        ("Passwort: geheim99", "password"),
    ],
)
def test_finds(text: str, kind: str) -> None:
    assert [found.name for found in kinds_in(text)] == [kind]
    assert f"<{kind}>" in masked(text)
    assert not list(kinds_in(masked(text)))


@pytest.mark.parametrize(
    "text",
    [
        "I was charged twice this month",
        "order 4111 1111 1111 1112 is late",  # the check digit is wrong
        "order 1111 1111 1111 1111",
        "DE00 3704 0044 0532 0130 00",
        "version 1.2.3.4000 crashes",
        "300.300.300.300",
        "I forgot my password and the reset mail never came",
        "my password is wrong",
        "the password: please reset it",
        "at 10.30 tomorrow, 2026-11-21, room 12",
        "sk-short",
        "PK 0049 1183 77 stuck at customs",
        "sent 12 @ 5 euro",
    ],
)
def test_does_not_invent(text: str) -> None:
    assert not list(kinds_in(text))
    assert masked(text) == text


@pytest.mark.parametrize("word", ["a", "1", "a@", "1 ", "+", "DE89", "eyJ", "a.b@", "password ", "-"])
def test_a_long_text_takes_no_time(word: str) -> None:
    start = time.perf_counter()
    list(kinds_in(word * 200_000))
    assert time.perf_counter() - start < 5
