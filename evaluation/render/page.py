"""The report as Markdown, and as one HTML file that needs nothing else: no script, no font, no outside request."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evaluation.render.view import View
from evaluation.report import Report


def to_html(report: Report) -> str:
    """User text is escaped by the template engine."""
    return _environment(html=True).get_template("report.html").render(view=View(report), report=report)


def to_markdown(report: Report) -> str:
    """User text is cut to one line with pipes escaped, so that it cannot break a table."""
    return _environment(html=False).get_template("report.md").render(view=View(report), report=report)


@cache
def _environment(*, html: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    return environment


def _cell(text: str, longest: int = 300) -> str:
    line = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return line if len(line) <= longest else line[:longest] + "..."
