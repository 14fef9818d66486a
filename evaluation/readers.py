"""Reads labelled examples from JSONL, CSV, TSV and Parquet files.

A file is read whole or not at all: one bad row refuses it, and the message names file, line, column and what was
expected there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from evaluation.columns import GROUP_NAMES, GUESSED, ID_NAMES, INPUT_NAMES, OUTPUT_NAMES, Columns
from evaluation.dataset import Dataset, Example
from evaluation.files import DatasetError, FileRow, FileRows, half_pair, too_long, unit_of
from evaluation.rows import listed, read_rows

__all__ = ["GROUP_NAMES", "ID_NAMES", "INPUT_NAMES", "OUTPUT_NAMES", "Columns", "DatasetError", "read_dataset"]


def read_dataset(path: Path, columns: Columns = GUESSED) -> Dataset:
    """Read one file of labelled examples; a JSONL file may hold chats instead (`chat.py`).

    Raises `DatasetError` for a missing, empty, undecodable or malformed file, unknown columns, rows without input
    or output, over-long texts and duplicate ids. Rows without an id are numbered by their line
    (Parquet: by their row).
    """
    file = read_rows(path, columns=columns)
    names = _guess_columns(path, file, columns)
    examples = _examples(path, file.rows, names)
    refuse_repeated_ids(examples)
    return Dataset(name=path.stem, examples=tuple(examples))


@dataclass(frozen=True)
class _Names:
    input: str
    output: str
    id: str | None
    group: str | None


def _guess_columns(path: Path, file: FileRows, columns: Columns) -> _Names:
    present = file.columns
    by_lower = {name.lower(): name for name in reversed(present)}
    there = listed(present, nothing="no columns")

    def find(role: str, chosen: str | None, guesses: Sequence[str]) -> str:
        if chosen is not None:
            if chosen not in present:
                raise DatasetError(f"{path.name}: no column {chosen!r} for the {role}; the file has {there}.")
            return chosen
        for guess in guesses:
            if guess in by_lower:
                return by_lower[guess]
        raise DatasetError(
            f"{path.name}: no column for the {role} among {there}; "
            f"name it with --{role}-column, or call it {guesses[0]!r}."
        )

    def optional(guesses: Sequence[str]) -> str | None:
        return next((by_lower[guess] for guess in guesses if guess in by_lower), None)

    names = _Names(
        input=find("input", columns.input, INPUT_NAMES),
        output=find("output", columns.output, columns.outputs),
        id=optional(ID_NAMES),
        group=optional(GROUP_NAMES),
    )
    if names.input == names.output:
        raise DatasetError(f"{path.name}: input and output cannot both be the column {names.input!r}.")
    return names


def _examples(path: Path, rows: Sequence[FileRow], names: _Names) -> list[Example]:
    examples, problems = [], []
    unit = unit_of(path.name)
    for row in rows:
        problem = _problem_in(row, names)
        if problem is None:
            examples.append(_example(path, row, names))
        else:
            problems.append(f"{path.name}, {unit} {row.line}, {problem}")
    if problems:
        more = f" ({len(problems)} bad rows in all)" if len(problems) > 1 else ""
        raise DatasetError(problems[0] + more)
    return examples


def _problem_in(row: FileRow, names: _Names) -> str | None:
    for role, column in (("input", names.input), ("output", names.output)):
        where = f"column {column!r}"
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
        if problem := too_long(column, str(value)):
            return problem
    for name in (names.input, names.output, names.id, names.group):
        if name is not None and (problem := half_pair(name, str(row.values.get(name)))):
            return problem
    return None


def _is_endless(value: float) -> bool:
    return isinstance(value, float) and not isfinite(value)


def _example(path: Path, row: FileRow, names: _Names) -> Example:
    def text(column: str | None) -> str | None:
        value = row.values.get(column) if column else None
        return None if value is None or str(value).strip() == "" else str(value).strip()

    return Example(
        id=text(names.id) or f"{unit_of(path.name)}-{row.line}",
        input=str(row.values[names.input]),
        output=str(row.values[names.output]).strip(),
        line=row.line,
        source=path.name,
        group=text(names.group),
    )


def refuse_repeated_ids(examples: Sequence[Example]) -> None:
    """`DatasetError` names the first row whose id another row of the file has already."""
    seen: dict[str, int] = {}
    for example in examples:
        first = seen.setdefault(example.id, example.line)
        if first != example.line:
            unit = unit_of(example.source)
            raise DatasetError(
                f"{example.source}, {unit} {example.line}: id {example.id!r} is also on {unit} {first}; "
                "expected every id once."
            )
