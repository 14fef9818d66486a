"""`advisor plan`: the comparison that a form calls for, before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from evaluation.audit import AuditBlocked
from evaluation.policy import EvaluationPolicy
from evaluation.readers import Columns
from evaluation.render.plan import plan_lines
from rules.assess import Assessment
from rules.form import Form
from rules.layout import Backend
from rules.material import Material
from rules.policy import Policy
from service.commands.documents import read_form
from service.commands.examples import configured_encoder, read_examples
from service.commands.indented import indented
from service.refusals import Refusal
from service.rulebook import load_rulebook
from service.settings import Settings, load_settings


@dataclass(frozen=True)
class PlanRequest:
    """The command's arguments."""

    form: Path
    data: Path | None = None
    test: Path | None = None
    input_column: str | None = None
    output_column: str | None = None
    policy: Path | None = None
    models: Path | None = None


def run_plan(request: PlanRequest, *, as_json: bool) -> None:
    """Without DATA the plan counts on what the form says. Raises `AuditBlocked` as a comparison would."""
    settings = load_settings()
    rulebook = load_rulebook(request.policy or settings.policy, request.models or settings.models)
    form = read_form(request.form)
    material = _material(request, rulebook.policy, settings)
    assessment = rulebook.assess(form, material)
    if as_json:
        print(assessment.plan.model_dump_json(indent=2))
    else:
        _show(assessment, form, request, Console())


def _material(request: PlanRequest, policy: Policy, settings: Settings) -> Material | None:
    if request.data is None:
        if request.test is not None:
            raise Refusal("--test names a test file, but there is no DATA to learn from; expected both.")
        return None
    encoder = configured_encoder(settings)
    columns = Columns(request.input_column, request.output_column)
    thresholds = EvaluationPolicy().laid_out_as(policy)
    examples = read_examples(request.data, request.test, columns, encoder, thresholds)
    if examples.audit.blockers:
        raise AuditBlocked(examples.audit)
    return examples.material(encoder.count_tokens)


def _show(assessment: Assessment, form: Form, request: PlanRequest, console: Console) -> None:
    plan = assessment.plan
    console.print(f"\n[bold]{escape(form.task.name or 'The comparison')}[/bold], planned from {plan.material.source}\n")
    console.print(indented((f"[bold]{heading}[/bold]", escape(text)) for heading, text in plan_lines(plan)))
    for line in _remarks(assessment, form, request):
        console.print(f"\n{escape(line)}")
    console.print()


def _remarks(assessment: Assessment, form: Form, request: PlanRequest) -> list[str]:
    plan, said = assessment.plan, []
    counted = (plan.material.examples or 0) + (plan.material.test_examples or 0)
    if request.data and form.examples.count not in (None, counted):
        said.append(
            f"The form says {form.examples.count:,} examples; {request.data.name} has {counted:,}, and these count."
        )
    said += [finding.message for finding in assessment.findings if finding.code == "COST01"]
    if plan.obstacle or form.task.kind not in (None, "classification"):
        return said
    if plan.backend is not Backend.ENCODER:
        said.append(
            "This version compares over the embedded encoder only: a free first look at how the methods rank on "
            "your examples, before the calls above are paid for."
        )
    test = f" --test {request.test}" if request.test else ""
    said.append(f"Run it: advisor compare {request.data or 'DATA'}{test} --form {request.form}")
    return said
