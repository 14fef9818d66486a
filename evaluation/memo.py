"""From the decision to the report: every part that a reader is shown, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from evaluation.admission import Admission
from evaluation.answer_languages import find_other_languages
from evaluation.arm import ArmSpec, Foreseen, Prediction
from evaluation.audit import Audit
from evaluation.automation import find_automation
from evaluation.contrasts import arm_interval
from evaluation.decision import Evidence, Verdict
from evaluation.fairness import Fairness, describe_fairness
from evaluation.flips import find_flips
from evaluation.leakage import leakage_effect
from evaluation.learning import Learning
from evaluation.origin import estimand_of, origin_of
from evaluation.outlook import look_ahead
from evaluation.policy import EvaluationPolicy
from evaluation.provenance import Provenance, advisor_version, library_versions, machine, python_version, source_sha256
from evaluation.repetition import Repetition
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
from evaluation.retrieval_quality import RetrievalQuality, retrieval_quality
from evaluation.scoring import SEMANTIC_SIMILARITY, ScoredArm, macro_f1_of, statistics_design
from evaluation.setup import Comparison
from evaluation.side_effects import SideEffects
from evaluation.spending import measure_spending
from evaluation.splits import Split
from evaluation.trials import FinishedTrial

RIGHT_FROM = 0.5
"""Of a score between 0 and 1, where an answer has to be called right or wrong."""


@dataclass(frozen=True)
class Measured:
    """What a comparison found out. `arms` are all that were measured; the evidence holds those that may be chosen."""

    comparison: Comparison
    audit: Audit
    split: Split
    policy: EvaluationPolicy
    arms: Sequence[ScoredArm]
    finished: Sequence[FinishedTrial]
    curve: Sequence[Sequence[FinishedTrial]]
    evidence: Evidence
    admissions: tuple[Admission, ...]
    side_effects: tuple[SideEffects, ...]
    learning: Learning | None
    repetition: Repetition | None
    foreseen: Foreseen


def write_memo(measured: Measured, verdict: Verdict, decide_again: Callable[[EvaluationPolicy], Verdict]) -> Report:
    """`decide_again` gives the verdict under another policy."""
    comparison, split, policy, arms = measured.comparison, measured.split, measured.policy, measured.arms
    recorded = comparison.recorded
    if recorded is not None:
        verdict = verdict.model_copy(update={"estimand": estimand_of(recorded, policy, alone=not comparison.specs)})
    disagreements = find_disagreements(arms, split)
    rng = np.random.default_rng([comparison.seed, 2])
    return Report(
        version=VERSION,
        task_name=(comparison.form.task.name if comparison.form else None) or comparison.dataset.name,
        verdict=verdict,
        arms=tuple(_result(arm, split, policy, rng) for arm in arms),
        contrasts=tuple(measured.evidence.contrasts),
        admissions=measured.admissions,
        side_effects=measured.side_effects,
        fairness=_fairness(measured),
        leakage=leakage_effect(arms, split, measured.audit, verdict.arm, policy, _recorded_names(comparison)),
        automation=find_automation(_recommended(verdict, arms), arms, split, policy),
        learning=measured.learning,
        spending=measure_spending(measured.foreseen, measured.finished, comparison.specs),
        repetition=measured.repetition,
        retrieval=_retrieval(arms, split, comparison.task.language, policy),
        other_languages=find_other_languages(arms, split, comparison.task),
        metric=_metric(comparison, arms),
        similarity_model=_similarity_model(comparison, arms),
        flips=find_flips(verdict, policy, decide_again),
        outlook=look_ahead(verdict, comparison.form, len(split.tested)),
        audit=measured.audit,
        split=summarise_split(split, len(measured.audit.left_out)),
        assessment=comparison.assessment,
        target=comparison.form.success.target if comparison.form else None,
        disagreements=tuple(disagreements[:MOST_DISAGREEMENTS]),
        disagreements_in_all=len(disagreements),
        policy=policy,
        provenance=_provenance(comparison, arms, split, policy, measured.finished),
        times=_times(arms, comparison.specs),
        origin=origin_of(recorded, policy) if recorded is not None else None,
    )


def _fairness(measured: Measured) -> Fairness:
    every = [*measured.finished, *(trial for part in measured.curve for trial in part)]
    once = list({trial.trial.key: trial for trial in every}.values())
    return describe_fairness(measured.comparison.specs, once, measured.comparison.recorded)


def _recorded_names(comparison: Comparison) -> tuple[str, ...]:
    return tuple(arm.name for arm in comparison.recorded.arms) if comparison.recorded is not None else ()


def _recommended(verdict: Verdict, arms: Sequence[ScoredArm]) -> ScoredArm:
    return next(arm for arm in arms if arm.spec.name == verdict.arm)


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
        failures=arm.failures, unread=arm.unread,
        price=policy.price(arm.spec.family),
        metrics=dict(arm.metrics),
        support=arm.support,
    )  # fmt: skip


def _retrieval(
    arms: Sequence[ScoredArm], split: Split, language: str, policy: EvaluationPolicy
) -> dict[str, RetrievalQuality]:
    """Of every arm that searches, where rows name their evidence. A score of half or more counts as right."""
    found = {}
    for arm in arms:
        if arm.passages:
            shown = [Prediction(None, passages=passages) for passages in arm.passages]
            right = (arm.outcomes.scores[0] >= RIGHT_FROM).tolist()
            quality = retrieval_quality(split.tested, shown, right, confidence=policy.confidence, language=language)
            if quality is not None:
                found[arm.spec.name] = quality
    return found


def _metric(comparison: Comparison, arms: Sequence[ScoredArm]) -> str:
    """What is compared: the recorded answers' own name for it, else the task's deciding metric."""
    if comparison.recorded is not None:
        return comparison.recorded.metric
    return next(iter(arms[0].metrics), "accuracy")


def _similarity_model(comparison: Comparison, arms: Sequence[ScoredArm]) -> str | None:
    if comparison.similarity is None or not any(SEMANTIC_SIMILARITY in arm.metrics for arm in arms):
        return None
    return comparison.similarity.model


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


def _times(arms: Sequence[ScoredArm], specs: Sequence[ArmSpec]) -> Times:
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
        machine=tuple(told for each in dict.fromkeys(spec.measured for spec in specs) if each for told in each()),
    )
