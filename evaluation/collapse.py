"""Fits of one arm that came out as if they had learnt nothing, while the others did well (protocol 1.4, 7.4).

Published: one of five fits of a LoRA on 256 labels ended at 14.8% where the others reached 59 to 65%.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.routing import upper_bound
from evaluation.scoring import ScoredArm
from evaluation.statistics import Design

ALPHA = 0.05
"""For all fits together (Bonferroni): how often chance alone may make one of equally good fits look collapsed."""
FAR, NEAR = 3.0, 1.5
"""Times the published standard deviation between fits: what fits may lie apart, and what they may if one of them is no
better than the most frequent label."""


class CollapsedFit(BaseModel):
    """One fit: `accuracy` is its own, `expected` that of the other fits or of the cheaper arm."""

    model_config = ConfigDict(frozen=True)

    fold: int
    run: int
    accuracy: float
    expected: float


@dataclass(frozen=True)
class FitScore:
    """`right` of `rows` tested; copies of one text count as one row, so both may be fractions of what was counted."""

    fold: int
    run: int
    right: float
    rows: int

    @property
    def accuracy(self) -> float:
        return self.right / self.rows


def fit_scores(arm: ScoredArm, design: Design) -> list[FitScore]:
    """One for every fold and run."""
    scores = []
    for fold in np.unique(arm.outcomes.folds).tolist():
        inside = np.flatnonzero(arm.outcomes.folds == fold)
        _, cluster = np.unique(design.clusters[inside], return_inverse=True)
        sizes = np.bincount(cluster)
        for run, row in enumerate(arm.outcomes.scores):
            right = float((np.bincount(cluster, weights=row[inside]) / sizes).sum())
            scores.append(FitScore(fold, run, right, len(sizes)))
    return scores


def find_collapsed(
    fits: Sequence[FitScore], majority: float, cheaper: float, deviation: float
) -> tuple[CollapsedFit, ...]:
    """Fits that are certainly worse than the rest, in the order given.

    `majority` is the share of the most frequent label, `cheaper` the accuracy of the best cheaper arm, `deviation` the
    published standard deviation between fits; all in accuracy. A fit has collapsed if the exact upper bound of its
    accuracy lies more than three deviations below the other fits together; or, where it does no better than the most
    frequent label, more than one and a half below the better of the other fits and the cheaper arm, if these do better
    than that label by three deviations.

    Of the 249 published LoRA runs (50 tasks and sizes) it finds the collapsed one and no other. Simulated, with fits
    that vary as published and in the hardest cells with long tails, unequal folds and a majority just below: a false
    alarm in 0.6% of comparisons with 10 folds of 5 rows (hardest cell 1.5%) and in 1.5% with 5 folds of 80 (6.4%). A
    fit at 14.8% among fits at 62% is always found from 80 rows a fit on, in 92% with 30, in 5% with 5: so few rows
    hardly tell.
    """
    found = []
    for number, fit in enumerate(fits):
        rest = [other for place, other in enumerate(fits) if place != number]
        others = sum(other.right for other in rest) / max(1, sum(other.rows for other in rest))
        better = max(others, cheaper)
        bound = upper_bound(fit.right, fit.rows, 1 - ALPHA / len(fits))
        learnt_nothing = fit.accuracy <= majority and better >= majority + FAR * deviation
        if bound < others - FAR * deviation:
            found.append(CollapsedFit(fold=fit.fold, run=fit.run, accuracy=fit.accuracy, expected=others))
        elif learnt_nothing and bound < better - NEAR * deviation:
            found.append(CollapsedFit(fold=fit.fold, run=fit.run, accuracy=fit.accuracy, expected=better))
    return tuple(found)
