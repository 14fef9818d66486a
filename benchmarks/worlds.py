"""Simulated worlds whose truth is known, shared by the benchmarks.

One model of answers (docs/protocol.md, 7.6): a row is harder or easier for every arm, suits one arm more than another,
and every fit (a seed, a draw of demonstrations) shifts all rows. Calibrated on published raw answers: agreement of two
seeds about .5, of two arms about .2, arms disagree on a quarter of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from evaluation.arm import ArmSpec, Family
from evaluation.posterior import Beliefs
from evaluation.scoring import ScoredArm
from evaluation.statistics import Design, Outcomes

DIFFICULTY, OWN = 1.6, 1.3
"""Standard deviations, in logits, of what a row does to every arm and to one arm."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(81)

TRUE_DEVIATIONS = {Family.FEW_SHOT: 0.03, Family.LORA: 0.02}
"""Between fits, in accuracy: those of the protocol's reference simulation (7.6)."""
FAMILIES = (Family.ZERO_SHOT, Family.FEW_SHOT, Family.RETRIEVAL, Family.LORA)
RUNS = {Family.FEW_SHOT: 3, Family.LORA: 3}
"""Draws and seeds of the reference simulation; arms that are not named run once."""

NO_BETTER = (0.70, 0.78, 0.82, 0.82)
ALL_ALIKE = (0.82, 0.82, 0.82, 0.82)
EIGHT_BETTER = (0.62, 0.70, 0.78, 0.86)
TWELVE_BETTER = (0.55, 0.65, 0.74, 0.86)
"""True accuracies of four arms in the order of FAMILIES, as in the reference simulation."""
UNKNOWN = Beliefs((0.0,) * 4, (0.25,) * 4, (0.0,) * 4)
"""Beliefs only order the provisional verdicts: enough where fine-tune or keep is counted."""


@dataclass(frozen=True)
class Truth:
    """One arm as it is: its accuracy, how far it moves between fits, and how often it is fitted."""

    family: Family
    accuracy: float
    deviation: float
    runs: int


def truths(accuracies: Sequence[float]) -> list[Truth]:
    """Four arms of the reference simulation."""
    return [
        Truth(family, accuracy, TRUE_DEVIATIONS.get(family, 0.0), RUNS.get(family, 1))
        for family, accuracy in zip(FAMILIES, accuracies, strict=True)
    ]


def difficulty(rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    """What each row does to every arm, in logits."""
    return rng.normal(0, DIFFICULTY, rows)


def leaning(
    rng: np.random.Generator, accuracy: float, shared: NDArray[np.float64], deviation: float = 0.0
) -> NDArray[np.float64]:
    """An arm's logit of being right on each row, before it is fitted; `shared` is the rows' difficulty.

    With the `deviation` between fits, in logits, `accuracy` is exactly the mean over fits. Without it the mean is lower
    where fits differ, since a lucky fit gains less than an unlucky one loses: by 0.1 points at 82% and 2 points.
    """
    return centre_for(accuracy, deviation) + shared + rng.normal(0, OWN, len(shared))


def answer(rng: np.random.Generator, leanings: NDArray[np.float64], deviation: float) -> NDArray[np.bool_]:
    """Which rows one fit gets right; `deviation` between fits is in logits."""
    chances = expit(leanings + rng.normal(0, deviation))
    return np.asarray(rng.random(len(chances)) < chances)


def draw(rng: np.random.Generator, rows: int, arms: Sequence[Truth]) -> list[NDArray[np.float64]]:
    """One comparison: scores (runs, rows) of each arm on the same rows. Fits differ by at most half of what is missing
    to 100%, or an arm near it would not have the accuracy that it is given."""
    shared, scores = difficulty(rng, rows), []
    for arm in arms:
        deviation = in_logits(min(arm.deviation, (1 - arm.accuracy) / 2), arm.accuracy)
        leanings = leaning(rng, arm.accuracy, shared, deviation)
        scores.append(np.stack([answer(rng, leanings, deviation) for _ in range(arm.runs)]).astype(float))
    return scores


def project(rng: np.random.Generator, mean: float, deviation: float) -> tuple[float, ...]:
    """True accuracies in a project drawn at random (protocol 4): retrieval anywhere from 65 to 92%, prompts below it or
    a little above, a fine-tune's gain over retrieval normal with this mean and deviation.

    Kept within 20 and 98%: above, two points between fits leave no room.
    """
    retrieval = rng.uniform(0.65, 0.92)
    zero_shot, few_shot = retrieval - rng.uniform(0.05, 0.25), retrieval - rng.uniform(-0.01, 0.10)
    drawn = (zero_shot, few_shot, retrieval, retrieval + rng.normal(mean, deviation))
    return tuple(float(np.clip(round(accuracy, 2), 0.20, 0.98)) for accuracy in drawn)


def paired(rng: np.random.Generator, rows: int, first_only: float, second_only: float) -> NDArray[np.float64]:
    """Scores (2, rows) of two arms of which only one is right on these shares of the rows (protocol 1.2, 1.7)."""
    luck = rng.random(rows)
    first, second = luck < first_only, (luck >= first_only) & (luck < first_only + second_only)
    both = luck >= first_only + second_only
    return np.stack([first | both, second | both]).astype(float)


def confident(rng: np.random.Generator, rows: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidences and which answers are right: 14% wrong in all, fewer the higher the confidence (protocol 6)."""
    confidence = rng.beta(2.2, 1.0, rows)
    return confidence, rng.random(rows) < expit(5.2 * confidence - 1.3)


def scored(family: Family, scores: NDArray[np.float64], deviation: float) -> ScoredArm:
    """An arm with these scores, as scoring would make it; `deviation` is what is assumed of its fits."""
    never: Any = None  # answers are simulated: nothing is built, loaded or prepared
    spec = ArmSpec(family.value, family.value, family, family.randomness, "none", {}, never, never, never)
    outcomes = Outcomes(scores, np.zeros(scores.shape[1], dtype=np.int64), deviation)
    return ScoredArm(
        spec=spec, outcomes=outcomes, answers=(), failures=0, unread=0, train_size=0,
        fit_seconds=0.0, total_seconds=0.0, milliseconds_per_item=0.0,
    )  # fmt: skip


def independent(rows: int, prior_degrees_of_freedom: float) -> Design:
    """A test file in which no row repeats another."""
    return Design(np.arange(rows), 1.0, prior_degrees_of_freedom)


def in_logits(deviation: float, accuracy: float) -> float:
    """A deviation between fits, given in accuracy."""
    return deviation / _points_per_logit(accuracy)


@cache
def centre_for(accuracy: float, deviation: float = 0.0) -> float:
    """Mean logit of an arm with this accuracy, given the deviation between its fits in logits."""
    return float(np.interp(accuracy, *_accuracies(deviation)))


@cache
def _accuracies(deviation: float) -> tuple[list[float], NDArray[np.float64]]:
    grid = np.linspace(-6, 6, 4001)
    return [_accuracy_at(centre, deviation) for centre in grid], grid


def _accuracy_at(centre: float, deviation: float = 0.0) -> float:
    """Mean over rows and fits of the chance of being right."""
    spread = np.hypot(np.hypot(DIFFICULTY, OWN), deviation)
    return float(expit(centre + spread * NODES) @ WEIGHTS / WEIGHTS.sum())


@cache
def _points_per_logit(accuracy: float) -> float:
    step, centre = 1e-3, centre_for(accuracy)
    return (_accuracy_at(centre + step) - _accuracy_at(centre - step)) / (2 * step)
