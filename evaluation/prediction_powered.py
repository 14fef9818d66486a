"""A judge's scores corrected by human grades (protocol 1.9): never a judge alone, never grades alone where both exist.

Prediction-powered inference: Angelopoulos et al. 2023 (Science 382:669), with the weight of PPI++ (Angelopoulos, Duchi,
Zrnic 2023, arXiv 2311.01453). Survey statistics knows it as the regression estimator with double sampling (Cochran
1977, chapter 12). Pure functions; units are those of the scores (0..1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluation.statistics import Design, Estimate

Scores = NDArray[np.float64]

FOLDS: Final = 5
"""Of graded rows, by cluster: each fold's weight comes from the others."""


@dataclass(frozen=True)
class Judged:
    """One arm's rows: what the `judge` gave each, and the human grade where there is one, else NaN.

    Which rows are graded must have been drawn at random: grading those that look odd corrects nothing.
    """

    judge: Scores
    gold: Scores

    @classmethod
    def of(cls, judge: Sequence[float], gold: Sequence[float | None]) -> Judged:
        """Raises ValueError unless every row has a judge's score and a grade or none."""
        if len(judge) != len(gold):
            raise ValueError(f"{len(judge)} judged rows, but {len(gold)} grades or blanks.")
        scores = np.array(judge, dtype=float)
        if not np.isfinite(scores).all():
            raise ValueError("A row without a judge's score; expected one for every row.")
        return cls(scores, np.array([np.nan if grade is None else grade for grade in gold], dtype=float))


@dataclass(frozen=True)
class Corrected:
    """A mean or difference with its uncertainty from rows. `weight` is how far the judge was believed, 0..1; of `rows`
    rows, `graded` have a grade."""

    estimate: Estimate
    weight: float
    graded: int
    rows: int


def judged_mean(judged: Judged, design: Design, weight: float | None = None) -> Corrected:
    """weight * mean(judge on all rows) + mean(grade - weight * judge on graded rows).

    Without a weight it is tuned to the least variance. Weight 0 is the mean grade with its t interval; so is every
    weight once all rows are graded, and a tuned one while fewer than FOLDS clusters are. Raises ValueError without a
    graded row.
    """
    return _corrected(judged.judge, judged.gold, design, weight)


def judged_difference(one: Judged, other: Judged, design: Design, weight: float | None = None) -> Corrected:
    """Paired difference `one - other` on the same rows, the judge's difference corrected by the difference of grades.

    Only rows graded in both arms count as graded. Raises ValueError without one.
    """
    if len(one.judge) != len(other.judge):
        raise ValueError(f"{len(one.judge)} and {len(other.judge)} judged rows; expected the same rows in both arms.")
    return _corrected(one.judge - other.judge, one.gold - other.gold, design, weight)


def _corrected(judge: Scores, gold: Scores, design: Design, weight: float | None) -> Corrected:
    """With u the share of ungraded rows and w = weight * u, the estimate is the mean over graded rows of

        gold - w * (judge - mean(judge on ungraded rows)),

    since the judge's mean over all rows includes the graded ones. So every row has a part in it; parts are added up
    within clusters, some of whose rows may be graded and some not. The graded parts have at least one row's worth of
    variance, as in `item_variance`, and a tuned weight costs a degree of freedom.
    """
    graded = ~np.isnan(gold)
    n, rows = int(graded.sum()), len(judge)
    if n == 0:
        raise ValueError(
            "No row is graded by hand, and a judge's scores alone are not reported. Grade a random sample."
        )
    _, cluster = np.unique(design.clusters, return_inverse=True)
    clusters = len(np.unique(cluster[graded]))
    tuned = weight is None and n < rows and clusters >= FOLDS
    weights = _tuned_weights(judge, gold, cluster) if tuned else np.full(n, weight or 0.0)
    shares = weights * (rows - n) / rows
    part_of_graded, part_of_ungraded = np.zeros(rows), np.zeros(rows)
    values = gold[graded]
    if n < rows:
        expected = judge[~graded].mean()
        values = values - shares * (judge[graded] - expected)
        part_of_ungraded[~graded] = shares.mean() * (judge[~graded] - expected) / (rows - n)
    part_of_graded[graded] = (values - values.mean()) / n
    freedom = clusters - 1 - tuned
    if freedom > 0:
        few = clusters / freedom
        missing = max(0.0, 1 / n**2 - few * _squares(part_of_graded, cluster))
        variance = few * _squares(part_of_graded + part_of_ungraded, cluster) + missing
    else:
        variance = 1.0
    estimate = Estimate(float(values.mean()), variance * design.inflation**2, 0.0, float(max(1, freedom)))
    return Corrected(estimate, float(weights.mean()), n, rows)


def _tuned_weights(judge: Scores, gold: Scores, cluster: NDArray[np.int64]) -> Scores:
    """The weight of least variance for each graded row, from the graded rows of the other folds: one from all of them
    fits their luck, and its intervals then cover 90% instead of 93% (50 grades, nine in ten right).

    Covariance of grade and judge over the judge's variance on all rows, within 0..1; 0 for a judge that gives every row
    the same.
    """
    graded = ~np.isnan(gold)
    variance = float(judge.var(ddof=1))
    _, rank = np.unique(cluster[graded], return_inverse=True)
    fold, weights = rank % FOLDS, np.zeros(int(graded.sum()))
    if variance == 0:
        return weights
    for number in range(FOLDS):
        others = fold != number
        covariance = np.cov(gold[graded][others], judge[graded][others])[0, 1]
        weights[~others] = np.clip(covariance / variance, 0.0, 1.0)
    return weights


def _squares(parts: Scores, cluster: NDArray[np.int64]) -> float:
    """Sum of squares of the clusters' sums."""
    return float((np.bincount(cluster, weights=parts) ** 2).sum())
