"""What the criteria share: their data and seed, what is assumed of fits, and simulated scores as the rule sees them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.worlds import FAMILIES, TRUE_DEVIATIONS, UNKNOWN, independent, scored
from evaluation.arm import Family
from evaluation.contrasts import contrast_arms
from evaluation.decision import Evidence
from evaluation.policy import EvaluationPolicy
from evaluation.prior import gain_prior
from evaluation.scoring import ScoredArm
from evaluation.statistics import Design

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("ADVISOR_DATA") or ROOT.parent / "shared" / "data")
SEED, POLICY = 20261120, EvaluationPolicy()
Deviations = Mapping[Family, float]
KNOWN, SHIPPED = "true deviations known", "shipped priors"
ASSUMED: dict[str, Deviations] = {
    KNOWN: TRUE_DEVIATIONS,
    SHIPPED: {family: POLICY.run_deviation(family, 300, 32) for family in TRUE_DEVIATIONS},
}
"""What the rule assumes of an arm's fits. The protocol's simulations tell it the truth (3 points between draws, 2
between seeds); by itself it assumes 4 and 4.2 with 32 demonstrations and 300 training rows, until fits show less."""
NO_PATTERN = gain_prior(labels=20, train_size=300, best_cheap=0.8)


def generator(*numbers: int) -> np.random.Generator:
    """Of its own for every use; the numbers begin with the criterion's."""
    return np.random.default_rng([SEED, *numbers])


def scored_arms(scores: Sequence[NDArray[np.float64]], deviations: Deviations) -> list[ScoredArm]:
    """Arms in the order of FAMILIES with these scores, each (runs, rows)."""
    families = zip(FAMILIES, scores, strict=False)
    return [scored(family, score, deviations.get(family, 0.0)) for family, score in families]


def weigh(scores: Sequence[NDArray[np.float64]], deviations: Deviations, policy: EvaluationPolicy) -> Evidence:
    """What the rule decides by; beliefs and prior know nothing."""
    arms, rows = scored_arms(scores, deviations), scores[0].shape[1]
    return Evidence(arms, contrast_arms(arms, design_of(rows), policy), UNKNOWN, NO_PATTERN, rows)


@cache
def design_of(rows: int) -> Design:
    """So many rows, none of which repeats another."""
    return independent(rows, POLICY.prior_degrees_of_freedom)
