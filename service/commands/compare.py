"""`advisor compare`: from a file of examples to a decision memo."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from adapters.generative.chat import ChatClient
from evaluation.audit import Audit, AuditBlocked, SignOffRefused
from evaluation.comparison import Comparison, TrainingCost, compare
from evaluation.decision import Verdict, VerdictKind
from evaluation.metrics.semantic_similarity import SemanticSimilarity
from evaluation.policy import EvaluationPolicy
from evaluation.readers import Columns
from evaluation.report import Report
from rules.assess import Assessment
from rules.choices import Kind
from rules.form import Form
from rules.layout import Backend
from rules.policy import Policy
from rules.worth import worth_of_point
from service.commands.approval import Approval
from service.commands.arms import Means, choose_arms, read_backends
from service.commands.documents import read_form
from service.commands.examples import Examples, configured_encoder, read_examples
from service.commands.experience import experience_with
from service.commands.progress import Bars
from service.commands.task_file import read_task_file
from service.commands.terminal_report import show_report
from service.refusals import REQUIREMENT_NOT_MET, Refusal
from service.rulebook import load_rulebook
from service.run_folder import TRIALS, locked, write_report, write_whole
from service.settings import Settings, load_settings

RUNS = Path("advisor-runs")
STANDARD_OUTPUT = Path("-")
Required = tuple[str, str | None]
"""A kind of verdict, alone or with an arm."""
VERDICTS = tuple(kind for kind in VerdictKind if kind is not VerdictKind.NO_COMPARISON)


@dataclass(frozen=True)
class Request:
    """The command's arguments."""

    data: Path
    test: Path | None = None
    form: Path | None = None
    labels: Path | None = None
    out: Path | None = None
    seed: int = 1
    input_column: str | None = None
    output_column: str | None = None
    json: Path | None = None
    require: str | None = None
    accept: tuple[str, ...] = ()
    by: str | None = None
    policy: Path | None = None
    models: Path | None = None
    learning_curve: bool = True
    training_cost: float = 0.0
    exhaustive: bool = False
    task: Path | None = None
    kind: Kind | None = None
    backends: tuple[str, ...] = ()
    budget: float | None = None
    calls: int | None = None
    yes: bool = False
    improve_prompt: bool = False
    corpus: Path | None = None
    search_service: bool = False
    passages: int | None = None
    temperatures: tuple[float, ...] = ()
    model: str | None = None
    written_labels: bool = False
    four_bit: bool = False
    indexes: Path | None = None


@dataclass(frozen=True)
class Prepared:
    """Read, audited and judged; nothing is fitted yet. `client` is what an endpoint is asked through, if one is."""

    comparison: Comparison
    examples: Examples
    assessment: Assessment
    client: ChatClient | None

    @property
    def audit(self) -> Audit:
        return self.examples.audit


def run_compare(request: Request, audited: Examples | None = None) -> None:
    """Everything is read and checked before anything is fitted or written; `audited` is what was read already."""
    settings = load_settings()
    folder = request.out or RUNS / request.data.stem
    prepared = prepare(request, settings, folder, audited)
    comparison = prepared.comparison
    required = read_requirement(request.require, [spec.name for spec in comparison.specs])
    refuse_blockers(prepared.audit, request)
    with locked(folder), Bars(prepared.client, Approval.of(settings, request)) as bars:
        report = compare(comparison, prepared.audit, bars)
        paths = write_report(folder, report)
    conclude(report, paths, request, required)


def prepare(request: Request, settings: Settings, folder: Path, audited: Examples | None = None) -> Prepared:
    """What the request asks for, with what the settings allow; `folder` is the comparison's own."""
    encoder = configured_encoder(settings)
    rulebook = load_rulebook(request.policy or settings.policy, request.models or settings.models)
    form = read_form(request.form) if request.form else None
    asked = read_task_file(request.task, kind_of(request, form), request.labels)
    refuse_images(form)
    backends = read_backends(request.backends, asked, settings, request.model)
    policy = EvaluationPolicy().laid_out_as(rulebook.policy)
    columns = Columns(request.input_column, request.output_column)
    encoder_answers = Backend.ENCODER in backends
    examples = audited or read_examples(
        request.data, request.test, columns, encoder, policy, asked, encoder_answers=encoder_answers
    )
    examples = replace(examples, audit=signed_off(examples.audit, request))
    means = Means(encoder, settings, rulebook)
    task = asked.task(examples.dataset, examples.test)
    chosen = choose_arms(backends, means, request, examples.dataset, folder, task)
    material = examples.material(encoder.count_tokens)
    judged = form or Form.parse({"task": {"kind": asked.kind, "modality": "text"}})
    assessment = rulebook.assess(judged, material)
    comparison = Comparison(
        dataset=examples.dataset,
        test=examples.test,
        task=task,
        form=rulebook.filled_in(form) if form else None,
        assessment=assessment if form else None,
        specs=chosen.specs,
        policy=policy,
        seed=request.seed,
        folder=folder / TRIALS,
        learning_curve=request.learning_curve,
        training_cost=training_cost_of(request, form, rulebook.policy),
        exhaustive=request.exhaustive,
        experience=experience_with(encoder),
        temperatures=request.temperatures,
        similarity=SemanticSimilarity(encoder.embed, encoder.name) if asked.kind == "generation" else None,
    )
    return Prepared(comparison, examples, assessment, chosen.client)


