"""Criterion 8, second part: routing by confidence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocol_evidence import design_of, generator
from benchmarks.protocol_figures import Effort, Figure, Measured
from benchmarks.worlds import confident
from evaluation.routing import Marked, Routing, find_routing


def routed_answers(effort: Effort) -> Measured:
    """Answers that go out by themselves, at most one in ten of them wrong; the arm as a whole is wrong in 14%."""
    times, target = effort.times(2000, 120), 0.10
    confidence, right = confident(generator(8, 1), 1_000_000)
    order = np.argsort(confidence)
    ranked, wrong_above = confidence[order], np.cumsum(~right[order][::-1])[::-1]
    violated, share, naive = {}, {}, {}
    for rows in (100, 200, 500, 1000):
        rng, bad, routed, fooled = generator(8, 1, rows), 0, 0.0, 0
        for _ in range(times):
            marked = Marked.of(*(each.tolist() for each in confident(rng, rows)))
            found = find_routing(marked, design_of(rows), target)
            fooled += _true_error(_largest_share(marked, target), ranked, wrong_above) > target
            if isinstance(found, Routing):
                threshold = -1.0 if found.threshold is None else found.threshold
                bad += _true_error(threshold, ranked, wrong_above) > target
                routed += float((ranked > threshold).mean())
        cell = f"n = {rows}"
        violated[cell], share[cell], naive[cell] = bad / times, routed / times, fooled / times
    yield Figure("routing breaks its target", violated, "at most 1.2", at_most=0.05, slack=effort.slack(0.05, times))
    yield Figure("answers routed", share, "18 / 28 / 70 / 78")
    yield Figure("largest share with so few errors seen: breaks it", naive, "21 to 31")


def _largest_share(marked: Marked, target: float) -> float:
    """The threshold of the largest tenth of the rows whose errors seen keep the target; 1 if none does."""
    order = np.argsort(-marked.confidence)
    for tenths in range(10, 2, -1):
        rows = len(order) * tenths // 10
        if (~marked.right[order[:rows]]).mean() <= target:
            return float(marked.confidence[order[rows - 1]]) - 1e-12
    return 1.0


def _true_error(threshold: float, ranked: NDArray[np.float64], wrong_above: NDArray[Any]) -> float:
    """Of answers more confident than the threshold, in a million."""
    first = int(np.searchsorted(ranked, threshold, side="right"))
    return float(wrong_above[first] / (len(ranked) - first)) if first < len(ranked) else 0.0
