"""Which fine-tunes are trained: those that can still change the decision (protocol 7.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from evaluation.arm import ArmSpec
from evaluation.contrasts import arm_interval
from evaluation.gate import Gate, Stakes, Step, Trainings, after_one_seed, before_training
from evaluation.policy import EvaluationPolicy
from evaluation.prior import GainPrior
from evaluation.scoring import ScoredArm, statistics_design
from evaluation.setup import Comparison
from evaluation.splits import Design, Split
from evaluation.statistics import estimate_difference
from evaluation.trials import PlannedTrial
from rules.assess import Assessment
from rules.family import Family
from rules.finding import Method
from rules.form import Form
from rules.layout import Backend

Measure = Callable[[Sequence[PlannedTrial]], Sequence[ScoredArm]]
"""Runs these trials and scores their arms, with whatever else is compared."""
PriorFor = Callable[[ArmSpec, ScoredArm], GainPrior]
"""What is expected of a fine-tune's lead over the best cheap arm, given that arm's measurement."""


class Admission(BaseModel):
    """What was decided about training one arm, step by step."""

    model_config = ConfigDict(frozen=True)

    arm: str
    title: str
    steps: tuple[Gate, ...]

    @property
    def is_trained(self) -> bool:
        return self.steps[0].decision is Step.TRAIN

    @property
    def stopped_early(self) -> bool:
        """Whether it was trained once and no more."""
        return self.steps[-1].decision is Step.STOP


@dataclass(frozen=True)
class Admitted:
    """The trials to run, and the decision about each fine-tune."""

    trials: list[PlannedTrial]
    admissions: tuple[Admission, ...]

    def arms(self, specs: Sequence[ArmSpec]) -> list[ArmSpec]:
        """Those that have a trial, in their order."""
        names = {trial.spec.name for trial in self.trials}
        return [spec for spec in specs if spec.name in names]


def admit(
    comparison: Comparison,
    planned: Sequence[PlannedTrial],
    split: Split,
    policy: EvaluationPolicy,
    prior_for: PriorFor,
    measure: Measure,
    ceiling: float = 1.0,
) -> Admitted:
    """Every trial of the other arms, and those of each fine-tune that the gate lets through.

    Where a training costs nothing, nothing is measured before: every fine-tune that the form allows is trained.
    `ceiling` is the highest accuracy that the labels let anybody measure.
    """
    cheap = [trial for trial in planned if not trial.spec.is_fine_tune]
    tuned = {trial.spec.name: trial.spec for trial in planned if trial.spec.is_fine_tune}
    trials, admissions = list(cheap), []
    for name, spec in tuned.items():
        own = [trial for trial in planned if trial.spec.name == name]
        forbidden = None if comparison.exhaustive else form_says_no(comparison.assessment)
        if forbidden is not None:
            skipped = Gate(decision=Step.SKIP, reason=f"Not trained, because {forbidden}.", evsi=0.0, cost=0.0)
            admissions.append(Admission(arm=name, title=spec.title, steps=(skipped,)))
            continue
        question = _Question(comparison, split, policy, prior_for, measure, cheap, ceiling)
        let_through, steps = question.of(spec, own)
        trials += let_through
        admissions.append(Admission(arm=name, title=spec.title, steps=steps))
    return Admitted(trials, tuple(admissions))


def form_says_no(assessment: Assessment | None, *, vetoes_only: bool = False) -> str | None:
    """Why the judged form leaves a fine-tune out; None where it does not, or nobody filled one in.

    A veto also forbids to recommend it. What the plan leaves out for its score alone is measured all the same where
    that costs seconds.
    """
    if assessment is None:
        return None
    vetoes = assessment.methods[Method.FINE_TUNING].vetoes
    if vetoes:
        return f"the form rules a fine-tune out ({', '.join(vetoes)})"
    if vetoes_only or assessment.plan.backend is not Backend.ENCODER:
        return None
    return next(
        (out.why.rstrip(".").replace("A cheaper", "a cheaper", 1) for out in assessment.plan.left_out
         if out.family is Family.LORA),
        None,
    )  # fmt: skip


def learns_a_form(form: Form | None) -> bool:
    """Whether, by the form, answers fail on how they look, or are records: where fine-tunes gain most (3.10)."""
    if form is None:
        return False
    failures = set(form.task.failures or ())
    return form.task.kind == "extraction" or bool(failures & {"wrong_format", "inconsistent_style"})


@dataclass(frozen=True)
class _Question:
    """Whether one fine-tune earns its training, asked before the first and after it."""

    comparison: Comparison
    split: Split
    policy: EvaluationPolicy
    prior_for: PriorFor
    measure: Measure
    cheap: Sequence[PlannedTrial]
    ceiling: float

    def of(self, spec: ArmSpec, own: Sequence[PlannedTrial]) -> tuple[list[PlannedTrial], tuple[Gate, ...]]:
        """The trials to run and the steps that led there."""
        cost = self.comparison.training_cost
        if cost.of_fit == 0 or self.comparison.exhaustive or not self._has_rivals:
            stakes = Stakes(0.0, cost.of_fit, cost.worth_of_point, self.comparison.exhaustive)
            why = stakes.anyway or "there is nothing cheaper to hold it against"
            free = Gate(decision=Step.TRAIN, reason=f"Trained, because {why}.", evsi=0.0, cost=0.0)
            return list(own), (free,)
        best = self._best(self.measure(self.cheap))
        stakes = Stakes(self.policy.margin(spec.family, best.spec.family), cost.of_fit, cost.worth_of_point)
        trainings = self._trainings(spec, own)
        prior = self.prior_for(spec, best)
        high = arm_interval(best, statistics_design(self.split, self.policy), self.policy.confidence).high
        before = before_training(best.accuracy, high, prior, trainings, stakes, self.ceiling)
        if before.decision is Step.SKIP:
            return [], (before,)
        if trainings.later == 0:
            return list(own), (before,)
        first = [trial for trial in own if trial.run == 0]
        tuned = next(arm for arm in self.measure([*self.cheap, *first]) if arm.spec.name == spec.name)
        gain = estimate_difference(tuned.outcomes, best.outcomes, statistics_design(self.split, self.policy))
        after = after_one_seed(gain, tuned.accuracy, prior, trainings, stakes)
        return list(own) if after.decision is Step.GO_ON else first, (before, after)

    def _run_deviation(self, spec: ArmSpec) -> float:
        known = self.comparison.known_deviation(spec)
        return self.policy.run_deviation(spec.family, self.split.train_size, 0) if known is None else known

    @property
    def _has_rivals(self) -> bool:
        recorded = self.comparison.recorded
        return bool(self.cheap or (recorded and any(not arm.family.is_fine_tune for arm in recorded.arms)))

    def _best(self, arms: Sequence[ScoredArm]) -> ScoredArm:
        """Of the arms that are no fine-tunes, what each must earn taken off."""
        cheap = [arm for arm in arms if not arm.spec.is_fine_tune]
        return max(cheap, key=lambda arm: arm.accuracy - self.policy.price(arm.spec.family))

    def _trainings(self, spec: ArmSpec, own: Sequence[PlannedTrial]) -> Trainings:
        first = sum(trial.run == 0 for trial in own)
        crossed = self.split.design is Design.CROSS_FIT
        return Trainings(
            rows=len(set(self.split.clusters)),
            run_deviation=self._run_deviation(spec),
            first=first,
            later=len(own) - first,
            inflation=self.policy.cross_fit_inflation if crossed else 1.0,
        )
