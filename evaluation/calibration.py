"""What an arm's confidences are worth, and the one number that mends them (protocol 6)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import optimize, special

from evaluation.routing import Marked
from evaluation.statistics import Design, Estimate, item_variance

FEWEST_TO_RECALIBRATE: Final = 100
"""Rows; with fewer a fitted temperature is mostly noise (protocol 6)."""
FOLDS: Final = 5
CLIP: Final = 1e-6
"""A confidence of 0 or 1 counts as this far from it: one error then costs a log-loss of 14, not infinity."""
SHARPEST: Final = 20.0
"""Temperatures are kept within 1/20 to 20: positive, so that the order stays, and finite."""


class Measure(BaseModel):
    """A mean over rows with its two-sided interval."""

    model_config = ConfigDict(frozen=True)

    value: float
    low: float
    high: float


class Loss(BaseModel):
    """`after` is measured on rows that the temperature was not fitted to; `change` is after less before, paired by row,
    and below 0 where recalibration helps."""

    model_config = ConfigDict(frozen=True)

    before: Measure
    after: Measure
    change: Measure


class Recalibration(BaseModel):
    """What confidences are worth: a `temperature` above 1 says that the arm is too sure, below 1 too modest.

    Brier score: mean of (confidence - right)^2. Log-loss in nats.
    """

    model_config = ConfigDict(frozen=True)

    temperature: float
    labels: int
    brier: Loss
    log_loss: Loss

    def apply(self, confidence: float) -> float:
        """The recalibrated confidence; rises with the arm's own."""
        return float(_cooled(np.array([confidence]), self.temperature, self.labels)[0])


def recalibrate(
    marked: Marked, design: Design, labels: int, rng: np.random.Generator, confidence: float = 0.95
) -> Recalibration | None:
    """Temperature scaling where only the confidence of the answer is known (Guo et al. 2017, arXiv 1706.04599).

    As if the other labels shared the rest equally: logit(p') = logit(1/labels) + (logit(p) - logit(1/labels)) / T. T
    minimises log-loss; for `before` and `after` it is fitted to the other folds, clusters whole. None below
    FEWEST_TO_RECALIBRATE rows with a confidence, or where they all belong together.
    """
    if labels < 2:
        raise ValueError(f"{labels} labels; a confidence says something from 2 on.")
    given = ~np.isnan(marked.confidence)
    _, cluster = np.unique(design.clusters[given], return_inverse=True)
    if given.sum() < FEWEST_TO_RECALIBRATE or cluster.max() < 1:
        return None
    before, right = marked.confidence[given], marked.right[given]
    fold = rng.permutation(int(cluster.max()) + 1)[cluster] % FOLDS
    after = np.empty_like(before)
    for number in np.unique(fold):
        inside = fold == number
        after[inside] = _cooled(before[inside], _temperature(before[~inside], right[~inside], labels), labels)

    temperature = _temperature(before, right, labels)
    losses = [_loss(of(before, right), of(after, right), cluster, design, confidence) for of in (_brier, _log_loss)]
    return Recalibration(temperature=temperature, labels=labels, brier=losses[0], log_loss=losses[1])


def _loss(
    before: NDArray[np.float64], after: NDArray[np.float64], cluster: NDArray[np.int64], design: Design, level: float
) -> Loss:
    def measure(values: NDArray[np.float64]) -> Measure:
        variance = item_variance(values, cluster) * design.inflation**2
        interval = Estimate(float(values.mean()), variance, 0.0, float(cluster.max())).interval(level)
        return Measure(value=float(values.mean()), low=interval.low, high=interval.high)

    return Loss(before=measure(before), after=measure(after), change=measure(after - before))


def _temperature(confidence: NDArray[np.float64], right: NDArray[np.bool_], labels: int) -> float:
    """Platt's targets (1999) in place of 0 and 1 keep it finite where all rows are right."""
    chance, above_chance = _logits(confidence, labels)
    wanted = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))

    def slope(sharpness: float) -> float:
        return float(above_chance @ (wanted - special.expit(chance + sharpness * above_chance)))

    if slope(1 / SHARPEST) <= 0:
        return SHARPEST
    if slope(SHARPEST) >= 0:
        return 1 / SHARPEST
    return 1 / float(optimize.brentq(slope, 1 / SHARPEST, SHARPEST))


def _cooled(confidence: NDArray[np.float64], temperature: float, labels: int) -> NDArray[np.float64]:
    chance, above_chance = _logits(confidence, labels)
    return np.asarray(special.expit(chance + above_chance / temperature))


def _logits(confidence: NDArray[np.float64], labels: int) -> tuple[float, NDArray[np.float64]]:
    """Of an even guess, and how far each confidence lies above it."""
    chance = float(special.logit(1 / labels))
    return chance, np.asarray(special.logit(np.clip(confidence, CLIP, 1 - CLIP)) - chance)


def _brier(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray((confidence - right) ** 2)


def _log_loss(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(-np.log(np.clip(np.where(right, confidence, 1 - confidence), CLIP, 1)))
