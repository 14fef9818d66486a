"""The template engine: user text is escaped in HTML, and cut to one line in Markdown."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evaluation.numbers import percent


@cache
def environment(*, html: bool) -> Environment:
    """Templates of this folder; the filter `cell` keeps a text from breaking a table, `sentence`
    begins with a capital and leaves the rest as it is."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["cell"] = _cell
    made.filters["percent"] = percent
    made.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    return made


def _cell(text: str, longest: int = 300) -> str:
    line = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return line if len(line) <= longest else line[:longest] + "..."
