"""The languages that the inputs are written in, and the rows that stand in another one than the rest.

A short text alone does not show its language: one in fifty short English questions looks like Pidgin or Catalan. All
texts together do. So the shares of the languages in the whole file are estimated first, and each text is then read with
these shares as prior odds: a language that only single short texts resemble ends with a share of nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from evaluation.dataset import Example
from evaluation.findings import AuditFinding, Place, warning

SURE: Final = 0.9
"""Probability from which a text counts as being in a language."""
FEWEST_ROWS: Final = 3
SMALLEST_SHARE: Final = 0.01
"""Fewer rows in other languages move no score by a point, and are not reported."""
FEWEST_LETTERS: Final = 20
"""Of a text, in bytes of UTF-8: three or four English words, seven Chinese characters."""
FEWEST_TEXTS: Final = 20
"""That have so many letters."""
SHOWN_BY_ITSELF: Final = 0.3
"""The mean probability of the main language without prior odds; 0.7 and more in 30 public data sets."""
CHARACTERS_READ: Final = 400
"""Of each text; three or four sentences settle it."""
MOST_ROWS_READ: Final = 20_000
"""About ten seconds; of more rows an even sample is read."""
NOT_A_LANGUAGE: Final = "zxx"
"""The detector's name for numbers, markup and the like (ISO 639-2)."""

NAMES: Final[Mapping[str, str]] = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian", "bg": "Bulgarian",
    "bn": "Bengali", "bs": "Bosnian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian",
    "fi": "Finnish", "fr": "French", "ga": "Irish", "gl": "Galician", "gu": "Gujarati", "ha": "Hausa", "he": "Hebrew",
    "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "is": "Icelandic",
    "it": "Italian", "ja": "Japanese", "jv": "Javanese", "ka": "Georgian", "kk": "Kazakh", "km": "Khmer",
    "kn": "Kannada", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian", "ml": "Malayalam",
    "mn": "Mongolian", "mr": "Marathi", "ms": "Malay", "my": "Burmese", "ne": "Nepali", "nl": "Dutch",
    "no": "Norwegian", "pa": "Punjabi", "pcm": "Nigerian Pidgin", "pl": "Polish", "ps": "Pashto", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "si": "Sinhala", "sk": "Slovak", "sl": "Slovenian", "so": "Somali",
    "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai",
    "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek", "vi": "Vietnamese",
    "yo": "Yoruba", "yue": "Cantonese", "zh": "Chinese", "zu": "Zulu",
}  # fmt: skip


@dataclass(frozen=True)
class Languages:
    """`shares` of the texts that were read in each language (ISO 639 code), largest first, adding up to at most 1: what
    is no language is left out. `of` holds the language of each text, None where the text does not show it."""

    shares: Mapping[str, float]
    of: tuple[str | None, ...]

    @property
    def main(self) -> str | None:
        """The language with the largest share; None without any."""
        return next(iter(self.shares), None)


def find_languages(texts: Sequence[str]) -> Languages:
    """The languages of texts; deterministic and offline.

    Shares by maximum likelihood over all texts together (expectation maximisation of prior shift: Saerens, Latinne,
    Decaestecker 2002, Neural Computation 14:21), likelihoods from py3langid (Lui and Baldwin 2011, IJCNLP). Texts with
    too few letters are not read. No shares where too few texts are read, or where they hardly show their main language
    by themselves: names, commands, paths.
    """
    rows = [row for row, text in enumerate(texts) if _letter_bytes(text) >= FEWEST_LETTERS]
    of: list[str | None] = [None] * len(texts)
    if len(rows) < FEWEST_TEXTS:
        return Languages({}, tuple(of))
    codes: tuple[str, ...] = tuple(_identifier().labels)
    likelihoods = _likelihoods([texts[row] for row in rows], codes)
    shares = _shares(likelihoods)
    if likelihoods[:, shares.argmax()].mean() < SHOWN_BY_ITSELF:
        return Languages({}, tuple(of))
    posterior = likelihoods * shares
    posterior /= posterior.sum(axis=1, keepdims=True)
    for row, column, sure in zip(rows, posterior.argmax(axis=1), posterior.max(axis=1) >= SURE, strict=True):
        if sure and codes[column] != NOT_A_LANGUAGE:
            of[row] = codes[column]
    # A share of less than half a text is a trace that the iterations have not wiped out yet.
    present = [column for column in np.argsort(-shares, kind="stable") if shares[column] * len(rows) > 0.5]
    return Languages(
        {codes[column]: float(shares[column]) for column in present if codes[column] != NOT_A_LANGUAGE}, tuple(of)
    )


