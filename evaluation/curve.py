"""How accuracy grows with the rows an arm learns from, and when a fine-tune overtakes (protocol 2, 7.7).

Sizes are training rows, accuracies 0..1. Nothing is foretold beyond four times the rows there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from evaluation.numbers import unsigned_points
from evaluation.statistics import Interval

Values = NDArray[np.float64]
Shape = Callable[[Values, Values], Values]

FEWEST_SIZES = 4
FARTHEST = 4.0
"""Times the largest size. Beyond, the published few-shot curves are missed by up to 20 points (protocol 2)."""
BAND_CONFIDENCE = 0.90
REACHES = ((1.0, 0.0), (2.0, 0.07), (4.0, 0.10))
"""Half of the 90% band of one curve at so many times its largest size (protocol 2): the extrapolation's part alone,
because the published curves and their ends were measured on the same test rows."""
STEEPEST = 5.0
"""Largest exponent and logistic slope: accuracy all but jumps from one size to its double."""
FLATTEST = 12.0
"""Largest logit; accuracies of all ones or zeros have none of their own."""
STEPS = 400
"""Sizes tried between the rows there are and four times as many: less than half a percent apart."""
NOISE = 1e-4
"""A lead's excess over the gain that is no more than the rounding of two fits."""


class OutOfReachError(ValueError):
    """The curve says nothing about this size."""


@dataclass(frozen=True)
class CurvePoint:
    """The accuracies of an arm's fits on `train_size` rows, one a run or draw, all on the same test rows."""

    train_size: int
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))


@dataclass(frozen=True)
class Form:
    """A fitted shape, a function of log(size / smallest size) and the parameters."""

    name: str
    shape: Shape
    parameters: tuple[float, ...]
    smallest: int

    def at(self, sizes: Values) -> Values:
        """Accuracies within 0..1."""
        return np.clip(self.shape(np.log(sizes / self.smallest), np.array(self.parameters)), 0.0, 1.0)


@dataclass(frozen=True)
class Forecast:
    """Accuracy at a size and its 90% band, both within 0..1."""

    value: float
    band: Interval


@dataclass(frozen=True)
class LearningCurve:
    """An arm's points and the forms fitted to their means; neither, for an arm that more rows do not change.

    `today` is the largest size; `accuracy` and `measured_reach`, half of its 90% interval, are the comparison's there.
    """

    points: tuple[CurvePoint, ...]
    forms: tuple[Form, ...]
    today: int
    accuracy: float
    measured_reach: float

    def accuracies(self, sizes: Values) -> Values:
        """The median of the forms, moved to pass through today's accuracy.

        So the points may come from a part of the test rows, and curve and table of arms tell one story. On the
        published curves it also takes the mean error at twice the rows from 3.3 to 2.5 points. Raises
        `OutOfReachError` for a size below the smallest measured or beyond `FARTHEST` times today's.
        """
        smallest = self.points[0].train_size if self.points else self.today
        if sizes.min() < smallest or sizes.max() > FARTHEST * self.today:
            raise OutOfReachError(
                f"The curve was measured from {smallest:,} to {self.today:,} training rows; it says nothing below, and "
                f"nothing beyond {FARTHEST * self.today:,.0f}."
            )
        if not self.forms:
            return np.full(len(sizes), self.accuracy)
        moved = self.accuracy - self._median(np.array([self.today], dtype=float))
        return np.clip(self._median(sizes) + moved, 0.0, 1.0)

    def forecast(self, size: float) -> Forecast:
        """Accuracy with `size` rows; raises `OutOfReachError` as `accuracies` does.

        Half of the band is the root of the sum of two squares: what the measurement leaves open, which no number of
        training rows makes smaller, and what the extrapolation does, nothing up to today's size. Their maximum is not
        enough: tried as told in `curve_sizes`, 200 rows, it holds 80 to 85% at twice the rows, the root 93%.
        """
        sizes = np.array([size], dtype=float)
        value = float(self.accuracies(sizes)[0])
        reach = math.hypot(self.measured_reach, float(self.extrapolation(sizes)[0]))
        return Forecast(value, Interval(max(0.0, value - reach), min(1.0, value + reach)))

    def extrapolation(self, sizes: Values) -> Values:
        """The extrapolation's half of the band: straight in log size between the published reaches.

        A measured point that the forms miss by more than the reach at a knot takes its place: the curve is then
        rougher than the published ones. 0 for an arm that does not learn.
        """
        if not self.forms:
            return np.zeros(len(sizes))
        times, reaches = np.array(REACHES).T
        widened = np.where(times > 1, np.maximum(reaches, self._worst_miss), reaches)
        return np.asarray(np.interp(np.log(sizes / self.today), np.log(times), widened))

    @cached_property
    def _worst_miss(self) -> float:
        fitted = self._median(np.array([point.train_size for point in self.points], dtype=float))
        return float(np.abs(fitted - [point.mean for point in self.points]).max())

    def _median(self, sizes: Values) -> Values:
        return np.asarray(np.median([form.at(sizes) for form in self.forms], axis=0))


