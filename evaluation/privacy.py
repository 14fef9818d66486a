"""Personal data and secrets in texts: what must not leave the machine unseen.

Patterns see what has a form of its own: addresses, numbers with check digits, keys. Names of people and places have
none; they are searched where presidio-analyzer and a spaCy model of the language are installed. What people tell about
themselves in other words, neither sees.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol


@dataclass(frozen=True)
class Kind:
    """One kind of data: its name for people, how it looks, and what a match must fulfil beyond that."""

    name: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = lambda _: True
    secret: bool = False


def _digits(text: str) -> list[int]:
    return [int(character) for character in text if character.isdigit()]


def _is_card_number(text: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812, Luhn)."""
    digits = _digits(text)
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """The check digits of bank accounts (ISO 13616): the rearranged number leaves 1 when divided by 97."""
    plain = text.replace(" ", "").upper()
    return 15 <= len(plain) <= 34 and int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _is_address(text: str) -> bool:
    return all(int(part) <= 255 for part in text.split("."))


# Look-behinds and bounds keep every search linear on long words, base64 for one.
KINDS: Final = (
    Kind(
        "e-mail address",
        re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}", re.ASCII),
    ),
    Kind(
        "telephone number",
        # Order numbers begin with 00 as well; a number with a country code is longer.
        re.compile(
            r"(?<![\w+.])(?<![0-9] )(?:\+[1-9](?:[ ()./-]{0,2}[0-9]){7,13}|00[1-9](?:[ ()./-]{0,2}[0-9]){9,13})(?!\w)"
        ),
    ),
    Kind("payment card number", re.compile(r"(?<![\w-])[0-9](?:[ -]?[0-9]){12,18}(?![\w-])"), _is_card_number),
    Kind("bank account (IBAN)", re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}\b"), _is_iban),
    Kind("internet address", re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.])"), _is_address),
    Kind("private key", re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"), secret=True),
    Kind(
        "access key",
        re.compile(
            r"(?<![\w-])(?:sk-[A-Za-z0-9_-]{20,200}|gh[pousr]_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}|xox[abpr]-[\w-]{10,200}"
            r"|AIza[\w-]{35}|glpat-[\w-]{20}|hf_[A-Za-z0-9]{30,60})(?![\w-])",
            re.ASCII,
        ),
        secret=True,
    ),
    Kind(
        "signed token",
        re.compile(r"(?<![\w-])eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,1000}", re.ASCII),
        secret=True,
    ),
    Kind(
        "password",
        re.compile(r"(?i)\b(?:password|passwd|passwort)\b\s{0,3}(?:is|ist|[:=])\s{0,3}(?P<word>[^\s,;]{6,100})"),
        # A sentence about passwords is not one: what is given away has a digit or a sign in it.
        lambda text: any(not character.isalpha() for character in re.split(r"\s|[:=]", text)[-1].strip(".!?")),
        secret=True,
    ),
)


_NO_FORM: Final = re.compile(r"(?!)")
ENTITIES: Final = {"PERSON": Kind("name of a person", _NO_FORM), "LOCATION": Kind("name of a place", _NO_FORM)}
"""What presidio is asked for. Its other recognisers are left out: patterns find these kinds already, and the one for
e-mail addresses asks the network for a list of domains."""
NAME_SCORE: Final = 0.5
"""presidio's score from which a name counts; a find of the language model has 0.85."""
MOST_CHARACTERS: Final = 100_000
"""Of a text, searched for names; spaCy refuses ten times as many."""
MODEL_SIZES: Final = ("lg", "md", "sm", "trf")
"""spaCy's models, the first to be taken where several are installed; the last takes seconds a text."""


class Entity(Protocol):
    """One of presidio's finds."""

    entity_type: str


class Analyzer(Protocol):
    """What is used of presidio's AnalyzerEngine."""

    def analyze(self, text: str, language: str, *, entities: list[str], score_threshold: float) -> Sequence[Entity]: ...


@dataclass(frozen=True)
class Names:
    """A search for names of people and places. `model` is the spaCy model behind it."""

    analyzer: Analyzer
    language: str
    model: str

    def kinds_in(self, text: str) -> Iterator[Kind]:
        """Names of people, names of places, each once, if the text holds any."""
        found = self.analyzer.analyze(
            text[:MOST_CHARACTERS], self.language, entities=list(ENTITIES), score_threshold=NAME_SCORE
        )
        types = {entity.entity_type for entity in found}
        yield from (kind for entity_type, kind in ENTITIES.items() if entity_type in types)


def installed_names(language: str = "en") -> Names | None:
    """The search for names with what is installed beside the advisor; None without presidio-analyzer or without a spaCy
    model of the language (ISO 639 code). Nothing is downloaded. Loading takes seconds."""
    if importlib.util.find_spec("presidio_analyzer") is None:
        return None
    model = _installed_model(language)
    return None if model is None else Names(_analyzer(model, language), language, model)


def searched(names: Names | None) -> str:
    """How texts were searched for personal data, as the end of a finding."""
    if names is None:
        return "searched by patterns; names are not searched"
    return f"searched by patterns, and for names with presidio and {names.model}"


def _installed_model(language: str) -> str | None:
    import spacy.util

    models = [name for name in spacy.util.get_installed_models() if name.split("_")[0] == language]
    sizes = {size: number for number, size in enumerate(MODEL_SIZES)}
    return min(models, key=lambda name: (sizes.get(name.rpartition("_")[2], len(sizes)), name), default=None)


def _analyzer(model: str, language: str) -> Analyzer:
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    recognizer = SpacyRecognizer(supported_language=language, supported_entities=list(ENTITIES))
    engine: Any = AnalyzerEngine(
        registry=RecognizerRegistry([recognizer], supported_languages=[language]),
        nlp_engine=SpacyNlpEngine([{"lang_code": language, "model_name": model}]),
        supported_languages=[language],
    )
    found: Analyzer = engine
    return found


def kinds_in(text: str, names: Names | None = None) -> Iterator[Kind]:
    """Every kind of data that a text holds, each once, in the order of `KINDS`; with `names`, those as well."""
    for kind in KINDS:
        if any(kind.holds(match.group()) for match in kind.pattern.finditer(text)):
            yield kind
    if names is not None:
        yield from names.kinds_in(text)


def masked(text: str) -> str:
    """The text with a placeholder for every find, such as `<e-mail address>`."""
    for kind in KINDS:
        text = kind.pattern.sub(partial(_placeholder, kind), text)
    return text


def _placeholder(kind: Kind, match: re.Match[str]) -> str:
    return f"<{kind.name}>" if kind.holds(match.group()) else match.group()
