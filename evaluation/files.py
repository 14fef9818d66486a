"""JSONL, CSV and TSV files: their text, and their rows with the line that each begins on.

Parquet files, which are no text, are read in `parquet.py`.

A file is read whole or not at all. Every message names file and place, what was expected there and what to do.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HALF_PAIR = re.compile("[\ud800-\udfff]")
PARQUET: Final = ".parquet"
DELIMITED: Final = (".csv", ".tsv")
LONGEST_TEXT = 100_000
"""Characters. A longer cell is nearly always a quoting fault or a pasted file, not an example."""


class DatasetError(ValueError):
    """The file cannot be used as it is; the message is one line that says what, where, and what to do."""


@dataclass(frozen=True)
class Content:
    """What a file should hold, in words and as one line of JSON: messages say it."""

    row: str
    example: str


EXAMPLES = Content("one labelled example a row", '{"input": "...", "output": "..."}')


@dataclass(frozen=True)
class FileRow:
    """The values of one row by column, as they stand in the file; all of them texts in CSV and TSV."""

    line: int
    """In a Parquet file the row, counted from 1."""
    values: dict[str, Any]


@dataclass(frozen=True)
class FileRows:
    """A file's rows in order, and all names of columns that occur."""

    columns: tuple[str, ...]
    rows: tuple[FileRow, ...]


Parser = Callable[[Path, str, Content], Iterator[FileRow]]


def text_of(path: Path, content: Content = EXAMPLES) -> str:
    """The file's text without a byte-order mark; line ends stay as they are.

    Raises `DatasetError` for a missing, unreadable, empty or undecodable file.
    """
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        raise cannot_open(path, error) from error
    if not raw.strip():
        raise _empty(path, content)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DatasetError(
            f"{path.name}, line {line}: not UTF-8 (byte {error.start}); save the file as UTF-8 and try again."
        ) from error
    if not text.strip():
        raise _empty(path, content)
    return text


def cannot_open(path: Path, error: OSError | ValueError) -> DatasetError:
    """Why a file could not be opened, in words."""
    if isinstance(error, FileNotFoundError):
        return DatasetError(f"{path}: no such file.")
    if isinstance(error, IsADirectoryError):
        return DatasetError(f"{path} is a folder; name one JSONL, CSV, TSV or Parquet file in it.")
    return DatasetError(f"{path} cannot be read: {getattr(error, 'strerror', error)}.")


def no_rows(path: Path, content: Content) -> DatasetError:
    """A file that is not empty and yet holds nothing."""
    return DatasetError(f"{path.name} has no rows; expected {content.row}.")


def is_parquet(name: str) -> bool:
    """By how the file's name ends."""
    return name.lower().endswith(PARQUET)


def unit_of(name: str) -> str:
    """What the rows of such a file are counted in, for messages: a Parquet file has no lines."""
    return "row" if is_parquet(name) else "line"


def parser_for(path: Path) -> Parser:
    """What reads the rows of such a file, if it is a text file, from its path, its text and what it should hold.

    Raises `DatasetError` for a name that ends otherwise; the parser raises it for the first malformed row.
    """
    parsers = {".jsonl": _jsonl_rows, ".ndjson": _jsonl_rows, ".csv": _csv_rows, ".tsv": _csv_rows}
    parser = parsers.get(path.suffix.lower())
    if parser is None:
        known = ", ".join((*parsers, PARQUET))
        raise DatasetError(f"{path.name}: unknown file type {path.suffix!r}; expected one of {known}.")
    return parser


def delimiter_of(path: Path, text: str) -> str:
    """A tab in TSV; in CSV the most frequent of comma, semicolon and tab in the header."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    header = text.splitlines()[0]
    return max(",;\t", key=header.count)


def allow_long_cells(text: str) -> None:
    """Lets the csv module read a cell as long as the file: our own limit then says in words what is too long."""
    csv.field_size_limit(max(len(text), 131_072))


def too_long(column: str, text: str) -> str | None:
    """Why the text is refused; None where it is not."""
    if len(text) <= LONGEST_TEXT:
        return None
    return (
        f"column {column!r}: {len(text):,} characters; expected at most {LONGEST_TEXT:,}; is a quotation mark missing?"
    )


def half_pair(column: str, text: str) -> str | None:
    """Why the text is refused: JSON can write half of a character, which no file can hold, and the character NUL, which
    PostgreSQL does not store. None where it has neither."""
    if "\0" in text:
        return f"column {column!r}: the character NUL; expected text."
    if not HALF_PAIR.search(text):
        return None
    return f"column {column!r}: half of a surrogate pair; expected valid Unicode text."


def _empty(path: Path, content: Content) -> DatasetError:
    return DatasetError(f"{path.name} is empty; expected {content.row}.")


def _jsonl_rows(path: Path, text: str, content: Content) -> Iterator[FileRow]:
    # Not splitlines(): it would also cut at U+2028 and form feeds, which JSON allows inside a string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:  # ValueError: a number of more digits than Python reads
            column = getattr(error, "colno", 1)
            raise DatasetError(
                f"{path.name}, line {number}, position {column}: not JSON; expected one object a line, "
                f"such as {content.example}."
            ) from error
        if not isinstance(values, dict):
            raise DatasetError(f"{path.name}, line {number}: expected an object, found {type(values).__name__}.")
        yield FileRow(number, values)


def _csv_rows(path: Path, text: str, _: Content) -> Iterator[FileRow]:
    allow_long_cells(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(path, text), strict=True)
    line = 1
    try:
        header = [name.strip() for name in next(reader)]
        _refuse_bad_header(path, header)
        line = reader.line_num + 1
        for cells in reader:
            if cells and any(cell.strip() for cell in cells):
                if len(cells) != len(header):
                    raise DatasetError(
                        f"{path.name}, line {line}: {len(cells)} cells, expected {len(header)} as in the header; "
                        "put quotes around a text that contains the separator."
                    )
                yield FileRow(line, dict(zip(header, cells, strict=True)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DatasetError(f"{path.name}, line {line}: {error}; is a quotation mark missing?") from error


def _refuse_bad_header(path: Path, header: list[str]) -> None:
    if not header:
        raise DatasetError(f"{path.name}, line 1: blank; expected the names of the columns.")
    for position, name in enumerate(header, start=1):
        if not name:
            raise DatasetError(f"{path.name}, line 1, column {position}: no column name; expected one in the header.")
        if name in header[: position - 1]:
            raise DatasetError(f"{path.name}, line 1, column {position}: the name {name!r} occurs twice.")