def fit_curve(points: Sequence[CurvePoint], accuracy: float, measured_reach: float) -> LearningCurve:
    """The curve of an arm that learns from rows, fitted to the means of four sizes or more, each counting alike.

    `accuracy` and `measured_reach` are the comparison's at the last size; the points may rest on fewer test rows and
    fits. Raises ValueError for fewer sizes, sizes that do not rise and accuracies that cannot be.
    """
    sizes = [point.train_size for point in points]
    if len(sizes) < FEWEST_SIZES:
        raise ValueError(f"A learning curve needs {FEWEST_SIZES} training sizes or more, not {len(sizes)}.")
    if sizes[0] < 1 or any(larger <= smaller for smaller, larger in pairwise(sizes)):
        raise ValueError(f"The training sizes of a learning curve must rise from 1 or more: {sizes}.")
    for point in points:
        if not point.accuracies or not all(0 <= share <= 1 for share in (*point.accuracies, accuracy)):
            raise ValueError(f"There must be accuracies at {point.train_size:,} rows, all within 0..1.")
    forms = fit_forms(sizes, [point.mean for point in points])
    return LearningCurve(tuple(points), forms, sizes[-1], accuracy, measured_reach)


def level_curve(today: int, accuracy: float, measured_reach: float) -> LearningCurve:
    """The curve of an arm that more rows do not change, such as zero-shot: its accuracy and interval everywhere."""
    return LearningCurve((), (), today, accuracy, measured_reach)


def fit_forms(sizes: Sequence[int], accuracies: Sequence[float]) -> tuple[Form, ...]:
    """The four forms by least squares: deterministic, and none falls with more rows.

    With m = size / smallest size: pow3 is a - b m^-c, pow2 is 1 - b m^-c, logit-linear is the logistic function of
    a + b log m, log-linear is a + b log m. Accuracies that are level or fall give forms level at their mean: a fall is
    noise in all but rare cases.
    """
    t, y = np.log(np.array(sizes, dtype=float) / sizes[0]), np.array(accuracies, dtype=float)
    first, ceiling = float(y[0]), float(y.max()) + 0.05
    logit = float(special.logit(np.clip(first, 0.02, 0.98)))
    starts_and_bounds: tuple[tuple[str, Shape, list[float], list[float], list[float]], ...] = (
        ("pow3", _pow3, [ceiling, ceiling - first, 0.5], [0, 0, 0], [1, 1, STEEPEST]),
        ("pow2", _pow2, [1 - first, 0.3], [0, 0], [1, STEEPEST]),
        ("logit-linear", _logit_linear, [logit, 0.3], [-FLATTEST, 0], [FLATTEST, STEEPEST]),
        ("log-linear", _log_linear, [first, 0.1], [0, 0], [1, 1]),
    )
    return tuple(
        Form(name, shape, _least_squares(shape, t, y, start, low, high), sizes[0])
        for name, shape, start, low, high in starts_and_bounds
    )


def _pow3(t: Values, p: Values) -> Values:
    return np.asarray(p[0] - p[1] * np.exp(-p[2] * t))


def _pow2(t: Values, p: Values) -> Values:
    return np.asarray(1 - p[0] * np.exp(-p[1] * t))


def _logit_linear(t: Values, p: Values) -> Values:
    return np.asarray(special.expit(p[0] + p[1] * t))


def _log_linear(t: Values, p: Values) -> Values:
    return np.asarray(p[0] + p[1] * t)


def _least_squares(
    shape: Shape, t: Values, y: Values, start: list[float], low: list[float], high: list[float]
) -> tuple[float, ...]:
    """Parameters within bounds; the start is moved inside them, where the solver wants it."""
    room = 0.01 * (np.array(high) - np.array(low))
    inside = np.clip(start, np.array(low) + room, np.array(high) - room)
    solved = optimize.least_squares(lambda p: shape(t, p) - y, inside, bounds=(low, high), method="dogbox")
    return tuple(solved.x.tolist())


