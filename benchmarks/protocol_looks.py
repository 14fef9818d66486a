"""Criterion 7: looks at the data before all of them are there, declared and not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.protocol_evidence import design_of, generator
from benchmarks.protocol_figures import Effort, Figure, Measured, column
from benchmarks.worlds import paired
from evaluation.looks import Looks, obrien_fleming, z_of
from evaluation.statistics import Outcomes, estimate_difference


def peeking(effort: Effort) -> Measured:
    """Four declared looks at paired answers. Undeclared looks every ten rows are the contrast."""
    times, fewer = effort.times(20_000, 500), effort.times(4000, 200)
    null = {f"n = {rows}": _looked(generator(7, 0, rows), rows, 0.10, times) for rows in (200, 400)}
    gain = {f"n = {rows}": _looked(generator(7, 1, rows), rows, 0.22, fewer) for rows in (200, 400)}
    what, slack = "false alarms, one-sided, four declared looks", effort.slack(0.027, times)
    yield Figure(what, column(null, "stopped"), "2.4 to 2.6", at_most=0.027, slack=slack)
    yield Figure("false alarms, looks every 10 rows, nothing declared", column(null, "peeked"), "14.2 at n = 400")
    saved = {"n = 400": gain["n = 400"]["saved"]}
    yield Figure("rows saved at a gap of 12 points", saved, "39", at_least=0.20, slack=effort.slack(0.2, fewer))
    yield Figure("the same with half the rows", {"n = 200": gain["n = 200"]["saved"]})
    yield Figure("the gap found", column(gain, "stopped"), "99 at n = 400")


def _looked(rng: np.random.Generator, rows: int, first_only: float, times: int) -> dict[str, float]:
    """Shares stopped in favour of the first arm, and rows saved; the second alone is right on a tenth of the rows."""
    looks, stopped, peeked, used = obrien_fleming(4), 0, 0, 0
    often = np.arange(20, rows + 1, 10)
    for _ in range(times):
        scores = paired(rng, rows, first_only, 0.10)
        at = _stop(scores, looks, rows)
        stopped += at is not None
        used += rows if at is None else at
        gaps = scores[0] - scores[1]
        total, squares = np.cumsum(gaps)[often - 1], np.cumsum(gaps**2)[often - 1]
        peeked += bool((total > stats.norm.ppf(0.975) * np.sqrt(np.maximum(squares - total**2 / often, 1e-9))).any())
    return {"stopped": stopped / times, "peeked": peeked / times, "saved": 1 - used / times / rows}


def _stop(scores: NDArray[np.float64], looks: Looks, rows: int) -> int | None:
    """Rows used at the look that stops."""
    z_values: list[float] = []
    for seen in looks.rows(rows):
        folds = np.zeros(seen, dtype=np.int64)
        one, other = (Outcomes(score[None, :seen], folds, 0.0) for score in scores)
        z_values.append(z_of(estimate_difference(one, other, design_of(seen))))
        if looks.stop_at(z_values):
            return seen
    return None
