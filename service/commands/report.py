"""`advisor report`: a finished comparison again."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from evaluation.render.page import to_html, to_markdown
from service.commands.terminal_report import show_report
from service.refusals import Refusal
from service.run_folder import read_report

FORMATS = ("text", "md", "html", "json")


def run_report(folder: Path, format: str) -> None:
    if format not in FORMATS:
        raise Refusal(f"--format {format}: expected one of {', '.join(FORMATS)}.")
    report = read_report(folder)
    if format == "text":
        show_report(report, Console())
    elif format == "json":
        print(report.model_dump_json(indent=1))
    else:
        print(to_html(report) if format == "html" else to_markdown(report))
