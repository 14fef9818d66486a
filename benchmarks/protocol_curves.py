"""Criterion 8, first part: learning curves carried on, on published curves."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.protocol_evidence import DATA, generator
from benchmarks.protocol_figures import Effort, Figure, Measured, Missing
from evaluation.curve import FARTHEST, CurvePoint, LearningCurve, OutOfReachError, fit_curve


def forecasts(effort: Effort) -> Measured:
    """Every prefix of four sizes or more, three seeds each, against the mean of all seeds at 2 and 4 times the size."""
    folder, rng, draws = DATA / "published", generator(8, 0), effort.times(20, 1)
    if not folder.is_dir():
        yield Missing("the published curves are not here")
        return
    errors: dict[tuple[str, int], list[float]] = defaultdict(list)
    held: dict[int, list[bool]] = defaultdict(list)
    refused: list[bool] = []
    for kind, curves in (("LoRA", _lora_curves(folder)), ("SetFit and full", _setfit_curves(folder))):
        for accuracies in curves * draws:
            for curve in _prefixes(accuracies, rng):
                for times in (2, 4):
                    if (size := curve.today * times) in accuracies:
                        forecast, truth = curve.forecast(size), float(np.mean(accuracies[size]))
                        errors[kind, times].append(abs(forecast.value - truth))
                        held[times].append(forecast.band.low <= truth <= forecast.band.high)
                refused += [_refuses(curve, FARTHEST + 0.01), _refuses(curve, 2 * FARTHEST)]
    for times, own, band in ((2, "2.9 / 4.0", 0.07), (4, "3.8 / 6.1", 0.10)):
        cells = {kind: float(np.mean(found)) for (kind, at), found in errors.items() if at == times}
        yield Figure(f"mean error at {times} times the rows", cells, own, 0.045 if times == 2 else None)
        missed = [error for (_, at), found in errors.items() if at == times for error in found]
        share = {
            f"± {100 * band:.0f}": float(np.mean(np.array(missed) <= band)),
            "as printed": float(np.mean(held[times])),
        }
        yield Figure(f"bands at {times} times that hold the truth", share, "90", at_least=0.85)
    yield Figure("refused beyond 4 times", {"all": float(np.mean(refused))}, at_least=1.0)


def _prefixes(accuracies: Mapping[int, Sequence[float]], rng: np.random.Generator) -> Iterator[LearningCurve]:
    """Curves of the four smallest sizes, the five smallest and so on; three of the seeds each."""
    points = [
        CurvePoint(size, tuple(rng.choice(found, 3, replace=False).tolist())) for size, found in accuracies.items()
    ]
    for sizes in range(4, len(points) + 1):
        yield fit_curve(points[:sizes], accuracy=points[sizes - 1].mean, measured_reach=0.0)


def _refuses(curve: LearningCurve, times: float) -> bool:
    try:
        curve.forecast(times * curve.today)
    except OutOfReachError:
        return True
    return False


def _lora_curves(folder: Path) -> list[dict[int, list[float]]]:
    """Llama-2-7B on five tasks, 32 to 8,192 labels."""
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in csv.DictReader((folder / "bertsch_lora.csv").open()):
        if int(row["n_shots"]) <= 8192:
            found[row["task"]][int(row["n_shots"])].append(float(row["accuracy"]))
    return [dict(sorted(curve.items())) for curve in found.values()]


def _setfit_curves(folder: Path) -> list[dict[int, list[float]]]:
    """SetFit and full fine-tunes by accuracy on 2 to 64 examples a label: 16 curves."""
    found: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in csv.DictReader((folder / "setfit_scores.csv").open()):
        if row["measure"] == "accuracy":
            found[row["method"], row["dataset"]][int(row["n_per_class"])].append(float(row["score"]) / 100)
    whole = (curve for curve in found.values() if set(curve) == {2, 4, 8, 16, 32, 64})
    return [dict(sorted(curve.items())) for curve in whole]
