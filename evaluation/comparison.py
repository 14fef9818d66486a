"""The main path: labelled examples in, a decision memo out. One line a stage; read this file first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from evaluation.arm import ArmSpec
from evaluation.audit import Audit, AuditBlocked
from evaluation.automation import find_automation
from evaluation.contrasts import arm_interval, contrast_arms
from evaluation.dataset import Dataset, Task, inputs_of
from evaluation.decision import Evidence, Verdict, decide
from evaluation.flips import find_flips
from evaluation.items import every_item_tested
from evaluation.learning import Learning, learn, plan_curve
from evaluation.origin import estimand_of, origin_of
from evaluation.outlook import look_ahead
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import Beliefs, GainPrior, believe, gain_prior
from evaluation.provenance import Provenance, advisor_version, library_versions, machine, python_version, source_sha256
from evaluation.recorded import Recorded, cheapest_first
from evaluation.report import (
    MOST_DISAGREEMENTS,
    VERSION,
    ArmResult,
    ArmTime,
    Report,
    Times,
    find_disagreements,
    summarise_split,
)
from evaluation.scoring import ScoredArm, macro_f1_of, score_arm, statistics_design
from evaluation.splits import Split, given_split, split_dataset
from evaluation.trials import FinishedTrial, PlannedTrial, plan_trials, run_trials
from rules.assess import Assessment
from rules.form import Form


@dataclass(frozen=True)
class Comparison:
    """Everything that determines a comparison, and the judged form beside it.

    `folder` keeps its trials; the same comparison in the same folder goes on where it stopped. `recorded` are answers
    of further arms to every test row; without `specs` they are all that is compared, and every row is tested.
    """

    dataset: Dataset
    test: Dataset | None
    task: Task
    form: Form | None
    assessment: Assessment | None
    specs: Sequence[ArmSpec]
    policy: EvaluationPolicy
    seed: int
    folder: Path
    recorded: Recorded | None = None
    learning_curve: bool = True


class Progress:
    """What happens while a comparison runs; the default shows nothing."""

    def planned(self, trials: Sequence[PlannedTrial]) -> None:
        """Before the first trial."""

    def preparing(self) -> None:
        """Before the base model reads every text; not called where every trial is read back."""

    def prepared(self) -> None:
        """After every text has been read by the base model."""

    def done(self, trial: PlannedTrial) -> None:
        """After each trial, run or read back."""


def compare(comparison: Comparison, audit: Audit, progress: Progress) -> Report:
    """Run what has not run yet, decide, and report. Raises `AuditBlocked` before anything is fitted."""
    if audit.blockers:
        raise AuditBlocked(audit)
    if len(comparison.specs) + (len(comparison.recorded.arms) if comparison.recorded else 0) < 2:
        raise ValueError("A comparison needs at least two arms.")
    policy = policy_for(comparison)
    split = _split(comparison, audit)
    planned = plan_trials(comparison.specs, comparison.task, split, policy)
    curve = plan_curve(comparison.specs, comparison.task, split, policy) if comparison.learning_curve else []
    results = _run([planned, *curve], comparison, progress)
    finished = results[0]
    arms = _arms(comparison, finished, split, policy)
    evidence = _evidence(comparison, arms, split, policy)
    learning = _learning(comparison, evidence, split, results[1:], policy)
    return _report(comparison, audit, split, evidence, policy, finished, learning)


def policy_for(comparison: Comparison) -> EvaluationPolicy:
    """The policy with the form's own worthwhile gain, if it is answered."""
    gain = comparison.form.success.worthwhile_gain if comparison.form else None
    return comparison.policy if gain is None else comparison.policy.model_copy(update={"worthwhile_gain": gain})


