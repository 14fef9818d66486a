"""What more labelled rows would change: smaller fits, the curves through them, and where a fine-tune overtakes."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from evaluation.arm import ArmSpec, Family
from evaluation.contrasts import Contrast, arm_interval
from evaluation.curve import (
    BAND_CONFIDENCE,
    CurvePoint,
    LearningCurve,
    curve_text,
    fit_curve,
    labels_needed,
    level_curve,
)
from evaluation.curve_sizes import curve_policy, curve_splits, no_curve_text
from evaluation.dataset import Task
from evaluation.policy import EvaluationPolicy
from evaluation.scoring import ScoredArm, score_arm, statistics_design
from evaluation.splits import Split
from evaluation.trials import FinishedTrial, PlannedTrial, plan_trials


class ArmCurve(BaseModel):
    """One arm's accuracy on the test rows of the first fold, after learning from each number of rows."""

    model_config = ConfigDict(frozen=True)

    arm: str
    sizes: tuple[int, ...]
    accuracies: tuple[float, ...]


class Learning(BaseModel):
    """The curves, and what follows from them in words; without curves, why there are none."""

    model_config = ConfigDict(frozen=True)

    curves: tuple[ArmCurve, ...]
    tested: int
    """Rows of the first fold, on which the points rest."""
    text: str


def plan_curve(
    specs: Sequence[ArmSpec], task: Task, split: Split, policy: EvaluationPolicy
) -> list[list[PlannedTrial]]:
    """The trials of every size, smallest first; those of the last have the keys of the comparison's own.

    Arms whose answers are paid for stand aside: a curve would ask for every answer again, three times.
    """
    learning = [spec for spec in specs if _has_curve(spec)]
    parts = curve_splits(split, split.seed)
    return [plan_trials(learning, task, part, curve_policy(policy)) for part in parts]


def learn(
    arms: Sequence[ScoredArm],
    contrasts: Sequence[Contrast],
    task: Task,
    split: Split,
    finished: Sequence[Sequence[FinishedTrial]],
    policy: EvaluationPolicy,
) -> Learning | None:
    """What more rows would change. None where no arm learns from rows; `finished` follows `plan_curve`."""
    learning = [arm for arm in arms if _has_curve(arm.spec) and arm.train_size]
    if not learning:
        return None
    parts = curve_splits(split, split.seed)
    if not parts:
        labels = len({row.output for row in split.folds[0].train})
        return Learning(curves=(), tested=0, text=no_curve_text(len(split.folds[0].train), labels))
    points = {arm.spec.name: _points(arm.spec, task, parts, finished, policy) for arm in learning}
    today = parts[-1].train_size
    curves = {arm.spec.name: _curve(arm, points.get(arm.spec.name), today, split, policy) for arm in arms}
    return Learning(
        curves=tuple(
            ArmCurve(
                arm=name,
                sizes=tuple(point.train_size for point in found),
                accuracies=tuple(point.mean for point in found),
            )
            for name, found in points.items()
        ),
        tested=len(parts[0].tested),
        text=_overtaking(arms, contrasts, curves, policy),
    )


def _has_curve(spec: ArmSpec) -> bool:
    return spec.family is not Family.ZERO_SHOT and spec.foresee is None


def _points(
    spec: ArmSpec,
    task: Task,
    parts: Sequence[Split],
    finished: Sequence[Sequence[FinishedTrial]],
    policy: EvaluationPolicy,
) -> list[CurvePoint]:
    found = []
    for part, trials in zip(parts, finished, strict=True):
        own = [trial for trial in trials if trial.trial.arm == spec.name]
        scored = score_arm(spec, own, part, task, curve_policy(policy))
        found.append(CurvePoint(part.train_size, tuple(scored.outcomes.scores.mean(axis=1).tolist())))
    return found


def _curve(
    arm: ScoredArm, points: Sequence[CurvePoint] | None, today: int, split: Split, policy: EvaluationPolicy
) -> LearningCurve:
    interval = arm_interval(arm, statistics_design(split, policy), BAND_CONFIDENCE)
    reach = (interval.high - interval.low) / 2
    return level_curve(today, arm.accuracy, reach) if points is None else fit_curve(points, arm.accuracy, reach)


def _overtaking(
    arms: Sequence[ScoredArm],
    contrasts: Sequence[Contrast],
    curves: dict[str, LearningCurve],
    policy: EvaluationPolicy,
) -> str:
    """The fine-tune against the best cheaper arm, by the margin that would pay for it."""
    tuned = max((arm for arm in arms if arm.spec.is_fine_tune), key=lambda arm: arm.accuracy, default=None)
    rival = max((arm for arm in arms if not arm.spec.is_fine_tune), key=lambda arm: arm.accuracy, default=None)
    if tuned is None or rival is None:
        return "No fine-tune was compared, so none can overtake."
    pair = {tuned.spec.name, rival.spec.name}
    contrast = next(contrast for contrast in contrasts if {contrast.first, contrast.second} == pair)
    crossing = labels_needed(
        curves[tuned.spec.name],
        curves[rival.spec.name],
        max(0.0, policy.margin(tuned.spec.family, rival.spec.family)),
        (contrast.upper_keep - contrast.lower_keep) / 2,
    )
    return curve_text(crossing, tuned.spec.title, rival.spec.title)
