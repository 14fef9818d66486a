"""What a comparison decided, in the form that a cell keeps as its `product`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.decision_cells import TUNED, Cell, Recorded, rounded
from evaluation.contrasts import Contrast
from evaluation.decision import Verdict
from evaluation.policy import EvaluationPolicy
from rules.power import detectable_gain


def product_of(
    verdict: Verdict,
    accuracies: Mapping[str, float],
    contrasts: Sequence[Contrast],
    fits: int,
    policy: EvaluationPolicy,
) -> Cell:
    """What the tables need of a comparison. `gain` is the fine-tune's over the best cheap arm as measured; where none
    was trained it only names that arm."""
    cheap = max((name for name in accuracies if name != TUNED), key=lambda name: accuracies[name])
    gain: dict[str, Any] = {"over": cheap}
    if TUNED in accuracies:
        contrast = contrast_between(contrasts, TUNED, cheap)
        variances = contrast.item_variance, contrast.run_variance
        shown = ("difference", "low", "high", "item_variance", "run_variance")
        gain |= {key: getattr(contrast, key) for key in shown}
        gain["shrunken"] = verdict.shrunken_gains.get(cheap)
        gain["detectable"] = detectable_gain(*variances, policy.superiority_alpha, policy.power)
    decided: Cell = rounded({
        "verdict": verdict.kind.value,
        "arm": verdict.arm,
        "measured": dict(accuracies),
        "probability_best": verdict.probability_best,
        "regret": verdict.expected_regret,
        "prior": verdict.prior,
        "gain": gain,
        "fits": fits,
    }, digits=9)  # fmt: skip
    return decided


def contrast_between(contrasts: Sequence[Contrast], first: str, second: str) -> Contrast:
    """The contrast `first - second`."""
    found = {(contrast.first, contrast.second): contrast for contrast in contrasts}
    return found[first, second] if (first, second) in found else found[second, first].reversed()


def fine_tune_fits(recorded: Recorded) -> int:
    """Of the fine-tune."""
    return sum(len(run) for run in recorded["arms"].get(TUNED, {"fit_seconds": []})["fit_seconds"])