def _split(comparison: Comparison, audit: Audit) -> Split:
    if not comparison.specs:
        return every_item_tested(comparison.dataset, audit.groups, comparison.seed)
    if comparison.test is not None:
        return given_split(comparison.dataset, audit.left_out, comparison.test, audit.test_groups, comparison.seed)
    return split_dataset(comparison.dataset, audit.groups, comparison.policy, comparison.seed)


def _preparation(comparison: Comparison, progress: Progress) -> Callable[[], None]:
    """Shows every base model all texts once, in file order, so that no later call depends on what ran before."""
    rows = (*comparison.dataset.examples, *(comparison.test.examples if comparison.test else ()))

    def prepare() -> None:
        progress.preparing()
        for prepare_texts in dict.fromkeys(spec.prepare for spec in comparison.specs):
            prepare_texts(inputs_of(rows))
        progress.prepared()

    return prepare


def _run(
    parts: Sequence[Sequence[PlannedTrial]], comparison: Comparison, progress: Progress
) -> list[list[FinishedTrial]]:
    """Run every trial once, also one that several parts share; each part gets it with its own rows."""
    planned = list({trial.key: trial for part in parts for trial in part}.values())
    progress.planned(planned)
    finished = run_trials(planned, comparison.folder, _preparation(comparison, progress), progress.done)
    by_key = {trial.trial.key: trial for trial in finished}
    return [[replace(by_key[trial.key], rows=trial.rows) for trial in part] for part in parts]


def _learning(
    comparison: Comparison,
    evidence: Evidence,
    split: Split,
    results: Sequence[Sequence[FinishedTrial]],
    policy: EvaluationPolicy,
) -> Learning | None:
    if not comparison.learning_curve:
        return None
    return learn(evidence.arms, evidence.contrasts, comparison.task, split, results, policy)


def _arms(
    comparison: Comparison, finished: Sequence[FinishedTrial], split: Split, policy: EvaluationPolicy
) -> list[ScoredArm]:
    """Those fitted here and those recorded elsewhere, the cheapest first."""
    arms = [score_arm(spec, _of(spec, finished), split, comparison.task, policy) for spec in comparison.specs]
    if comparison.recorded is None:
        return arms
    return cheapest_first([*arms, *comparison.recorded.scored(split.tested, policy)], policy)


def _of(spec: ArmSpec, finished: Sequence[FinishedTrial]) -> list[FinishedTrial]:
    return [trial for trial in finished if trial.trial.arm == spec.name]


def _evidence(comparison: Comparison, arms: Sequence[ScoredArm], split: Split, policy: EvaluationPolicy) -> Evidence:
    design = statistics_design(split, policy)
    cheap = [arm.accuracy for arm in arms if not arm.spec.is_fine_tune]
    labels, best_cheap = len(comparison.task.labels), max(cheap, default=0.0)
    if comparison.recorded is not None and not comparison.specs:
        prior = comparison.recorded.gain_prior(labels, best_cheap)
    else:
        prior = gain_prior(labels, split.train_size, best_cheap)
    beliefs = _beliefs(comparison, arms, split, prior, policy)
    return Evidence(arms, contrast_arms(arms, design, policy), beliefs, prior, len(split.tested))


def _beliefs(
    comparison: Comparison, arms: Sequence[ScoredArm], split: Split, prior: GainPrior, policy: EvaluationPolicy
) -> Beliefs:
    rng = np.random.default_rng([comparison.seed, 1])
    return believe(arms, statistics_design(split, policy), prior, policy, rng)


