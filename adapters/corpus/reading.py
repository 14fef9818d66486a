"""Reads a corpus: one file, or every file in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from adapters.corpus.document import CorpusError, Document
from adapters.corpus.html import read_html
from adapters.corpus.jsonl import read_jsonl
from adapters.corpus.pdf import read_pdf
from adapters.corpus.plain import read_markdown, read_text_file

Note = Callable[[str], None]
"""Told in one line what was left out, and why."""


def untold(line: str) -> None:
    """For callers who do not ask what was left out."""


READERS: Final[dict[str, Callable[[Path, str], Iterator[Document]]]] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".txt": read_text_file,
    ".html": read_html,
    ".htm": read_html,
}
TYPES: Final = (*READERS, ".pdf")


def read_corpus(path: Path, note: Note = untold) -> Iterator[Document]:
    """Every document, file by file in the order of their names, one in memory at a time.

    In a folder a document is called by its path within it (`guides/refunds.md`), a page of a PDF `file.pdf#page=3`, a
    row of JSONL by its own id. Files that begin with a point and files of other types are passed over; `note` is told
    of the latter. Raises `CorpusError` where nothing is found, an id comes twice, or a file cannot be read.
    """
    seen: dict[str, str] = {}
    for file, name in corpus_files(path, note):
        for document in _read(file, name, note):
            if document.id in seen:
                raise CorpusError(
                    f"The document id {document.id!r} is there twice: {seen[document.id]} and {document.place}; "
                    "give every document an id of its own."
                )
            seen[document.id] = document.place
            yield document
    if not seen:
        raise CorpusError(f"{path} holds no text; expected documents ({_types()}).")


def corpus_files(path: Path, note: Note = untold) -> list[tuple[Path, str]]:
    """(file, name) of all that `read_corpus` reads. Raises `CorpusError` where there is nothing."""
    if path.is_file():
        if path.suffix.lower() not in TYPES:
            raise CorpusError(f"{path.name}: unknown file type {path.suffix!r}; expected {_types()}.")
        return [(path, path.name)]
    if not path.is_dir():
        raise CorpusError(f"{path}: no such file or folder.")
    inside = [(file, file.relative_to(path)) for file in path.rglob("*") if file.is_file()]
    visible = sorted(
        (file, name.as_posix()) for file, name in inside if not any(part.startswith(".") for part in name.parts)
    )
    known = [(file, name) for file, name in visible if file.suffix.lower() in TYPES]
    passed = [name for file, name in visible if file.suffix.lower() not in TYPES]
    if not known:
        raise CorpusError(f"{path} has no documents; expected files of these types: {_types()}.")
    if passed:
        more = f" and {len(passed) - 3} more" if len(passed) > 3 else ""
        note(f"Passed over, of another type: {', '.join(passed[:3])}{more}.")
    return known


def corpus_sha256(path: Path) -> str:
    """Of names and bytes of all files that are read; where the folder lies does not count."""
    digest = hashlib.sha256()
    for file, name in corpus_files(path):
        try:
            with file.open("rb") as opened:
                digest.update(f"{hashlib.file_digest(opened, 'sha256').hexdigest()} {name}\n".encode())
        except OSError as error:
            raise CorpusError(f"{name} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


def _read(file: Path, name: str, note: Note) -> Iterator[Document]:
    try:
        if file.suffix.lower() == ".pdf":
            yield from read_pdf(file, name, note)
        else:
            yield from READERS[file.suffix.lower()](file, name)
    except OSError as error:
        raise CorpusError(f"{name} cannot be read: {error.strerror or error}.") from error


def _types() -> str:
    return ", ".join(TYPES)
