"""Reads a corpus that has one document a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from adapters.corpus.document import CorpusError, Document, part_title

ID_NAMES: Final = ("id", "_id", "doc_id", "key")
TEXT_NAMES: Final = ("text", "body", "content", "contents", "document", "passage")
EXPECTED: Final = 'expected one document a line, such as {"id": "...", "text": "..."}'


def read_jsonl(path: Path, name: str) -> Iterator[Document]:
    """Documents line by line, so that a large file is never whole in memory.

    `text` is needed (also called body, content, contents, document or passage); `id` and `title` are not: a document
    without id is called `name:line`, one without title is given its short first line. Raises `CorpusError` with the
    line for what is not UTF-8, not JSON, not an object or has no text.
    """
    with path.open("rb") as file:
        for line, raw in enumerate(file, start=1):
            if raw.strip():
                yield _document(_object(raw, f"{name}, line {line}"), f"{name}, line {line}", f"{name}:{line}")


def _object(raw: bytes, place: str) -> Mapping[str, Any]:
    try:
        values = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CorpusError(f"{place}: not UTF-8; save the file as UTF-8 and try again.") from None
    except (ValueError, RecursionError):
        raise CorpusError(f"{place}: not JSON; {EXPECTED}.") from None
    if not isinstance(values, dict):
        raise CorpusError(f"{place}: {type(values).__name__}; {EXPECTED}.")
    return {str(key).lower(): value for key, value in values.items()}


def _document(values: Mapping[str, Any], place: str, default_id: str) -> Document:
    column = next((column for column in TEXT_NAMES if column in values), None)
    if column is None:
        raise CorpusError(f"{place}: no text; {EXPECTED}.")
    text, title = _text(values, column, place), _text(values, "title", place)
    if not text:
        raise CorpusError(f"{place}, column {column!r}: no value; expected the document's text.")
    named = next((_text(values, column, place) for column in ID_NAMES if values.get(column) is not None), "")
    if not title:
        title, text = part_title(text)
    return Document(named or default_id, title, text, default_id)


def _text(values: Mapping[str, Any], column: str, place: str) -> str:
    value = values.get(column)
    if value is None:
        return ""
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise CorpusError(f"{place}, column {column!r}: {type(value).__name__}; expected text.")
    try:
        str(value).encode()
    except UnicodeEncodeError:
        raise CorpusError(
            f"{place}, column {column!r}: half of a surrogate pair; expected valid Unicode text."
        ) from None
    return str(value).strip()
