"""Rows of a JSONL, CSV, TSV or Parquet file, each with its line, and what their cells may hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Any, TypeVar

from evaluation.chat import from_chats
from evaluation.columns import Columns
from evaluation.files import (
    DELIMITED,
    EXAMPLES,
    Content,
    DatasetError,
    FileRows,
    half_pair,
    is_parquet,
    no_rows,
    parser_for,
    text_of,
    too_long,
    unit_of,
)
from evaluation.parquet import parquet_rows

Parsed = TypeVar("Parsed")
TRUTHS = {"1": 1.0, "1.0": 1.0, "true": 1.0, "yes": 1.0, "0": 0.0, "0.0": 0.0, "false": 0.0, "no": 0.0}


class CellError(ValueError):
    """A cell that cannot be used; the message says column, what was found and what was expected."""


@dataclass(frozen=True)
class Row:
    """One row. Every reading raises `CellError`; an absent column, null and a blank cell all read as None."""

    line: int
    cells: Mapping[str, Any]

    def text(self, column: str) -> str | None:
        """Text without the blanks around it; numbers and true/false count as text, lists and objects do not."""
        value = self.cells.get(column)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if not isinstance(value, (str, int, float)):
            raise CellError(f"column {column!r}: {type(value).__name__}; expected text.")
        text = str(value).strip()
        if problem := too_long(column, text) or half_pair(column, text):
            raise CellError(problem)
        return text

    def needed(self, column: str) -> str:
        """Text that must be there."""
        text = self.text(column)
        if text is None:
            raise CellError(f"column {column!r}: no value; expected text.")
        return text

    def number(self, column: str, most: float = inf) -> float | None:
        """A number from 0 to `most`."""
        text = self.text(column)
        if text is None:
            return None
        wanted = f"a number from 0 to {most:g}" if isfinite(most) else "a number, 0 or more"
        try:
            value = float(text)
        except ValueError:
            raise CellError(f"column {column!r}: {text[:40]!r}; expected {wanted}.") from None
        if not (isfinite(value) and 0 <= value <= most):
            raise CellError(f"column {column!r}: {text[:40]}; expected {wanted}.")
        return value

    def count(self, column: str) -> int | None:
        """A whole number, 0 or more."""
        value = self.number(column)
        if value is not None and value != int(value):
            raise CellError(f"column {column!r}: {value:g}; expected a whole number.")
        return None if value is None else int(value)

    def truth(self, column: str) -> float | None:
        """1.0 for right, 0.0 for wrong."""
        text = self.text(column)
        if text is None:
            return None
        if text.lower() not in TRUTHS:
            raise CellError(f"column {column!r}: {text[:40]!r}; expected 0 or 1 (a grade in between is a 'score').")
        return TRUTHS[text.lower()]


@dataclass(frozen=True)
class Table:
    """A file's rows, in order; `columns` are the names that occur, `sha256` is the hash of the file's bytes."""

    name: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    sha256: str

    def at(self, line: int) -> str:
        """Where a row is, for messages: `line 17`, or `row 17` of a Parquet file."""
        return f"{unit_of(self.name)} {line}"

    def parse(self, reading: Callable[[Row], Parsed]) -> list[Parsed]:
        """Every row as `reading` gives it; `DatasetError` names the first bad row and counts them all."""
        parsed, problems = [], []
        for row in self.rows:
            try:
                parsed.append(reading(row))
            except CellError as error:
                problems.append(f"{self.name}, {self.at(row.line)}, {error}")
        if problems:
            more = f" ({len(problems)} bad rows in all)" if len(problems) > 1 else ""
            raise DatasetError(problems[0] + more)
        return parsed


def read_rows(path: Path, content: Content = EXAMPLES, columns: Columns | None = None) -> FileRows:
    """Every row of one file, read whole.

    `columns` are given where the rows are examples: chats are then taken apart (`chat.py`), and of a Parquet file only
    what an example needs is read (`parquet.py`). Raises `DatasetError` for a missing, empty, undecodable or malformed
    file.
    """
    if is_parquet(path.name):
        return parquet_rows(path, content, columns)
    text = text_of(path, content)
    rows = tuple(parser_for(path)(path, text, content))
    if not rows:
        raise no_rows(path, content)
    file = FileRows(tuple(dict.fromkeys(name for row in rows for name in row.values)), rows)
    return file if columns is None or path.suffix.lower() in DELIMITED else from_chats(path.name, file, columns)


def read_table(
    path: Path, what: str = EXAMPLES.row, example: str = EXAMPLES.example, columns: Columns | None = None
) -> Table:
    """Read one file whole; column names lose case. `what` and `example` say in messages what a row should be.

    `columns` as in `read_rows`, whose errors it raises.
    """
    file = read_rows(path, Content(what, example), columns)
    rows = tuple(Row(row.line, _lower(path, row.line, row.values)) for row in file.rows)
    names = tuple(dict.fromkeys(name.lower() for name in file.columns))
    with path.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    return Table(path.name, rows, names, sha256)


def listed(names: Sequence[str], most: int = 8, nothing: str = "none") -> str:
    """'a', 'b' and 3 more."""
    shown = ", ".join(repr(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or nothing


def _lower(path: Path, line: int, values: Mapping[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, value in values.items():
        if name.lower() in cells:
            where = f"{path.name}, {unit_of(path.name)} {line}"
            raise DatasetError(f"{where}: the column {name!r} is there twice but for case.")
        cells[name.lower()] = value
    return cells
