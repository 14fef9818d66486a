"""Personal data and secrets: found where they are, and not where they only seem to be."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from evaluation.privacy import Names, installed_names, kinds_in, masked, searched


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


@dataclass(frozen=True)
class Found:
    entity_type: str


@dataclass
class WordList:
    """As presidio's AnalyzerEngine is asked and answers, with a list of words instead of a model."""

    words: dict[str, str]
    asked: list[tuple[str, list[str]]] = field(default_factory=list)

    def analyze(self, text: str, language: str, *, entities: list[str], score_threshold: float) -> Sequence[Found]:
        assert 0 < score_threshold < 0.85
        self.asked.append((language, entities))
        assert len(text) <= 1_000_000
        return [Found(kind) for word, kind in self.words.items() if word in text for _ in range(2)]


class TestNames:
    def names(self) -> Names:
        return Names(WordList({"Jane Doe": "PERSON", "Oslo": "LOCATION"}), "en", "en_core_web_sm")

    def test_add_to_what_patterns_find(self) -> None:
        text = "Jane Doe moved to Oslo, write to jane@mail.example"
        assert [kind.name for kind in kinds_in(text)] == ["e-mail address"]
        found = list(kinds_in(text, self.names()))
        assert [kind.name for kind in found] == ["e-mail address", "name of a person", "name of a place"]
        assert not any(kind.secret for kind in found)
        assert not list(kinds_in("nobody went nowhere", self.names()))

    def test_only_people_and_places_are_asked_for(self) -> None:
        analyzer = WordList({})
        list(Names(analyzer, "de", "de_core_news_sm").kinds_in("Hallo"))
        assert analyzer.asked == [("de", ["PERSON", "LOCATION"])]

    def test_a_very_long_text_is_cut(self) -> None:
        list(self.names().kinds_in("x" * 1_100_000))

    def test_what_was_searched_is_said(self) -> None:
        assert searched(None) == "searched by patterns; names are not searched"
        assert searched(self.names()) == "searched by patterns, and for names with presidio and en_core_web_sm"

    @pytest.mark.parametrize("language", ["en", "xx"])
    def test_without_presidio_or_a_model_there_is_no_search(self, language: str) -> None:
        names = installed_names(language)
        if language == "xx" or importlib.util.find_spec("presidio_analyzer") is None:
            assert names is None
