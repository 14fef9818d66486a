"""Reads labelled examples from JSONL, CSV and TSV files.

A file is read whole or not at all: one bad row refuses it, and the message names file, line, column and what was
expected there.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from evaluation.dataset import Dataset, Example

INPUT_NAMES = (
    "input",
    "text",
    "message",
    "body",
    "question",
    "utterance",
    "sentence",
    "prompt",
    "ticket",
    "query",
)
OUTPUT_NAMES = ("output", "label", "category", "intent", "class", "target", "answer", "completion", "topic")
ID_NAMES = ("id", "key", "uid")
GROUP_NAMES = ("group", "customer", "thread")
HALF_PAIR = re.compile("[\ud800-\udfff]")
LONGEST_TEXT = 100_000
"""Characters. A longer cell is nearly always a quoting fault or a pasted file, not an example."""


class DatasetError(ValueError):
    """The file cannot be used as it is; the message is one line that says what, where, and what to do."""


@dataclass(frozen=True)
class Columns:
    """Which column holds what; None means: guess from the names above."""

    input: str | None = None
    output: str | None = None


@dataclass(frozen=True)
class _Row:
    line: int
    values: dict[str, Any]


def read_dataset(path: Path, columns: Columns = Columns()) -> Dataset:
    """Read one file of labelled examples.

    Raises `DatasetError` for a missing, empty, undecodable or malformed file, unknown columns, rows without input
    or output, over-long texts and duplicate ids. Rows without an id are numbered by their line.
    """
    text = _text_of(path)
    rows = list(_parser_for(path)(path, text))
    if not rows:
        raise DatasetError(f"{path.name} has no rows; expected one labelled example a row.")
    names = _guess_columns(path, rows, columns)
    examples = _examples(path, rows, names)
    _refuse_duplicate_ids(path, examples)
    return Dataset(name=path.stem, examples=tuple(examples))


def _text_of(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file.") from None
    except IsADirectoryError:
        raise DatasetError(f"{path} is a folder; name one JSONL, CSV or TSV file in it.") from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read: {getattr(error, 'strerror', error)}.") from error
    if not raw.strip():
        raise _empty(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DatasetError(
            f"{path.name}, line {line}: not UTF-8 (byte {error.start}); save the file as UTF-8 and try again."
        ) from error
    if not text.strip():
        raise _empty(path)
    return text


def _empty(path: Path) -> DatasetError:
    return DatasetError(f"{path.name} is empty; expected one labelled example a row.")


def _parser_for(path: Path) -> Callable[[Path, str], Iterator[_Row]]:
    parsers = {".jsonl": _jsonl_rows, ".ndjson": _jsonl_rows, ".csv": _csv_rows, ".tsv": _csv_rows}
    parser = parsers.get(path.suffix.lower())
    if parser is None:
        known = ", ".join(parsers)
        raise DatasetError(f"{path.name}: unknown file type {path.suffix!r}; expected one of {known}.")
    return parser


def _jsonl_rows(path: Path, text: str) -> Iterator[_Row]:
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
                'such as {"input": "...", "output": "..."}.'
            ) from error
        if not isinstance(values, dict):
            raise DatasetError(f"{path.name}, line {number}: expected an object, found {type(values).__name__}.")
        yield _Row(number, values)


def _csv_rows(path: Path, text: str) -> Iterator[_Row]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter_of(text)
    # One cell may hold as much as the file does; our own limit then says so in words.
    csv.field_size_limit(max(len(text), 131_072))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
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
                yield _Row(line, dict(zip(header, cells, strict=True)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DatasetError(f"{path.name}, line {line}: {error}; is a quotation mark missing?") from error


def _delimiter_of(text: str) -> str:
    header = text.splitlines()[0]
    return max(",;\t", key=header.count)


def _refuse_bad_header(path: Path, header: list[str]) -> None:
    if not header:
        raise DatasetError(f"{path.name}, line 1: blank; expected the names of the columns.")
    for position, name in enumerate(header, start=1):
        if not name:
            raise DatasetError(f"{path.name}, line 1, column {position}: no column name; expected one in the header.")
        if name in header[: position - 1]:
            raise DatasetError(f"{path.name}, line 1, column {position}: the name {name!r} occurs twice.")


@dataclass(frozen=True)
class _Names:
    input: str
    output: str
    id: str | None
    group: str | None


def _guess_columns(path: Path, rows: Sequence[_Row], columns: Columns) -> _Names:
    present = list(dict.fromkeys(name for row in rows for name in row.values))
    by_lower = {name.lower(): name for name in reversed(present)}

    def find(role: str, chosen: str | None, guesses: Sequence[str]) -> str:
        if chosen is not None:
            if chosen not in present:
                raise DatasetError(
                    f"{path.name}: no column {chosen!r} for the {role}; the file has {_listed(present)}."
                )
            return chosen
        for guess in guesses:
            if guess in by_lower:
                return by_lower[guess]
        raise DatasetError(
            f"{path.name}: no column for the {role} among {_listed(present)}; "
            f"name it with --{role}-column, or call it {guesses[0]!r}."
        )

    def optional(guesses: Sequence[str]) -> str | None:
        return next((by_lower[guess] for guess in guesses if guess in by_lower), None)

    names = _Names(
        input=find("input", columns.input, INPUT_NAMES),
        output=find("output", columns.output, OUTPUT_NAMES),
        id=optional(ID_NAMES),
        group=optional(GROUP_NAMES),
    )
    if names.input == names.output:
        raise DatasetError(f"{path.name}: input and output cannot both be the column {names.input!r}.")
    return names


def _examples(path: Path, rows: Sequence[_Row], names: _Names) -> list[Example]:
    examples, problems = [], []
    for row in rows:
        problem = _problem_in(row, names)
        if problem is None:
            examples.append(_example(path, row, names))
        else:
            problems.append(problem)
    if problems:
        more = f" ({len(problems)} bad rows in all)" if len(problems) > 1 else ""
        raise DatasetError(f"{path.name}, {problems[0]}{more}")
    return examples


def _problem_in(row: _Row, names: _Names) -> str | None:
    for role, column in (("input", names.input), ("output", names.output)):
        where = f"line {row.line}, column {column!r}"
        value = row.values.get(column)
        if value is None:
            return f"{where}: no value; expected the {role} as text."
        # A number or true/false is a fair label, but never a fair text.
        fair = isinstance(value, str) or (
            role == "output" and isinstance(value, (int, float)) and not _is_endless(value)
        )
        if not fair:
            return f"{where}: {type(value).__name__}; expected the {role} as text."
        if role == "output" and not str(value).strip():
            return f"{where}: empty; expected a label; fill it in or delete the row."
        if len(str(value)) > LONGEST_TEXT:
            return (
                f"{where}: {len(str(value)):,} characters; expected at most {LONGEST_TEXT:,}; "
                "is a quotation mark missing?"
            )
    for name in (names.input, names.output, names.id, names.group):
        if name is not None and HALF_PAIR.search(str(row.values.get(name))):
            return f"line {row.line}, column {name!r}: half of a surrogate pair; expected valid Unicode text."
    return None


def _is_endless(value: float) -> bool:
    return isinstance(value, float) and not isfinite(value)


def _example(path: Path, row: _Row, names: _Names) -> Example:
    def text(column: str | None) -> str | None:
        value = row.values.get(column) if column else None
        return None if value is None or str(value).strip() == "" else str(value).strip()

    return Example(
        id=text(names.id) or f"line-{row.line}",
        input=str(row.values[names.input]),
        output=str(row.values[names.output]).strip(),
        line=row.line,
        source=path.name,
        group=text(names.group),
    )


def _refuse_duplicate_ids(path: Path, examples: Sequence[Example]) -> None:
    seen: dict[str, int] = {}
    for example in examples:
        first = seen.setdefault(example.id, example.line)
        if first != example.line:
            raise DatasetError(
                f"{path.name}, line {example.line}: id {example.id!r} is also on line {first}; expected every id once."
            )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown or "no columns"
