"""`advisor audit`: what is wrong with the examples, and a file without it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from evaluation.audit import Audit, audit_dataset
from evaluation.cleaning import BY_DEFAULT, CLEANABLE, Cleaning, clean
from evaluation.files import is_parquet
from evaluation.findings import AuditFinding, Severity
from evaluation.policy import EvaluationPolicy
from evaluation.readers import Columns
from evaluation.rewriting import Replacement, rewritten
from rules.choices import Kind
from service.commands.examples import Examples, configured_encoder, read_examples
from service.commands.indented import indented
from service.commands.task_file import read_task_file
from service.refusals import AUDIT_BLOCKS, Refusal
from service.run_folder import write_whole
from service.settings import load_settings

FORMATS = {".jsonl": "JSONL", ".ndjson": "JSONL", ".csv": "CSV", ".tsv": "TSV"}
LIST_COLUMNS = ("id", "file", "line", "finding", "done", "reason")


@dataclass(frozen=True)
class AuditRequest:
    """The command's arguments."""

    data: Path
    test: Path | None = None
    input_column: str | None = None
    output_column: str | None = None
    clean: Path | None = None
    clean_only: str | None = None
    task: Path | None = None
    kind: Kind | None = None


@dataclass(frozen=True)
class _Cleaned:
    """What was written. `blockers` are what would stop a comparison with the new file; letters alone were searched."""

    file: Path
    list: Path
    cleaning: Cleaning
    kept: int
    of: int
    blockers: tuple[AuditFinding, ...]

    def summary(self) -> dict[str, Any]:
        return {
            "file": str(self.file), "list": str(self.list), "rows": self.of, "kept": self.kept,
            "removed": self.cleaning.removed, "changed": self.cleaning.changed,
            "without_placeholder": list(self.cleaning.unmasked),
            "blockers": [finding.code for finding in self.blockers],
        }  # fmt: skip


def run_audit(request: AuditRequest, *, as_json: bool) -> None:
    """Exits with 3 if the file, or the cleaned one where that was asked for, allows no comparison."""
    codes = _read_codes(request)
    if request.clean is not None:
        _refuse_target(request.clean, request)
    encoder, policy = configured_encoder(load_settings()), EvaluationPolicy()
    columns = Columns(request.input_column, request.output_column)
    asked = read_task_file(request.task, request.kind)
    examples = read_examples(
        request.data, request.test, columns, encoder, policy, asked, encoder_answers=asked.has_one_label
    )
    cleaned = None
    if request.clean is not None:
        cleaning = clean(examples.dataset, examples.test, examples.audit, codes)
        left = cleaning.applied_to(examples.dataset)
        if not len(left):
            raise Refusal(f"--clean: no row of {request.data} would be left; see 'advisor audit {request.data}'.")
        # By letters alone: what is left was searched by meaning above, and the cache keeps to texts in file order.
        again = audit_dataset(
            left, examples.test, policy, encoder.token_limit, encoder.count_tokens,
            outputs_are_labels=asked.has_one_label,
        )  # fmt: skip
        listed = _write(request.data, request.clean, examples, cleaning)
        cleaned = _Cleaned(request.clean, listed, cleaning, len(left), len(examples.dataset), again.blockers)
    if as_json:
        shown = examples.audit.model_dump(mode="json", exclude={"groups", "test_groups"})
        print(json.dumps({**shown, **({"cleaning": cleaned.summary()} if cleaned else {})}, indent=2))
    else:
        show_audit(examples.audit, Console())
        if cleaned:
            _show_cleaned(cleaned, examples.audit, Console())
    if cleaned.blockers if cleaned else examples.audit.blockers:
        raise typer.Exit(AUDIT_BLOCKS)


def show_audit(audit: Audit, console: Console) -> None:
    """Counts, then one paragraph a finding with the lines it is about."""
    test = f", {audit.test_examples:,} test examples" if audit.test_examples else ""
    classes = ", ".join(f"{label} {size}" for label, size in list(audit.class_sizes.items())[:6])
    more = f" and {len(audit.class_sizes) - 6} more labels" if len(audit.class_sizes) > 6 else ""
    labels = f"; {escape(classes)}{more}" if classes else ""
    console.print(f"\n[bold]{escape(audit.dataset)}[/bold]: {audit.examples:,} examples{test}{labels}")
    if not audit.findings:
        console.print("[green]Nothing found.[/green]")
    for finding in audit.findings:
        colour = "red" if finding.severity is Severity.BLOCKER else "yellow"
        console.print(f"[{colour}]{finding.code} {finding.severity}[/{colour}] {escape(finding.message)}")
        lines = [("", f"{finding.unit}s {escape(_shortened(finding.lines))}")] if finding.rows else []
        console.print(indented([*lines, ("", f"[dim]{escape(finding.what_to_do)}[/dim]")]))
    console.print(f"[dim]{audit.searched}[/dim]\n")


