"""Figures over many cells, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.decision_cells import DRAW_SEED, Cell, cell_key
from benchmarks.decision_truth import (
    ADVISOR,
    ADVISORS,
    is_covered,
    margin,
    plain_regret,
    priced_regret,
    says_fine_tune,
    trained_share,
    true_gain,
)
from evaluation.statistics import wilson_interval

RESAMPLES = 10_000


def summaries_of(cells: Any) -> dict[str, Any]:
    """Over all cells and over those of each number of rows."""
    cells = sorted(cells, key=lambda cell: (cell["rows"], cell["dataset"]))
    sizes = sorted({cell["rows"] for cell in cells})
    groups = {f"{rows} rows": [cell for cell in cells if cell["rows"] == rows] for rows in sizes}
    return {name: summarise(group) for name, group in (groups | {"all": cells}).items()}


def summarise(cells: Sequence[Cell]) -> dict[str, Any]:
    """Every figure of the first table; cells that the audit forbids are counted and otherwise left out."""
    compared = [cell for cell in cells if "product" in cell]
    forbidden = [cell_key(cell["dataset"], cell["rows"]) for cell in cells if "product" not in cell]
    summary: dict[str, Any] = {"cells": len(compared), "data_sets": len({cell["dataset"] for cell in compared})}
    summary |= {"forbidden": forbidden}
    if not compared:
        return summary
    tuned = [cell for cell in compared if says_fine_tune(cell)]
    missed = [cell for cell in compared if cell not in tuned and true_gain(cell) > 2 * margin(cell)]
    measured = [cell for cell in compared if "difference" in cell["product"]["gain"]]
    trained = [cell for cell in measured if cell["product"]["fits"]]
    visible = [cell for cell in measured if true_gain(cell) > cell["product"]["gain"]["detectable"]]
    exhaustive = sum(cell["seconds"]["exhaustive"] for cell in compared)
    training = sum(cell["seconds"]["exhaustive"] * trained_share(cell) for cell in compared)
    return summary | {
        "verdicts": dict(Counter(cell["product"]["verdict"] for cell in compared)),
        "advisors": {name: _advisor(compared, choose) for name, choose in ADVISORS.items()},
        "covered": _share([is_covered(cell, truth_is_exact=True) for cell in trained]),
        "covered_but_for_the_truths_error": _share([is_covered(cell, truth_is_exact=False) for cell in trained]),
        "wrong": _share([cell in tuned and true_gain(cell) <= margin(cell) for cell in compared]),
        "missed": _share([cell in missed for cell in compared]),
        "missed_cells": {
            cell_key(cell["dataset"], cell["rows"]): {
                "true": true_gain(cell), "detectable": cell["product"]["gain"].get("detectable"),
            }
            for cell in missed
        },
        "found": _share([cell in tuned for cell in visible]),
        "true_gain": _mean(compared, true_gain),
        "believed_regret": _mean(compared, lambda cell: float(cell["product"]["regret"])),
        "training_cost": training / exhaustive,
        "seconds": {"product": sum(cell["seconds"]["product"] for cell in compared), "training": training},
    }  # fmt: skip


def _advisor(cells: Sequence[Cell], choose: Callable[[Cell], str]) -> dict[str, Any]:
    """`dearer_than_the_advisor` is the mean of paired differences in priced regret."""
    own = ADVISORS[ADVISOR]
    return {
        "priced": _regret(cells, lambda cell: priced_regret(cell, choose(cell))),
        "plain": _regret(cells, lambda cell: plain_regret(cell, choose(cell))),
        "within_a_point": _share([priced_regret(cell, choose(cell)) <= 0.01 + 1e-9 for cell in cells]),
        "dearer_than_the_advisor": _mean(
            cells, lambda cell: priced_regret(cell, choose(cell)) - priced_regret(cell, own(cell))
        ),
    }


def _regret(cells: Sequence[Cell], of: Callable[[Cell], float]) -> dict[str, Any]:
    values = [of(cell) for cell in cells]
    return _mean(cells, of) | {"percentile_90": float(np.percentile(values, 90)), "worst": max(values)}


def _mean(cells: Sequence[Cell], of: Callable[[Cell], float]) -> dict[str, float]:
    """With a 95% bootstrap interval; whole data sets are drawn, since their cells are not independent."""
    names = sorted({cell["dataset"] for cell in cells})
    sums, counts = np.zeros(len(names)), np.zeros(len(names))
    for cell in cells:
        sums[names.index(cell["dataset"])] += of(cell)
        counts[names.index(cell["dataset"])] += 1
    drawn = np.random.default_rng(DRAW_SEED).integers(0, len(names), (RESAMPLES, len(names)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
    return {"mean": float(sums.sum() / counts.sum()), "low": float(low), "high": float(high)}


def _share(hits: Sequence[bool]) -> dict[str, Any] | None:
    """With Wilson's 95% interval; None of nothing."""
    if not hits:
        return None
    interval = wilson_interval(sum(hits), len(hits), 0.95)
    return {"count": sum(hits), "of": len(hits), "low": interval.low, "high": interval.high}
