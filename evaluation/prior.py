"""What is expected of the arms before they are measured here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.numbers import points, unsigned_points

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class GainPrior:
    """What published results say of a fine-tune's gain over the best cheaper arm, before any is measured; in accuracy.

    `situation` says in words which row of protocol 3.10 applies.
    """

    mean: float
    deviation: float
    situation: str

    def gain(self, tuned: str, other: str) -> GainPrior:
        """The same over every arm."""
        del tuned, other
        return self

    @property
    def text(self) -> str:
        return f"N({points(self.mean)}, {points(self.deviation)}): {self.situation}"


@dataclass(frozen=True)
class ArmsPrior:
    """Expected differences between arms, jointly normal; nothing is expected of their common level.

    `means` (arms,) and `covariance` (arms, arms) are of accuracy less that of one of the arms, whose entries are 0.
    `arms` are in order of cost.
    `otherwise` is expected of a fine-tune's gain over an arm that is not among them. Conditioning on a measurement is
    that of a multivariate normal (Gelman et al., Bayesian Data Analysis, 3rd ed., section 3.5).
    """

    arms: tuple[str, ...]
    means: Vector
    covariance: Matrix
    datasets: int
    otherwise: GainPrior

    @property
    def situation(self) -> str:
        return f"what the same arms did on {self.datasets} other data sets, with as many rows a label"

    def gain(self, tuned: str, other: str) -> GainPrior:
        """What is expected of one arm's lead over another."""
        if tuned not in self.arms or other not in self.arms:
            return self.otherwise
        one, two = self.arms.index(tuned), self.arms.index(other)
        variance = self.covariance[one, one] + self.covariance[two, two] - 2 * self.covariance[one, two]
        return GainPrior(float(self.means[one] - self.means[two]), float(np.sqrt(variance)), self.situation)

    def conditioned(self, arms: Sequence[str], measured: Vector, covariance: Matrix) -> tuple[Vector, Matrix]:
        """Means and covariance of the arms' accuracies after measuring them; arms that are not known keep theirs but
        for what they share with the others. Works for singular covariances."""
        known = [name for name in arms if name in self.arms]
        if len(known) < 2:
            return measured, covariance
        contrasts = np.zeros((len(known) - 1, len(arms)))
        places = [self.arms.index(name) for name in known]
        own = np.zeros((len(known) - 1, len(self.arms)))
        for row, name in enumerate(known[1:]):
            contrasts[row, [arms.index(name), arms.index(known[0])]] = 1, -1
            own[row, [places[row + 1], places[0]]] = 1, -1
        expected, spread = own @ self.means, own @ self.covariance @ own.T
        gain = covariance @ contrasts.T @ np.linalg.inv(contrasts @ covariance @ contrasts.T + spread)
        return measured + gain @ (expected - contrasts @ measured), covariance - gain @ contrasts @ covariance

    @property
    def text(self) -> str:
        gains = [
            f"{points(gain.mean)} over {other}, give or take {unsigned_points(gain.deviation)}"
            for other in self.arms[:-1]
            for gain in [self.gain(self.arms[-1], other)]
        ]
        return f"{self.arms[-1]}: {'; '.join(gains)}: {self.situation}"


Prior = GainPrior | ArmsPrior


def gain_prior(labels: int, train_size: int, best_cheap: float, *, form_of_answers: bool = False) -> GainPrior:
    """Protocol 3.10, deliberately wide. `form_of_answers` says that the task is to learn how answers look."""
    if form_of_answers and best_cheap < 0.70:
        return GainPrior(0.15, 0.10, "a form of answers to learn, and much room above the cheap arms")
    per_label = train_size / labels
    if labels >= 30 and per_label <= 15:
        return GainPrior(-0.10, 0.08, "many labels with few examples each")
    if labels <= 15 and 16 <= per_label <= 100 and best_cheap < 0.90:
        return GainPrior(0.03, 0.06, "few labels with 16 to 100 examples each, and room above the cheap arms")
    return GainPrior(0.0, 0.08, "no published pattern fits")
