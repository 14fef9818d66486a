"""Intervals and tests for arms scored on the same rows. Pure functions; units are those of the scores (0..1).

Sources are sections of docs/protocol.md and the papers it names. Two kinds of uncertainty are kept apart: which rows
happened to be tested (items), and which draw or seed happened to be fitted (runs).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """One arm's scores.

    `scores` is (runs, rows), each in 0..1; `folds` gives the fold of each row (all 0 without cross-fitting);
    `run_deviation` is the prior standard deviation between fits, 0 for a deterministic arm.
    """

    scores: Scores
    folds: NDArray[np.int64]
    run_deviation: float

    @property
    def per_item(self) -> Scores:
        """Mean over runs, (rows,)."""
        return np.asarray(self.scores.mean(axis=0))

    @property
    def fits(self) -> int:
        return int(self.scores.shape[0]) * len(np.unique(self.folds))

    @property
    def is_one_deterministic_run(self) -> bool:
        return self.fits == 1 and self.run_deviation == 0


class GradedOutcomes(Outcomes):
    """Scores between 0 and 1: intervals that count right and wrong rows do not fit them."""

    @property
    def is_one_deterministic_run(self) -> bool:
        return False


@dataclass(frozen=True)
class Design:
    """How rows were tested: `clusters` numbers sets of rows that are not independent; `inflation` widens standard
    errors (1.22 when cross-fitted, protocol 1.5)."""

    clusters: NDArray[np.int64]
    inflation: float
    prior_degrees_of_freedom: float


@dataclass(frozen=True)
class Interval:
    """A two-sided interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A mean or difference with what is needed for bounds at any level.

    `item_variance` and `run_variance` are variances of the estimate, `degrees_of_freedom` is Satterthwaite's.
    """

    value: float
    item_variance: float
    run_variance: float
    degrees_of_freedom: float

    @property
    def standard_error(self) -> float:
        return math.sqrt(self.item_variance + self.run_variance)

    def interval(self, confidence: float) -> Interval:
        """Student's t."""
        reach = float(stats.t.ppf((1 + confidence) / 2, self.degrees_of_freedom)) * self.standard_error
        return Interval(self.value - reach, self.value + reach)

    def p_value(self) -> float:
        """Two-sided, of no difference."""
        return float(2 * stats.t.sf(abs(self.value) / self.standard_error, self.degrees_of_freedom))


@dataclass(frozen=True)
class RunVariance:
    """Variance of a mean that comes from fitting again, with its degrees of freedom; 0 and infinity if none."""

    variance: float
    degrees_of_freedom: float


def estimate_mean(arm: Outcomes, design: Design) -> Estimate:
    """An arm's mean score, items and runs together (protocol 7.5)."""
    return _two_way(arm.per_item, [arm], design)


def estimate_difference(one: Outcomes, other: Outcomes, design: Design) -> Estimate:
    """Paired difference `one - other` on the same rows (protocol 7.5). Equal scores everywhere give a floor of one
    row's worth of variance, never a width of zero."""
    return _two_way(one.per_item - other.per_item, [one, other], design)


def _two_way(values: Scores, arms: list[Outcomes], design: Design) -> Estimate:
    items = item_variance(values, design.clusters) * design.inflation**2
    parts = [(items, max(1.0, len(np.unique(design.clusters)) - 1.0))]
    for arm in arms:
        run = run_variance(arm, design.prior_degrees_of_freedom)
        if run.variance > 0:
            parts.append((run.variance, run.degrees_of_freedom))
    total = sum(variance for variance, _ in parts)
    freedom = total**2 / sum(variance**2 / freedom for variance, freedom in parts)
    return Estimate(float(values.mean()), items, total - items, freedom)


def item_variance(values: Scores, clusters: NDArray[np.int64]) -> float:
    """Variance of the mean over rows, clustered (CR1), at least 1/n^2: one row's worth of disagreement.

    With every row its own cluster this is sd^2/n (Miller 2024, arXiv 2411.00640, section 2). One row or one cluster
    has no spread to measure: the variance is then 1, the largest that a difference of scores can have.
    """
    n = len(values)
    _, cluster = np.unique(clusters, return_inverse=True)
    count = int(cluster.max()) + 1
    if count < 2:
        return 1.0
    sums = np.bincount(cluster, weights=values - values.mean())
    return max(float(count / (count - 1) * (sums**2).sum() / n**2), 1.0 / n**2)


