"""What the same arms did on other data sets: expected before anything is measured, and weighed against it after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.arm import ArmSpec
from evaluation.prior import ArmsPrior, GainPrior, Prior, Vector

FEWEST_DATASETS: Final = 6
"""With fewer, a spread between data sets is a guess."""
TOWARDS_INDEPENDENCE: Final = 0.2
"""How far covariances are shrunk: as many as ten of them are estimated from a dozen or two of data sets."""
TOWARDS_NO_TREND: Final = 0.3
"""Weight, in data sets, of 'rows do not matter' when the trend with rows is fitted."""
FEWEST_ROWS_PER_LABEL, MOST_ROWS_PER_LABEL = 0.5, 128.0
"""Beyond what was measured the trend is not followed."""


class Outcome(BaseModel):
    """True accuracies (0..1) of the arms on one data set: fitted on `train_size` rows, tested on very many. `runs` are
    those of single fits."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    labels: int
    train_size: int
    tested: int
    accuracies: dict[str, float]
    runs: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Experience:
    """Outcomes on data sets that are none of the user's, of arms that rest on a base model with these `weights`
    (SHA-256; empty for arms that state none)."""

    outcomes: tuple[Outcome, ...]
    weights: str = ""

    @classmethod
    def read(cls, path: Path, weights: str) -> Experience | None:
        """From a file that `benchmarks/experience.py` wrote; None where it tells of a model with other weights."""
        file = _File.model_validate_json(path.read_text(encoding="utf-8"))
        return cls(file.outcomes, weights) if file.weights == weights else None

    def without(self, dataset: str) -> Experience:
        """What the others tell: to judge a decision on that data set."""
        return Experience(tuple(one for one in self.outcomes if one.dataset != dataset), self.weights)

    @cached_property
    def datasets(self) -> int:
        return len({outcome.dataset for outcome in self.outcomes})

    def knows(self, spec: ArmSpec) -> bool:
        """Whether the arm is one of those that the outcomes are of, and not a namesake over another base model."""
        return spec.determined_by.get("weights", "") == self.weights

    def prior(self, specs: Sequence[ArmSpec], labels: int, train_size: int, otherwise: GainPrior) -> Prior:
        """For arms fitted on so many rows; `otherwise` where it knows fewer than two of them, or has outcomes of fewer
        than six data sets.

        Least squares of accuracy on the logarithm of rows per label, every data set with the same weight; the spread
        of leads is that between data sets and of the fit.
        """
        arms = [spec.name for spec in specs if self.knows(spec)]
        known = tuple(name for name in arms if all(name in outcome.accuracies for outcome in self.outcomes))
        if self.datasets < FEWEST_DATASETS or len(known) < 2:
            return otherwise
        weights = self._weights
        accuracies = np.array([[one.accuracies[name] for name in known] for one in self.outcomes])
        features = np.array([_features(one.labels, one.train_size) for one in self.outcomes])
        moments = (features.T * weights) @ features + np.diag([0.0, TOWARDS_NO_TREND])
        slopes = np.linalg.solve(moments, (features.T * weights) @ accuracies)
        residuals = accuracies - features @ slopes
        # Against an arm that has little in common with the others, shrinking would drown what these share.
        middle = min(
            range(len(known)), key=lambda arm: weights @ (residuals - residuals[:, [arm]]) ** 2 @ np.ones(len(known))
        )
        apart = residuals - residuals[:, [middle]]
        spread = (apart.T * weights) @ apart / (weights.sum() - 2)
        spread = (1 - TOWARDS_INDEPENDENCE) * spread + TOWARDS_INDEPENDENCE * np.diag(np.diag(spread))
        here = _features(labels, train_size)
        return ArmsPrior(
            arms=known,
            means=here @ (slopes - slopes[:, [middle]]),
            covariance=spread * (1 + here @ np.linalg.solve(moments, here)),
            datasets=self.datasets,
            otherwise=otherwise,
        )

    def run_deviation(self, spec: ArmSpec) -> float | None:
        """Standard deviation of an arm's accuracy between fits on the same rows, every data set with the same weight;
        None where nobody fitted it twice."""
        if not self.knows(spec):
            return None
        variances, weights = [], []
        for outcome, weight in zip(self.outcomes, self._weights, strict=True):
            runs = outcome.runs.get(spec.name, ())
            if len(runs) > 1:
                variances.append(float(np.var(runs, ddof=1)))
                weights.append(float(weight))
        return float(np.sqrt(np.average(variances, weights=weights))) if variances else None

    @cached_property
    def _weights(self) -> Vector:
        """One for each outcome; those of one data set add up to 1."""
        sizes = Counter(outcome.dataset for outcome in self.outcomes)
        return np.array([1 / sizes[outcome.dataset] for outcome in self.outcomes])


class _File(BaseModel):
    weights: str
    outcomes: tuple[Outcome, ...]


def _features(labels: int, train_size: int) -> Vector:
    """A constant, and doublings of the rows per label from eight on."""
    per_label = min(max(train_size / labels, FEWEST_ROWS_PER_LABEL), MOST_ROWS_PER_LABEL)
    return np.array([1.0, np.log2(per_label) - 3])
