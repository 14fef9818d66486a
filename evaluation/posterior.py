"""What is believed of every arm after the comparison: P(best), expected regret, shrunken gains (protocol 4, 3.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.policy import EvaluationPolicy
from evaluation.prior import ArmsPrior, GainPrior, Prior
from evaluation.scoring import ScoredArm
from evaluation.statistics import Design, item_variance, run_variance


@dataclass(frozen=True)
class Beliefs:
    """Per arm, in the order of the arms. `utility` is expected accuracy less price; `regret` what is lost on average
    by taking that arm instead of the truly best one."""

    utility: tuple[float, ...]
    probability_best: tuple[float, ...]
    regret: tuple[float, ...]


def shrunken_gain(difference: float, variance: float, prior: GainPrior) -> float:
    """Posterior mean of a gain: the winner's curse taken out. Zero variance gives the difference itself."""
    weight = _weight(variance, prior)
    return weight * difference + (1 - weight) * prior.mean


def believe(
    arms: Sequence[ScoredArm],
    design: Design,
    prior: Prior,
    policy: EvaluationPolicy,
    rng: np.random.Generator,
) -> Beliefs:
    """Draw every arm's true accuracy together, rows shared between arms; the prior tells of a fine-tune's gain alone,
    or of all arms."""
    means, covariance = np.array([arm.accuracy for arm in arms]), _covariance(arms, design)
    if isinstance(prior, ArmsPrior):
        means, covariance = prior.conditioned([arm.spec.name for arm in arms], means, covariance)
    draws = rng.multivariate_normal(means, covariance, size=policy.posterior_draws, method="eigh")
    if isinstance(prior, GainPrior):
        _shrink_gains(draws, arms, means, prior)
    utility = draws - np.array([policy.price(arm.spec.family) for arm in arms])
    winner = utility.argmax(axis=1)
    return Beliefs(
        tuple(utility.mean(axis=0).tolist()),
        tuple((winner == number).mean() for number in range(len(arms))),
        tuple((utility.max(axis=1) - utility[:, number]).mean() for number in range(len(arms))),
    )


def _shrink_gains(draws: np.ndarray, arms: Sequence[ScoredArm], means: np.ndarray, prior: GainPrior) -> None:
    """In place: every fine-tune's lead over the best of the others."""
    tuned = [number for number, arm in enumerate(arms) if arm.spec.is_fine_tune]
    cheap = [number for number in range(len(arms)) if number not in tuned]
    for number in tuned:
        if cheap:
            best = max(cheap, key=lambda arm: means[arm])
            draws[:, number] = draws[:, best] + _shrunk(draws[:, number] - draws[:, best], prior)


def _shrunk(gains: np.ndarray, prior: GainPrior) -> np.ndarray:
    """Draws of a gain, moved to the posterior's mean and narrowed to its deviation."""
    centre, variance = gains.mean(), gains.var()
    spread = np.sqrt(_weight(variance, prior)) * (gains - centre)
    return np.asarray(shrunken_gain(centre, variance, prior) + spread)


def _weight(variance: float, prior: GainPrior) -> float:
    """Of what was measured, against the prior."""
    return prior.deviation**2 / (prior.deviation**2 + variance)


def _covariance(arms: Sequence[ScoredArm], design: Design) -> np.ndarray:
    """Of the arms' mean accuracies: rows shared, runs apart. Agrees with the contrasts of the same arms."""
    values = np.stack([arm.outcomes.per_item for arm in arms])
    centred = values - values.mean(axis=1, keepdims=True)
    _, cluster = np.unique(design.clusters, return_inverse=True)
    count = int(cluster.max()) + 1
    sums = np.stack([np.bincount(cluster, weights=row) for row in centred])
    items = (sums @ sums.T) * count / max(1, count - 1) / values.shape[1] ** 2
    floors = [
        max(0.0, item_variance(row, design.clusters) - float(items[number, number]))
        for number, row in enumerate(values)
    ]
    runs = [run_variance(arm.outcomes, design.prior_degrees_of_freedom).variance for arm in arms]
    return np.asarray((items + np.diag(floors)) * design.inflation**2 + np.diag(runs))
