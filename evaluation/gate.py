"""Whether a fine-tune is worth training, and after one seed whether more seeds are (protocol 4, 7.4).

Pure functions. Gains, margins and the value of knowing are in accuracy (0..1); a training's cost becomes a price in
accuracy through what a point is worth. What is weighed is the choice of an arm, not how certain its verdict sounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from evaluation.numbers import percent, points, unsigned_points
from evaluation.posterior import shrunken_gain
from evaluation.prior import GainPrior
from evaluation.statistics import Estimate

ITEM_CORRELATION: Final = 0.3
"""Of two arms on the same rows: the middle of what published raw answers show, .18 to .54 (protocol 1.2, 4)."""
ROW_SHARE: Final = 0.5
"""Of an arm's variance on a row, the part that another fit repeats: .3 to .7 on the same answers (protocol 1.2)."""
FUTILE: Final = 0.05
"""A smaller chance that a fine-tune pays ends the trainings (protocol 7.4)."""


class Step(StrEnum):
    """What to do next."""

    TRAIN = "train"
    SKIP = "skip"
    GO_ON = "go_on"
    STOP = "stop"


class Gate(BaseModel):
    """A decision with its reason. `evsi` is what the trainings are expected to add to the choice, `cost` their price;
    both in accuracy."""

    model_config = ConfigDict(frozen=True)

    decision: Step
    reason: str
    evsi: float
    cost: float


@dataclass(frozen=True)
class Stakes:
    """`margin` is the gain in accuracy from which a fine-tune pays. `cost_of_fit` is the price of one training,
    `worth_of_point` what a hundredth of accuracy is worth over the horizon; both in one currency. `exhaustive` trains
    whatever is expected."""

    margin: float
    cost_of_fit: float
    worth_of_point: float
    exhaustive: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.cost_of_fit < math.inf:
            raise ValueError(f"A training cannot cost {self.cost_of_fit}; expected 0 or more.")
        if not 0 < self.worth_of_point < math.inf:
            raise ValueError(f"A point cannot be worth {self.worth_of_point}; expected more than 0.")

    def price(self, fits: int) -> float:
        """Of so many trainings, in accuracy."""
        return 0.01 * fits * self.cost_of_fit / self.worth_of_point

    @property
    def anyway(self) -> str | None:
        """Why it is trained whatever is expected; None where that has to be weighed."""
        if self.exhaustive:
            return "everything was asked for, whatever it costs"
        return "it costs nothing" if self.cost_of_fit == 0 else None


@dataclass(frozen=True)
class Trainings:
    """How a fine-tune would be measured on `rows`: by `first` fits (one, or one a fold), then by `later` ones as well.

    `run_deviation` is the prior between fits; `inflation` widens what rows contribute when cross-fitted.
    """

    rows: int
    run_deviation: float
    first: int = 1
    later: int = 2
    inflation: float = 1.0

    def variance_of_first(self, accuracy: float) -> float:
        """Expected variance of the measured gain over an arm of this accuracy, before anything is trained."""
        return 2 * (1 - ITEM_CORRELATION) * self._of_rows(accuracy) + self.run_deviation**2 / self.first

    def variance_with_later(self, variance: float, accuracy: float) -> float:
        """What the variance of a measured gain becomes when the later fits of a fine-tune of this accuracy are averaged
        in: the rows stay, the luck of single fits on each row, and between fits, is divided among more of them."""
        luck = (1 - ROW_SHARE) * self._of_rows(accuracy) + self.run_deviation**2
        return max(0.0, variance - (1 / self.first - 1 / (self.first + self.later)) * luck)

    def _of_rows(self, accuracy: float) -> float:
        return accuracy * (1 - accuracy) * self.inflation**2 / self.rows


def unit_normal_loss(z: float) -> float:
    """Expected excess of a standard normal over `z` (protocol 4)."""
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return max(0.0, density - z * _above(z))


def value_of_knowing(mean: float, deviation: float, margin: float) -> float:
    """EVPI of a gain believed to be N(mean, deviation): what certainty would add to the choice, in accuracy."""
    if deviation == 0:
        return 0.0
    return deviation * unit_normal_loss(abs(mean - margin) / deviation)


def value_of_measuring(prior: GainPrior, variance: float, margin: float) -> float:
    """EVSI of measuring the gain once with this sampling variance; never more than the EVPI (protocol 4)."""
    narrowed = prior.deviation**2 - _posterior_variance(variance, prior)
    return value_of_knowing(prior.mean, math.sqrt(max(0.0, narrowed)), margin)


