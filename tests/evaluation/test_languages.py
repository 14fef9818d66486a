"""Languages: found where texts show them, and never made up from short or strange ones."""

from __future__ import annotations

import pytest

from evaluation.dataset import Example
from evaluation.findings import AuditFinding
from evaluation.languages import find_languages, language_findings, name_of

ORDERS = ["parcel", "invoice", "password", "address", "screen", "battery", "refund", "charger"]
ENGLISH = [f"My {order} {fault} since {day}." for order in ORDERS for fault in ("is gone", "does not work", "is wrong")
           for day in ("yesterday", "last week", "Monday", "this morning")]  # fmt: skip
GERMAN = [
    "Mein Paket ist seit gestern verschwunden.",
    "Wo finde ich die Rechnung für meine letzte Bestellung?",
    "Ich habe mein Passwort vergessen und komme nicht mehr hinein.",
    "Der Bildschirm bleibt schwarz, wenn ich das Gerät einschalte.",
    "Bitte ändern Sie meine Lieferadresse.",
]
SPANISH = [
    "¿Dónde está mi pedido? Lo espero desde hace una semana.",
    "La pantalla no funciona desde ayer por la mañana.",
]
CHINESE = ["我的包裹昨天还没有到，请帮我查一下。", "我忘记了密码，无法登录我的账户。"]


def rows(*texts: str) -> list[Example]:
    return [Example(f"r{line}", text, "label", line, "rows.jsonl") for line, text in enumerate(texts, start=1)]


def codes(findings: list[AuditFinding]) -> list[str]:
    return [finding.code for finding in findings]


def test_one_language() -> None:
    languages = find_languages(ENGLISH)
    assert languages.main == "en"
    assert languages.shares["en"] == pytest.approx(1, abs=0.01)
    assert set(languages.of) <= {"en", None}
    assert not list(language_findings(rows(*ENGLISH), "en"))


def test_few_others_are_found_and_listed() -> None:
    """Five German rows in a hundred, two Spanish and two Chinese."""
    texts = [*ENGLISH[:50], *GERMAN, *ENGLISH[50:], *SPANISH, *CHINESE]
    languages = find_languages(texts)
    assert languages.shares["de"] == pytest.approx(5 / len(texts), abs=0.01)
    (finding,) = language_findings(rows(*texts), "en")
    assert (finding.code, finding.name, finding.severity) == ("AUDIT22", "several_languages", "warning")
    assert finding.message == (
        "9 of 105 inputs are not in English like the rest: German 5 (4.8%), Spanish 2 (1.9%), Chinese 2 (1.9%)."
    )
    assert finding.lines == "51; 52; 53; 54; 55; 102; 103; 104; 105"
    assert "learnt English and reads them badly" in finding.what_to_do


def test_an_encoder_of_many_languages_is_not_blamed() -> None:
    (finding,) = language_findings(rows(*ENGLISH, *GERMAN), None)
    assert "encoder" not in finding.what_to_do


def test_another_language_than_the_encoders() -> None:
    german = [f"{text} Bestellnummer {number}." for number in range(6) for text in GERMAN]
    (finding,) = language_findings(rows(*german), "en")
    assert (finding.code, finding.name) == ("AUDIT23", "not_the_language_of_the_encoder")
    assert finding.message == "100% of the inputs are in German; the encoder has learnt English and reads them badly."
    assert not list(language_findings(rows(*german), "de"))
    assert not list(language_findings(rows(*german), None))


def test_half_and_half() -> None:
    german = [f"{text} Bestellnummer {number}." for number in range(20) for text in GERMAN]
    findings = list(language_findings(rows(*german, *ENGLISH[:50]), "en"))
    assert codes(findings) == ["AUDIT22", "AUDIT23"]
    assert "50 of 150 inputs are not in German like the rest: English 50 (33.3%)" in findings[0].message


def test_a_trace_is_not_reported() -> None:
    """Two rows of a hundred are fewer than three; three of a thousand fewer than one in a hundred."""
    assert not list(language_findings(rows(*ENGLISH, *GERMAN[:2]), "en"))
    assert codes(list(language_findings(rows(*ENGLISH, *GERMAN[:3]), "en"))) == ["AUDIT22"]
    many = [f"{text} It is the {number}th time." for number in range(11) for text in ENGLISH]
    assert not list(language_findings(rows(*many, *GERMAN[:3]), "en"))


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [""] * 40,
        GERMAN,  # too few
        [str(number * 7919) for number in range(60)],
        ["yes", "no", "ok", "maybe", "thanks"] * 12,
        ["Maria Gonzalez", "Peter Schmidt", "Anna Kowalska", "Jean Dupont", "Giovanni Rossi"] * 12,
        [f"/usr/lib/python3.{number}/site-packages/numpy" for number in range(60)],
        [f"def square{number}(x): return x ** 2 + {number}" for number in range(60)],
    ],
    ids=["none", "empty", "few", "numbers", "words", "names", "paths", "code"],
)
def test_what_shows_no_language_is_left_alone(texts: list[str]) -> None:
    assert find_languages(texts).main is None
    assert set(find_languages(texts).of) <= {None}
    assert not list(language_findings(rows(*texts), "en"))


def test_short_texts_are_read_in_the_light_of_the_others() -> None:
    """By itself each of these resembles another language more than English."""
    short = ["show all flights from miami to jfk", "show ground transportation for pittsburgh",
             "How do most bat SARSr-COV differ from 2019-nCOV?"]  # fmt: skip
    languages = find_languages([*ENGLISH, *short])
    assert languages.of[-3:] == ("en", "en", "en")


def test_of_very_many_rows_a_sample_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.languages.MOST_ROWS_READ", 60)
    mixed = [text for pair in zip(ENGLISH[:60], GERMAN * 12, strict=True) for text in (pair[1], pair[0])]
    (finding,) = language_findings(rows(*mixed), "en")
    assert finding.code == "AUDIT23"
    assert "(one row in 2 was read)" in finding.message


def test_names() -> None:
    assert (name_of("de"), name_of("kab")) == ("German", "language 'kab'")
