"""Criterion 2: a prompting method against itself, on published outcomes."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocol_evidence import DATA, POLICY, design_of, generator
from benchmarks.protocol_figures import Effort, Figure, Measured, Missing
from evaluation.arm import Family
from evaluation.statistics import Outcomes, estimate_difference

BANDS = {10: "up to 10", 50: "20 to 50", 250: "75 to 250", 1000: "500 to 1000", 10**9: "more"}
"""Demonstrations, by the most of each band (protocol 0)."""


class Setting(NamedTuple):
    """Ten draws of demonstrations of one model on one data set, scores (draws, rows)."""

    task: str
    band: int
    scores: NDArray[np.float64]

    def between(self) -> float:
        """Variance between draws, less what the rows explain."""
        rows = self.scores.shape[1]
        return max(0.0, float(self.scores.mean(1).var(ddof=1) - self.scores.var(axis=0, ddof=1).mean() / rows))


def real_null(effort: Effort) -> Measured:
    """One prompting method against itself with other draws: whatever differs is luck."""
    path = DATA / "published" / "bertsch_correct.csv.gz"
    if not path.exists():
        yield Missing("the published outcomes are not here")
        return
    settings, splits = _settings(path), effort.times(60, 4)
    others = {(each.task, each.band): _from_other_tasks(each, settings) for each in settings}
    shipped = {key: POLICY.run_deviation(Family.FEW_SHOT, 1000, min(key[1], 1000)) for key in others}
    for draws, own, worst in ((2, "4.5", "7.2"), (3, "4.5", "7.2"), (1, "6.2", "")):
        rates = _rejections(settings, others, draws, splits)
        all_of, judged = {f"{draws} a side": _overall(settings, rates)}, draws > 1
        what, slack = "'differ' at 5%, prior from the other data sets", effort.slack(0.06, splits * len(settings))
        yield Figure(what, all_of, own, 0.06 if judged else None, slack=slack if judged else 0.0)
        if judged:
            slack = effort.slack(0.08, splits * len(settings) // len(BANDS))
            yield Figure(
                f"the same by demonstrations, {draws} draws a side", _named(rates), f"worst {worst}", 0.08, slack=slack
            )
    rates = _rejections(settings, shipped, 3, splits)
    yield Figure("'differ' at 5%, shipped prior", {"3 a side": _overall(settings, rates)})
    rates = _rejections(settings, dict.fromkeys(others, 0.0), 3, splits)
    yield Figure("'differ' at 5%, rows alone", {"3 a side": _overall(settings, rates)}, "19 to 48", at_least=0.15)


def _settings(path: Path) -> list[Setting]:
    runs: dict[tuple[str, str, int], list[list[int]]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["demos"] == "random":
                runs[row["model"], row["task"], int(row["n_demos"])].append([int(mark) for mark in row["correct250"]])
    return [
        Setting(task, next(most for most in BANDS if demonstrations <= most), np.array(scores, dtype=float))
        for (_, task, demonstrations), scores in runs.items() if len(scores) >= 6
    ]  # fmt: skip


def _from_other_tasks(one: Setting, settings: Sequence[Setting]) -> float:
    others = [each.between() for each in settings if each.task != one.task and each.band == one.band]
    return float(np.sqrt(np.mean(others)))


def _rejections(
    settings: Sequence[Setting], deviations: Mapping[tuple[str, int], float], draws: int, splits: int
) -> dict[int, float]:
    """Share of pairs of disjoint draws that differ at 5%, by band; `draws` on each side."""
    rng, rejected = generator(2, draws), defaultdict(list)
    for setting in settings:
        design, folds = design_of(setting.scores.shape[1]), np.zeros(setting.scores.shape[1], dtype=np.int64)
        for _ in range(splits):
            order = rng.permutation(len(setting.scores))
            one, other = (
                Outcomes(setting.scores[chosen], folds, deviations[setting.task, setting.band])
                for chosen in (order[:draws], order[draws : 2 * draws])
            )
            rejected[setting.band].append(estimate_difference(one, other, design).p_value() < 0.05)
    return {band: float(np.mean(each)) for band, each in rejected.items()}


def _overall(settings: Sequence[Setting], rates: Mapping[int, float]) -> float:
    return float(np.mean([rates[setting.band] for setting in settings]))


def _named(rates: Mapping[int, float]) -> dict[str, float]:
    return {name: rates[band] for band, name in BANDS.items() if band in rates}