def refuse_blockers(audit: Audit, request: Request) -> None:
    """Raise `AuditBlocked` where something stops the comparison; whoever asked for JSON gets the reasons there, too."""
    if audit.blockers:
        if request.json:
            _write_json(request.json, _no_comparison(audit))
        raise AuditBlocked(audit)


def conclude(
    report: Report,
    paths: Sequence[Path],
    request: Request,
    required: Required | None,
) -> None:
    """Give the report to whom it was asked for; `Refusal` where the verdict is not the required one."""
    if request.json:
        _write_json(request.json, report.model_dump_json(indent=1))
    if request.json != STANDARD_OUTPUT:
        show_report(report, Console())
        print("\n".join(f"wrote {path}" for path in paths))
    if required is not None and not _meets(report.verdict, required):
        raise Refusal(
            f"The verdict is {report.verdict.kind}:{report.verdict.arm}, required was {request.require}.",
            REQUIREMENT_NOT_MET,
        )


def signed_off(audit: Audit, request: Request) -> Audit:
    if not request.accept:
        return audit
    if not (request.by or "").strip():
        raise Refusal('--accept needs --by "NAME": the report says who answers for it.')
    try:
        return audit.signed_off_by(str(request.by).strip(), request.accept)
    except SignOffRefused as error:
        raise Refusal(f"--accept: {error}") from None


def _write_json(path: Path, text: str) -> None:
    if path == STANDARD_OUTPUT:
        print(text)
    else:
        write_whole(path, text + "\n")


def _no_comparison(audit: Audit) -> str:
    """The fourth verdict, for whoever reads JSON."""
    reasons = [f"{finding.code} {finding.message} {finding.what_to_do}" for finding in audit.blockers]
    verdict = {"kind": VerdictKind.NO_COMPARISON, "arm": None, "reasons": reasons}
    return json.dumps({"verdict": verdict, "audit": audit.model_dump(mode="json")}, indent=1)


def training_cost_of(request: Request, form: Form | None, policy: Policy) -> TrainingCost:
    """Refused where nobody says what accuracy is worth: a price alone cannot be weighed."""
    if request.training_cost == 0:
        return TrainingCost()
    worth = worth_of_point(form, policy) if form else None
    if worth is None:
        raise Refusal(
            f"--training-cost {request.training_cost:g}: nothing to weigh it against; answer "
            "task.requests_per_month and budget.value_of_correct (or budget.cost_of_error) in the form, "
            "and name it with --form."
        )
    return TrainingCost(request.training_cost, worth)


def kind_of(request: Request, form: Form | None) -> Kind | None:
    """Of the task, by command line or form; refused where they differ."""
    told = form.task.kind if form else None
    if request.kind is not None and told not in (None, request.kind):
        raise Refusal(f"The form says kind: {told}, the command --kind {request.kind}; make them agree.")
    return request.kind or told


def refuse_images(form: Form | None) -> None:
    if form is not None and form.task.modality == "image":
        raise Refusal("The form says modality: image; the comparison reads text. 'advisor assess' judges image tasks.")


def read_requirement(text: str | None, arms: list[str]) -> Required | None:
    """`keep` or `keep:few_shot`, checked before the run that it would judge."""
    if text is None:
        return None
    kind, _, arm = text.partition(":")
    if kind not in VERDICTS or (arm and arm not in arms):
        raise Refusal(
            f"--require {text}: expected one of {', '.join(VERDICTS)}, alone or with an arm, "
            f"such as keep:few_shot; arms are {', '.join(arms)}."
        )
    return kind, arm or None


def _meets(verdict: Verdict, required: Required) -> bool:
    kind, arm = required
    return verdict.kind == kind and arm in (None, verdict.arm)
