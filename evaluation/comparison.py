"""The main path: labelled examples in, a decision memo out. One line a stage; read this file first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluation.admission import Admission, Admitted, admit, form_says_no, learns_a_form
from evaluation.arm import ArmSpec, Foreseen
from evaluation.audit import Audit, AuditBlocked
from evaluation.contrasts import contrast_arms
from evaluation.dataset import inputs_of
from evaluation.decision import Barred, Evidence, Verdict, decide
from evaluation.fairness import AuditedTexts, check_finished, check_planned
from evaluation.items import every_item_tested
from evaluation.kept_rows import keep_rows
from evaluation.learning import Learning, learn, plan_curve
from evaluation.memo import Measured, write_memo
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import Beliefs, believe
from evaluation.prior import GainPrior, Prior, gain_prior
from evaluation.recorded import cheapest_first
from evaluation.repetition import AskedAgain, Repetition, ask_again, draw_items
from evaluation.report import Report
from evaluation.scoring import ScoredArm, score_arm, statistics_design, with_similarity
from evaluation.setup import Comparison, Progress, TrainingCost, policy_for
from evaluation.side_effects import Compared, SideEffects, find_side_effects
from evaluation.spending import foresee, together
from evaluation.splits import Split, given_split, split_dataset
from evaluation.trials import FinishedTrial, PlannedTrial, RunTrials, plan_trials, run_trials

__all__ = ["Comparison", "Progress", "TooFewArms", "TrainingCost", "compare", "policy_for"]


class TooFewArms(ValueError):
    """Fewer than two arms are left to compare."""

    def __init__(self, given_up: Mapping[str, str]) -> None:
        why = "; ".join(f"{title}: {reason}" for title, reason in given_up.items())
        super().__init__(f"A comparison needs at least two arms. {why}".strip())


def compare(comparison: Comparison, audit: Audit, progress: Progress, run_all: RunTrials = run_trials) -> Report:
    """Run what has not run yet, decide, and report. Raises `AuditBlocked` before anything is fitted.

    With `collect_trials` nothing runs here: `TrialsWanted` tells what has to run elsewhere before this is called again.
    """
    if audit.blockers:
        raise AuditBlocked(audit)
    if len(comparison.specs) + (len(comparison.recorded.arms) if comparison.recorded else 0) < 2:
        raise TooFewArms(comparison.given_up)
    policy = policy_for(comparison)
    split = _split(comparison, audit)
    run = _Running(comparison, AuditedTexts.of(comparison.dataset, comparison.test, audit), progress, [], run_all)
    admitted = _admit(comparison, split, policy, run, audit.ceiling)
    curve = _plan_curve(comparison, admitted, split, policy)
    finished, *curve_results = run([admitted.trials, *curve])
    keep_rows(split, comparison.task.kind, comparison.folder)
    arms = _arms(comparison, finished, split, policy)
    side_effects = _side_effects(comparison, arms, finished, split, policy)
    evidence = _evidence(comparison, arms, admitted.admissions, side_effects, split, policy)
    learning = _learning(comparison, arms, evidence, split, curve_results, policy)
    verdict = decide(evidence, policy)
    repetition = _ask_again(comparison, verdict, arms, finished, split, policy, run)
    measured = Measured(
        comparison, audit, split, policy, arms, finished, curve_results, evidence, admitted.admissions, side_effects,
        learning, repetition, together(run.foreseen),
    )  # fmt: skip
    return write_memo(measured, verdict, lambda other: _decide_again(comparison, evidence, split, other))


def _split(comparison: Comparison, audit: Audit) -> Split:
    if not comparison.specs:
        return every_item_tested(comparison.dataset, audit.groups, comparison.seed)
    if comparison.test is not None:
        return given_split(comparison.dataset, audit.left_out, comparison.test, audit.test_groups, comparison.seed)
    return split_dataset(
        comparison.dataset, audit.groups, comparison.policy, comparison.seed, by_label=comparison.task.has_one_label
    )


def _admit(comparison: Comparison, split: Split, policy: EvaluationPolicy, run: _Running, ceiling: float) -> Admitted:
    """Every trial, but those of a fine-tune that cannot change the decision; the gate may have to measure first."""
    planned = plan_trials(comparison.specs, comparison.task, split, policy)
    check_planned(planned, run.texts)

    def measure(trials: Sequence[PlannedTrial]) -> list[ScoredArm]:
        return _arms(comparison, run([trials])[0], split, policy)

    def prior_for(spec: ArmSpec, best: ScoredArm) -> GainPrior:
        return _prior(comparison, split, best.accuracy).gain(spec.name, best.spec.name)

    return admit(comparison, planned, split, policy, prior_for, measure, ceiling)


def _plan_curve(
    comparison: Comparison, admitted: Admitted, split: Split, policy: EvaluationPolicy
) -> list[list[PlannedTrial]]:
    if not comparison.learning_curve:
        return []
    return plan_curve(admitted.arms(comparison.specs), comparison.task, split, policy)


@dataclass(frozen=True)
class _Running:
    """Runs trials under the eyes of the fairness guard; raises `UnfairComparison` before or right after a bad fit."""

    comparison: Comparison
    texts: AuditedTexts
    progress: Progress
    foreseen: list[Foreseen]
    """What was told before each part that had to be paid for."""
    run_all: RunTrials

    def __call__(self, parts: Sequence[Sequence[PlannedTrial]]) -> list[list[FinishedTrial]]:
        """Run every trial once, also one that several parts share; each part gets it with its own rows."""
        planned = list({trial.key: trial for part in parts for trial in part}.values())
        check_planned([trial for part in parts for trial in part], self.texts)
        self.pay(foresee(planned, self.comparison.folder))
        self.progress.planned(planned)
        finished = self.run_all(planned, self.comparison.folder, self._prepare, self.progress.done, self._judge)
        by_key = {trial.trial.key: trial for trial in finished}
        return [[replace(by_key[trial.key], rows=trial.rows) for trial in part] for part in parts]

    def pay(self, spending: Foreseen) -> None:
        """Raises an error unless whoever watches agrees."""
        if spending.calls:
            self.progress.foreseen(spending)
            self.foreseen.append(spending)

    def _prepare(self) -> None:
        """Shows every base model all texts once, in file order, so that no later call depends on what ran before."""
        comparison = self.comparison
        rows = (*comparison.dataset.examples, *(comparison.test.examples if comparison.test else ()))
        self.progress.preparing()
        for prepare_texts in dict.fromkeys(spec.prepare for spec in comparison.specs):
            prepare_texts(inputs_of(rows))
        self.progress.prepared()

    def _judge(self, planned: PlannedTrial, finished: FinishedTrial) -> None:
        check_finished(planned, finished, self.texts)


def _arms(
    comparison: Comparison, finished: Sequence[FinishedTrial], split: Split, policy: EvaluationPolicy
) -> list[ScoredArm]:
    """Those fitted here and those recorded elsewhere, the cheapest first."""
    names = {trial.trial.arm for trial in finished}
    arms = [
        score_arm(spec, _of(spec.name, finished), split, comparison.task, policy, comparison.known_deviation(spec))
        for spec in comparison.specs
        if spec.name in names
    ]
    if comparison.similarity is not None and comparison.task.kind == "generation":
        arms = [with_similarity(arm, split, comparison.similarity) for arm in arms]
    if comparison.recorded is None:
        return arms
    return cheapest_first([*arms, *comparison.recorded.scored(split.tested, policy)], policy)


def _of(arm: str, finished: Sequence[FinishedTrial]) -> list[FinishedTrial]:
    return [trial for trial in finished if trial.trial.arm == arm]


def _evidence(
    comparison: Comparison,
    arms: Sequence[ScoredArm],
    admissions: tuple[Admission, ...],
    side_effects: Sequence[SideEffects],
    split: Split,
    policy: EvaluationPolicy,
) -> Evidence:
    barred = _barred(comparison, arms, side_effects)
    options = [arm for arm in arms if arm.spec.name not in {bar.arm.spec.name for bar in barred}]
    prior = _prior(comparison, split, max((arm.accuracy for arm in arms if not arm.spec.is_fine_tune), default=0.0))
    beliefs = _beliefs(comparison, options, split, prior, policy)
    contrasts = contrast_arms(arms, statistics_design(split, policy), policy)
    return Evidence(options, contrasts, beliefs, prior, len(split.tested), admissions, barred, comparison.given_up)


def _side_effects(
    comparison: Comparison,
    arms: Sequence[ScoredArm],
    finished: Sequence[FinishedTrial],
    split: Split,
    policy: EvaluationPolicy,
) -> tuple[SideEffects, ...]:
    rng = np.random.default_rng([comparison.seed, 3])
    return find_side_effects(Compared(arms, finished, split, policy, comparison.folder), rng)


def _ask_again(
    comparison: Comparison,
    verdict: Verdict,
    arms: Sequence[ScoredArm],
    finished: Sequence[FinishedTrial],
    split: Split,
    policy: EvaluationPolicy,
    run: _Running,
) -> Repetition | None:
    """The recommended arm, at the temperatures that somebody asked for."""
    arm = next(arm for arm in arms if arm.spec.name == verdict.arm)
    if arm.spec.repeat is None or not comparison.temperatures:
        return None
    drawn = draw_items(split, np.random.default_rng([comparison.seed, 4]))
    again = AskedAgain(arm, comparison.temperatures, finished, split, comparison.task, comparison.folder, drawn)
    if (spending := again.foreseen()).calls:
        run.progress.foreseen(spending)
    return ask_again(again, policy.confidence)


def _barred(
    comparison: Comparison, arms: Sequence[ScoredArm], side_effects: Sequence[SideEffects]
) -> tuple[Barred, ...]:
    """Arms that were measured all the same, and may not be chosen; none where nothing else was compared."""
    forbidden = form_says_no(comparison.assessment, vetoes_only=True)
    by_form = (forbidden,) if forbidden is not None else ()
    reasons = {found.arm: (*by_form, *found.blocks) for found in side_effects}
    barred = tuple(Barred(arm, reasons[arm.spec.name]) for arm in arms if reasons.get(arm.spec.name))
    return barred if len(barred) < len(arms) else ()


def _prior(comparison: Comparison, split: Split, best_cheap: float) -> Prior:
    """What the same arms did elsewhere; what was published of such tasks where nobody knows."""
    labels = len(comparison.task.labels)
    if comparison.recorded is not None and not comparison.specs:
        return comparison.recorded.gain_prior(labels, best_cheap, form_of_answers=learns_a_form(comparison.form))
    if not comparison.task.has_one_label:
        of_records = comparison.task.kind == "extraction"
        return gain_prior(1, 0, best_cheap, form_of_answers=of_records or learns_a_form(comparison.form))
    published = gain_prior(labels, split.train_size, best_cheap)
    if comparison.experience is None:
        return published
    return comparison.experience.prior(comparison.specs, labels, split.train_size, published)


def _beliefs(
    comparison: Comparison, arms: Sequence[ScoredArm], split: Split, prior: Prior, policy: EvaluationPolicy
) -> Beliefs:
    rng = np.random.default_rng([comparison.seed, 1])
    return believe(arms, statistics_design(split, policy), prior, policy, rng)


def _decide_again(comparison: Comparison, evidence: Evidence, split: Split, policy: EvaluationPolicy) -> Verdict:
    """The same contrasts under other prices, which move the beliefs as well as the margins."""
    beliefs = _beliefs(comparison, evidence.arms, split, evidence.prior, policy)
    return decide(replace(evidence, beliefs=beliefs), policy)


def _learning(
    comparison: Comparison,
    arms: Sequence[ScoredArm],
    evidence: Evidence,
    split: Split,
    results: Sequence[Sequence[FinishedTrial]],
    policy: EvaluationPolicy,
) -> Learning | None:
    if not comparison.learning_curve:
        return None
    return learn(arms, evidence.contrasts, comparison.task, split, results, policy)
