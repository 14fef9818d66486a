"""`advisor assess`: a judged form in a terminal, a blank one, or the questions asked one by one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from evaluation.render.assessment import known_score, to_markdown
from evaluation.render.plan import plan_lines
from rules.assess import Assessment
from rules.choices import in_words
from rules.finding import METHOD_TITLES, Finding, Severity
from rules.form import Form
from rules.questionnaire import questions_by_path
from rules.readiness import Status
from rules.scores import HIGHEST, MethodScore
from service.commands.documents import read_form
from service.commands.hanging import hang, paragraph
from service.form_document import to_yaml
from service.refusals import Refusal
from service.rulebook import load_rulebook
from service.settings import load_settings

FORMATS: Final = ("text", "md")
NEW_FORM: Final = Path("form.yaml")
"""Where the questions keep their answers unless told otherwise."""

_LABELS: Final = 13
"""Columns of the labels on the left."""
_LONGEST_BAR: Final = 40
_HEADLINES: Final = {
    "clarify_the_task": "Clarify the task first",
    "prompting": "Start with prompting",
    "retrieval": "Start with retrieval",
    "fine_tuning": "Fine-tuning leads on what you have answered",
}
_SIX: Final = (
    "Stable, and asked often enough",
    "Prompts and retrieval fell short",
    "Enough good examples",
    "Narrow, and can be tested",
    "A gain can be measured",
    "There is a safe way back",
)
"""The six questions of readiness as statements, short enough for a line each."""
_STATUS: Final = {Status.YES: "cyan", Status.NO: "bold red", Status.UNKNOWN: "yellow"}
_FINDINGS: Final = {
    Severity.VETO: ("Veto", "bold red", None),
    Severity.WARNING: ("Warning", "yellow", 5),
    Severity.SUPPORT: ("Support", "cyan", 3),
    Severity.NOTE: ("Note", "", 2),
}
"""Label, style of the code, and how many are told in full. What rules fine-tuning out is never left to a list."""
_IN_SHORT: Final = ("Obstacle", "Arms", "Rows", "Can see", "Takes")
"""Of the plan; `advisor plan` shows the rest."""


def run_assess(
    form: Path | None,
    *,
    as_json: bool = False,
    format: str = "text",
    blank: bool = False,
    out: Path | None = None,
    policy: Path | None = None,
    models: Path | None = None,
) -> None:
    """Judge FORM; print a blank one; or, without either, ask. `Refusal` where the arguments do not go together."""
    _refuse_misfits(form, as_json, format, blank, out)
    if blank:
        print(to_yaml(Form()), end="")
        return
    settings = load_settings()
    rulebook = load_rulebook(policy or settings.policy, models or settings.models)
    if form is None:
        from service.commands.dialogue import run_dialogue

        out = out or NEW_FORM
        options = [f"--{name}={file}" for name, file in (("policy", policy), ("models", models)) if file]
        run_dialogue(out, rulebook.assess, show_assessment, shlex.join(["advisor", "assess", str(out), *options]))
        return
    answers = read_form(form)
    assessment = rulebook.assess(answers)
    if as_json:
        print(assessment.model_dump_json(indent=2))
    elif format == "md":
        print(to_markdown(assessment, answers), end="")
    else:
        show_assessment(assessment, Console())


def _refuse_misfits(form: Path | None, as_json: bool, format: str, blank: bool, out: Path | None) -> None:
    if format not in FORMATS:
        raise Refusal(f"--format {format}: expected one of {', '.join(FORMATS)}.")
    if as_json and format != "text":
        raise Refusal(f"--json and --format {format} ask for two things at once; give one of them.")
    if blank and (form or as_json or format != "text" or out):
        raise Refusal("--blank prints an empty form and nothing else; leave FORM, --json, --format and --out away.")
    if form and out:
        raise Refusal("--out names the file for answers given here, and FORM is answered already; give one of them.")
    if form is None and (as_json or format != "text"):
        raise Refusal("--json and --format need an answered FORM, such as form.yaml; 'advisor assess' alone asks.")


def show_assessment(assessment: Assessment, console: Console) -> None:
    """The answer first, then scores, reasons, readiness, the plan, what to do, and what is still open."""
    page = _Page(console)
    _answer(page, assessment)
    _scores(page, assessment)
    _findings(page, assessment)
    _readiness(page, assessment)
    _plan(page, assessment)
    _next_steps(page, assessment)
    _facts(page, assessment)
    _open(page, assessment)
    page.gap()


class _Page:
    """Labels on the left, texts beside them."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def gap(self) -> None:
        """An empty line."""
        self.console.print()

    def line(self, text: str, style: str = "") -> None:
        """A text over the whole width."""
        hang(self.console, Text(" "), paragraph(text, style))

    def row(self, label: str, text: str | Text, lead: str = "", lead_style: str = "", style: str = "") -> None:
        """A label, then a word or code, then the text that hangs on both."""
        head = Text.assemble(" ", (f"{label:<{_LABELS}}", "bold"), (lead, lead_style))
        hang(self.console, head, text if isinstance(text, Text) else paragraph(text, style))


