"""Reads PDF, page by page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.corpus.document import CorpusError, Document


def read_pdf(path: Path, name: str, note: Callable[[str], None]) -> Iterator[Document]:
    """A document for each page with text, called `file.pdf#page=3` as in links to pages (RFC 8118).

    A sentence that goes over a page's end is parted there. Pages without text are left out, and `note` is told how
    many. Raises `CorpusError` for a file that is no PDF, asks for a password, or has no text at all.
    """
    with _silent():
        title, pages = _read(path, name)
    empty = sum(not text for text in pages)
    if empty == len(pages):
        raise CorpusError(
            f"{name} has no text in its {_pages(len(pages))}: it is probably a scan. Run OCR on it first (ocrmypdf, "
            "say), or leave it out."
        )
    if empty:
        note(f"{name}: {empty} of {_pages(len(pages))} hold no text (scans?) and are left out.")
    for number, text in enumerate(pages, start=1):
        if text:
            yield Document(f"{name}#page={number}", title or path.stem, text, f"{name}, page {number}")


def _read(path: Path, name: str) -> tuple[str, list[str]]:
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

    try:
        with PdfReader(path) as reader:
            if reader.is_encrypted and not reader.decrypt(""):
                raise FileNotDecryptedError
            pages = [page.extract_text().strip() for page in reader.pages]
            title = reader.metadata.title if reader.metadata is not None else None
    except (FileNotDecryptedError, DependencyError):
        raise CorpusError(f"{name} is protected by a password; save it without one, or leave it out.") from None
    # A damaged file can break any part of a parser: what it raises then is not only its own errors.
    except (PyPdfError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise CorpusError(
            f"{name} cannot be read as PDF ({type(error).__name__}); open it and save it anew, or leave it out."
        ) from None
    return (title.strip() if isinstance(title, str) else ""), [_whole(text) for text in pages]


def _whole(text: str) -> str:
    """Without halves of characters, which fonts with faulty tables give and no file can hold."""
    return text.encode("utf-8", "replace").decode()


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count:,} pages"


@contextmanager
def _silent() -> Iterator[None]:
    """pypdf logs every oddity that it can read around, with words of the file."""
    logger = logging.getLogger("pypdf")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
