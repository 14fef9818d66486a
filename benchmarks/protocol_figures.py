"""A criterion's figures, with the limits that they are judged by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One figure in all its cells; shares and accuracies are 0..1. A cell outside the limits, widened by `slack` for
    the simulation's own error, fails the criterion; a figure without limits is told and not judged."""

    what: str
    cells: Mapping[str, float]
    reference: str = ""
    at_most: float | None = None
    at_least: float | None = None
    slack: float = 0.0

    @property
    def kept(self) -> bool | None:
        """Whether every cell keeps the limits; None without limits."""
        if self.at_most is None and self.at_least is None:
            return None
        low = -np.inf if self.at_least is None else self.at_least - self.slack
        high = np.inf if self.at_most is None else self.at_most + self.slack
        return all(bool(low <= value <= high) for value in self.cells.values())

    @property
    def asked(self) -> str:
        """The limits, in percent or points."""
        low = [] if self.at_least is None else [f"at least {100 * self.at_least:.3g}"]
        high = [] if self.at_most is None else [f"at most {100 * self.at_most:.3g}"]
        slack = f" (± {100 * self.slack:.2g})" if self.slack else ""
        return " and ".join(low + high) + slack if low + high else ""

    @property
    def measured(self) -> str:
        """Every cell, or of many the lowest and the highest."""
        values = [100 * value for value in self.cells.values()]
        digits = 2 if max(map(abs, values)) < 2 else 1
        shown, sign = (values, " / ") if len(values) <= 5 else ([min(values), max(values)], " to ")
        return sign.join(f"{value:.{digits}f}" for value in shown)

    @property
    def where(self) -> str:
        """The cells."""
        return " / ".join(self.cells) if len(self.cells) <= 5 else f"{len(self.cells)} cells"


@dataclass(frozen=True)
class Missing:
    """A part that cannot be measured here."""

    why: str


@dataclass(frozen=True)
class Effort:
    """How often is simulated."""

    quick: bool

    def times(self, full: int, quick: int) -> int:
        """Repetitions."""
        return quick if self.quick else full

    def slack(self, limit: float, times: int) -> float:
        """Two standard errors of a share that lies at its limit; nothing in the full version."""
        return two_errors(limit, times) if self.quick else 0.0


Measured = Iterator[Figure | Missing]


def two_errors(share: float, times: int) -> float:
    """Two standard errors of a share of so many repetitions."""
    return 2 * float(np.sqrt(share * (1 - share) / times))


def column(rates: Mapping[str, Mapping[str, float]], name: str) -> dict[str, float]:
    """One rate of every cell."""
    return {cell: shares[name] for cell, shares in rates.items()}
