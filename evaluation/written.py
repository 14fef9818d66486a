"""Examples whose answers are written, not chosen: records, short answers, texts, or several labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from evaluation.columns import EVIDENCE, REFERENCES
from evaluation.dataset import Dataset, Example
from evaluation.files import unit_of
from evaluation.metrics.marking import Asked, check_row
from evaluation.readers import (
    GROUP_NAMES,
    ID_NAMES,
    INPUT_NAMES,
    Columns,
    DatasetError,
    refuse_repeated_ids,
)
from evaluation.rows import CellError, Row, Table, listed, read_table

EXPECTED: Final = "one example a row"
ROW: Final = '{"input": "...", "output": "..."}'


def read_written(path: Path, asked: Asked, columns: Columns) -> Dataset:
    """Read one file of examples; a JSONL file may hold chats instead (`chat.py`).

    `references` (a list, or one text) are further answers that count as right; `evidence` (a list, or one id) names the
    documents of the corpus that the answer stands in. A record may be a JSON object or its text. Rows without an id are
    numbered by their line (Parquet: by their row). Raises `DatasetError` for a file that cannot be used: it names
    the first bad row.
    """
    table = read_table(path, EXPECTED, ROW, columns)
    input_column = _column(table, "input", columns.input, INPUT_NAMES)
    output_column = _column(table, "output", columns.output, columns.outputs)
    id_column = next((name for name in ID_NAMES if name in table.columns), None)
    group_column = next((name for name in GROUP_NAMES if name in table.columns), None)

    def example(row: Row) -> Example:
        output = _answer(row, output_column)
        if output is None:
            raise CellError(f"column {output_column!r}: no value; expected the answer.")
        read = Example(
            id=(row.text(id_column) if id_column else None) or f"{unit_of(table.name)}-{row.line}",
            input=row.needed(input_column),
            output=output,
            line=row.line,
            source=table.name,
            group=row.text(group_column) if group_column else None,
            references=_answers(row, REFERENCES),
            evidence=tuple(_listed_texts(row, EVIDENCE)),
        )
        problem = check_row(asked, read.accepted)
        if problem is not None:
            raise CellError(f"column {output_column!r}: {problem}")
        return read

    examples = table.parse(example)
    refuse_repeated_ids(examples)
    return Dataset(path.stem, tuple(examples))


def _column(table: Table, role: str, chosen: str | None, guesses: tuple[str, ...]) -> str:
    if chosen is not None and chosen.lower() in table.columns:
        return chosen.lower()
    if chosen is not None:
        raise DatasetError(f"{table.name}: no column {chosen!r} for the {role}; the file has {listed(table.columns)}.")
    found = next((name for name in guesses if name in table.columns), None)
    if found is None:
        raise DatasetError(
            f"{table.name}: no column for the {role} among {listed(table.columns)}; "
            f"name it with --{role}-column, or call it {guesses[0]!r}."
        )
    return found


def _answer(row: Row, column: str) -> str | None:
    """As text; objects and lists become JSON with sorted fields."""
    value: Any = row.cells.get(column)
    if isinstance(value, (dict, list)):
        return Row(row.line, {column: json.dumps(value, sort_keys=True, ensure_ascii=False)}).text(column)
    return row.text(column)


def _answers(row: Row, column: str) -> tuple[str, ...]:
    value = row.cells.get(column)
    parts = value if isinstance(value, list) else [value]
    answers = (_answer(Row(row.line, {column: part}), column) for part in parts)
    return tuple(answer for answer in answers if answer is not None)


def _listed_texts(row: Row, column: str) -> list[str]:
    value = row.cells.get(column)
    parts = value if isinstance(value, list) else [value]
    texts = (Row(row.line, {column: part}).text(column) for part in parts)
    return [text for text in texts if text is not None]
