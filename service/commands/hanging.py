"""Paragraphs in a terminal that wrap under their own beginning, without padding, and never wider than reads well."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.text import Text

WIDEST: Final = 100
"""Longer lines are hard to read, however wide the terminal is."""
_NARROWEST: Final = 20


def hang(console: Console, head: Text, text: Text) -> None:
    """Print the text beside its head. Words that fit on no line are broken, nothing is cut."""
    width = min(console.width, WIDEST) - head.cell_len
    for line in text.wrap(console, max(width, _NARROWEST), overflow="fold"):
        line.rstrip()
        # Wrapped already: the console must neither wrap nor cut nor colour it again.
        console.print(head + line, soft_wrap=True, highlight=False)
        head = Text(" " * head.cell_len)


def paragraph(text: str, style: str = "") -> Text:
    """The text as one line, without what is not for reading: a name in a form must not steer the terminal."""
    return Text("".join(character for character in " ".join(text.split()) if character.isprintable()), style)
