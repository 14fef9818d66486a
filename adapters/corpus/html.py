"""Reads HTML: the page's own text, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from adapters.corpus.document import CorpusError, Document

NOT_TEXT: Final = ("script", "style", "noscript", "template", "svg", "nav", "header", "footer", "aside", "form", "head")
"""Left out: they stand on every page of a site alike, and would be found for every question."""
MAIN: Final = ("main", "article", "body")


def read_html(path: Path, name: str) -> Iterator[Document]:
    """One document: what stands in the page's <main>, else in its only <article>, else in its <body>.

    The encoding is the one that the page declares, else found by its bytes. Raises `CorpusError` for a page without
    text: scripts would have to write it.
    """
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    page = BeautifulSoup(path.read_bytes(), "html.parser")
    title = page.title.get_text(" ", strip=True) if page.title is not None else ""
    main = next((found[0] for found in map(page.find_all, MAIN) if len(found) == 1), page)
    for tag in main.find_all(NOT_TEXT):
        tag.decompose()
    converter = MarkdownConverter(
        heading_style="ATX", strip=["a", "img"], escape_asterisks=False, escape_underscores=False, escape_misc=False
    )
    text = str(converter.convert_soup(main)).strip()
    if not text:
        raise CorpusError(f"{name} holds no text; if scripts write the page, save it from a browser first.")
    yield Document(name, " ".join(title.split()) or path.stem, text, name, has_headings=True)