def before_training(
    accuracy: float, high: float, prior: GainPrior, trainings: Trainings, stakes: Stakes, ceiling: float = 1.0
) -> Gate:
    """Train or skip, from the best cheap arm's `accuracy` and the upper end `high` of its interval.

    `ceiling` is the highest accuracy that can be measured, such as the agreement of two annotators.
    """
    evsi = value_of_measuring(prior, trainings.variance_of_first(accuracy), stakes.margin)
    cost, room = stakes.price(trainings.first), max(0.0, ceiling - high)
    fits, pays = _count(trainings.first, "training"), f"where {unsigned_points(stakes.margin)} would pay"
    expected = f"a gain of {points(prior.mean)} is expected, give or take {unsigned_points(prior.deviation)}"
    told = f"{expected} ({prior.situation}), {pays}"
    if stakes.anyway:
        step, why = Step.TRAIN, stakes.anyway
    elif room <= stakes.margin:
        step, why = Step.SKIP, (
            f"the best cheap arm may be at {percent(high)} already, which leaves {unsigned_points(room)} "
            f"to {percent(ceiling)}, {pays}"
        )  # fmt: skip
    elif prior.mean > stakes.margin:
        step, why = Step.TRAIN, told
    elif evsi > cost:
        step, why = Step.TRAIN, f"the result {_worth(evsi, cost, fits)}: {told}"
    else:
        step, why = Step.SKIP, f"the result {_worth(evsi, cost, fits)}: {told}"
    begin = "Trained" if step is Step.TRAIN else "Not trained"
    return Gate(decision=step, reason=f"{begin}, because {why}.", evsi=evsi, cost=cost)


def after_one_seed(measured: Estimate, accuracy: float, prior: GainPrior, trainings: Trainings, stakes: Stakes) -> Gate:
    """Go on or stop, from the gain over the best cheap arm `measured` with the first fits; `accuracy` is theirs."""
    variance = measured.standard_error**2
    mean, believed = shrunken_gain(measured.value, variance, prior), _posterior_variance(variance, prior)
    later = _posterior_variance(trainings.variance_with_later(variance, accuracy), prior)
    evsi = value_of_knowing(mean, math.sqrt(max(0.0, believed - later)), stakes.margin)
    cost, chance = stakes.price(trainings.later), _chance_above(stakes.margin, mean, believed)
    told = (
        f"a fine-tune pays with a chance of {percent(chance)}, measured {points(measured.value)}, "
        f"where {unsigned_points(stakes.margin)} would pay"
    )  # fmt: skip
    first, more = _count(trainings.first, "training"), f"{trainings.later} more"
    if stakes.anyway:
        step, why = Step.GO_ON, stakes.anyway
    elif chance < FUTILE:
        step, why = Step.STOP, told
    elif evsi > cost:
        step, why = Step.GO_ON, f"the result {_worth(evsi, cost, more)}: so far {told}"
    else:
        step, why = Step.STOP, f"the result {_worth(evsi, cost, more)}: {told}"
    begin = "Trained again" if step is Step.GO_ON else f"Stopped after {first}"
    return Gate(decision=step, reason=f"{begin}, because {why}.", evsi=evsi, cost=cost)


def _posterior_variance(variance: float, prior: GainPrior) -> float:
    """Of a gain measured with this variance."""
    total = prior.deviation**2 + variance
    return prior.deviation**2 * variance / total if total > 0 else 0.0


def _chance_above(margin: float, mean: float, variance: float) -> float:
    if variance == 0:
        return float(mean > margin)
    return _above((margin - mean) / math.sqrt(variance))


def _above(z: float) -> float:
    """Chance of a standard normal above `z`."""
    return math.erfc(z / math.sqrt(2)) / 2


def _worth(evsi: float, cost: float, fits: str) -> str:
    more = "more" if evsi > cost else "not more"
    return f"is worth {_fine(evsi)} on average, {more} than the price of {fits}, {_fine(cost)}"


def _count(number: int, noun: str) -> str:
    return f"one {noun}" if number == 1 else f"{number} {noun}s"


def _fine(value: float) -> str:
    """Points with two decimals: a training is often worth less than a tenth of one."""
    return "less than 0.01 points" if 0 < value < 0.00005 else unsigned_points(value, 2)
