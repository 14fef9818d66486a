"""How small a gain a number of test examples can show (protocol 1.3).

Two methods answer the same examples; only those on which they disagree carry information. The part of such
examples is the discordance.
"""

from math import ceil, inf, sqrt
from statistics import NormalDist
from typing import Final

from rules.policy import Policy

SMALLEST_GAIN: Final = 1e-6
"""One right answer more in a million: no test that anybody holds could show less."""


def detectable_gain(items: int, policy: Policy) -> float:
    """Return the smallest gain that `items` examples find with the policy's risk and power."""
    if items == 0:
        return inf
    return (_risk(policy) + _power(policy)) * sqrt(policy.discordance / items)


def items_needed(gain: float, policy: Policy) -> float:
    """Return how many examples it takes to find `gain`, a whole number; infinite for next to none."""
    if gain < SMALLEST_GAIN:
        return inf
    # A method that gains 0.4 gives another answer on at least 0.4 of the examples.
    discordance = max(policy.discordance, gain)
    spread = _risk(policy) * sqrt(discordance) + _power(policy) * sqrt(discordance - gain**2)
    return ceil(spread**2 / gain**2)


def _risk(policy: Policy) -> float:
    return NormalDist().inv_cdf(1 - policy.significance / 2)


def _power(policy: Policy) -> float:
    return NormalDist().inv_cdf(policy.power)
