"""Rows of a Parquet file: of the columns that somebody needs, and as values that JSONL could hold too.

Structures (a record, a list of messages) are refused: Parquet writes every field in every row, so that nobody can tell
a field that is not there from one that is null. Write such values as JSON text, or the file as JSONL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from evaluation.columns import Columns
from evaluation.files import Content, DatasetError, FileRow, FileRows, cannot_open, no_rows

MOST_ROWS: Final = 5_000_000
MOST_BYTES: Final = 1 << 30
"""Of the columns that are read, unpacked. A small file may unpack to more than any memory holds."""
BATCH: Final = 1024
"""Rows that are unpacked at a time, at most: fewer of columns that are large, since every row may repeat all of one."""


def parquet_rows(path: Path, content: Content, columns: Columns | None) -> FileRows:
    """The file's rows, counted from 1.

    Of each part of an example only the column that holds it is read; without `columns` all that hold text, numbers,
    true or false, or lists of these, and others count as not there. A float that is not a number (NaN) counts as no
    value, since most writers mean that. Raises `DatasetError` for a file that is missing, damaged, without rows or too
    large, for a name that occurs twice, and for a needed column of another type.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        path.open("rb").close()
    except (OSError, ValueError) as error:
        raise cannot_open(path, error) from None
    if not path.stat().st_size:
        raise DatasetError(f"{path.name} is empty; expected {content.row}.")
    try:
        with pyarrow.parquet.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
            names = _names(path, file.schema_arrow.names)
            needed = _needed(path, file.schema_arrow, columns)
            largest = _refuse_size(path, file.metadata, needed, content)
            batch = max(1, min(BATCH, MOST_BYTES // 4 // max(1, largest)))
            rows = tuple(_rows(path, file, needed, batch)) if needed else ()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{path.name}: cannot be read as Parquet, it is damaged or written in a way not known here; write it again."
        ) from error
    return FileRows(tuple(needed) if columns is None else names, rows)


def _names(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DatasetError(f"{path.name}: the column {name!r} is there twice; rename one.")
        seen.add(name)
    return tuple(names)


def _needed(path: Path, schema: Any, columns: Columns | None) -> list[str]:
    if columns is None:
        return [field.name for field in schema if _is_plain(field.type)]
    by_lower = {name.lower(): name for name in reversed(schema.names)}
    needed: dict[str, None] = {}
    for role in columns.roles:
        guess = next((guess for guess in role if guess.lower() in by_lower), None)
        if guess is not None:
            # A column that was named is meant to the letter by one reader, and but for case by the other.
            needed |= dict.fromkeys(name for name in (guess, by_lower[guess.lower()]) if name in schema.names)
    for name in needed:
        if not _is_plain(kind := schema.field(name).type):
            raise DatasetError(
                f"{path.name}, column {name!r}: {str(kind)[:60]}; expected text, numbers, true or false, or a list of "
                "these; write it as text (a record as JSON), or the file as JSONL."
            )
    return list(needed)


def _is_plain(kind: Any) -> bool:
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        kind = kind.value_type
    if types.is_dictionary(kind):
        kind = kind.value_type
    tests = (
        types.is_string, types.is_large_string, types.is_string_view, types.is_integer, types.is_floating,
        types.is_boolean, types.is_null,
    )  # fmt: skip
    return any(test(kind) for test in tests)


def _refuse_size(path: Path, metadata: Any, needed: Sequence[str], content: Content) -> int:
    """By what the file says of itself, before anything is unpacked. Gives the bytes of a column's largest piece."""
    if not metadata.num_rows:
        raise no_rows(path, content)
    if metadata.num_rows > MOST_ROWS:
        raise DatasetError(
            f"{path.name}: {metadata.num_rows:,} rows; expected at most {MOST_ROWS:,}; take a part of them at random."
        )
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    chunks = (group.column(number) for group in groups for number in range(group.num_columns))
    roots = tuple(f"{name}." for name in needed)
    sizes = [chunk.total_uncompressed_size for chunk in chunks if f"{chunk.path_in_schema}.".startswith(roots)]
    if sum(sizes) > MOST_BYTES:
        raise _too_large(path)
    return max(sizes, default=0)


def _too_large(path: Path) -> DatasetError:
    return DatasetError(
        f"{path.name}: more than {MOST_BYTES >> 30} GB of text; expected less; take a part of the rows at random."
    )


def _rows(path: Path, file: Any, needed: list[str], at_once: int) -> Iterator[FileRow]:
    number = size = 0
    for batch in file.iter_batches(at_once, columns=needed, use_threads=False):
        if size + batch.nbytes > MOST_BYTES:
            raise _too_large(path)
        cells = [_values(batch.column(name)) for name in needed]
        for values in zip(*cells, strict=True):
            number += 1
            # A text that is packed once and repeated counts as often as it stands there.
            size += sum(len(value) for value in values if isinstance(value, str))
            yield FileRow(number, dict(zip(needed, values, strict=True)))
        if size > MOST_BYTES:
            raise _too_large(path)


def _values(column: Any) -> list[Any]:
    return [None if isinstance(value, float) and value != value else value for value in column.to_pylist()]
