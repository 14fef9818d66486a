"""Looking at a comparison before it is complete, without paying for it in false alarms (protocol 1.7).

O'Brien and Fleming 1979 (Biometrics 35:549): with K equally spaced looks the one-sided bound at look k is
C * sqrt(K / k). Early looks stop only for what is overwhelming, the last is close to that of a single look. C comes
from the recursion of Armitage, McPherson and Rowe 1969 (J R Stat Soc A 132:235), integrated numerically.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from evaluation.statistics import Estimate

ALPHA: Final = 0.025
"""One-sided; of `fine-tune is better` (protocol 7.6)."""
MOST_LOOKS: Final = 20
"""More looks save next to nothing."""
NODES: Final = 120
"""Of the Gauss-Legendre rule; twice as many change the bounds of 20 looks by less than 1e-9."""
_UNIT = np.polynomial.legendre.leggauss(NODES)
REACH: Final = 9.0
"""Standard deviations below 0 at which the integral starts; what lies beyond has less than 1e-18."""


@dataclass(frozen=True)
class Looks:
    """`fractions` of all planned rows (0..1, rising to 1) at which the result is looked at; `bounds` on z at each.

    One-sided: a z at or above its bound stops in favour of the first arm, with `ALPHA` in all. For a question with two
    sides give |z|; the level is then twice that. Looks and rows are declared before the first look. At an early stop
    the estimate is too large on average, and an interval that ignores the looks too narrow: a stop shows the sign.
    """

    fractions: tuple[float, ...]
    bounds: tuple[float, ...]

    def stop_at(self, z_values: Sequence[float]) -> int | None:
        """The first look, counted from 1, whose z reaches its bound; None if none of those taken so far does.

        Fewer values than looks are a comparison still under way. A z that is not a number never stops. Raises
        ValueError for more values than looks: an undeclared look has no bound.
        """
        if len(z_values) > len(self.bounds):
            raise ValueError(f"{len(z_values)} looks were taken; {len(self.bounds)} were declared.")
        reached = (look for look, (z, bound) in enumerate(zip(z_values, self.bounds, strict=False), 1) if z >= bound)
        return next(reached, None)

    def rows(self, total: int) -> tuple[int, ...]:
        """Rows that must be finished at each look, rounded up; the last is `total`."""
        # Fractions such as 3/10 have no exact float; without the rounding 3/10 of 10 rows would need 4.
        return tuple(math.ceil(round(fraction * total, 9)) for fraction in self.fractions)


@lru_cache(maxsize=16)
def obrien_fleming(looks: int = 4, alpha: float = ALPHA) -> Looks:
    """Equally spaced looks that cross with probability `alpha` under no difference. Four: 4.049, 2.863, 2.337, 2.024.

    One look gives the bound of a fixed number of rows. Raises ValueError outside 1..MOST_LOOKS looks or
    0 < alpha < 0.5.
    """
    if not 1 <= looks <= MOST_LOOKS:
        raise ValueError(f"{looks} looks; expected 1 to {MOST_LOOKS}.")
    if not 0 < alpha < 0.5:
        raise ValueError(f"A one-sided level of {alpha}; expected above 0 and below 0.5.")
    fractions = np.arange(1, looks + 1) / looks

    def excess(constant: float) -> float:
        return crossing_probability(fractions, constant / np.sqrt(fractions)) - alpha

    single = float(stats.norm.isf(alpha))
    # Bonferroni's bound at the last look is enough even if every look used it.
    constant = single if looks == 1 else float(optimize.brentq(excess, single, stats.norm.isf(alpha / looks)))
    return Looks(tuple(fractions.tolist()), tuple((constant / np.sqrt(fractions)).tolist()))


def crossing_probability(fractions: NDArray[np.float64], bounds: NDArray[np.float64]) -> float:
    """Chance that z reaches a bound at any look when there is no difference.

    sqrt(t) * z is Brownian motion B at time t. The density of B at a look with no bound reached before is that of the
    look before, cut off at its limit and folded with a normal step; what the step carries over the limit has crossed.
    """
    limits, times = bounds * np.sqrt(fractions), np.sqrt(fractions)
    steps = np.sqrt(np.diff(fractions, prepend=0.0))
    nodes, mass = np.zeros(1), np.ones(1)
    crossed = 0.0
    for limit, time, step in zip(limits.tolist(), times.tolist(), steps.tolist(), strict=True):
        crossed += float(mass @ special.ndtr((nodes - limit) / step))
        inside, weights = _gauss_legendre(-REACH * time, limit)
        mass = _normal_density((inside[:, None] - nodes) / step) / step @ mass * weights
        nodes = inside
    return crossed


def _gauss_legendre(low: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights of an integral from `low` to `high`."""
    half = (high - low) / 2
    return low + (_UNIT[0] + 1) * half, _UNIT[1] * half


def _normal_density(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.exp(-z * z / 2) / math.sqrt(2 * math.pi))


def z_of(estimate: Estimate) -> float:
    """The z with the same one-sided p as the estimate's t: few rows have heavier tails than the bounds allow for."""
    t = estimate.value / estimate.standard_error
    return math.copysign(float(stats.norm.isf(stats.t.sf(abs(t), estimate.degrees_of_freedom))), t)
