"""Criterion 3: how often intervals hold the truth."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import stats

from benchmarks.protocol_evidence import ASSUMED, KNOWN, design_of, generator
from benchmarks.protocol_figures import Effort, Figure, Measured
from benchmarks.worlds import TRUE_DEVIATIONS, Truth, draw
from evaluation.arm import Family
from evaluation.statistics import Outcomes, estimate_difference, tango_interval

TABLES = ((0.10, 0.10), (0.06, 0.06), (0.02, 0.02), (0.12, 0.04), (0.20, 0.05))
"""Shares of rows on which only the first, only the second arm is right (protocol 1.2)."""
TOO_COARSE = (50, (0.02, 0.02))
"""Two discordant rows are expected: counts so coarse that the interval, which is the protocol's own, covers 98.6%."""


def coverage(effort: Effort) -> Measured:
    """Tango's interval summed exactly over all tables, the two-way interval by simulation; nominal 95%."""
    exact = {(rows, table): _tango_coverage(rows, *table) for rows in (20, 30, 50, 100, 200) for table in TABLES}
    cells = {_cell(*key): value for key, value in exact.items()}
    small = {_cell(*key): value for key, value in exact.items() if key[0] < 50}
    large = {name: value for name, value in cells.items() if name not in {*small, _cell(*TOO_COARSE)}}
    yield Figure("Tango, n = 20 and 30", small, "lowest 94.3", at_least=0.92)
    yield Figure("Tango, n = 50, 100, 200 but for the next line", large, "lowest 94.3", 0.97, 0.93)
    yield Figure(
        "Tango, two discordant rows expected; too wide for 97", {_cell(*TOO_COARSE): exact[TOO_COARSE]}, "", None, 0.93
    )
    times = effort.times(2000, 100)
    two_way = {
        (rows, margin, gap): _two_way_coverage(generator(3, rows, number, place), rows, gap, times)
        for number, margin in enumerate((0.03, 0.05)) for rows in (100, 200, 400, 800)
        for place, gap in enumerate((margin, 0.0, -0.03))
    }  # fmt: skip
    for assumed in ASSUMED:
        cells = {
            f"n = {n}, gap {100 * gap:.0f}, {100 * m:.0f}": shares[assumed] for (n, m, gap), shares in two_way.items()
        }
        if assumed == KNOWN:
            slack = effort.slack(0.93, times)
            yield Figure(f"rows and runs; {assumed}", cells, "93.9 to 96.1", 0.97, 0.93, slack)
        else:
            yield Figure(f"rows and runs; {assumed}", cells)


def _cell(rows: int, table: tuple[float, float]) -> str:
    return f"n = {rows}, {100 * table[0]:.0f} + {100 * table[1]:.0f}%"


def _tango_coverage(rows: int, first_only: float, second_only: float) -> float:
    """Over every table of so many rows; what is left out has less than 1e-6 in all."""
    spread = np.arange(rows + 1)
    b, c = (axis.ravel() for axis in np.meshgrid(spread, spread))
    b, c = b[b + c <= rows], c[b + c <= rows]
    chances = stats.multinomial.pmf(
        np.stack([b, c, rows - b - c], axis=1), rows, [first_only, second_only, 1 - first_only - second_only]
    )
    covered = 0.0
    for number in np.flatnonzero(chances > 1e-10).tolist():
        interval = _tango(int(b[number]), int(c[number]), rows)
        if interval[0] <= first_only - second_only <= interval[1]:
            covered += float(chances[number])
    return covered


@cache
def _tango(first_only: int, second_only: int, rows: int) -> tuple[float, float]:
    interval = tango_interval(first_only, second_only, rows, 0.95)
    return interval.low, interval.high


def _two_way_coverage(rng: np.random.Generator, rows: int, gap: float, times: int) -> dict[str, float]:
    """A fine-tune with three seeds against retrieval at 85%."""
    covered = dict.fromkeys(ASSUMED, 0)
    arms = [Truth(Family.LORA, 0.85 + gap, TRUE_DEVIATIONS[Family.LORA], 3), Truth(Family.RETRIEVAL, 0.85, 0.0, 1)]
    folds = np.zeros(rows, dtype=np.int64)
    for _ in range(times):
        tuned, cheap = draw(rng, rows, arms)
        for assumed, deviations in ASSUMED.items():
            one, other = Outcomes(tuned, folds, deviations[Family.LORA]), Outcomes(cheap, folds, 0.0)
            interval = estimate_difference(one, other, design_of(rows)).interval(0.95)
            covered[assumed] += interval.low <= gap <= interval.high
    return {assumed: count / times for assumed, count in covered.items()}
