"""Cuts documents into passages: by headings first, then by paragraphs and sentences, with an overlap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from adapters.corpus.document import CorpusError, Document
from evaluation.arm import Passage

CountTokens = Callable[[Sequence[str]], list[int]]
"""Tokens of each text as the encoder counts them."""
PATH_SHARE: Final = 4
"""Headings may take a quarter of a passage; of a longer path the innermost headings stay."""
BLANKS: Final = re.compile(r"[^\S\n]+")
EMPTY_LINES: Final = re.compile(r"\n(?: ?\n)+")


@dataclass(frozen=True)
class Cutting:
    """Lengths in tokens of the encoder, headings and special tokens included.

    What is longer than the encoder reads would be shown to the model but never found. `overlap` is how much of a
    passage at most is repeated at the start of the next, in whole sentences.
    """

    tokens: int = 256
    overlap: int = 32

    def __post_init__(self) -> None:
        if self.tokens < 16 or not 0 <= self.overlap <= self.tokens // 2:
            raise CorpusError("A passage needs at least 16 tokens, and an overlap of at most half of them.")


CUTTING: Final = Cutting()


class Section(NamedTuple):
    """What stands under one heading. `path` leads to it, the document's title first."""

    path: tuple[str, ...]
    text: str


def cut(document: Document, cutting: Cutting, count_tokens: CountTokens) -> Iterator[Passage]:
    """Passages of one document in reading order, each with its headings in front: `Refunds > Annual plans`.

    Ids are the document's with `#1`, `#2`, ...; a document without text has no passages.
    """
    number = 0
    for section in sections_of(document):
        heading = _fitting_path(section.path, cutting.tokens // PATH_SHARE, count_tokens)
        taken = count_tokens([heading])[0] if heading else 0
        for piece in _pieces(section.text, document.has_headings, cutting, taken, count_tokens):
            number += 1
            text = f"{heading}\n{piece}" if heading else piece
            yield Passage(f"{document.id}#{number}", document.id, text)


def sections_of(document: Document) -> list[Section]:
    """The document at its headings; a text without any is one section. Sections without text are left out."""
    title = (document.title,) if document.title else ()
    if not document.has_headings:
        text = _tidy(document.text)
        return [Section(title, text)] if text else []
    lines = document.text.split("\n")
    open_: list[tuple[int, str]] = []
    starts: list[tuple[int, int, tuple[str, ...]]] = [(0, 0, title)]
    for level, heading, first, end in _headings(document.text):
        open_ = [*(one for one in open_ if one[0] < level), (level, heading)]
        path = tuple(name for _, name in open_)
        starts.append((first, end, path if path[:1] == title else (*title, *path)))
    ends = [first for first, _, _ in starts[1:]] + [len(lines)]
    sections = (
        Section(path, "\n".join(lines[begin:end]).strip()) for (_, begin, path), end in zip(starts, ends, strict=True)
    )
    return [section for section in sections if section.text]


def _headings(text: str) -> Iterator[tuple[int, str, int, int]]:
    """Level, words, first line and the line after it of each heading; none inside code, lists or quotations."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").parse(text)
    for token, words in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map is not None:
            plain = "".join(child.content for child in words.children or () if child.type in ("text", "code_inline"))
            if plain.strip():
                yield int(token.tag[1:]), plain.strip(), token.map[0], token.map[1]


def _pieces(
    text: str, has_headings: bool, cutting: Cutting, taken: int, count_tokens: CountTokens
) -> list[str]:  # fmt: skip
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

    room = cutting.tokens - taken
    if count_tokens([text])[0] <= room:
        # As the splitter would leave it, which counts five times as often: large corpora often come in passages.
        return [text]
    splitter = MarkdownSplitter if has_headings else TextSplitter
    return splitter.from_callback(lambda piece: count_tokens([piece])[0], room, min(cutting.overlap, room // 2)).chunks(
        text
    )


def _fitting_path(path: Sequence[str], tokens: int, count_tokens: CountTokens) -> str:
    """The path in one line, without its outer headings, then without its last words, until it fits."""
    left = list(path)
    while left and count_tokens([" > ".join(left)])[0] > tokens:
        if len(left) > 1:
            left = left[1:]
        else:
            words = left[0].split()
            left = [" ".join(words[: len(words) * 3 // 4])] if len(words) > 1 else []
    return " > ".join(left)


def _tidy(text: str) -> str:
    """Runs of blanks as one, of empty lines as one: tables taken from PDF are full of both."""
    lines = (BLANKS.sub(" ", line).strip() for line in text.splitlines())
    return EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()
