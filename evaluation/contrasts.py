"""Paired differences between arms, with the interval that fits how they were run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.policy import EvaluationPolicy
from evaluation.scoring import ScoredArm
from evaluation.statistics import (
    Design,
    Estimate,
    Interval,
    estimate_difference,
    estimate_mean,
    mcnemar_mid_p,
    tango_interval,
    wilson_interval,
)


class Contrast(BaseModel):
    """`first - second` in accuracy (0..1) on the same rows.

    `low..high` is the two-sided interval; `upper_keep` is the one-sided upper bound at the policy's keep_alpha;
    `p_value` is two-sided, `p_holm` corrected for every contrast of the table. `first_only` and `second_only` count
    rows (means over runs) on which only one of the two was right.
    """

    model_config = ConfigDict(frozen=True)

    first: str
    second: str
    difference: float
    low: float
    high: float
    lower_keep: float
    upper_keep: float
    p_value: float
    p_holm: float
    first_only: float
    second_only: float
    item_variance: float
    run_variance: float
    method: str

    def reversed(self) -> Contrast:
        """The same contrast seen from the other side."""
        return self.model_copy(
            update={
                "first": self.second, "second": self.first, "difference": -self.difference,
                "low": -self.high, "high": -self.low,
                "lower_keep": -self.upper_keep, "upper_keep": -self.lower_keep,
                "first_only": self.second_only, "second_only": self.first_only,
            }
        )  # fmt: skip


def contrast_arms(arms: Sequence[ScoredArm], design: Design, policy: EvaluationPolicy) -> tuple[Contrast, ...]:
    """Every pair, the costlier arm first, with Holm's correction over the whole table (protocol 1.6)."""
    contrasts = [_contrast(costlier, cheaper, design, policy) for cheaper, costlier in combinations(arms, 2)]
    adjusted = holm([contrast.p_value for contrast in contrasts])
    return tuple(contrast.model_copy(update={"p_holm": p}) for contrast, p in zip(contrasts, adjusted, strict=True))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, position in enumerate(order.tolist()):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = largest
    return adjusted


def arm_interval(arm: ScoredArm, design: Design, confidence: float) -> Interval:
    """Interval of one arm's accuracy: Wilson's for one deterministic run on independent rows, else 7.5; within 0..1."""
    if _independent(arm, design):
        right = int(arm.outcomes.scores.sum())
        return wilson_interval(right, arm.outcomes.scores.shape[1], confidence)
    interval = estimate_mean(arm.outcomes, design).interval(confidence)
    return Interval(max(0.0, interval.low), min(1.0, interval.high))


def _independent(arm: ScoredArm, design: Design) -> bool:
    rows_stand_alone = len(np.unique(design.clusters)) == len(design.clusters)
    return arm.outcomes.is_one_deterministic_run and rows_stand_alone


def _contrast(first: ScoredArm, second: ScoredArm, design: Design, policy: EvaluationPolicy) -> Contrast:
    estimate = estimate_difference(first.outcomes, second.outcomes, design)
    a, b = first.outcomes.per_item, second.outcomes.per_item
    first_only, second_only = float((a * (1 - b)).sum()), float((b * (1 - a)).sum())
    if _independent(first, design) and _independent(second, design):
        two_sided, keep, p_value, method = _score_bounds(int(first_only), int(second_only), len(a), policy)
    else:
        two_sided, keep, p_value, method = _t_bounds(estimate, policy)
    return Contrast(
        first=first.spec.name, second=second.spec.name, difference=estimate.value,
        low=two_sided.low, high=two_sided.high, lower_keep=keep.low, upper_keep=keep.high,
        p_value=p_value, p_holm=p_value, first_only=first_only, second_only=second_only,
        item_variance=estimate.item_variance, run_variance=estimate.run_variance, method=method,
    )  # fmt: skip


def _score_bounds(
    first_only: int, second_only: int, rows: int, policy: EvaluationPolicy
) -> tuple[Interval, Interval, float, str]:
    two_sided = tango_interval(first_only, second_only, rows, policy.confidence)
    keep = tango_interval(first_only, second_only, rows, 1 - 2 * policy.keep_alpha)
    return two_sided, keep, mcnemar_mid_p(first_only, second_only), "Tango score interval, McNemar mid-p"


def _t_bounds(estimate: Estimate, policy: EvaluationPolicy) -> tuple[Interval, Interval, float, str]:
    keep = estimate.interval(1 - 2 * policy.keep_alpha)
    return estimate.interval(policy.confidence), keep, estimate.p_value(), "two-way t interval, rows and runs"