def run_variance(arm: Outcomes, prior_degrees_of_freedom: float) -> RunVariance:
    """Variance of an arm's mean between fits, moderated by the prior (limma style; protocol 1.4, 7.5).

    Fits of one fold are compared with each other; with one fit a fold, folds are compared instead, less the spread
    that their rows explain.
    """
    if arm.run_deviation == 0:
        return RunVariance(0.0, math.inf)
    runs = arm.scores.shape[0]
    by_fold = [arm.scores[:, arm.folds == fold] for fold in np.unique(arm.folds)]
    if runs > 1:
        observed = [
            scores.mean(axis=1).var(ddof=1) - scores.var(axis=0, ddof=1).mean() / scores.shape[1] for scores in by_fold
        ]
        freedom = len(by_fold) * (runs - 1)
    elif len(by_fold) > 1:
        means = np.array([scores.mean() for scores in by_fold])
        explained = np.mean([scores.var(ddof=1) / scores.size for scores in by_fold if scores.size > 1])
        observed = [means.var(ddof=1) - explained]
        freedom = len(by_fold) - 1
    else:
        observed, freedom = [0.0], 0
    between = max(0.0, float(np.mean(observed)))
    prior = prior_degrees_of_freedom
    moderated = (prior * arm.run_deviation**2 + freedom * between) / (prior + freedom)
    weights = np.array([scores.shape[1] for scores in by_fold]) / arm.scores.shape[1]
    return RunVariance(float(moderated * (weights**2).sum() / runs), prior + freedom)


def tango_interval(first_only: int, second_only: int, rows: int, confidence: float) -> Interval:
    """Score interval for a difference of paired proportions (Tango 1998, Statistics in Medicine 17:891).

    `first_only` rows were right only in the first arm, `second_only` only in the second. Units: proportion. Without
    discordant rows the interval is still of positive width. Raises ValueError for impossible counts.
    """
    if rows < 1 or min(first_only, second_only) < 0 or first_only + second_only > rows:
        raise ValueError(f"{first_only} and {second_only} discordant rows of {rows} cannot be.")
    z = float(stats.norm.ppf((1 + confidence) / 2))
    estimate = (first_only - second_only) / rows

    def excess(difference: float, bound: float) -> float:
        return _tango_score(first_only, second_only, rows, difference) - bound

    edge = 1 - 1e-9
    low = optimize.brentq(excess, -edge, estimate, args=(z,)) if excess(-edge, z) > 0 > excess(estimate, z) else -1.0
    high = optimize.brentq(excess, estimate, edge, args=(-z,)) if excess(estimate, -z) > 0 > excess(edge, -z) else 1.0
    return Interval(float(low), float(high))


def _tango_score(b: int, c: int, n: int, difference: float) -> float:
    """Tango's T: how many standard errors the counts lie above `difference`."""
    quadratic = 2 * n
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1 - difference)
    root = math.sqrt(max(linear**2 - 4 * quadratic * constant, 0.0))
    restricted = (root - linear) / (2 * quadratic)
    variance = n * (2 * restricted + difference * (1 - difference))
    distance = b - c - n * difference
    if variance <= 1e-12:
        return 0.0 if abs(distance) < 1e-9 else math.copysign(1e6, distance)
    return distance / math.sqrt(variance)


def mcnemar_mid_p(first_only: int, second_only: int) -> float:
    """Two-sided mid-p of McNemar's exact test (Fagerland et al. 2013, BMC Med Res Methodol 13:91); 1 without
    discordant rows."""
    discordant = first_only + second_only
    if discordant == 0:
        return 1.0
    smaller = min(first_only, second_only)
    exact = 2 * stats.binom.cdf(smaller, discordant, 0.5)
    return float(min(1.0, exact - stats.binom.pmf(smaller, discordant, 0.5)))


def wilson_interval(right: int, rows: int, confidence: float) -> Interval:
    """Score interval of one proportion (Wilson 1927)."""
    interval = stats.binomtest(right, rows).proportion_ci(confidence, method="wilson")
    return Interval(float(interval.low), float(interval.high))
