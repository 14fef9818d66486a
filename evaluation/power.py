"""What a comparison of a given size can see, and what size it would take (protocol 1.3)."""

from __future__ import annotations

import math
from statistics import NormalDist


def detectable_gain(item_variance: float, run_variance: float, alpha: float, power: float) -> float:
    """The smallest true difference found with the given power by a one-sided test at `alpha`.

    Variances are those of the estimated difference; 2.80 standard errors at alpha .025 and power .8.
    """
    return _reach(alpha, power) * math.sqrt(item_variance + run_variance)


def items_needed(
    gain: float, item_variance: float, items: int, run_variance: float, alpha: float, power: float
) -> int | None:
    """Rows in all at which `gain` becomes detectable with the same number of runs; None where runs alone stand in
    the way. `item_variance` is the variance that `items` rows gave; `gain` must be positive."""
    _refuse_no_gain(gain)
    left_for_items = (gain / _reach(alpha, power)) ** 2 - run_variance
    if left_for_items <= 0:
        return None
    return math.ceil(item_variance * items / left_for_items)


def runs_factor_needed(gain: float, run_variance: float, alpha: float, power: float) -> int:
    """How many times the runs it takes before rows can settle the rest: the run part gets half of the variance.
    `gain` must be positive."""
    _refuse_no_gain(gain)
    return max(1, math.ceil(run_variance / (0.5 * (gain / _reach(alpha, power)) ** 2)))


def _refuse_no_gain(gain: float) -> None:
    if gain <= 0:
        raise ValueError(f"No number of rows or runs shows a gain of {gain}; expected a positive one.")


def _reach(alpha: float, power: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha) + normal.inv_cdf(power)
