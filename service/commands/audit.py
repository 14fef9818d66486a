"""`advisor audit`: what is wrong with the examples."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from evaluation.audit import Audit
from evaluation.findings import Severity
from evaluation.policy import EvaluationPolicy
from evaluation.readers import Columns
from service.commands.examples import configured_encoder, read_examples
from service.commands.indented import indented
from service.refusals import AUDIT_BLOCKS
from service.settings import load_settings


def run_audit(
    data: Path, test: Path | None, input_column: str | None, output_column: str | None, *, as_json: bool
) -> None:
    encoder = configured_encoder(load_settings())
    examples = read_examples(data, test, Columns(input_column, output_column), encoder, EvaluationPolicy())
    if as_json:
        print(examples.audit.model_dump_json(indent=2, exclude={"groups", "test_groups"}))
    else:
        show_audit(examples.audit, Console())
    if examples.audit.blockers:
        raise typer.Exit(AUDIT_BLOCKS)


def show_audit(audit: Audit, console: Console) -> None:
    """Counts, then one paragraph a finding with the lines it is about."""
    test = f", {audit.test_examples:,} test examples" if audit.test_examples else ""
    classes = ", ".join(f"{label} {size}" for label, size in list(audit.class_sizes.items())[:6])
    more = f" and {len(audit.class_sizes) - 6} more labels" if len(audit.class_sizes) > 6 else ""
    console.print(f"\n[bold]{escape(audit.dataset)}[/bold]: {audit.examples:,} examples{test}; {escape(classes)}{more}")
    if not audit.findings:
        console.print("[green]Nothing found.[/green]")
    for finding in audit.findings:
        colour = "red" if finding.severity is Severity.BLOCKER else "yellow"
        console.print(f"[{colour}]{finding.code} {finding.severity}[/{colour}] {escape(finding.message)}")
        lines = [("", f"lines {escape(_shortened(finding.lines))}")] if finding.rows else []
        console.print(indented([*lines, ("", f"[dim]{escape(finding.what_to_do)}[/dim]")]))
    console.print()


def _shortened(lines: str, most: int = 300) -> str:
    return lines if len(lines) <= most else lines[:most].rsplit(";", 1)[0] + "; ..."
