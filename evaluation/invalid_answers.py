"""Answers that are no label, and failures: how many a fine-tune gives, against the best cheaper arm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.contrasts import contrast_arms
from evaluation.numbers import percent, points, unsigned_points
from evaluation.policy import EvaluationPolicy
from evaluation.scoring import ScoredArm
from evaluation.statistics import Design, Outcomes, wilson_interval


class InvalidRun(BaseModel):
    """One run: how many of its `rows` got no label, their share and Wilson's interval."""

    model_config = ConfigDict(frozen=True)

    invalid: int
    rows: int
    share: float
    low: float
    high: float


class InvalidAnswers(BaseModel):
    """Every run of a fine-tune. `more` is the mean share less that of the best cheaper arm, with its interval, `margin`
    the gain from which the fine-tune would pay; None where there is no cheaper arm."""

    model_config = ConfigDict(frozen=True)

    runs: tuple[InvalidRun, ...]
    confidence: float
    more: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None

    @property
    def share(self) -> float:
        """Mean over runs."""
        return float(np.mean([run.share for run in self.runs]))

    @property
    def too_many(self) -> bool:
        """Certainly more than of the cheaper arm, and measured to be more by the margin."""
        if self.more is None or self.low is None or self.margin is None:
            return False
        return self.low > 0 and self.more > self.margin

    def told(self, cheaper_title: str | None) -> str:
        """In words, without a full stop."""
        worst = max(self.runs, key=lambda run: run.share)
        runs = f"; in its worst run {_share(worst)}" if len(self.runs) > 1 else f" ({_interval(worst)})"
        told = f"{percent(self.share)} of its answers are no label or failed{runs}"
        if self.more is None or self.low is None or self.high is None:
            return told
        apart = f"{unsigned_points(self.more)} {'more' if self.more > 0 else 'fewer'} than of"
        if round(self.more, 3) == 0:
            apart = "as many as of"
        level = percent(self.confidence, 0)
        return f"{told}; {apart} {cheaper_title} ({level} interval {points(self.low)} to {points(self.high)})"


def count_invalid(
    arm: ScoredArm, cheaper: ScoredArm | None, design: Design, policy: EvaluationPolicy
) -> InvalidAnswers:
    """Intervals over rows as for accuracy; how much fits differ in this is not published, so runs are only averaged."""
    runs = []
    for answers in arm.answers:
        count = sum(answer is None for answer in answers)
        interval = wilson_interval(count, len(answers), policy.confidence)
        runs.append(
            InvalidRun(
                invalid=count, rows=len(answers), share=count / len(answers), low=interval.low, high=interval.high
            )
        )
    if cheaper is None:
        return InvalidAnswers(runs=tuple(runs), confidence=policy.confidence)
    contrast = contrast_arms([_without_answer(cheaper), _without_answer(arm)], design, policy)[0]
    return InvalidAnswers(
        runs=tuple(runs), confidence=policy.confidence, more=contrast.difference, low=contrast.low,
        high=contrast.high, margin=max(0.0, policy.margin(arm.spec.family, cheaper.spec.family)),
    )  # fmt: skip


def _without_answer(arm: ScoredArm) -> ScoredArm:
    """The arm with 1 for every answer that is no label or failed."""
    scores = np.array([[float(answer is None) for answer in run] for run in arm.answers])
    return replace(arm, outcomes=Outcomes(scores, arm.outcomes.folds, 0.0))


def _share(run: InvalidRun) -> str:
    return f"{percent(run.share)} ({_interval(run)})"


def _interval(run: InvalidRun) -> str:
    return f"{percent(run.low)} to {percent(run.high)}"
