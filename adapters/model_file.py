"""The user's own file about models, in TOML: what the data sets do not know, or know wrongly.

[[model]]
name = "gpt-4o-mini"
retires_on = 2027-03-31
input_price = 0.12             # per million tokens
output_price = 0.48
training_price = 3.0           # per million tokens seen in training, each epoch
currency = "EUR"               # USD unless told
source = "our contract of May"
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from adapters.token_prices import token_prices


class ModelFileError(ValueError):
    """The file cannot be used; the message is one line that says what, where, and what was expected."""


@dataclass(frozen=True, slots=True)
class OwnModel:
    """One [[model]] table; None where it says nothing. Prices are per million tokens."""

    name: str
    provider: str | None
    retires_on: date | None
    tuning_ends_on: date | None
    input_price: float | None
    output_price: float | None
    training_price: float | None
    currency: str
    source: str

    @property
    def full_name(self) -> str:
        """The name with its provider, where the file gives one and the name does not."""
        return self.name if self.provider is None or "/" in self.name else f"{self.provider}/{self.name}"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """All tables of a file, in its order; no name twice."""

    models: tuple[OwnModel, ...]


DATES = ("retires_on", "tuning_ends_on")
PRICES = ("input_price", "output_price", "training_price")
KEYS = ("name", "provider", *DATES, *PRICES, "currency", "source")
CURRENCY = re.compile("[A-Z]{3}")
TABLE = re.compile(r"^[ \t]*\[\[[ \t]*model[ \t]*\]\]", re.MULTILINE)


def read_model_file(path: Path) -> ModelFile:
    """The user's own file; `ModelFileError` names the file, the table and what was expected.

    Input and output price belong together. A training price may stand alone, in USD, where genai-prices knows the other
    two.
    """
    text = _text(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ModelFileError(f"{path.name}: {error}; expected TOML with [[model]] tables.") from None
    for key, value in document.items():
        if key != "model":
            table = isinstance(value, list | dict)
            problem = f"[[{key}]] is unknown; did you mean [[model]]?" if table else f"{key} stands above all models."
            raise ModelFileError(f"{path.name}: {problem} Expected [[model]] tables and nothing else.")
    tables = document.get("model")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        found = "no model" if tables is None else "model without double brackets"
        raise ModelFileError(f"{path.name}: {found}; expected a [[model]] table for each model, with at least a name.")
    lines = [text.count("\n", 0, match.start()) + 1 for match in TABLE.finditer(text)]
    seen: dict[str, str] = {}
    models = []
    for number, table in enumerate(tables):
        # Inside a text of many lines [[model]] is no heading; a wrong line is worse than none.
        where = f"line {lines[number]}" if len(lines) == len(tables) else f"table {number + 1}"
        models.append(_Table(path.name, where, table).model())
        name = models[-1].name.lower()
        if name in seen:
            raise ModelFileError(
                f"{path.name}, {where}: model {models[-1].name!r} stands here and in {seen[name]}; keep one of them."
            )
        seen[name] = where
    return ModelFile(tuple(models))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ModelFileError(f"{path}: no such file.") from None
    except UnicodeDecodeError:
        raise ModelFileError(f"{path.name}: not UTF-8; save the file as UTF-8 and try again.") from None
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}.") from None


class _Table:
    """One table on its way from TOML to `OwnModel`, with its place for messages."""

    def __init__(self, file: str, where: str, table: dict[str, Any]) -> None:
        self.file, self.where, self.table = file, where, table

    def model(self) -> OwnModel:
        for key in self.table:
            if key not in KEYS:
                near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.0)
                raise self.error(f"{key} is no key of a model; did you mean {near[0]}?")
        if "name" not in self.table:
            raise self.error('no name; expected one, such as name = "gpt-4o-mini"')
        model = OwnModel(
            name=self.text("name", ""),
            provider=self.text("provider", "") or None,
            retires_on=self.day("retires_on"),
            tuning_ends_on=self.day("tuning_ends_on"),
            input_price=self.price("input_price"),
            output_price=self.price("output_price"),
            training_price=self.price("training_price"),
            currency=self.text("currency", "USD"),
            source=self.text("source", self.file),
        )
        if not CURRENCY.fullmatch(model.currency):
            raise self.error(f"currency is {model.currency!r}; expected three capital letters, such as EUR")
        self.check_prices(model)
        return model

    def check_prices(self, model: OwnModel) -> None:
        given = [model.input_price is not None, model.output_price is not None]
        if any(given) and not all(given):
            has, lacks = ("input_price", "output_price") if given[0] else ("output_price", "input_price")
            raise self.error(f"{has} stands without {lacks}; give both")
        if model.training_price is None or all(given):
            return
        if model.currency != "USD":
            raise self.error("training_price stands alone in another currency; give input_price and output_price too")
        if token_prices(model.full_name.lower(), date.today()) is None:
            raise self.error(
                "training_price stands alone and genai-prices does not know the others;"
                " give input_price and output_price too"
            )

    def text(self, key: str, default: str) -> str:
        value = self.table.get(key)
        if value is None:
            return default
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{key} is {value!r}; expected a text in quotes")
        return value.strip()

    def day(self, key: str) -> date | None:
        value = self.table.get(key)
        # Every datetime is a date to Python.
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return value
        raise self.error(f"{key} is {str(value)!r}; expected a date without quotes and time, such as 2027-01-14")

    def price(self, key: str) -> float | None:
        value = self.table.get(key)
        if value is None:
            return None
        # Every bool is a number to Python, and TOML has nan and inf.
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise self.error(f"{key} is {value!r}; expected a price per million tokens, such as 0.15")
        return float(value)

    def error(self, problem: str) -> ModelFileError:
        name = self.table.get("name")
        model = f", model {name!r}" if isinstance(name, str) else ""
        return ModelFileError(f"{self.file}, {self.where}{model}: {problem}{'' if problem.endswith('?') else '.'}")