def language_findings(examples: Sequence[Example], encoder_language: str | None = None) -> Iterator[AuditFinding]:
    """AUDIT22 where inputs stand in another language than most, AUDIT23 where most stand in one that the encoder has
    not learnt. `encoder_language` is its ISO 639 code, None for an encoder of many languages or for no encoder."""
    every = max(1, -(-len(examples) // MOST_ROWS_READ))
    read = examples[::every]
    languages = find_languages([example.input for example in read])
    sample = f" (one row in {every} was read)" if every > 1 else ""
    yield from _several(read, languages, sample, encoder_language)
    yield from _not_learnt(languages, sample, encoder_language)


def _several(
    read: Sequence[Example], languages: Languages, sample: str, encoder_language: str | None
) -> Iterator[AuditFinding]:
    rows: dict[str, list[Example]] = defaultdict(list)
    for code, example in zip(languages.of, read, strict=True):
        if code is not None and code != languages.main:
            rows[code].append(example)
    foreign = sum(map(len, rows.values()))
    if languages.main is None or foreign < max(FEWEST_ROWS, SMALLEST_SHARE * len(read)):
        return
    main, by_size = name_of(languages.main), sorted(rows, key=lambda code: -len(rows[code]))
    listed = ", ".join(f"{name_of(code)} {len(rows[code])} ({len(rows[code]) / len(read):.1%})" for code in by_size[:5])
    more = f" and {len(by_size) - 5} more languages" if len(by_size) > 5 else ""
    badly = f" The encoder has learnt {main} and reads them badly." if encoder_language == languages.main else ""
    yield warning(
        "AUDIT22", "several_languages",
        f"{foreign:,} of {len(read):,} inputs{sample} are not in {main} like the rest: {listed}{more}.",
        f"Look at their scores apart, or take them out: a score over all rows hides how they fare.{badly}",
        tuple((Place(id=example.id, file=example.source, line=example.line),)
              for code in by_size for example in rows[code]),
    )  # fmt: skip


def _not_learnt(languages: Languages, sample: str, encoder_language: str | None) -> Iterator[AuditFinding]:
    if languages.main is None or encoder_language is None or languages.shares.get(encoder_language, 0.0) >= 0.5:
        return
    main, learnt = name_of(languages.main), name_of(encoder_language)
    if languages.main != encoder_language:
        yield warning(
            "AUDIT23", "not_the_language_of_the_encoder",
            f"{languages.shares[languages.main]:.0%} of the inputs{sample} are in {main}; "
            f"the encoder has learnt {learnt} and reads them badly.",
            f"Name an encoder that has learnt {main}; the scores of this encoder's arms say nothing about others.",
        )  # fmt: skip


def name_of(code: str) -> str:
    """The English name of a language, else its code."""
    return NAMES.get(code, f"language {code!r}")


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _letter_bytes(text: str) -> int:
    return len("".join(filter(str.isalpha, text[:CHARACTERS_READ])).encode(errors="replace"))


def _likelihoods(texts: Sequence[str], codes: Sequence[str]) -> NDArray[np.float64]:
    """How well each language explains each text, (texts, languages); rows add up to 1."""
    column = {code: number for number, code in enumerate(codes)}
    likelihoods = np.zeros((len(texts), len(codes)))
    for row, text in enumerate(texts):
        for code, probability in _identifier().rank(text[:CHARACTERS_READ]):
            likelihoods[row, column[code]] = probability
    return likelihoods


def _shares(likelihoods: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shares that explain all texts best, (languages,)."""
    shares = np.full(likelihoods.shape[1], 1 / likelihoods.shape[1])
    for _ in range(500):
        posterior = likelihoods * shares
        posterior /= posterior.sum(axis=1, keepdims=True)
        before, shares = shares, posterior.mean(axis=0)
        if np.abs(shares - before).max() < 1e-6:
            break
    return shares