def _answer(page: _Page, assessment: Assessment) -> None:
    advice = assessment.advice
    headline = _HEADLINES[advice.start_with]
    rest = advice.summary.removeprefix(f"{headline}: ")
    page.gap()
    page.line(headline, "bold")
    page.line(rest[:1].upper() + rest[1:])
    page.gap()


def _scores(page: _Page, assessment: Assessment) -> None:
    # Beside the bar: "50 to 100  ruled out".
    length = max(10, min(_LONGEST_BAR, page.console.width - _LABELS - 24))
    for method, score in assessment.methods.items():
        known = known_score(score)
        ruled_out = ("  ruled out" if score.vetoes else "", "bold red")
        page.row(METHOD_TITLES[method], Text.assemble(_bar(score, length, page), f"  {known:<9}", ruled_out))
    if any(score.score is None for score in assessment.methods.values()):
        solid, shaded, _ = _shades(page)
        page.row("", f"{solid} certain, {shaded} depends on open answers", style="dim")
    page.gap()


def _bar(score: MethodScore, length: int, page: _Page) -> Text:
    """Solid up to the lowest possible score, shaded up to the highest."""
    solid, shaded, empty = _shades(page)
    low, high = (round(points * length / HIGHEST) for points in (score.low, score.high))
    return Text.assemble((solid * low, "cyan"), (shaded * (high - low), "cyan"), (empty * (length - high), "dim"))


def _shades(page: _Page) -> tuple[str, str, str]:
    return ("#", "=", ".") if page.console.options.ascii_only else ("█", "▒", "·")


def _findings(page: _Page, assessment: Assessment) -> None:
    for severity, (label, style, most) in _FINDINGS.items():
        found = [finding for finding in assessment.findings if finding.severity is severity]
        for place, finding in enumerate(found[:most]):
            loud = style if severity is Severity.VETO else ""
            page.row("" if place else label, finding.message, f"{finding.code:<8}", style, loud)
        if most is not None and (rest := found[most:]):
            page.row("", f"also {', '.join(finding.code for finding in rest)}", style="dim")
    if any(finding.severity in _FINDINGS for finding in assessment.findings):
        page.gap()


def _readiness(page: _Page, assessment: Assessment) -> None:
    label = "Ready: yes" if assessment.readiness.ready else "Ready: no"
    heavy = {finding.code for finding in _heavy(assessment)}
    for statement, sixth in zip(_SIX, assessment.readiness.questions, strict=True):
        codes = " ".join(code for code in sixth.codes if code in heavy)
        text = Text.assemble(statement, (f"  {codes}", "dim"))
        page.row(label, text, f"{sixth.status:<8}", _STATUS[sixth.status])
        label = ""
    page.gap()


def _plan(page: _Page, assessment: Assessment) -> None:
    label = "Plan"
    for heading, text in plan_lines(assessment.plan):
        if heading in _IN_SHORT:
            # How rows are divided, and not why.
            short = _first_sentence(text) if heading == "Rows" else text
            page.row(label, short, f"{heading:<9}")
            label = ""
    page.gap()


def _next_steps(page: _Page, assessment: Assessment) -> None:
    steps = assessment.advice.steps
    # The first and the last; --format md has them all.
    for number, step in enumerate(steps if len(steps) <= 3 else (*steps[:2], steps[-1]), start=1):
        page.row("" if number > 1 else "Do next", step, f"{number}. ")


def _heavy(assessment: Assessment) -> list[Finding]:
    return [finding for finding in assessment.findings if finding.severity in (Severity.VETO, Severity.WARNING)]


def _facts(page: _Page, assessment: Assessment) -> None:
    label = "Filled in"
    for filled in assessment.filled_in:
        seen = f", seen on {filled.seen_on}" if filled.seen_on else ""
        page.row(label, f"{filled.field}: {filled.answer} ({filled.source}{seen})")
        label = ""
    label = "Regions"
    for note in assessment.regional_notes:
        page.row(label, f"{in_words([note.region])}: {_first_sentence(note.note)} ({note.checked_on})")
        label = ""


def _first_sentence(text: str) -> str:
    return f"{text.partition('. ')[0].removesuffix('.')}."


def _open(page: _Page, assessment: Assessment) -> None:
    questions = questions_by_path()
    label = f"Open: {len(assessment.next_questions)}"
    for number, asked in enumerate(assessment.next_questions[:2], start=1):
        page.row(label, Text.assemble(questions[asked.field].title, (f"  {asked.field}", "dim")), f"{number}. ")
        label = ""
    ruleset = assessment.ruleset
    page.line(
        f"Everything: --format md. Ruleset {ruleset.version}, thresholds {ruleset.sha256[:12]}, as of "
        f"{assessment.as_of}.",
        "dim",
    )