def _shortened(lines: str, most: int = 300) -> str:
    return lines if len(lines) <= most else lines[:most].rsplit(";", 1)[0] + "; ..."


def _read_codes(request: AuditRequest) -> tuple[str, ...]:
    if request.clean_only is None:
        return BY_DEFAULT
    if request.clean is None:
        raise Refusal("--clean-only says what to clean, but not where to; expected --clean OUT as well.")
    codes = tuple(code.strip().upper() for code in request.clean_only.split(",") if code.strip())
    unknown = [code for code in codes if code not in CLEANABLE]
    if unknown or not codes:
        raise Refusal(
            f"--clean-only {request.clean_only}: expected some of {', '.join(CLEANABLE)}, with commas between."
        )
    return codes


def _refuse_target(out: Path, request: AuditRequest) -> None:
    """Nothing that is there is ever overwritten."""
    if is_parquet(request.data.name):
        raise Refusal(
            f"--clean {out}: Parquet files are read, not written; save {request.data} as JSONL or CSV and clean that."
        )
    wanted, found = FORMATS.get(request.data.suffix.lower()), FORMATS.get(out.suffix.lower())
    if wanted and found != wanted:
        raise Refusal(
            f"--clean {out}: the file is written as it was read, as {wanted}; expected a name such as "
            f"{out.with_suffix(request.data.suffix)}."
        )
    for path in (out, _list_beside(out)):
        if path.exists():
            raise Refusal(f"--clean {out}: {path} is there already; name a new file, or delete it first.")


def _list_beside(out: Path) -> Path:
    return out.with_suffix(".removed.csv")


def _write(data: Path, out: Path, examples: Examples, cleaning: Cleaning) -> Path:
    """The list first: a cleaned file never stands without it."""
    inputs = {example.line: example.input for example in examples.dataset.examples}
    text = rewritten(
        data,
        {
            edit.line: None if edit.text is None else Replacement(inputs[edit.line], edit.text)
            for edit in cleaning.edits
        },
    )
    try:
        listed = write_whole(_list_beside(out), _listed(cleaning))
        write_whole(out, text)
    except OSError as error:
        raise Refusal(f"--clean {out}: cannot be written: {error.strerror}; name another file.") from None
    return listed


def _listed(cleaning: Cleaning) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(LIST_COLUMNS)
    for edit in cleaning.edits:
        done = "removed" if edit.removes else "changed"
        writer.writerow((edit.id, edit.file, edit.line, edit.code, done, edit.reason))
    return table.getvalue()


def _show_cleaned(cleaned: _Cleaned, audit: Audit, console: Console) -> None:
    names = {finding.code: finding.name.replace("_", " ") for finding in audit.findings}
    console.print(f"[bold]{escape(str(cleaned.file))}[/bold]: {cleaned.kept:,} of {cleaned.of:,} rows")
    lines = [
        (code, f"{number:,} {'row' if number == 1 else 'rows'} {done} ({names.get(code, 'after placeholders')})")
        for done, counts in (("removed", cleaned.cleaning.removed), ("changed", cleaned.cleaning.changed))
        for code, number in counts.items()
    ]
    lines = lines or [("", "nothing to remove or change: a copy")]
    if cleaned.cleaning.unmasked:
        where = ", ".join(map(str, cleaned.cleaning.unmasked[:20]))
        more = f" and {len(cleaned.cleaning.unmasked) - 20} more" if len(cleaned.cleaning.unmasked) > 20 else ""
        lines.append(("", f"no placeholder for what was found in lines {where}{more}: kept as they are"))
    lines.append(("", f"each row with its reason: {escape(str(cleaned.list))}"))
    if audit.test_examples:
        lines.append(("", "the test file is not changed"))
    stops = "; ".join(f"{finding.code} {finding.message}" for finding in cleaned.blockers)
    lines.append(("", escape(f"still no comparison: {stops}") if stops else "nothing in it stops a comparison"))
    console.print(indented(lines))
    console.print()
