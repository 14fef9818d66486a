"""`advisor compare --recorded`: answers that somebody already has, alone or beside the encoder's arms."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.catalogue import encoder_arms
from evaluation.arm import ArmSpec
from evaluation.audit import Audit
from evaluation.comparison import Comparison, Progress, compare
from evaluation.dataset import Dataset, Task
from evaluation.experience import Experience
from evaluation.items import audit_items, read_items
from evaluation.policy import EvaluationPolicy
from evaluation.readers import Columns
from evaluation.recorded import BY_LABEL, NOT_STATED, Recorded
from evaluation.recorded_reader import Reading, read_families, read_recorded
from service.commands.arms import read_backends
from service.commands.compare import (
    RUNS,
    Request,
    conclude,
    kind_of,
    read_requirement,
    refuse_blockers,
    refuse_images,
    signed_off,
    training_cost_of,
)
from service.commands.documents import read_form
from service.commands.examples import configured_encoder, read_examples
from service.commands.experience import experience_with
from service.commands.progress import Bars
from service.commands.task_file import read_task_file
from service.refusals import Refusal
from service.rulebook import load_rulebook
from service.run_folder import TRIALS, locked, write_report
from service.settings import Settings, load_settings


@dataclass(frozen=True)
class Answers:
    """What the command's arguments say of recorded answers."""

    file: Path | None
    families: Sequence[str] = ()
    missing_as_failures: bool = False
    with_encoder: bool = False


@dataclass(frozen=True)
class _Asked:
    """The rows that were answered, and the arms that are to answer them here."""

    dataset: Dataset
    test: Dataset | None
    audit: Audit
    task: Task
    specs: Sequence[ArmSpec]
    experience: Experience | None = None

    @property
    def tested(self) -> Dataset:
        return self.test or self.dataset


def run_compare_recorded(request: Request, answers: Answers) -> None:
    """Everything is read and checked before anything is fitted or written."""
    if answers.file is None:
        raise Refusal("--family, --missing-as-failures and --with-encoder go with --recorded FILE; name the file.")
    settings = load_settings()
    rulebook = load_rulebook(request.policy or settings.policy, request.models or settings.models)
    form = read_form(request.form) if request.form else None
    if answers.with_encoder:
        refuse_images(form)
        read_backends((), read_task_file(None, kind_of(request, form)), settings)
    policy = EvaluationPolicy().laid_out_as(rulebook.policy)
    asked = _for_the_encoder(request, settings, policy) if answers.with_encoder else _answered(request, policy)
    asked = replace(asked, audit=signed_off(asked.audit, request))
    reading = Reading(read_families(answers.families), answers.missing_as_failures)
    recorded = _apart(read_recorded(answers.file, asked.tested, policy, reading), asked.specs)
    names = [spec.name for spec in asked.specs] + [arm.name for arm in recorded.arms]
    if len(names) < 2:
        raise Refusal(f"{recorded.file} has one arm, {names[0]!r}; a comparison needs two, or --with-encoder.")
    required = read_requirement(request.require, names)
    refuse_blockers(asked.audit, request)
    folder = request.out or RUNS / request.data.stem
    comparison = Comparison(
        dataset=asked.dataset,
        test=asked.test,
        task=asked.task,
        form=rulebook.filled_in(form) if form else None,
        assessment=rulebook.assess(form) if form else None,
        specs=asked.specs,
        policy=policy,
        seed=request.seed,
        folder=folder / TRIALS,
        recorded=recorded,
        learning_curve=request.learning_curve,
        training_cost=training_cost_of(request, form, rulebook.policy),
        exhaustive=request.exhaustive,
        experience=asked.experience,
    )
    with locked(folder), Bars() if asked.specs else nullcontext(Progress()) as progress:
        report = compare(comparison, asked.audit, progress)
        paths = write_report(folder, report)
    conclude(report, paths, request, required)


def _answered(request: Request, policy: EvaluationPolicy) -> _Asked:
    """Items of any task; nothing is run on them."""
    for option, value in (("--test", request.test), ("--labels", request.labels)):
        if value is not None:
            raise Refusal(
                f"{option} {value}: recorded answers have no use for it; leave it out, or add --with-encoder."
            )
    items = read_items(request.data, Columns(request.input_column, request.output_column))
    return _Asked(items, None, audit_items(items, policy), Task(items.labels), ())


def _for_the_encoder(request: Request, settings: Settings, policy: EvaluationPolicy) -> _Asked:
    """Labelled examples, as for a comparison without recorded answers."""
    encoder = configured_encoder(settings)
    columns = Columns(request.input_column, request.output_column)
    examples = read_examples(request.data, request.test, columns, encoder, policy)
    task = read_task_file(None, None, request.labels).task(examples.dataset, examples.test)
    return _Asked(
        examples.dataset, examples.test, examples.audit, task, encoder_arms(encoder), experience_with(encoder)
    )  # fmt: skip


def _apart(recorded: Recorded, specs: Sequence[ArmSpec]) -> Recorded:
    """Beside arms that are right or wrong, only such answers; a name that both have goes with the model's."""
    if not specs:
        return recorded
    if recorded.judged_by == "score":
        raise Refusal(
            f"{recorded.file}: scores from 0 to 1 cannot stand beside the encoder's arms, which are right or wrong; "
            f"expected a column 'correct' or {BY_LABEL!r}, or no --with-encoder."
        )
    taken = {spec.name for spec in specs}
    arms = (
        replace(arm, name=f"{arm.name} ({'recorded' if arm.model == NOT_STATED else arm.model})")
        if arm.name in taken
        else arm
        for arm in recorded.arms
    )
    return replace(recorded, arms=tuple(arms))
