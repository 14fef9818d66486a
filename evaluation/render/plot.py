"""A forest plot: intervals on a common axis, placed in percent of its width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """One line of a forest plot; positions are percent of the plot's width."""

    label: str
    text: str
    left: float
    width: float
    centre: float
    chosen: bool


@dataclass(frozen=True)
class Plot:
    """A forest plot: marks on a common axis, with ticks and, for differences, the position of zero."""

    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float | None


def forest_plot(
    rows: Sequence[tuple[str, str, float, float, float, bool]],
    low: float,
    high: float,
    ticks: Sequence[tuple[float, str]],
    zero: float | None,
) -> Plot:
    """Each row is label, text, low end, centre, high end and whether it is the chosen one; `low` and `high` are the
    ends of the axis. All values are in its unit."""

    def position(value: float) -> float:
        return round(100 * (value - low) / (high - low), 3)

    marks = [
        Mark(label, text, position(bottom), round(position(top) - position(bottom), 3), position(centre), chosen)
        for label, text, bottom, centre, top, chosen in rows
    ]
    where = None if zero is None else position(zero)
    return Plot(tuple(marks), tuple((position(value), text) for value, text in ticks), where)


def axis_ends(lows: Sequence[float], highs: Sequence[float], *, around_zero: bool = False) -> tuple[float, float]:
    """Ends of an axis that shows all of these intervals, with some room; with `around_zero` zero as well."""
    low, high = min(lows), max(highs)
    if around_zero:
        low, high = min(low, -0.01), max(high, 0.01)
    room = 0.04 * (high - low) or 0.05
    return low - room, high + room


def round_ticks(low: float, high: float) -> list[float]:
    """Round values, four to eight of them."""
    step = next((size for size in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if (high - low) / size <= 7), 1.0)
    first = int(low / step) - 1
    return [number * step for number in range(first, first + 20) if low <= number * step <= high]
