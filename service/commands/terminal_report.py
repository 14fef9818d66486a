"""A report in a terminal: verdict, reasons, the table of arms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evaluation.render.view import View
from evaluation.report import Report
from service.commands.indented import indented


def show_report(report: Report, console: Console) -> None:
    """What a reader needs before the whole report."""
    view = View(report)
    console.print(f"\n[bold]{escape(view.verdict.headline)}[/bold]  ({view.kind.lower()})")
    console.print(indented(("-", escape(line)) for line in _lines(view)))
    if report.origin is not None:
        console.print("\n[bold]Recorded answers[/bold]")
        console.print(indented(("-", escape(statement)) for statement in report.origin.statements))
    console.print()
    console.print(_table(view))
    learnt = "" if view.all_recorded else f", {report.split.train_size:,} to learn from"
    console.print(f"[dim]{report.split.tested:,} rows tested{learnt}; {escape(view.design)}[/dim]\n")
    if view.judged:
        show_judged(view.judged, console)


def show_judged(sentences: Iterable[str], console: Console) -> None:
    """What a judge and people say of two arms' answers."""
    console.print("[bold]What a judge and people say[/bold]")
    console.print(indented(("-", escape(sentence)) for sentence in sentences))
    console.print()


def _lines(view: View) -> Iterator[str]:
    yield from view.verdict.reasons
    if view.target:
        yield view.target
    yield from view.other_languages
    yield from view.repetition
    yield f"Biggest doubt: {view.doubt}"
    if view.report.learning:
        yield view.report.learning.text
    if view.spending:
        yield view.spending


def _table(view: View) -> Table:
    """Recorded arms show the family that was told or guessed, the others how long a fit took."""
    table = Table(box=None, padding=(0, 1))
    table.add_column("")
    if view.all_recorded:
        table.add_column("family")
    table.add_column(view.metric, justify="right")
    table.add_column(f"{view.level} interval")
    for heading in ("P(best)", "fits", *(() if view.all_recorded else ("one fit",))):
        table.add_column(heading, justify="right")
    for arm, row in zip(view.report.arms, view.arm_rows, strict=True):
        family = (arm.family,) if view.all_recorded else ()
        fit = () if view.all_recorded else (row["fit"],)
        cells = (escape(arm.name), *family, row["accuracy"], row["interval"], row["best"], row["fits"], *fit)
        table.add_row(*cells, style="bold" if arm.name == view.verdict.arm else "")
    return table
