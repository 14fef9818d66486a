"""The null on real outcomes: one prompting method against itself, with other draws (protocol, criterion 2).

Bertsch et al. 2025 published which of 250 items each of ten draws of demonstrations got right, for five data sets, two
models and many numbers of demonstrations. Two sets of draws of the same method differ in nothing but luck.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.arm import Family
from evaluation.policy import EvaluationPolicy
from evaluation.statistics import Design, Outcomes, estimate_difference

BANDS = (10, 50, 250, 1000, 10**9)
"""Most demonstrations of each band: protocol 0."""
ITEMS = 250


class Setting(NamedTuple):
    """Ten draws of one model on one data set with one number of demonstrations, (draws, items)."""

    task: str
    demonstrations: int
    scores: NDArray[np.float64]

    @property
    def band(self) -> int:
        return next(most for most in BANDS if self.demonstrations <= most)


@pytest.fixture(scope="module")
def draws(data_folder: Path) -> list[Setting]:
    path = data_folder / "published" / "bertsch_correct.csv.gz"
    if not path.exists():
        pytest.skip(f"no {path}")
    runs: dict[tuple[str, str, int], list[list[int]]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["demos"] == "random":
                setting = (row["model"], row["task"], int(row["n_demos"]))
                runs[setting].append([int(mark) for mark in row["correct250"]])
    return [
        Setting(task, demonstrations, np.array(scores, dtype=float))
        for (_, task, demonstrations), scores in runs.items()
        if len(scores) >= 6
    ]


def rejections(settings: list[Setting], deviations: dict[tuple[str, int], float], each: int = 3) -> dict[int, float]:
    """Share of pairs of disjoint draws that "differ" at 5%, per band; `each` draws a side."""
    rng, design, folds = np.random.default_rng(1), Design(np.arange(ITEMS), 1.0, 4.0), np.zeros(ITEMS, dtype=np.int64)
    rejected: dict[int, list[bool]] = defaultdict(list)
    for setting in settings:
        deviation = deviations[setting.task, setting.band]
        for _ in range(6):
            order = rng.permutation(len(setting.scores))
            one, other = (
                Outcomes(setting.scores[chosen], folds, deviation) for chosen in (order[:each], order[each : 2 * each])
            )
            rejected[setting.band].append(estimate_difference(one, other, design).p_value() < 0.05)
    return {band: float(np.mean(each)) for band, each in rejected.items()}


def overall(settings: list[Setting], by_band: dict[int, float]) -> float:
    return float(np.mean([by_band[setting.band] for setting in settings]))


def keys(settings: list[Setting]) -> set[tuple[str, int]]:
    return {(setting.task, setting.band) for setting in settings}


def test_an_item_only_test_is_fooled(draws: list[Setting]) -> None:
    item_only = rejections(draws, dict.fromkeys(keys(draws), 0.0))
    assert overall(draws, item_only) >= 0.15


@pytest.mark.parametrize("each", [2, 3])
def test_ours_is_not_with_a_prior_from_the_other_data_sets(draws: list[Setting], each: int) -> None:
    def between(setting: Setting) -> float:
        means = setting.scores.mean(axis=1)
        return max(0.0, means.var(ddof=1) - setting.scores.var(axis=0, ddof=1).mean() / ITEMS)

    deviations = {
        (task, band): float(
            np.sqrt(np.mean([between(other) for other in draws if other.task != task and other.band == band]))
        )
        for task, band in keys(draws)
    }
    ours = rejections(draws, deviations, each)
    assert overall(draws, ours) <= 0.06, ours
    assert max(ours.values()) <= 0.08, ours


def test_ours_is_not_with_the_prior_that_is_shipped(draws: list[Setting]) -> None:
    policy = EvaluationPolicy()
    deviations = {
        (task, band): policy.run_deviation(Family.FEW_SHOT, 1000, min(band, 1000)) for task, band in keys(draws)
    }
    ours = rejections(draws, deviations)
    assert overall(draws, ours) <= 0.06, ours
    assert max(ours.values()) <= 0.08, ours
