"""Reads text and Markdown files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adapters.corpus.document import CorpusError, Document, part_title


def read_text_file(path: Path, name: str) -> Iterator[Document]:
    """One document; a short first line is its title, else the file's name."""
    title, text = part_title(_decoded(path, name))
    if text:
        yield Document(name, title or path.stem, text, name)


def read_markdown(path: Path, name: str) -> Iterator[Document]:
    """One document, parted by its headings. Of a YAML header only the title is kept."""
    header, text = _without_header(_decoded(path, name))
    if text.strip():
        yield Document(name, header or _first_heading(text) or path.stem, text, name, has_headings=True)


def _decoded(path: Path, name: str) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"{name}, line {line}: not UTF-8 (byte {error.start}); save the file as UTF-8 and try again."
        ) from None


def _without_header(text: str) -> tuple[str, str]:
    """(title in the YAML header, the text below it); a header that is not YAML is text."""
    if not text.startswith("---\n"):
        return "", text
    header, closed, body = text[4:].partition("\n---\n")
    if not closed:
        return "", text
    import yaml

    try:
        values = yaml.safe_load(header)
    except yaml.YAMLError:
        return "", text
    if not isinstance(values, dict):
        return "", text
    title = values.get("title")
    return (title.strip() if isinstance(title, str) else ""), body


def _first_heading(text: str) -> str:
    """The heading that the text begins with, if it does."""
    first = text.lstrip().partition("\n")[0]
    return first.lstrip("#").strip(" #") if first.startswith("# ") else ""
