"""What a comparison of a given size can see, and what size it would take (protocol 1.3).

Two methods answer the same examples; only those on which they disagree carry information. The part of such examples is
the discordance.
"""

from math import ceil, inf, sqrt
from statistics import NormalDist
from typing import Final

from rules.policy import Policy

SMALLEST_GAIN: Final = 1e-6
"""One right answer more in a million: no test that anybody holds could show less."""


def detectable_gain(item_variance: float, run_variance: float, alpha: float, power: float) -> float:
    """Return the smallest true difference found with the given power by a one-sided test at `alpha`.

    Variances are those of the estimated difference; 2.80 standard errors at alpha .025 and power .8.
    """
    return _reach(alpha, power) * sqrt(item_variance + run_variance)


def items_needed(
    gain: float, item_variance: float, items: int, run_variance: float, alpha: float, power: float
) -> int | None:
    """Return the rows in all at which `gain` becomes detectable with the same number of runs.

    None where runs alone stand in the way. `item_variance` is the variance that `items` rows gave; `gain` must be
    positive.
    """
    _refuse_no_gain(gain)
    left_for_items = (gain / _reach(alpha, power)) ** 2 - run_variance
    if left_for_items <= 0:
        return None
    return ceil(item_variance * items / left_for_items)


def runs_factor_needed(gain: float, run_variance: float, alpha: float, power: float) -> int:
    """Return how many times the runs it takes before rows can settle the rest: runs get half of the variance.

    `gain` must be positive.
    """
    _refuse_no_gain(gain)
    return max(1, ceil(run_variance / (0.5 * (gain / _reach(alpha, power)) ** 2)))


def gain_shown_by(items: int, policy: Policy) -> float:
    """Return the smallest gain that `items` examples can show if both methods always answered alike when run again."""
    if items == 0:
        return inf
    return detectable_gain(policy.discordance / items, 0.0, (1 - policy.confidence) / 2, policy.power)


def items_to_show(gain: float, policy: Policy) -> float:
    """Return how many examples it takes to show `gain`, a whole number; infinite for next to none."""
    if gain < SMALLEST_GAIN:
        return inf
    # A method that gains 0.4 gives another answer on at least 0.4 of the examples.
    discordance = max(policy.discordance, gain)
    risk, power = NormalDist().inv_cdf((1 + policy.confidence) / 2), NormalDist().inv_cdf(policy.power)
    spread = risk * sqrt(discordance) + power * sqrt(discordance - gain**2)
    return ceil(spread**2 / gain**2)


def _refuse_no_gain(gain: float) -> None:
    if gain <= 0:
        raise ValueError(f"No number of rows or runs shows a gain of {gain}; expected a positive one.")


def _reach(alpha: float, power: float) -> float:
    return NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(power)