def _report(
    comparison: Comparison,
    audit: Audit,
    split: Split,
    evidence: Evidence,
    policy: EvaluationPolicy,
    finished: Sequence[FinishedTrial],
    learning: Learning | None,
) -> Report:
    verdict, recorded = decide(evidence, policy), comparison.recorded
    if recorded is not None:
        verdict = verdict.model_copy(update={"estimand": estimand_of(recorded, policy, alone=not comparison.specs)})
    disagreements = find_disagreements(evidence.arms, split)
    rng = np.random.default_rng([comparison.seed, 2])
    return Report(
        version=VERSION,
        task_name=(comparison.form.task.name if comparison.form else None) or comparison.dataset.name,
        verdict=verdict,
        arms=tuple(_result(arm, split, policy, rng) for arm in evidence.arms),
        contrasts=tuple(evidence.contrasts),
        automation=find_automation(_recommended(verdict, evidence), evidence.arms, split, policy),
        learning=learning,
        flips=find_flips(verdict, policy, lambda other: _decide_again(comparison, evidence, split, other)),
        outlook=look_ahead(verdict, comparison.form, len(split.tested)),
        audit=audit,
        split=summarise_split(split, len(audit.left_out)),
        assessment=comparison.assessment,
        target=comparison.form.success.target if comparison.form else None,
        disagreements=tuple(disagreements[:MOST_DISAGREEMENTS]),
        disagreements_in_all=len(disagreements),
        policy=policy,
        provenance=_provenance(comparison, evidence.arms, split, policy, finished),
        times=_times(evidence.arms),
        origin=origin_of(recorded, policy) if recorded is not None else None,
    )


def _recommended(verdict: Verdict, evidence: Evidence) -> ScoredArm:
    return next(arm for arm in evidence.arms if arm.spec.name == verdict.arm)


def _decide_again(comparison: Comparison, evidence: Evidence, split: Split, policy: EvaluationPolicy) -> Verdict:
    """The same contrasts under other prices, which move the beliefs as well as the margins."""
    beliefs = _beliefs(comparison, evidence.arms, split, evidence.prior, policy)
    return decide(replace(evidence, beliefs=beliefs), policy)


def _result(arm: ScoredArm, split: Split, policy: EvaluationPolicy, rng: np.random.Generator) -> ArmResult:
    interval = arm_interval(arm, statistics_design(split, policy), policy.confidence)
    f1 = macro_f1_of(arm, split, policy, rng) if arm.answers_are_labels else None
    return ArmResult(
        name=arm.spec.name, title=arm.spec.title, family=arm.spec.family, base_model=arm.spec.base_model,
        accuracy=arm.accuracy, low=interval.low, high=interval.high,
        macro_f1=f1.value if f1 else None,
        macro_f1_low=f1.interval.low if f1 and f1.interval else None,
        macro_f1_high=f1.interval.high if f1 and f1.interval else None,
        run_accuracies=tuple(arm.outcomes.scores.mean(axis=1).tolist()),
        fits=arm.outcomes.fits, train_size=arm.train_size,
        failures=arm.failures, unknown_labels=arm.unknown_labels,
        price=policy.price(arm.spec.family),
    )  # fmt: skip


def _provenance(
    comparison: Comparison,
    arms: Sequence[ScoredArm],
    split: Split,
    policy: EvaluationPolicy,
    finished: Sequence[FinishedTrial],
) -> Provenance:
    return Provenance(
        advisor=advisor_version(),
        source_sha256=source_sha256(),
        python=python_version(),
        machine=machine(),
        libraries=library_versions(),
        dataset_sha256=comparison.dataset.fingerprint,
        test_sha256=comparison.test.fingerprint if comparison.test else None,
        split_sha256=split.sha256,
        policy_sha256=policy.sha256(),
        seed=comparison.seed,
        base_models={arm.spec.base_model: arm.spec.determined_by.get("weights", "not known") for arm in arms},
        trials={f"{done.trial.arm}/{done.trial.fold}/{done.trial.run}": done.trial.key for done in finished},
    )


def _times(arms: Sequence[ScoredArm]) -> Times:
    return Times(
        created=datetime.now(UTC),
        arms={
            arm.spec.name: ArmTime(
                fit_seconds=arm.fit_seconds,
                total_seconds=arm.total_seconds,
                milliseconds_per_item=arm.milliseconds_per_item,
            )
            for arm in arms
        },
    )
