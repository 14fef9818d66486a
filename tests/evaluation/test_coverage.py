"""How often the intervals and the whole rule are right, on worlds whose truth is known (protocol 1.2, 7.5, 7.6).

Tango's coverage and the size of the mid-p test are summed exactly over every table that can occur. The two-way
interval and the verdicts are simulated with fixed seeds; the number of repetitions, and with it the tolerance, is
smaller than the protocol's 2,000 a cell so that the file stays quick.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from evaluation.arm import Family
from evaluation.contrasts import contrast_arms
from evaluation.decision import Evidence, VerdictKind, decide
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import Beliefs
from evaluation.prior import GainPrior
from evaluation.scoring import ScoredArm
from evaluation.statistics import Design, Outcomes, estimate_difference, mcnemar_mid_p, tango_interval

TABLES = ((0.10, 0.10), (0.06, 0.06), (0.02, 0.02), (0.12, 0.04), (0.20, 0.05))
"""Shares of rows on which only the first, only the second arm is right (protocol 1.2)."""

tango = cache(tango_interval)
FOUR_UNKNOWN = Beliefs((0.0,) * 4, (0.25,) * 4, (0.0,) * 4)


def tables(n: int, p10: float, p01: float) -> list[tuple[int, int, float]]:
    """Every (b, c) of n rows with its probability; what is left out has less than 1e-6 in all."""
    spread = np.arange(n + 1)
    b, c = (axis.ravel() for axis in np.meshgrid(spread, spread))
    possible = b + c <= n
    b, c = b[possible], c[possible]
    chance = stats.multinomial.pmf(np.stack([b, c, n - b - c], axis=1), n, [p10, p01, 1 - p10 - p01])
    likely = chance > 1e-10
    return list(zip(b[likely].tolist(), c[likely].tolist(), chance[likely].tolist(), strict=True))


@pytest.mark.parametrize("n", [20, 30, 50, 100])
@pytest.mark.parametrize(("p10", "p01"), TABLES)
def test_tango_coverage(n: int, p10: float, p01: float) -> None:
    covered = 0.0
    for b, c, chance in tables(n, p10, p01):
        interval = tango(b, c, n, 0.95)
        covered += chance * (interval.low <= p10 - p01 <= interval.high)
    assert covered >= (0.92 if n < 50 else 0.93)
    # Below a handful of discordant rows the counts are too coarse to come down to 95%: wide, which is the safe side.
    if n >= 50 and n * (p10 + p01) > 5:
        assert covered <= 0.97


@pytest.mark.parametrize("n", [20, 50, 100, 400])
@pytest.mark.parametrize("discordance", [0.04, 0.12, 0.20])
def test_mid_p_size(n: int, discordance: float) -> None:
    size = sum(
        stats.binom.pmf(rows, n, discordance) * _rejected(rows)
        for rows in range(n + 1)
        if stats.binom.pmf(rows, n, discordance) > 1e-9
    )
    assert size <= 0.05


@cache
def _rejected(rows: int) -> float:
    """Mass of the tables that are rejected; the p-value rises towards the middle, so the tails are enough."""
    most = 0
    while mcnemar_mid_p(most, rows - most) < 0.05:
        most += 1
    return float(2 * stats.binom.cdf(most - 1, rows, 0.5))


DIFFICULTY, OWN = 1.6, 1.3
"""Standard deviations, in logits, of what a row does to every arm and to one arm: cross-arm correlation about .2,
agreement of two seeds about .5 (protocol 7.5)."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(81)


def accuracy_at(centre: float) -> float:
    """Mean over rows of the chance of being right."""
    return float(expit(centre + np.hypot(DIFFICULTY, OWN) * NODES) @ WEIGHTS / WEIGHTS.sum())


@cache
def centre_for(accuracy: float) -> float:
    grid = np.linspace(-6, 6, 4001)
    return float(np.interp(accuracy, [accuracy_at(x) for x in grid], grid))


@cache
def points_per_logit(accuracy: float) -> float:
    step = 1e-3
    centre = centre_for(accuracy)
    return (accuracy_at(centre + step) - accuracy_at(centre - step)) / (2 * step)


