"""A document of the corpus, and what a reader says when it cannot read one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LONGEST_TITLE: Final = 150
"""Characters. A longer first line is text."""
SENTENCE_ENDS: Final = (".", "!", "?", ":", ";", ",")


class CorpusError(ValueError):
    """The corpus cannot be used as it is; the message is one line that says what, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Document:
    """`id` is what a row's evidence names, `place` where a person finds it: `file`, `file:line` or `file, page 3`.

    `title` may be empty. `has_headings` says that the text is Markdown, whose headings part it.
    """

    id: str
    title: str
    text: str
    place: str
    has_headings: bool = False


def part_title(text: str) -> tuple[str, str]:
    """(title, text) of a plain text: a short first line that does not end like a sentence is its title.

    ('', text) where there is none. Blanks around both are dropped.
    """
    text = text.strip()
    first, _, rest = text.partition("\n")
    first = first.strip()
    if rest.strip() and len(first) <= LONGEST_TITLE and not first.endswith(SENTENCE_ENDS):
        return first, rest.strip()
    return "", text
