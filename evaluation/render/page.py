"""The report as Markdown, and as one HTML file that needs nothing else: no script, no font, no outside request."""

from __future__ import annotations

from evaluation.render.environment import environment
from evaluation.render.view import View
from evaluation.report import Report


def to_html(report: Report) -> str:
    """User text is escaped by the template engine."""
    return environment(html=True).get_template("report.html").render(view=View(report), report=report)


def to_markdown(report: Report) -> str:
    """User text is cut to one line with pipes escaped, so that it cannot break a table."""
    return environment(html=False).get_template("report.md").render(view=View(report), report=report)