class CrossingKind(StrEnum):
    """What can be said of the size at which a fine-tune leads by the gain."""

    ALREADY = "already"
    """It leads by more with the rows there are."""
    WITHIN = "within"
    """The curves say at how many rows."""
    NOT_ESTIMABLE = "not_estimable"
    """Beyond four times the rows, where the curves say nothing; the band would still allow it before."""
    NOT_WITHIN = "not_within"
    """Even the favourable edge of the band does not reach it within four times the rows."""


@dataclass(frozen=True)
class Crossing:
    """The smallest size, `today` or more, at which the fine-tune leads by more than `gain`.

    `rows` is by the curves themselves, `earliest` and `latest` by the favourable and the unfavourable edge of the 90%
    band; None stands for none within four times today's rows. `lead` is the lead today, negative when behind.
    """

    kind: CrossingKind
    gain: float
    today: int
    lead: float
    earliest: int | None
    rows: int | None
    latest: int | None


def labels_needed(
    fine_tune: LearningCurve, other: LearningCurve, gain: float, measured_reach: float | None = None
) -> Crossing:
    """When a fine-tune leads another arm, which learns from the same rows too, by more than `gain`, 0 or more.

    `measured_reach` is half of the 90% interval of the paired difference today; without it the two arms are taken as
    if measured on different rows, which is wider. Half of the lead's band is the root of the sum of its square and of
    the squares of both curves' extrapolations, taken as independent: on the 16 published few-shot curves, two by two
    on each of 4 tasks, such bands hold 96% of the leads at twice the rows and 83% at four times (with one curve's
    reach, 85% and 83%). The lead foretold is there no nearer to the truth than today's: trust the interval, not its
    middle. Raises ValueError for curves that end at different sizes and for a negative gain.
    """
    if fine_tune.today != other.today or gain < 0:
        raise ValueError(f"Curves that end at {fine_tune.today:,} and {other.today:,} rows, a gain of {gain}.")
    today = fine_tune.today
    sizes = np.append(np.geomspace(today, FARTHEST * today, STEPS)[:-1], FARTHEST * today)
    lead = fine_tune.accuracies(sizes) - other.accuracies(sizes)
    measured = math.hypot(fine_tune.measured_reach, other.measured_reach) if measured_reach is None else measured_reach
    reach = np.sqrt(measured**2 + fine_tune.extrapolation(sizes) ** 2 + other.extrapolation(sizes) ** 2)
    earliest, rows, latest = (_first(sizes, edge > gain + NOISE) for edge in (lead + reach, lead, lead - reach))
    if rows is not None:
        kind = CrossingKind.ALREADY if rows == today else CrossingKind.WITHIN
    else:
        kind = CrossingKind.NOT_WITHIN if earliest is None else CrossingKind.NOT_ESTIMABLE
    return Crossing(kind, gain, today, float(lead[0]), earliest, rows, latest)


def _first(sizes: Values, reached: NDArray[np.bool_]) -> int | None:
    return math.ceil(sizes[int(reached.argmax())]) if reached.any() else None


def curve_text(crossing: Crossing, fine_tune: str, other: str) -> str:
    """One sentence; the arms by their titles."""
    size = unsigned_points(crossing.lead)
    side = f"{size} {'ahead of' if crossing.lead > 0 else 'behind'}" if size != unsigned_points(0) else "level with"
    now = f"Learning from {crossing.today:,} rows, {fine_tune} is {side} {other}"
    wanted = f"a lead of {unsigned_points(crossing.gain)}" if crossing.gain > 0 else "a lead"
    limit = f"{FARTHEST * crossing.today:,.0f}"
    match crossing.kind:
        case CrossingKind.ALREADY:
            than = f", more than the {unsigned_points(crossing.gain)} wanted" if crossing.gain > 0 else ""
            settled = "even" if crossing.latest == crossing.today else "though not"
            return f"{now} already{than}, {settled} at the lower edge of the 90% band."
        case CrossingKind.WITHIN:
            earliest, open_end = _about(crossing.earliest), f"beyond {limit} nothing is foretold"
            band = f"{earliest} to {_about(crossing.latest)}" if crossing.latest else f"at least {earliest}; {open_end}"
            return f"{now}; {wanted} comes at about {_about(crossing.rows)} ({band})."
        case CrossingKind.NOT_ESTIMABLE:
            return f"{now}; {wanted} takes more than four times as many ({limit}): not estimable."
        case CrossingKind.NOT_WITHIN:
            return f"{now}; {wanted} does not come within four times as many ({limit}), even at the band's upper edge."


def _about(rows: int | None) -> str:
    """Two digits: 1,234 -> '1,200'."""
    return "?" if rows is None else f"{round(rows, 2 - len(str(rows))):,}"
