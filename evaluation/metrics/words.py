"""Texts as the words that metrics compare."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

ARTICLES: Final[Mapping[str, frozenset[str]]] = {
    "en": frozenset({"a", "an", "the"}),
    "de": frozenset(
        {"ein", "eine", "einen", "einem", "eines", "einer", "der", "die", "das", "den", "dem", "des"}
    ),
    "es": frozenset({"un", "una", "unos", "unas", "el", "la", "los", "las"}),
}  # fmt: skip
"""Left out of the words of an answer, by ISO 639 code; in other languages nothing is. The lists are those of SQuAD
(English) and MLQA (Lewis et al. 2020, arXiv 1910.07475)."""

UNSPACED: Final = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Thai, Japanese and Chinese are written without blanks: each character counts as a word, as in MLQA."""
NUMBER: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\w|,\d)|\d+\.\d+(?![\w.])")
UNSPACED_OR_RUN: Final = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")


def words_of(text: str) -> list[str]:
    """Runs of letters and digits in lower case, accents kept; every character of Thai, Japanese and Chinese."""
    spaced = "".join(
        character if unicodedata.category(character)[0] in "LNM" else " " for character in _lower(text)
    )  # fmt: skip
    return UNSPACED_OR_RUN.findall(spaced)


def answer_words(text: str, language: str = "en") -> list[str]:
    """The words of an answer as SQuAD compares them (Rajpurkar et al. 2016, arXiv 1606.05250): lower case, without
    punctuation and articles.

    Two things differ from SQuAD's script, which removes every point: 3.5 is not 35, and 1,000.0 is 1000 (commas divide
    thousands, points decimals, as in English). A word in punctuation stays one word: well-known is wellknown.
    """
    lower = NUMBER.sub(lambda number: _canonical(number.group()), _lower(text))
    kept = "".join(
        character for position, character in enumerate(lower)
        if not _is_punctuation(character) or _is_decimal_point(lower, position)
    )  # fmt: skip
    articles = ARTICLES.get(language, frozenset())
    return [word for word in UNSPACED_OR_RUN.findall(kept) if word not in articles]


def same_spacing(text: str) -> str:
    """The text with every run of blanks and line ends as one blank, and without those at its ends; case counts."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _lower(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _canonical(number: str) -> str:
    value = Decimal(number.replace(",", ""))
    return str(value.to_integral_value()) if value == value.to_integral_value() else f"{value.normalize():f}"


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _is_decimal_point(text: str, position: int) -> bool:
    return (
        text[position] == "."
        and text[position - 1 : position].isdigit()
        and text[position + 1 : position + 2].isdigit()
    )
