"""`advisor assess`: the judged form in a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rules.assess import Assessment, assess
from rules.finding import METHOD_TITLES, Severity
from rules.scores import MethodScore
from service.commands.documents import read_form
from service.commands.indented import indented

BAR = 30


def run_assess(form: Path, *, as_json: bool) -> None:
    assessment = assess(read_form(form))
    if as_json:
        print(assessment.model_dump_json(indent=2))
    else:
        show_assessment(assessment, Console())


def show_assessment(assessment: Assessment, console: Console) -> None:
    """The answer first, then the scores, then what is against and what is open."""
    console.print(f"\n[bold]{escape(assessment.advice.summary)}[/bold]\n")
    console.print(_scores(assessment))
    for finding in assessment.findings:
        if finding.severity is Severity.VETO:
            console.print(f"[bold red]Veto {finding.code}[/bold red] {escape(finding.message)}")
    ready = sum(question.status == "yes" for question in assessment.readiness.questions)
    console.print(f"\nReady to fine-tune: {'yes' if assessment.readiness.ready else 'no'} ({ready} of 6 questions yes)")
    colours = {"yes": "green", "no": "red", "unknown": "yellow"}
    console.print(
        indented(
            (f"[{colours[sixth.status]}]{sixth.status}[/]", escape(sixth.question))
            for sixth in assessment.readiness.questions
        )
    )
    warnings = [finding for finding in assessment.findings if finding.severity is Severity.WARNING]
    if warnings:
        console.print("\nWhat speaks against:")
        console.print(
            indented(
                (finding.code, f"{escape(finding.message)} [dim]To do: {escape(finding.what_to_do)}[/dim]")
                for finding in warnings
            )
        )
    if assessment.next_questions:
        console.print("\nAnswer next:")
        console.print(indented((asked.field, escape(asked.why)) for asked in assessment.next_questions[:3]))
    console.print()


def _scores(assessment: Assessment) -> Table:
    table = Table(box=None, padding=(0, 1), show_header=False)
    for method, score in assessment.methods.items():
        vetoes = f"[red]vetoed by {', '.join(score.vetoes)}[/red]" if score.vetoes else ""
        known = f"{score.score}" if score.score is not None else f"{score.low} to {score.high}"
        table.add_row(METHOD_TITLES[method], _bar(score), known, vetoes)
    return table


def _bar(score: MethodScore) -> str:
    """Solid up to the lowest possible score, light up to the highest."""
    low, high = round(score.low * BAR / 100), round(score.high * BAR / 100)
    return "█" * low + "▒" * (high - low) + "·" * (BAR - high)