def draw(rng: np.random.Generator, n: int, arms: list[tuple[float, float, int]]) -> list[NDArray[np.float64]]:
    """Outcomes (runs, n) of arms given as (accuracy, deviation between runs, runs)."""
    difficulty = rng.normal(0, DIFFICULTY, n)
    outcomes = []
    for accuracy, deviation, runs in arms:
        own = rng.normal(0, OWN, n)
        run = rng.normal(0, deviation / points_per_logit(accuracy), (runs, 1))
        chance = expit(centre_for(accuracy) + difficulty + own + run)
        outcomes.append((rng.random((runs, n)) < chance).astype(float))
    return outcomes


@pytest.mark.parametrize("n", [50, 150, 600])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((0.86, 0.02, 3), (0.74, 0.0, 1)),
        ((0.82, 0.02, 3), (0.78, 0.03, 3)),
        ((0.82, 0.02, 3), (0.82, 0.02, 1)),
    ],
)
def test_two_way_coverage(n: int, one: tuple[float, float, int], other: tuple[float, float, int]) -> None:
    # 1,200 repetitions: a standard error of .6 points, so a true .95 stays within .93-.97.
    rng = np.random.default_rng([1, n])
    design, folds, repetitions = Design(np.arange(n), 1.0, 4.0), np.zeros(n, dtype=np.int64), 1200
    truth, covered = one[0] - other[0], 0
    for _ in range(repetitions):
        first, second = draw(rng, n, [one, other])
        estimate = estimate_difference(Outcomes(first, folds, one[1]), Outcomes(second, folds, other[1]), design)
        interval = estimate.interval(0.95)
        covered += interval.low <= truth <= interval.high
    assert 0.93 <= covered / repetitions <= 0.97


FAMILIES = (Family.ZERO_SHOT, Family.FEW_SHOT, Family.RETRIEVAL, Family.LORA)
DEVIATIONS, RUNS = (0.0, 0.03, 0.0, 0.02), (1, 3, 1, 3)


@pytest.fixture
def fine_tune_rate(
    scored: Callable[..., ScoredArm], alone: Callable[..., Design]
) -> Callable[..., tuple[float, float]]:
    """Shares of worlds in which the rule, and in which plain argmax over single runs, says fine-tune."""

    def measure(n: int, accuracies: tuple[float, ...], repetitions: int) -> tuple[float, float]:
        rng, policy, design = np.random.default_rng([2, n]), EvaluationPolicy(), alone(n)
        prior = GainPrior(0.0, 0.08, "no published pattern fits")
        worlds = list(zip(accuracies, DEVIATIONS, RUNS, strict=True))
        by_rule = by_argmax = 0
        for _ in range(repetitions):
            outcomes = draw(rng, n, worlds)
            arms = [scored(*each) for each in zip(FAMILIES, outcomes, DEVIATIONS, strict=True)]
            # Beliefs only order the provisional verdicts; these worlds ask for fine-tune or not.
            evidence = Evidence(arms, contrast_arms(arms, design, policy), FOUR_UNKNOWN, prior, n)
            by_rule += decide(evidence, policy).kind is VerdictKind.FINE_TUNE
            single = [scores[0].mean() for scores in outcomes]
            by_argmax += single[-1] > max(single[:-1])
        return by_rule / repetitions, by_argmax / repetitions

    return measure


@pytest.mark.parametrize("accuracies", [(0.70, 0.78, 0.82, 0.82), (0.82, 0.82, 0.82, 0.82)])
def test_false_fine_tune_rate(
    fine_tune_rate: Callable[..., tuple[float, float]], accuracies: tuple[float, ...]
) -> None:
    # 300 repetitions a size: a true 1.5% passes 3.2% once in fifty cells, so the sizes are held together.
    rates = {n: fine_tune_rate(n, accuracies, 300) for n in (60, 150, 300, 600)}
    assert np.mean([rule for rule, _ in rates.values()]) <= 0.025
    assert all(rule <= 0.032 for rule, _ in rates.values()), rates
    if len(set(accuracies)) > 1:  # with four equal arms a coin flip names each a quarter of the time
        assert all(argmax >= 0.30 for _, argmax in rates.values()), rates


def test_power_at_twelve_points(fine_tune_rate: Callable[..., tuple[float, float]]) -> None:
    # [.86] in the protocol; 400 repetitions have a standard error of 1.8 points.
    rule, _ = fine_tune_rate(150, (0.55, 0.65, 0.74, 0.86), 400)
    assert rule >= 0.80


def test_power_at_eight_points(fine_tune_rate: Callable[..., tuple[float, float]]) -> None:
    # [.83] in the protocol
    rule, _ = fine_tune_rate(300, (0.62, 0.70, 0.78, 0.86), 400)
    assert rule >= 0.80
